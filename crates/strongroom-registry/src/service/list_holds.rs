//! The holds of a package, past and present.

use uuid::Uuid;

use super::Registry;
use super::approvals::pending;
use super::read_package::package_in;
use crate::auth::{Action, Principal};
use crate::db::{ApprovalAction, HoldRow};
use crate::documents::{HoldDocument, HoldPage};
use crate::error::ServiceError;

impl Registry {
    /// All holds that a package ever had, the oldest first.
    pub async fn holds(&self, who: &Principal, package: Uuid) -> Result<HoldPage, ServiceError> {
        let now = self.clock().now();
        let mut session = self.db().read().await?;
        let mut rows = session.of(&who.tenant);
        package_in(&mut rows, who, Action::ReadPackage, package).await?;
        let approvals = rows.approvals_of_package(package).await?;
        let holds = rows.holds(package).await?.into_iter();
        let holds = holds.map(|hold| {
            let awaits = approvals.iter().any(|approval| {
                approval.action == ApprovalAction::HoldRelease
                    && approval.hold_id == Some(hold.id)
                    && approval.is_pending(now)
            });
            document(hold, awaits)
        });
        Ok(HoldPage { holds: holds.collect() })
    }

    /// One hold of a package.
    pub(crate) async fn hold(
        &self,
        who: &Principal,
        package: Uuid,
        id: Uuid,
    ) -> Result<HoldDocument, ServiceError> {
        let now = self.clock().now();
        let mut session = self.db().read().await?;
        let mut rows = session.of(&who.tenant);
        package_in(&mut rows, who, Action::ReadPackage, package).await?;
        let hold = rows.hold(id).await?.filter(|hold| hold.package_id == package);
        let hold = hold.ok_or_else(ServiceError::not_found)?;
        let release = ApprovalAction::HoldRelease;
        let awaits = pending(&mut rows, package, release, Some(id), now).await?.is_some();
        Ok(document(hold, awaits))
    }
}

fn document(row: HoldRow, release_awaits_approval: bool) -> HoldDocument {
    HoldDocument {
        hold_id: row.id,
        package_id: row.package_id,
        reason: row.reason,
        placed_by: row.placed_by,
        placed_at: row.placed_at,
        released_by: row.released_by,
        released_at: row.released_at,
        release_reason: row.release_reason,
        reach: row.reach.as_str().to_owned(),
        release_awaits_approval,
    }
}
