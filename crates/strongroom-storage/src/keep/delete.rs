//! One version, or all versions of a key that are ours, for good.

use jiff::Timestamp;
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::retention::Lock;

use super::{KeepError, KeepErrorKind, StillMay, always, called_off};
use crate::status::Versioning;
use crate::versions::{NULL_VERSION, VERSIONS_SEARCHED_MAX};
use crate::{ObjectInfo, ObjectKey, Storage, StorageError, StorageErrorKind, VersionId};

/// What became of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deletion {
    /// It was there, and was seen to be gone.
    Deleted,
    /// It was not there.
    AlreadyAbsent,
    /// A lock refuses.
    RefusedByLock {
        /// The lock as read after the refusal; nothing, where the store names a lock as its reason and
        /// tells nothing of it.
        lock: Lock,
        /// The store's clock then, where its answers hold a date.
        read_at: Option<Timestamp>,
    },
    /// The store refuses these credentials, and no lock was seen that could be the reason.
    Denied,
}

/// Which versions of a key are ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ours {
    /// Those that carry this in their metadata.
    Metadata {
        /// The name.
        name: String,
        /// The value.
        value: String,
    },
    /// All: nobody else knows the key.
    Everything,
}

/// What became of the versions of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cleared {
    /// Versions that were deleted and seen to be gone; `None` is the object of a store without versions.
    pub deleted: Vec<Option<VersionId>>,
    /// Versions that are there still.
    pub left: Vec<VersionLeft>,
    /// Why not all versions were listed: there may be more than those told here.
    pub unlisted: Option<Unobserved>,
}

impl Cleared {
    /// Whether nothing of ours is left, as far as anybody could see, and all of it could be seen.
    pub fn is_complete(&self) -> bool {
        let is_others = |left: &VersionLeft| left.refusal.is_none();
        self.unlisted.is_none() && self.left.iter().all(is_others)
    }
}

/// A version that is there still.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionLeft {
    /// Which.
    pub version: Option<VersionId>,
    /// Why it could not be deleted; `None` where it is not ours.
    pub refusal: Option<Deletion>,
}

/// Deletes one version for good, and looks that it is gone. Puts no delete marker on anything: without
/// a `version` it is the object of a store without versions that is deleted, or what was written before
/// a bucket had versions.
pub async fn delete(
    store: &dyn Storage,
    key: &ObjectKey,
    version: Option<&VersionId>,
) -> Result<Deletion, KeepError> {
    delete_while(store, key, version, &always).await
}

/// The same for whoever may lose the right to do it meanwhile: asked when all looks are done, directly before the call
/// that cannot be undone. Called off, nothing was deleted.
pub async fn delete_while(
    store: &dyn Storage,
    key: &ObjectKey,
    version: Option<&VersionId>,
    still_may: StillMay<'_>,
) -> Result<Deletion, KeepError> {
    if version.is_some() {
        return delete_version(store, key, version, still_may).await;
    }
    match store.versions(key).await? {
        Observed::Observed(versions) => {
            let is_null = |version: &VersionId| version.0 == NULL_VERSION;
            let unnamed = versions
                .iter()
                .find(|version| !version.is_delete_marker && is_null(&version.version));
            match unnamed {
                Some(unnamed) => {
                    delete_version(store, key, Some(&unnamed.version), still_may).await
                }
                None => Ok(Deletion::AlreadyAbsent),
            }
        }
        Observed::Unobserved(Unobserved::UnsupportedBackend) => {
            delete_version(store, key, None, still_may).await
        }
        Observed::Unobserved(reason) => match store.bucket_settings().await.versioning {
            Observed::Observed(Versioning::Disabled) => {
                delete_version(store, key, None, still_may).await
            }
            _ => Err(unlisted(reason)),
        },
    }
}

/// Deletes every version of a key that is ours, for good: of a write whose version nobody wrote down.
/// Never deletes what somebody else put there.
pub async fn delete_all_versions(
    store: &dyn Storage,
    key: &ObjectKey,
    ours: &Ours,
) -> Result<Cleared, KeepError> {
    let mut cleared = Cleared { deleted: Vec::new(), left: Vec::new(), unlisted: None };
    match store.versions(key).await? {
        Observed::Observed(versions) => {
            for listed in versions.iter().filter(|version| !version.is_delete_marker) {
                clear_one(store, key, Some(&listed.version), ours, &mut cleared).await?;
            }
        }
        Observed::Unobserved(Unobserved::UnsupportedBackend) => {
            clear_one(store, key, None, ours, &mut cleared).await?;
        }
        Observed::Unobserved(reason) => {
            cleared.unlisted = Some(reason);
            clear_current(store, key, ours, &mut cleared).await?;
        }
    }
    Ok(cleared)
}

