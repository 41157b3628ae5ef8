//! Which objects of a CAVRA directory are guarded: every file that its manifest lists, in the version that
//! holds it. Records say where to look; whoever may write can plant one, so none says what there is.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use strongroom_core::bundle::cavra::CavraFile;
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::{BundleId, layout};

use super::super::EvidenceError;
use super::super::cavra::{self, FoundManifest, StoredFile, locate_file};
use super::super::stored::leaves_other_versions;
use super::{ASKED_AT_ONCE_MAX, GuardedObject, bundle_at};
use crate::{ObjectKey, Storage, StorageErrorKind, StoredChecksum};

/// A directory that is not whole in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::evidence) enum Incomplete {
    /// Some of its files are not there.
    Files { there: usize, total: usize },
    /// Nobody knows which files it has.
    Manifest { there: usize },
}

impl fmt::Display for Incomplete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files { there, total } => write!(
                f,
                "only {there} of the directory's {total} objects are there: the others are not locked"
            ),
            Self::Manifest { there } => write!(
                f,
                "the directory's manifest is not there, so which files it has is not known: only the \
                 {there} that records name are locked"
            ),
        }
    }
}

/// The objects of a directory, of which `pinned` is known: these, as far as they are files of it, and every
/// file that none of them holds.
pub(super) async fn complete(
    store: &dyn Storage,
    found: FoundManifest,
    mut pinned: Vec<GuardedObject>,
) -> Result<(Vec<GuardedObject>, Option<Incomplete>), EvidenceError> {
    let id = found.manifest.id();
    let files = found.manifest.files_under(Path::new(""));
    let keys: BTreeSet<String> =
        files.iter().map(|file| layout::cavra_object(id, &file.path)).collect();
    let manifest = found.object;
    pinned.retain(|object| keys.contains(object.key.as_str()) || object.key == manifest.key);
    let total = files.len() + 1;
    let mut finding = stream::iter(files)
        .map(|file| holding(store, id, file, &pinned))
        .buffered(ASKED_AT_ONCE_MAX);
    let mut objects = vec![bundle_at(manifest.key, manifest.version)];
    while let Some(file) = finding.try_next().await? {
        objects.extend(file.map(|file| bundle_at(file.key, file.version)));
    }
    drop(finding);
    for object in pinned {
        if !objects.contains(&object) {
            objects.push(object);
        }
    }
    let there = objects.iter().map(|object| &object.key).collect::<BTreeSet<_>>().len();
    let incomplete = (there < total).then_some(Incomplete::Files { there, total });
    Ok((objects, incomplete))
}

/// The version that holds one file. A record that pins the only version there is is believed: nothing else
/// could be guarded.
async fn holding(
    store: &dyn Storage,
    id: BundleId,
    file: CavraFile,
    pinned: &[GuardedObject],
) -> Result<Option<StoredFile>, EvidenceError> {
    let key = ObjectKey::new(layout::cavra_object(id, &file.path))?;
    let pinned: Vec<_> = pinned.iter().filter(|object| object.key == key).collect();
    let stored = |object: &GuardedObject| StoredFile {
        key: object.key.clone(),
        version: object.version.clone(),
    };
    if let [only] = pinned.as_slice()
        && is_only_version(store, &key).await?
    {
        return Ok(Some(stored(only)));
    }
    for object in pinned {
        match is_it(store, object, &file).await {
            Ok(true) => return Ok(Some(stored(object))),
            Ok(false) => {}
            Err(error) if leaves_other_versions(&error) => {}
            Err(error) => return Err(error),
        }
    }
    locate_file(store, id, &file).await
}

/// Whether a key that has a version has no other; not so where the store does not tell.
async fn is_only_version(store: &dyn Storage, key: &ObjectKey) -> Result<bool, EvidenceError> {
    match store.versions(key).await {
        Ok(Observed::Observed(versions)) => {
            Ok(versions.iter().filter(|version| !version.is_delete_marker).count() <= 1)
        }
        // A store that has no versions has no other.
        Ok(Observed::Unobserved(Unobserved::UnsupportedBackend)) => Ok(true),
        Ok(Observed::Unobserved(_)) => Ok(false),
        // More than are listed.
        Err(error) if error.kind() == StorageErrorKind::Limit => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Whether a version holds a file: by the store's own digest, or else by reading it.
async fn is_it(
    store: &dyn Storage,
    object: &GuardedObject,
    file: &CavraFile,
) -> Result<bool, EvidenceError> {
    let (key, version) = (&object.key, object.version.as_ref());
    let info = store.head(key, version).await?;
    if let Some(StoredChecksum::Sha256(sha256)) = info.checksum {
        return Ok(sha256 == file.sha256);
    }
    let (_, sha256) = cavra::read_back(store, key, version, file).await?;
    Ok(sha256 == Some(file.sha256))
}
