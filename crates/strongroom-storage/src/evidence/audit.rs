//! A walk through what a store holds: every bundle there, its bytes, its locks, and what leads to it.
//!
//! Reads only. Bundles, records and signatures are listed side by side and joined by id; then the
//! references are listed and held against the ids that were met. Without reading bytes that is one
//! listing, one request for each record, and the locks that records promise. Memory does not follow
//! the size of the store: what is held is the ids of a slice, at most `IDS_HELD_MAX` of 33 bytes.
//!
//! | module | what |
//! |---|---|
//! | `walk` `keys` | bundles, records and signatures joined by id, a page of each in memory |
//! | `run` | the order of it all, and how far it has come |
//! | `check` | everything that is looked at of one bundle |
//! | `records` | its records, folded into what they promise |
//! | `lock` | a lock held against a promise: pure |
//! | `data` `directory` | its bytes, where they are read |
//! | `signatures` | its signatures, where trust roots are given |
//! | `absence` | why nothing is where something should be |
//! | `named` | the bundles that a run names |
//! | `held` `references` | the ids of a slice, and the references that lead to them |
//! | `sample` `cursor` | which part is looked at; how far an audit has come |
//! | `cost` `estimate` | what is asked of the store, counted and beforehand |
//! | `finding` `report` | what it comes to |

mod absence;
mod check;
mod cost;
mod cursor;
mod data;
mod directory;
mod estimate;
mod finding;
mod held;
mod keys;
mod lock;
mod named;
mod records;
mod references;
mod report;
mod run;
mod sample;
mod signatures;
mod walk;

use jiff::Timestamp;
use strongroom_core::retention::{Period, RetentionError};
use strongroom_core::signing::demand::Demand;

use self::check::Checks;
pub use self::cost::Cost;
use self::cost::Spent;
pub use self::cursor::{Cursor, InvalidCursor};
pub use self::estimate::{ESTIMATE_SCHEMA, Estimate, estimate};
pub use self::finding::{Class, Finding, KEYS_NAMED_MAX, Problem};
use self::held::IDS_HELD_MAX;
use self::lock::Times;
pub use self::report::{AUDIT_SCHEMA, AuditReport, FINDINGS_NAMED_MAX, LookedAt};
pub use self::run::Progressed;
use self::run::Run;
pub use self::sample::{InvalidSample, Sample};
use super::{EvidenceError, EvidenceErrorKind};
use crate::Storage;

/// Bundles that are looked at side by side.
const CHECKS_AT_ONCE: usize = 16;

/// What to audit.
#[derive(Debug, Clone)]
pub struct AuditRequest {
    /// Only the bundles of this run; all that the store holds where it is absent.
    pub run_id: Option<String>,
    /// Which part of the bundles.
    pub sample: Sample,
    /// Whether to read every byte.
    pub read_data: bool,
    /// Also tell of locks that end within this time, counted from the store's clock.
    pub expiring_within: Option<Period>,
    /// Go on where an earlier audit had come to.
    pub resume_after: Option<Cursor>,
    /// Also verify signatures, against these trust roots and times, and tell of what does not verify, or
    /// soon will not.
    pub demand: Option<Demand>,
}

/// What an audit came to, and why it came to no more.
#[derive(Debug)]
pub struct AuditOutcome {
    /// What was looked at and found.
    pub report: AuditReport,
    /// Why it ended before its end.
    pub cut_short: Option<CutShort>,
}

/// Why an audit ended before its end.
#[derive(Debug)]
pub enum CutShort {
    /// Somebody wanted it to end.
    Interrupted,
    /// The store failed.
    Failed(EvidenceError),
}

/// Audits until the end, or until `stop` is ready. Tells `advance` after each bundle. Fails as a whole
/// only where nothing was looked at.
pub async fn audit(
    store: &dyn Storage,
    request: &AuditRequest,
    stop: impl Future<Output = ()>,
    mut advance: impl FnMut(&AuditReport, Progressed),
) -> Result<AuditOutcome, EvidenceError> {
    let started_at = store.now().await?;
    let expiring_before = match request.expiring_within {
        Some(period) => Some(period.after(started_at).map_err(too_far)?),
        None => None,
    };
    let spent = Spent::default();
    let times = Times { now: started_at, expiring_before };
    let checks = Checks::new(store, &spent, times, request).await?;
    let report = begin(store, request, started_at, expiring_before);
    let mut run = Run {
        store,
        request,
        spent: &spent,
        checks: &checks,
        report,
        cursor: request.resume_after,
        slice_ids_max: IDS_HELD_MAX,
    };
    let cut_short = tokio::select! {
        done = run.all_the_way(&mut advance) => done.err().map(CutShort::Failed),
        () = stop => Some(CutShort::Interrupted),
    };
    let Run { mut report, cursor, .. } = run;
    report.cost = spent.so_far();
    report.complete = cut_short.is_none();
    report.resume_after = cursor
        .filter(|_| cut_short.is_some())
        .map(|cursor| Cursor { worst: report.worst(), ..cursor });
    match cut_short {
        Some(CutShort::Failed(error)) if report.looked_at == LookedAt::default() => Err(error),
        cut_short => Ok(AuditOutcome { report, cut_short }),
    }
}

fn begin(
    store: &dyn Storage,
    request: &AuditRequest,
    started_at: Timestamp,
    expiring_before: Option<Timestamp>,
) -> AuditReport {
    let endpoint = store.endpoint().map(str::to_owned);
    let mut report = AuditReport::new(store.url().to_owned(), endpoint, started_at)
        .going_on(request.resume_after);
    report.run_id.clone_from(&request.run_id);
    report.sample = request.sample.is_partial().then(|| request.sample.to_string());
    report.read_data = request.read_data;
    report.signatures_verified = request.demand.is_some();
    report.expiring_before = expiring_before;
    report
}

fn too_far(error: RetentionError) -> EvidenceError {
    let message = "the time within which locks are to be told of ends after the calendar does";
    EvidenceError::new(EvidenceErrorKind::LocalFile, message).with_source(error)
}
