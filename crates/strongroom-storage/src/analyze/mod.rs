//! `store analyze`: the store is attacked, and what it does is written down. Each check says what it
//! attacks, which requests it sends, what a store does that keeps evidence, and what this one was
//! seen to do. What was not seen is `unobserved`, with the reason; nothing is guessed from names,
//! versions or documentation.
//!
//! | module | what |
//! |---|---|
//! | `checks` | the attacks, a family a file |
//! | `lab` `upload` | what they work with: keys, bytes, locks, raw requests |
//! | [`verdict`] [`requirement`] | what a check comes to, and what a purpose needs |
//! | [`report`] | the document |
//! | [`consent`] | for how long something may stay locked |
//! | [`leftovers`] | what stays behind, and how it is removed |
//! | [`drift`] | what changed since another report |
//! | [`statement`] | the report as an in-toto Statement |
//!
//! Everything is written under `.strongroom-analysis/` and a folder of the run's own, by the store's
//! prefix. No lock is longer than was agreed to, and a bucket that locks every write by itself is not
//! written to unless that was agreed to as well.

mod checks;
pub mod consent;
pub mod drift;
mod lab;
pub mod leftovers;
pub mod report;
pub mod requirement;
pub mod statement;
mod target;
mod upload;
pub mod verdict;

use std::sync::Arc;
use std::time::{Duration, Instant};

use strongroom_core::observed::{Observed, Unobserved};
use uuid::Uuid;

use self::checks::Check;
use self::consent::Consent;
use self::lab::Lab;
use self::leftovers::Runs;
use self::report::{
    Bucket, CheckReport, ConsentReport, Leftover, NOT_PROVEN, REPORT_SCHEMA, Report,
};
use self::requirement::{Requirement, weaker};
use self::verdict::{Depth, Outcome, Seen, Stop, Verdict};
use crate::exchange::witness::Witness;
use crate::{Clock, StorageError, StorageErrorKind};

pub use self::target::Target;

/// How long one check may take: the longest waits for a lock of seconds to run out.
const CHECK_TIME_MAX: Duration = Duration::from_secs(120);
/// After this long no further check begins: another run may then take this one for dead
/// ([`leftovers::RUN_TIME_MAX`]).
const RUN_TIME_MAX: Duration = Duration::from_secs(25 * 60);

/// What to run, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// How much. What a requirement needs is run in any case.
    pub depth: Depth,
    /// What bodies, keys and ranges are made from.
    pub seed: u64,
    /// No check begins that could send more requests than this in all.
    pub budget_requests: Option<u64>,
    /// What was agreed to.
    pub consent: Consent,
    /// What the store is needed for.
    pub required: Vec<Requirement>,
    /// Time and the name of the run.
    pub clock: Clock,
}

/// Where a run is.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// The check that begins.
    pub id: &'static str,
    /// How many were before it.
    pub number: usize,
    /// How many there are.
    pub total: usize,
}

/// Attacks the store, and cleans up. When `stop` ends, no further check is run: what was seen until then
/// is reported, and what was written is removed.
///
/// Fails only where there is nothing to report: the store is not reached, or not there.
pub async fn analyze(
    target: &Target,
    options: &Options,
    stop: impl Future<Output = ()>,
    progress: &(dyn Fn(Step) + Sync),
) -> Result<Report, StorageError> {
    let started_at = options.clock.now();
    let witness = Arc::new(Witness::default());
    let target = target.seen_by(&witness);
    let store = target.store();
    let status = store.status().await;
    if status.reachable.value() != Some(&true) {
        let words = status.problems.first().cloned();
        return Err(StorageError::new(
            StorageErrorKind::Unreachable,
            words.unwrap_or_else(|| "the store was not reached".to_owned()),
        ));
    }
    let now = store.now().await?;
    let run = options.clock.new_id();
    let raw = match &target {
        Target::S3(store) => Some(store.raw()),
        Target::Other(_) => None,
    };
    let bucket = Bucket::from(&status);
    let backend = status.backend.to_owned();
    let lab =
        Lab::new(Arc::clone(&store), raw, options.consent, status, (run.to_string(), options.seed));
    let mut may_write = options.consent.check_writing(&lab.locks, now);
    let default_is_unknown = matches!(
        &lab.locks.default_retention,
        Observed::Unobserved(reason) if *reason != Unobserved::UnsupportedBackend
    );
    if may_write.is_ok() && default_is_unknown {
        may_write = lab.see_default(&options.consent).await;
    }
    let chosen: Vec<&Check> = checks::all().filter(|check| is_chosen(check, options)).collect();
    let mut reports = Vec::with_capacity(chosen.len());
    let mut stop = std::pin::pin!(stop);
    let mut cut_short = false;
    let began = Instant::now();
    witness.take();
    for (number, check) in chosen.iter().enumerate() {
        progress(Step { id: check.id, number, total: chosen.len() });
        cut_short |= began.elapsed() > RUN_TIME_MAX;
        let outcome = tokio::select! {
            biased;
            () = &mut stop, if !cut_short => {
                cut_short = true;
                interrupted()
            }
            outcome = perform(check, &lab, &may_write, options, &witness), if !cut_short => outcome,
            else => interrupted(),
        };
        reports.push(described(check, outcome, witness.take(), &lab));
    }
    let leftovers = sweep(&target, run, now).await;
    Ok(Report {
        schema: REPORT_SCHEMA.to_owned(),
        tool: concat!("strongroom ", env!("CARGO_PKG_VERSION")).to_owned(),
        run: run.to_string(),
        seed: options.seed,
        depth: options.depth,
        store: store.url().to_owned(),
        endpoint: store.endpoint().map(str::to_owned),
        backend,
        started_at,
        finished_at: options.clock.now(),
        bucket,
        consent: ConsentReport {
            max_lock_seconds: options.consent.max_lock_seconds,
            accepted_until: options.consent.accepted_until,
        },
        cut_short,
        requests: witness.requests(),
        verdict: Requirement::ALL
            .iter()
            .map(|requirement| requirement.judge(&reports).verdict)
            .fold(Verdict::Enforced, weaker),
        requirements: Requirement::ALL
            .iter()
            .map(|requirement| requirement.judge(&reports))
            .collect(),
        required: options.required.clone(),
        checks: reports,
        leftovers,
        not_proven: NOT_PROVEN.map(str::to_owned).to_vec(),
    })
}

