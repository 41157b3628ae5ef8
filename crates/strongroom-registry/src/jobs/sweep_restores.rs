//! Archived bytes that were asked for: whether they can be read by now, and for how long.

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use strongroom_core::package::RestoreStatus;
use strongroom_core::package::retrieval::RestoreEvent;
use uuid::Uuid;

use super::sweep::BATCH;
use crate::db::FoundLocation;
use crate::error::ServiceError;
use crate::service::Registry;

/// A store that says nothing of a request for so long has lost it.
const REQUEST_SEEN_WITHIN: SignedDuration = SignedDuration::from_hours(24);

/// Looks for them, each once: those under way, and copies whose time is over.
pub(super) async fn look_for_restored(registry: &Registry) -> Result<(), ServiceError> {
    let now = registry.clock().now();
    let at_once = registry.settings().jobs.objects_at_once.max(1);
    let mut after: Option<(Timestamp, Uuid)> = None;
    loop {
        let mut session = registry.db().read().await?;
        let found = session.restores_to_look_at_of_any_tenant(after, now, BATCH).await?;
        drop(session);
        let Some(last) = found.last() else { return Ok(()) };
        after = last.location.restore_requested_at.map(|at| (at, last.location.id));
        let looks: Vec<BoxFuture<'_, _>> =
            found.into_iter().map(|found| look(registry, found, now).boxed()).collect();
        let mut looks = stream::iter(looks).buffer_unordered(at_once);
        while let Some(looked) = looks.next().await {
            if let Err(error) = looked {
                tracing::warn!(%error, "whether an archived object can be read is not known");
            }
        }
        if after.is_none() {
            return Ok(());
        }
    }
}

async fn look(
    registry: &Registry,
    FoundLocation { tenant_id, location }: FoundLocation,
    now: Timestamp,
) -> Result<(), ServiceError> {
    let mut seen = registry.look_how_near(&tenant_id, location).await?;
    let is_lost = seen.restore_status == RestoreStatus::RestoreRequested
        && seen.restore_requested_at.is_none_or(|at| now.duration_since(at) > REQUEST_SEEN_WITHIN);
    if is_lost {
        let failed = seen.restore_status.after(RestoreEvent::Failed);
        seen.restore_status = failed.map_err(ServiceError::internal)?;
        registry.note_nearness(&tenant_id, seen).await?;
    }
    Ok(())
}
