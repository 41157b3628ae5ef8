//! What time does to packages: their date passes, and then their grace.

use jiff::Timestamp;
use serde_json::json;
use strongroom_core::package::PackageStatus;
use strongroom_core::package::expiry::{Eligibility, eligibility};
use strongroom_core::package::status::PackageEvent;

use super::JobKind;
use super::objects::FIRST;
use super::sweep::BATCH;
use crate::db::{AuditEventRow, ExpiredPackage, FoundPackage, JobRow, RetentionEventRow, Tx};
use crate::error::ServiceError;
use crate::service::Registry;
use crate::service::change::{Done, wrong_state};
use crate::service::request_deletion::{Wish, request_on};

/// Packages whose deletion one look asks for: the rest waits for the next.
const REQUESTED_MAX: u64 = 10_000;
/// Why the sweeper asks.
const EXPIRED: &str = "its date is past and nothing holds it";

struct Requesting {
    found: FoundPackage,
    wish: Wish,
    grace_ticks: u32,
    event: AuditEventRow,
    eligible: RetentionEventRow,
    now: Timestamp,
}

/// Asks for the deletion of what is past its date and not held.
pub(super) async fn request_expired(registry: &Registry) -> Result<u64, ServiceError> {
    let (mut requested, mut after) = (0, None);
    while requested < REQUESTED_MAX {
        let now = registry.clock().now();
        let mut session = registry.db().read().await?;
        let expired = session.expired_packages_of_any_tenant(now, after.as_ref(), BATCH).await?;
        drop(session);
        let Some(last) = expired.last() else { break };
        after = Some(last.clone());
        for ExpiredPackage { tenant_id, id, .. } in expired {
            match request(registry, FoundPackage { tenant_id, id }, now).await {
                Ok(is_requested) => requested += u64::from(is_requested),
                // One package whose store does not answer keeps no other waiting.
                Err(error) => tracing::warn!(%error, "an expired package waits for the next look"),
            }
        }
    }
    Ok(requested)
}

async fn request(
    registry: &Registry,
    found: FoundPackage,
    now: Timestamp,
) -> Result<bool, ServiceError> {
    let row = registry.db().read().await?.of(&found.tenant_id).package(found.id).await?;
    let row = row.ok_or_else(ServiceError::not_found)?;
    let grace_ticks = registry.settings().deletion.grace_ticks;
    let wish = Wish { by: None, reason: EXPIRED.to_owned(), early: false };
    let tenant = found.tenant_id.clone();
    let (record, event) = registry.record_request(&tenant, &row, &wish, grace_ticks, None).await?;
    let eligible = registry.eligible_event(&row, &wish);
    let requesting = Requesting { found, wish, grace_ticks, event, eligible, now };
    let written = registry.db().write(requesting, |tx, r| Box::pin(write_request(tx, r))).await;
    let done = registry.told_if_refused(&tenant, &row, record, written).await?;
    Ok(matches!(done, Done::Now(())))
}

async fn write_request(tx: &mut Tx, r: &Requesting) -> Result<Done<()>, ServiceError> {
    let mut rows = tx.of(&r.found.tenant_id);
    let row = rows.lock_package(r.found.id).await?;
    let mut row = row.ok_or_else(ServiceError::not_found)?;
    let holds = u32::try_from(rows.active_holds(row.id).await?.len()).unwrap_or(u32::MAX);
    let is_eligible =
        eligibility(row.status, row.expires_at, holds, r.now) == Eligibility::Eligible;
    if row.status != PackageStatus::Finalized || !is_eligible || row.was_kept_on() {
        return Ok(Done::Before(row.id));
    }
    request_on(&mut row, &r.wish, r.grace_ticks, r.now)?;
    rows.update_package(&row).await?;
    rows.insert_retention_event(&r.eligible).await?;
    rows.insert_audit_event(&r.event).await?;
    Ok(Done::Now(()))
}

struct Counting {
    found: FoundPackage,
    event: AuditEventRow,
    job: JobRow,
    now: Timestamp,
}

/// Counts this tick of each grace; where it was the last, the deletion begins.
pub(super) async fn begin_due(registry: &Registry) -> Result<u64, ServiceError> {
    let (mut begun, mut after) = (0, FIRST);
    loop {
        let status = PackageStatus::DeletionRequested;
        let found = registry
            .db()
            .read()
            .await?
            .packages_in_state_of_any_tenant(status, after, BATCH)
            .await?;
        let Some(last) = found.last() else { return Ok(begun) };
        after = last.id;
        for found in found {
            let counting = Counting {
                event: registry.package_event("deletion_begun", found.id, None, json!({})),
                job: registry.new_job(JobKind::DeletePackage, found.id, json!({})),
                now: registry.clock().now(),
                found,
            };
            match registry.db().write(counting, |tx, c| Box::pin(count(tx, c))).await {
                Ok(is_begun) => begun += u64::from(is_begun),
                Err(error) => tracing::warn!(%error, "a deletion's grace waits for the next look"),
            }
        }
    }
}

async fn count(tx: &mut Tx, c: &Counting) -> Result<bool, ServiceError> {
    let mut rows = tx.of(&c.found.tenant_id);
    let Some(mut row) = rows.lock_package(c.found.id).await? else { return Ok(false) };
    let holds = u32::try_from(rows.active_holds(row.id).await?.len()).unwrap_or(u32::MAX);
    let found = eligibility(row.status, row.expires_at, holds, c.now);
    // A clock that went back a little: the grace waits with the date.
    if row.status != PackageStatus::DeletionRequested || !found.allows(row.deletion_early) {
        return Ok(false);
    }
    let left = row.grace_ticks_left.unwrap_or_default().saturating_sub(1);
    row.grace_ticks_left = Some(left);
    if left > 0 {
        rows.update_package(&row).await?;
        return Ok(false);
    }
    row.status = row.status.after(PackageEvent::DeletionBegun).map_err(wrong_state)?;
    row.grace_ticks_left = None;
    rows.update_package(&row).await?;
    rows.insert_audit_event(&c.event).await?;
    rows.enqueue_job(&c.job).await?;
    Ok(true)
}
