//! Which objects, and which of their versions, hold the files of a directory: by reading them.

use bytes::Bytes;
use strongroom_core::bundle::cavra::{CavraFile, CavraManifest, MANIFEST};
use strongroom_core::bundle::{BundleError, Refusal};
use strongroom_core::observed::Observed;
use strongroom_core::{BundleId, Sha256Digest, layout, limits};

use super::super::EvidenceError;
use super::super::stored::{candidates, leaves_other_versions};
use super::object::{find_version, read_back};
use crate::{ObjectKey, Storage, StorageErrorKind, VersionId};

/// The object, and its version, that holds one file.
pub(in crate::evidence) struct StoredFile {
    pub(in crate::evidence) key: ObjectKey,
    pub(in crate::evidence) version: Option<VersionId>,
}

/// A manifest as it was found.
pub(in crate::evidence) struct FoundManifest {
    pub(in crate::evidence) manifest: CavraManifest,
    pub(super) bytes: Bytes,
    pub(in crate::evidence) object: StoredFile,
    /// Whether something else is on top of it: why that was refused.
    pub(in crate::evidence) refused_on_top: Option<EvidenceError>,
}

/// The version that holds one file, by reading what is under its key; `None` where none does.
pub(in crate::evidence) async fn locate_file(
    store: &dyn Storage,
    id: BundleId,
    file: &CavraFile,
) -> Result<Option<StoredFile>, EvidenceError> {
    let key = ObjectKey::new(layout::cavra_object(id, &file.path))?;
    match read_back(store, &key, None, file).await {
        Ok((info, Some(sha256))) if sha256 == file.sha256 => {
            return Ok(Some(StoredFile { key, version: info.version }));
        }
        Ok(_) => {}
        Err(error) if leaves_other_versions(&error) => {}
        Err(error) => return Err(error),
    }
    let version = find_version(store, &key, file).await?;
    Ok(version.map(|version| StoredFile { key, version: Some(version) }))
}

/// The version of the manifest whose bytes are the id.
pub(in crate::evidence) async fn find_manifest(
    store: &dyn Storage,
    id: BundleId,
) -> Result<FoundManifest, EvidenceError> {
    let key = ObjectKey::new(layout::cavra_object(id, MANIFEST))?;
    let refusal = match manifest_in(store, &key, None, id).await {
        Ok(found) => return Ok(found),
        Err(error) if leaves_other_versions(&error) => error,
        Err(error) => return Err(error),
    };
    let versions = match store.versions(&key).await {
        Ok(Observed::Observed(versions)) => versions,
        Ok(Observed::Unobserved(_)) => return Err(refusal),
        // More than are read: whoever may write can pile them up where no directory ever was.
        Err(error) if error.kind() == StorageErrorKind::Limit => return Err(refusal),
        Err(error) => return Err(error.into()),
    };
    for candidate in candidates(&versions).0 {
        match manifest_in(store, &key, Some(&candidate.version), id).await {
            Ok(found) => return Ok(FoundManifest { refused_on_top: Some(refusal), ..found }),
            Err(error) if leaves_other_versions(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Err(refusal)
}

async fn manifest_in(
    store: &dyn Storage,
    key: &ObjectKey,
    version: Option<&VersionId>,
    id: BundleId,
) -> Result<FoundManifest, EvidenceError> {
    let object = store.read(key, version, None).await?;
    let version = object.info.version.clone();
    let bytes = object.collect(limits::CAVRA_MANIFEST_BYTES_MAX).await.map_err(|error| {
        match error.kind() {
            // Larger than any manifest: something else, below which the manifest may be.
            StorageErrorKind::Limit => not_the_bundle(),
            _ => error.into(),
        }
    })?;
    if BundleId(Sha256Digest::of(&bytes)) != id {
        return Err(not_the_bundle());
    }
    let manifest = CavraManifest::read(&bytes)?;
    let object = StoredFile { key: key.clone(), version };
    Ok(FoundManifest { manifest, bytes, object, refused_on_top: None })
}

pub(super) fn not_the_bundle() -> EvidenceError {
    BundleError::new(Refusal::Integrity, "what is stored is not the manifest that was asked for")
        .into()
}
