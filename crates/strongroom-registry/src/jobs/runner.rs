//! Claims jobs, holds their leases, and says what came of them.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, join, join_all, ready};
use jiff::SignedDuration;
use serde_json::Value;
use tokio::sync::SemaphorePermit;
use tokio::time::{Instant, interval_at, sleep, timeout_at};

use super::{
    Attempt, JobKind, apply_retention, clean_up, delete_package, finalize, ingest_local_files,
    restore, sweep,
};
use crate::db::{DbError, JobEnd, JobLease};
use crate::error::ServiceError;
use crate::server::Stop;
use crate::service::Registry;

/// A lease is renewed this many times before it would end.
const RENEWALS_OF_LEASE: u32 = 3;
/// A renewal may take this long, however short the lease: a database under load answers late.
const RENEWAL_TIME_MIN: Duration = Duration::from_secs(10);
/// How long a job waits that could not be begun.
const POSTPONED_FOR: SignedDuration = SignedDuration::from_secs(2);
/// The longest wait between two attempts.
const BACK_OFF_MAX: SignedDuration = SignedDuration::from_mins(10);

/// Works on jobs until told to stop. What is being worked on then goes on to its end; whoever cannot wait drops the
/// future, and another worker takes over when the lease is over.
pub async fn work(registry: Arc<Registry>, owner: String, stop: Stop) {
    let workers = registry.settings().jobs.workers.max(1);
    let loops = (0..workers)
        .map(|number| one_worker(Arc::clone(&registry), format!("{owner}/{number}"), stop.clone()));
    let telling = tell_of_the_end(&registry, stop.clone());
    let working = join(join_all(loops), sweep::run(Arc::clone(&registry), stop.clone()));
    join(working, telling).await;
}

/// Jobs that can end early and be gone on with look for it.
async fn tell_of_the_end(registry: &Registry, mut stop: Stop) {
    stop.told().await;
    registry.note_stopping();
}

/// Claims one job and runs it; tells whether there was one that could be run now. For whoever steps through the work
/// of a registry instead of leaving it to [`work`].
pub async fn run_one(registry: &Arc<Registry>, owner: &str) -> Result<bool, DbError> {
    let asked_at = Instant::now();
    let Some(lease) = claim(registry, owner).await? else { return Ok(false) };
    run(Attempt::new(Arc::clone(registry), lease, asked_at)).await;
    Ok(true)
}

async fn one_worker(registry: Arc<Registry>, owner: String, mut stop: Stop) {
    let poll_every = registry.settings().jobs.poll_every.unsigned_abs();
    while !stop.is_told() {
        match run_one(&registry, &owner).await {
            Ok(true) => {}
            Ok(false) => tokio::select! {
                () = registry.job_was_queued() => {}
                () = sleep(poll_every) => {}
                () = stop.told() => {}
            },
            Err(error) => {
                tracing::warn!(%error, "no job can be claimed");
                tokio::select! {
                    () = sleep(poll_every) => {}
                    () = stop.told() => {}
                }
            }
        }
    }
}

async fn claim(registry: &Registry, owner: &str) -> Result<Option<JobLease>, DbError> {
    let lease_ms = milliseconds(registry.settings().jobs.lease);
    registry
        .db()
        .write((owner.to_owned(), lease_ms), |tx, (owner, lease_ms)| {
            Box::pin(async move { tx.claim_job_of_any_tenant(owner, *lease_ms).await })
        })
        .await
}

