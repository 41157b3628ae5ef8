//! Nothing comes of an upload: its sender ends it, its time is over, or its package is complete or given up. Its parts
//! are said to go in the same transaction, and a job takes them away.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use uuid::Uuid;

use super::super::Registry;
use super::receive::{PART_WRITE_TIME_MAX, give_up};
use crate::auth::{Action, Principal};
use crate::db::{DbError, JobRow, TenantId, TenantRead, TenantTx, Tx, UploadState};
use crate::error::{ErrorKind, ServiceError};
use crate::jobs::JobKind;

/// Uploads, or parts, that one run of the sweeper ends.
const ENDED_AT_ONCE: u32 = 256;
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

impl Registry {
    /// Ends an upload: what came of it goes.
    pub async fn end_upload(&self, who: &Principal, id: Uuid) -> Result<(), ServiceError> {
        let (upload, package) = self.upload_for(who, Action::UploadFile, id).await?;
        if upload.status == UploadState::Stored {
            return Err(ServiceError::new(
                ErrorKind::WrongState,
                "the upload is a file of its package by now",
            )
            .with_guidance("a package's files go with the package: abandon it"));
        }
        let ending = EndOfUploads {
            tenant: who.tenant.clone(),
            package: package.id,
            clean_up: self.new_job(JobKind::CleanUp, package.id, json!({})),
        };
        Ok(self.end_one(ending, id).await?)
    }

    pub(super) async fn end_one(&self, ending: EndOfUploads, upload: Uuid) -> Result<(), DbError> {
        let ended = self
            .db()
            .write((ending, upload), |tx, (ending, upload)| {
                Box::pin(async move { end_one(tx, ending, *upload).await })
            })
            .await;
        self.ring_for_jobs();
        ended
    }

    /// Ends uploads whose time is over, and gives up parts whose process must be gone. There may be more.
    pub async fn end_old_uploads(&self) -> Result<(), ServiceError> {
        let now = self.clock().now();
        let expired =
            self.db().read().await?.expired_uploads_of_any_tenant(now, ENDED_AT_ONCE).await?;
        for found in expired {
            let package = found.upload.package_id;
            let clean_up = self.new_job(JobKind::CleanUp, package, json!({}));
            let ending = EndOfUploads { tenant: found.tenant_id, package, clean_up };
            self.end_one(ending, found.upload.id).await?;
        }
        let age = SignedDuration::try_from(PART_WRITE_TIME_MAX.saturating_mul(PARTS_OLD))
            .map_err(ServiceError::internal)?;
        let before = now.checked_sub(age).map_err(ServiceError::internal)?;
        let old =
            self.db().read().await?.receiving_parts_of_any_tenant(before, ENDED_AT_ONCE).await?;
        for found in old {
            let clean_up = self.new_job(JobKind::CleanUp, found.part.package_id, json!({}));
            let given_up: Result<(), DbError> = self
                .db()
                .write((found, clean_up), |tx, (found, clean_up)| {
                    Box::pin(
                        async move { give_up(tx, &found.tenant_id, &found.part, clean_up).await },
                    )
                })
                .await;
            given_up?;
            self.ring_for_jobs();
        }
        Ok(())
    }
}

async fn end_one(tx: &mut Tx, ending: &EndOfUploads, upload: Uuid) -> Result<(), DbError> {
    let mut rows = tx.of(&ending.tenant);
    rows.have_package(ending.package).await?;
    if !rows.end_upload(upload).await? {
        return Ok(());
    }
    if rows.give_up_parts_of_upload(upload).await? > 0 {
        rows.enqueue_job(&ending.clean_up).await?;
    }
    rows.forget_ended_uploads(ending.package).await
}

/// A file that is half there shall be in it: refused while an upload may go on whose path is not stored. Asked under
/// the package's lock, under which uploads begin and move.
pub(crate) async fn refuse_unfinished(
    rows: &mut TenantRead<'_>,
    package: Uuid,
    now: Timestamp,
) -> Result<(), ServiceError> {
    let Some(upload) = rows.missed_upload(package, now).await? else { return Ok(()) };
    Err(ServiceError::new(
        ErrorKind::WrongState,
        format!(
            "an upload of the package is not finished: {} has {} of {} bytes",
            upload.id, upload.offset_bytes, upload.size_bytes
        ),
    )
    .with_guidance("send the rest of it, or end it: DELETE /api/v1/uploads/ID"))
}

/// Ends every upload of a package that takes no more files, under its lock.
pub(crate) async fn end_unfinished(
    rows: &mut TenantTx<'_>,
    ending: &EndOfUploads,
) -> Result<(), DbError> {
    rows.end_unfinished_uploads(ending.package).await?;
    if rows.give_up_parts_of_package(ending.package).await? > 0 {
        rows.enqueue_job(&ending.clean_up).await?;
    }
    rows.forget_ended_uploads(ending.package).await
}
