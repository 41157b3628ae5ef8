//! What was agreed to: for how long something may stay locked because of the analysis.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::retention::{DefaultRetention, LockMode};

use super::verdict::{Stop, stop};
use crate::{BucketLocks, SeenLock};

/// How long the locks are that the checks set, where more was agreed to.
const LOCK_SECONDS: i64 = 60;
/// How much longer a lock is made where that is tried: within what was agreed to.
pub(super) const EXTENSION_SECONDS: i64 = 5;

/// What may be locked, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consent {
    /// The longest lock that a check may set, in seconds.
    pub max_lock_seconds: i64,
    /// Until when COMPLIANCE locks, and what the bucket locks by itself, were accepted. `None`: not at
    /// all.
    pub accepted_until: Option<Date>,
}

impl Consent {
    /// How long the locks of the checks last.
    pub(super) fn lock_seconds(&self) -> i64 {
        self.max_lock_seconds.min(LOCK_SECONDS) - EXTENSION_SECONDS
    }

    /// Whether a lock until then may be set.
    pub(super) fn check(&self, mode: LockMode, retain_until: Timestamp) -> Result<(), Stop> {
        if mode == LockMode::Governance || self.accepts(retain_until) {
            return Ok(());
        }
        stop(
            Unobserved::WouldLock,
            "a COMPLIANCE lock, which nobody can undo, was not accepted (--yes-lock-until)",
        )
    }

    fn accepts(&self, retain_until: Timestamp) -> bool {
        let day = retain_until.to_zoned(TimeZone::UTC).date();
        self.accepted_until.is_some_and(|accepted| day <= accepted)
    }

    /// Whether anything may be written at all: a bucket may lock every write by itself, and for how
    /// long is its own word, or is not known.
    pub(super) fn check_writing(&self, locks: &BucketLocks, now: Timestamp) -> Result<(), Stop> {
        let default = match &locks.default_retention {
            Observed::Observed(None) | Observed::Unobserved(Unobserved::UnsupportedBackend) => {
                return Ok(());
            }
            Observed::Observed(Some(default)) => default,
            // One object shows it: see `check_first_write`.
            Observed::Unobserved(_) if self.accepted_until.is_some() => return Ok(()),
            Observed::Unobserved(reason) => {
                return stop(
                    Unobserved::WouldLock,
                    format!(
                        "whether the bucket locks every write by itself is not known ({reason}); \
                         --yes-lock-until accepts it"
                    ),
                );
            }
        };
        let end = end_of(default, now);
        let is_short = default.mode == LockMode::Governance
            && end.is_some_and(|end| end.duration_since(now).as_secs() <= self.max_lock_seconds);
        if is_short || end.is_some_and(|end| self.accepts(end)) {
            return Ok(());
        }
        stop(
            Unobserved::WouldLock,
            "the bucket locks every write by itself for longer than was accepted (--max-lock, \
             --yes-lock-until)",
        )
    }
}

/// What the first object that was written under an unknown default retention shows of it.
pub(super) fn check_first_write(consent: &Consent, seen: &SeenLock) -> Result<(), Stop> {
    let told = match &seen.retention {
        Observed::Observed(None) | Observed::Unobserved(Unobserved::UnsupportedBackend) => {
            return Ok(());
        }
        Observed::Observed(Some(held)) if consent.accepts(held.retain_until) => return Ok(()),
        Observed::Observed(Some(_)) => "it is locked for longer than was accepted",
        Observed::Unobserved(_) => "whether it is locked cannot be read either",
    };
    stop(
        Unobserved::WouldLock,
        format!(
            "the bucket's default retention cannot be read; one object was written to see it, and {told}"
        ),
    )
}

/// When what is written now may go again.
pub fn end_of(default: &DefaultRetention, now: Timestamp) -> Option<Timestamp> {
    default.at(now).ok().map(|retention| retention.retain_until)
}
