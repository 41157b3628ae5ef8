//! Jobs: seen by those who run the registry, and by whoever may see the package; tried again by the former.

use uuid::Uuid;

use super::{Registry, cursor};
use crate::auth::{Action, Principal, Resource, authorize};
use crate::db::{AuditEventRow, JobRow, JobState, TenantId};
use crate::documents::{JobDocument, JobPage, JobProgress, JobQuery};
use crate::error::{ErrorKind, ServiceError};
use crate::jobs::JobKind;

impl Registry {
    /// Jobs, the newest first.
    pub async fn jobs(&self, who: &Principal, query: JobQuery) -> Result<JobPage, ServiceError> {
        authorize(who, Action::ReadJobs, Resource::Registry)?;
        let limit = self.page_entries(query.limit)?;
        let after = query.cursor.as_deref().map(cursor::from_text).transpose()?;
        let state =
            query.state.as_deref().map(str::parse::<JobState>).transpose().map_err(|_| {
                ServiceError::new(
                    ErrorKind::Invalid,
                    "a job's state is queued, running, done or failed",
                )
            })?;
        let mut session = self.db().read().await?;
        let mut rows = session.of(&who.tenant);
        let page = rows.jobs(state, query.kind.as_deref(), after, limit).await?;
        let jobs = page.rows.iter().map(document).collect::<Result<_, _>>()?;
        Ok(JobPage { jobs, next: page.next.map(cursor::to_text) })
    }

    /// One job.
    pub async fn job(&self, who: &Principal, id: Uuid) -> Result<JobDocument, ServiceError> {
        let row = {
            let mut session = self.db().read().await?;
            session.of(&who.tenant).job(id).await?.ok_or_else(ServiceError::not_found)?
        };
        match row.package_id {
            Some(package) => drop(self.package_for(who, Action::ReadPackage, package).await?),
            None => authorize(who, Action::ReadJobs, Resource::Registry)?,
        }
        document(&row)
    }

    /// Has a job that gave up tried again.
    pub async fn retry_job(&self, who: &Principal, id: Uuid) -> Result<JobDocument, ServiceError> {
        authorize(who, Action::RetryJob, Resource::Registry)?;
        // Whoever may not see its package may not have it tried again either.
        let job = self.job(who, id).await?;
        if job.kind == JobKind::IngestLocalFiles.as_str()
            && let Some(package) = job.package_id
        {
            self.package_for(who, Action::IngestLocalFiles, package).await?;
        }
        let event = self.event("job_retried", Some(who.id), serde_json::json!({ "job_id": id }));
        let input: (TenantId, Uuid, AuditEventRow) = (who.tenant.clone(), id, event);
        let queued = self
            .db()
            .write_rows(input, |tx, (tenant, id, event)| {
                Box::pin(async move {
                    let mut rows = tx.of(tenant);
                    let queued = rows.requeue_job(*id).await?;
                    if queued {
                        rows.insert_audit_event(event).await?;
                    }
                    Ok(queued)
                })
            })
            .await?;
        let job = self.job(who, id).await?;
        if !queued {
            return Err(ServiceError::new(
                ErrorKind::WrongState,
                "only a job that failed can be tried again",
            ));
        }
        self.ring_for_jobs();
        Ok(job)
    }
}

/// A job as a document.
pub(crate) fn document(row: &JobRow) -> Result<JobDocument, ServiceError> {
    Ok(JobDocument {
        job_id: row.id,
        kind: row.kind.clone(),
        package_id: row.package_id,
        state: row.state.as_str().to_owned(),
        progress: JobProgress { done: row.progress_done, total: row.progress_total },
        attempts: u32::try_from(row.attempts).map_err(ServiceError::internal)?,
        error: row.error.clone(),
        created_at: row.created_at,
        finished_at: row.finished_at,
    })
}
