//! The bytes of a file whose row is there: into the store, looked at, and only then acknowledged.
//!
//! What an upload leaves that does not end well is explained by its row (`receiving`, or `deleting` once it is
//! given up), and a clean-up job takes it away.

use std::collections::BTreeMap;
use std::time::Duration;

use strongroom_core::layout::encode_segment;
use strongroom_core::package::expiry;
use strongroom_core::package::manifest::PackagePath;
use strongroom_core::package::record::{Decision, StoredFile};
use strongroom_core::package::status::FileEvent;
use strongroom_core::package::{
    LocationStatus, RestoreStatus, RetentionRule, RetrievalTier, RuleLock,
};
use strongroom_storage::keep::{self, Kept, Left, LockOfWrite, Ours, WriteAsk};
use strongroom_storage::{ObjectKey, SINGLE_WRITE_BYTES_MAX};
use tokio::time::timeout;
use uuid::Uuid;

use super::Registry;
use super::end_of_upload::{Ended, Ending, end};
use super::file_body::FileBody;
use super::given_up::{GivenUp, give_up};
use super::new_file::NewFile;
use super::read_files::file_document;
use super::records::{Decided, object_key};
use super::upload_file::clash;
use crate::auth::Principal;
use crate::backends::Backend;
use crate::db::{FileRow, LocationRow, PackageRow};
use crate::documents::{UploadStatus, UploadedFile};
use crate::error::{ErrorKind, ServiceError};

/// The name under which an object's metadata carries the id of its file.
pub(crate) const FILE_ID: &str = "strongroom-file-id";
/// The name under which it carries the file's path, percent-encoded.
const FILE_PATH: &str = "strongroom-path";
/// The name under which it carries the media type that was declared, percent-encoded.
const FILE_MEDIA_TYPE: &str = "strongroom-media-type";
/// The name under which it carries the digest.
const FILE_SHA256: &str = "strongroom-sha256";
/// Bytes of the path and the media type in metadata: stores take 2 KiB for everything.
const ENCODED_BYTES_MAX: usize = 1_024;
/// How long one upload may take from its first byte to its last. A row that says `receiving` for much longer than
/// this is one that nobody writes any more.
pub(super) const UPLOAD_TIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// An upload that has its row.
pub(super) struct Upload<'a> {
    pub(super) registry: &'a Registry,
    pub(super) who: &'a Principal,
    pub(super) backend: &'a Backend,
    pub(super) package: PackageRow,
    pub(super) rule: RetentionRule,
    pub(super) path: PackagePath,
    pub(super) file: FileRow,
}

