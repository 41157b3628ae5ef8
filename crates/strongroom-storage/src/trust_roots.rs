//! Trust roots, and the signatures under them, handed out through a store: each file under the digest of
//! its bytes, written if nothing is there, and read back.

use bytes::Bytes;
use strongroom_core::Sha256Digest;

use crate::{CreateOptions, ObjectKey, Storage, StorageError, StorageErrorKind};

/// A small file in a store, as it was read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The whole key, prefix included.
    pub key: String,
    /// The version that was read back, where the store has versions.
    pub version_id: Option<String>,
    /// Whether the same bytes were there.
    pub already_there: bool,
}

/// Keeps `bytes` under `key`, and reads them back. `AlreadyExists` where something else is there,
/// `Integrity` where other bytes come back than went in.
pub async fn keep(
    store: &dyn Storage,
    key: &ObjectKey,
    bytes: Bytes,
    content_type: &'static str,
) -> Result<Kept, StorageError> {
    let digest = Sha256Digest::of(&bytes);
    let bytes_max = bytes.len() as u64;
    let options = CreateOptions { content_type: Some(content_type), ..CreateOptions::default() };
    let (version, already_there) = match store.create(key, bytes.into(), &options).await {
        Ok(created) => (created.version, false),
        Err(error) if error.kind() == StorageErrorKind::AlreadyExists => (None, true),
        Err(error) => return Err(error),
    };
    let differs = |source: Option<StorageError>| {
        let (kind, message) = match already_there {
            true => {
                (StorageErrorKind::AlreadyExists, "something else is under its key in the store")
            }
            false => (StorageErrorKind::Integrity, "the store gave back other bytes than it took"),
        };
        let error = StorageError::new(kind, message);
        match source {
            Some(source) => error.with_source(source),
            None => error,
        }
    };
    let object = store.read(key, version.as_ref(), None).await?;
    let read_version = object.info.version.clone();
    let read = match object.collect(bytes_max).await {
        Ok(read) => read,
        Err(error) if error.kind() == StorageErrorKind::Limit => return Err(differs(Some(error))),
        Err(error) => return Err(error),
    };
    if Sha256Digest::of(&read) != digest {
        return Err(differs(None));
    }
    let version_id = version.or(read_version).map(|version| version.0);
    Ok(Kept { key: store.whole_key(key), version_id, already_there })
}
