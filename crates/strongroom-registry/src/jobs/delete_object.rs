//! The rows of one object that is being deleted: its fence before, what was seen after.

use jiff::Timestamp;
use serde_json::json;
use strongroom_core::package::expiry::eligibility;
use strongroom_core::package::status::{FileEvent, LocationEvent};
use strongroom_core::package::{LocationStatus, PackageStatus};
use strongroom_storage::keep::Deletion;

use super::Attempt;
use super::in_doubt::move_file;
use super::sweep::clock_jumped;
use crate::config::DeletionSettings;
use crate::db::{AuditEventRow, JobRow, LocationRow, TenantId, Tx};
use crate::error::ServiceError;
use crate::service::change::wrong_state;

/// The type of the event of an object that is gone. The disposition counts them.
pub(super) const FILE_DELETED: &str = "file_deleted";

/// Whether an object may go.
pub(super) enum Fence {
    /// It may, from now on.
    Taken(Box<LocationRow>),
    /// Something keeps the package.
    Stopped,
    /// Nothing is deleted now.
    Paused,
}

struct Fencing {
    tenant: TenantId,
    job: JobRow,
    location: LocationRow,
    now: Timestamp,
    settings: DeletionSettings,
}

/// Takes the fence of an object. One that was taken by a run that was cut is asked for again.
pub(super) async fn take_fence(
    attempt: &Attempt,
    location: LocationRow,
) -> Result<Fence, ServiceError> {
    let registry = attempt.registry();
    let fencing = Fencing {
        tenant: attempt.tenant().clone(),
        job: attempt.job().clone(),
        location,
        now: registry.clock().now(),
        settings: registry.settings().deletion,
    };
    registry.db().write(fencing, |tx, f| Box::pin(fence(tx, f))).await
}

async fn fence(tx: &mut Tx, f: &Fencing) -> Result<Fence, ServiceError> {
    if !tx.of(&f.tenant).has_job(&f.job).await? {
        return Err(Attempt::lost());
    }
    let sweeper = tx.sweeper().await?;
    if sweeper.paused || clock_jumped(sweeper.last_tick_at, f.now, &f.settings).is_some() {
        return Ok(Fence::Paused);
    }
    let mut rows = tx.of(&f.tenant);
    let mut location = f.location.clone();
    if location.status == LocationStatus::Deleting {
        let package = rows.share_package(location.package_id).await?;
        let package = package.ok_or_else(ServiceError::not_found)?;
        let holds = rows.active_holds(package.id).await?.len();
        let holds = u32::try_from(holds).unwrap_or(u32::MAX);
        let may_go = package.status == PackageStatus::Deleting
            && eligibility(package.status, package.expires_at, holds, f.now)
                .allows(package.deletion_early);
        return Ok(if may_go { Fence::Taken(Box::new(location)) } else { Fence::Stopped });
    }
    if !rows.begin_deleting_location(&location, f.now).await? {
        return Ok(Fence::Stopped);
    }
    location.status = location.status.after(LocationEvent::DeletionBegun).map_err(wrong_state)?;
    move_file(&mut rows, &location, FileEvent::DeletionBegun).await?;
    Ok(Fence::Taken(Box::new(location)))
}

struct Settled {
    tenant: TenantId,
    job: JobRow,
    location: LocationRow,
    of_file: FileEvent,
    event: AuditEventRow,
}

/// Notes that an object is gone; `was_there` is whether it was seen to be deleted, or was absent.
pub(super) async fn gone(
    attempt: &Attempt,
    mut location: LocationRow,
    was_there: bool,
) -> Result<(), ServiceError> {
    location.status = location.status.after(LocationEvent::Deleted).map_err(wrong_state)?;
    location.lock_mode = None;
    location.lock_retain_until = None;
    location.lock_hold = false;
    let details = json!({ "location_id": location.id, "was_there": was_there });
    settle(attempt, location, FileEvent::Deleted, (FILE_DELETED, details)).await
}

/// Notes that the store refused, and the lock that was seen.
pub(super) async fn refused(
    attempt: &Attempt,
    mut location: LocationRow,
    deletion: &Deletion,
) -> Result<(), ServiceError> {
    location.status = location.status.after(LocationEvent::DeletionRefused).map_err(wrong_state)?;
    let mut details = json!({ "location_id": location.id });
    if let Deletion::RefusedByLock { lock, read_at } = deletion {
        if let Some(retention) = lock.retention {
            location.lock_mode = Some(retention.mode);
            location.lock_retain_until = Some(retention.retain_until);
            details["retain_until"] = json!(retention.retain_until);
        }
        // A bit that we did not set is somebody else's: no release of ours clears it.
        if lock.legal_hold && !location.lock_hold {
            location.hold_was_set_before = true;
        }
        // What was not seen leaves standing whose the bit is.
        location.lock_hold |= lock.legal_hold;
        location.lock_read_at = *read_at;
        details["legal_hold"] = json!(lock.legal_hold);
    }
    let event = ("file_deletion_refused", details);
    settle(attempt, location, FileEvent::DeletionRefused, event).await
}

async fn settle(
    attempt: &Attempt,
    location: LocationRow,
    of_file: FileEvent,
    (kind, details): (&'static str, serde_json::Value),
) -> Result<(), ServiceError> {
    let registry = attempt.registry();
    let mut event = registry.package_event(kind, location.package_id, None, details);
    event.file_id = Some(location.artifact_file_id);
    let (tenant, job) = (attempt.tenant().clone(), attempt.job().clone());
    let settled = Settled { tenant, job, location, of_file, event };
    registry.db().write(settled, |tx, s| Box::pin(write(tx, s))).await
}

async fn write(tx: &mut Tx, s: &Settled) -> Result<(), ServiceError> {
    let mut rows = tx.of(&s.tenant);
    if !rows.has_job(&s.job).await? {
        return Err(Attempt::lost());
    }
    if rows.update_location(&s.location, LocationStatus::Deleting).await? {
        move_file(&mut rows, &s.location, s.of_file).await?;
        rows.insert_audit_event(&s.event).await?;
    }
    Ok(())
}