/// Runs a job for as long as its lease is held.
async fn run(attempt: Attempt) {
    let (job_id, kind) = (attempt.job().id, attempt.job().kind.clone());
    if let Some(error) = ended_its_workers(&attempt) {
        if let Err(error) = fail(&attempt, &error).await {
            tracing::warn!(%job_id, kind, %error, "what came of a job was not written down");
        }
        return;
    }
    let _turn = match turn(&attempt) {
        Ok(turn) => turn,
        Err(NotNow) => {
            if let Err(error) = postpone(&attempt).await {
                tracing::warn!(%job_id, kind, %error, "a job was not put off");
            }
            return;
        }
    };
    let outcome = tokio::select! {
        outcome = caught(perform(&attempt)) => Some(outcome),
        () = renew_until_lost(&attempt) => None,
    };
    let ended = match outcome {
        None => {
            tracing::warn!(%job_id, kind, "the lease of a job was lost; another worker goes on");
            attempt.registry().metrics().job(&kind, "lost");
            return;
        }
        Some(Ok(outcome)) => {
            tracing::info!(%job_id, kind, "a job is done");
            finish(&attempt, attempt.end_done(outcome)).await
        }
        Some(Err(error)) => fail(&attempt, &error).await,
    };
    if let Err(error) = ended {
        // The lease ends by itself, and the job is claimed again.
        tracing::warn!(%job_id, kind, %error, "what came of a job was not written down");
    }
}

/// A job waits for another of its kind.
struct NotNow;

/// Of jobs that may take hours there is one at a time in a process: the others of its workers are for holds, for
/// finalizing, and for locks that must not lapse.
fn turn(attempt: &Attempt) -> Result<Option<SemaphorePermit<'_>>, NotNow> {
    if attempt.job().kind != JobKind::IngestLocalFiles.as_str() {
        return Ok(None);
    }
    attempt.registry().ingestions().try_acquire().map(Some).map_err(|_| NotNow)
}

/// Gives a job back as it was claimed: it was not tried.
async fn postpone(attempt: &Attempt) -> Result<(), DbError> {
    let after_ms = milliseconds(POSTPONED_FOR);
    let input = (attempt.tenant().clone(), attempt.job().clone(), after_ms);
    attempt
        .registry()
        .db()
        .write(input, |tx, (tenant, job, after_ms)| {
            Box::pin(async move { tx.of(tenant).postpone_job(job, *after_ms).await.map(drop) })
        })
        .await
}

/// Why a job is not tried again that was claimed more often than it may be: nobody was left to say what came of it the
/// times before. Whatever ends its process would go round all of them.
fn ended_its_workers(attempt: &Attempt) -> Option<ServiceError> {
    let attempts_max = u64::from(attempt.registry().settings().jobs.attempts_max);
    (attempt.job().attempts > attempts_max).then(|| {
        ServiceError::internal(std::io::Error::other(
            "each of its workers ended before the job did",
        ))
    })
}

/// A defect in one job ends that job, and not its worker.
async fn caught(job: BoxFuture<'_, Result<Value, ServiceError>>) -> Result<Value, ServiceError> {
    AssertUnwindSafe(job)
        .catch_unwind()
        .await
        .unwrap_or_else(|_| Err(ServiceError::internal("the job panicked")))
}

/// Boxed: each job is a large future, and only one of them is run.
fn perform(attempt: &Attempt) -> BoxFuture<'_, Result<Value, ServiceError>> {
    let kind: JobKind = match attempt.job().kind.parse() {
        Ok(kind) => kind,
        Err(error) => return Box::pin(ready(Err(ServiceError::internal(error)))),
    };
    match kind {
        JobKind::ApplyRetention => Box::pin(apply_retention::perform(attempt)),
        JobKind::DeletePackage => Box::pin(delete_package::perform(attempt)),
        JobKind::Finalize => Box::pin(finalize::perform(attempt)),
        JobKind::CleanUp => Box::pin(clean_up::perform(attempt)),
        JobKind::Restore => Box::pin(restore::perform(attempt)),
        JobKind::IngestLocalFiles => Box::pin(ingest_local_files::perform(attempt)),
    }
}

