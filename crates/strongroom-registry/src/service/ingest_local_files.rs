//! Files of a folder of the server's are asked for, to be stored in an open package: a job takes them.
//!
//! Who may is decided here, once: a token that is revoked later stops no job that it began. Of the server only the names
//! of folders are known to whoever asks, and those of files below them that they name.

use serde_json::json;
use strongroom_core::package::manifest::PackagePath;
use strongroom_core::package::metadata::{DeclarationRefused, check_text};
use uuid::Uuid;

use super::Registry;
use super::change::{Asked, Conditions, Done};
use super::file_body::FileBody;
use super::new_file::NewFile;
use crate::auth::{Action, Principal};
use crate::db::{AuditEventRow, JobRow, TenantId, Tx};
use crate::documents::{JobDocument, LocalFilesAsk, UploadedFile};
use crate::error::{ErrorKind, ServiceError};
use crate::jobs::{IngestionPayload, JobKind};
use crate::local_files::roots::{RootRefused, is_root_name};
use crate::local_files::{KeptApart, LocalRoots, Source};

/// Everything that is written at once.
struct Asking {
    asked: Asked,
    job: JobRow,
    event: AuditEventRow,
}

impl Registry {
    /// Opens the folders that files may be ingested from, none of which may meet what is kept `apart`. Whoever works on
    /// jobs does this first; whoever only answers requests needs none of them.
    pub fn open_local_roots(&self, apart: &[KeptApart]) -> Result<(), RootRefused> {
        let opened = LocalRoots::open(&self.settings().local_roots, apart)?;
        // Open already: those stay.
        let _ = self.local_roots.set(opened);
        Ok(())
    }

    /// Asks for files of a folder of the server's. The same request under the same key answers the same job.
    pub async fn ingest_local_files(
        &self,
        who: &Principal,
        package: Uuid,
        ask: LocalFilesAsk,
        on: Conditions,
    ) -> Result<JobDocument, ServiceError> {
        if let Some(made) = self.done_before(who, &on).await? {
            return self.job(who, made).await;
        }
        let row = self.package_for(who, Action::IngestLocalFiles, package).await?;
        on.check(&row)?;
        self.check_ask(who, &ask)?;
        let details = serde_json::to_value(&ask).map_err(ServiceError::internal)?;
        let payload = IngestionPayload { ask, by: who.id, role: who.role };
        let payload = serde_json::to_value(payload).map_err(ServiceError::internal)?;
        let job = self.new_job(JobKind::IngestLocalFiles, package, payload);
        let mut event =
            self.package_event("local_ingestion_requested", package, Some(who.id), details);
        event.details["job_id"] = json!(job.id);
        let asked = self.asked(who, Action::IngestLocalFiles, package, on, job.id);
        let asking = Asking { asked, job, event };
        let job = match self.db().write(asking, |tx, a| Box::pin(enqueue(tx, a))).await? {
            Done::Now(job) | Done::Before(job) => job,
        };
        self.ring_for_jobs();
        self.job(who, job).await
    }

    fn check_ask(&self, who: &Principal, ask: &LocalFilesAsk) -> Result<(), ServiceError> {
        let roots = &self.settings().local_roots;
        // The folders are those of whoever runs the registry: no other tenant reaches into them.
        if roots.is_empty() || who.tenant != TenantId::default_tenant() {
            return Err(ServiceError::new(
                ErrorKind::Forbidden,
                "local-path ingestion is off here",
            )
            .with_guidance("whoever runs the registry can name folders for it"));
        }
        if !is_root_name(&ask.root) || !roots.contains_key(&ask.root) {
            return Err(ServiceError::new(
                ErrorKind::NotFound,
                "root: there is no folder of this name",
            )
            .with_guidance("whoever runs the registry knows the names"));
        }
        path_of("path", ask.path.as_deref())?;
        path_of("prefix", ask.prefix.as_deref())?;
        Ok(())
    }

    /// What a job was told to take, found among the folders that this process has open.
    pub(crate) fn local_source(&self, ask: &LocalFilesAsk) -> Result<Source, ServiceError> {
        let root = self.local_roots.get().and_then(|roots| roots.get(&ask.root));
        let root = root.ok_or_else(|| {
            let message =
                format!("the worker that had the job has no folder of the name `{}`", ask.root);
            ServiceError::new(ErrorKind::NotFound, message)
                .with_guidance("give every worker the same registry.local_ingestion.roots")
        })?;
        Ok(Source {
            root,
            path: path_of("path", ask.path.as_deref())?,
            prefix: path_of("prefix", ask.prefix.as_deref())?,
            file_bytes_max: self.settings().limits.file_bytes_max,
        })
    }

    /// Stores a file as whoever asked for the job. It waits for its turn among the uploads.
    pub(crate) async fn upload_in_turn(
        &self,
        who: &Principal,
        package: Uuid,
        new: NewFile,
        body: FileBody,
    ) -> Result<UploadedFile, ServiceError> {
        let _slot = self.uploads().acquire().await.map_err(ServiceError::internal)?;
        self.upload_in_slot(who, package, new, body).await
    }
}

/// A path of plain segments without a secret, or which field holds no such.
fn path_of(field: &'static str, text: Option<&str>) -> Result<Option<PackagePath>, ServiceError> {
    let Some(text) = text else { return Ok(None) };
    let path = PackagePath::new(text).map_err(|error| {
        ServiceError::from(DeclarationRefused::from(error))
            .about(field)
            .with_guidance("it is relative, of plain segments: folder/file")
    })?;
    check_text(field, text)?;
    Ok(Some(path))
}

/// Queues the job, unless another one is under way.
async fn enqueue(tx: &mut Tx, a: &Asking) -> Result<Done<Uuid>, ServiceError> {
    if let Some(made) = a.asked.use_key(tx).await? {
        return Ok(Done::Before(made));
    }
    a.asked.lock(tx).await?;
    let mut rows = tx.of(a.asked.tenant());
    let job = rows.enqueue_job(&a.job).await?;
    if job != a.job.id {
        return Err(ServiceError::new(
            ErrorKind::Conflict,
            "local files are being ingested into this package already",
        )
        .with_guidance("wait for that job, and ask again"));
    }
    rows.insert_audit_event(&a.event).await?;
    Ok(Done::Now(job))
}
