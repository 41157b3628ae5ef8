//! Asks the store for every archived object of a package, and reads back what came of it.

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use strongroom_core::package::LocationStatus;
use strongroom_core::package::retrieval::RestoreEvent;
use strongroom_storage::{RestoreAsk, Retrieval, Storage};

use super::Attempt;
use super::objects::{FIRST, Object, PAGE_ROWS};
use crate::db::{LocationRow, PackageRow};
use crate::error::ServiceError;

/// What the job is told when it is queued.
#[derive(Debug, Deserialize)]
struct Payload {
    days: u32,
}

/// Runs the job.
pub(super) async fn perform(attempt: &Attempt) -> Result<Value, ServiceError> {
    let Payload { days } =
        serde_json::from_value(attempt.job().payload.clone()).map_err(ServiceError::internal)?;
    let registry = attempt.registry();
    let package = {
        let mut session = registry.db().read().await?;
        session.of(attempt.tenant()).package(attempt.package_id()?).await?
    };
    let package = package.ok_or_else(ServiceError::not_found)?;
    let store = &*registry.backends().get(&package.backend_id)?.store;
    let at_once = registry.settings().jobs.objects_at_once.max(1);
    let (mut after, mut available, mut awaited) = (FIRST, 0_u64, 0_u64);
    loop {
        let page = {
            let mut session = registry.db().read().await?;
            session.of(attempt.tenant()).locations_of_package(package.id, after, PAGE_ROWS).await?
        };
        let Some(last) = page.last() else { break };
        after = last.id;
        let active = page.into_iter().filter(|one| one.status == LocationStatus::Active);
        // Boxed one by one: a future over a closure cannot be seen to be `Send` by who spawns it.
        let asked: Vec<BoxFuture<'_, _>> =
            active.map(|location| ask(attempt, &package, store, location, days).boxed()).collect();
        let mut asked = stream::iter(asked).buffer_unordered(at_once);
        while let Some(location) = asked.next().await {
            match location?.restore_status.is_readable() {
                true => available += 1,
                false => awaited += 1,
            }
        }
    }
    Ok(json!({ "available": available, "awaited": awaited }))
}

/// Asks for one object, if it is archived; a copy that is there is asked for again, so that it stays for as long.
async fn ask(
    attempt: &Attempt,
    package: &PackageRow,
    store: &dyn Storage,
    mut location: LocationRow,
    days: u32,
) -> Result<LocationRow, ServiceError> {
    let registry = attempt.registry();
    let object = Object::of(package, &location)?;
    let info = store.head(&object.key, object.version.as_ref()).await?;
    location.saw(&info, registry.clock().now()).map_err(ServiceError::internal)?;
    if matches!(info.retrieval, Retrieval::Archived | Retrieval::Restored { .. }) {
        let ask = RestoreAsk { days, storage_class: info.storage_class.clone() };
        if let Err(error) = store.restore(&object.key, object.version.as_ref(), &ask).await {
            registry.note_nearness(attempt.tenant(), location).await?;
            return Err(error.into());
        }
        let requested = location.restore_status.after(RestoreEvent::Requested);
        location.restore_status = requested.map_err(ServiceError::internal)?;
        location.restore_requested_at = Some(registry.clock().now());
        let info = store.head(&object.key, object.version.as_ref()).await?;
        location.saw(&info, registry.clock().now()).map_err(ServiceError::internal)?;
    }
    registry.note_nearness(attempt.tenant(), location.clone()).await?;
    attempt.step();
    Ok(location)
}
