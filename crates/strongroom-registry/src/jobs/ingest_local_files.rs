//! Stores files of a folder of the server's in an open package, each as an upload does: what an upload guarantees holds
//! for each, and what is stored already is held against the file instead of being stored again.
//!
//! The folder is walked twice: first every file is looked at and counted, so that what cannot be taken is refused before
//! anything is stored; then each is opened and stored. Nothing is remembered in between, and run again, after whatever
//! end, it does the same.

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use strongroom_core::package::metadata::check_text;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};
use uuid::Uuid;

use super::Attempt;
use crate::auth::{Principal, Role};
use crate::db::{AuditEventRow, DbError, JobEnd, TenantId, Tx};
use crate::documents::{LocalFilesAsk, UploadStatus};
use crate::error::{ErrorKind, ServiceError};
use crate::local_files::{LocalFile, Source, walk};
use crate::service::new_file::{NewFile, check};

/// Files that are open and wait to be stored, besides those that are being stored.
const FILES_WAITING_MAX: usize = 4;

/// What the job is told when it is queued.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Payload {
    /// What was asked for.
    pub(crate) ask: LocalFilesAsk,
    /// Who asked.
    pub(crate) by: Uuid,
    /// What they were then, which is what the job may do.
    pub(crate) role: Role,
}

/// What was stored.
#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Tally {
    stored: u64,
    already_stored: u64,
    size_bytes: u64,
}

/// Everything that the end of the job writes.
struct Conclusion {
    tenant: TenantId,
    end: JobEnd,
    event: AuditEventRow,
}

/// Runs the job.
pub(super) async fn perform(attempt: &Attempt) -> Result<Value, ServiceError> {
    ingest(attempt).await.map_err(ServiceError::in_one_line)
}

async fn ingest(attempt: &Attempt) -> Result<Value, ServiceError> {
    let Payload { ask, by, role } =
        serde_json::from_value(attempt.job().payload.clone()).map_err(ServiceError::internal)?;
    let (registry, package) = (attempt.registry(), attempt.package_id()?);
    let who = Principal { id: by, tenant: attempt.tenant().clone(), role, producer: None };
    registry.may_upload(&who, package).await?;
    let source = registry.local_source(&ask)?;
    attempt.expect(counted(source.clone()).await?);
    let tally = Storing { attempt, who: &who, package }.all(source).await?;
    conclude(attempt, by, tally).await
}

/// How many files there are, each of which can be taken by what is seen of it.
async fn counted(source: Source) -> Result<u64, ServiceError> {
    let counted = spawn_blocking(move || {
        let mut files = 0;
        walk(&source, &mut |entry| {
            files += 1;
            let new = NewFile { path: entry.path.to_owned(), ..NewFile::default() };
            check(&new).map(drop).map_err(|error| error.about(format!("{:?}", told(entry.path))))
        })?;
        Ok(files)
    });
    match counted.await.map_err(ServiceError::internal)? {
        Ok(0) => Err(ServiceError::new(ErrorKind::NotFound, "there is no file to ingest")),
        counted => counted,
    }
}

/// Hands every file over, open, as fast as they are taken.
fn walking(source: Source, taker: mpsc::Sender<LocalFile>) -> JoinHandle<Result<(), ServiceError>> {
    spawn_blocking(move || {
        walk(&source, &mut |entry| {
            // Nobody takes any more: whoever does not, says why.
            taker.blocking_send(entry.open()?).map_err(ServiceError::internal)
        })
    })
}

/// The files on their way into a package.
struct Storing<'a> {
    attempt: &'a Attempt,
    who: &'a Principal,
    package: Uuid,
}

