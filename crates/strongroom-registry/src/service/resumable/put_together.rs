//! The parts become a file: by the very upload that a whole body goes through, so that nothing tells the two apart.
//!
//! It is not over with the request that brought the last byte, whose sender may be gone by then: whoever asks next goes
//! on with it.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;
use strongroom_core::Sha256Digest;
use tokio::sync::SemaphorePermit;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::super::Registry;
use super::super::new_file::NewFile;
use super::super::receive_file::UPLOAD_TIME_MAX;
use super::parts_body::{Parts, body_of};
use super::turn::{Ours, Turn};
use super::{Upload, being_stored};
use crate::auth::{Action, Principal, Resource, authorize};
use crate::db::{DbError, JobRow, TenantId, Tx, UploadRow, UploadState};
use crate::documents::UploadedFile;
use crate::error::{ErrorKind, ServiceError};
use crate::jobs::JobKind;

/// How often whoever does it says that it is still at it.
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

/// Everything that is written when it is a file.
struct Storing {
    tenant: TenantId,
    upload: Uuid,
    package: Uuid,
    file: Uuid,
    sha256: Sha256Digest,
    /// What takes the parts away, where there are any.
    clean_up: Option<JobRow>,
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
        let apart =
            tokio::spawn(async move { Box::pin(registry.put_together(&who, id, None)).await });
        apart.await.map_err(ServiceError::internal)?
    }

    /// The same here, by somebody who may have one of the slots for uploads.
    pub(super) async fn put_together(
        self: &Arc<Self>,
        who: &Principal,
        id: Uuid,
        mut slot: Option<SemaphorePermit<'_>>,
    ) -> Result<Upload, ServiceError> {
        let began = Instant::now();
        let ours = loop {
            match self.turn(who, id).await? {
                Turn::Ours(ours) => break *ours,
                Turn::Done(upload) => return Ok((*upload).into()),
                Turn::Theirs if began.elapsed() < WAIT_MAX => {
                    // Whoever only waits keeps nobody from uploading.
                    slot = None;
                    sleep(LOOK_EVERY).await;
                }
                Turn::Theirs => return Err(being_stored()),
            }
        };
        let _slot = match slot.map_or_else(|| self.upload_slot(), Ok) {
            Ok(slot) => slot,
            Err(busy) => {
                self.give_turn_back(&who.tenant, &ours).await;
                return Err(busy);
            }
        };
        match self.store_parts(who, &ours).await {
            Ok(uploaded) => self.note_stored(who, ours.upload, uploaded).await,
            Err(error) => self.not_stored(who, &ours, error).await,
        }
    }

    /// The ordinary upload, of the parts as one body.
    async fn store_parts(
        self: &Arc<Self>,
        who: &Principal,
        ours: &Ours,
    ) -> Result<UploadedFile, ServiceError> {
        let Ours { upload, package, .. } = ours;
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
        let began = Instant::now();
        let mut storing = Box::pin(self.upload_in_slot(who, package.id, new, body));
        let stored = loop {
            tokio::select! {
                stored = &mut storing => break stored,
                () = sleep(KEPT_EVERY) => self.keep_turn(&who.tenant, ours).await,
            }
        };
        let Err(error) = stored else { return stored };
        if let Some(failure) = handed.failure() {
            return Err(failure);
        }
        let is_whole = handed.bytes() == upload.size_bytes;
        let took_too_long = began.elapsed() >= UPLOAD_TIME_MAX;
        if error.kind() == ErrorKind::BodyMismatch && (!is_whole || took_too_long) {
            // The parts are what was sent: it is the store that did not give them, or take them, in time.
            return Err(ServiceError::new(
                ErrorKind::StoreUnavailable,
                "the store did not give back the parts of the upload, or did not take the file, in time",
            )
            .with_source(error));
        }
        if error.kind() == ErrorKind::Corrupt {
            // Of the parts it would be in `handed`: it is the new object, and another one can be made of them.
            return Err(ServiceError::new(
                ErrorKind::StoreUnavailable,
                "the store did not keep the file that was made of the upload as it was written",
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
        let sha256 = uploaded
            .file
            .sha256
            .ok_or_else(|| ServiceError::internal("a stored file has no digest"))?;
        let storing = Storing {
            tenant: who.tenant.clone(),
            upload: upload.id,
            package: upload.package_id,
            file,
            sha256,
            clean_up: (upload.parts_count > 0)
                .then(|| self.new_job(JobKind::CleanUp, upload.package_id, json!({}))),
        };
        let noted: Result<(), DbError> =
            self.db().write(storing, |tx, s| Box::pin(note(tx, s))).await;
        noted?;
        self.ring_for_jobs();
        Ok(Upload { file: Some((file, sha256)), ..upload.into() })
    }

    /// Ends an upload that would be refused again, and gives the turn back otherwise. Answers `why`, unless it was not
    /// ours to say.
    async fn not_stored(
        &self,
        who: &Principal,
        ours: &Ours,
        why: ServiceError,
    ) -> Result<Upload, ServiceError> {
        if !is_for_good(why.kind()) {
            self.give_turn_back(&who.tenant, ours).await;
            return Err(why);
        }
        let upload = ours.upload.id;
        let ending = self.end_of_uploads(&who.tenant, ours.upload.package_id);
        match self.end_in_turn(ending, upload, ours.epoch).await {
            Ok(true) => Err(why),
            Ok(false) => {
                // Whoever took the turn meanwhile may have stored it, and then the parts went away under us.
                tracing::warn!(error = %why, "another was at an upload that was not stored here");
                let (upload, _) = self.upload_for(who, Action::ReadPackage, upload).await?;
                match upload.status {
                    UploadState::Stored => Ok(upload.into()),
                    _ => Err(being_stored()),
                }
            }
            Err(error) => {
                tracing::warn!(%error, "an upload that comes to nothing waits for its end");
                Err(why)
            }
        }
    }
}

async fn note(tx: &mut Tx, s: &Storing) -> Result<(), DbError> {
    let mut rows = tx.of(&s.tenant);
    rows.have_package(s.package).await?;
    // Where it ended meanwhile, so did its parts: the file is stored all the same.
    if rows.store_upload(s.upload, s.file, s.sha256).await?
        && let Some(clean_up) = &s.clean_up
    {
        rows.enqueue_job(clean_up).await?;
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
