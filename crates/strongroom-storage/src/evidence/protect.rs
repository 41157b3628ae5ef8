//! A lock asked for, read back, and set by version where it is missing. Never lowers a lock.

use std::time::Instant;

use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::receipt::{EnforcedBy, LockHow, LockReceipt};
use strongroom_core::retention::{Lock, LockMode, Retention};

use super::{EvidenceError, EvidenceErrorKind};
use crate::{ObjectKey, SeenLock, Storage, StorageError, StorageErrorKind, VersionId};

/// The object whose lock is at stake, and how it came to be there.
pub(super) struct Protected<'a> {
    pub(super) key: &'a ObjectKey,
    pub(super) version: Option<&'a VersionId>,
    pub(super) origin: Origin,
    /// Whether the bucket was seen to have no Object Lock. Some stores then refuse to answer for one
    /// object's lock.
    pub(super) bucket_lacks_locks: bool,
}

/// How the object came to be there.
pub(super) enum Origin {
    /// We wrote it: with the lock in the write or not, visible from this moment at the earliest.
    Written { lock_in_write: bool, visible_from: Instant },
    /// It was there before.
    Found,
}

/// What came of protecting an object.
pub(super) struct Protection {
    /// The lock as it was seen at the end.
    pub(super) receipt: LockReceipt,
    /// Why nothing was set, where setting it was not ours to decide.
    pub(super) refusal: Option<EvidenceError>,
}

/// Reads the lock back; sets what `target` has and the object lacks; reads back again. The receipt
/// says what was seen at the end. Whether that is enough is for the caller ([`check`]).
///
/// Never makes a lock irrevocable beyond what `target` itself says: a COMPLIANCE lock to a date was
/// accepted for that date only.
pub(super) async fn protect(
    store: &dyn Storage,
    object: &Protected<'_>,
    target: &Lock,
) -> Result<Protection, EvidenceError> {
    let first = object.lock_in(store).await?;
    let held_before = match object.origin {
        Origin::Found => first.legal_hold.value().copied(),
        Origin::Written { .. } => Some(false),
    };
    let refusal = goes_beyond(&first.certain(), target);
    let may_set =
        refusal.is_none() && !first.certain().covers(target) && lacks_for_certain(&first, target);
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
    Ok(Protection { receipt, refusal })
}

/// The join of what is held and what is asked may be stronger than either: a COMPLIANCE lock to the
/// later date of a GOVERNANCE one. Nobody has accepted that.
fn goes_beyond(held: &Lock, target: &Lock) -> Option<EvidenceError> {
    let (held, asked) = (held.retention?, target.retention?);
    let joined = held.join(asked);
    let is_accepted = joined == held
        || joined.mode != LockMode::Compliance
        || (asked.mode == LockMode::Compliance && joined.retain_until <= asked.retain_until);
    if is_accepted {
        return None;
    }
    let (mode, until) = (held.mode, held.retain_until);
    Some(
        EvidenceError::new(
            EvidenceErrorKind::RetentionNotMet,
            format!(
                "the bundle is under a {mode} lock until {until}; with what is asked for, it would \
                 be under a compliance lock until {}, which nobody has accepted: its lock is as it was",
                joined.retain_until
            ),
        )
        .with_guidance(format!(
            "ask for just that to accept it: --lock compliance --retain-until {}",
            joined.retain_until
        )),
    )
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
pub(super) fn lacks_for_certain(seen: &SeenLock, target: &Lock) -> bool {
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
) -> Result<(), EvidenceError> {
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
pub(super) fn covers(receipt: &LockReceipt, asked: &Lock) -> bool {
    seen_in(receipt).covers(asked)
}

fn seen_in(receipt: &LockReceipt) -> Lock {
    let retention = receipt.mode.zip(receipt.retain_until);
    Lock {
        retention: retention.map(|(mode, retain_until)| Retention { mode, retain_until }),
        legal_hold: receipt.legal_hold.unwrap_or(false),
    }
}

/// What it means for the bundle that the lock as read back is not what was asked for.
pub(super) fn check(receipt: &LockReceipt, asked: &Lock) -> Result<(), EvidenceError> {
    if covers(receipt, asked) {
        return Ok(());
    }
    match receipt.unobserved {
        Some(Unobserved::PermissionDenied) => Err(EvidenceError::new(
            EvidenceErrorKind::LockUnobserved,
            "the bundle is stored, but these credentials may not read its lock back, so nobody \
             knows whether it is locked",
        )
        .with_guidance(
            "grant s3:GetObjectRetention and s3:GetObjectLegalHold, or pass --allow-unlocked to \
             accept an unobserved lock",
        )),
        Some(reason) => Err(EvidenceError::new(
            EvidenceErrorKind::LockUnobserved,
            format!(
                "the bundle is stored, but its lock was not observed ({reason}), so nobody knows \
                 whether it is locked"
            ),
        )
        .with_guidance(
            "see `strongroom evidence store-status`; pass --allow-unlocked to accept an unobserved \
             lock",
        )),
        None if seen_in(receipt).is_none() => Err(EvidenceError::new(
            EvidenceErrorKind::RetentionNotMet,
            "the bundle is stored without the lock that was asked for",
        )
        .with_guidance(what_would_lock(&Lock::NONE, asked))),
        None => Err(EvidenceError::new(
            EvidenceErrorKind::RetentionNotMet,
            "the bundle is stored, but the lock read back is weaker than what was asked for",
        )
        .with_guidance(what_would_lock(&seen_in(receipt), asked))),
    }
}

/// Which right the part of the lock that is missing takes. Stores differ over making a governance
/// lock a compliance one: some take it for strengthening, others for changing what only the bypass
/// may change.
fn what_would_lock(seen: &Lock, asked: &Lock) -> &'static str {
    let mode = |lock: &Lock| lock.retention.map(|retention| retention.mode);
    if mode(seen) == Some(LockMode::Governance) && mode(asked) == Some(LockMode::Compliance) {
        return "making a governance lock a compliance one takes s3:PutObjectRetention, and on some \
                stores s3:BypassGovernanceRetention with a header that Strongroom never sends; at \
                Azure it takes Storage Blob Data Owner, or `i` in a SAS";
    }
    let retention_covers = Lock { legal_hold: true, ..*seen }.covers(asked);
    let hold_covers = seen.legal_hold || !asked.legal_hold;
    match (retention_covers, hold_covers) {
        (false, true) => {
            "see `strongroom evidence store-status`; the credentials need s3:PutObjectRetention, on \
             a bucket with Object Lock"
        }
        (true, false) => {
            "see `strongroom evidence store-status`; the credentials need s3:PutObjectLegalHold, on \
             a bucket with Object Lock"
        }
        _ => {
            "see `strongroom evidence store-status`; the credentials need s3:PutObjectRetention and \
             s3:PutObjectLegalHold, on a bucket with Object Lock"
        }
    }
}