impl Storing<'_> {
    /// Stores every file. After a refusal no other is begun, and what was begun ends first: an upload that is dropped
    /// would be in doubt for days.
    async fn all(&self, source: Source) -> Result<Tally, ServiceError> {
        let registry = self.attempt.registry();
        let at_once = registry.settings().jobs.objects_at_once.max(1);
        let (taker, mut found) = mpsc::channel(FILES_WAITING_MAX);
        let walking = walking(source, taker);
        let mut storing: FuturesUnordered<BoxFuture<'_, _>> = FuturesUnordered::new();
        let (mut tally, mut refused, mut is_walked) = (Tally::default(), None, false);
        loop {
            if registry.is_stopping() && refused.is_none() && !is_walked {
                refused = Some(stopping());
            }
            let takes_more = !is_walked && refused.is_none() && storing.len() < at_once;
            tokio::select! {
                file = found.recv(), if takes_more => match file {
                    Some(file) => storing.push(self.one(file).boxed()),
                    None => is_walked = true,
                },
                Some(stored) = storing.next() => match stored {
                    Ok(stored) => tally.add(stored),
                    Err(why) => refused = refused.or(Some(why)),
                },
                else => break,
            }
        }
        drop(found);
        let walked = walking.await.map_err(ServiceError::internal)?;
        refused.map_or(walked, Err).map(|()| tally)
    }

    /// Stores one file, and says how many bytes it has.
    async fn one(&self, file: LocalFile) -> Result<(UploadStatus, u64), ServiceError> {
        let (path, size_bytes) = (file.path().to_owned(), file.size_bytes());
        let new =
            NewFile { path: path.clone(), size_bytes: Some(size_bytes), ..NewFile::default() };
        let (body, broke_off) = file.into_body();
        let registry = self.attempt.registry();
        match registry.upload_in_turn(self.who, self.package, new, body).await {
            Ok(uploaded) => {
                self.attempt.step();
                Ok((uploaded.upload, size_bytes))
            }
            Err(error) => Err(broke_off.why().unwrap_or_else(|| about(error, &path))),
        }
    }
}

/// A body that ends early without a reason of its own is of a folder that does not answer: the next attempt may find it.
fn about(error: ServiceError, path: &str) -> ServiceError {
    let error = match error.kind() {
        ErrorKind::BodyMismatch => {
            ServiceError::new(ErrorKind::Busy, "the file could not be read to its end")
                .with_source(error)
        }
        _ => error,
    };
    error.about(format!("{:?}", told(path)))
}

/// A path as it is told: of one that holds what looks like a secret, the folders before it.
fn told(path: &str) -> &str {
    let mut told = path;
    while check_text("path", told).is_err() {
        told = told.rsplit_once('/').map_or(".", |(folder, _)| folder);
    }
    told
}

fn stopping() -> ServiceError {
    ServiceError::new(ErrorKind::Busy, "the worker was told to stop: another attempt goes on")
}

impl Tally {
    fn add(&mut self, (upload, size_bytes): (UploadStatus, u64)) {
        match upload {
            UploadStatus::Stored => self.stored += 1,
            UploadStatus::AlreadyStored => self.already_stored += 1,
        }
        self.size_bytes += size_bytes;
    }
}

/// Says what was ingested, and ends the job, at once.
async fn conclude(attempt: &Attempt, by: Uuid, tally: Tally) -> Result<Value, ServiceError> {
    let registry = attempt.registry();
    let outcome = serde_json::to_value(tally).map_err(ServiceError::internal)?;
    let mut details = outcome.clone();
    details["job_id"] = json!(attempt.job().id);
    let (package, kind) = (attempt.package_id()?, "local_files_ingested");
    let conclusion = Conclusion {
        tenant: attempt.tenant().clone(),
        end: attempt.end_done(outcome.clone()),
        event: registry.package_event(kind, package, Some(by), details),
    };
    let ended: Result<bool, DbError> =
        registry.db().write(conclusion, |tx, c| Box::pin(end(tx, c))).await;
    if !ended? {
        return Err(Attempt::lost());
    }
    attempt.note_ended();
    Ok(outcome)
}

async fn end(tx: &mut Tx, c: &Conclusion) -> Result<bool, DbError> {
    let mut rows = tx.of(&c.tenant);
    if !rows.has_job(&c.end.job).await? {
        return Ok(false);
    }
    rows.insert_audit_event(&c.event).await?;
    rows.finish_job(&c.end).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_to_its_end_is_tried_again_and_what_is_refused_is_not() {
        let broke_off = ServiceError::new(ErrorKind::BodyMismatch, "the body broke off");
        let stalled = about(broke_off, "a/b");
        assert!(stalled.kind().is_transient(), "{stalled}");
        assert_eq!(stalled.to_string(), "\"a/b\": the file could not be read to its end");
        let refused = about(ServiceError::new(ErrorKind::Conflict, "it is taken"), "a/b");
        assert_eq!(refused.kind(), ErrorKind::Conflict);
        assert_eq!(refused.to_string(), "\"a/b\": it is taken");
    }

    #[test]
    fn a_path_with_a_secret_is_told_by_the_folders_before_it() {
        let secret = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
        assert_eq!(told("a/b/c"), "a/b/c");
        assert_eq!(told(&format!("a/b/{secret}")), "a/b");
        assert_eq!(told(&format!("a/{secret}/c")), "a");
        assert_eq!(told(&secret), ".");
    }
}
