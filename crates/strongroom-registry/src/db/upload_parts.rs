//! The parts of uploads that come in several requests: objects of their own until the file is stored.

use jiff::Timestamp;
use strongroom_core::Sha256Digest;
use uuid::Uuid;

use super::TenantId;
use super::columns::{count, counted, maybe_text, micros, named_state, text};
use super::error::DbError;
use super::scope::{TenantRead, TenantTx};
use super::session::Session;

named_state! {
    /// Where a part of an upload is in its life.
    pub enum PartState: "the state of a part" {
        /// Its row is there, and its bytes may come to be.
        Receiving = "receiving",
        /// Its bytes are durable, and counted.
        Stored = "stored",
        /// They are to go.
        Deleting = "deleting",
    }
}

/// A part of an upload.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct PartRow {
    /// Its id.
    pub id: Uuid,
    /// The package of its upload.
    pub package_id: Uuid,
    /// Its upload.
    pub upload_id: Uuid,
    /// Where in the file it begins.
    #[sqlx(try_from = "i64")]
    pub offset_bytes: u64,
    /// How many bytes it has, once they were counted.
    #[sqlx(try_from = "super::columns::MaybeCount")]
    pub size_bytes: Option<u64>,
    /// Their digest.
    #[sqlx(try_from = "super::columns::MaybeDigest")]
    pub sha256: Option<Sha256Digest>,
    /// Where it is in its life.
    #[sqlx(try_from = "super::columns::Name")]
    pub status: PartState,
    /// Where its bytes are, or would be.
    pub object_key: String,
    /// The version that was written, where the store has versions.
    pub version_id: Option<String>,
    /// When it was begun.
    #[sqlx(try_from = "super::columns::Micros")]
    pub created_at: Timestamp,
}

/// A part that a worker found, of whichever tenant.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct FoundPart {
    /// Whose it is.
    #[sqlx(try_from = "String")]
    pub tenant_id: TenantId,
    /// The part.
    #[sqlx(flatten)]
    pub part: PartRow,
}

macro_rules! part_columns {
    () => {
        "p.id, p.package_id, p.upload_id, p.offset_bytes, p.size_bytes, p.sha256, p.status, p.object_key, p.version_id, \
         p.created_at"
    };
}

statements! {
    STORED_PARTS = {(
        "SELECT ", part_columns!(), " FROM upload_parts p WHERE p.tenant_id = $1 AND p.upload_id = $2 \
         AND p.status = 'stored' AND p.offset_bytes >= $3 ORDER BY p.offset_bytes LIMIT $4"
    )}
    COMING_PART = {(
        "SELECT p.id FROM upload_parts p WHERE p.tenant_id = $1 AND p.upload_id = $2 AND p.status = 'receiving' \
         AND p.created_at > $3 LIMIT 1"
    )}
    GOING_PARTS = {(
        "SELECT ", part_columns!(), " FROM upload_parts p WHERE p.tenant_id = $1 AND p.package_id = $2 \
         AND p.status = 'deleting' AND p.id > $3 ORDER BY p.id LIMIT $4"
    )}
    COUNT_GOING_PARTS = {(
        "SELECT count(*) FROM upload_parts p WHERE p.tenant_id = $1 AND p.package_id = $2 AND p.status = 'deleting'"
    )}
    INSERT_PART = {(
        "INSERT INTO upload_parts (tenant_id, id, package_id, upload_id, offset_bytes, size_bytes, sha256, status, \
         object_key, version_id, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
    )}
    KEEP_PART = {(
        "UPDATE upload_parts SET status = 'stored', size_bytes = $3, sha256 = $4, version_id = $5 \
         WHERE tenant_id = $1 AND id = $2 AND status = 'receiving'"
    )}
    GIVE_UP_PART = {(
        "UPDATE upload_parts SET status = 'deleting', version_id = $3 WHERE tenant_id = $1 AND id = $2 \
         AND status = 'receiving'"
    )}
    GIVE_UP_PARTS = {(
        "UPDATE upload_parts SET status = 'deleting' WHERE tenant_id = $1 AND id IN (SELECT p.id FROM upload_parts p \
         WHERE p.tenant_id = $1 AND p.upload_id = $2 AND p.status = 'stored' ORDER BY p.offset_bytes LIMIT $3)"
    )}
    FORGET_PART = {("DELETE FROM upload_parts WHERE tenant_id = $1 AND id = $2")}
    RECEIVING_PARTS = {(
        "SELECT p.tenant_id, ", part_columns!(), " FROM upload_parts p WHERE p.status = 'receiving' \
         AND p.created_at < $1 AND (p.created_at, p.id) > ($2, $3) ORDER BY p.created_at, p.id LIMIT $4"
    )}
}

