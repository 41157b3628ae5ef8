//! Stored files with the place of their bytes, in the order of a manifest.

use jiff::Timestamp;
use strongroom_core::Sha256Digest;
use strongroom_core::package::FileStatus;
use uuid::Uuid;

use super::error::DbError;
use super::files::FileRow;
use super::locations::{LocationRow, location_columns};
use super::scope::TenantRead;

/// A stored file, and where its bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedFile {
    /// The file.
    pub file: FileRow,
    /// Its one place.
    pub location: LocationRow,
}

/// Both rows, where columns of one name are told apart.
#[derive(sqlx::FromRow)]
struct Joined {
    #[sqlx(flatten)]
    location: LocationRow,
    file_id: Uuid,
    relative_path: String,
    path_nfc: String,
    media_type: Option<String>,
    content_type: Option<String>,
    #[sqlx(try_from = "super::columns::MaybeCount")]
    size_bytes: Option<u64>,
    #[sqlx(try_from = "super::columns::MaybeDigest")]
    sha256: Option<Sha256Digest>,
    #[sqlx(try_from = "super::columns::Name")]
    file_status: FileStatus,
    file_object_key: String,
    created_by: Uuid,
    #[sqlx(try_from = "super::columns::Micros")]
    file_created_at: Timestamp,
    #[sqlx(try_from = "super::columns::MaybeMicros")]
    stored_at: Option<Timestamp>,
}

impl From<Joined> for PlacedFile {
    fn from(row: Joined) -> Self {
        let file = FileRow {
            id: row.file_id,
            package_id: row.location.package_id,
            relative_path: row.relative_path,
            path_nfc: row.path_nfc,
            media_type: row.media_type,
            content_type: row.content_type,
            size_bytes: row.size_bytes,
            sha256: row.sha256,
            status: row.file_status,
            object_key: row.file_object_key,
            created_by: row.created_by,
            created_at: row.file_created_at,
            stored_at: row.stored_at,
        };
        Self { file, location: row.location }
    }
}

statements! {
    // A stored file without a place is an error of its decoding, never left out.
    PLACED_FILES_OF_PACKAGE = {(
        "SELECT ", location_columns!(), ", f.id AS file_id, f.relative_path, f.path_nfc, f.media_type, \
         f.content_type, f.size_bytes, f.sha256, f.status AS file_status, f.object_key AS file_object_key, \
         f.created_by, f.created_at AS file_created_at, f.stored_at \
         FROM artifact_files f LEFT JOIN storage_locations l \
         ON l.tenant_id = f.tenant_id AND l.artifact_file_id = f.id \
         WHERE f.tenant_id = $1 AND f.package_id = $2 AND (f.relative_path, f.id) > ($3, $4) \
         AND f.status IN ('stored', 'missing', 'corrupt') ORDER BY f.relative_path, f.id LIMIT $5"
    )}
}

impl TenantRead<'_> {
    /// Files of a package that are stored, missing or corrupt, which a manifest names, in the order of their paths'
    /// bytes, from after `after` on.
    pub async fn placed_files(
        &mut self,
        package: Uuid,
        after: Option<(&str, Uuid)>,
        limit: u32,
    ) -> Result<Vec<PlacedFile>, DbError> {
        let (path, id) = after.unwrap_or(("", Uuid::nil()));
        let (session, tenant) = self.parts();
        let page = rows!(
            session,
            Joined,
            PLACED_FILES_OF_PACKAGE,
            tenant,
            package,
            path,
            id,
            i64::from(limit),
        )?;
        Ok(page.into_iter().map(PlacedFile::from).collect())
    }
}
