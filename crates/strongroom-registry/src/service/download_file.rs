//! One file of a package, for somebody who may read it.

use std::ops::Range;
use std::sync::Arc;

use strongroom_core::Sha256Digest;
use strongroom_core::package::{FileStatus, LocationStatus};
use strongroom_storage::keep::{self, Expected, KeepErrorKind, VerifyingReader};
use strongroom_storage::{StorageErrorKind, VersionId};
use uuid::Uuid;

use super::Registry;
use super::records::object_key;
use crate::auth::{Action, Principal};
use crate::db::{DbError, FileRow, LocationRow};
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
    package: Uuid,
    location: LocationRow,
}

impl Registry {
    /// Finds out whether a file can be read now. Reads nothing of it.
    pub async fn download(&self, who: &Principal, id: Uuid) -> Result<Download, ServiceError> {
        let (file, _, locations) = self.file_for(who, Action::Download, id).await?;
        check_status(&file)?;
        let location = locations.into_iter().find(|one| one.status == LocationStatus::Active);
        let (Some(location), Some(size_bytes), Some(sha256)) =
            (location, file.size_bytes, file.sha256)
        else {
            return Err(ServiceError::internal(std::io::Error::other(
                "a stored file is nowhere, or has no digest",
            )));
        };
        if !location.restore_status.is_readable() {
            return Err(not_available());
        }
        Ok(Download {
            file_id: file.id,
            path: file.relative_path,
            media_type: file.media_type,
            size_bytes,
            sha256,
            package: file.package_id,
            location,
        })
    }

    /// Reads it, or the bytes in `range`. The whole of it ends well only when it is right.
    pub async fn read_download(
        &self,
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
                // Whoever looks at the file sees it from now on, and the sweeper looks for a restore.
                if let Err(error) = self.look_how_near(&who.tenant, location.clone()).await {
                    tracing::warn!(%error, "an archived object is not noted to be one");
                }
                return Err(not_available().with_source(error));
            }
            Err(error) => return Err(error.into()),
        };
        self.note_retrieval(who, download.package, Some(download.file_id)).await?;
        Ok(reader)
    }

    /// Writes down that bytes were asked for and are about to be handed out.
    pub(super) async fn note_retrieval(
        &self,
        who: &Principal,
        package: Uuid,
        file: Option<Uuid>,
    ) -> Result<(), DbError> {
        let mut event = self.package_event(
            "retrieval_requested",
            package,
            Some(who.id),
            serde_json::json!({ "what": if file.is_some() { "file" } else { "bundle" } }),
        );
        event.file_id = file;
        self.db()
            .write((who.tenant.clone(), event), |tx, (tenant, event)| {
                Box::pin(async move { tx.of(tenant).insert_audit_event(event).await })
            })
            .await
    }
}

fn check_status(file: &FileRow) -> Result<(), ServiceError> {
    match file.status {
        FileStatus::Stored => Ok(()),
        FileStatus::Missing | FileStatus::Corrupt => Err(ServiceError::new(
            ErrorKind::Corrupt,
            format!("the file was found {} when it was last verified", file.status),
        )),
        // Of what was never acknowledged there is nothing to be had.
        FileStatus::Receiving => Err(ServiceError::not_found()),
        FileStatus::Deleting | FileStatus::Deleted => Err(ServiceError::new(
            ErrorKind::WrongState,
            format!("the file is {}: its bytes are not to be had", file.status),
        )),
    }
}

pub(super) fn not_available() -> ServiceError {
    ServiceError::new(
        ErrorKind::NotImmediatelyAvailable,
        "the bytes lie in an archive tier of the store and cannot be read at once",
    )
    .with_guidance("ask for a restore first, and come again when it is done")
}
