//! When a failed request is sent again, and after how long. All of it is here.
//!
//! A command that fails must have failed within 20 seconds: what counts is the time in which
//! nothing moved. A slow upload that moves may take as long as it needs.

use std::time::Duration;

use crate::StorageErrorKind as Kind;

/// How long the first try waits while nothing moves.
pub(crate) const FIRST_STALL: Duration = Duration::from_secs(10);
/// How long every further try waits while nothing moves.
const LATER_STALL: Duration = Duration::from_secs(4);
/// How long the completion of a multipart upload may take: the store may copy all of it first.
pub(crate) const COMPLETION_STALL: Duration = Duration::from_secs(60);
/// No further try begins once this much time went by in which nothing moved.
const IDLE_MAX: Duration = Duration::from_secs(12);

/// Tries of a request when there is no connection, or it breaks.
const UNREACHABLE_TRIES_MAX: u32 = 3;
/// Tries of a request that is not answered in time.
const TIMED_OUT_TRIES_MAX: u32 = 2;
/// Tries of a request when the store asks for patience.
const THROTTLED_TRIES_MAX: u32 = 5;
/// Tries of a request when the store fails.
const SERVER_FAULT_TRIES_MAX: u32 = 4;

/// The pause before the second try; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// The tries of one request.
#[derive(Debug, Default)]
pub(crate) struct Tries {
    failed: u32,
    idle: Duration,
}

impl Tries {
    /// How long the next try may wait while nothing moves, if the first may wait `first`.
    pub(crate) fn stall(&self, first: Duration) -> Duration {
        if self.failed == 0 { first } else { LATER_STALL }
    }

    /// Whether one try has failed already.
    pub(crate) fn any_failed(&self) -> bool {
        self.failed > 0
    }

    /// Counts a failed try in which nothing moved for `idle` at the end. The answer is the pause
    /// before the next try, or `None` when there should be none. `jitter` is random.
    pub(crate) fn after(&mut self, kind: Kind, idle: Duration, jitter: u8) -> Option<Duration> {
        self.failed += 1;
        self.idle += idle;
        let tries_max = match kind {
            Kind::Unreachable => UNREACHABLE_TRIES_MAX,
            Kind::TimedOut => TIMED_OUT_TRIES_MAX,
            Kind::Throttled => THROTTLED_TRIES_MAX,
            Kind::ServerFault => SERVER_FAULT_TRIES_MAX,
            _ => 1,
        };
        if self.failed >= tries_max || self.idle >= IDLE_MAX {
            return None;
        }
        let pause = (FIRST_PAUSE * 2_u32.pow(self.failed - 1)).min(PAUSE_MAX);
        // Between half of it and all of it, so that many clients do not return together.
        let pause = pause.mul_f64(0.5 + f64::from(jitter) / 510.0);
        self.idle += pause;
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often a request is sent that always fails like this, and how long nothing moves.
    fn tries(kind: Kind, idle_each: Duration) -> (u32, Duration) {
        let mut tries = Tries::default();
        let mut sent = 1;
        while tries.after(kind, idle_each.min(tries.stall(FIRST_STALL)), 255).is_some() {
            sent += 1;
        }
        (sent, tries.idle)
    }

    #[test]
    fn only_what_may_pass_is_tried_again_and_only_a_few_times() {
        for (kind, sent) in [
            (Kind::PermissionDenied, 1),
            (Kind::StoreNotFound, 1),
            (Kind::AlreadyExists, 1),
            (Kind::Unsupported, 1),
            (Kind::Integrity, 1),
            (Kind::Tls, 1),
            (Kind::ServerFault, 4),
            (Kind::Throttled, 5),
            (Kind::Unreachable, 3),
            (Kind::TimedOut, 2),
        ] {
            let (counted, idle) = tries(kind, Duration::ZERO);
            assert_eq!(counted, sent, "{kind:?}");
            assert!(idle < Duration::from_secs(5), "{kind:?} {idle:?}");
        }
    }

    #[test]
    fn whatever_fails_has_failed_within_20_seconds() {
        let forever = Duration::from_secs(3_600);
        for kind in [Kind::TimedOut, Kind::Unreachable, Kind::ServerFault, Kind::Throttled] {
            let (_, idle) = tries(kind, forever);
            assert!(idle < Duration::from_secs(20), "{kind:?} {idle:?}");
        }
    }

    #[test]
    fn a_pause_is_at_least_half_of_the_whole() {
        let pause = |jitter| Tries::default().after(Kind::Throttled, Duration::ZERO, jitter);
        assert_eq!(pause(0), Some(FIRST_PAUSE / 2));
        assert_eq!(pause(255), Some(FIRST_PAUSE));
    }
}
