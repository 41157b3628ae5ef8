//! A request for deletion is taken back; or what a blocked deletion left is kept.

use serde_json::json;
use strongroom_core::package::LockState;
use strongroom_core::package::record::Decision;
use strongroom_core::package::status::PackageEvent;
use uuid::Uuid;

use super::Registry;
use super::change::{Asked, Conditions, Done, check_reason, wrong_state};
use super::records::Deciding;
use crate::auth::{Action, Principal};
use crate::db::{AuditEventRow, JobRow, Tx};
use crate::documents::{PackageDocument, ReasonAsk};
use crate::error::ServiceError;
use crate::jobs::JobKind;

/// Everything that is written at once.
struct Cancelling {
    asked: Asked,
    event: AuditEventRow,
    job: JobRow,
}

impl Registry {
    /// Takes a request for deletion back.
    pub async fn cancel_deletion(
        &self,
        who: &Principal,
        package: Uuid,
        ask: ReasonAsk,
        on: Conditions,
    ) -> Result<PackageDocument, ServiceError> {
        if let Some(made) = self.done_before(who, &on).await? {
            return self.package(who, made).await;
        }
        let row = self.package_for(who, Action::CancelDeletion, package).await?;
        on.check(&row)?;
        check_reason(&ask.reason)?;
        let deciding = Deciding {
            id: self.clock().new_id(),
            tenant: &who.tenant,
            package: &row,
            by: Some(who.id),
            reason: Some(ask.reason.clone()),
            decision: Decision::DeletionCancelled,
            event: "deletion_cancelled",
            details: json!({ "reason": ask.reason }),
        };
        let event = self.put_on_record(deciding).await?;
        let asked = self.asked(who, Action::CancelDeletion, package, on, package);
        let job = self.new_job(JobKind::ApplyRetention, package, json!({}));
        let cancelling = Cancelling { asked, event, job };
        self.db().write(cancelling, |tx, c| Box::pin(cancel(tx, c))).await?;
        self.ring_for_jobs();
        self.package(who, package).await
    }
}

async fn cancel(tx: &mut Tx, c: &Cancelling) -> Result<Done<()>, ServiceError> {
    if let Some(made) = c.asked.use_key(tx).await? {
        return Ok(Done::Before(made));
    }
    let mut row = c.asked.lock(tx).await?;
    let tenant = c.asked.tenant();
    // The record of this is one of the package's objects; and of a blocked deletion nobody may know of some objects
    // whether they are gone: the job looks, and locks what is there.
    row.lock_state = LockState::Applying;
    tx.of(tenant).enqueue_job(&c.job).await?;
    row.status = row.status.after(PackageEvent::DeletionCancelled).map_err(wrong_state)?;
    row.forget_deletion();
    row.deletion_cancelled_at = Some(c.event.at);
    let mut rows = tx.of(tenant);
    rows.update_package(&row).await?;
    rows.insert_audit_event(&c.event).await?;
    Ok(Done::Now(()))
}
