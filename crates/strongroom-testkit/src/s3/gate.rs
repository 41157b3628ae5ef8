//! A gate: requests wait in front of it until the test opens it.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

/// How long [`Gate::wait_for_arrivals`] waits before it calls the test failed.
const ARRIVAL_SECONDS_MAX: u64 = 30;

/// A gate. Clones are the same gate.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Inner>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    Closed,
    Open,
    CutOff,
}

#[derive(Debug)]
struct Inner {
    position: watch::Sender<Position>,
    arrivals: Mutex<usize>,
    arrived: Condvar,
    arrivals_async: watch::Sender<usize>,
}

impl Gate {
    /// A closed gate.
    pub fn closed() -> Self {
        Self(Arc::new(Inner {
            position: watch::Sender::new(Position::Closed),
            arrivals: Mutex::new(0),
            arrived: Condvar::new(),
            arrivals_async: watch::Sender::new(0),
        }))
    }

    /// Lets everybody through, from now on.
    pub fn open(&self) {
        self.0.position.send_replace(Position::Open);
    }

    /// Cuts the connections of those who wait, and of those who come: what was held before it was
    /// done stays undone.
    pub fn cut_off(&self) {
        self.0.position.send_replace(Position::CutOff);
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

    /// A request's way through the gate. Answers whether it got through.
    pub(crate) async fn pass(&self) -> bool {
        let arrivals = {
            let mut arrivals = self.0.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
            *arrivals += 1;
            *arrivals
        };
        self.0.arrived.notify_all();
        self.0.arrivals_async.send_replace(arrivals);
        let mut position = self.0.position.subscribe();
        let decided = position.wait_for(|position| *position != Position::Closed).await;
        // An error says that the gate is gone, and with it the test.
        decided.is_ok_and(|position| *position == Position::Open)
    }
}