/// Where versions are not listed, the newest names itself, and once it is gone the next one does.
async fn clear_current(
    store: &dyn Storage,
    key: &ObjectKey,
    ours: &Ours,
    cleared: &mut Cleared,
) -> Result<(), KeepError> {
    for _ in 0..VERSIONS_SEARCHED_MAX {
        let current = match store.head(key, None).await {
            Ok(info) => info.version,
            Err(error) if error.kind() == StorageErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        // Without a name for it, a deletion might put a marker on top.
        let Some(current) = current else { return Ok(()) };
        let left = cleared.left.len();
        clear_one(store, key, Some(&current), ours, cleared).await?;
        if cleared.left.len() > left {
            return Ok(());
        }
    }
    Ok(())
}

async fn clear_one(
    store: &dyn Storage,
    key: &ObjectKey,
    version: Option<&VersionId>,
    ours: &Ours,
    cleared: &mut Cleared,
) -> Result<(), KeepError> {
    if let Ours::Metadata { name, value } = ours {
        match store.head(key, version).await {
            Ok(info) if is_ours(&info, name, value) => {}
            Ok(_) => {
                cleared.left.push(VersionLeft { version: version.cloned(), refusal: None });
                return Ok(());
            }
            Err(error) if error.kind() == StorageErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
    match delete_version(store, key, version, &always).await? {
        Deletion::Deleted => cleared.deleted.push(version.cloned()),
        Deletion::AlreadyAbsent => {}
        refusal => {
            let refusal = Some(refusal);
            cleared.left.push(VersionLeft { version: version.cloned(), refusal });
        }
    }
    Ok(())
}

fn is_ours(info: &ObjectInfo, name: &str, value: &str) -> bool {
    info.metadata.get(name).is_some_and(|found| found == value)
}

/// Deletes what `version` names, which the caller has made sure puts no marker on anything.
async fn delete_version(
    store: &dyn Storage,
    key: &ObjectKey,
    version: Option<&VersionId>,
    still_may: StillMay<'_>,
) -> Result<Deletion, KeepError> {
    match store.head(key, version).await {
        Ok(_) => {}
        Err(error) => match error.kind() {
            StorageErrorKind::NotFound => return Ok(Deletion::AlreadyAbsent),
            // Who may delete need not be allowed to read, and what lies in an archive can be deleted.
            StorageErrorKind::PermissionDenied
            | StorageErrorKind::Archived
            | StorageErrorKind::InvalidRequest => {}
            _ => return Err(error.into()),
        },
    }
    if !still_may() {
        return Err(called_off());
    }
    match store.delete(key, version).await {
        Ok(()) => look_that_it_is_gone(store, key, version).await,
        Err(error)
            if matches!(
                error.kind(),
                StorageErrorKind::Locked | StorageErrorKind::PermissionDenied
            ) =>
        {
            Ok(why_refused(store, key, version, &error).await?)
        }
        Err(error) => Err(error.into()),
    }
}

async fn look_that_it_is_gone(
    store: &dyn Storage,
    key: &ObjectKey,
    version: Option<&VersionId>,
) -> Result<Deletion, KeepError> {
    match store.head(key, version).await {
        Err(error) if error.kind() == StorageErrorKind::NotFound => Ok(Deletion::Deleted),
        Err(error) => Err(error.into()),
        Ok(_) => Err(KeepError::new(
            KeepErrorKind::NotDeleted,
            "the store answered the deletion well, and the version is there all the same",
        )),
    }
}

/// S3 answers the same for a lock and for a missing right: the lock itself tells them apart.
async fn why_refused(
    store: &dyn Storage,
    key: &ObjectKey,
    version: Option<&VersionId>,
    refusal: &StorageError,
) -> Result<Deletion, StorageError> {
    let names_a_lock = refusal.kind() == StorageErrorKind::Locked;
    let seen = match store.lock(key, version).await {
        Ok(seen) => seen,
        Err(error) if error.kind() == StorageErrorKind::NotFound => {
            return Ok(Deletion::AlreadyAbsent);
        }
        Err(error) => return Err(error),
    };
    let lock = seen.certain();
    let now = match seen.read_at {
        Some(read_at) => read_at,
        None => store.now().await?,
    };
    let is_dated = lock.retention.is_some_and(|retention| retention.retain_until > now);
    if names_a_lock || lock.legal_hold || is_dated {
        return Ok(Deletion::RefusedByLock { lock, read_at: seen.read_at });
    }
    Ok(Deletion::Denied)
}

fn unlisted(reason: Unobserved) -> KeepError {
    KeepError::new(
        KeepErrorKind::VersionsUnobserved,
        format!(
            "which versions are under the key was not observed ({reason}), and a deletion without a \
             version might only hide them: nothing was deleted"
        ),
    )
    .with_guidance("grant s3:ListBucketVersions")
}
