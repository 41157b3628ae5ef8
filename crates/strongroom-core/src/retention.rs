//! Locks on stored objects: what is asked for, what is seen, and how two of them combine.
//! Pure decisions: the caller brings the clock, which is the *store's* clock.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::limits;

/// How strongly a store holds a locked version (S3 Object Lock retention modes).
/// The order is of strength: `Governance < Compliance`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LockMode {
    /// Those with a special right may shorten or remove the lock.
    Governance,
    /// Nobody may shorten or remove the lock before its date.
    Compliance,
}

impl fmt::Display for LockMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Governance => "governance",
            Self::Compliance => "compliance",
        })
    }
}

impl FromStr for LockMode {
    type Err = UnknownLockMode;

    fn from_str(text: &str) -> Result<Self, UnknownLockMode> {
        match text.to_ascii_lowercase().as_str() {
            "governance" => Ok(Self::Governance),
            "compliance" => Ok(Self::Compliance),
            _ => Err(UnknownLockMode),
        }
    }
}

/// A text that names no lock mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a lock mode is `governance` or `compliance`")]
pub struct UnknownLockMode;

/// A lock with a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// How strongly the version is held.
    pub mode: LockMode,
    /// The first moment at which the version may go.
    pub retain_until: Timestamp,
}

impl Retention {
    /// The weakest retention that is at least as strong as both: the stronger mode and the later
    /// date, each taken by itself. An explicit lock beats a bucket's default *even when weaker*, so
    /// what is sent must be this join of both.
    pub fn join(self, other: Self) -> Self {
        Self {
            mode: self.mode.max(other.mode),
            retain_until: self.retain_until.max(other.retain_until),
        }
    }

    /// Whether this holds at least as strongly and as long as `other`.
    ///
    /// Stores answer dates in whole seconds or finer; a date is met when its second is met.
    pub fn covers(self, other: Self) -> bool {
        self.mode >= other.mode && self.retain_until.as_second() >= other.retain_until.as_second()
    }
}

/// Joins two retentions of which either may be absent.
pub fn join(left: Option<Retention>, right: Option<Retention>) -> Option<Retention> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left.join(right)),
        (one, other) => one.or(other),
    }
}

/// The lock on one version: what somebody asks for, or what a store was seen to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Lock {
    /// The dated part.
    pub retention: Option<Retention>,
    /// The undated part: one bit, which others use too.
    pub legal_hold: bool,
}

impl Lock {
    /// No retention and no hold.
    pub const NONE: Self = Self { retention: None, legal_hold: false };

    /// Whether this is no lock at all.
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }

    /// The weakest lock at least as strong as both. Never lowers either.
    pub fn join(self, other: Self) -> Self {
        Self {
            retention: join(self.retention, other.retention),
            legal_hold: self.legal_hold || other.legal_hold,
        }
    }

    /// Whether this holds at least as strongly and as long as `other`.
    pub fn covers(&self, other: &Self) -> bool {
        let retention = match (self.retention, other.retention) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(held), Some(asked)) => held.covers(asked),
        };
        retention && (self.legal_hold || !other.legal_hold)
    }
}

/// A bucket's default retention: applied by the store to every version written without a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefaultRetention {
    /// The mode of the default.
    pub mode: LockMode,
    /// How long, counted from the write.
    #[serde(flatten)]
    pub period: Period,
}

/// A length of retention in the units of S3's default retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// Days of 24 hours.
    Days(u32),
    /// Calendar years.
    Years(u32),
}

impl Period {
    /// The end of this period when it starts at `start`. A year that has no such day (29 February)
    /// ends on the last day of the month; a start past the calendar's end is refused.
    pub fn after(self, start: Timestamp) -> Result<Timestamp, RetentionError> {
        let end = match self {
            Self::Days(days) => {
                start.checked_add(SignedDuration::from_hours(i64::from(days) * 24)).ok()
            }
            Self::Years(years) => {
                let zoned = start.to_zoned(jiff::tz::TimeZone::UTC);
                let span = jiff::Span::new().try_years(years).ok();
                span.and_then(|span| zoned.checked_add(span).ok()).map(|end| end.timestamp())
            }
        };
        end.ok_or(RetentionError::TooLong)
    }
}

impl DefaultRetention {
    /// What the store would give a version written at `now` without a lock of its own.
    pub fn at(&self, now: Timestamp) -> Result<Retention, RetentionError> {
        Ok(Retention { mode: self.mode, retain_until: self.period.after(now)? })
    }
}

