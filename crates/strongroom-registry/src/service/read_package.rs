//! A package, as whoever may see it sees it.

use strongroom_core::package::ManifestSignature;
use uuid::Uuid;

use super::{Registry, approvals};
use crate::auth::{Action, Principal, Resource, authorize};
use crate::db::{ApprovalAction, ListedPackage, PackageRow, TenantRead};
use crate::documents::retention::DeletionDocument;
use crate::documents::{PackageDocument, ProducerDocument, SignatureDocument};
use crate::error::ServiceError;

impl PackageRow {
    /// What of a package decides who may do what with it.
    pub(crate) fn as_resource(&self) -> Resource<'_> {
        Resource::Package {
            created_by: self.created_by,
            producer: &self.producer,
            status: self.status,
        }
    }
}

impl Registry {
    /// A package's fields.
    pub async fn package(
        &self,
        who: &Principal,
        id: Uuid,
    ) -> Result<PackageDocument, ServiceError> {
        let now = self.clock().now();
        let mut session = self.db().read().await?;
        let mut rows = session.of(&who.tenant);
        let row = package_in(&mut rows, who, Action::ReadPackage, id).await?;
        let (early, none) = (ApprovalAction::EarlyDeletion, None);
        let asked_for = approvals::pending(&mut rows, id, early, none, now).await?;
        let mut package = document(&mut rows, row).await?;
        // Nothing of it is decided yet: told only of a package that is looked at by itself.
        if let Some(asked_for) = asked_for.filter(|_| package.deletion.is_none()) {
            package.deletion = Some(DeletionDocument {
                requested_at: Some(asked_for.requested_at),
                requested_by: Some(asked_for.requested_by),
                reason: Some(asked_for.reason),
                early: true,
                grace_ticks_left: None,
                awaits_approval: true,
            });
        }
        Ok(package)
    }

    /// A package's row, for somebody who may do this with it now. Decide again inside of a write what must not change
    /// meanwhile.
    pub(crate) async fn package_for(
        &self,
        who: &Principal,
        action: Action,
        id: Uuid,
    ) -> Result<PackageRow, ServiceError> {
        let mut session = self.db().read().await?;
        package_in(&mut session.of(&who.tenant), who, action, id).await
    }
}

/// The same, by a session in which more is read.
pub(crate) async fn package_in(
    rows: &mut TenantRead<'_>,
    who: &Principal,
    action: Action,
    id: Uuid,
) -> Result<PackageRow, ServiceError> {
    let row = rows.package(id).await?.ok_or_else(ServiceError::not_found)?;
    authorize(who, action, row.as_resource())?;
    Ok(row)
}

/// A package as a document. Of an open one the files are counted now; of others they were when finalizing began.
pub(crate) async fn document(
    rows: &mut TenantRead<'_>,
    package: PackageRow,
) -> Result<PackageDocument, ServiceError> {
    let active_holds = rows.active_holds(package.id).await?.len() as u64;
    let totals = match package.bundle_id {
        Some(_) => None,
        None => Some(rows.file_totals(package.id).await?),
    };
    let mut document = listed(ListedPackage { package, active_holds })?;
    if let Some(totals) = totals {
        document.files_count = Some(totals.files);
        document.size_bytes = Some(totals.size_bytes);
    }
    Ok(document)
}

/// A package as a list tells of it, by its row alone.
pub(super) fn listed(listed: ListedPackage) -> Result<PackageDocument, ServiceError> {
    let ListedPackage { package: row, active_holds } = listed;
    let is_frozen = row.bundle_id.is_some();
    // Noted before: the attempt that wrote it may not be the one that says so.
    let signature = row.signature().filter(|_| row.finalized_at.is_some());
    let deletion = deletion_of(&row)?;
    let metadata = match row.metadata {
        serde_json::Value::Object(metadata) => metadata,
        _ => serde_json::Map::new(),
    };
    let producer = (!row.producer.is_empty())
        .then_some(ProducerDocument { name: row.producer, version: row.producer_version });
    Ok(PackageDocument {
        package_id: row.id,
        name: row.name,
        producer,
        subject: row.subject,
        run_id: row.run_id,
        status: row.status,
        retention_class: row.retention_class,
        retention_days: row
            .retention_days
            .map(u32::try_from)
            .transpose()
            .map_err(ServiceError::internal)?,
        expires_at: row.expires_at,
        active_holds,
        lock_state: row.lock_state,
        bundle_id: row.bundle_id,
        signature: signature
            .map(|ManifestSignature { sha256, key_id }| SignatureDocument { sha256, key_id }),
        files_count: is_frozen.then_some(row.files_count),
        size_bytes: is_frozen.then_some(row.size_bytes),
        backend_id: row.backend_id,
        created_at: row.created_at,
        created_by: row.created_by,
        declared_created_at: row.declared_created_at,
        finalized_at: row.finalized_at,
        deletion,
        deletion_cancelled_at: row.deletion_cancelled_at,
        metadata,
        version: i64::try_from(row.version).map_err(ServiceError::internal)?,
    })
}

fn deletion_of(row: &PackageRow) -> Result<Option<DeletionDocument>, ServiceError> {
    if row.deletion_requested_at.is_none() && row.deletion_reason.is_none() {
        return Ok(None);
    }
    let grace = row.grace_ticks_left.map(u32::try_from).transpose();
    Ok(Some(DeletionDocument {
        requested_at: row.deletion_requested_at,
        requested_by: row.deletion_requested_by,
        reason: row.deletion_reason.clone(),
        early: row.deletion_early,
        grace_ticks_left: grace.map_err(ServiceError::internal)?,
        awaits_approval: false,
    }))
}
