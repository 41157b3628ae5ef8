//! Decisions into the bucket, before they are acknowledged: the database alone never knows of one.

use bytes::Bytes;
use strongroom_core::Sha256Digest;
use strongroom_core::layout;
use strongroom_core::package::record::{Decision, PACKAGE_RECORD_SCHEMA, PackageRecord};
use strongroom_storage::{ObjectKey, keep};
use uuid::Uuid;

use super::Registry;
use crate::backends::Backend;
use crate::db::TenantId;
use crate::error::ServiceError;

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

impl Registry {
    /// Writes a decision into the bucket, create-only, and looks at it. Answers the digest of the record.
    pub(crate) async fn write_down(
        &self,
        backend: &Backend,
        storage_prefix: &str,
        decided: Decided<'_>,
    ) -> Result<Sha256Digest, ServiceError> {
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
        let bytes = record.to_bytes().map_err(ServiceError::internal)?;
        let sha256 = Sha256Digest::of(&bytes);
        let key = layout::package_record(decided.package, decided.id);
        let key = object_key(storage_prefix, &key)?;
        keep::record(&*backend.store, &key, Bytes::from(bytes), None).await?;
        Ok(sha256)
    }
}

/// A key under the prefix that a package's row names.
pub(crate) fn object_key(storage_prefix: &str, key: &str) -> Result<ObjectKey, ServiceError> {
    ObjectKey::new(format!("{storage_prefix}{key}")).map_err(ServiceError::internal)
}
