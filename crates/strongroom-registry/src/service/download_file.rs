//! One file of a package, for somebody who may read it.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use serde_json::json;
use strongroom_core::Sha256Digest;
use strongroom_core::package::FileStatus;
use strongroom_storage::keep::{self, Expected, KeepError, KeepErrorKind, VerifyingReader};
use strongroom_storage::{StorageErrorKind, VersionId};
use uuid::Uuid;

use super::Registry;
use super::look_again::Look;
use super::records::object_key;
use crate::auth::{Action, Principal};
use crate::db::{DbError, LocationRow, TenantId};
use crate::error::{ErrorKind, ServiceError};

/// A file that can be read, and is not read yet.
#[derive(Debug, Clone)]
pub struct Download {
    /// The file.
    pub file_id: Uuid,
    /// Its path in the package: a name from outside.
    pub path: String,
    /// The media type that its producer declared: a claim from outside.
    pub media_type: Option<String>,
    /// Its bytes.
    pub size_bytes: u64,
    /// Their digest.
    pub sha256: Sha256Digest,
    /// What a verification found of it that was not as it should be.
    was_found: Option<FileStatus>,
    pub(super) package: Uuid,
    pub(super) location: LocationRow,
}

impl Download {
    /// Refuses a file that was found damaged when it was last looked at. Reads nothing of it.
    pub fn refuse_found_damaged(&self) -> Result<(), ServiceError> {
        self.was_found.map_or(Ok(()), check_status)
    }
}

/// What was handed out, and how.
#[derive(Debug, Clone, Copy)]
pub(super) enum Retrieved {
    /// A whole package, through the registry.
    Bundle,
    /// A file, through the registry.
    Streamed(Uuid),
    /// A link to a file.
    Redirected(Uuid),
}

impl Registry {
    /// Finds a file whose bytes there should be. Reads nothing of it: one that was found damaged is answered too, and
    /// refused by [`refuse_damaged`](Self::refuse_damaged) before any byte is sent.
    pub async fn download(&self, who: &Principal, id: Uuid) -> Result<Download, ServiceError> {
        let (file, _, locations) = self.file_for(who, Action::Download, id).await?;
        let location = locations.into_iter().find(|one| one.status.may_be_there());
        let was_found = match file.status {
            status @ (FileStatus::Missing | FileStatus::Corrupt) => Some(status),
            status => {
                check_status(status)?;
                None
            }
        };
        let (Some(location), Some(size_bytes), Some(sha256)) =
            (location, file.size_bytes, file.sha256)
        else {
            return Err(ServiceError::internal(std::io::Error::other(
                "a stored file is nowhere, or has no digest",
            )));
        };
        if was_found.is_none() && !location.restore_status.is_readable() {
            return Err(ServiceError::archived());
        }
        Ok(Download {
            file_id: file.id,
            path: file.relative_path,
            media_type: file.media_type,
            size_bytes,
            sha256,
            was_found,
            package: file.package_id,
            location,
        })
    }

    /// Refuses a file that was found damaged, unless it is whole by now: its object is read again, as often as there may
    /// be looks at one. Where that takes long, whoever asks is told to come again.
    pub async fn refuse_damaged(
        self: &Arc<Self>,
        who: &Principal,
        download: &Download,
    ) -> Result<(), ServiceError> {
        let Some(was_found) = download.was_found else { return Ok(()) };
        match self.look_again(&who.tenant, &download.location).await? {
            Look::Found(status) => check_status(status),
            Look::UnderWay => Err(being_read(was_found)),
            Look::NotNow => check_status(was_found),
        }
    }

