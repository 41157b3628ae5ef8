//! Time that a test holds in its hand.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// A clock shared by a server and its test: clones turn together.
#[derive(Debug, Clone)]
pub struct TestClock(Arc<Mutex<Reading>>);

#[derive(Debug, Clone, Copy)]
enum Reading {
    /// This machine's clock, and how far this one runs ahead of it.
    Ahead(SignedDuration),
    /// A moment that stays.
    Fixed(Timestamp),
}

impl TestClock {
    /// A clock that runs with this machine's.
    pub fn system() -> Self {
        Self(Arc::new(Mutex::new(Reading::Ahead(SignedDuration::ZERO))))
    }

    /// A clock that stands still at `moment` until it is advanced.
    pub fn fixed(moment: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(Reading::Fixed(moment))))
    }

    /// The present by this clock.
    #[allow(clippy::disallowed_methods)] // where the tests' time comes in
    pub fn now(&self) -> Timestamp {
        match *self.reading() {
            Reading::Ahead(by) => Timestamp::now() + by,
            Reading::Fixed(moment) => moment,
        }
    }

    /// Turns the clock, forwards or (with a negative duration) back.
    pub fn advance(&self, by: SignedDuration) {
        let mut reading = self.reading();
        *reading = match *reading {
            Reading::Ahead(already) => Reading::Ahead(already + by),
            Reading::Fixed(moment) => Reading::Fixed(moment + by),
        };
    }

    fn reading(&self) -> std::sync::MutexGuard<'_, Reading> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self::system()
    }
}
