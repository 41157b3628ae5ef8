//! Locks that only Strongroom itself keeps (`file://`, `memory://`): what is refused, decided over
//! a clock. Anything else on the machine can still delete; nobody is told otherwise
//! ([`EnforcedBy::Strongroom`](strongroom_core::receipt::EnforcedBy)).

use jiff::Timestamp;
use strongroom_core::retention::{self, Lock, Retention};

use crate::{StorageError, StorageErrorKind};

/// Refuses a lock in a write whose date a store would refuse.
pub(crate) fn check_new_lock(lock: &Lock, now: Timestamp) -> Result<(), StorageError> {
    match lock.retention {
        Some(retention) => check_date(retention, now),
        None => Ok(()),
    }
}

/// Refuses a retention that is weaker or shorter than the one that holds now.
pub(crate) fn check_retention(
    held: &Lock,
    asked: Retention,
    now: Timestamp,
) -> Result<(), StorageError> {
    check_date(asked, now)?;
    match held.retention.filter(|retention| retention.retain_until > now) {
        Some(retention) if !asked.covers(retention) => Err(StorageError::new(
            StorageErrorKind::Locked,
            "the object is locked more strongly or for longer than was asked",
        )),
        _ => Ok(()),
    }
}

/// Refuses the deletion of what is locked.
pub(crate) fn check_delete(held: &Lock, now: Timestamp) -> Result<(), StorageError> {
    if held.legal_hold {
        return Err(StorageError::new(
            StorageErrorKind::Locked,
            "the object is under a legal hold",
        ));
    }
    match held.retention {
        Some(retention) if retention.retain_until > now => Err(StorageError::new(
            StorageErrorKind::Locked,
            format!("the object is locked ({}) until {}", retention.mode, retention.retain_until),
        )),
        _ => Ok(()),
    }
}

fn check_date(asked: Retention, now: Timestamp) -> Result<(), StorageError> {
    retention::check_date(asked.retain_until, now)
        .map_err(|refusal| StorageError::new(StorageErrorKind::InvalidRequest, refusal.to_string()))
}
