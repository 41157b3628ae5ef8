//! The last transaction of finalizing; and the way back, where it is given up.

use serde_json::{Value, json};
use strongroom_core::package::record::Decision;
use strongroom_core::package::status::PackageEvent;
use strongroom_core::package::{LockState, ManifestSignature, PackageStatus};
use strongroom_core::{BundleId, Sha256Digest};
use uuid::Uuid;

use super::documents::StoredDocument;
use super::signature::StoredSignature;
use super::{Attempt, Finalizing, Tally};
use crate::db::{
    AuditEventRow, DbError, HoldReach, JobEnd, JobRow, PackageRow, RetentionEventRow,
    RetentionEventType, TenantId, Tx,
};
use crate::error::ServiceError;
use crate::jobs::JobKind;
use crate::jobs::objects::Object;
use crate::service::read_manifest::{DOCUMENT, DocumentPlace, FINALIZED, SIGNATURE};
use crate::service::records::Deciding;

/// The identity of a package that is being finalized.
struct Identity {
    tenant: TenantId,
    job: JobRow,
    package: Uuid,
    id: BundleId,
}

/// Everything that the end of finalizing writes.
struct Conclusion {
    tenant: TenantId,
    end: JobEnd,
    /// The package as the locks were planned by.
    planned: PackageRow,
    holds: Vec<Uuid>,
    /// Whether an earlier attempt, while something was held, left the hold's bit on objects.
    leaves_bits: bool,
    lock_state: LockState,
    /// How far the holds have reached the store.
    reach: HoldReach,
    bundle_id: BundleId,
    signature: Option<ManifestSignature>,
    finalized_at: jiff::Timestamp,
    event: AuditEventRow,
    retention: RetentionEventRow,
    /// Brings what was decided meanwhile to the objects.
    further: JobRow,
}

/// What opens a package again.
struct GivingUp {
    tenant: TenantId,
    end: JobEnd,
    package: Uuid,
    event: AuditEventRow,
}

impl Finalizing<'_> {
    /// Shows the identity as soon as the manifest is stored.
    pub(super) async fn note_identity(&self, id: BundleId) -> Result<(), ServiceError> {
        if self.package.bundle_id == Some(id) {
            return Ok(());
        }
        let identity = Identity {
            tenant: self.attempt.tenant().clone(),
            job: self.attempt.job().clone(),
            package: self.package.id,
            id,
        };
        let db = self.attempt.registry().db();
        let noted: Result<bool, DbError> =
            db.write(identity, |tx, identity| Box::pin(note(tx, identity))).await;
        if noted? { Ok(()) } else { Err(Attempt::lost()) }
    }

    /// Says that the package is evidence, and ends the job, at once.
    pub(super) async fn conclude(
        &self,
        stored: &StoredDocument,
        signature: Option<&StoredSignature>,
        record_sha256: Sha256Digest,
        tally: &Tally,
    ) -> Result<Value, ServiceError> {
        let registry = self.attempt.registry();
        let bundle_id = stored.bundle_id;
        let weakest = tally.reached.weakest();
        let lock_state = LockState::of(!self.target.is_none(), weakest);
        let document = place(stored.sha256, stored.size_bytes, &stored.object);
        let record_id = self.attempt.job().id;
        let mut details = json!({
            "bundle_id": bundle_id,
            "record_id": record_id,
            DOCUMENT: document,
            "locks": tally.summary,
        });
        if let Some(stored) = signature {
            let (sha256, size_bytes) = (stored.signature.sha256, stored.size_bytes);
            details[SIGNATURE] = json!(place(sha256, size_bytes, &stored.object));
        }
        let by = self.asked_by();
        let mut event = registry.package_event(FINALIZED, self.package.id, by, details);
        event.record_sha256 = Some(record_sha256);
        let now = registry.clock().now();
        let class = self.package.retention_class;
        let outcome = json!({ "bundle_id": bundle_id, "lock_state": lock_state.as_str() });
        let conclusion = Conclusion {
            tenant: self.attempt.tenant().clone(),
            end: self.attempt.end_done(outcome.clone()),
            planned: self.package.clone(),
            holds: self.holds.iter().map(|hold| hold.id).collect(),
            leaves_bits: self.was_ever_held && self.holds.is_empty(),
            lock_state,
            reach: weakest.into(),
            bundle_id,
            signature: signature.map(|stored| stored.signature),
            finalized_at: stored.finalized_at,
            event,
            retention: RetentionEventRow {
                id: registry.clock().new_id(),
                package_id: self.package.id,
                event_type: RetentionEventType::DefaultRuleApplied,
                reason: format!("the rule of the class {class}, brought to every object"),
                created_by: by,
                created_at: now,
                previous_expires_at: self.package.expires_at,
                new_expires_at: self.package.expires_at,
            },
            further: registry.new_job(JobKind::ApplyRetention, self.package.id, json!({})),
        };
        let has_job = registry.db().write(conclusion, |tx, c| Box::pin(conclude(tx, c))).await?;
        if !has_job {
            return Err(Attempt::lost());
        }
        self.attempt.note_ended();
        registry.ring_for_jobs();
        Ok(outcome)
    }
}

