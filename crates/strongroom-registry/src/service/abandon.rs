//! A package is given up before it is evidence: written down, and its bytes deleted by a job.

use serde_json::json;
use strongroom_core::package::record::Decision;
use strongroom_core::package::status::PackageEvent;
use uuid::Uuid;

use super::change::Done;
use super::records::Deciding;
use super::{Registry, read_package};
use crate::auth::{Action, Principal, authorize};
use crate::db::{AuditEventRow, JobRow, TenantRead, Tx};
use crate::documents::PackageDocument;
use crate::error::{ErrorKind, ServiceError};
use crate::jobs::JobKind;

/// Everything that is written at once.
struct Abandoning {
    who: Principal,
    package: Uuid,
    event: AuditEventRow,
    job: JobRow,
}

impl Registry {
    /// Gives an open package up. One that is held is kept.
    pub async fn abandon(
        &self,
        who: &Principal,
        package_id: Uuid,
    ) -> Result<PackageDocument, ServiceError> {
        let package = self.package_for(who, Action::Abandon, package_id).await?;
        refuse_if_held(&mut self.db().read().await?.of(&who.tenant), package_id).await?;
        let record = self.clock().new_id();
        let deciding = Deciding {
            id: record,
            tenant: &who.tenant,
            package: &package,
            by: Some(who.id),
            reason: None,
            decision: Decision::PackageAbandoned,
            event: "package_abandoned",
            details: json!({}),
        };
        let event = self.put_on_record(deciding).await?;
        let job = self.new_job(JobKind::CleanUp, package_id, json!({}));
        let abandoning = Abandoning { who: who.clone(), package: package_id, event, job };
        let written = self.db().write(abandoning, |tx, a| Box::pin(abandon(tx, a))).await;
        self.told_if_refused(&who.tenant, &package, record, written).await?;
        self.ring_for_jobs();
        let row = self.package_for(who, Action::ReadPackage, package_id).await?;
        let mut session = self.db().read().await?;
        read_package::document(&mut session.of(&who.tenant), row).await
    }
}

async fn abandon(tx: &mut Tx, abandoning: &Abandoning) -> Result<Done<()>, ServiceError> {
    let mut rows = tx.of(&abandoning.who.tenant);
    let found = rows.lock_package(abandoning.package).await?;
    let mut package = found.ok_or_else(ServiceError::not_found)?;
    authorize(&abandoning.who, Action::Abandon, package.as_resource())?;
    refuse_if_held(&mut rows, package.id).await?;
    package.status =
        package.status.after(PackageEvent::Abandoned).map_err(ServiceError::internal)?;
    rows.update_package(&package).await?;
    rows.insert_audit_event(&abandoning.event).await?;
    rows.enqueue_job(&abandoning.job).await?;
    Ok(Done::Now(()))
}

async fn refuse_if_held(rows: &mut TenantRead<'_>, package: Uuid) -> Result<(), ServiceError> {
    if rows.active_holds(package).await?.is_empty() {
        return Ok(());
    }
    Err(ServiceError::new(ErrorKind::Retained, "a legal hold is on the package: it is kept")
        .with_guidance("finalize it, or have the hold released"))
}
