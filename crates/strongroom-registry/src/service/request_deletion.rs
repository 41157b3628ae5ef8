//! A package shall go. It waits for its grace, in which the request can be taken back; a blocked deletion is told
//! to go on.

use jiff::Timestamp;
use serde_json::json;
use strongroom_core::package::PackageStatus;
use strongroom_core::package::expiry::{Eligibility, eligibility};
use strongroom_core::package::record::Decision;
use strongroom_core::package::status::PackageEvent;
use uuid::Uuid;

use super::Registry;
use super::approvals::{SecondPerson, request};
use super::change::{Asked, Conditions, Done, check_reason, wrong_state};
use super::records::Deciding;
use crate::auth::{Action, Principal};
use crate::db::{
    ApprovalAction, AuditEventRow, JobRow, PackageRow, RetentionEventRow, RetentionEventType, Tx,
};
use crate::documents::{DeletionAsk, PackageDocument};
use crate::error::{ErrorKind, ServiceError};
use crate::jobs::JobKind;

/// Who wants a package gone, and why.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    /// Absent: the sweeper.
    pub(crate) by: Option<Uuid>,
    pub(crate) reason: String,
    pub(crate) early: bool,
}

/// Everything that is written at once.
struct Requesting {
    asked: Asked,
    wish: Wish,
    second: Option<SecondPerson>,
    now: Timestamp,
    grace_ticks: u32,
    event: AuditEventRow,
    eligible: RetentionEventRow,
    job: JobRow,
}

impl Registry {
    /// Asks for a package's deletion; where it is early and that takes two people, asks for the second. A package
    /// whose deletion was asked for already is answered as it is.
    pub async fn request_deletion(
        &self,
        who: &Principal,
        package: Uuid,
        ask: DeletionAsk,
        on: Conditions,
    ) -> Result<PackageDocument, ServiceError> {
        if let Some(made) = self.done_before(who, &on).await? {
            return self.package(who, made).await;
        }
        let row = self.package_for(who, Action::RequestDeletion, package).await?;
        on.check(&row)?;
        check_reason(&ask.reason)?;
        if row.status == PackageStatus::DeletionRequested {
            return self.package(who, package).await;
        }
        let wish = Wish { by: Some(who.id), reason: ask.reason, early: ask.early };
        self.check_eligible(who, &row, wish.early).await?;
        if wish.early && self.settings().dual_control.early_deletion {
            return self.ask_for_second(who, package, wish.reason, on).await;
        }
        self.write_request(who, &row, wish, None, on).await
    }

    /// Agrees to an early deletion that somebody else asked for: it is requested then. A package whose deletion was
    /// requested meanwhile is answered as it is.
    pub async fn approve_deletion(
        &self,
        who: &Principal,
        package: Uuid,
        on: Conditions,
    ) -> Result<PackageDocument, ServiceError> {
        if let Some(made) = self.done_before(who, &on).await? {
            return self.package(who, made).await;
        }
        let row = self.package_for(who, Action::RequestDeletion, package).await?;
        on.check(&row)?;
        let action = ApprovalAction::EarlyDeletion;
        let approval = self.pending_approval(who, package, action, None).await?;
        if row.status == PackageStatus::DeletionRequested {
            return self.package(who, package).await;
        }
        self.check_eligible(who, &row, true).await?;
        let (id, at) = (who.id, self.clock().now());
        let second = SecondPerson { approval: approval.id, id, at };
        let wish = Wish { by: Some(approval.requested_by), reason: approval.reason, early: true };
        self.write_request(who, &row, wish, Some(second), on).await
    }

    async fn check_eligible(
        &self,
        who: &Principal,
        row: &PackageRow,
        early: bool,
    ) -> Result<(), ServiceError> {
        let holds = self.db().read().await?.of(&who.tenant).active_holds(row.id).await?.len();
        may_go(row, holds, early, self.clock().now())
    }

    async fn ask_for_second(
        &self,
        who: &Principal,
        package: Uuid,
        reason: String,
        on: Conditions,
    ) -> Result<PackageDocument, ServiceError> {
        let asked = self.asked(who, Action::RequestDeletion, package, on, package);
        let requesting = self.approval_request(asked, ApprovalAction::EarlyDeletion, None, reason);
        self.db()
            .write(requesting, |tx, r| {
                let at = r.approval.requested_at;
                Box::pin(request(tx, r, move |row, holds| may_go(row, holds as usize, true, at)))
            })
            .await?;
        self.package(who, package).await
    }

    /// Puts the decision on record, and the package under way.
    async fn write_request(
        &self,
        who: &Principal,
        row: &PackageRow,
        wish: Wish,
        second: Option<SecondPerson>,
        on: Conditions,
    ) -> Result<PackageDocument, ServiceError> {
        let package = row.id;
        // A deletion that goes on had its grace before.
        let grace_ticks = match row.status {
            PackageStatus::DeletionBlocked => 0,
            _ => self.settings().deletion.grace_ticks,
        };
        let approved_by = second.as_ref().map(|second| second.id);
        let tenant = &who.tenant;
        let (record, event) =
            self.record_request(tenant, row, &wish, grace_ticks, approved_by).await?;
        let requesting = Requesting {
            asked: self.asked(who, Action::RequestDeletion, package, on, package),
            second,
            now: self.clock().now(),
            grace_ticks,
            event,
            eligible: self.eligible_event(row, &wish),
            wish,
            job: self.new_job(JobKind::DeletePackage, package, json!({})),
        };
        let written = self.db().write(requesting, |tx, r| Box::pin(request_it(tx, r))).await;
        self.told_if_refused(tenant, row, record, written).await?;
        self.ring_for_jobs();
        self.package(who, package).await
    }

