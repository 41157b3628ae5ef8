//! How long a package is kept, when it may go, and when its locks are renewed: pure decisions over a
//! clock that the caller brings.
//!
//! A *date* (`expires_at`) is the registry's promise; a *lock* is what a store holds to keep it. A
//! package without a date has none to lock until, so its objects keep a rolling lock.

use jiff::{SignedDuration, Timestamp};

use super::class::RetentionRule;
use super::status::PackageStatus;
use crate::limits::ROLLING_LOCK_DAYS;
use crate::retention::{Lock, LockMode, Period, Retention, RetentionError, check_date};

/// A package's date, counted from `start`; `None` of a class without a date.
///
/// The producer's days can lengthen what the class keeps and never shorten it: the class is the
/// operator's promise to whoever relies on its name, and a producer that wants less has a class
/// for it. Days asked of a class without a date ask for less than it gives.
pub fn expiry(
    rule: &RetentionRule,
    asked_days: Option<u32>,
    start: Timestamp,
) -> Result<Option<Timestamp>, RetentionError> {
    let Some(days) = rule.days else { return Ok(None) };
    let expires_at = Period::Days(days.max(asked_days.unwrap_or(0))).after(start)?;
    check_date(expires_at, start)?;
    Ok(Some(expires_at))
}

/// Why a date cannot be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExtensionRefused {
    /// The package is kept without a date, which is longer than any.
    #[error("the package has no date: it is kept until a person says otherwise")]
    NoDate,
    /// An extension only moves a date later.
    #[error("the date asked for is not after the package's own")]
    NotLater,
    /// The date is no date for a lock.
    #[error(transparent)]
    Date(#[from] RetentionError),
}

/// The new date of a package whose date is `current`: later than that, in the future, and at most
/// [`LOCK_DAYS_MAX`](crate::limits::LOCK_DAYS_MAX) days away.
pub fn extend(
    current: Option<Timestamp>,
    asked: Timestamp,
    now: Timestamp,
) -> Result<Timestamp, ExtensionRefused> {
    let current = current.ok_or(ExtensionRefused::NoDate)?;
    if asked <= current {
        return Err(ExtensionRefused::NotLater);
    }
    check_date(asked, now)?;
    Ok(asked)
}

/// Whether a package may go, and if not, what keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eligibility {
    /// Its date is past and nothing holds it.
    Eligible,
    /// Its date is still to come.
    NotYet {
        /// The first moment at which it may go.
        until: Timestamp,
    },
    /// Legal holds keep it, whatever its date.
    Held {
        /// How many.
        holds: u32,
    },
    /// It has no date.
    NoDate,
    /// It is not evidence yet, or no more.
    NotInState,
}

impl Eligibility {
    /// Whether the package may be deleted; `early` where somebody with the right to do so said that
    /// its date need not be past. No right overrides a hold.
    pub fn allows(self, early: bool) -> bool {
        match self {
            Self::Eligible => true,
            Self::NotYet { .. } | Self::NoDate => early,
            Self::Held { .. } | Self::NotInState => false,
        }
    }
}

/// Whether a package may go at `now`: asked when its deletion is requested, when the grace is over,
/// and again under the fence of each object.
pub fn eligibility(
    status: PackageStatus,
    expires_at: Option<Timestamp>,
    active_holds: u32,
    now: Timestamp,
) -> Eligibility {
    match status {
        PackageStatus::Finalized
        | PackageStatus::DeletionRequested
        | PackageStatus::Deleting
        | PackageStatus::DeletionBlocked => {}
        PackageStatus::Open
        | PackageStatus::Finalizing
        | PackageStatus::Deleted
        | PackageStatus::Abandoned => return Eligibility::NotInState,
    }
    if active_holds > 0 {
        return Eligibility::Held { holds: active_holds };
    }
    match expires_at {
        None => Eligibility::NoDate,
        Some(until) if until > now => Eligibility::NotYet { until },
        Some(_) => Eligibility::Eligible,
    }
}

/// Until when an object is locked first: until the package's date, or for a rolling period of
/// [`ROLLING_LOCK_DAYS`] where it has none. `None` where the date is past: nothing is left to promise.
pub fn lock_until(
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<Option<Timestamp>, RetentionError> {
    match expires_at {
        None => Period::Days(ROLLING_LOCK_DAYS).after(now).map(Some),
        Some(date) => Ok((date > now).then_some(date)),
    }
}

/// The date to which a lock has to be moved now, if it has to: `held_until` is what was read back
/// (`None` where no lock was).
///
/// A lock that ends before the package's date is moved to that date, to the second, in which stores
/// answer. A rolling lock is moved when half of its period is over, so that a renewal has the other half
/// to succeed in. A lock is never moved earlier.
pub fn renewal(
    held_until: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<Option<Timestamp>, RetentionError> {
    let Some(wanted) = lock_until(expires_at, now)? else { return Ok(None) };
    let Some(held_until) = held_until else { return Ok(Some(wanted)) };
    let is_enough = match expires_at {
        Some(date) => held_until.as_second() >= date.as_second(),
        None => held_until.duration_since(now) > half_of_rolling(),
    };
    Ok((!is_enough && wanted > held_until).then_some(wanted))
}

/// What an object should be under that was seen locked until `held_until`: the one place that says so, for whoever writes it,
/// makes it evidence or looks after it. `mode` is [`RetentionRule::lock_mode`].
///
/// Without a date its lock rolls: it is moved only when that is due, so that a hold renews nothing.
pub fn target(
    mode: Option<LockMode>,
    expires_at: Option<Timestamp>,
    is_held: bool,
    held_until: Option<Timestamp>,
    now: Timestamp,
) -> Result<Lock, RetentionError> {
    let until = match (mode, expires_at) {
        (None, _) => None,
        (Some(_), Some(_)) => lock_until(expires_at, now)?,
        (Some(_), None) => renewal(held_until, None, now)?.or(held_until),
    };
    let retention = mode.zip(until).map(|(mode, retain_until)| Retention { mode, retain_until });
    Ok(Lock { retention, legal_hold: is_held })
}

/// What has to be left of a rolling lock.
fn half_of_rolling() -> SignedDuration {
    SignedDuration::from_hours(i64::from(ROLLING_LOCK_DAYS) * 24 / 2)
}

#[cfg(test)]
mod tests;
