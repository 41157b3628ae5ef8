//! A package is given up before it is evidence: written down, and its bytes deleted by a job.

use serde_json::json;
use strongroom_core::package::record::Decision;
use strongroom_core::package::status::PackageEvent;
use uuid::Uuid;

use super::Registry;
use super::change::{Asked, Conditions, Done};
use super::records::Deciding;
use super::resumable::{EndOfUploads, end_unfinished};
use crate::auth::{Action, Principal};
use crate::db::{AuditEventRow, JobRow, TenantRead, Tx};
use crate::documents::PackageDocument;
use crate::error::{ErrorKind, ServiceError};
use crate::jobs::JobKind;

/// Everything that is written at once.
struct Abandoning {
    asked: Asked,
    event: AuditEventRow,
    job: JobRow,
    uploads: EndOfUploads,
}

impl Registry {
    /// Gives an open package up. One that is held is kept.
    pub async fn abandon(
        &self,
        who: &Principal,
        package_id: Uuid,
        on: Conditions,
    ) -> Result<PackageDocument, ServiceError> {
        if let Some(made) = self.done_before(who, &on).await? {
            return self.package(who, made).await;
        }
        let package = self.package_for(who, Action::Abandon, package_id).await?;
        on.check(&package)?;
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
        let asked = self.asked(who, Action::Abandon, package_id, on, package_id);
        let (tenant, clean_up) = (who.tenant.clone(), job.clone());
        let uploads = EndOfUploads { tenant, package: package_id, clean_up };
        let abandoning = Abandoning { asked, event, job, uploads };
        let written = self.db().write(abandoning, |tx, a| Box::pin(abandon(tx, a))).await;
        self.told_if_refused(&who.tenant, &package, record, written).await?;
        self.ring_for_jobs();
        self.package(who, package_id).await
    }
}

async fn abandon(tx: &mut Tx, abandoning: &Abandoning) -> Result<Done<()>, ServiceError> {
    if let Some(made) = abandoning.asked.use_key(tx).await? {
        return Ok(Done::Before(made));
    }
    let mut package = abandoning.asked.lock(tx).await?;
    let mut rows = tx.of(abandoning.asked.tenant());
    refuse_if_held(&mut rows, package.id).await?;
    package.status =
        package.status.after(PackageEvent::Abandoned).map_err(ServiceError::internal)?;
    rows.update_package(&package).await?;
    rows.forget_documents(package.id).await?;
    rows.insert_audit_event(&abandoning.event).await?;
    end_unfinished(&mut rows, &abandoning.uploads).await?;
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