fn interrupted() -> Outcome {
    verdict::stop(Unobserved::NotProbed, "the analysis was interrupted")
}

/// Removes what a run, or every run, left behind and nothing holds. Answers what stays.
pub async fn clean_up(target: &Target, runs: Runs) -> Result<Vec<Leftover>, StorageError> {
    leftovers::clean_up(target, runs).await
}

fn is_chosen(check: &Check, options: &Options) -> bool {
    check.depth <= options.depth
        || options.required.iter().any(|requirement| requirement.names(check.id))
}

async fn perform(
    check: &Check,
    lab: &Lab,
    may_write: &Result<(), Stop>,
    options: &Options,
    witness: &Witness,
) -> Outcome {
    // A check that sends nothing writes nothing.
    if check.requests_max > 0 {
        may_write.clone()?;
    }
    if options
        .budget_requests
        .is_some_and(|budget| witness.requests() + check.requests_max > budget)
    {
        return verdict::stop(
            Unobserved::NotProbed,
            "the budget of requests is used up (--budget-requests)",
        );
    }
    match tokio::time::timeout(CHECK_TIME_MAX, (check.run)(lab)).await {
        Ok(outcome) => outcome,
        Err(_) => verdict::stop(
            Unobserved::Error,
            format!("it took longer than the limit of {} seconds", CHECK_TIME_MAX.as_secs()),
        ),
    }
}

fn described(check: &Check, outcome: Outcome, requests: Vec<String>, lab: &Lab) -> CheckReport {
    let (verdict, unobserved, observed) = match outcome {
        Ok(Seen { verdict, observed }) => (verdict, None, observed),
        Err(Stop { reason, observed }) => (Verdict::Unobserved, Some(reason), observed),
    };
    let sentence = match verdict {
        Verdict::Enforced => check.holds.to_owned(),
        Verdict::NotEnforced | Verdict::GovernanceOnly => check.fails.to_owned(),
        Verdict::Unobserved => format!("not known whether {}", check.holds),
    };
    let failed = matches!(verdict, Verdict::NotEnforced | Verdict::GovernanceOnly);
    CheckReport {
        id: check.id.to_owned(),
        attack: check.attack.to_owned(),
        requests: requests.into_iter().map(|line| lab.shorten(&line)).collect(),
        expected: check.expected.to_owned(),
        observed,
        verdict,
        unobserved,
        severity: check.severity,
        sentence,
        remedy: failed.then(|| check.remedy.to_owned()),
    }
}

/// Cleans up behind this run and behind runs that were killed. A store that does not list is said to
/// hold whatever was written.
async fn sweep(target: &Target, run: Uuid, now: jiff::Timestamp) -> Vec<Leftover> {
    let own = leftovers::clean_up(target, Runs::One(run)).await;
    let cleaned = match own {
        // What is left of others is looked at only where there is any.
        Ok(left) if left.iter().any(|leftover| leftover.run != run.to_string()) => {
            leftovers::clean_up(target, Runs::Dead(now)).await
        }
        cleaned => cleaned,
    };
    cleaned.unwrap_or_else(|error| {
        vec![Leftover {
            run: run.to_string(),
            key: format!("{}{run}/", lab::ANALYSIS),
            version_id: None,
            locked_until: None,
            reason: format!("what was written could not be listed, and so not removed: {error}"),
        }]
    })
}
