//! Files that come in several requests: how far each came, and what became of it.

use jiff::Timestamp;
use strongroom_core::Sha256Digest;
use uuid::Uuid;

use super::TenantId;
use super::columns::{count, maybe_text, micros, named_state, text};
use super::error::DbError;
use super::scope::{TenantRead, TenantTx};
use super::session::Session;

named_state! {
    /// Where an upload that comes in several requests is in its life.
    pub enum UploadState: "the state of an upload" {
        /// It takes bytes, or they are all there and are being made a file.
        Receiving = "receiving",
        /// It is a file of its package.
        Stored = "stored",
        /// Nothing comes of it any more. Its row goes with the last of its parts.
        Ended = "ended",
    }
}

/// A file that comes in several requests.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct UploadRow {
    /// Its id.
    pub id: Uuid,
    /// The package that it is for.
    pub package_id: Uuid,
    /// The path that the file will have.
    pub relative_path: String,
    /// The same in Unicode's composed form.
    pub path_nfc: String,
    /// The media type that was declared.
    pub media_type: Option<String>,
    /// How many bytes it has.
    #[sqlx(try_from = "i64")]
    pub size_bytes: u64,
    /// The digest that was declared; of one that is stored, the file's.
    #[sqlx(try_from = "super::columns::MaybeDigest")]
    pub sha256: Option<Sha256Digest>,
    /// What was said of it, as it was sent.
    pub metadata: String,
    /// Where it is in its life.
    #[sqlx(try_from = "super::columns::Name")]
    pub status: UploadState,
    /// How many of its bytes came.
    #[sqlx(try_from = "i64")]
    pub offset_bytes: u64,
    /// In how many parts.
    #[sqlx(try_from = "i64")]
    pub parts_count: u64,
    /// The file that it is, once it is one.
    pub file_id: Option<Uuid>,
    /// Who began it.
    pub created_by: Uuid,
    /// When.
    #[sqlx(try_from = "super::columns::Micros")]
    pub created_at: Timestamp,
    /// When nobody is expected to go on with it.
    #[sqlx(try_from = "super::columns::Micros")]
    pub expires_at: Timestamp,
}

/// An upload that a worker found, of whichever tenant.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct FoundUpload {
    /// Whose it is.
    #[sqlx(try_from = "String")]
    pub tenant_id: TenantId,
    /// The upload.
    #[sqlx(flatten)]
    pub upload: UploadRow,
}

macro_rules! upload_columns {
    () => {
        "u.id, u.package_id, u.relative_path, u.path_nfc, u.media_type, u.size_bytes, u.sha256, u.metadata, u.status, \
         u.offset_bytes, u.parts_count, u.file_id, u.created_by, u.created_at, u.expires_at"
    };
}

statements! {
    UPLOAD = {(
        "SELECT ", upload_columns!(), " FROM resumable_uploads u WHERE u.tenant_id = $1 AND u.id = $2"
    )}
    UNFINISHED_UPLOADS = {(
        "SELECT count(*) FROM resumable_uploads u WHERE u.tenant_id = $1 AND u.package_id = $2 \
         AND u.status = 'receiving'"
    )}
    // Of a path that is stored by now nothing is missing.
    MISSED_UPLOAD = {(
        "SELECT ", upload_columns!(), " FROM resumable_uploads u WHERE u.tenant_id = $1 AND u.package_id = $2 \
         AND u.status = 'receiving' AND u.expires_at > $3 AND NOT EXISTS (SELECT 1 FROM artifact_files f \
         WHERE f.tenant_id = $1 AND f.package_id = $2 AND f.path_nfc = u.path_nfc \
         AND f.status IN ('stored', 'missing', 'corrupt')) ORDER BY u.id LIMIT 1"
    )}
    INSERT_UPLOAD = {(
        "INSERT INTO resumable_uploads (tenant_id, id, package_id, relative_path, path_nfc, media_type, size_bytes, \
         sha256, metadata, status, offset_bytes, parts_count, file_id, created_by, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"
    )}
    ADVANCE_UPLOAD = {(
        "UPDATE resumable_uploads SET offset_bytes = $4, parts_count = parts_count + 1, expires_at = $5 \
         WHERE tenant_id = $1 AND id = $2 AND status = 'receiving' AND offset_bytes = $3"
    )}
    LEASE_UPLOAD = {(
        "UPDATE resumable_uploads SET storing_until = $4 WHERE tenant_id = $1 AND id = $2 AND status = 'receiving' \
         AND offset_bytes = size_bytes AND (storing_until IS NULL OR storing_until <= $3)"
    )}
    KEEP_LEASE = {(
        "UPDATE resumable_uploads SET storing_until = $3 WHERE tenant_id = $1 AND id = $2 AND status = 'receiving'"
    )}
    STORE_UPLOAD = {(
        "UPDATE resumable_uploads SET status = 'stored', file_id = $3, sha256 = $4, storing_until = NULL \
         WHERE tenant_id = $1 AND id = $2 AND status = 'receiving'"
    )}
    END_UPLOAD = {(
        "UPDATE resumable_uploads SET status = 'ended' WHERE tenant_id = $1 AND id = $2 \
         AND status IN ('receiving', 'stored')"
    )}
    END_UNFINISHED_UPLOADS = {(
        "UPDATE resumable_uploads SET status = 'ended' WHERE tenant_id = $1 AND package_id = $2 \
         AND status = 'receiving'"
    )}
    FORGET_ENDED_UPLOADS = {(
        "DELETE FROM resumable_uploads WHERE tenant_id = $1 AND package_id = $2 AND status = 'ended' \
         AND NOT EXISTS (SELECT 1 FROM upload_parts p WHERE p.tenant_id = resumable_uploads.tenant_id \
         AND p.upload_id = resumable_uploads.id)"
    )}
    EXPIRED_UPLOADS = {(
        "SELECT u.tenant_id, ", upload_columns!(), " FROM resumable_uploads u \
         WHERE u.status IN ('receiving', 'stored') AND u.expires_at <= $1 ORDER BY u.expires_at, u.id LIMIT $2"
    )}
}

