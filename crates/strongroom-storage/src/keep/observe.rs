//! What is there after a write, or was there before it.

use strongroom_core::observed::Unobserved;
use strongroom_core::receipt::{CreateOnly, EnforcedBy, Integrity, LockHow, LockReceipt, Status};
use strongroom_core::retention::{Lock, Retention};

use super::error::corrupt;
use super::write::{Kept, WriteAsk};
use super::{Expected, KeepError, KeepErrorKind};
use crate::protect::{self, Origin, Protected};
use crate::versions::{self, leaves_others};
use crate::{Created, ObjectInfo, ObjectKey, Storage, StorageError, VersionId};

/// Where to look, and what for.
pub(super) struct Looking<'a> {
    pub(super) store: &'a dyn Storage,
    pub(super) key: &'a ObjectKey,
    pub(super) ask: &'a WriteAsk,
}

/// A lock as it was seen.
struct SeenLock {
    receipt: LockReceipt,
    covers: bool,
    beyond_asked: Option<Retention>,
}

/// Looks at what was written: its lock, its size and metadata, its bytes where nothing else vouches for
/// them, and other versions where the store does not keep them from coming to be.
pub(super) async fn observe(
    looking: &Looking<'_>,
    mut created: Created,
    sent: Expected,
) -> Result<Kept, KeepError> {
    let seen = created.info.take();
    let version = created.version.as_ref();
    let origin = Origin::Written {
        lock_in_write: created.lock_in_write,
        visible_from: created.visible_from,
    };
    // Side by side, the lock first: every moment without it counts.
    let (lock, looked, other_versions) = tokio::join!(
        looking.lock(version, origin),
        looking.look_at(&created, sent, seen),
        looking.count_others(&created),
    );
    let (lock, (info, integrity), other_versions) = (lock?, looked?, other_versions?);
    if info.size_bytes != sent.size_bytes {
        return Err(corrupt("the store holds another number of bytes than were sent"));
    }
    Ok(Kept {
        size_bytes: info.size_bytes,
        sha256: sent.sha256,
        etag: created.etag.or_else(|| info.etag.clone()),
        integrity,
        create_only: created.create_only,
        other_versions,
        metadata_kept: looking.is_metadata_kept(&info),
        lock: lock.receipt,
        lock_covers: lock.covers,
        lock_beyond_asked: lock.beyond_asked,
        encryption: info.encryption,
        storage_class: info.storage_class,
        stored_at: created.stored_at.or(info.last_modified),
        status: Status::Stored,
        version: created.version,
    })
}

impl Looking<'_> {
    /// Something is under the key: proves that it is what came, in whichever version. Garbage that
    /// somebody puts on top hides nothing.
    pub(super) async fn existing(&self, came: Expected) -> Result<Kept, KeepError> {
        let Expected { size_bytes, sha256 } = came;
        let current = versions::digest_of(self.store, self.key, None, size_bytes).await;
        let info = match current {
            Ok((info, Some(found))) if found == sha256 => info,
            Ok(_) => self.earlier(came).await?.ok_or_else(conflict)?,
            Err(error) if leaves_others(error.kind()) => self.earlier(came).await?.ok_or(error)?,
            Err(error) => return Err(error.into()),
        };
        let lock = self.lock(info.version.as_ref(), Origin::Found).await?;
        let others = versions::others(self.store, self.key, info.version.as_ref()).await?;
        Ok(Kept {
            size_bytes,
            sha256,
            integrity: Integrity::ReadBack,
            create_only: CreateOnly::Checked,
            other_versions: others.map(|others| others.count()),
            metadata_kept: self.is_metadata_kept(&info),
            lock: lock.receipt,
            lock_covers: lock.covers,
            lock_beyond_asked: lock.beyond_asked,
            etag: info.etag,
            encryption: info.encryption,
            storage_class: info.storage_class,
            stored_at: info.last_modified,
            status: Status::AlreadyStored,
            version: info.version,
        })
    }

    async fn earlier(&self, came: Expected) -> Result<Option<ObjectInfo>, StorageError> {
        versions::find(self.store, self.key, came.size_bytes, came.sha256).await
    }

    async fn lock(
        &self,
        version: Option<&VersionId>,
        origin: Origin,
    ) -> Result<SeenLock, StorageError> {
        let Some(asked) = self.ask.lock else {
            return Ok(SeenLock { receipt: not_probed(), covers: true, beyond_asked: None });
        };
        let object = Protected { key: self.key, version, origin, bucket_lacks_locks: false };
        let target: Lock = asked.target;
        let protection = protect::protect(self.store, &object, &target).await?;
        Ok(SeenLock {
            covers: protect::covers(&protection.receipt, &target),
            beyond_asked: protection.beyond_asked.map(|beyond| beyond.joined),
            receipt: protection.receipt,
        })
    }

    /// What the store says of the version that was written, unless it was `seen` already; and its
    /// bytes, where nothing else vouches for them.
    async fn look_at(
        &self,
        created: &Created,
        sent: Expected,
        seen: Option<ObjectInfo>,
    ) -> Result<(ObjectInfo, Integrity), KeepError> {
        let version = created.version.as_ref();
        let other_bytes = || corrupt("the store gives back other bytes than were sent");
        let integrity = created.vouched(sent.sha256).ok_or_else(other_bytes)?;
        if integrity != Integrity::Unobserved {
            let info = match seen {
                Some(info) => info,
                None => self.store.head(self.key, version).await?,
            };
            return Ok((info, integrity));
        }
        match versions::digest_of(self.store, self.key, version, sent.size_bytes).await? {
            (info, Some(sha256)) if sha256 == sent.sha256 => Ok((info, Integrity::ReadBack)),
            _ => Err(other_bytes()),
        }
    }

    async fn count_others(&self, created: &Created) -> Result<Option<u64>, StorageError> {
        if created.create_only == CreateOnly::Enforced {
            return Ok(None);
        }
        let others = versions::others(self.store, self.key, created.version.as_ref()).await?;
        Ok(others.map(|others| others.count()))
    }

    fn is_metadata_kept(&self, info: &ObjectInfo) -> bool {
        self.ask.metadata.iter().all(|(name, value)| info.metadata.get(name) == Some(value))
    }
}

/// The lock of an object that nobody asked about.
fn not_probed() -> LockReceipt {
    LockReceipt {
        mode: None,
        retain_until: None,
        legal_hold: None,
        legal_hold_was_set_before: None,
        enforced_by: EnforcedBy::None,
        how: LockHow::None,
        unlocked_ms: None,
        read_back_at: None,
        unobserved: Some(Unobserved::NotProbed),
    }
}

fn conflict() -> KeepError {
    KeepError::new(
        KeepErrorKind::Conflict,
        "something else is under the key, and no version was seen to hold what was to be stored",
    )
    .with_guidance("find out who else writes to this prefix")
}
