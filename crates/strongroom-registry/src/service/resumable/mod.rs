//! One file that comes in several requests, each from where the last one ended (the tus protocol 1.0.0), through
//! whichever replica takes it.
//!
//! | module | what |
//! |---|---|
//! | `begin` | an upload is declared: its path, its length, its digest |
//! | `receive` | bytes come: each part an object of its own, durable before the offset moves |
//! | `incoming` | a body cut into parts, which keeps what came of one that broke off |
//! | `put_together` | the parts become a file, by the very upload that a whole body goes through |
//! | `turn` | who does that: one at a time |
//! | `parts_body` | the parts as one body |
//! | `end` | nothing comes of it: ended, expired, or its package is complete or given up |
//!
//! Nothing here is evidence yet. A part has its row before its first byte, so that an object without one is nobody's,
//! and moves the upload's offset in the transaction that makes it count: of two requests from the same offset one
//! wins. What does not count is taken away by the job that cleans up after uploads.

mod begin;
mod end;
mod incoming;
mod parts_body;
mod put_together;
mod receive;
mod turn;

use strongroom_core::Sha256Digest;
use strongroom_core::layout;
use uuid::Uuid;

pub use begin::NewUpload;
pub(crate) use end::{EndOfUploads, end_unfinished, refuse_unfinished};

use super::Registry;
use crate::auth::{Action, Principal, authorize};
use crate::db::{PackageRow, UploadRow, UploadState};
use crate::error::{ErrorKind, ServiceError};

/// Unfinished uploads of one package.
pub const UPLOADS_MAX: u64 = 100;
/// Parts of one upload: each request that brings bytes makes one at least.
pub const PARTS_MAX: u64 = 100_000;
/// Bytes of one part.
pub const PART_BYTES_MAX: u64 = 64 << 20;

/// The name under which a part's metadata carries its id.
pub(crate) const PART_ID: &str = "strongroom-part-id";

/// An upload, as whoever sends it has to know it.
#[derive(Debug, Clone)]
pub struct Upload {
    /// Its id.
    pub id: Uuid,
    /// How many bytes came.
    pub offset_bytes: u64,
    /// How many there are.
    pub size_bytes: u64,
    /// When it is not waited for any more.
    pub expires_at: jiff::Timestamp,
    /// What was said of it, as it was sent.
    pub metadata: String,
    /// The file that it is, and its digest.
    pub file: Option<(Uuid, Sha256Digest)>,
}

impl From<UploadRow> for Upload {
    fn from(row: UploadRow) -> Self {
        Self {
            id: row.id,
            offset_bytes: row.offset_bytes,
            size_bytes: row.size_bytes,
            expires_at: row.expires_at,
            metadata: row.metadata,
            file: row.file_id.zip(row.sha256),
        }
    }
}

impl UploadRow {
    /// Whether all of its bytes came, and no file was made of them yet.
    fn is_complete(&self) -> bool {
        self.status == UploadState::Receiving && self.offset_bytes == self.size_bytes
    }
}

impl Registry {
    /// An upload and its package, for somebody who may do this with it. One that ended is gone for everybody.
    async fn upload_for(
        &self,
        who: &Principal,
        action: Action,
        id: Uuid,
    ) -> Result<(UploadRow, PackageRow), ServiceError> {
        let mut session = self.db().read().await?;
        let mut rows = session.of(&who.tenant);
        let upload = rows.upload(id).await?.ok_or_else(ServiceError::not_found)?;
        let package = rows.package(upload.package_id).await?.ok_or_else(ServiceError::not_found)?;
        authorize(who, action, package.as_resource())?;
        let is_over = match upload.status {
            UploadState::Ended => true,
            _ if upload.expires_at > self.clock().now() => false,
            // Its time is over, but somebody makes a file of it now.
            _ => !upload.is_being_stored(session.database_time().await?),
        };
        if is_over { Err(gone()) } else { Ok((upload, package)) }
    }

    /// Whether somebody may ask what is taken of uploads to a package.
    pub async fn may_ask_of_uploads(
        &self,
        who: &Principal,
        package: Uuid,
    ) -> Result<(), ServiceError> {
        self.package_for(who, Action::ReadPackage, package).await.map(drop)
    }

    /// The same of one upload.
    pub async fn may_ask_of_upload(&self, who: &Principal, id: Uuid) -> Result<(), ServiceError> {
        self.upload_for(who, Action::ReadPackage, id).await.map(drop)
    }
}

/// The key of a part of an upload.
fn part_key(package: &PackageRow, upload: Uuid, part: Uuid) -> String {
    format!("{}{}", package.storage_prefix, layout::upload_part(package.id, upload, part))
}

fn gone() -> ServiceError {
    ServiceError::not_found().with_guidance("begin the upload anew")
}

/// What passes when it is a file, or is none.
fn being_stored() -> ServiceError {
    ServiceError::new(
        ErrorKind::BeingStored,
        "all bytes of the upload are there, and are being made a file: ask again",
    )
}

/// Bytes that are sent from elsewhere than where the last ones ended.
fn other_offset(upload: &UploadRow) -> ServiceError {
    let message = format!("the upload has {} bytes: send those from there on", upload.offset_bytes);
    ServiceError::new(ErrorKind::Conflict, message)
        .with_guidance("ask by HEAD where it is; somebody else may be sending it too")
}
