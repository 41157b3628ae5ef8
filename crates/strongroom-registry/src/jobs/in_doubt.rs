//! Objects whose deletion was begun and stopped: a look at the store tells whether they are there still.

use futures::future::BoxFuture;
use serde_json::json;
use strongroom_core::package::PackageStatus;
use strongroom_core::package::status::{FileEvent, LocationEvent};
use strongroom_storage::StorageErrorKind;

use super::objects::{FIRST, Object, PAGE_ROWS};
use super::{Attempt, JobKind};
use crate::db::{AuditEventRow, JobRow, LocationRow, PackageRow, TenantId, Tx};
use crate::error::ServiceError;
use crate::service::change::wrong_state;

struct Settling {
    tenant: TenantId,
    job: JobRow,
    location: LocationRow,
    is_there: bool,
    event: AuditEventRow,
}

/// Settles what is in doubt of a package that is not being deleted any more: what is there stays, and is locked
/// like the rest. Only the job that deletes, or one that sees that there is none, may do so.
pub(super) async fn settle(attempt: &Attempt, package: &PackageRow) -> Result<u64, ServiceError> {
    let registry = attempt.registry();
    let store = &registry.backends().get(&package.backend_id)?.store;
    let (mut after, mut settled) = (FIRST, 0);
    loop {
        let locations = {
            let mut session = registry.db().read().await?;
            let mut rows = session.of(attempt.tenant());
            rows.deleting_locations(package.id, after, PAGE_ROWS).await?
        };
        let Some(last) = locations.last() else { return Ok(settled) };
        after = last.id;
        for location in locations {
            let object = Object::of(package, &location)?;
            let is_there = match store.head(&object.key, object.version.as_ref()).await {
                Ok(_) => true,
                Err(error) => match error.kind() {
                    StorageErrorKind::NotFound => false,
                    StorageErrorKind::Archived => true,
                    _ => return Err(error.into()),
                },
            };
            settled += u64::from(settle_one(attempt, package, location, is_there).await?);
        }
    }
}

async fn settle_one(
    attempt: &Attempt,
    package: &PackageRow,
    location: LocationRow,
    is_there: bool,
) -> Result<bool, ServiceError> {
    let registry = attempt.registry();
    let details = json!({ "location_id": location.id, "is_there": is_there });
    let mut event = registry.package_event("file_deletion_stopped", package.id, None, details);
    event.file_id = Some(location.artifact_file_id);
    let (tenant, job) = (attempt.tenant().clone(), attempt.job().clone());
    let settling = Settling { tenant, job, location, is_there, event };
    registry.db().write(settling, |tx, s| -> BoxFuture<'_, _> { Box::pin(write(tx, s)) }).await
}

async fn write(tx: &mut Tx, s: &Settling) -> Result<bool, ServiceError> {
    let mut rows = tx.of(&s.tenant);
    if !rows.has_job(&s.job).await? {
        return Err(Attempt::lost());
    }
    let package = rows.lock_package(s.location.package_id).await?;
    let package = package.ok_or_else(ServiceError::not_found)?;
    if package.status == PackageStatus::Deleting {
        return Ok(false);
    }
    let deletes = rows.live_job(JobKind::DeletePackage.as_str(), package.id).await?;
    if deletes.is_some_and(|job| job.id != s.job.id) {
        return Ok(false);
    }
    let mut location = s.location.clone();
    let (of_location, of_file) = match s.is_there {
        true => (LocationEvent::DeletionRefused, FileEvent::DeletionRefused),
        false => (LocationEvent::Deleted, FileEvent::Deleted),
    };
    let from = location.status;
    location.status = from.after(of_location).map_err(wrong_state)?;
    if !rows.update_location(&location, from).await? {
        return Ok(false);
    }
    move_file(&mut rows, &location, of_file).await?;
    rows.insert_audit_event(&s.event).await?;
    Ok(true)
}

/// Moves the file of a location along, where it is not there yet.
pub(super) async fn move_file(
    rows: &mut crate::db::TenantTx<'_>,
    location: &LocationRow,
    event: FileEvent,
) -> Result<(), ServiceError> {
    let file = rows.file(location.artifact_file_id).await?;
    let mut file = file.ok_or_else(ServiceError::not_found)?;
    let from = file.status;
    // Of several locations of one file the first moves it.
    let Ok(to) = from.after(event) else { return Ok(()) };
    file.status = to;
    rows.update_file(&file, from).await?;
    Ok(())
}
