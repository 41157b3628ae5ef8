//! The suite that every backend passes, and that a user runs against a bucket of their own:
//! `cargo run -p strongroom-storage --features conformance --example conformance -- URL`.
//!
//! It uses nothing but [`Storage`], so what it sees is what `push` and `pull` will meet. A case
//! never panics: it passes, it is skipped with a reason, or it finds something, under a name that
//! stays the same, so that what is known of a store can be written down and compared.
//!
//! It writes under a prefix of its own and cleans up behind itself. On a store that locks every
//! write by itself it does not write at all, unless that was accepted; its own locks last
//! [`LOCK_SECONDS`] and are of mode governance.

mod body;
mod cases;
mod leftovers;
mod report;
mod run;

use strongroom_core::observed::{Observed, Unobserved};

use self::cases::CASES;
use self::run::Run;
use crate::{Clock, Storage};

pub use self::report::{CaseReport, Leftover, Outcome, REPORT_SCHEMA, Report};

/// How long each lock lasts that the suite sets, in seconds.
pub const LOCK_SECONDS: i64 = 90;

/// How the suite runs.
#[derive(Debug, Clone)]
pub struct ConformanceOptions {
    /// Time and the name of the run.
    pub clock: Clock,
    /// Whether to write to a store that locks every write by itself: what the suite writes then
    /// stays as long as the store's default says.
    pub accept_default_retention: bool,
    /// Whether to run the cases that lock what they write.
    pub set_locks: bool,
}

impl ConformanceOptions {
    /// Every case, on a store that has no default retention.
    pub fn new(clock: Clock) -> Self {
        Self { clock, accept_default_retention: false, set_locks: true }
    }
}

/// Runs every case, one after the other, and cleans up.
pub async fn run(store: &dyn Storage, options: &ConformanceOptions) -> Report {
    let mut report = Report::new(store.url(), options.clock.now());
    if let Some(reason) = would_lock(store, options).await {
        report.skip_all(CASES.iter().map(|case| case.name), reason);
        return report;
    }
    let run = Run::new(store, options);
    report.prefix = Some(run.prefix().to_owned());
    for case in CASES {
        let outcome = (case.run)(&run).await;
        report.add(case.name, outcome.into());
    }
    report.leftovers = run.clean_up().await;
    report
}

/// Why nothing may be written here: it would stay for longer than anybody agreed to.
async fn would_lock(store: &dyn Storage, options: &ConformanceOptions) -> Option<&'static str> {
    if options.accept_default_retention {
        return None;
    }
    match store.bucket_locks().await.map(|locks| locks.default_retention) {
        Ok(Observed::Observed(None) | Observed::Unobserved(Unobserved::UnsupportedBackend)) => None,
        Ok(Observed::Observed(Some(_))) => {
            Some("would_lock: the store locks every write by itself")
        }
        Ok(Observed::Unobserved(_)) => {
            Some("would_lock: whether the store locks every write by itself cannot be read")
        }
        Err(_) => Some("the store did not answer"),
    }
}
