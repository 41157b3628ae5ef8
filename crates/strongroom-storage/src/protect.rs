//! A lock asked for, read back, and set by version where it is missing. Never lowers a lock.

use std::time::Instant;

use jiff::Timestamp;
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::receipt::{EnforcedBy, LockHow, LockReceipt};
use strongroom_core::retention::{
    DefaultRetention, Lock, LockMode, Period, Retention, RetentionError,
};

use crate::{ObjectKey, SeenLock, Storage, StorageError, StorageErrorKind, VersionId};

/// Added to the bucket's default when it has to be spelled out: the store counts its default from
/// the end of the upload, and ours is computed before it begins.
pub(crate) const DEFAULT_MARGIN: Period = Period::Days(1);

/// What goes out with a write under which `asked` is to hold, and what the bucket gives a version by
/// itself. An explicit lock beats the default even when it is weaker: the join of both is sent, or
/// nothing where the default alone does what is asked.
pub(crate) fn to_send(
    asked: Lock,
    default: Option<DefaultRetention>,
    store_now: Timestamp,
) -> Result<(Lock, Lock), RetentionError> {
    let Some(default) = default else { return Ok((asked, Lock::NONE)) };
    let by_itself = Lock { retention: Some(default.at(store_now)?), legal_hold: false };
    if by_itself.covers(&asked) {
        return Ok((Lock::NONE, by_itself));
    }
    let end = default.at(DEFAULT_MARGIN.after(store_now)?)?;
    let spelled_out = Lock { retention: Some(end), legal_hold: false };
    Ok((asked.join(spelled_out), by_itself))
}

/// The object whose lock is at stake, and how it came to be there.
pub(crate) struct Protected<'a> {
    pub(crate) key: &'a ObjectKey,
    pub(crate) version: Option<&'a VersionId>,
    pub(crate) origin: Origin,
    /// Whether the bucket was seen to have no Object Lock. Some stores then refuse to answer for one
    /// object's lock.
    pub(crate) bucket_lacks_locks: bool,
}

/// How the object came to be there.
pub(crate) enum Origin {
    /// We wrote it: with the lock in the write or not, visible from this moment at the earliest.
    Written { lock_in_write: bool, visible_from: Instant },
    /// It was there before.
    Found,
}

/// What came of protecting an object.
pub(crate) struct Protection {
    /// The lock as it was seen at the end.
    pub(crate) receipt: LockReceipt,
    /// Why nothing was set, where setting it was not ours to decide.
    pub(crate) beyond_asked: Option<BeyondAsked>,
}

/// A lock that is there, and what it would become with the one that is asked for: something that could
/// not be undone, and that nobody has accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BeyondAsked {
    pub(crate) held: Retention,
    pub(crate) joined: Retention,
}

/// Reads the lock back; sets what `target` has and the object lacks; reads back again. The receipt
/// says what was seen at the end. Whether that is enough is for the caller ([`covers`]).
///
/// Never makes a lock irrevocable beyond what `target` itself says: a COMPLIANCE lock to a date was
/// accepted for that date only.
pub(crate) async fn protect(
    store: &dyn Storage,
    object: &Protected<'_>,
    target: &Lock,
) -> Result<Protection, StorageError> {
    let first = object.lock_in(store).await?;
    let held_before = match object.origin {
        Origin::Found => first.legal_hold.value().copied(),
        Origin::Written { .. } => Some(false),
    };
    let beyond_asked = goes_beyond(&first.certain(), target);
    let may_set = beyond_asked.is_none()
        && !first.certain().covers(target)
        && lacks_for_certain(&first, target);
    let how = how_it_came(object, &first, target);
    let mut receipt = describe(store, &first, how);
    if may_set {
        set_missing(store, object, &first, target).await?;
        let second = object.lock_in(store).await?;
        // A store may have refused: then the lock came the way that it came before.
        let changed =
            (&second.retention, &second.legal_hold) != (&first.retention, &first.legal_hold);
        receipt = describe(store, &second, if changed { LockHow::AfterWrite } else { how });
        if changed && first.certain().is_none() {
            receipt.unlocked_ms = object.unlocked_ms();
        }
    }
    receipt.legal_hold_was_set_before = held_before.filter(|_| target.legal_hold);
    // Where answers hold no date, it was read back all the same: a moment later is the best there is.
    // Of a bucket without Object Lock nothing of the object was read back.
    let was_read = receipt.unobserved.is_none() && !object.bucket_lacks_locks;
    if was_read && receipt.read_back_at.is_none() {
        receipt.read_back_at = Some(store.now().await?);
    }
    Ok(Protection { receipt, beyond_asked })
}

/// The join of what is held and what is asked may be stronger than either: a COMPLIANCE lock to the
/// later date of a GOVERNANCE one. Nobody has accepted that.
fn goes_beyond(held: &Lock, target: &Lock) -> Option<BeyondAsked> {
    let (held, asked) = (held.retention?, target.retention?);
    let joined = held.join(asked);
    let is_accepted = joined == held
        || joined.mode != LockMode::Compliance
        || (asked.mode == LockMode::Compliance && joined.retain_until <= asked.retain_until);
    (!is_accepted).then_some(BeyondAsked { held, joined })
}

