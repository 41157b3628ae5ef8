//! Decisions into the bucket, before they are acknowledged: the database alone never knows of one.

use bytes::Bytes;
use serde_json::{Value, json};
use strongroom_core::layout;
use strongroom_core::package::record::{
    Decision, DeletionBlock, PACKAGE_RECORD_SCHEMA, PackageRecord,
};
use strongroom_storage::ObjectKey;
use strongroom_storage::keep::{self, Kept};
use uuid::Uuid;

use super::Registry;
use super::change::Done;
use crate::auth::Principal;
use crate::backends::Backend;
use crate::db::{AuditEventRow, PackageRow, TenantId};
use crate::error::{ErrorKind, ServiceError};

/// A decision to be written down.
#[derive(Debug, Clone)]
pub(crate) struct Decided<'a> {
    /// The id that the decision goes by, which is also its record's: an extension, a hold.
    pub(crate) id: Uuid,
    pub(crate) tenant: &'a TenantId,
    pub(crate) package: Uuid,
    /// Absent where the sweeper decided.
    pub(crate) by: Option<Uuid>,
    pub(crate) reason: Option<String>,
    pub(crate) decision: Decision,
}

/// A decision about a package that has its row, and the event that is to tell of it.
pub(crate) struct Deciding<'a> {
    pub(crate) id: Uuid,
    pub(crate) tenant: &'a TenantId,
    pub(crate) package: &'a PackageRow,
    /// Absent where the registry followed its rules.
    pub(crate) by: Option<Uuid>,
    pub(crate) reason: Option<String>,
    pub(crate) decision: Decision,
    /// The type of the event.
    pub(crate) event: &'static str,
    /// What the event tells besides the record's id.
    pub(crate) details: Value,
}

impl Registry {
    /// Record first: writes a decision down, and answers the event for the write that takes it, with the record's id
    /// and digest.
    pub(crate) async fn put_on_record(
        &self,
        deciding: Deciding<'_>,
    ) -> Result<AuditEventRow, ServiceError> {
        let Deciding { id, tenant, package, by, reason, decision, event, details } = deciding;
        let decided = Decided { id, tenant, package: package.id, by, reason, decision };
        let backend = self.backends().get(&package.backend_id)?;
        let kept = self.write_down(backend, &package.storage_prefix, decided).await?;
        let mut event = self.package_event(event, package.id, by, details);
        event.details["record_id"] = json!(id);
        event.record_sha256 = Some(kept.sha256);
        Ok(event)
    }

    /// Passes on what came of the write of a decision that weakens, and whose record is there. Where it was refused,
    /// that is put on record too: nobody shall read a release that never was.
    pub(crate) async fn told_if_refused<T>(
        &self,
        tenant: &TenantId,
        package: &PackageRow,
        record: Uuid,
        written: Result<Done<T>, ServiceError>,
    ) -> Result<Done<T>, ServiceError> {
        let why = match &written {
            Ok(Done::Now(_)) => None,
            Ok(Done::Before(_)) => Some("somebody else was first".to_owned()),
            // What the database failed at may have taken place: then the event tells, or nothing does.
            Err(error) => is_refusal(error.kind()).then(|| error.to_string()),
        };
        if let Some(why) = why {
            self.not_taken(tenant, package, record, why).await;
        }
        written
    }

    /// Puts on record that a decision whose record is there was not taken. Where the store does not take that, the
    /// decision is in doubt, and whoever reads the bucket has to take the stronger reading.
    pub(crate) async fn not_taken(
        &self,
        tenant: &TenantId,
        package: &PackageRow,
        record_id: Uuid,
        why: String,
    ) {
        let decided = Decided {
            id: self.clock().new_id(),
            tenant,
            package: package.id,
            by: None,
            reason: Some(why),
            decision: Decision::NotTaken { record_id },
        };
        let written = match self.backends().get(&package.backend_id) {
            Ok(backend) => self.write_down(backend, &package.storage_prefix, decided).await,
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            tracing::error!(package_id = %package.id, %record_id, %error, "a refused decision is on record as if it were taken");
        }
    }

    /// Puts on record what stopped a deletion that was seen under way.
    pub(crate) async fn write_block(
        &self,
        who: &Principal,
        row: &PackageRow,
        why: DeletionBlock,
    ) -> Result<(), ServiceError> {
        let decided = Decided {
            id: self.clock().new_id(),
            tenant: &who.tenant,
            package: row.id,
            by: Some(who.id),
            reason: None,
            decision: Decision::DeletionBlocked { why },
        };
        let backend = self.backends().get(&row.backend_id)?;
        self.write_down(backend, &row.storage_prefix, decided).await.map(drop)
    }

    /// Writes a decision into the bucket, create-only, and looks at it.
    pub(crate) async fn write_down(
        &self,
        backend: &Backend,
        storage_prefix: &str,
        decided: Decided<'_>,
    ) -> Result<Kept, ServiceError> {
        let key = layout::package_record(decided.package, decided.id);
        let key = object_key(storage_prefix, &key)?;
        let record = self.record_of(decided)?;
        Ok(keep::record(&*backend.store, &key, record, None).await?)
    }

    /// The record of a decision, for who writes it down by itself.
    pub(crate) fn record_of(&self, decided: Decided<'_>) -> Result<Bytes, ServiceError> {
        let record = PackageRecord {
            schema: PACKAGE_RECORD_SCHEMA.to_owned(),
            id: decided.id,
            package_id: decided.package,
            tenant: decided.tenant.to_string(),
            at: self.clock().now(),
            by: decided.by,
            reason: decided.reason,
            decision: decided.decision,
        };
        record.to_bytes().map(Bytes::from).map_err(ServiceError::internal)
    }
}

/// A key under the prefix that a package's row names.
pub(crate) fn object_key(storage_prefix: &str, key: &str) -> Result<ObjectKey, ServiceError> {
    ObjectKey::new(format!("{storage_prefix}{key}")).map_err(ServiceError::internal)
}

/// Whether a write ended because it was refused, so that nothing of it took place.
fn is_refusal(kind: ErrorKind) -> bool {
    !matches!(
        kind,
        ErrorKind::Busy
            | ErrorKind::StoreUnavailable
            | ErrorKind::StoreRefused
            | ErrorKind::Corrupt
            | ErrorKind::Internal
    )
}
