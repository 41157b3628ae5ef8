//! Nothing comes of an upload: its sender ends it, its time is over, or its package is complete or given up. A job, queued
//! in the same transaction, takes its parts away.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use uuid::Uuid;

use super::super::Registry;
use super::receive::{PART_WRITE_TIME_MAX, give_up};
use super::{being_stored, gone};
use crate::auth::{Action, Principal};
use crate::db::{DbError, FoundPart, FoundUpload, JobRow, TenantId, TenantTx, Tx, UploadState};
use crate::error::{ErrorKind, ServiceError};
use crate::jobs::JobKind;

/// Uploads, or parts, that are looked for at once.
const FOUND_AT_ONCE: u32 = 256;
/// A part that is older than so many times the longest write is of a process that is gone. Twice: the clock of this
/// process and that of the one that wrote the row need not agree.
const PARTS_OLD: u32 = 2;

/// The end of uploads to a package.
#[derive(Debug, Clone)]
pub(crate) struct EndOfUploads {
    pub(crate) tenant: TenantId,
    pub(crate) package: Uuid,
    /// What takes their parts away.
    pub(crate) clean_up: JobRow,
}

/// What the end of an upload came to.
enum Ended {
    /// It ended.
    Yes,
    /// Somebody makes a file of it at this moment.
    BeingStored,
    /// It is a file.
    IsFile,
    /// It ended before.
    Before,
}

impl Registry {
    /// Ends an upload: what came of it goes.
    pub async fn end_upload(&self, who: &Principal, id: Uuid) -> Result<(), ServiceError> {
        let (_, package) = self.upload_for(who, Action::UploadFile, id).await?;
        let ending = self.end_of_uploads(&who.tenant, package.id);
        let ended = self
            .db()
            .write_rows((ending, id), |tx, (ending, id)| {
                Box::pin(async move { end_by_sender(tx, ending, *id).await })
            })
            .await;
        self.ring_for_jobs();
        match ended? {
            Ended::Yes => Ok(()),
            Ended::BeingStored => Err(being_stored()),
            Ended::IsFile => Err(ServiceError::new(
                ErrorKind::WrongState,
                "the upload is a file of its package by now",
            )
            .with_guidance("a package's files go with the package: abandon it")),
            Ended::Before => Err(gone()),
        }
    }

    /// Ends an upload by whoever makes a file of it; tells whether it was still theirs.
    pub(super) async fn end_in_turn(
        &self,
        ending: EndOfUploads,
        upload: Uuid,
        epoch: i64,
    ) -> Result<bool, DbError> {
        let ended = self
            .db()
            .write((ending, upload, epoch), |tx, (ending, upload, epoch)| {
                Box::pin(async move {
                    let mut rows = tx.of(&ending.tenant);
                    rows.have_package(ending.package).await?;
                    let is_ended = rows.end_leased_upload(*upload, *epoch).await?;
                    if is_ended {
                        leave_parts(&mut rows, ending).await?;
                    }
                    Ok(is_ended)
                })
            })
            .await;
        self.ring_for_jobs();
        ended
    }

    /// Ends uploads whose time is over, and gives up parts whose process must be gone. One that fails keeps no other
    /// waiting.
    pub async fn end_old_uploads(&self) -> Result<(), ServiceError> {
        let now = self.clock().now();
        let mut after = None;
        loop {
            let mut session = self.db().read().await?;
            let found = session.expired_uploads_of_any_tenant(after, now, FOUND_AT_ONCE).await?;
            drop(session);
            let Some(last) = found.last() else { break };
            after = Some((last.upload.expires_at, last.upload.id));
            for upload in found {
                if let Err(error) = self.end_expired(upload, now).await {
                    tracing::warn!(%error, "an upload whose time is over waits for the next look");
                }
            }
        }
        let age = SignedDuration::try_from(PART_WRITE_TIME_MAX.saturating_mul(PARTS_OLD))
            .map_err(ServiceError::internal)?;
        let before = now.checked_sub(age).map_err(ServiceError::internal)?;
        let mut after = None;
        loop {
            let mut session = self.db().read().await?;
            let found = session.receiving_parts_of_any_tenant(after, before, FOUND_AT_ONCE).await?;
            drop(session);
            let Some(last) = found.last() else { break };
            after = Some((last.part.created_at, last.part.id));
            for part in found {
                if let Err(error) = self.give_up_old_part(part).await {
                    tracing::warn!(%error, "a part whose process is gone waits for the next look");
                }
            }
        }
        self.ring_for_jobs();
        Ok(())
    }