impl TenantRead<'_> {
    /// An upload.
    pub async fn upload(&mut self, id: Uuid) -> Result<Option<UploadRow>, DbError> {
        let (session, tenant) = self.parts();
        row!(session, UploadRow, UPLOAD, tenant, id)
    }

    /// How many uploads to a package are not finished.
    pub async fn unfinished_uploads(&mut self, package: Uuid) -> Result<u64, DbError> {
        let (session, tenant) = self.parts();
        let counted = row!(session, (i64,), UNFINISHED_UPLOADS, tenant, package)?;
        Ok(counted.map_or(0, |(counted,)| u64::try_from(counted).unwrap_or_default()))
    }

    /// An upload to a package that is not finished, may go on, and of whose path no file is stored.
    pub async fn missed_upload(
        &mut self,
        package: Uuid,
        now: Timestamp,
    ) -> Result<Option<UploadRow>, DbError> {
        let (session, tenant) = self.parts();
        row!(session, UploadRow, MISSED_UPLOAD, tenant, package, micros(now))
    }
}

impl TenantTx<'_> {
    /// Adds an upload.
    pub async fn insert_upload(&mut self, upload: &UploadRow) -> Result<(), DbError> {
        let (session, tenant) = self.parts();
        changed!(
            session,
            INSERT_UPLOAD,
            tenant,
            upload.id,
            upload.package_id,
            text(&upload.relative_path)?,
            text(&upload.path_nfc)?,
            maybe_text(upload.media_type.as_deref())?,
            count(upload.size_bytes)?,
            upload.sha256.as_ref().map(|digest| digest.as_bytes().as_slice()),
            text(&upload.metadata)?,
            upload.status.as_str(),
            count(upload.offset_bytes)?,
            count(upload.parts_count)?,
            upload.file_id,
            upload.created_by,
            micros(upload.created_at),
            micros(upload.expires_at),
        )
        .map(drop)
    }

    /// Moves an upload on from the offset `from` by one part; tells whether it was there and took it.
    pub async fn advance_upload(
        &mut self,
        id: Uuid,
        from: u64,
        to: u64,
        expires_at: Timestamp,
    ) -> Result<bool, DbError> {
        let (session, tenant) = self.parts();
        let (from, to) = (count(from)?, count(to)?);
        Ok(changed!(session, ADVANCE_UPLOAD, tenant, id, from, to, micros(expires_at))? == 1)
    }

    /// Takes the making of a file of an upload whose bytes are all there, until `until`; tells whether nobody else has
    /// it. Both times are the database's.
    pub async fn lease_upload(
        &mut self,
        id: Uuid,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, DbError> {
        let (session, tenant) = self.parts();
        Ok(changed!(session, LEASE_UPLOAD, tenant, id, micros(now), micros(until))? == 1)
    }

    /// Keeps it for longer, or gives it back where `until` is past.
    pub async fn keep_upload_lease(&mut self, id: Uuid, until: Timestamp) -> Result<(), DbError> {
        let (session, tenant) = self.parts();
        changed!(session, KEEP_LEASE, tenant, id, micros(until)).map(drop)
    }

    /// Says which file an upload is; tells whether it was still waiting for that.
    pub async fn store_upload(
        &mut self,
        id: Uuid,
        file: Uuid,
        sha256: Sha256Digest,
    ) -> Result<bool, DbError> {
        let (session, tenant) = self.parts();
        let sha256 = sha256.as_bytes().as_slice();
        Ok(changed!(session, STORE_UPLOAD, tenant, id, file, sha256)? == 1)
    }

    /// Says that nothing comes of an upload any more; tells whether anybody thought so before.
    pub async fn end_upload(&mut self, id: Uuid) -> Result<bool, DbError> {
        let (session, tenant) = self.parts();
        Ok(changed!(session, END_UPLOAD, tenant, id)? == 1)
    }

    /// The same of every upload to a package that is not finished.
    pub async fn end_unfinished_uploads(&mut self, package: Uuid) -> Result<(), DbError> {
        let (session, tenant) = self.parts();
        changed!(session, END_UNFINISHED_UPLOADS, tenant, package).map(drop)
    }

    /// Forgets the uploads to a package that ended and have no part any more.
    pub async fn forget_ended_uploads(&mut self, package: Uuid) -> Result<(), DbError> {
        let (session, tenant) = self.parts();
        changed!(session, FORGET_ENDED_UPLOADS, tenant, package).map(drop)
    }
}

impl Session {
    /// Uploads that nobody is expected to go on with, or to ask about, since a moment.
    pub async fn expired_uploads_of_any_tenant(
        &mut self,
        by: Timestamp,
        limit: u32,
    ) -> Result<Vec<FoundUpload>, DbError> {
        rows!(self, FoundUpload, EXPIRED_UPLOADS, micros(by), i64::from(limit))
    }
}
