//! A package is kept longer. Its date only ever moves later.

use jiff::Timestamp;
use serde_json::json;
use strongroom_core::package::expiry;
use strongroom_core::package::record::{Decision, DeletionBlock};
use strongroom_core::package::status::PackageEvent;
use strongroom_core::package::{LockState, PackageStatus};
use strongroom_core::retention::Period;
use strongroom_storage::clock::to_the_microsecond;
use strongroom_storage::keep;
use uuid::Uuid;

use super::Registry;
use super::change::{
    Asked, Conditions, Done, changed_meanwhile, check_reason, deletion_effect, wrong_state,
};
use super::records::Deciding;
use crate::auth::{Action, Principal};
use crate::db::{AuditEventRow, JobRow, PackageRow, RetentionEventRow, RetentionEventType, Tx};
use crate::documents::{ExtensionAsk, ExtensionDocument};
use crate::error::{ErrorKind, ServiceError};
use crate::jobs::JobKind;

/// Why a deletion under way is blocked by a later date.
const BLOCKED_BY_EXTENSION: &str = "the package's date was moved later";

/// Everything that is written at once.
struct Extending {
    asked: Asked,
    previous: Timestamp,
    new: Timestamp,
    event: AuditEventRow,
    retention: RetentionEventRow,
    job: JobRow,
}

impl Registry {
    /// Moves a package's date later. A deletion that was asked for is cancelled by it, and one under way blocked.
    pub async fn extend_retention(
        &self,
        who: &Principal,
        package: Uuid,
        ask: ExtensionAsk,
        on: Conditions,
    ) -> Result<ExtensionDocument, ServiceError> {
        if let Some(made) = self.done_before(who, &on).await? {
            return self.extension(who, package, made).await;
        }
        let row = self.package_for(who, Action::ExtendRetention, package).await?;
        on.check(&row)?;
        check_reason(&ask.reason)?;
        let backend = self.backends().get(&row.backend_id)?;
        // The lock's date counts by the store's clock.
        let now = keep::clock_check(&*backend.store, self.clock().now()).await?;
        let (previous, new) = decide(&row, &ask, now)?;
        let id = self.clock().new_id();
        let extending =
            self.write_extension(who, &row, (id, ask.reason, previous, new), on).await?;
        let done = self.db().write(extending, |tx, e| Box::pin(extend(tx, e))).await?;
        match done {
            Done::Now(job_id) => {
                self.ring_for_jobs();
                Ok(document(id, package, Some(previous), new, job_id))
            }
            Done::Before(made) => self.extension(who, package, made).await,
        }
    }

    /// Puts the decision on record.
    async fn write_extension(
        &self,
        who: &Principal,
        row: &PackageRow,
        (id, reason, previous, new): (Uuid, String, Timestamp, Timestamp),
        on: Conditions,
    ) -> Result<Extending, ServiceError> {
        let deciding = Deciding {
            id,
            tenant: &who.tenant,
            package: row,
            by: Some(who.id),
            reason: Some(reason.clone()),
            decision: Decision::RetentionExtended { previous, new },
            event: "retention_extended",
            details: json!({
                "extension_id": id, "previous_expires_at": previous, "expires_at": new,
            }),
        };
        let event = self.put_on_record(deciding).await?;
        if row.status == PackageStatus::Deleting {
            self.write_block(who, row, DeletionBlock::RetentionExtended).await?;
        }
        let retention = RetentionEventRow {
            id,
            package_id: row.id,
            event_type: RetentionEventType::Extended,
            reason,
            created_by: Some(who.id),
            created_at: self.clock().now(),
            previous_expires_at: Some(previous),
            new_expires_at: Some(new),
        };
        let asked = self.asked(who, Action::ExtendRetention, row.id, on, id);
        let job = self.new_job(JobKind::ApplyRetention, row.id, json!({}));
        Ok(Extending { asked, previous, new, event, retention, job })
    }

    /// An extension that was made before.
    async fn extension(
        &self,
        who: &Principal,
        package: Uuid,
        id: Uuid,
    ) -> Result<ExtensionDocument, ServiceError> {
        self.package_for(who, Action::ReadPackage, package).await?;
        let mut session = self.db().read().await?;
        let mut rows = session.of(&who.tenant);
        let event = rows.retention_event(package, id).await?;
        let event = event.ok_or_else(ServiceError::not_found)?;
        let job = rows.last_job(JobKind::ApplyRetention.as_str(), package).await?;
        let job = job.filter(|job| job.created_at >= event.created_at);
        let new = event.new_expires_at.ok_or_else(ServiceError::not_found)?;
        Ok(document(id, package, event.previous_expires_at, new, job.map(|job| job.id)))
    }
}

/// The date before, and the one from now on.
fn decide(
    row: &PackageRow,
    ask: &ExtensionAsk,
    now: Timestamp,
) -> Result<(Timestamp, Timestamp), ServiceError> {
    let refused = |error: String| ServiceError::new(ErrorKind::PolicyNotMet, error);
    let asked = match (ask.expires_at, ask.days) {
        (Some(date), None) => date,
        (None, Some(days)) => {
            Period::Days(days).after(now).map_err(|error| refused(error.to_string()))?
        }
        _ => {
            return Err(ServiceError::new(
                ErrorKind::Invalid,
                "an extension has either a date or a number of days",
            ));
        }
    };
    // Kept in microseconds: the record must not promise more than the row.
    let new = expiry::extend(row.expires_at, to_the_microsecond(asked), now)
        .map_err(|error| refused(error.to_string()))?;
    Ok((row.expires_at.unwrap_or(new), new))
}

async fn extend(tx: &mut Tx, e: &Extending) -> Result<Done<Option<Uuid>>, ServiceError> {
    if let Some(made) = e.asked.use_key(tx).await? {
        return Ok(Done::Before(made));
    }
    let mut row = e.asked.lock(tx).await?;
    if row.expires_at != Some(e.previous) {
        return Err(changed_meanwhile());
    }
    let before = row.status;
    row.status = before.after(PackageEvent::RetentionExtended).map_err(wrong_state)?;
    row.stop_deletion(before, BLOCKED_BY_EXTENSION);
    row.expires_at = Some(e.new);
    let tenant = e.asked.tenant();
    let mut job = None;
    // Also of a class without locks: a hold may be on it, and the record of this is one of its objects.
    if row.has_evidence() {
        row.lock_state = LockState::Applying;
        job = Some(tx.of(tenant).enqueue_job(&e.job).await?);
    }
    let mut rows = tx.of(tenant);
    rows.update_package(&row).await?;
    rows.insert_retention_event(&e.retention).await?;
    let mut event = e.event.clone();
    if let Some(effect) = deletion_effect(before, row.status) {
        event.details["deletion"] = effect.into();
    }
    rows.insert_audit_event(&event).await?;
    Ok(Done::Now(job))
}

fn document(
    id: Uuid,
    package: Uuid,
    previous: Option<Timestamp>,
    new: Timestamp,
    job_id: Option<Uuid>,
) -> ExtensionDocument {
    ExtensionDocument {
        extension_id: id,
        package_id: package,
        previous_expires_at: previous,
        expires_at: new,
        job_id,
    }
}
