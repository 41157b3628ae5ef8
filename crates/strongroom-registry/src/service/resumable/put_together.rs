//! The parts become a file: by the very upload that a whole body goes through, so that nothing tells the two apart.
//!
//! It is not over with the request that brought the last byte, whose sender may be gone by then: whoever asks next goes
//! on with it. Whoever does it has it for a while, so that two do not read and write the same bytes at once; where both
//! do all the same, they come to the same file.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;
use strongroom_core::Sha256Digest;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::super::Registry;
use super::super::new_file::NewFile;
use super::Upload;
use super::end::EndOfUploads;
use super::parts_body::{Parts, body_of};
use crate::auth::{Action, Principal, Resource, authorize};
use crate::db::{DbError, JobRow, PackageRow, TenantId, Tx, UploadRow, UploadState};
use crate::documents::UploadedFile;
use crate::error::{ErrorKind, ServiceError};
use crate::jobs::JobKind;

/// For how long one process has it at a time.
const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// How often it says that it is still at it.
const KEPT_EVERY: Duration = Duration::from_secs(20);
/// How long whoever asks where an upload is waits for a part that is on its way into the store.
const COMING_PART_WAIT_MAX: Duration = Duration::from_secs(2);
/// How often it is looked for meanwhile.
const LOOK_FOR_PART_EVERY: Duration = Duration::from_millis(50);
/// A part that was begun longer ago is of a process that is gone, or of a sender that is still there.
const COMING_PART_AGE_MAX: SignedDuration = SignedDuration::from_secs(120);
/// How long anyone waits for somebody else to be done with it.
const WAIT_MAX: Duration = Duration::from_secs(20);
/// How often it is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Whose turn it is.
enum Turn {
    /// Ours.
    Ours(Box<(UploadRow, PackageRow)>),
    /// Nobody's any more: it is a file.
    Done(Box<UploadRow>),
    /// Somebody else's.
    Theirs,
}

/// Everything that is written when it is a file.
struct Storing {
    tenant: TenantId,
    upload: Uuid,
    package: Uuid,
    file: Uuid,
    sha256: Sha256Digest,
    clean_up: JobRow,
}

impl Registry {
    /// Tells how far an upload is. One whose bytes are all there becomes a file first, if whoever asks may store one:
    /// its sender takes all of its bytes for a file.
    pub async fn look_at_upload(
        self: &Arc<Self>,
        who: &Principal,
        id: Uuid,
    ) -> Result<Upload, ServiceError> {
        let began = Instant::now();
        let (upload, package) = loop {
            let looked = self.upload_for(who, Action::ReadPackage, id).await?;
            // What was sent on a connection that was cut may still be on its way into the store: told a moment later,
            // it is not sent again.
            let is_late = began.elapsed() >= COMING_PART_WAIT_MAX;
            if is_late || !self.has_coming_part(who, &looked.0).await? {
                break looked;
            }
            sleep(LOOK_FOR_PART_EVERY).await;
        };
        let resource: Resource<'_> = package.as_resource();
        if upload.is_complete() && authorize(who, Action::UploadFile, resource).is_ok() {
            return self.put_together_apart(who, id).await;
        }
        Ok(upload.into())
    }

    async fn has_coming_part(
        &self,
        who: &Principal,
        upload: &UploadRow,
    ) -> Result<bool, ServiceError> {
        if upload.status != UploadState::Receiving || upload.is_complete() {
            return Ok(false);
        }
        let now = self.clock().now();
        let after = now.checked_sub(COMING_PART_AGE_MAX).unwrap_or(now);
        let mut session = self.db().read().await?;
        Ok(session.of(&who.tenant).has_coming_part(upload.id, after).await?)
    }

    /// Makes a file of an upload whose bytes are all there, to the end also where nobody waits for it any more.
    pub(super) async fn put_together_apart(
        self: &Arc<Self>,
        who: &Principal,
        id: Uuid,
    ) -> Result<Upload, ServiceError> {
        let (registry, who) = (Arc::clone(self), who.clone());
        let apart = tokio::spawn(async move { Box::pin(registry.put_together(&who, id)).await });
        apart.await.map_err(ServiceError::internal)?
    }

    async fn put_together(
        self: &Arc<Self>,
        who: &Principal,
        id: Uuid,
    ) -> Result<Upload, ServiceError> {
        let _slot = self.upload_slot()?;
        self.put_together_in_slot(who, id).await
    }

    /// The same for whoever has one of the slots.
    pub(super) async fn put_together_in_slot(
        self: &Arc<Self>,
        who: &Principal,
        id: Uuid,
    ) -> Result<Upload, ServiceError> {
        let began = Instant::now();
        let (upload, package) = loop {
            match self.turn(who, id).await? {
                Turn::Ours(ours) => break *ours,
                Turn::Done(upload) => return Ok((*upload).into()),
                Turn::Theirs if began.elapsed() < WAIT_MAX => sleep(LOOK_EVERY).await,
                Turn::Theirs => {
                    return Err(ServiceError::new(
                        ErrorKind::Busy,
                        "the file is being put together: ask again",
                    ));
                }
            }
        };
        match self.store_parts(who, &upload, &package).await {
            Ok(uploaded) => self.note_stored(who, upload, uploaded).await,
            Err(error) => Err(self.not_stored(who, &upload, error).await),
        }
    }