    /// Reads it, or the bytes in `range`. The whole of it ends well only when it is right; what is found to be gone, or
    /// other bytes, is noted in its rows before that is told, unless that takes long.
    pub async fn read_download(
        self: &Arc<Self>,
        who: &Principal,
        download: &Download,
        range: Option<Range<u64>>,
    ) -> Result<VerifyingReader, ServiceError> {
        let location = &download.location;
        let backend = self.backends().get(&location.backend_id)?;
        let key = object_key("", &location.object_key)?;
        let version = location.version_id.clone().map(VersionId);
        let expected = Expected { size_bytes: download.size_bytes, sha256: download.sha256 };
        let store = Arc::clone(&backend.store);
        let reading = keep::read(&*store, &key, version.as_ref(), range, expected).await;
        let reader = match reading {
            Ok(reader) => reader,
            Err(error) if error.kind() == KeepErrorKind::Store(StorageErrorKind::Archived) => {
                self.note_archived(who, location).await;
                return Err(ServiceError::archived().with_source(error));
            }
            Err(error) => {
                if is_damage(error.kind()) {
                    self.note_damage(&who.tenant, location).await;
                }
                return Err(error.into());
            }
        };
        self.note_retrieval(who, download.package, Retrieved::Streamed(download.file_id)).await?;
        let VerifyingReader { info, stream } = reader;
        let stream = self.noting(&who.tenant, location, stream);
        Ok(VerifyingReader { info, stream })
    }

    /// The same bytes. Where they turn out to be others than were stored, that is noted before they break off.
    fn noting(
        self: &Arc<Self>,
        tenant: &TenantId,
        location: &LocationRow,
        stream: BoxStream<'static, Result<Bytes, KeepError>>,
    ) -> BoxStream<'static, Result<Bytes, KeepError>> {
        let at = (Arc::clone(self), tenant.clone(), location.clone());
        stream::unfold((at, stream), |(at, mut stream)| async move {
            let piece = stream.next().await?;
            if let Err(error) = &piece
                && is_damage(error.kind())
            {
                let (registry, tenant, location) = &at;
                registry.note_damage(tenant, location).await;
            }
            Some((piece, (at, stream)))
        })
        .boxed()
    }

    /// Whoever looks at a file that is in the archive sees it from now on, and the sweeper looks for a restore.
    pub(super) async fn note_archived(&self, who: &Principal, location: &LocationRow) {
        if let Err(error) = self.look_how_near(&who.tenant, location.clone()).await {
            tracing::warn!(%error, "an archived object is not noted to be one");
        }
    }

    /// Writes down that bytes were asked for and are about to be handed out.
    pub(super) async fn note_retrieval(
        &self,
        who: &Principal,
        package: Uuid,
        what: Retrieved,
    ) -> Result<(), DbError> {
        let (details, file) = match what {
            Retrieved::Bundle => (json!({ "what": "bundle", "redirected": false }), None),
            Retrieved::Streamed(file) => {
                (json!({ "what": "file", "redirected": false }), Some(file))
            }
            // That there was a link is written down, and never the link.
            Retrieved::Redirected(file) => {
                (json!({ "what": "file", "redirected": true }), Some(file))
            }
        };
        let mut event = self.package_event("retrieval_requested", package, Some(who.id), details);
        event.file_id = file;
        self.db()
            .write((who.tenant.clone(), event), |tx, (tenant, event)| {
                Box::pin(async move { tx.of(tenant).insert_audit_event(event).await })
            })
            .await
    }
}

/// Whether a reading says that the store has lost the bytes, or has others.
fn is_damage(kind: KeepErrorKind) -> bool {
    matches!(kind, KeepErrorKind::Corrupt | KeepErrorKind::Store(StorageErrorKind::NotFound))
}

/// A large file takes longer to be read than a request is waited for.
fn being_read(was_found: FileStatus) -> ServiceError {
    ServiceError::new(
        ErrorKind::Busy,
        format!(
            "the file was found {was_found} when it was last verified, and is being read again"
        ),
    )
    .with_guidance(
        "ask again until it is read: that goes on by itself, and takes as long as a download of it",
    )
}

fn check_status(status: FileStatus) -> Result<(), ServiceError> {
    match status {
        FileStatus::Stored => Ok(()),
        FileStatus::Missing | FileStatus::Corrupt => Err(ServiceError::new(
            ErrorKind::Corrupt,
            format!("the file was found {status} when it was last verified"),
        )
        .with_guidance(
            "bring its bytes back, such as from a backup: a download looks again, a minute after the last look at the earliest",
        )),
        // Of what was never acknowledged there is nothing to be had.
        FileStatus::Receiving => Err(ServiceError::not_found()),
        FileStatus::Deleting | FileStatus::Deleted => Err(ServiceError::new(
            ErrorKind::WrongState,
            format!("the file is {status}: its bytes are not to be had"),
        )),
    }
}