    /// The record of a request, and the event that tells of it.
    pub(crate) async fn record_request(
        &self,
        tenant: &crate::db::TenantId,
        row: &PackageRow,
        wish: &Wish,
        grace_ticks: u32,
        approved_by: Option<Uuid>,
    ) -> Result<(Uuid, AuditEventRow), ServiceError> {
        let id = self.clock().new_id();
        let deciding = Deciding {
            id,
            tenant,
            package: row,
            by: wish.by,
            reason: Some(wish.reason.clone()),
            decision: Decision::DeletionRequested { early: wish.early, grace_ticks, approved_by },
            event: REQUESTED,
            details: json!({ "early": wish.early, "approved_by": approved_by }),
        };
        Ok((id, self.put_on_record(deciding).await?))
    }

    /// The event of a package that nothing keeps any more.
    pub(crate) fn eligible_event(&self, row: &PackageRow, wish: &Wish) -> RetentionEventRow {
        RetentionEventRow {
            id: self.clock().new_id(),
            package_id: row.id,
            event_type: RetentionEventType::DeletionEligible,
            reason: wish.reason.clone(),
            created_by: wish.by,
            created_at: self.clock().now(),
            previous_expires_at: row.expires_at,
            new_expires_at: row.expires_at,
        }
    }
}

/// The type of the event that names the record of a request.
pub(crate) const REQUESTED: &str = "deletion_requested";

/// Whether a package may go, or what keeps it.
fn may_go(row: &PackageRow, holds: usize, early: bool, now: Timestamp) -> Result<(), ServiceError> {
    let holds = u32::try_from(holds).unwrap_or(u32::MAX);
    let found = eligibility(row.status, row.expires_at, holds, now);
    if found.allows(early) {
        return Ok(());
    }
    let retained = |message| ServiceError::new(ErrorKind::Retained, message);
    Err(match found {
        Eligibility::Held { .. } => retained("a legal hold keeps the package, whatever its date"),
        Eligibility::NotYet { .. } => retained("the package's date is still to come")
            .with_guidance("ask for an early deletion, if it has to go before"),
        Eligibility::NoDate => {
            retained("the package has no date: it is kept until a person says otherwise")
                .with_guidance("ask for an early deletion, if it has to go")
        }
        Eligibility::Eligible | Eligibility::NotInState => ServiceError::new(
            ErrorKind::WrongState,
            "the package is not in a state in which it can be deleted",
        ),
    })
}

async fn request_it(tx: &mut Tx, r: &Requesting) -> Result<Done<()>, ServiceError> {
    if let Some(made) = r.asked.use_key(tx).await? {
        return Ok(Done::Before(made));
    }
    let mut row = r.asked.lock(tx).await?;
    if let Some(second) = &r.second {
        second.agree(tx, &r.asked).await?;
    }
    let tenant = r.asked.tenant();
    let holds = tx.of(tenant).active_holds(row.id).await?.len();
    may_go(&row, holds, r.wish.early, r.now)?;
    match row.status {
        // Somebody else was first, between the record and now.
        PackageStatus::DeletionRequested => return Ok(Done::Before(row.id)),
        PackageStatus::DeletionBlocked => {
            row.status = row.status.after(PackageEvent::DeletionBegun).map_err(wrong_state)?;
            note_wish(&mut row, &r.wish, r.now);
            row.grace_ticks_left = None;
            tx.of(tenant).enqueue_job(&r.job).await?;
        }
        _ => request_on(&mut row, &r.wish, r.grace_ticks, r.now)?,
    }
    let mut rows = tx.of(tenant);
    rows.update_package(&row).await?;
    if !r.wish.early {
        rows.insert_retention_event(&r.eligible).await?;
    }
    rows.insert_audit_event(&r.event).await?;
    Ok(Done::Now(()))
}

/// Brings a finalized package into its grace.
pub(crate) fn request_on(
    row: &mut PackageRow,
    wish: &Wish,
    grace_ticks: u32,
    now: Timestamp,
) -> Result<(), ServiceError> {
    row.status = row.status.after(PackageEvent::DeletionRequested).map_err(wrong_state)?;
    note_wish(row, wish, now);
    row.grace_ticks_left = Some(u64::from(grace_ticks));
    Ok(())
}

fn note_wish(row: &mut PackageRow, wish: &Wish, now: Timestamp) {
    row.deletion_requested_at = Some(now);
    row.deletion_requested_by = wish.by;
    row.deletion_reason = Some(wish.reason.clone());
    row.deletion_early = wish.early;
}