    async fn turn(&self, who: &Principal, id: Uuid) -> Result<Turn, ServiceError> {
        let (upload, package) = self.upload_for(who, Action::ReadPackage, id).await?;
        if upload.status == UploadState::Stored {
            return Ok(Turn::Done(Box::new(upload)));
        }
        authorize(who, Action::UploadFile, package.as_resource())?;
        let input = (who.tenant.clone(), id);
        let leased: Result<bool, DbError> = self
            .db()
            .write(input, |tx, (tenant, id)| {
                Box::pin(async move {
                    let now = tx.database_time().await?;
                    let until = now.checked_add(LEASE).unwrap_or(now);
                    tx.of(tenant).lease_upload(*id, now, until).await
                })
            })
            .await;
        Ok(if leased? { Turn::Ours(Box::new((upload, package))) } else { Turn::Theirs })
    }

    /// The ordinary upload, of the parts as one body.
    async fn store_parts(
        self: &Arc<Self>,
        who: &Principal,
        upload: &UploadRow,
        package: &PackageRow,
    ) -> Result<UploadedFile, ServiceError> {
        let backend = self.backends().get(&package.backend_id)?;
        let (body, handed) = body_of(Parts {
            db: self.db().clone(),
            store: Arc::clone(&backend.store),
            tenant: who.tenant.clone(),
            upload: upload.id,
            size_bytes: upload.size_bytes,
        });
        let new = NewFile {
            path: upload.relative_path.clone(),
            media_type: upload.media_type.clone(),
            content_type: None,
            size_bytes: Some(upload.size_bytes),
            sha256: upload.sha256,
        };
        let mut storing = Box::pin(self.upload_in_slot(who, package.id, new, body));
        let stored = loop {
            tokio::select! {
                stored = &mut storing => break stored,
                () = sleep(KEPT_EVERY) => self.keep_turn(&who.tenant, upload.id, LEASE).await,
            }
        };
        let Err(error) = stored else { return stored };
        if let Some(failure) = handed.failure() {
            return Err(failure);
        }
        let is_whole = handed.bytes() == upload.size_bytes;
        if error.kind() == ErrorKind::BodyMismatch && !is_whole {
            // The parts are what was sent: it is the store that did not give them in time.
            return Err(ServiceError::new(
                ErrorKind::StoreUnavailable,
                "the store did not give back the parts of the upload in time",
            )
            .with_source(error));
        }
        Err(error)
    }

    async fn note_stored(
        &self,
        who: &Principal,
        upload: UploadRow,
        uploaded: UploadedFile,
    ) -> Result<Upload, ServiceError> {
        let file = uploaded.file.file_id;
        let sha256 = uploaded.file.sha256.ok_or_else(|| {
            ServiceError::internal(std::io::Error::other("a stored file has no digest"))
        })?;
        let storing = Storing {
            tenant: who.tenant.clone(),
            upload: upload.id,
            package: upload.package_id,
            file,
            sha256,
            clean_up: self.new_job(JobKind::CleanUp, upload.package_id, json!({})),
        };
        let noted: Result<(), DbError> =
            self.db().write(storing, |tx, s| Box::pin(note(tx, s))).await;
        noted?;
        self.ring_for_jobs();
        Ok(Upload { file: Some((file, sha256)), ..upload.into() })
    }

    /// Ends an upload that would be refused again, and gives the turn back otherwise. Answers `why`.
    async fn not_stored(
        &self,
        who: &Principal,
        upload: &UploadRow,
        why: ServiceError,
    ) -> ServiceError {
        if !is_for_good(why.kind()) {
            self.keep_turn(&who.tenant, upload.id, SignedDuration::ZERO).await;
            return why;
        }
        let ending = EndOfUploads {
            tenant: who.tenant.clone(),
            package: upload.package_id,
            clean_up: self.new_job(JobKind::CleanUp, upload.package_id, json!({})),
        };
        if let Err(error) = self.end_one(ending, upload.id).await {
            tracing::warn!(%error, "an upload that comes to nothing waits for its end");
        }
        why
    }

    /// Says for how long the making of the file is still ours. Where this fails, the turn ends by itself.
    async fn keep_turn(&self, tenant: &TenantId, upload: Uuid, lease: SignedDuration) {
        let input = (tenant.clone(), upload, lease);
        let kept: Result<(), DbError> = self
            .db()
            .write(input, |tx, (tenant, upload, lease)| {
                Box::pin(async move {
                    let now = tx.database_time().await?;
                    let until = now.checked_add(*lease).unwrap_or(now);
                    tx.of(tenant).keep_upload_lease(*upload, until).await
                })
            })
            .await;
        if let Err(error) = kept {
            tracing::warn!(%error, "whose turn it is with an upload was not noted");
        }
    }
}

async fn note(tx: &mut Tx, s: &Storing) -> Result<(), DbError> {
    let mut rows = tx.of(&s.tenant);
    rows.have_package(s.package).await?;
    // Where it ended meanwhile, so did its parts: the file is stored all the same.
    if rows.store_upload(s.upload, s.file, s.sha256).await?
        && rows.give_up_parts_of_upload(s.upload).await? > 0
    {
        rows.enqueue_job(&s.clean_up).await?;
    }
    Ok(())
}

/// Whether the same parts would be refused again: for their bytes, or for what is stored already.
fn is_for_good(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::BodyMismatch
            | ErrorKind::Conflict
            | ErrorKind::Corrupt
            | ErrorKind::TooLarge
            | ErrorKind::Unprocessable
    )
}
