//! What the objects of a package should be under, as it is decided now.

use jiff::Timestamp;
use strongroom_core::package::{PackageStatus, RetentionRule, RuleLock, expiry};
use strongroom_core::retention::{Lock, LockMode, RetentionError};
use uuid::Uuid;

use super::Attempt;
use crate::db::{DbError, PackageRow, TenantRead};
use crate::error::ServiceError;

/// A package's retention: what every one of its objects has to be brought to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Truth {
    /// That of the package's row. Whatever is found of its objects meanwhile raises it too.
    version: u64,
    pub(super) status: PackageStatus,
    pub(super) expires_at: Option<Timestamp>,
    /// Absent where the rule asks for no lock.
    mode: Option<LockMode>,
    /// Whether objects get their lock with their bytes.
    in_write: bool,
    /// The holds that are active.
    holds: Vec<Uuid>,
}

impl Truth {
    /// By the rows as they are in this session: inside of a write, look at the package's lock first.
    pub(super) async fn of(
        rows: &mut TenantRead<'_>,
        package: &PackageRow,
    ) -> Result<Self, DbError> {
        let rule = rows.rule(package.rule_id).await?.map(|row| RetentionRule::from(&row));
        let holds = rows.active_holds(package.id).await?;
        Ok(Self {
            version: package.version,
            status: package.status,
            expires_at: package.expires_at,
            in_write: rule.as_ref().is_some_and(|rule| rule.lock == RuleLock::InWrite),
            mode: rule.and_then(|rule| rule.lock_mode()),
            holds: holds.into_iter().map(|hold| hold.id).collect(),
        })
    }

    /// Whether objects are to be under the same by this one, whatever was found of them meanwhile.
    pub(super) fn decides_as(&self, other: &Self) -> bool {
        let version = self.version;
        *self == Self { version, ..other.clone() }
    }

    /// The package and what it should be under, as committed now.
    pub(super) async fn now(attempt: &Attempt) -> Result<(PackageRow, Self), ServiceError> {
        let mut session = attempt.registry().db().read().await?;
        let mut rows = session.of(attempt.tenant());
        let package = rows.package(attempt.package_id()?).await?;
        let package = package.ok_or_else(ServiceError::not_found)?;
        let truth = Self::of(&mut rows, &package).await?;
        Ok((package, truth))
    }

    /// Whether a hold is active.
    pub(super) fn is_held(&self) -> bool {
        !self.holds.is_empty()
    }

    /// Whether objects get their lock, and the bit of an active hold, with their bytes: before the package is
    /// finalized.
    pub(super) fn locks_in_write(&self) -> bool {
        self.in_write
    }

    /// Whether the store is asked for anything.
    pub(super) fn asks(&self) -> bool {
        self.mode.is_some() || self.is_held()
    }

    /// What an object should be under that was seen locked until `held_until`. `now` is the store's.
    pub(super) fn target(
        &self,
        held_until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Lock, RetentionError> {
        expiry::target(self.mode, self.expires_at, self.is_held(), held_until, now)
    }
}
