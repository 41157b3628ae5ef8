//! A package is said to be complete: its rows are frozen, and a job makes it evidence.

use jiff::Timestamp;
use serde_json::json;
use strongroom_core::limits::FILES_MAX;
use strongroom_core::package::PackageStatus;
use strongroom_core::package::status::PackageEvent;
use uuid::Uuid;

use super::change::{Asked, Conditions, Done};
use super::resumable::{EndOfUploads, end_unfinished, refuse_unfinished};
use super::{Registry, read_jobs};
use crate::auth::{Action, Principal};
use crate::db::{AuditEventRow, JobRow, JobState, TenantTx, Tx};
use crate::documents::JobDocument;
use crate::error::{ErrorKind, ServiceError};
use crate::jobs::JobKind;

/// Everything that a request is decided by.
struct Ask {
    asked: Asked,
    job: JobRow,
    event: AuditEventRow,
    uploads: EndOfUploads,
    now: Timestamp,
}

impl Registry {
    /// Says that a package is complete. Asked again, answers the same job; one that gave up is tried again.
    pub async fn finalize(
        &self,
        who: &Principal,
        package_id: Uuid,
        on: Conditions,
    ) -> Result<JobDocument, ServiceError> {
        if let Some(job) = self.done_before(who, &on).await? {
            return self.job(who, job).await;
        }
        let row = self.package_for(who, Action::Finalize, package_id).await?;
        on.check(&row)?;
        // Who asked stands in the record that the job writes at its end.
        let payload = json!({ "by": who.id });
        let job = self.new_job(JobKind::Finalize, package_id, payload);
        let details = json!({ "job_id": job.id });
        let event = self.package_event("finalize_requested", package_id, Some(who.id), details);
        let asked = self.asked(who, Action::Finalize, package_id, on, job.id);
        let uploads = self.end_of_uploads(&who.tenant, package_id);
        let ask = Ask { asked, job, event, uploads, now: self.clock().now() };
        let done = self.db().write(ask, |tx, ask| Box::pin(request(tx, ask))).await?;
        self.ring_for_jobs();
        match done {
            Done::Now(job) => read_jobs::document(&job),
            Done::Before(job) => self.job(who, job).await,
        }
    }
}

async fn request(tx: &mut Tx, ask: &Ask) -> Result<Done<JobRow>, ServiceError> {
    let (tenant, id) = (ask.asked.tenant(), ask.asked.package);
    let mut rows = tx.of(tenant);
    // Whoever else asks for it waits from here on: the key is used for the job that is found now.
    let row = rows.lock_package(id).await?.ok_or_else(ServiceError::not_found)?;
    let there = match row.status {
        PackageStatus::Open => None,
        _ => rows.last_job(JobKind::Finalize.as_str(), id).await?,
    };
    let asked = match &there {
        Some(job) => ask.asked.clone().answered_by(job.id),
        None => ask.asked.clone(),
    };
    if let Some(made) = asked.use_key(tx).await? {
        return Ok(Done::Before(made));
    }
    let mut package = asked.lock(tx).await?;
    let mut rows = tx.of(tenant);
    if package.status != PackageStatus::Open {
        return job_of(&mut rows, ask, there).await.map(Done::Now);
    }
    refuse_while_ingesting(&mut rows, package.id).await?;
    refuse_unfinished(tx, tenant, package.id, ask.now).await?;
    let mut rows = tx.of(tenant);
    let totals = rows.file_totals(package.id).await?;
    check_count(totals.files)?;
    package.status =
        package.status.after(PackageEvent::FinalizeRequested).map_err(ServiceError::internal)?;
    (package.files_count, package.size_bytes) = (totals.files, totals.size_bytes);
    rows.update_package(&package).await?;
    rows.insert_audit_event(&ask.event).await?;
    end_unfinished(&mut rows, &ask.uploads).await?;
    enqueue(&mut rows, ask).await.map(Done::Now)
}

/// That job; queued again where it gave up and the package waits for it.
async fn job_of(
    rows: &mut TenantTx<'_>,
    ask: &Ask,
    there: Option<JobRow>,
) -> Result<JobRow, ServiceError> {
    match there {
        Some(job) if job.state == JobState::Failed => {
            rows.requeue_job(job.id).await?;
            Ok(rows.job(job.id).await?.unwrap_or(job))
        }
        Some(job) => Ok(job),
        // A job that looks at the package finds what is left to do, and be it nothing.
        None => enqueue(rows, ask).await,
    }
}

async fn enqueue(rows: &mut TenantTx<'_>, ask: &Ask) -> Result<JobRow, ServiceError> {
    let id = rows.enqueue_job(&ask.job).await?;
    let job = rows.job(id).await?;
    job.ok_or_else(|| ServiceError::internal("a job that was queued is gone"))
}

/// Files that are on their way from the server's own folders shall be in it. Asked under the package's lock, under which
/// they are asked for too.
async fn refuse_while_ingesting(
    rows: &mut TenantTx<'_>,
    package: Uuid,
) -> Result<(), ServiceError> {
    match rows.live_job(JobKind::IngestLocalFiles.as_str(), package).await? {
        None => Ok(()),
        Some(_) => Err(ServiceError::new(
            ErrorKind::WrongState,
            "local files are still being ingested into the package",
        )
        .with_guidance("wait for that job, and finalize then")),
    }
}

fn check_count(files: u64) -> Result<(), ServiceError> {
    if files == 0 {
        return Err(ServiceError::new(ErrorKind::WrongState, "the package has no file yet")
            .with_guidance("upload its files first, or abandon it"));
    }
    if files > FILES_MAX as u64 {
        return Err(ServiceError::new(
            ErrorKind::TooLarge,
            format!("the number of files is over the limit FILES_MAX: {FILES_MAX}"),
        )
        .with_guidance("abandon it, and make several packages of its files"));
    }
    Ok(())
}