async fn note(tx: &mut Tx, identity: &Identity) -> Result<bool, DbError> {
    let mut rows = tx.of(&identity.tenant);
    if !rows.has_job(&identity.job).await? {
        return Ok(false);
    }
    if let Some(mut package) = rows.lock_package(identity.package).await?
        && package.status == PackageStatus::Finalizing
    {
        package.bundle_id = Some(identity.id);
        package.manifest_sha256 = Some(identity.id.0);
        rows.update_package(&package).await?;
    }
    Ok(true)
}

async fn conclude(tx: &mut Tx, c: &Conclusion) -> Result<bool, ServiceError> {
    let mut rows = tx.of(&c.tenant);
    if !rows.has_job(&c.end.job).await? {
        return Ok(false);
    }
    let found = rows.lock_package(c.planned.id).await?;
    let mut package = found.ok_or_else(ServiceError::not_found)?;
    package.status =
        package.status.after(PackageEvent::Finalized).map_err(ServiceError::internal)?;
    let holds: Vec<Uuid> =
        rows.active_holds(package.id).await?.into_iter().map(|hold| hold.id).collect();
    // A hold or a later date that was decided meanwhile is a job's to bring to the objects, and so are bits of a hold
    // that ended before.
    let is_as_planned =
        package.expires_at == c.planned.expires_at && holds == c.holds && !c.leaves_bits;
    package.lock_state = if is_as_planned { c.lock_state } else { LockState::Applying };
    if matches!(package.lock_state, LockState::Applying | LockState::Failed) {
        rows.enqueue_job(&c.further).await?;
    } else {
        for hold in &c.holds {
            rows.set_hold_reach(*hold, HoldReach::Applying, c.reach).await?;
        }
    }
    package.bundle_id = Some(c.bundle_id);
    package.manifest_sha256 = Some(c.bundle_id.0);
    package.note_signature(c.signature);
    package.finalized_at = Some(c.finalized_at);
    rows.update_package(&package).await?;
    rows.forget_documents(package.id).await?;
    rows.insert_audit_event(&c.event).await?;
    rows.insert_retention_event(&c.retention).await?;
    rows.finish_job(&c.end).await?;
    Ok(true)
}

fn place(sha256: Sha256Digest, size_bytes: u64, object: &Object) -> DocumentPlace {
    let version_id = object.version.as_ref().map(|version| version.0.clone());
    DocumentPlace { sha256, size_bytes, version_id }
}

/// Opens the package again and ends the job, with the reason on both.
pub(super) async fn open_again(
    attempt: &Attempt,
    error: &ServiceError,
) -> Result<(), ServiceError> {
    let registry = attempt.registry();
    let package = attempt.package_id()?;
    let error = match error.guidance() {
        Some(guidance) => format!("{error}; {guidance}"),
        None => error.to_string(),
    };
    if !attempt.is_sure() {
        return Err(Attempt::lost());
    }
    let tenant = attempt.tenant().clone();
    let row = registry.db().read().await?.of(&tenant).package(package).await?;
    // Since then `package.json` and the record may say that it is evidence.
    let told = row.filter(|row| row.status == PackageStatus::Finalizing && row.bundle_id.is_some());
    let details = json!({ "job_id": attempt.job().id, "error": error });
    let (record_id, event) = (registry.clock().new_id(), "finalize_failed");
    let event = match &told {
        None => registry.package_event(event, package, None, details),
        Some(row) => {
            let deciding = Deciding {
                id: record_id,
                tenant: &tenant,
                package: row,
                by: None,
                reason: Some(error.clone()),
                decision: Decision::FinalizeFailed { record_id: attempt.job().id },
                event,
                details,
            };
            registry.put_on_record(deciding).await?
        }
    };
    let giving_up =
        GivingUp { tenant: tenant.clone(), end: attempt.end_failed(None, error), package, event };
    if registry.db().write(giving_up, |tx, g| Box::pin(give_up(tx, g))).await? {
        attempt.note_ended();
        return Ok(());
    }
    if let Some(row) = told {
        let why = "another worker has the job".to_owned();
        registry.not_taken(&tenant, &row, record_id, why).await;
    }
    Err(Attempt::lost())
}

async fn give_up(tx: &mut Tx, g: &GivingUp) -> Result<bool, ServiceError> {
    let mut rows = tx.of(&g.tenant);
    if !rows.has_job(&g.end.job).await? {
        return Ok(false);
    }
    if let Some(mut package) = rows.lock_package(g.package).await?
        && package.status == PackageStatus::Finalizing
    {
        package.status =
            package.status.after(PackageEvent::FinalizeFailed).map_err(ServiceError::internal)?;
        (package.bundle_id, package.manifest_sha256) = (None, None);
        (package.files_count, package.size_bytes) = (0, 0);
        rows.update_package(&package).await?;
        rows.insert_audit_event(&g.event).await?;
    }
    rows.finish_job(&g.end).await?;
    Ok(true)
}
