//! Archived bytes that were asked for: whether they can be read by now.

use jiff::Timestamp;
use strongroom_core::package::LocationStatus;
use strongroom_core::package::retrieval::RestoreEvent;
use strongroom_storage::StorageErrorKind;
use uuid::Uuid;

use super::objects::Object;
use super::sweep_deletion::BATCH;
use crate::db::{FoundLocation, LocationRow, TenantId, Tx};
use crate::error::ServiceError;
use crate::service::Registry;
use crate::service::change::wrong_state;

/// Looks for them, each once.
pub(super) async fn look_for_restored(registry: &Registry) -> Result<(), ServiceError> {
    let mut after: Option<(Timestamp, Uuid)> = None;
    loop {
        let mut session = registry.db().read().await?;
        let found = session.restores_under_way_of_any_tenant(after, BATCH).await?;
        drop(session);
        let Some(last) = found.last() else { return Ok(()) };
        after = last.location.restore_requested_at.map(|at| (at, last.location.id));
        for found in found {
            if let Err(error) = look(registry, found).await {
                tracing::warn!(%error, "whether an archived object can be read is not known");
            }
        }
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Reads the first byte: a store that has only the archived copy refuses that.
async fn look(registry: &Registry, found: FoundLocation) -> Result<(), ServiceError> {
    let FoundLocation { tenant_id, location } = found;
    let package = registry.db().read().await?.of(&tenant_id).package(location.package_id).await?;
    let package = package.ok_or_else(ServiceError::not_found)?;
    let store = &registry.backends().get(&package.backend_id)?.store;
    let object = Object::of(&package, &location)?;
    match store.read(&object.key, object.version.as_ref(), Some(0..1)).await {
        Ok(_) => {}
        Err(error) if error.kind() == StorageErrorKind::InvalidRequest => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    let mut location = location;
    let restored = location.restore_status.after(RestoreEvent::FoundRestored);
    location.restore_status = restored.map_err(wrong_state)?;
    registry.db().write((tenant_id, location), |tx, input| Box::pin(write(tx, input))).await
}

async fn write(
    tx: &mut Tx,
    (tenant, location): &(TenantId, LocationRow),
) -> Result<(), ServiceError> {
    tx.of(tenant).update_location(location, LocationStatus::Active).await?;
    Ok(())
}
