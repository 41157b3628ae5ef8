//! What is kept beside an object: metadata, lock, digest and size, as JSON under the same names in
//! a tree of its own (`.strongroom/sidecars/`), so that it is never listed as an object.

use std::collections::BTreeMap;
use std::io;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strongroom_core::retention::Lock;
use strongroom_core::{Sha256Digest, limits};

use super::disk::{Disk, Folder};
use super::failure::{failed, is_absent};
use crate::{StorageError, StorageErrorKind};

/// The schema of a sidecar.
pub(super) const SIDECAR_SCHEMA: &str = "strongroom.file-sidecar/v1";

/// What is kept beside an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sidecar {
    pub(super) schema: String,
    /// The object's key, for people: nothing is decided by it.
    pub(super) key: String,
    pub(super) size_bytes: u64,
    /// Digest of the bytes as they came in; absent for a file that somebody else put there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) sha256: Option<Sha256Digest>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) content_type: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) lock: Lock,
    pub(super) stored_at: Timestamp,
}

/// The schema alone, which is read first.
#[derive(Deserialize)]
struct Versioned {
    schema: String,
}

impl Sidecar {
    /// The sidecar as bytes.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, StorageError> {
        let bytes = serde_json::to_vec(self).map_err(|broken| {
            StorageError::new(StorageErrorKind::Malformed, "the sidecar cannot be written")
                .with_source(broken)
        })?;
        if bytes.len() as u64 > limits::RECORD_BYTES_MAX {
            return Err(StorageError::new(
                StorageErrorKind::Limit,
                format!(
                    "metadata is longer than the limit RECORD_BYTES_MAX ({})",
                    limits::RECORD_BYTES_MAX
                ),
            ));
        }
        Ok(bytes)
    }

    /// The sidecar named `name` in `folder`; `None` where there is none.
    pub(super) fn read(
        disk: &Disk,
        folder: &Folder,
        name: &str,
    ) -> Result<Option<Self>, StorageError> {
        let bytes = match Self::read_bytes(disk, folder, name) {
            Err(cause) if is_absent(&cause) => return Ok(None),
            read => read.map_err(|cause| failed("reading a sidecar", cause))?,
        };
        Self::parse(&bytes).map(Some)
    }

    fn read_bytes(disk: &Disk, folder: &Folder, name: &str) -> io::Result<Vec<u8>> {
        let file = disk.open_file(folder, name)?;
        // One byte more than allowed, so that what is too long does not parse.
        disk.read(&file, 0, limits::RECORD_BYTES_MAX as usize + 1)
    }

    fn parse(bytes: &[u8]) -> Result<Self, StorageError> {
        let malformed = |cause| {
            StorageError::new(StorageErrorKind::Malformed, "a sidecar cannot be understood")
                .with_guidance("the object itself is untouched; its metadata and lock are unknown")
                .with_source(cause)
        };
        let versioned: Versioned = serde_json::from_slice(bytes).map_err(malformed)?;
        if versioned.schema != SIDECAR_SCHEMA {
            return Err(StorageError::new(
                StorageErrorKind::Malformed,
                format!("a sidecar has another schema than {SIDECAR_SCHEMA}"),
            )
            .with_guidance("a newer version may have written it"));
        }
        serde_json::from_slice(bytes).map_err(malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sidecar_reads_back_and_ignores_fields_it_does_not_know() {
        let text = format!(
            r#"{{"schema":"{SIDECAR_SCHEMA}","key":"a","size_bytes":1,"new":true,
                "lock":{{"retention":null,"legal_hold":true}},"stored_at":"2026-01-01T00:00:00Z"}}"#
        );
        let sidecar = Sidecar::parse(text.as_bytes()).expect("a sidecar");
        assert!(sidecar.lock.legal_hold);
        let bytes = sidecar.to_bytes().expect("bytes");
        assert_eq!(Sidecar::parse(&bytes).expect("a sidecar"), sidecar);
    }

    #[test]
    fn an_unknown_version_is_refused() {
        let text = r#"{"schema":"strongroom.file-sidecar/v9"}"#;
        let refused = Sidecar::parse(text.as_bytes()).expect_err("unknown");
        assert_eq!(refused.kind(), StorageErrorKind::Malformed);
    }
}
