//! Jobs: claimed once, in order; taken over when a worker is dead, whose words then count no more.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use uuid::Uuid;

use super::support::{TestDb, on_both};
use crate::db::{DbErrorKind, JobEnd, JobLease, JobRow, JobState};

const LONG_MS: u64 = 3_600_000;

fn new_job(test: &TestDb, run_after: Timestamp) -> JobRow {
    let (id, now) = (test.clock.new_id(), test.clock.now());
    let queued = JobRow::queued(id, "finalize", Uuid::nil(), json!({"step": 1}), now);
    JobRow { package_id: None, run_after, ..queued }
}

async fn now(test: &TestDb) -> Timestamp {
    test.db.read().await.unwrap().database_time().await.unwrap()
}

/// A job whose time has come that many seconds ago.
async fn enqueue(test: &TestDb, seconds_ago: i64) -> Uuid {
    let run_after = now(test).await - SignedDuration::from_secs(seconds_ago);
    enqueue_job(test, new_job(test, run_after)).await
}

async fn enqueue_job(test: &TestDb, job: JobRow) -> Uuid {
    test.write(job, |tx, (tenant, job)| {
        Box::pin(async move { tx.of(tenant).enqueue_job(job).await })
    })
    .await
    .unwrap()
}

async fn claim(test: &TestDb, lease_ms: u64) -> Option<JobLease> {
    test.write(lease_ms, |tx, (_, lease_ms)| {
        Box::pin(async move { tx.claim_job_of_any_tenant("worker", *lease_ms).await })
    })
    .await
    .unwrap()
}

async fn job(test: &TestDb, id: Uuid) -> JobRow {
    let mut session = test.db.read().await.unwrap();
    session.of(&test.tenant).job(id).await.unwrap().unwrap()
}

async fn finish(test: &TestDb, job: &JobRow, state: JobState) -> bool {
    let at = test.clock.now();
    let end = JobEnd {
        job: job.clone(),
        state,
        progress_done: 2,
        progress_total: Some(3),
        outcome: None,
        error: Some("why".to_owned()),
        at,
    };
    test.write(end, |tx, (tenant, end)| {
        Box::pin(async move { tx.of(tenant).finish_job(end).await })
    })
    .await
    .unwrap()
}

async fn retry(test: &TestDb, job: &JobRow, after_ms: u64) -> bool {
    test.write((job.clone(), after_ms), |tx, (tenant, (job, after_ms))| {
        Box::pin(async move { tx.of(tenant).retry_job(job, *after_ms, "try again").await })
    })
    .await
    .unwrap()
}

