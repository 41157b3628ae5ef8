//! The word before the deed: of each object whose hold's bit is about to be set for the first time, whether somebody
//! else had set it. What is noted to be ours stays ours, wherever the process ends before it is read back.

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use strongroom_core::observed::Unobserved;
use strongroom_storage::{ObjectKey, Storage, StorageErrorKind, VersionId};

use super::Attempt;
use crate::db::{JobRow, LocationRow, TenantId, Tx};
use crate::error::{ErrorKind, ServiceError};
use crate::service::records::object_key;

/// Looks at those of `locations` that no hold of ours is known to be on, and writes down whose their bits are. An
/// object that is not there is left to whoever looks at it next.
pub(super) async fn intend<'l>(
    attempt: &Attempt,
    store: &dyn Storage,
    locations: impl Iterator<Item = &'l mut LocationRow>,
) -> Result<(), ServiceError> {
    let at_once = attempt.registry().settings().jobs.objects_at_once.max(1);
    let looks: Vec<BoxFuture<'_, _>> = locations
        .filter(|location| !location.lock_hold)
        .map(|location| look(store, location).boxed())
        .collect();
    let looked: Vec<Option<LocationRow>> =
        stream::iter(looks).buffer_unordered(at_once).try_collect().await?;
    let looked: Vec<LocationRow> = looked.into_iter().flatten().collect();
    let looked_at = looked.len();
    if note(attempt, looked).await? < looked_at {
        let changed = "an object was found otherwise while its lock was looked at";
        return Err(ServiceError::new(ErrorKind::Busy, changed));
    }
    Ok(())
}

async fn look(
    store: &dyn Storage,
    location: &mut LocationRow,
) -> Result<Option<LocationRow>, ServiceError> {
    let key: ObjectKey = object_key("", &location.object_key)?;
    let version = location.version_id.clone().map(VersionId);
    let before = match store.lock(&key, version.as_ref()).await {
        Ok(before) => before,
        Err(error) if error.kind() == StorageErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    location.lock_hold = true;
    location.hold_was_set_before = before.legal_hold.value() == Some(&true);
    if !location.hold_was_set_before {
        location.lock_read_at = None;
        location.lock_unobserved = Some(Unobserved::NotProbed);
    }
    Ok(Some(location.clone()))
}

/// Writes rows of locations, each if it is still in the state in which it was looked at; answers how many were.
pub(super) async fn note(
    attempt: &Attempt,
    locations: Vec<LocationRow>,
) -> Result<usize, ServiceError> {
    if locations.is_empty() {
        return Ok(0);
    }
    let input = (attempt.tenant().clone(), attempt.job().clone(), locations);
    attempt.registry().db().write(input, |tx, i| Box::pin(write(tx, i))).await
}

async fn write(
    tx: &mut Tx,
    (tenant, job, locations): &(TenantId, JobRow, Vec<LocationRow>),
) -> Result<usize, ServiceError> {
    let mut rows = tx.of(tenant);
    if !rows.has_job(job).await? {
        return Err(Attempt::lost());
    }
    let mut noted = 0;
    for location in locations {
        noted += usize::from(rows.update_location(location, location.status).await?);
    }
    Ok(noted)
}