impl Protected<'_> {
    async fn lock_in(&self, store: &dyn Storage) -> Result<SeenLock, StorageError> {
        let mut seen = store.lock(self.key, self.version).await?;
        if self.bucket_lacks_locks {
            let unsupported = Some(Unobserved::UnsupportedBackend);
            if seen.retention.reason() == unsupported {
                seen.retention = Observed::Observed(None);
            }
            if seen.legal_hold.reason() == unsupported {
                seen.legal_hold = Observed::Observed(false);
            }
        }
        Ok(seen)
    }

    fn unlocked_ms(&self) -> Option<u64> {
        match self.origin {
            Origin::Written { visible_from, .. } => {
                Some(u64::try_from(visible_from.elapsed().as_millis()).unwrap_or(u64::MAX))
            }
            Origin::Found => None,
        }
    }
}

/// Whether what was observed already shows that part of the target is missing.
pub(crate) fn lacks_for_certain(seen: &SeenLock, target: &Lock) -> bool {
    let retention = match (&seen.retention, target.retention) {
        (Observed::Observed(held), Some(asked)) => !held.is_some_and(|held| held.covers(asked)),
        _ => false,
    };
    let hold = target.legal_hold && seen.legal_hold == Observed::Observed(false);
    retention || hold
}

async fn set_missing(
    store: &dyn Storage,
    object: &Protected<'_>,
    seen: &SeenLock,
    target: &Lock,
) -> Result<(), StorageError> {
    let held = seen.certain();
    let joined = held.join(*target);
    if joined.retention != held.retention
        && let (Some(retention), Observed::Observed(_)) = (joined.retention, &seen.retention)
    {
        accept_refusal(store.set_retention(object.key, object.version, retention).await)?;
    }
    if joined.legal_hold && seen.legal_hold == Observed::Observed(false) {
        accept_refusal(store.set_legal_hold(object.key, object.version, true).await)?;
    }
    Ok(())
}

/// A store that refuses to lock is not an error of its own here: the read-back will show that the
/// lock is missing, and the receipt will say so.
fn accept_refusal(answer: Result<(), StorageError>) -> Result<(), StorageError> {
    match answer {
        Err(error)
            if matches!(
                error.kind(),
                StorageErrorKind::PermissionDenied
                    | StorageErrorKind::Locked
                    | StorageErrorKind::Unsupported
                    | StorageErrorKind::InvalidRequest
            ) =>
        {
            tracing::warn!(kind = ?error.kind(), "the store refused to set a lock");
            Ok(())
        }
        other => other,
    }
}

fn how_it_came(object: &Protected<'_>, seen: &SeenLock, target: &Lock) -> LockHow {
    if seen.certain().is_none() {
        return LockHow::None;
    }
    match object.origin {
        Origin::Found => LockHow::AlreadyThere,
        Origin::Written { lock_in_write: true, .. } if !target.is_none() => LockHow::InWrite,
        Origin::Written { .. } => LockHow::BucketDefault,
    }
}

fn describe(store: &dyn Storage, seen: &SeenLock, how: LockHow) -> LockReceipt {
    let certain = seen.certain();
    let unobserved = seen.retention.reason().or(seen.legal_hold.reason());
    LockReceipt {
        mode: certain.retention.map(|retention| retention.mode),
        retain_until: certain.retention.map(|retention| retention.retain_until),
        legal_hold: seen.legal_hold.value().copied(),
        legal_hold_was_set_before: None,
        enforced_by: if certain.is_none() { EnforcedBy::None } else { store.locks_enforced_by() },
        how: if certain.is_none() { LockHow::None } else { how },
        unlocked_ms: None,
        read_back_at: seen.read_at.filter(|_| unobserved.is_none()),
        unobserved,
    }
}

/// Whether the lock as read back is what was asked for.
pub(crate) fn covers(receipt: &LockReceipt, asked: &Lock) -> bool {
    seen_in(receipt).covers(asked)
}

/// The lock that a receipt tells of; what is unobserved counts as absent.
pub(crate) fn seen_in(receipt: &LockReceipt) -> Lock {
    let retention = receipt.mode.zip(receipt.retain_until);
    Lock {
        retention: retention.map(|(mode, retain_until)| Retention { mode, retain_until }),
        legal_hold: receipt.legal_hold.unwrap_or(false),
    }
}

/// Clears the hold of one version, and reads it back. The store's refusal comes with what was seen.
pub(crate) async fn clear_hold(
    store: &dyn Storage,
    key: &ObjectKey,
    version: Option<&VersionId>,
) -> Result<(SeenLock, Option<StorageError>), StorageError> {
    let refusal = match store.set_legal_hold(key, version, false).await {
        Ok(()) => None,
        Err(error) if error.kind() == StorageErrorKind::PermissionDenied => Some(error),
        Err(error) => return Err(error),
    };
    Ok((store.lock(key, version).await?, refusal))
}
