//! When a failed request is sent again, and after how long. All of it is here.
//!
//! A command that fails must have failed within 20 seconds: what counts is the time in which
//! nothing moved. A slow upload that moves may take as long as it needs.

use std::time::Duration;

use super::error::Failure;
use crate::StorageErrorKind as Kind;

/// How long the first try waits while nothing moves.
pub(super) const FIRST_STALL: Duration = Duration::from_secs(10);
/// How long every further try waits while nothing moves.
const LATER_STALL: Duration = Duration::from_secs(4);
/// How long the completion of a multipart upload may take: the store may copy all of it first.
pub(super) const COMPLETION_STALL: Duration = Duration::from_secs(60);
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
pub(super) struct Tries {
    failed: u32,
    idle: Duration,
}

impl Tries {
    /// How long the next try may wait while nothing moves, if the first may wait `first`.
    pub(super) fn stall(&self, first: Duration) -> Duration {
        if self.failed == 0 { first } else { LATER_STALL }
    }

    /// Whether one try has failed already.
    pub(super) fn any_failed(&self) -> bool {
        self.failed > 0
    }

    /// Counts a failed try in which nothing moved for `idle` at the end. The answer is the pause
    /// before the next try, or `None` when there should be none. `jitter` is random.
    pub(super) fn after(
        &mut self,
        failure: &Failure,
        idle: Duration,
        jitter: u8,
    ) -> Option<Duration> {
        self.failed += 1;
        self.idle += idle;
        let tries_max = match failure.kind() {
            _ if failure.is(&["NoSuchUpload"]) => 1,
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
    use http::{HeaderMap, StatusCode};

    use super::*;
    use crate::StorageError;
    use crate::s3::error::Refusal;

    fn refused(status: u16, code: &str) -> Failure {
        let body = format!("<Error><Code>{code}</Code></Error>");
        let status = StatusCode::from_u16(status).unwrap();
        Failure::Refused(Refusal::read(status, &HeaderMap::new(), body.as_bytes()))
    }

    fn unanswered(kind: Kind) -> Failure {
        Failure::Unanswered { error: StorageError::new(kind, "test"), sent: true }
    }

    /// How often a request is sent that always fails like this, and how long nothing moves.
    fn tries(failure: &Failure, idle_each: Duration) -> (u32, Duration) {
        let mut tries = Tries::default();
        let mut sent = 1;
        while tries.after(failure, idle_each.min(tries.stall(FIRST_STALL)), 255).is_some() {
            sent += 1;
        }
        (sent, tries.idle)
    }

    #[test]
    fn only_what_may_pass_is_tried_again_and_only_a_few_times() {
        for (failure, sent) in [
            (refused(403, "AccessDenied"), 1),
            (refused(404, "NoSuchBucket"), 1),
            (refused(412, "PreconditionFailed"), 1),
            (refused(501, "NotImplemented"), 1),
            (refused(400, "BadDigest"), 1),
            (refused(404, "NoSuchUpload"), 1),
            (refused(409, "ConditionalRequestConflict"), 4),
            (refused(500, "InternalError"), 4),
            (refused(503, "SlowDown"), 5),
            (unanswered(Kind::Unreachable), 3),
            (unanswered(Kind::TimedOut), 2),
            (unanswered(Kind::Tls), 1),
        ] {
            let (counted, idle) = tries(&failure, Duration::ZERO);
            assert_eq!(counted, sent, "{failure:?}");
            assert!(idle < Duration::from_secs(5), "{failure:?} {idle:?}");
        }
    }

    #[test]
    fn whatever_fails_has_failed_within_20_seconds() {
        let forever = Duration::from_secs(3_600);
        for failure in [
            unanswered(Kind::TimedOut),
            unanswered(Kind::Unreachable),
            refused(500, "InternalError"),
            refused(503, "SlowDown"),
        ] {
            let (_, idle) = tries(&failure, forever);
            assert!(idle < Duration::from_secs(20), "{failure:?} {idle:?}");
        }
    }

    #[test]
    fn a_pause_is_at_least_half_of_the_whole() {
        let pause = |jitter| {
            Tries::default().after(&refused(503, "SlowDown"), Duration::ZERO, jitter).unwrap()
        };
        assert_eq!(pause(0), FIRST_PAUSE / 2);
        assert_eq!(pause(255), FIRST_PAUSE);
    }
}
