//! A package is put under a legal hold: whatever its date, nothing of it is deleted until the hold is released.

use serde_json::json;
use strongroom_core::package::record::{Decision, DeletionBlock};
use strongroom_core::package::status::PackageEvent;
use strongroom_core::package::{LockState, PackageStatus};
use uuid::Uuid;

use super::Registry;
use super::change::{Asked, Conditions, Done, check_reason, deletion_effect, wrong_state};
use super::records::Deciding;
use crate::auth::{Action, Principal};
use crate::db::{
    AuditEventRow, HoldReach, HoldRow, JobRow, PackageRow, RetentionEventRow, RetentionEventType,
    Tx,
};
use crate::documents::{HoldAsk, HoldDocument};
use crate::error::{ErrorKind, ServiceError};
use crate::jobs::JobKind;

/// Why a deletion under way is blocked by a hold.
const BLOCKED_BY_HOLD: &str = "a legal hold was placed";
/// Active holds of one package.
const HOLDS_MAX: usize = 256;

/// Everything that is written at once.
struct Placing {
    asked: Asked,
    hold: HoldRow,
    event: AuditEventRow,
    retention: RetentionEventRow,
    job: JobRow,
}

impl Registry {
    /// Places a hold. It wins against a deletion: a request is cancelled, and one under way is blocked, so that
    /// what is still there stays.
    pub async fn place_hold(
        &self,
        who: &Principal,
        package: Uuid,
        ask: HoldAsk,
        on: Conditions,
    ) -> Result<HoldDocument, ServiceError> {
        if let Some(made) = self.done_before(who, &on).await? {
            return self.hold(who, package, made).await;
        }
        let row = self.package_for(who, Action::PlaceHold, package).await?;
        on.check(&row)?;
        check_reason(&ask.reason)?;
        let placing = self.write_hold(who, &row, ask.reason, on).await?;
        let id = placing.hold.id;
        let done = self.db().write(placing, |tx, p| Box::pin(place(tx, p))).await?;
        self.ring_for_jobs();
        let id = match done {
            Done::Now(()) => id,
            Done::Before(made) => made,
        };
        self.hold(who, package, id).await
    }

    /// Puts the decision on record.
    async fn write_hold(
        &self,
        who: &Principal,
        row: &PackageRow,
        reason: String,
        on: Conditions,
    ) -> Result<Placing, ServiceError> {
        let id = self.clock().new_id();
        let deciding = Deciding {
            id,
            tenant: &who.tenant,
            package: row,
            by: Some(who.id),
            reason: Some(reason.clone()),
            decision: Decision::HoldPlaced { hold_id: id },
            event: "hold_placed",
            details: json!({ "hold_id": id }),
        };
        let event = self.put_on_record(deciding).await?;
        if row.status == PackageStatus::Deleting {
            self.write_block(who, row, DeletionBlock::HoldPlaced).await?;
        }
        let now = self.clock().now();
        let retention = RetentionEventRow {
            id,
            package_id: row.id,
            event_type: RetentionEventType::HoldApplied,
            reason: reason.clone(),
            created_by: Some(who.id),
            created_at: now,
            previous_expires_at: row.expires_at,
            new_expires_at: row.expires_at,
        };
        let hold = HoldRow {
            id,
            package_id: row.id,
            reason,
            placed_by: Some(who.id),
            placed_at: now,
            released_by: None,
            released_at: None,
            release_reason: None,
            reach: HoldReach::Applying,
        };
        let asked = self.asked(who, Action::PlaceHold, row.id, on, id);
        let job = self.new_job(JobKind::ApplyRetention, row.id, json!({}));
        Ok(Placing { asked, hold, event, retention, job })
    }
}

async fn place(tx: &mut Tx, p: &Placing) -> Result<Done<()>, ServiceError> {
    if let Some(made) = p.asked.use_key(tx).await? {
        return Ok(Done::Before(made));
    }
    let mut row = p.asked.lock(tx).await?;
    let tenant = p.asked.tenant();
    if tx.of(tenant).active_holds(row.id).await?.len() >= HOLDS_MAX {
        return Err(ServiceError::new(
            ErrorKind::TooLarge,
            format!("the package is under {HOLDS_MAX} holds, which is the limit"),
        ));
    }
    let before = row.status;
    row.status = before.after(PackageEvent::HoldPlaced).map_err(wrong_state)?;
    row.stop_deletion(before, BLOCKED_BY_HOLD);
    let mut rows = tx.of(tenant);
    rows.insert_hold(&p.hold).await?;
    rows.insert_retention_event(&p.retention).await?;
    let mut event = p.event.clone();
    if let Some(effect) = deletion_effect(before, row.status) {
        event.details["deletion"] = effect.into();
    }
    rows.insert_audit_event(&event).await?;
    if row.has_evidence() {
        row.lock_state = LockState::Applying;
        tx.of(tenant).enqueue_job(&p.job).await?;
    }
    tx.of(tenant).update_package(&row).await?;
    Ok(Done::Now(()))
}
