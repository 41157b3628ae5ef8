//! Work that nobody has: states that only a job leads out of, without a live job; locks that are to be renewed.

use jiff::SignedDuration;
use serde_json::json;
use strongroom_core::limits::ROLLING_LOCK_DAYS;
use strongroom_core::package::{LockState, PackageStatus};
use uuid::Uuid;

use super::JobKind;
use super::objects::FIRST;
use super::sweep::BATCH;
use crate::db::{DbError, DbErrorKind, FoundPackage, JobRow, JobState, TenantId, Tx};
use crate::error::ServiceError;
use crate::service::Registry;

/// A lock that ends this soon, before the date of its package, is strengthened.
const LAPSING_SOON: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long a clean-up that gave up waits for its next try.
const CLEAN_UP_AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(24);

struct Reviving {
    tenant: TenantId,
    package: Uuid,
    job: JobRow,
    /// The state that the package was found in, where the job is about a state: it may have left it since.
    found_in: Option<PackageStatus>,
    /// Whether a job that gave up waits for a person.
    leaves_failed: bool,
}

/// Deletions under way.
pub(super) async fn revive_deletions(registry: &Registry) -> Result<u64, ServiceError> {
    revive_state(registry, PackageStatus::Deleting, JobKind::DeletePackage, false).await
}

/// Packages that are being finalized. A job that gave up is left to a person, who sees why.
pub(super) async fn revive_finalizing(registry: &Registry) -> Result<u64, ServiceError> {
    revive_state(registry, PackageStatus::Finalizing, JobKind::Finalize, true).await
}

async fn revive_state(
    registry: &Registry,
    status: PackageStatus,
    kind: JobKind,
    leaves_failed: bool,
) -> Result<u64, ServiceError> {
    let (mut revived, mut after) = (0, FIRST);
    loop {
        let mut session = registry.db().read().await?;
        let found = session.packages_in_state_of_any_tenant(status, after, BATCH).await?;
        drop(session);
        let Some(last) = found.last() else { return Ok(revived) };
        after = last.id;
        revived += revive_all(registry, found, kind, Some(status), leaves_failed).await?;
    }
}

/// Locks that have not reached the store, and those that end before they should.
pub(super) async fn revive_locks(registry: &Registry) -> Result<u64, ServiceError> {
    let mut revived = 0;
    for state in [LockState::Applying, LockState::Failed] {
        let mut after = FIRST;
        loop {
            let mut session = registry.db().read().await?;
            let found = session.packages_with_locks_of_any_tenant(state, after, BATCH).await?;
            drop(session);
            let Some(last) = found.last() else { break };
            after = last.id;
            revived += revive_all(registry, found, JobKind::ApplyRetention, None, false).await?;
        }
    }
    let now = registry.clock().now();
    // As core has it: a rolling lock is renewed when half of it is over.
    let half = SignedDuration::from_hours(i64::from(ROLLING_LOCK_DAYS) * 24 / 2);
    let rolling_before = now.checked_add(half).unwrap_or(now);
    let dated_before = now.checked_add(LAPSING_SOON).unwrap_or(now);
    let mut after = FIRST;
    loop {
        let mut session = registry.db().read().await?;
        let found =
            session.dateless_packages_lapsing_of_any_tenant(rolling_before, after, BATCH).await?;
        drop(session);
        let Some(last) = found.last() else { break };
        after = last.id;
        revived += revive_all(registry, found, JobKind::ApplyRetention, None, false).await?;
    }
    after = FIRST;
    loop {
        let mut session = registry.db().read().await?;
        let found =
            session.dated_packages_lapsing_of_any_tenant(dated_before, after, BATCH).await?;
        drop(session);
        let Some(last) = found.last() else { return Ok(revived) };
        after = last.id;
        revived += revive_all(registry, found, JobKind::ApplyRetention, None, false).await?;
    }
}

/// Clean-up that gave up, once a day: bytes that are no evidence do not stay because a store was away for an hour.
pub(super) async fn retry_clean_up(registry: &Registry) -> Result<u64, ServiceError> {
    let now = registry.clock().now();
    let before = now.checked_sub(CLEAN_UP_AGAIN_AFTER).unwrap_or(now);
    let kind = JobKind::CleanUp.as_str();
    let (mut retried, mut after) = (0, None);
    loop {
        let mut session = registry.db().read().await?;
        let failed = session.failed_jobs_of_any_tenant(kind, before, after.as_ref(), BATCH).await?;
        drop(session);
        let Some(last) = failed.last() else { return Ok(retried) };
        after = Some(last.clone());
        for job in failed {
            let queued = registry
                .db()
                .write(job, |tx, job| {
                    Box::pin(async move { tx.of(&job.tenant_id).requeue_job(job.id).await })
                })
                .await;
            match queued {
                Ok(is_queued) => retried += u64::from(is_queued),
                // The package has a live one by now.
                Err(error) if error.kind() == DbErrorKind::Conflict => {}
                Err(error) => tracing::warn!(%error, "a clean-up waits for the next look"),
            }
        }
    }
}

async fn revive_all(
    registry: &Registry,
    found: Vec<FoundPackage>,
    kind: JobKind,
    found_in: Option<PackageStatus>,
    leaves_failed: bool,
) -> Result<u64, ServiceError> {
    let mut revived = 0;
    for found in found {
        let job = registry.new_job(kind, found.id, json!({}));
        let (tenant, package) = (found.tenant_id, found.id);
        let reviving = Reviving { tenant, package, job, found_in, leaves_failed };
        match registry.db().write(reviving, |tx, r| Box::pin(revive(tx, r))).await {
            Ok(is_new) => revived += u64::from(is_new),
            Err(error) => tracing::warn!(%error, "a package waits for the next look"),
        }
    }
    Ok(revived)
}

async fn revive(tx: &mut Tx, r: &Reviving) -> Result<bool, DbError> {
    let mut rows = tx.of(&r.tenant);
    // A job that is about to end does so under the same lock.
    let Some(package) = rows.lock_package(r.package).await? else { return Ok(false) };
    if r.found_in.is_some_and(|found_in| found_in != package.status) {
        return Ok(false);
    }
    if r.leaves_failed {
        let last = rows.last_job(&r.job.kind, r.package).await?;
        if last.is_some_and(|job| job.state == JobState::Failed) {
            return Ok(false);
        }
    }
    Ok(rows.enqueue_job(&r.job).await? == r.job.id)
}

/// Forgets requests that nobody repeats any more.
pub(super) async fn forget_keys(registry: &Registry) -> Result<(), ServiceError> {
    let now = registry.clock().now();
    let forgotten = registry
        .db()
        .write_rows(now, |tx, now| {
            Box::pin(async move { tx.forget_idempotency_keys_of_any_tenant(*now).await })
        })
        .await?;
    if forgotten > 0 {
        tracing::debug!(forgotten, "idempotency keys were forgotten");
    }
    Ok(())
}