async fn has_job_and_renews(test: &TestDb, job: &JobRow) -> (bool, bool) {
    test.write(job.clone(), |tx, (tenant, job)| {
        Box::pin(async move {
            let has = tx.of(tenant).has_job(job).await?;
            Ok((has, tx.of(tenant).renew_job(job, LONG_MS, 1, Some(2)).await?))
        })
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn jobs_are_claimed_one_at_a_time_in_the_order_of_their_time() {
    on_both(|test| async move {
        let late = enqueue(&test, 10).await;
        let early = enqueue(&test, 20).await;
        enqueue(&test, -3_600).await;
        let first = claim(&test, LONG_MS).await.unwrap();
        assert_eq!((first.job.id, first.tenant_id), (early, test.tenant.clone()));
        assert_eq!(
            (first.job.state, first.job.attempts, first.job.epoch),
            (JobState::Running, 1, 1)
        );
        assert_eq!(job(&test, late).await.state, JobState::Queued);
        assert_eq!(claim(&test, LONG_MS).await.unwrap().job.id, late);
        assert_eq!(claim(&test, LONG_MS).await, None);
    })
    .await;
}

#[tokio::test]
async fn a_dead_workers_job_comes_first_and_its_words_count_no_more() {
    on_both(|test| async move {
        let id = enqueue(&test, 10).await;
        let dead = claim(&test, 0).await.unwrap().job;
        enqueue(&test, 20).await;
        let taken = claim(&test, LONG_MS).await.unwrap().job;
        assert_eq!((taken.id, taken.epoch, taken.attempts), (id, 2, 2));
        assert_eq!(has_job_and_renews(&test, &dead).await, (false, false));
        assert!(!finish(&test, &dead, JobState::Done).await);
        assert!(!retry(&test, &dead, 0).await);
        assert_eq!(job(&test, id).await, taken);
        assert_eq!(has_job_and_renews(&test, &taken).await, (true, true));
        assert!(finish(&test, &taken, JobState::Done).await);
        assert_eq!(has_job_and_renews(&test, &taken).await, (false, false));
        assert_eq!(job(&test, id).await.state, JobState::Done);
    })
    .await;
}

#[tokio::test]
async fn a_job_given_back_waits_for_its_time() {
    on_both(|test| async move {
        let id = enqueue(&test, 10).await;
        let claimed = claim(&test, LONG_MS).await.unwrap().job;
        assert!(retry(&test, &claimed, LONG_MS).await);
        assert_eq!(claim(&test, LONG_MS).await, None);
        let waiting = job(&test, id).await;
        assert_eq!((waiting.state, waiting.lease_until), (JobState::Queued, None));
        assert!(waiting.run_after > now(&test).await + SignedDuration::from_mins(59));
        assert_eq!(waiting.error.as_deref(), Some("try again"));
    })
    .await;
}

#[tokio::test]
async fn a_failed_job_is_queued_again_with_new_attempts_and_an_epoch_that_goes_on() {
    on_both(|test| async move {
        let id = enqueue(&test, 10).await;
        let claimed = claim(&test, LONG_MS).await.unwrap().job;
        let requeue = || {
            test.write(id, |tx, (tenant, id)| {
                Box::pin(async move { tx.of(tenant).requeue_job(*id).await })
            })
        };
        assert!(!requeue().await.unwrap());
        assert!(finish(&test, &claimed, JobState::Failed).await);
        assert!(requeue().await.unwrap());
        assert!(!requeue().await.unwrap());
        let again = claim(&test, LONG_MS).await.unwrap().job;
        assert_eq!((again.id, again.attempts, again.epoch), (id, 1, 2));
        assert_eq!(again.finished_at, None);
        assert!(!finish(&test, &claimed, JobState::Done).await);
    })
    .await;
}

#[tokio::test]
async fn a_package_has_one_live_job_of_a_kind() {
    on_both(|test| async move {
        let package = test.new_package();
        test.insert(&package).await.unwrap();
        let new = || JobRow { package_id: Some(package.id), ..new_job(&test, package.created_at) };
        let past = Timestamp::from_second(1).unwrap();
        let first = enqueue_job(&test, JobRow { run_after: past, ..new() }).await;
        assert_eq!(enqueue_job(&test, new()).await, first);
        let other = enqueue_job(&test, JobRow { kind: "delete".to_owned(), ..new() }).await;
        assert_ne!(other, first);
        let claimed = claim(&test, LONG_MS).await.unwrap().job;
        assert_eq!(enqueue_job(&test, new()).await, first);
        assert!(finish(&test, &claimed, JobState::Failed).await);
        let second = enqueue_job(&test, new()).await;
        assert_ne!(second, first);
        let refused = test.write(first, |tx, (tenant, id)| {
            Box::pin(async move { tx.of(tenant).requeue_job(*id).await })
        });
        assert_eq!(refused.await.unwrap_err().kind(), DbErrorKind::Conflict);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_workers_each_gets_another_job() {
    on_both(|test| async move {
        for number in 0..20 {
            enqueue(&test, number).await;
        }
        let workers: Vec<_> = (0..20)
            .map(|_| {
                let test = test.clone();
                tokio::spawn(async move { claim(&test, LONG_MS).await })
            })
            .collect();
        let mut claimed = BTreeSet::new();
        for worker in workers {
            claimed.extend(worker.await.unwrap().map(|lease| lease.job.id));
        }
        while let Some(lease) = claim(&test, LONG_MS).await {
            assert!(claimed.insert(lease.job.id));
        }
        assert_eq!(claimed.len(), 20);
    })
    .await;
}