impl TenantRead<'_> {
    /// The parts of an upload that count, in the file's order, from the offset `from` on.
    pub async fn stored_parts(
        &mut self,
        upload: Uuid,
        from: u64,
        limit: u32,
    ) -> Result<Vec<PartRow>, DbError> {
        let (session, tenant) = self.parts();
        rows!(session, PartRow, STORED_PARTS, tenant, upload, count(from)?, i64::from(limit))
    }

    /// Whether a part of an upload that was begun after a moment may come to count.
    pub async fn has_coming_part(
        &mut self,
        upload: Uuid,
        after: Timestamp,
    ) -> Result<bool, DbError> {
        let (session, tenant) = self.parts();
        Ok(row!(session, (Uuid,), COMING_PART, tenant, upload, micros(after))?.is_some())
    }

    /// Parts of a package's uploads whose bytes are to go, in the order of their ids.
    pub async fn going_parts(
        &mut self,
        package: Uuid,
        after: Uuid,
        limit: u32,
    ) -> Result<Vec<PartRow>, DbError> {
        let (session, tenant) = self.parts();
        rows!(session, PartRow, GOING_PARTS, tenant, package, after, i64::from(limit))
    }

    /// How many there are.
    pub async fn count_going_parts(&mut self, package: Uuid) -> Result<u64, DbError> {
        let (session, tenant) = self.parts();
        Ok(counted(row!(session, (i64,), COUNT_GOING_PARTS, tenant, package)?))
    }
}

impl TenantTx<'_> {
    /// Adds a part, before its first byte.
    pub async fn insert_part(&mut self, part: &PartRow) -> Result<(), DbError> {
        let (session, tenant) = self.parts();
        changed!(
            session,
            INSERT_PART,
            tenant,
            part.id,
            part.package_id,
            part.upload_id,
            count(part.offset_bytes)?,
            part.size_bytes.map(count).transpose()?,
            part.sha256.as_ref().map(|digest| digest.as_bytes().as_slice()),
            part.status.as_str(),
            text(&part.object_key)?,
            maybe_text(part.version_id.as_deref())?,
            micros(part.created_at),
        )
        .map(drop)
    }

    /// Says that a part's bytes are durable; tells whether nobody gave it up meanwhile.
    pub async fn keep_part(&mut self, part: &PartRow) -> Result<bool, DbError> {
        let (session, tenant) = self.parts();
        let size_bytes = part.size_bytes.map(count).transpose()?;
        let sha256 = part.sha256.as_ref().map(|digest| digest.as_bytes().as_slice());
        let version = maybe_text(part.version_id.as_deref())?;
        Ok(changed!(session, KEEP_PART, tenant, part.id, size_bytes, sha256, version)? == 1)
    }

    /// Says that what there may be of a part that does not count is to go; tells whether nobody said so before.
    pub async fn give_up_part(&mut self, part: &PartRow) -> Result<bool, DbError> {
        let (session, tenant) = self.parts();
        let version = maybe_text(part.version_id.as_deref())?;
        Ok(changed!(session, GIVE_UP_PART, tenant, part.id, version)? == 1)
    }

    /// Says of so many parts of an upload that they are to go; answers of how many. There may be more.
    pub async fn give_up_parts(&mut self, upload: Uuid, limit: u32) -> Result<u64, DbError> {
        let (session, tenant) = self.parts();
        changed!(session, GIVE_UP_PARTS, tenant, upload, i64::from(limit))
    }

    /// Forgets a part that is gone.
    pub async fn forget_part(&mut self, id: Uuid) -> Result<(), DbError> {
        let (session, tenant) = self.parts();
        changed!(session, FORGET_PART, tenant, id).map(drop)
    }
}

impl Session {
    /// Parts that were begun before a moment and neither count nor were given up: those after `after`, the oldest
    /// first.
    pub async fn receiving_parts_of_any_tenant(
        &mut self,
        after: Option<(Timestamp, Uuid)>,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<FoundPart>, DbError> {
        let (at, id) = after.map_or((i64::MIN, Uuid::nil()), |(at, id)| (micros(at), id));
        rows!(self, FoundPart, RECEIVING_PARTS, micros(before), at, id, i64::from(limit))
    }
}
