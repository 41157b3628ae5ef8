//! The versions of one key: those that somebody else made, and those to be looked through for the right
//! one.

use futures::TryStreamExt as _;
use strongroom_core::Sha256Digest;
use strongroom_core::digest::Sha256Hasher;
use strongroom_core::observed::Observed;

use crate::{
    ObjectInfo, ObjectKey, ObjectVersion, Storage, StorageError, StorageErrorKind, VersionId,
};

/// Versions of one key that are read in search of the one that verifies.
pub(crate) const VERSIONS_SEARCHED_MAX: usize = 100;

/// How a bucket without versions lists its one object, and one with versions what was written before.
pub(crate) const NULL_VERSION: &str = "null";

/// The versions of a key besides the one that was written or found.
pub(crate) struct OtherVersions {
    /// Newest first, without delete markers.
    pub(crate) versions: Vec<VersionId>,
    /// Whether somebody asked for the deletion of the key.
    pub(crate) was_deleted: bool,
}

/// Looks what is under the key besides `ours`. `None` where the store does not tell.
pub(crate) async fn others(
    store: &dyn Storage,
    key: &ObjectKey,
    ours: Option<&VersionId>,
) -> Result<Option<OtherVersions>, StorageError> {
    match store.versions(key).await {
        Ok(Observed::Observed(versions)) => Ok(Some(OtherVersions::of(versions, ours))),
        Ok(Observed::Unobserved(_)) => Ok(None),
        // Too many to count is not counted; it is no failure of the write.
        Err(error) if error.kind() == StorageErrorKind::Limit => Ok(None),
        Err(error) => Err(error),
    }
}

impl OtherVersions {
    fn of(versions: Vec<ObjectVersion>, ours: Option<&VersionId>) -> Self {
        let ours = ours.map_or(NULL_VERSION, |version| version.0.as_str());
        let was_deleted = versions.iter().any(|version| version.is_delete_marker);
        let others =
            versions.into_iter().filter(|other| !other.is_delete_marker && other.version.0 != ours);
        Self { versions: others.map(|other| other.version).collect(), was_deleted }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.versions.len() as u64
    }
}

/// The versions to read in search of the right one, and whether that leaves some out. Of very many
/// it is the newest and the oldest: the first write under a key is the likeliest to be right, so
/// piling up garbage hides nothing.
pub(crate) fn candidates(versions: &[ObjectVersion]) -> (Vec<&ObjectVersion>, bool) {
    let objects: Vec<_> = versions.iter().filter(|version| !version.is_delete_marker).collect();
    if objects.len() <= VERSIONS_SEARCHED_MAX {
        return (objects, false);
    }
    let half = VERSIONS_SEARCHED_MAX / 2;
    let (newest, oldest) = (&objects[..half], &objects[objects.len() - half..]);
    (newest.iter().chain(oldest.iter().rev()).copied().collect(), true)
}

/// Whether a failure to read one version says nothing against the others: this one is gone by now, or
/// cannot be read. Whoever may write can put an object there that is encrypted with a key of their own,
/// or archived.
pub(crate) fn leaves_others(kind: StorageErrorKind) -> bool {
    use StorageErrorKind::{
        Archived, Integrity, InvalidRequest, Malformed, NotFound, PermissionDenied,
    };
    matches!(kind, NotFound | PermissionDenied | Archived | InvalidRequest | Integrity | Malformed)
}

/// The digest of a stored object; `None` where it is not of this size, so that nothing larger is read
/// than what was asked for.
pub(crate) async fn digest_of(
    store: &dyn Storage,
    key: &ObjectKey,
    version: Option<&VersionId>,
    size_bytes: u64,
) -> Result<(ObjectInfo, Option<Sha256Digest>), StorageError> {
    let mut object = store.read(key, version, None).await?;
    if object.info.size_bytes != size_bytes {
        return Ok((object.info, None));
    }
    let mut hasher = Sha256Hasher::new();
    while let Some(piece) = object.stream.try_next().await? {
        hasher.update(&piece);
    }
    Ok((object.info, Some(hasher.finish())))
}

/// The newest version of a key that holds just these bytes: garbage on top hides nothing. `None` where
/// there is none, or the store does not list versions.
pub(crate) async fn find(
    store: &dyn Storage,
    key: &ObjectKey,
    size_bytes: u64,
    sha256: Sha256Digest,
) -> Result<Option<ObjectInfo>, StorageError> {
    let Observed::Observed(versions) = store.versions(key).await? else { return Ok(None) };
    for candidate in candidates(&versions).0 {
        if candidate.size_bytes != size_bytes {
            continue;
        }
        match digest_of(store, key, Some(&candidate.version), size_bytes).await {
            Ok((mut info, Some(found))) if found == sha256 => {
                info.version = Some(candidate.version.clone());
                return Ok(Some(info));
            }
            // A version that is gone by now, or that cannot be read, hides no other.
            Ok(_) => {}
            Err(error) if leaves_others(error.kind()) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}
