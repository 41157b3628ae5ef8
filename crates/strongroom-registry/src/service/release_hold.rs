//! A legal hold is released. What other holds keep stays held.

use serde_json::json;
use strongroom_core::package::record::Decision;
use strongroom_core::package::{LockState, PackageStatus, RuleLock};
use uuid::Uuid;

use super::Registry;
use super::approvals::{SecondPerson, not_active, request};
use super::change::{Asked, Conditions, Done, check_reason};
use super::records::Deciding;
use crate::auth::{Action, Principal};
use crate::db::{
    ApprovalAction, AuditEventRow, HoldReach, HoldRow, JobRow, PackageRow, RetentionEventRow,
    RetentionEventType, TenantRead, Tx,
};
use crate::documents::{HoldDocument, HoldReleaseAsk};
use crate::error::ServiceError;
use crate::jobs::JobKind;

/// Everything that is written at once.
struct Releasing {
    asked: Asked,
    hold: Uuid,
    second: Option<SecondPerson>,
    event: AuditEventRow,
    /// Its author and its reason are those of the release.
    retention: RetentionEventRow,
    by: Uuid,
    job: JobRow,
}

impl Registry {
    /// Releases a hold; where that takes two people, asks for the second.
    pub async fn release_hold(
        &self,
        who: &Principal,
        (package, hold): (Uuid, Uuid),
        ask: HoldReleaseAsk,
        on: Conditions,
    ) -> Result<HoldDocument, ServiceError> {
        if let Some(made) = self.done_before(who, &on).await? {
            return self.hold(who, package, made).await;
        }
        let row = self.package_for(who, Action::ReleaseHold, package).await?;
        on.check(&row)?;
        check_reason(&ask.reason)?;
        self.active_hold(who, &row, hold).await?;
        if self.settings().dual_control.hold_release {
            let asked = self.asked(who, Action::ReleaseHold, package, on, hold);
            let action = ApprovalAction::HoldRelease;
            let requesting = self.approval_request(asked, action, Some(hold), ask.reason);
            self.db().write(requesting, |tx, r| Box::pin(request(tx, r, |_, _| Ok(())))).await?;
            return self.hold(who, package, hold).await;
        }
        self.release(who, &row, hold, (who.id, ask.reason), None, on).await
    }

    /// Agrees to a release that somebody else asked for, and does it.
    pub async fn approve_hold_release(
        &self,
        who: &Principal,
        (package, hold): (Uuid, Uuid),
        on: Conditions,
    ) -> Result<HoldDocument, ServiceError> {
        if let Some(made) = self.done_before(who, &on).await? {
            return self.hold(who, package, made).await;
        }
        let row = self.package_for(who, Action::ReleaseHold, package).await?;
        on.check(&row)?;
        self.active_hold(who, &row, hold).await?;
        let action = ApprovalAction::HoldRelease;
        let approval = self.pending_approval(who, package, action, Some(hold)).await?;
        let (id, at) = (who.id, self.clock().now());
        let second = SecondPerson { approval: approval.id, id, at };
        let asked_by = (approval.requested_by, approval.reason);
        self.release(who, &row, hold, asked_by, Some(second), on).await
    }

    /// A hold of the package that is active.
    async fn active_hold(
        &self,
        who: &Principal,
        row: &PackageRow,
        hold: Uuid,
    ) -> Result<HoldRow, ServiceError> {
        let hold = self.db().read().await?.of(&who.tenant).hold(hold).await?;
        let hold = hold.filter(|hold| hold.package_id == row.id);
        let hold = hold.ok_or_else(ServiceError::not_found)?;
        if hold.released_at.is_some() { Err(not_active()) } else { Ok(hold) }
    }

    async fn release(
        &self,
        who: &Principal,
        row: &PackageRow,
        hold: Uuid,
        (by, reason): (Uuid, String),
        second: Option<SecondPerson>,
        on: Conditions,
    ) -> Result<HoldDocument, ServiceError> {
        let id = self.clock().new_id();
        let approved_by = second.as_ref().map(|second| second.id);
        let deciding = Deciding {
            id,
            tenant: &who.tenant,
            package: row,
            by: Some(by),
            reason: Some(reason.clone()),
            decision: Decision::HoldReleased { hold_id: hold, approved_by },
            event: "hold_released",
            details: json!({ "hold_id": hold, "approved_by": approved_by }),
        };
        let event = self.put_on_record(deciding).await?;
        let retention = RetentionEventRow {
            id,
            package_id: row.id,
            event_type: RetentionEventType::HoldReleased,
            reason,
            created_by: Some(by),
            created_at: self.clock().now(),
            previous_expires_at: row.expires_at,
            new_expires_at: row.expires_at,
        };
        let asked = self.asked(who, Action::ReleaseHold, row.id, on, hold);
        let job = self.new_job(JobKind::ApplyRetention, row.id, json!({}));
        let releasing = Releasing { asked, hold, second, event, retention, by, job };
        let written = self.db().write(releasing, |tx, r| Box::pin(release(tx, r))).await;
        self.told_if_refused(&who.tenant, row, id, written).await?;
        self.ring_for_jobs();
        self.hold(who, row.id, hold).await
    }
}

async fn release(tx: &mut Tx, r: &Releasing) -> Result<Done<()>, ServiceError> {
    if let Some(made) = r.asked.use_key(tx).await? {
        return Ok(Done::Before(made));
    }
    let mut row = r.asked.lock(tx).await?;
    if let Some(second) = &r.second {
        second.agree(tx, &r.asked).await?;
    }
    let tenant = r.asked.tenant();
    let mut rows = tx.of(tenant);
    let at = r.retention.created_at;
    if !rows.release_hold(r.hold, at, r.by, &r.retention.reason).await? {
        return Err(not_active());
    }
    rows.insert_retention_event(&r.retention).await?;
    rows.insert_audit_event(&r.event).await?;
    if row.has_evidence() {
        row.lock_state = LockState::Applying;
        tx.of(tenant).enqueue_job(&r.job).await?;
    } else if locks_in_write(&mut rows, &row).await? {
        // Its objects came with the bit.
        tx.of(tenant).enqueue_job(&r.job).await?;
    } else {
        // No object was ever held for it.
        rows.set_hold_reach(r.hold, HoldReach::Releasing, HoldReach::Released).await?;
    }
    tx.of(tenant).update_package(&row).await?;
    Ok(Done::Now(()))
}

async fn locks_in_write(rows: &mut TenantRead<'_>, row: &PackageRow) -> Result<bool, ServiceError> {
    let rule = rows.rule(row.rule_id).await?;
    let in_write = rule.is_some_and(|rule| rule.lock_time == RuleLock::InWrite);
    Ok(row.status == PackageStatus::Open && in_write)
}
