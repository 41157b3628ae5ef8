//! Bytes that were gone, or others than were stored, when somebody wanted them: they are read once more, and the rows of
//! their file say what was found. One reading that went wrong says nothing yet.
//!
//! What was found wrong is looked at again when somebody asks for the bytes, one look at a time and none right after
//! another: what a person brought back is there again. What is there then may be another object, under no lock or somebody
//! else's: so whatever changes of an object, the package's locks are brought to all of them anew.

use jiff::Timestamp;
use serde_json::json;
use strongroom_core::observed::Unobserved;
use strongroom_core::package::status::{FileEvent, LocationEvent};
use strongroom_core::package::{FileStatus, LocationStatus, LockState, PackageStatus};
use strongroom_storage::VersionId;
use strongroom_storage::keep::{self, Expected, Verdict};

use super::Registry;
use super::read_files::name_of;
use super::records::object_key;
use crate::db::{AuditEventRow, HoldReach, JobRow, LocationRow, TenantId, Tx};
use crate::error::ServiceError;
use crate::jobs::JobKind;

/// What a look found, to be written down.
struct Found {
    tenant: TenantId,
    location: LocationRow,
    events: (FileEvent, LocationEvent),
    now: Timestamp,
    event: AuditEventRow,
    /// Brings the locks of the package to what is there now.
    job: JobRow,
}

impl Registry {
    /// The same for whoever has a failure to tell already.
    pub(super) async fn note_damage(&self, tenant: &TenantId, location: &LocationRow) {
        let file = location.artifact_file_id;
        match self.look_again(tenant, location).await {
            Ok(None) => {
                tracing::warn!(file_id = %file, "a reading went wrong, and the file was read again a moment ago");
            }
            Ok(Some(FileStatus::Stored)) => {
                tracing::warn!(file_id = %file, "a reading went wrong, and the next one went well");
            }
            Ok(Some(status)) => tracing::warn!(file_id = %file, %status, "a file was read again"),
            Err(error) => {
                tracing::warn!(file_id = %file, %error, "whether a file is damaged is not known");
            }
        }
    }

    /// Reads every byte of an object and writes down what is news of it. Answers the state of its file; or nothing,
    /// where it is being read so, or was a moment ago.
    pub(super) async fn look_again(
        &self,
        tenant: &TenantId,
        location: &LocationRow,
    ) -> Result<Option<FileStatus>, ServiceError> {
        let Some(_turn) = self.looks.turn(location.id, self.clock()) else { return Ok(None) };
        self.look(tenant, location).await.map(Some)
    }

    async fn look(
        &self,
        tenant: &TenantId,
        location: &LocationRow,
    ) -> Result<FileStatus, ServiceError> {
        let file = self.db().read().await?.of(tenant).file(location.artifact_file_id).await?;
        let file = file.ok_or_else(ServiceError::not_found)?;
        let (Some(size_bytes), Some(sha256)) = (file.size_bytes, file.sha256) else {
            return Ok(file.status);
        };
        let store = &self.backends().get(&location.backend_id)?.store;
        let key = object_key("", &location.object_key)?;
        let version = location.version_id.clone().map(VersionId);
        let expected = Expected { size_bytes, sha256 };
        let (kind, events) = match keep::verify(&**store, &key, version.as_ref(), expected).await? {
            Verdict::Verified(_) => {
                ("file_found_whole", (FileEvent::FoundWhole, LocationEvent::FoundWhole))
            }
            Verdict::Missing => {
                ("file_missing", (FileEvent::FoundMissing, LocationEvent::FoundMissing))
            }
            Verdict::Corrupt { .. } => {
                ("file_corrupt", (FileEvent::FoundCorrupt, LocationEvent::FoundCorrupt))
            }
            Verdict::NotRetrievable => return Ok(file.status),
        };
        let details = json!({ "location_id": location.id });
        let mut event = self.package_event(kind, location.package_id, None, details);
        event.file_id = Some(location.artifact_file_id);
        let job = self.new_job(JobKind::ApplyRetention, location.package_id, json!({}));
        let (tenant, location) = (tenant.clone(), location.clone());
        let found = Found { tenant, location, events, now: self.clock().now(), event, job };
        let status = self.db().write(found, |tx, found| Box::pin(write(tx, found))).await;
        self.ring_for_jobs();
        status
    }
}

async fn write(tx: &mut Tx, found: &Found) -> Result<FileStatus, ServiceError> {
    let mut rows = tx.of(&found.tenant);
    let package = rows.lock_package(found.location.package_id).await?;
    let mut package = package.ok_or_else(ServiceError::not_found)?;
    let file = rows.file(found.location.artifact_file_id).await?;
    let mut file = file.ok_or_else(ServiceError::not_found)?;
    let is_kept = match package.status {
        PackageStatus::Open
        | PackageStatus::Finalized
        | PackageStatus::DeletionRequested
        | PackageStatus::DeletionBlocked => true,
        // A job looks at each of its files, or takes them away.
        PackageStatus::Finalizing
        | PackageStatus::Deleting
        | PackageStatus::Deleted
        | PackageStatus::Abandoned => false,
    };
    let location = rows.location(found.location.id).await?;
    let location = location.ok_or_else(ServiceError::not_found)?;
    let (from, of_file) = (location.status, file.status);
    let (Ok(to), Ok(becomes)) = (from.after(found.events.1), of_file.after(found.events.0)) else {
        return Ok(file.status);
    };
    if !is_kept || (from, of_file) == (to, becomes) {
        return Ok(file.status);
    }
    let verified_at = (to == LocationStatus::Active).then_some(found.now);
    let lock_unobserved = name_of(&Unobserved::NotProbed);
    if rows.found_location(&location, to, verified_at, &lock_unobserved).await? {
        file.status = becomes;
        rows.update_file(&file, of_file).await?;
        rows.insert_audit_event(&found.event).await?;
        if package.has_evidence() {
            package.lock_state = LockState::Applying;
            // What was said of holds was said of another state of the objects.
            for hold in rows.active_holds(package.id).await? {
                rows.set_hold_reach(hold.id, hold.reach, HoldReach::Applying).await?;
            }
            rows.enqueue_job(&found.job).await?;
            rows.update_package(&package).await?;
        }
    }
    Ok(file.status)
}
