//! An upload is declared: whatever can be refused of the file by its name, length and digest is refused before its
//! first byte.

use std::sync::Arc;

use strongroom_core::Sha256Digest;
use strongroom_core::observed::Observed;
use uuid::Uuid;

use super::super::Registry;
use super::super::new_file::{NewFile, check};
use super::super::upload_file::{clash, may_be_stored_as, path_taken};
use super::{UPLOADS_MAX, Upload};
use crate::auth::{Action, Principal, authorize};
use crate::backends::Backend;
use crate::db::{Tx, UploadRow, UploadState};
use crate::error::{ErrorKind, ServiceError};

/// What is said of an upload before its first byte.
#[derive(Debug, Clone)]
pub struct NewUpload {
    /// The path of the file in the package.
    pub path: String,
    /// The media type that its producer declares.
    pub media_type: Option<String>,
    /// How many bytes will come.
    pub size_bytes: u64,
    /// Their digest, where it is known.
    pub sha256: Option<Sha256Digest>,
    /// All of this as it was sent.
    pub metadata: String,
}

struct Beginning {
    who: Principal,
    upload: UploadRow,
}

impl Registry {
    /// Begins an upload. One without bytes is a file at once.
    pub async fn begin_upload(
        self: &Arc<Self>,
        who: &Principal,
        package_id: Uuid,
        new: NewUpload,
    ) -> Result<Upload, ServiceError> {
        let bytes_max = self.settings().limits.file_bytes_max;
        let file = NewFile {
            path: new.path.clone(),
            media_type: new.media_type.clone(),
            content_type: None,
            size_bytes: Some(new.size_bytes),
            sha256: new.sha256,
        };
        let package = self.package_for(who, Action::UploadFile, package_id).await?;
        let path = check(&file)?;
        if new.size_bytes > bytes_max {
            return Err(ServiceError::body_too_large(bytes_max));
        }
        let there = {
            let mut session = self.db().read().await?;
            session.of(&who.tenant).live_file_in_the_way(package_id, &path).await?
        };
        if let Some(there) = there {
            if there.path_nfc != path.nfc() {
                return Err(clash());
            }
            if !may_be_stored_as(&there, new.sha256) {
                return Err(path_taken(&there));
            }
        }
        refuse_where_parts_would_stay(self.backends().get(&package.backend_id)?).await?;
        let now = self.clock().now();
        let upload = UploadRow {
            id: self.clock().new_id(),
            package_id,
            relative_path: path.as_str().to_owned(),
            path_nfc: path.nfc().to_owned(),
            media_type: new.media_type,
            size_bytes: new.size_bytes,
            sha256: new.sha256,
            metadata: new.metadata,
            status: UploadState::Receiving,
            offset_bytes: 0,
            parts_count: 0,
            storing_until: None,
            file_id: None,
            created_by: who.id,
            created_at: now,
            expires_at: self.end_of_life(now),
        };
        let beginning = Beginning { who: who.clone(), upload: upload.clone() };
        self.db().write(beginning, |tx, b| Box::pin(insert(tx, b))).await?;
        match upload.is_complete() {
            true => self.put_together_apart(who, upload.id).await,
            false => Ok(upload.into()),
        }
    }

    /// When an upload that moves now is not waited for any more.
    pub(super) fn end_of_life(&self, now: jiff::Timestamp) -> jiff::Timestamp {
        now.checked_add(self.settings().limits.upload_lifetime).unwrap_or(now)
    }
}

async fn insert(tx: &mut Tx, b: &Beginning) -> Result<(), ServiceError> {
    let mut rows = tx.of(&b.who.tenant);
    let package = rows.lock_package(b.upload.package_id).await?;
    let package = package.ok_or_else(ServiceError::not_found)?;
    authorize(&b.who, Action::UploadFile, package.as_resource())?;
    if rows.unfinished_uploads(package.id).await? >= UPLOADS_MAX {
        return Err(ServiceError::new(
            ErrorKind::TooLarge,
            format!("a package has at most {UPLOADS_MAX} uploads that are not finished"),
        )
        .with_guidance("finish one of them, or end it: DELETE /api/v1/uploads/ID"));
    }
    rows.insert_upload(&b.upload).await.map_err(ServiceError::from)
}

/// Parts are deleted when the file is stored. A bucket that locks whatever is written would keep them.
async fn refuse_where_parts_would_stay(backend: &Backend) -> Result<(), ServiceError> {
    let locks = backend.store.bucket_locks().await?;
    match locks.default_retention {
        Observed::Observed(Some(_)) => Err(ServiceError::new(
            ErrorKind::StoreRefused,
            "the bucket locks every object by itself, and so would the parts of an upload",
        )
        .with_guidance(
            "send the file whole (PUT), or have the bucket's default retention taken off: the registry locks what it keeps",
        )),
        _ => Ok(()),
    }
}