impl Upload<'_> {
    /// The bytes into the store, and the end of it; or nothing, and the row says so.
    pub(super) async fn receive(
        self,
        new: &NewFile,
        body: FileBody,
    ) -> Result<UploadedFile, ServiceError> {
        let key = object_key("", &self.file.object_key)?;
        let ask = match self.ask(new).await {
            Ok(ask) => ask,
            Err(error) => return Err(self.give_up(&Left::Nothing, error).await),
        };
        let sends_hold = ask.lock.is_some_and(|lock| lock.target.legal_hold);
        let writing = keep::write(&*self.backend.store, &key, body, ask);
        let kept = match timeout(UPLOAD_TIME_MAX, writing).await {
            Ok(Ok(kept)) => kept,
            Ok(Err(error)) => {
                let left = error.left().clone();
                return Err(self.give_up(&left, error.into()).await);
            }
            Err(_) => {
                let error = ServiceError::new(ErrorKind::BodyMismatch, "the upload took too long");
                return Err(self.give_up(&Left::Unknown, error).await);
            }
        };
        if !kept.lock_covers && self.rule.lock_required {
            let error = ServiceError::new(
                ErrorKind::StoreRefused,
                "the store does not hold the lock that the retention class requires",
            );
            return Err(self.give_up(&Left::Object(kept.version), error).await);
        }
        if let Err(error) = self.tell_in_a_record(&key, new, &kept).await {
            return Err(self.give_up(&Left::Object(kept.version), error).await);
        }
        self.end(&key, kept, sends_hold).await
    }

    async fn ask(&self, new: &NewFile) -> Result<WriteAsk, ServiceError> {
        Ok(WriteAsk {
            size_bytes: new.size_bytes,
            sha256: new.sha256,
            metadata: self.metadata(),
            digest_metadata: Some(FILE_SHA256),
            lock: self.lock_of_write().await?,
            ..WriteAsk::new(self.registry.settings().limits.file_bytes_max)
        })
    }

    fn metadata(&self) -> BTreeMap<String, String> {
        let mut metadata = BTreeMap::from([(FILE_ID.to_owned(), self.file.id.to_string())]);
        if let Some((path, media_type)) = self.encoded() {
            metadata.insert(FILE_PATH.to_owned(), path);
            metadata.extend(media_type.map(|text| (FILE_MEDIA_TYPE.to_owned(), text)));
        }
        metadata
    }

    /// The path and the media type as metadata carries them, where they fit.
    fn encoded(&self) -> Option<(String, Option<String>)> {
        let path = encode_segment(self.path.as_str());
        let media_type = self.file.media_type.as_deref().map(encode_segment);
        let bytes = path.len() + media_type.as_ref().map_or(0, String::len);
        (bytes <= ENCODED_BYTES_MAX).then_some((path, media_type))
    }

    /// The lock that goes out with the write, for a class that locks from the first moment.
    async fn lock_of_write(&self) -> Result<Option<LockOfWrite>, ServiceError> {
        if self.rule.lock != RuleLock::InWrite {
            return Ok(None);
        }
        let store = &*self.backend.store;
        let bucket = store.bucket_locks().await?;
        if bucket.takes_locks.value() == Some(&false) && !self.rule.lock_required {
            return Ok(None);
        }
        let store_now = keep::clock_check(store, self.registry.clock().now()).await?;
        let mut session = self.registry.db().read().await?;
        let holds = session.of(&self.who.tenant).active_holds(self.package.id).await?;
        let (mode, expires_at) = (self.rule.lock_mode(), self.package.expires_at);
        let asked = expiry::target(mode, expires_at, !holds.is_empty(), None, store_now)
            .map_err(ServiceError::internal)?;
        LockOfWrite::plan(asked, &bucket, store_now).map(Some).map_err(ServiceError::internal)
    }

    /// Writes a record where the object itself cannot tell which file it is.
    async fn tell_in_a_record(
        &self,
        key: &ObjectKey,
        new: &NewFile,
        kept: &Kept,
    ) -> Result<(), ServiceError> {
        let digest_was_known = new.sha256.is_some() || kept.size_bytes <= SINGLE_WRITE_BYTES_MAX;
        if kept.metadata_kept && digest_was_known && self.encoded().is_some() {
            return Ok(());
        }
        let stored = StoredFile {
            file_id: self.file.id,
            path: self.path.as_str().to_owned(),
            size_bytes: kept.size_bytes,
            sha256: kept.sha256,
            media_type: self.file.media_type.clone(),
            key: self.backend.store.whole_key(key),
            version_id: kept.version.as_ref().map(|version| version.0.clone()),
            integrity: kept.integrity,
        };
        let decided = Decided {
            id: self.registry.clock().new_id(),
            tenant: &self.who.tenant,
            package: self.package.id,
            by: Some(self.who.id),
            reason: None,
            decision: Decision::FileStored(Box::new(stored)),
        };
        let prefix = &self.package.storage_prefix;
        self.registry.write_down(self.backend, prefix, decided).await.map(drop)
    }

    /// Acknowledges the file in one transaction, or finds that another was first.
    async fn end(
        self,
        key: &ObjectKey,
        kept: Kept,
        sends_hold: bool,
    ) -> Result<UploadedFile, ServiceError> {
        let registry = self.registry;
        let now = registry.clock().now();
        let status = self.file.status.after(FileEvent::Kept).map_err(ServiceError::internal)?;
        let stored = FileRow {
            status,
            size_bytes: Some(kept.size_bytes),
            sha256: Some(kept.sha256),
            stored_at: Some(now),
            ..self.file.clone()
        };
        let location = self.location(key, &kept, sends_hold);
        let mut event = registry.package_event(
            "file_stored",
            self.package.id,
            Some(self.who.id),
            serde_json::json!({ "sha256": kept.sha256, "size_bytes": kept.size_bytes }),
        );
        event.file_id = Some(stored.id);
        let given_up = self.given_up(&Left::Object(kept.version.clone()))?;
        let ending = Ending {
            tenant: self.who.tenant.clone(),
            path: self.path.clone(),
            stored: stored.clone(),
            location: location.clone(),
            event,
            given_up,
        };
        let ended = registry.db().write_rows(ending, |tx, ending| Box::pin(end(tx, ending))).await;
        match ended? {
            Ended::Stored => {
                registry.metrics().received(kept.size_bytes);
                let file = file_document(stored, vec![location]);
                Ok(UploadedFile { upload: UploadStatus::Stored, file })
            }
            lost => {
                registry.ring_for_jobs();
                match lost {
                    Ended::PathTaken(there) => {
                        registry.already_stored(self.who, *there, &stored).await
                    }
                    Ended::Late(status) => Err(ServiceError::new(
                        ErrorKind::WrongState,
                        format!("the package is {status}: it takes no more files"),
                    )),
                    Ended::Clash => Err(clash()),
                    Ended::Stored | Ended::Abandoned => {
                        // Its row says that there is nothing, so nothing may stay.
                        let ours = ours(self.file.id);
                        let cleared =
                            keep::delete_all_versions(&*self.backend.store, key, &ours).await;
                        if !cleared.as_ref().is_ok_and(|cleared| cleared.is_complete()) {
                            tracing::error!(file_id = %self.file.id, ?cleared, "an object has no live row");
                        }
                        Err(ServiceError::new(
                            ErrorKind::Conflict,
                            "the upload was given up before it ended: send it again",
                        ))
                    }
                }
            }
        }
    }

    fn location(&self, key: &ObjectKey, kept: &Kept, sends_hold: bool) -> LocationRow {
        let mut location = LocationRow {
            id: self.registry.clock().new_id(),
            package_id: self.package.id,
            artifact_file_id: self.file.id,
            backend_id: self.backend.id.clone(),
            object_key: key.as_str().to_owned(),
            version_id: kept.version.as_ref().map(|version| version.0.clone()),
            etag: kept.etag.clone(),
            storage_class: kept.storage_class.clone(),
            status: LocationStatus::Active,
            integrity: kept.integrity,
            create_only: kept.create_only,
            lock_mode: None,
            lock_retain_until: None,
            lock_hold: sends_hold,
            // Nobody else knows the key: a bit that is on came with the bytes.
            hold_was_set_before: false,
            lock_read_at: None,
            lock_unobserved: None,
            retrieval_tier: RetrievalTier::of_storage_class(kept.storage_class.as_deref()),
            restore_status: RestoreStatus::Available,
            restore_requested_at: None,
            restore_expires_at: None,
            created_at: self.registry.clock().now(),
            last_verified_at: None,
        };
        location.read_back(&kept.lock);
        location
    }

    fn given_up(&self, left: &Left) -> Result<GivenUp, ServiceError> {
        GivenUp::of(self.registry, &self.file, *left == Left::Nothing)
    }

    /// Says on the row that nothing will come of it; what may be in the store is left to a job. Answers `why`, also
    /// where this fails: then the row waits until it is too old to be going on.
    async fn give_up(&self, left: &Left, why: ServiceError) -> ServiceError {
        let given_up = match self.given_up(left) {
            Ok(given_up) => given_up,
            Err(error) => return error,
        };
        let input = (self.who.tenant.clone(), given_up);
        let written = self
            .registry
            .db()
            .write_rows(input, |tx, (tenant, given_up)| {
                Box::pin(async move { give_up(&mut tx.of(tenant), given_up).await })
            })
            .await;
        match written {
            Ok(_) => self.registry.ring_for_jobs(),
            Err(error) => {
                tracing::warn!(%error, "an upload that was given up is still `receiving`")
            }
        }
        why
    }
}

/// What of the objects under a file's key is ours to delete: those that carry its id.
pub(crate) fn ours(file: Uuid) -> Ours {
    Ours::Metadata { name: FILE_ID.to_owned(), value: file.to_string() }
}
