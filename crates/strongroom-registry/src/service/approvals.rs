//! Two people for what cannot be undone: one asks, another agrees, and what was asked for is done at once.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::Registry;
use super::change::{Asked, Done};
use crate::auth::Principal;
use crate::db::{
    ApprovalAction, ApprovalRow, ApprovalStatus, AuditEventRow, PackageRow, TenantRead, Tx,
};
use crate::error::{ErrorKind, ServiceError};

/// For how long a request waits for a second person.
const APPROVAL_LASTS: SignedDuration = SignedDuration::from_hours(72);
/// Makers of tokens, one of the other, that are looked at.
const MAKERS_MAX: usize = 64;

impl ApprovalRow {
    /// Whether a second person can still agree.
    pub(crate) fn is_pending(&self, now: Timestamp) -> bool {
        self.status == ApprovalStatus::Pending && self.expires_at > now
    }
}

/// A request for a second person, to be written.
pub(crate) struct Requesting {
    pub(crate) asked: Asked,
    pub(crate) approval: ApprovalRow,
    pub(crate) event: AuditEventRow,
}

impl Registry {
    pub(crate) fn approval_request(
        &self,
        asked: Asked,
        action: ApprovalAction,
        hold_id: Option<Uuid>,
        reason: String,
    ) -> Requesting {
        let now = self.clock().now();
        let approval = ApprovalRow {
            id: self.clock().new_id(),
            action,
            package_id: asked.package,
            hold_id,
            reason,
            requested_by: asked.who.id,
            requested_at: now,
            expires_at: now.checked_add(APPROVAL_LASTS).unwrap_or(now),
            status: ApprovalStatus::Pending,
            decided_by: None,
            decided_at: None,
        };
        let details = serde_json::json!({
            "approval_id": approval.id,
            "action": action.as_str(),
            "hold_id": hold_id,
            "expires_at": approval.expires_at,
        });
        let by = Some(asked.who.id);
        let event = self.package_event("approval_requested", asked.package, by, details);
        Requesting { asked, approval, event }
    }

    /// The request that a second person may agree to. Refused to who asked.
    pub(crate) async fn pending_approval(
        &self,
        who: &Principal,
        package: Uuid,
        action: ApprovalAction,
        hold: Option<Uuid>,
    ) -> Result<ApprovalRow, ServiceError> {
        let now = self.clock().now();
        let mut session = self.db().read().await?;
        let approval = pending(&mut session.of(&who.tenant), package, action, hold, now).await?;
        let approval = approval.ok_or_else(nothing_to_approve)?;
        let (asked, agrees) = (approval.requested_by, who.id);
        let mut rows = session.of(&who.tenant);
        if asked == agrees
            || stems_from(&mut rows, agrees, asked).await?
            || stems_from(&mut rows, asked, agrees).await?
        {
            return Err(ServiceError::new(
                ErrorKind::Forbidden,
                "who asked cannot be the second person too, nor by a token that one made for the other",
            )
            .with_guidance("have somebody else with the right to decide approve it"));
        }
        Ok(approval)
    }
}

/// Whether the token of `one` was made by `other`, or by somebody whose token was, and so on: who makes a token has
/// its secret, and could act as both.
async fn stems_from(
    rows: &mut TenantRead<'_>,
    one: Uuid,
    other: Uuid,
) -> Result<bool, ServiceError> {
    let mut holder = one;
    for _ in 0..MAKERS_MAX {
        match rows.maker_of(holder).await? {
            None => return Ok(false),
            Some(maker) if maker == other => return Ok(true),
            Some(maker) => holder = maker,
        }
    }
    // Beyond what is looked at, nobody is known to be somebody else.
    Ok(true)
}

/// Adds a request, unless one is pending already. `still_makes_sense` looks at the package under its lock.
pub(crate) async fn request(
    tx: &mut Tx,
    r: &Requesting,
    still_makes_sense: impl FnOnce(&PackageRow, u32) -> Result<(), ServiceError>,
) -> Result<Done<()>, ServiceError> {
    if let Some(made) = r.asked.use_key(tx).await? {
        return Ok(Done::Before(made));
    }
    let row = r.asked.lock(tx).await?;
    let mut rows = tx.of(r.asked.tenant());
    let holds = rows.active_holds(row.id).await?;
    still_makes_sense(&row, u32::try_from(holds.len()).unwrap_or(u32::MAX))?;
    let (action, hold) = (r.approval.action, r.approval.hold_id);
    if let Some(hold) = hold
        && !holds.iter().any(|active| active.id == hold)
    {
        return Err(not_active());
    }
    let same = |row: &&ApprovalRow| row.action == action && row.hold_id == hold;
    let approvals = rows.approvals_of_package(row.id).await?;
    let is_open = |row: &&ApprovalRow| row.status == ApprovalStatus::Pending;
    for open in approvals.iter().filter(same).filter(is_open) {
        if open.expires_at > r.approval.requested_at {
            return Ok(Done::Now(()));
        }
        let (withdrawn, by) = (ApprovalStatus::Withdrawn, open.requested_by);
        rows.decide_approval(open.id, withdrawn, by, r.approval.requested_at).await?;
    }
    rows.insert_approval(&r.approval).await?;
    rows.insert_audit_event(&r.event).await?;
    Ok(Done::Now(()))
}

/// A second person's word, spent in the write that does what it is for.
#[derive(Debug, Clone)]
pub(crate) struct SecondPerson {
    pub(crate) approval: Uuid,
    pub(crate) id: Uuid,
    pub(crate) at: Timestamp,
}

impl SecondPerson {
    pub(crate) async fn agree(&self, tx: &mut Tx, asked: &Asked) -> Result<(), ServiceError> {
        let mut rows = tx.of(asked.tenant());
        let (agreed, by) = (ApprovalStatus::Approved, self.id);
        let is_spent = rows.decide_approval(self.approval, agreed, by, self.at).await?
            && rows.use_approval(self.approval, self.at).await?;
        if is_spent { Ok(()) } else { Err(nothing_to_approve()) }
    }
}

/// What waits for a second person at `now`.
pub(crate) async fn pending(
    rows: &mut TenantRead<'_>,
    package: Uuid,
    action: ApprovalAction,
    hold: Option<Uuid>,
    now: Timestamp,
) -> Result<Option<ApprovalRow>, ServiceError> {
    let approvals = rows.approvals_of_package(package).await?;
    Ok(approvals
        .into_iter()
        .find(|row| row.action == action && row.hold_id == hold && row.is_pending(now)))
}

fn nothing_to_approve() -> ServiceError {
    ServiceError::new(ErrorKind::Conflict, "nothing waits for a second person, or its time is over")
        .with_guidance("have it asked for again")
}

/// The hold was released before.
pub(crate) fn not_active() -> ServiceError {
    ServiceError::new(ErrorKind::WrongState, "the hold is released already")
}