    async fn end_expired(&self, found: FoundUpload, now: Timestamp) -> Result<(), DbError> {
        let ending = self.end_of_uploads(&found.tenant_id, found.upload.package_id);
        self.db()
            .write((ending, found.upload.id, now), |tx, (ending, upload, now)| {
                Box::pin(async move { end_expired(tx, ending, *upload, *now).await })
            })
            .await
    }

    async fn give_up_old_part(&self, found: FoundPart) -> Result<(), DbError> {
        let clean_up = self.new_job(JobKind::CleanUp, found.part.package_id, json!({}));
        self.db()
            .write((found, clean_up), |tx, (found, clean_up)| {
                Box::pin(async move { give_up(tx, &found.tenant_id, &found.part, clean_up).await })
            })
            .await
    }

    /// The end of uploads to a package.
    pub(crate) fn end_of_uploads(&self, tenant: &TenantId, package: Uuid) -> EndOfUploads {
        let clean_up = self.new_job(JobKind::CleanUp, package, json!({}));
        EndOfUploads { tenant: tenant.clone(), package, clean_up }
    }
}

async fn end_by_sender(tx: &mut Tx, ending: &EndOfUploads, upload: Uuid) -> Result<Ended, DbError> {
    let now = tx.database_time().await?;
    let mut rows = tx.of(&ending.tenant);
    rows.have_package(ending.package).await?;
    if rows.end_upload(upload, now).await? {
        leave_parts(&mut rows, ending).await?;
        return Ok(Ended::Yes);
    }
    Ok(match rows.upload(upload).await?.map(|upload| upload.status) {
        Some(UploadState::Receiving) => Ended::BeingStored,
        Some(UploadState::Stored) => Ended::IsFile,
        Some(UploadState::Ended) | None => Ended::Before,
    })
}

/// Looks again: a part may have come since it was found, or somebody may make a file of it.
async fn end_expired(
    tx: &mut Tx,
    ending: &EndOfUploads,
    upload: Uuid,
    now: Timestamp,
) -> Result<(), DbError> {
    let database_now = tx.database_time().await?;
    let mut rows = tx.of(&ending.tenant);
    rows.have_package(ending.package).await?;
    if rows.end_expired_upload(upload, now, database_now).await? {
        leave_parts(&mut rows, ending).await?;
    }
    Ok(())
}

/// Leaves the parts of uploads that ended to a job, under their package's lock: there may be too many for one
/// transaction.
async fn leave_parts(rows: &mut TenantTx<'_>, ending: &EndOfUploads) -> Result<(), DbError> {
    if rows.leaving_upload(ending.package).await?.is_some() {
        rows.enqueue_job(&ending.clean_up).await?;
    }
    rows.forget_ended_uploads(ending.package).await
}

/// A file that is half there shall be in it: refused while an upload may go on whose path is not stored. Asked under
/// the package's lock, under which uploads begin and move.
pub(crate) async fn refuse_unfinished(
    tx: &mut Tx,
    tenant: &TenantId,
    package: Uuid,
    now: Timestamp,
) -> Result<(), ServiceError> {
    let database_now = tx.database_time().await?;
    let missed = tx.of(tenant).missed_upload(package, now, database_now).await?;
    let Some(upload) = missed else { return Ok(()) };
    let refused = ServiceError::new(
        ErrorKind::WrongState,
        format!(
            "an upload of the package is not finished: {} has {} of {} bytes",
            upload.id, upload.offset_bytes, upload.size_bytes
        ),
    );
    Err(refused.with_guidance(match upload.is_being_stored(database_now) {
        true => "wait until it is a file: its bytes are all there",
        false => "send the rest of it, or end it: DELETE /api/v1/uploads/ID",
    }))
}

/// Ends every upload of a package that takes no more files, under its lock.
pub(crate) async fn end_unfinished(
    rows: &mut TenantTx<'_>,
    ending: &EndOfUploads,
) -> Result<(), DbError> {
    rows.end_unfinished_uploads(ending.package).await?;
    leave_parts(rows, ending).await
}
