//! A lock asked for, read back, and set by version where it is missing: what that comes to, told in
//! terms of evidence.

use strongroom_core::observed::Unobserved;
use strongroom_core::receipt::LockReceipt;
use strongroom_core::retention::{Lock, LockMode};

use super::{EvidenceError, EvidenceErrorKind};
use crate::Storage;
use crate::protect::{self, BeyondAsked, seen_in};

pub(super) use crate::protect::{Origin, Protected, covers, lacks_for_certain};

/// What came of protecting an object.
pub(super) struct Protection {
    /// The lock as it was seen at the end.
    pub(super) receipt: LockReceipt,
    /// Why nothing was set, where setting it was not ours to decide.
    pub(super) refusal: Option<EvidenceError>,
}

/// See [`protect::protect`]. Whether what was seen is enough is for the caller ([`check`]).
pub(super) async fn protect(
    store: &dyn Storage,
    object: &Protected<'_>,
    target: &Lock,
) -> Result<Protection, EvidenceError> {
    let protection = protect::protect(store, object, target).await?;
    let refusal = protection.beyond_asked.map(not_accepted);
    Ok(Protection { receipt: protection.receipt, refusal })
}

fn not_accepted(beyond: BeyondAsked) -> EvidenceError {
    let BeyondAsked { held, joined } = beyond;
    let (mode, until) = (held.mode, held.retain_until);
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
    ))
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
