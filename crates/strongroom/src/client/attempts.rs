//! When a request is sent again. Every request of this client can be: what it changes is named by an idempotency
//! key, by a digest, or by an id that is answered the same twice.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use strongroom_registry::error::ErrorKind;

use crate::failure::Failure;

/// How often a request is sent at most.
pub const ATTEMPTS_MAX: u32 = 6;
/// The wait before the second attempt; twice as long before each further one.
const BACK_OFF_FIRST: Duration = Duration::from_millis(250);
/// The longest wait, whatever a registry asks for.
const BACK_OFF_MAX: Duration = Duration::from_secs(30);

/// Why a request came to nothing, and whether it is worth sending again.
#[derive(Debug)]
pub struct Refusal {
    /// What to tell, in the end.
    pub failure: Failure,
    again: Again,
    /// What the registry called it, where it answered.
    kind: Option<ErrorKind>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Again {
    No,
    Soon,
    After(Duration),
}

impl Refusal {
    /// It would be refused again.
    pub fn for_good(failure: Failure) -> Self {
        Self { failure, again: Again::No, kind: None }
    }

    /// The connection failed or broke.
    pub fn on_the_way(failure: Failure) -> Self {
        Self { failure, again: Again::Soon, kind: None }
    }

    /// An answer that is no success. `kind` is known where a registry answered.
    pub fn answered(
        failure: Failure,
        status: StatusCode,
        kind: Option<ErrorKind>,
        headers: &HeaderMap,
    ) -> Self {
        let is_transient = match kind {
            Some(kind) => kind.is_transient(),
            // A proxy's answer, in front of a registry that starts or is busy.
            None => matches!(status.as_u16(), 429 | 502 | 503 | 504),
        };
        let again = match (is_transient, asked_wait(headers)) {
            (false, _) => Again::No,
            (true, None) => Again::Soon,
            (true, Some(wait)) => Again::After(wait),
        };
        Self { failure, again, kind }
    }

    /// What the registry called it; none where it was cut off, or something else answered.
    pub fn kind(&self) -> Option<ErrorKind> {
        self.kind
    }

    /// Waits for as long as is good before it is asked again, where that is no failure.
    pub async fn wait(&self) {
        let asked = match self.again {
            Again::After(asked) => asked,
            Again::No | Again::Soon => BACK_OFF_FIRST,
        };
        tokio::time::sleep(asked.clamp(BACK_OFF_FIRST, BACK_OFF_MAX)).await;
    }

    /// Whether it came to nothing on the way there or back.
    pub fn was_cut(&self) -> bool {
        self.kind.is_none() && self.again != Again::No
    }
}

/// The seconds of `Retry-After` (RFC 9110 section 10.2.3); a date there says nothing to a client whose clock may be
/// another.
fn asked_wait(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The attempts of one request.
#[derive(Debug, Default)]
pub struct Attempts {
    failed: u32,
}

impl Attempts {
    /// Waits for as long as is good before the next attempt; or answers why there is none.
    pub async fn wait_or_give_up(&mut self, refusal: Refusal) -> Result<(), Failure> {
        self.failed += 1;
        let Some(wait) = self.wait_after(refusal.again) else { return Err(refusal.failure) };
        tracing::debug!(
            attempt = self.failed,
            wait_ms = wait.as_millis(),
            "a request is sent again"
        );
        tokio::time::sleep(wait).await;
        Ok(())
    }

    fn wait_after(&self, again: Again) -> Option<Duration> {
        if self.failed >= ATTEMPTS_MAX {
            return None;
        }
        let back_off = BACK_OFF_FIRST * 2_u32.saturating_pow(self.failed - 1);
        match again {
            Again::No => None,
            Again::Soon => Some(back_off.min(BACK_OFF_MAX)),
            Again::After(asked) => Some(asked.max(back_off).min(BACK_OFF_MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn answered(status: u16, kind: Option<ErrorKind>, wait: Option<&'static str>) -> Again {
        let mut headers = HeaderMap::new();
        if let Some(wait) = wait {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(wait));
        }
        let status = StatusCode::from_u16(status).unwrap();
        Refusal::answered(Failure::usage("x"), status, kind, &headers).again
    }

    #[test]
    fn what_may_pass_is_sent_again_and_what_is_refused_is_not() {
        assert_eq!(answered(503, Some(ErrorKind::Busy), None), Again::Soon);
        let after = Again::After(Duration::from_secs(5));
        assert_eq!(answered(503, Some(ErrorKind::StoreUnavailable), Some("5")), after);
        for status in [429, 502, 503, 504] {
            assert_eq!(answered(status, None, None), Again::Soon, "{status}");
        }
        for kind in ErrorKind::ALL.into_iter().filter(|kind| !kind.is_transient()) {
            assert_eq!(answered(503, Some(kind), Some("5")), Again::No, "{kind:?}");
        }
        for status in [400, 401, 403, 404, 500] {
            assert_eq!(answered(status, None, None), Again::No, "{status}");
        }
    }

    #[test]
    fn waits_double_and_end_and_never_pass_their_bound() {
        let waits: Vec<_> =
            (1..=ATTEMPTS_MAX).map(|failed| Attempts { failed }.wait_after(Again::Soon)).collect();
        let ms = |ms| Some(Duration::from_millis(ms));
        assert_eq!(waits, [ms(250), ms(500), ms(1_000), ms(2_000), ms(4_000), None]);
        let first = Attempts { failed: 1 };
        let asked = |seconds| first.wait_after(Again::After(Duration::from_secs(seconds)));
        assert_eq!(asked(2), Some(Duration::from_secs(2)));
        assert_eq!(asked(86_400), Some(BACK_OFF_MAX));
        assert_eq!(asked(0), Some(BACK_OFF_FIRST));
        assert_eq!(first.wait_after(Again::No), None);
    }
}