/// Renews the lease again and again; ends when it is somebody else's, or the database does not say.
async fn renew_until_lost(attempt: &Attempt) {
    let lease = attempt.registry().settings().jobs.lease;
    let every = lease.unsigned_abs() / RENEWALS_OF_LEASE;
    let mut ticks = interval_at(Instant::now() + every, every.max(Duration::from_millis(1)));
    loop {
        ticks.tick().await;
        let asked_at = Instant::now();
        // A database that does not answer says nothing of the lease, which ends all the same. Meanwhile nothing that
        // cannot be undone is done: see `Attempt::is_sure`.
        let answered_by = asked_at + lease.unsigned_abs().max(RENEWAL_TIME_MIN);
        match timeout_at(answered_by, renew(attempt, milliseconds(lease))).await {
            Ok(Ok(true)) => attempt.leased(asked_at),
            Ok(Ok(false)) | Err(_) => return,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the lease of a job was not renewed");
                if !attempt.is_sure() {
                    return;
                }
            }
        }
    }
}

async fn renew(attempt: &Attempt, lease_ms: u64) -> Result<bool, DbError> {
    let (done, total) = attempt.progress();
    let input = (attempt.tenant().clone(), attempt.job().clone(), lease_ms, done, total);
    attempt
        .registry()
        .db()
        .write(input, |tx, (tenant, job, lease_ms, done, total)| {
            Box::pin(async move { tx.of(tenant).renew_job(job, *lease_ms, *done, *total).await })
        })
        .await
}

/// Gives a job back that failed, or gives it up where it was tried often enough: it waits for a person then.
async fn fail(attempt: &Attempt, error: &ServiceError) -> Result<(), DbError> {
    let registry = attempt.registry();
    let (job_id, kind) = (attempt.job().id, &attempt.job().kind);
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::warn!(%job_id, kind, %error, cause, "a job failed");
    if attempt.gives_up(error) {
        return finish(attempt, attempt.end_failed(None, error.to_string())).await;
    }
    registry.metrics().job(kind, "retried");
    let after_ms =
        milliseconds(back_off(registry.settings().jobs.back_off, attempt.job().attempts));
    let input = (attempt.tenant().clone(), attempt.job().clone(), after_ms, error.to_string());
    registry
        .db()
        .write(input, |tx, (tenant, job, after_ms, error)| {
            Box::pin(async move { tx.of(tenant).retry_job(job, *after_ms, error).await.map(drop) })
        })
        .await
}

async fn finish(attempt: &Attempt, end: JobEnd) -> Result<(), DbError> {
    let registry = attempt.registry();
    registry.metrics().job(&attempt.job().kind, end.state.as_str());
    if attempt.has_ended() {
        return Ok(());
    }
    registry
        .db()
        .write((attempt.tenant().clone(), end), |tx, (tenant, end)| {
            Box::pin(async move { tx.of(tenant).finish_job(end).await.map(drop) })
        })
        .await
}

/// The wait after so many attempts: `first` after one, twice as long after each further one.
fn back_off(first: SignedDuration, attempts: u64) -> SignedDuration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX).min(20);
    first.saturating_mul(2_i32.saturating_pow(doublings)).min(BACK_OFF_MAX)
}

fn milliseconds(duration: SignedDuration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn the_work_of_a_registry_can_be_spawned() {
        fn spawned<F: Future + Send + 'static>(_: fn(Arc<Registry>, String, Stop) -> F) {}
        spawned(work);
    }

    #[tokio::test]
    async fn a_job_that_panics_is_a_job_that_failed() {
        let ended = caught(Box::pin(async { panic!("a defect") })).await;
        assert_eq!(ended.unwrap_err().kind(), ErrorKind::Internal);
    }

    #[test]
    fn the_wait_doubles_and_ends_growing() {
        let first = SignedDuration::from_secs(1);
        let waits = [1, 2, 3, 11, 12, u64::MAX].map(|n| back_off(first, n).as_secs());
        assert_eq!(waits, [1, 2, 4, 600, 600, 600]);
    }
}