/// A lock that must not be asked of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RetentionError {
    /// The date is not after the store's present.
    #[error("the lock would end before it begins: its date is not in the store's future")]
    NotInFuture,
    /// The date is further away than [`limits::LOCK_DAYS_MAX`].
    #[error("the lock is longer than the limit LOCK_DAYS_MAX ({} days)", limits::LOCK_DAYS_MAX)]
    TooLong,
    /// The local and the store's clock disagree by more than [`limits::CLOCK_SKEW_SECONDS_MAX`].
    #[error(
        "this machine's clock and the store's are {skew_seconds} seconds apart \
         (CLOCK_SKEW_SECONDS_MAX is {})",
        limits::CLOCK_SKEW_SECONDS_MAX
    )]
    ClockSkew {
        /// How far the local clock is ahead of the store's; negative when it is behind.
        skew_seconds: i64,
    },
}

/// Checks a lock's date against the store's clock: in the future, and within the longest lock.
pub fn check_date(retain_until: Timestamp, store_now: Timestamp) -> Result<(), RetentionError> {
    if retain_until <= store_now {
        return Err(RetentionError::NotInFuture);
    }
    let longest = Period::Days(limits::LOCK_DAYS_MAX).after(store_now)?;
    if retain_until > longest {
        return Err(RetentionError::TooLong);
    }
    Ok(())
}

/// Lock dates start from the store's clock. Two clocks more than
/// [`limits::CLOCK_SKEW_SECONDS_MAX`] apart mean that one of them is wrong, so nothing dated is
/// written at all.
pub fn check_clocks(local_now: Timestamp, store_now: Timestamp) -> Result<(), RetentionError> {
    let skew_seconds = local_now.duration_since(store_now).as_secs();
    if skew_seconds.unsigned_abs() > limits::CLOCK_SKEW_SECONDS_MAX {
        return Err(RetentionError::ClockSkew { skew_seconds });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    fn retention(mode: LockMode, text: &str) -> Retention {
        Retention { mode, retain_until: time(text) }
    }

    #[test]
    fn joining_takes_the_stronger_mode_and_the_later_date() {
        let short_compliance = retention(LockMode::Compliance, "2026-01-02T00:00:00Z");
        let long_governance = retention(LockMode::Governance, "2027-01-01T00:00:00Z");
        let joined = short_compliance.join(long_governance);
        assert_eq!(joined, retention(LockMode::Compliance, "2027-01-01T00:00:00Z"));
        assert!(joined.covers(short_compliance) && joined.covers(long_governance));
        assert!(!short_compliance.covers(long_governance));
        assert!(!long_governance.covers(short_compliance));
    }

    #[test]
    fn a_date_is_met_when_its_second_is_met() {
        let asked = retention(LockMode::Governance, "2026-01-02T00:00:00.9Z");
        let held = retention(LockMode::Governance, "2026-01-02T00:00:00Z");
        assert!(held.covers(asked));
    }

    #[test]
    fn a_hold_is_not_covered_by_any_date() {
        let held = Lock {
            retention: Some(retention(LockMode::Compliance, "2099-01-01T00:00:00Z")),
            legal_hold: false,
        };
        assert!(!held.covers(&Lock { retention: None, legal_hold: true }));
    }

    #[test]
    fn years_follow_the_calendar() {
        let leap_day = time("2024-02-29T12:00:00Z");
        assert_eq!(Period::Years(1).after(leap_day), Ok(time("2025-02-28T12:00:00Z")));
        assert_eq!(Period::Days(365).after(leap_day), Ok(time("2025-02-28T12:00:00Z")));
        assert_eq!(Period::Days(366).after(leap_day), Ok(time("2025-03-01T12:00:00Z")));
    }

    #[test]
    fn dates_outside_the_limits_are_refused() {
        let now = time("2026-01-01T00:00:00Z");
        assert_eq!(check_date(now, now), Err(RetentionError::NotInFuture));
        assert_eq!(check_date(time("2500-01-01T00:00:00Z"), now), Err(RetentionError::TooLong));
        assert_eq!(check_date(time("2026-01-01T00:00:01Z"), now), Ok(()));
    }

    #[test]
    fn a_period_beyond_the_calendar_is_too_long_and_never_nothing() {
        let now = time("2026-01-01T00:00:00Z");
        for years in [8_000, 20_000, u32::MAX] {
            assert_eq!(Period::Years(years).after(now), Err(RetentionError::TooLong), "{years}");
        }
        assert_eq!(Period::Days(u32::MAX).after(now), Err(RetentionError::TooLong));
    }

    #[test]
    fn clocks_more_than_five_minutes_apart_are_refused() {
        let store = time("2026-01-01T00:00:00Z");
        assert_eq!(check_clocks(time("2026-01-01T00:05:00Z"), store), Ok(()));
        assert_eq!(
            check_clocks(time("2025-12-31T23:54:59Z"), store),
            Err(RetentionError::ClockSkew { skew_seconds: -301 })
        );
    }
}
