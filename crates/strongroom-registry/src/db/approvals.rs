//! Two people for what cannot be undone: one asks, another decides. The database refuses a decision by who asked.

use jiff::Timestamp;
use uuid::Uuid;

use super::columns::{micros, named_state, text};
use super::error::DbError;
use super::scope::{TenantRead, TenantTx};

named_state! {
    /// What takes two people.
    pub enum ApprovalAction: "an action that takes two" {
        /// Releasing a hold.
        HoldRelease = "hold_release",
        /// Deleting a package before its date.
        EarlyDeletion = "early_deletion",
    }
}

named_state! {
    /// How far a request has come.
    pub enum ApprovalStatus: "the state of an approval" {
        /// Nobody has decided.
        Pending = "pending",
        /// A second person agreed; the action may be done once.
        Approved = "approved",
        /// Who asked took it back, or its time was over.
        Withdrawn = "withdrawn",
        /// The action was done.
        Used = "used",
    }
}

/// A request for a second person's word.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ApprovalRow {
    /// Its id.
    pub id: Uuid,
    /// What is to be done.
    #[sqlx(try_from = "super::columns::Name")]
    pub action: ApprovalAction,
    /// The package.
    pub package_id: Uuid,
    /// The hold, where one is to be released.
    pub hold_id: Option<Uuid>,
    /// Why.
    pub reason: String,
    /// Who asked.
    pub requested_by: Uuid,
    /// When.
    #[sqlx(try_from = "super::columns::Micros")]
    pub requested_at: Timestamp,
    /// The first moment at which it is good for nothing.
    #[sqlx(try_from = "super::columns::Micros")]
    pub expires_at: Timestamp,
    /// How far it has come.
    #[sqlx(try_from = "super::columns::Name")]
    pub status: ApprovalStatus,
    /// Who decided.
    pub decided_by: Option<Uuid>,
    /// When.
    #[sqlx(try_from = "super::columns::MaybeMicros")]
    pub decided_at: Option<Timestamp>,
}

macro_rules! approval_columns {
    () => {
        "id, action, package_id, hold_id, reason, requested_by, requested_at, expires_at, status, decided_by, \
         decided_at"
    };
}

statements! {
    APPROVAL = {("SELECT ", approval_columns!(), " FROM approvals WHERE tenant_id = $1 AND id = $2")}
    APPROVALS_OF_PACKAGE = {(
        "SELECT ", approval_columns!(), " FROM approvals WHERE tenant_id = $1 AND package_id = $2 \
         ORDER BY requested_at, id"
    )}
    INSERT_APPROVAL = {(
        "INSERT INTO approvals (tenant_id, id, action, package_id, hold_id, reason, requested_by, \
         requested_at, expires_at, status) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'pending')"
    )}
    DECIDE_APPROVAL = {(
        "UPDATE approvals SET status = $4, decided_by = $5, decided_at = $6 \
         WHERE tenant_id = $1 AND id = $2 AND status = $3"
    )}
    USE_APPROVAL = {(
        "UPDATE approvals SET status = 'used' WHERE tenant_id = $1 AND id = $2 AND status = 'approved' \
         AND expires_at > $3"
    )}
}

impl TenantRead<'_> {
    /// A request.
    pub async fn approval(&mut self, id: Uuid) -> Result<Option<ApprovalRow>, DbError> {
        let (session, tenant) = self.parts();
        row!(session, ApprovalRow, APPROVAL, tenant, id)
    }

    /// All requests that concern a package, in order.
    pub async fn approvals_of_package(
        &mut self,
        package: Uuid,
    ) -> Result<Vec<ApprovalRow>, DbError> {
        let (session, tenant) = self.parts();
        rows!(session, ApprovalRow, APPROVALS_OF_PACKAGE, tenant, package)
    }
}

impl TenantTx<'_> {
    /// Adds a request, which nobody has decided. A second pending one of the same action is a conflict.
    pub async fn insert_approval(&mut self, approval: &ApprovalRow) -> Result<(), DbError> {
        let (session, tenant) = self.parts();
        changed!(
            session,
            INSERT_APPROVAL,
            tenant,
            approval.id,
            approval.action.as_str(),
            approval.package_id,
            approval.hold_id,
            text(&approval.reason)?,
            approval.requested_by,
            micros(approval.requested_at),
            micros(approval.expires_at),
        )
        .map(drop)
    }

    /// Decides a pending request, or takes it back; tells whether it was pending. An approval by who asked is
    /// refused by the database.
    pub async fn decide_approval(
        &mut self,
        id: Uuid,
        decision: ApprovalStatus,
        by: Uuid,
        at: Timestamp,
    ) -> Result<bool, DbError> {
        let (session, tenant) = self.parts();
        let pending = ApprovalStatus::Pending.as_str();
        Ok(changed!(
            session,
            DECIDE_APPROVAL,
            tenant,
            id,
            pending,
            decision.as_str(),
            by,
            micros(at)
        )? == 1)
    }

    /// Spends an approval, in the write that does the action; tells whether there was one to spend at `now`.
    pub async fn use_approval(&mut self, id: Uuid, now: Timestamp) -> Result<bool, DbError> {
        let (session, tenant) = self.parts();
        Ok(changed!(session, USE_APPROVAL, tenant, id, micros(now))? == 1)
    }
}
