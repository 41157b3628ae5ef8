//! What was found of an object, written down: on its location and its file, with an event.
//!
//! What is there now may be another object than before, under no lock or somebody else's. So whatever changes of one, the
//! package's locks are brought to all of its objects anew.

use jiff::Timestamp;
use serde_json::json;
use strongroom_core::observed::Unobserved;
use strongroom_core::package::status::{FileEvent, LocationEvent};
use strongroom_core::package::{FileStatus, LocationStatus, LockState, PackageStatus};

use super::Registry;
use crate::db::{AuditEventRow, HoldReach, JobRow, LocationRow, TenantId, TenantTx};
use crate::error::ServiceError;
use crate::jobs::JobKind;

/// What an object was found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// The very bytes that were stored.
    Whole,
    /// Gone.
    Missing,
    /// Other bytes.
    Corrupt,
}

/// What was found of an object, to be written down.
pub(crate) struct Found {
    tenant: TenantId,
    location: LocationRow,
    what: What,
    now: Timestamp,
    event: AuditEventRow,
    /// Brings the locks of the package to what is there now.
    job: JobRow,
}

impl What {
    fn events(self) -> (FileEvent, LocationEvent) {
        match self {
            Self::Whole => (FileEvent::FoundWhole, LocationEvent::FoundWhole),
            Self::Missing => (FileEvent::FoundMissing, LocationEvent::FoundMissing),
            Self::Corrupt => (FileEvent::FoundCorrupt, LocationEvent::FoundCorrupt),
        }
    }

    /// The type of the event that tells of it.
    fn kind(self) -> &'static str {
        match self {
            Self::Whole => "file_found_whole",
            Self::Missing => "file_missing",
            Self::Corrupt => "file_corrupt",
        }
    }
}

impl Registry {
    /// The object at `location` was found so just now.
    pub(crate) fn found(&self, tenant: &TenantId, location: &LocationRow, what: What) -> Found {
        let details = json!({ "location_id": location.id });
        let mut event = self.package_event(what.kind(), location.package_id, None, details);
        event.file_id = Some(location.artifact_file_id);
        let job = self.new_job(JobKind::ApplyRetention, location.package_id, json!({}));
        let (tenant, location) = (tenant.clone(), location.clone());
        Found { tenant, location, what, now: self.clock().now(), event, job }
    }
}

impl Found {
    /// Whose object it is.
    pub(crate) fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Writes down what is news of it, where the package is one that keeps its files. Answers the state of the file.
    pub(crate) async fn note(&self, rows: &mut TenantTx<'_>) -> Result<FileStatus, ServiceError> {
        let package = rows.lock_package(self.location.package_id).await?;
        let mut package = package.ok_or_else(ServiceError::not_found)?;
        let file = rows.file(self.location.artifact_file_id).await?;
        let mut file = file.ok_or_else(ServiceError::not_found)?;
        let location = rows.location(self.location.id).await?;
        let location = location.ok_or_else(ServiceError::not_found)?;
        let (from, of_file) = (location.status, file.status);
        let (file_event, location_event) = self.what.events();
        let (Ok(to), Ok(becomes)) = (from.after(location_event), of_file.after(file_event)) else {
            return Ok(file.status);
        };
        if !keeps_its_files(package.status) || (from, of_file) == (to, becomes) {
            return Ok(file.status);
        }
        let verified_at = (to == LocationStatus::Active).then_some(self.now);
        let lock_unobserved = Unobserved::NotProbed;
        if rows.found_location(&location, to, verified_at, lock_unobserved).await? {
            file.status = becomes;
            rows.update_file(&file, of_file).await?;
            rows.insert_audit_event(&self.event).await?;
            if package.has_evidence() {
                package.lock_state = LockState::Applying;
                // What was said of holds was said of another state of the objects.
                for hold in rows.active_holds(package.id).await? {
                    rows.set_hold_reach(hold.id, hold.reach, HoldReach::Applying).await?;
                }
                rows.enqueue_job(&self.job).await?;
                rows.update_package(&package).await?;
            }
        }
        Ok(file.status)
    }
}

/// Where it does not, a job looks at each of its files, or takes them away.
fn keeps_its_files(status: PackageStatus) -> bool {
    match status {
        PackageStatus::Open
        | PackageStatus::Finalized
        | PackageStatus::DeletionRequested
        | PackageStatus::DeletionBlocked => true,
        PackageStatus::Finalizing
        | PackageStatus::Deleting
        | PackageStatus::Deleted
        | PackageStatus::Abandoned => false,
    }
}
