//! How near the bytes of an object are: what the store says of it, into its row.

use jiff::Timestamp;
use strongroom_core::package::retrieval::RestoreEvent;
use strongroom_core::package::{RefusedTransition, RetrievalTier};
use strongroom_storage::{ObjectInfo, Retrieval, VersionId};

use super::Registry;
use super::records::object_key;
use crate::db::{DbError, LocationRow, TenantId};
use crate::error::ServiceError;

impl LocationRow {
    /// Takes what the store said of the object at `now`.
    pub(crate) fn saw(
        &mut self,
        info: &ObjectInfo,
        now: Timestamp,
    ) -> Result<(), RefusedTransition> {
        let (event, until) = match info.retrieval {
            Retrieval::Online => (RestoreEvent::FoundOnline, None),
            Retrieval::Archived => (RestoreEvent::FoundArchived, None),
            Retrieval::Restoring => (RestoreEvent::FoundRestoring, None),
            Retrieval::Restored { until } => (RestoreEvent::FoundRestored, until),
        };
        self.restore_status = self.restore_status.after(event)?;
        self.restore_expires_at = until;
        if info.retrieval == Retrieval::Restoring {
            // Perhaps somebody else asked, before the registry knew of it.
            self.restore_requested_at.get_or_insert(now);
        }
        self.storage_class.clone_from(&info.storage_class);
        self.retrieval_tier = match info.retrieval {
            Retrieval::Online => RetrievalTier::of_storage_class(info.storage_class.as_deref()),
            Retrieval::Archived | Retrieval::Restoring | Retrieval::Restored { .. } => {
                RetrievalTier::Archive
            }
        };
        Ok(())
    }
}

/// Whether the bytes of an object can be read, as the store says.
pub(crate) fn can_be_read(retrieval: Retrieval) -> bool {
    match retrieval {
        Retrieval::Online | Retrieval::Restored { .. } => true,
        Retrieval::Archived | Retrieval::Restoring => false,
    }
}

impl Registry {
    /// Asks the store how near an object is, and notes what is new of it.
    pub(crate) async fn look_how_near(
        &self,
        tenant: &TenantId,
        mut location: LocationRow,
    ) -> Result<LocationRow, ServiceError> {
        let store = &self.backends().get(&location.backend_id)?.store;
        let key = object_key("", &location.object_key)?;
        let version = location.version_id.clone().map(VersionId);
        let info = store.head(&key, version.as_ref()).await?;
        let before = location.clone();
        location.saw(&info, self.clock().now()).map_err(ServiceError::internal)?;
        if location != before {
            self.note_nearness(tenant, location.clone()).await?;
        }
        Ok(location)
    }

    /// Writes it into the row, if the object is still to be there.
    pub(crate) async fn note_nearness(
        &self,
        tenant: &TenantId,
        location: LocationRow,
    ) -> Result<(), DbError> {
        self.db()
            .write((tenant.clone(), location), |tx, (tenant, location)| {
                Box::pin(async move { tx.of(tenant).update_nearness(location).await })
            })
            .await
    }
}
