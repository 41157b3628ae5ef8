//! What every change of a package's retention shares: its conditions, and the look at the package inside of the
//! write that changes it.

use strongroom_core::limits::REASON_BYTES_MAX;
use strongroom_core::package::metadata::check_text;
use strongroom_core::package::{PackageStatus, RefusedTransition};
use uuid::Uuid;

use super::Registry;
use super::once::{Once, UsedBefore};
use crate::auth::{Action, Principal, authorize};
use crate::db::{IdempotencyRow, PackageRow, TenantId, Tx};
use crate::error::{ErrorKind, ServiceError};

/// Under which conditions a change is asked for.
#[derive(Debug, Clone, Default)]
pub struct Conditions {
    /// Done once under this key.
    pub once: Option<Once>,
    /// Done only to this version of the package.
    pub if_match: Option<i64>,
}

impl Conditions {
    /// Refuses another version than the one that was named.
    pub(crate) fn check(&self, row: &PackageRow) -> Result<(), ServiceError> {
        match self.if_match {
            Some(named) if u64::try_from(named) != Ok(row.version) => Err(ServiceError::new(
                ErrorKind::PreconditionFailed,
                "the package is not of the version that If-Match names",
            )
            .with_guidance("read it again, and decide by what it is now")),
            _ => Ok(()),
        }
    }
}

/// Who asks for what of which package.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) who: Principal,
    pub(crate) action: Action,
    pub(crate) package: Uuid,
    pub(crate) on: Conditions,
    pub(crate) once: Option<IdempotencyRow>,
}

/// What came of a change.
#[derive(Debug)]
pub(crate) enum Done<T> {
    /// It was made.
    Now(T),
    /// The same request under the same key was first, and made this.
    Before(Uuid),
}

impl Registry {
    pub(crate) fn asked(
        &self,
        who: &Principal,
        action: Action,
        package: Uuid,
        on: Conditions,
        makes: Uuid,
    ) -> Asked {
        let once = on.once.as_ref().map(|once| self.idempotency_row(who, once, makes));
        Asked { who: who.clone(), action, package, on, once }
    }

    /// What the same request made before, if its key was used.
    pub(crate) async fn done_before(
        &self,
        who: &Principal,
        on: &Conditions,
    ) -> Result<Option<Uuid>, ServiceError> {
        match &on.once {
            Some(once) => self.made_before(who, once).await,
            None => Ok(None),
        }
    }
}

impl Asked {
    pub(crate) fn tenant(&self) -> &TenantId {
        &self.who.tenant
    }

    /// The same, answered by what is there already.
    pub(crate) fn answered_by(mut self, id: Uuid) -> Self {
        if let Some(once) = &mut self.once {
            once.resource_id = id;
        }
        self
    }

    /// Uses the key; answers what it made before, if it did.
    pub(crate) async fn use_key(&self, tx: &mut Tx) -> Result<Option<Uuid>, ServiceError> {
        let Some(row) = &self.once else { return Ok(None) };
        match tx.of(self.tenant()).use_idempotency_key(row).await? {
            Some(before) => UsedBefore(before).resource_for(self.on.once.as_ref()).map(Some),
            None => Ok(None),
        }
    }

    /// The package as it is now, and stays until this write ends; refused where the action does not suit it.
    pub(crate) async fn lock(&self, tx: &mut Tx) -> Result<PackageRow, ServiceError> {
        let row = tx.of(self.tenant()).lock_package(self.package).await?;
        let row = row.ok_or_else(ServiceError::not_found)?;
        authorize(&self.who, self.action, row.as_resource())?;
        self.on.check(&row)?;
        Ok(row)
    }
}

impl PackageRow {
    /// Whether its objects are, or are being, locked: a change of its retention has to reach them.
    pub(crate) fn has_evidence(&self) -> bool {
        match self.status {
            PackageStatus::Finalizing
            | PackageStatus::Finalized
            | PackageStatus::DeletionRequested
            | PackageStatus::Deleting
            | PackageStatus::DeletionBlocked => true,
            PackageStatus::Open | PackageStatus::Deleted | PackageStatus::Abandoned => false,
        }
    }

    /// Whether a person took its deletion back after its date: then it stays until a person asks again, or a later
    /// date is past.
    pub(crate) fn was_kept_on(&self) -> bool {
        self.deletion_cancelled_at.zip(self.expires_at).is_some_and(|(at, date)| at >= date)
    }

    /// Nobody wants it gone any more.
    pub(crate) fn forget_deletion(&mut self) {
        self.deletion_requested_at = None;
        self.deletion_requested_by = None;
        self.deletion_reason = None;
        self.deletion_early = false;
        self.grace_ticks_left = None;
    }

    /// Brings the deletion's columns to the state that a hold or a later date led to, from `before`.
    pub(crate) fn stop_deletion(&mut self, before: PackageStatus, why: &str) {
        match (before, self.status) {
            (PackageStatus::DeletionRequested, PackageStatus::Finalized) => self.forget_deletion(),
            (PackageStatus::Deleting, PackageStatus::DeletionBlocked) => {
                self.deletion_reason = Some(why.to_owned());
                self.grace_ticks_left = None;
            }
            _ => {}
        }
    }
}

/// What a change does to a deletion, for its event.
pub(crate) fn deletion_effect(before: PackageStatus, after: PackageStatus) -> Option<&'static str> {
    match (before, after) {
        (PackageStatus::DeletionRequested, PackageStatus::Finalized) => Some("cancelled"),
        (PackageStatus::Deleting, PackageStatus::DeletionBlocked) => Some("blocked"),
        _ => None,
    }
}

/// A reason as it can be kept on record: under a lock, for years, so without a secret.
pub(crate) fn check_reason(reason: &str) -> Result<(), ServiceError> {
    let is_said = !reason.trim().is_empty() && !reason.contains('\0');
    if is_said && reason.len() <= REASON_BYTES_MAX {
        return check_text("reason", reason).map_err(ServiceError::from);
    }
    Err(ServiceError::new(
        ErrorKind::Unprocessable,
        format!("a reason has 1 to {REASON_BYTES_MAX} bytes, not all of them blank, and no NUL"),
    ))
}

/// The state of the package does not allow it.
pub(crate) fn wrong_state(refused: RefusedTransition) -> ServiceError {
    ServiceError::new(ErrorKind::WrongState, refused.to_string())
}

/// Somebody else decided between the record and the row.
pub(crate) fn changed_meanwhile() -> ServiceError {
    ServiceError::new(ErrorKind::Busy, "it was changed just now: try again")
}
