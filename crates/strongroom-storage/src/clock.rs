//! Time and identifiers come in from outside, so that tests bring their own.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

/// A source of the present time, and of identifiers that sort by it.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// This machine's clock.
    #[allow(clippy::disallowed_methods)] // the one place where time comes in
    pub fn system() -> Self {
        Self(Arc::new(Timestamp::now))
    }

    /// A clock that answers whatever `now` does.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The same without what is finer than a microsecond, for who keeps times in a database: so a time of its own
    /// reads the same in a row and in a document.
    pub fn to_the_microsecond(self) -> Self {
        Self::new(move || to_the_microsecond(self.now()))
    }

    /// The present.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }

    /// A new UUID v7 (RFC 9562 section 5.7) of the present.
    pub fn new_id(&self) -> Uuid {
        let now = self.now();
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let nanoseconds = u32::try_from(now.subsec_nanosecond()).unwrap_or_default();
        Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanoseconds))
    }
}

/// A time without what is finer than a microsecond.
pub fn to_the_microsecond(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
