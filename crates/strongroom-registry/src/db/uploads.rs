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
    /// In how many parts. Of one that is stored or ended: none once all of them were given up.
    #[sqlx(try_from = "i64")]
    pub parts_count: u64,
    /// Until when somebody is making a file of them, by the database's time.
    #[sqlx(try_from = "super::columns::MaybeMicros")]
    pub storing_until: Option<Timestamp>,
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

impl UploadRow {
    /// Whether somebody is making a file of it. `database_now` is the database's time.
    pub fn is_being_stored(&self, database_now: Timestamp) -> bool {
        self.status == UploadState::Receiving
            && self.storing_until.is_some_and(|until| until > database_now)
    }
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

/// For how long somebody makes a file of an upload.
#[derive(Debug, Clone, Copy)]
pub struct UploadLease {
    /// Now, by the database's time.
    pub now: Timestamp,
    /// Until when, by the database's time.
    pub until: Timestamp,
    /// Until when the upload is waited for.
    pub expires_at: Timestamp,
}

macro_rules! upload_columns {
    () => {
        "u.id, u.package_id, u.relative_path, u.path_nfc, u.media_type, u.size_bytes, u.sha256, u.metadata, u.status, \
         u.offset_bytes, u.parts_count, u.storing_until, u.file_id, u.created_by, u.created_at, u.expires_at"
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
         AND u.status = 'receiving' AND (u.expires_at > $3 OR u.storing_until > $4) \
         AND NOT EXISTS (SELECT 1 FROM artifact_files f WHERE f.tenant_id = $1 AND f.package_id = $2 \
         AND f.path_nfc = u.path_nfc AND f.status IN ('stored', 'missing', 'corrupt')) ORDER BY u.id LIMIT 1"
    )}
    // Any id is later than the one that it is asked with: so SQLite takes the index of these alone.
    LEAVING_UPLOAD = {(
        "SELECT ", upload_columns!(), " FROM resumable_uploads u WHERE u.tenant_id = $1 AND u.package_id = $2 \
         AND u.status <> 'receiving' AND u.parts_count > 0 AND u.id > $3 ORDER BY u.id LIMIT 1"
    )}
    INSERT_UPLOAD = {(
        "INSERT INTO resumable_uploads (tenant_id, id, package_id, relative_path, path_nfc, media_type, size_bytes, \
         sha256, metadata, status, offset_bytes, parts_count, storing_epoch, file_id, created_by, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, $13, $14, $15, $16)"
    )}
    ADVANCE_UPLOAD = {(
        "UPDATE resumable_uploads SET offset_bytes = $4, parts_count = parts_count + 1, expires_at = $5 \
         WHERE tenant_id = $1 AND id = $2 AND status = 'receiving' AND offset_bytes = $3"
    )}
    LEASE_UPLOAD = {(
        "UPDATE resumable_uploads SET storing_until = $4, storing_epoch = storing_epoch + 1, expires_at = $5 \
         WHERE tenant_id = $1 AND id = $2 AND status = 'receiving' AND offset_bytes = size_bytes \
         AND (storing_until IS NULL OR storing_until <= $3) RETURNING storing_epoch"
    )}
    KEEP_LEASE = {(
        "UPDATE resumable_uploads SET storing_until = $4, expires_at = $5 \
         WHERE tenant_id = $1 AND id = $2 AND status = 'receiving' AND storing_epoch = $3"
    )}
    STORE_UPLOAD = {(
        "UPDATE resumable_uploads SET status = 'stored', file_id = $3, sha256 = $4, storing_until = NULL \
         WHERE tenant_id = $1 AND id = $2 AND status = 'receiving'"
    )}
    END_UPLOAD = {(
        "UPDATE resumable_uploads SET status = 'ended' WHERE tenant_id = $1 AND id = $2 AND status = 'receiving' \
         AND (storing_until IS NULL OR storing_until <= $3)"
    )}
    END_LEASED_UPLOAD = {(
        "UPDATE resumable_uploads SET status = 'ended' WHERE tenant_id = $1 AND id = $2 AND status = 'receiving' \
         AND storing_epoch = $3"
    )}
    END_EXPIRED_UPLOAD = {(
        "UPDATE resumable_uploads SET status = 'ended' WHERE tenant_id = $1 AND id = $2 \
         AND status IN ('receiving', 'stored') AND expires_at <= $3 \
         AND (storing_until IS NULL OR storing_until <= $4)"
    )}
    END_UNFINISHED_UPLOADS = {(
        "UPDATE resumable_uploads SET status = 'ended' WHERE tenant_id = $1 AND package_id = $2 \
         AND status = 'receiving'"
    )}
    FORGET_PARTS_COUNT = {(
        "UPDATE resumable_uploads SET parts_count = 0 WHERE tenant_id = $1 AND id = $2 AND status <> 'receiving'"
    )}
    FORGET_ENDED_UPLOADS = {(
        "DELETE FROM resumable_uploads WHERE tenant_id = $1 AND package_id = $2 AND status = 'ended' \
         AND NOT EXISTS (SELECT 1 FROM upload_parts p WHERE p.tenant_id = resumable_uploads.tenant_id \
         AND p.upload_id = resumable_uploads.id)"
    )}
    EXPIRED_UPLOADS = {(
        "SELECT u.tenant_id, ", upload_columns!(), " FROM resumable_uploads u \
         WHERE u.status IN ('receiving', 'stored') AND u.expires_at <= $1 AND (u.expires_at, u.id) > ($2, $3) \
         ORDER BY u.expires_at, u.id LIMIT $4"
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

    /// An upload to a package that is not finished, may go on or is being made a file, and of whose path no file is
    /// stored. `database_now` is the database's time.
    pub async fn missed_upload(
        &mut self,
        package: Uuid,
        now: Timestamp,
        database_now: Timestamp,
    ) -> Result<Option<UploadRow>, DbError> {
        let (session, tenant) = self.parts();
        let (now, database_now) = (micros(now), micros(database_now));
        row!(session, UploadRow, MISSED_UPLOAD, tenant, package, now, database_now)
    }

    /// An upload to a package that is a file or ended, and whose parts were not all given up yet.
    pub async fn leaving_upload(&mut self, package: Uuid) -> Result<Option<UploadRow>, DbError> {
        let (session, tenant) = self.parts();
        row!(session, UploadRow, LEAVING_UPLOAD, tenant, package, Uuid::nil())
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

    /// Takes the making of a file of an upload whose bytes are all there. Answers the epoch that it is ours in, or
    /// nothing where somebody else has it.
    pub async fn lease_upload(
        &mut self,
        id: Uuid,
        lease: UploadLease,
    ) -> Result<Option<i64>, DbError> {
        let (session, tenant) = self.parts();
        let UploadLease { now, until, expires_at } = lease;
        let (now, until, expires_at) = (micros(now), micros(until), micros(expires_at));
        let leased = row!(session, (i64,), LEASE_UPLOAD, tenant, id, now, until, expires_at)?;
        Ok(leased.map(|(epoch,)| epoch))
    }

    /// Keeps it for longer, or gives it back where its end is not later than now; nothing where it is somebody else's.
    pub async fn keep_upload_lease(
        &mut self,
        id: Uuid,
        epoch: i64,
        lease: UploadLease,
    ) -> Result<(), DbError> {
        let (session, tenant) = self.parts();
        let (until, expires_at) = (micros(lease.until), micros(lease.expires_at));
        changed!(session, KEEP_LEASE, tenant, id, epoch, until, expires_at).map(drop)
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

    /// Says that nothing comes of an upload any more of which nobody makes a file; tells whether it was so. The time is
    /// the database's.
    pub async fn end_upload(&mut self, id: Uuid, now: Timestamp) -> Result<bool, DbError> {
        let (session, tenant) = self.parts();
        Ok(changed!(session, END_UPLOAD, tenant, id, micros(now))? == 1)
    }

    /// The same, by whoever makes a file of it.
    pub async fn end_leased_upload(&mut self, id: Uuid, epoch: i64) -> Result<bool, DbError> {
        let (session, tenant) = self.parts();
        Ok(changed!(session, END_LEASED_UPLOAD, tenant, id, epoch)? == 1)
    }

    /// The same, where its time is over and nobody makes a file of it; of one that is a file, that it is not told any
    /// more. `database_now` is the database's time.
    pub async fn end_expired_upload(
        &mut self,
        id: Uuid,
        now: Timestamp,
        database_now: Timestamp,
    ) -> Result<bool, DbError> {
        let (session, tenant) = self.parts();
        let (now, database_now) = (micros(now), micros(database_now));
        Ok(changed!(session, END_EXPIRED_UPLOAD, tenant, id, now, database_now)? == 1)
    }

    /// The same of every upload to a package that is not finished.
    pub async fn end_unfinished_uploads(&mut self, package: Uuid) -> Result<(), DbError> {
        let (session, tenant) = self.parts();
        changed!(session, END_UNFINISHED_UPLOADS, tenant, package).map(drop)
    }

    /// Says that all parts of an upload were given up.
    pub async fn forget_parts_count(&mut self, id: Uuid) -> Result<(), DbError> {
        let (session, tenant) = self.parts();
        changed!(session, FORGET_PARTS_COUNT, tenant, id).map(drop)
    }

    /// Forgets the uploads to a package that ended and have no part any more.
    pub async fn forget_ended_uploads(&mut self, package: Uuid) -> Result<(), DbError> {
        let (session, tenant) = self.parts();
        changed!(session, FORGET_ENDED_UPLOADS, tenant, package).map(drop)
    }
}

impl Session {
    /// Uploads that nobody is expected to go on with, or to ask about, since a moment: those after `after`, in the
    /// order of when they were over.
    pub async fn expired_uploads_of_any_tenant(
        &mut self,
        after: Option<(Timestamp, Uuid)>,
        by: Timestamp,
        limit: u32,
    ) -> Result<Vec<FoundUpload>, DbError> {
        let (at, id) = after.map_or((i64::MIN, Uuid::nil()), |(at, id)| (micros(at), id));
        rows!(self, FoundUpload, EXPIRED_UPLOADS, micros(by), at, id, i64::from(limit))
    }
}
