//! A gate: requests wait in front of it until the test opens it.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

/// How long [`Gate::wait_for_arrivals`] waits before it calls the test failed.
const ARRIVAL_SECONDS_MAX: u64 = 30;

/// A gate. Clones are the same gate.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    open: watch::Sender<bool>,
    arrivals: Mutex<usize>,
    arrived: Condvar,
    arrivals_async: watch::Sender<usize>,
}

impl Gate {
    /// A closed gate.
    pub fn closed() -> Self {
        Self(Arc::new(Inner {
            open: watch::Sender::new(false),
            arrivals: Mutex::new(0),
            arrived: Condvar::new(),
            arrivals_async: watch::Sender::new(0),
        }))
    }

    /// Lets everybody through, from now on.
    pub fn open(&self) {
        self.0.open.send_replace(true);
    }

    /// How many requests came to the gate so far.
    pub fn arrivals(&self) -> usize {
        *self.0.arrivals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `count` requests came. Panics after 30 seconds: they will not come any more.
    pub async fn arrived(&self, count: usize) {
        let mut arrivals = self.0.arrivals_async.subscribe();
        let waited = tokio::time::timeout(
            Duration::from_secs(ARRIVAL_SECONDS_MAX),
            arrivals.wait_for(|seen| *seen >= count),
        )
        .await;
        assert!(waited.is_ok(), "only {} of {count} requests came to the gate", self.arrivals());
    }

    /// Waits, in a test that is not `async`, until `count` requests came or `give_up` says that
    /// they will not (a child process that ended). Answers whether they came.
    pub fn wait_for_arrivals(&self, count: usize, mut give_up: impl FnMut() -> bool) -> bool {
        let mut arrivals = self.0.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        let look_again = Duration::from_millis(5);
        let mut looks_left = u128::from(ARRIVAL_SECONDS_MAX) * 1_000 / look_again.as_millis();
        while *arrivals < count {
            if give_up() || looks_left == 0 {
                return false;
            }
            looks_left -= 1;
            (arrivals, _) = self
                .0
                .arrived
                .wait_timeout(arrivals, look_again)
                .unwrap_or_else(PoisonError::into_inner);
        }
        true
    }

    /// A request's way through the gate.
    pub(crate) async fn pass(&self) {
        let arrivals = {
            let mut arrivals = self.0.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
            *arrivals += 1;
            *arrivals
        };
        self.0.arrived.notify_all();
        self.0.arrivals_async.send_replace(arrivals);
        // Fails only when the gate itself is gone, and then nobody waits.
        let _ = self.0.open.subscribe().wait_for(|open| *open).await;
    }
}
