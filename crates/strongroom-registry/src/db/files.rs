//! Files of packages: a row before the first byte, stored once the bytes are durable.

use jiff::Timestamp;
use strongroom_core::Sha256Digest;
use strongroom_core::package::FileStatus;
use strongroom_core::package::manifest::PackagePath;
use uuid::Uuid;

use super::TenantId;
use super::columns::{counted, maybe_count, maybe_micros, maybe_text, micros, text};
use super::error::DbError;
use super::scope::{TenantRead, TenantTx};
use super::session::Session;

/// A file of a package.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct FileRow {
    /// Its id.
    pub id: Uuid,
    /// Its package.
    pub package_id: Uuid,
    /// Its path, as its producer spells it.
    pub relative_path: String,
    /// Its path in Unicode's composed form.
    pub path_nfc: String,
    /// The media type that its producer declared: part of the manifest.
    pub media_type: Option<String>,
    /// The Content-Type of its upload: no declaration.
    pub content_type: Option<String>,
    /// Its bytes, counted while they were received.
    #[sqlx(try_from = "super::columns::MaybeCount")]
    pub size_bytes: Option<u64>,
    /// Their digest.
    #[sqlx(try_from = "super::columns::MaybeDigest")]
    pub sha256: Option<Sha256Digest>,
    /// Where it is in its life.
    #[sqlx(try_from = "super::columns::Name")]
    pub status: FileStatus,
    /// Where its bytes are, or would be.
    pub object_key: String,
    /// Who uploaded it.
    pub created_by: Uuid,
    /// When its upload began.
    #[sqlx(try_from = "super::columns::Micros")]
    pub created_at: Timestamp,
    /// When it was stored.
    #[sqlx(try_from = "super::columns::MaybeMicros")]
    pub stored_at: Option<Timestamp>,
}

/// What a package's files come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct FileTotals {
    /// Files that are stored, also those found missing or corrupt since.
    #[sqlx(try_from = "i64")]
    pub files: u64,
    /// Their bytes.
    #[sqlx(try_from = "i64")]
    pub size_bytes: u64,
}

/// A file that a worker found, of whichever tenant.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct FoundFile {
    /// Whose it is.
    #[sqlx(try_from = "String")]
    pub tenant_id: TenantId,
    /// The file.
    #[sqlx(flatten)]
    pub file: FileRow,
}

/// Folders of a path that one statement asks for.
const FOLDERS_IN_STATEMENT: usize = 4;

/// What a statement asks for to find what is in the way of a path.
struct Around<'a> {
    /// What lies between these two is below the path.
    below_from: String,
    below_before: String,
    folders: [Option<&'a str>; FOLDERS_IN_STATEMENT],
}

impl<'a> Around<'a> {
    fn of(path: &'a PackagePath) -> Self {
        let mut folders = path.folders();
        Self {
            below_from: format!("{}/", path.nfc()),
            below_before: format!("{}0", path.nfc()),
            folders: std::array::from_fn(|_| folders.next()),
        }
    }
}

/// Runs a statement by what may be in the way of a path: the first nine binds of `LIVE_FILE_IN_THE_WAY` and `STORE_FILE`.
macro_rules! around {
    ($run:ident($($head:tt)+), $tenant:expr, $package:expr, $path:expr $(, $bind:expr)* $(,)?) => {{
        let around = Around::of($path);
        let [one, two, three, four] = around.folders;
        let (from, before) = (&around.below_from, &around.below_before);
        $run!($($head)+, $tenant, $package, $path.nfc(), from, before, one, two, three, four $(, $bind)*)
    }};
}

macro_rules! file_columns {
    () => {
        "f.id, f.package_id, f.relative_path, f.path_nfc, f.media_type, f.content_type, f.size_bytes, f.sha256, \
         f.status, f.object_key, f.created_by, f.created_at, f.stored_at"
    };
}

statements! {
    FILE = {(
        "SELECT ", file_columns!(), " FROM artifact_files f WHERE f.tenant_id = $1 AND f.id = $2"
    )}
    LIVE_FILE_AT = {(
        "SELECT ", file_columns!(), " FROM artifact_files f WHERE f.tenant_id = $1 AND f.package_id = $2 \
         AND f.path_nfc = $3 AND f.status IN ('stored', 'missing', 'corrupt')"
    )}
    // `$4` is the path and a slash, `$5` the path and what comes after a slash: what lies between is below it. `$6` to
    // `$9` are folders that it lies in, as many as there are. An OR would read every file of the package.
    LIVE_FILE_IN_THE_WAY = {(
        "SELECT ", file_columns!(), " FROM artifact_files f WHERE f.tenant_id = $1 AND f.package_id = $2 \
         AND f.path_nfc IN ($3, $6, $7, $8, $9) AND f.status IN ('stored', 'missing', 'corrupt') UNION ALL \
         SELECT ", file_columns!(), " FROM artifact_files f WHERE f.tenant_id = $1 AND f.package_id = $2 \
         AND f.path_nfc >= $4 AND f.path_nfc < $5 AND f.status IN ('stored', 'missing', 'corrupt') LIMIT 1"
    )}
    // As an update, if the package takes files and nothing is in the way, by the same binds. Whoever asks has the
    // package to itself, so that two whose paths clash do not both find room.
    STORE_FILE = {(
        "UPDATE artifact_files SET status = $11, size_bytes = $12, sha256 = $13, stored_at = $14 \
         WHERE tenant_id = $1 AND id = $10 AND status = 'receiving' \
         AND EXISTS (SELECT 1 FROM artifact_packages p WHERE p.tenant_id = $1 AND p.id = $2 AND p.status = 'open') \
         AND NOT EXISTS (SELECT 1 FROM artifact_files f WHERE f.tenant_id = $1 AND f.package_id = $2 \
         AND f.path_nfc IN ($3, $6, $7, $8, $9) AND f.status IN ('stored', 'missing', 'corrupt')) \
         AND NOT EXISTS (SELECT 1 FROM artifact_files f WHERE f.tenant_id = $1 AND f.package_id = $2 \
         AND f.path_nfc >= $4 AND f.path_nfc < $5 AND f.status IN ('stored', 'missing', 'corrupt'))"
    )}
    GIVEN_UP_FILES = {(
        "SELECT ", file_columns!(), " FROM artifact_files f WHERE f.tenant_id = $1 AND f.package_id = $2 \
         AND f.status = 'deleting' AND f.stored_at IS NULL AND f.id > $3 ORDER BY f.id LIMIT $4"
    )}
    COUNT_GIVEN_UP_FILES = {(
        "SELECT count(*) FROM artifact_files f WHERE f.tenant_id = $1 AND f.package_id = $2 \
         AND f.status = 'deleting' AND f.stored_at IS NULL"
    )}
    FILES_OF_PACKAGE = {(
        "SELECT ", file_columns!(), " FROM artifact_files f WHERE f.tenant_id = $1 AND f.package_id = $2 \
         AND (f.relative_path, f.id) > ($3, $4) ORDER BY f.relative_path, f.id LIMIT $5"
    )}
    LIVE_FILES_OF_PACKAGE = {(
        "SELECT ", file_columns!(), " FROM artifact_files f WHERE f.tenant_id = $1 AND f.package_id = $2 \
         AND (f.relative_path, f.id) > ($3, $4) AND f.status IN ('stored', 'missing', 'corrupt') \
         ORDER BY f.relative_path, f.id LIMIT $5"
    )}
    FILE_TOTALS = {(
        "SELECT count(*) AS files, CAST(coalesce(sum(f.size_bytes), 0) AS BIGINT) AS size_bytes \
         FROM artifact_files f WHERE f.tenant_id = $1 AND f.package_id = $2 \
         AND f.status IN ('stored', 'missing', 'corrupt')"
    )}
    INSERT_FILE = {(
        "INSERT INTO artifact_files (tenant_id, id, package_id, relative_path, path_nfc, media_type, \
         content_type, size_bytes, sha256, status, object_key, created_by, created_at, stored_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
    )}
    UPDATE_FILE = {(
        "UPDATE artifact_files SET status = $4, media_type = $5, content_type = $6, size_bytes = $7, \
         sha256 = $8, stored_at = $9 WHERE tenant_id = $1 AND id = $2 AND status = $3"
    )}
    RECEIVING_FILES = {(
        "SELECT f.tenant_id, ", file_columns!(), " FROM artifact_files f WHERE f.status = 'receiving' \
         AND f.created_at < $1 ORDER BY f.created_at, f.id LIMIT $2"
    )}
}

impl TenantRead<'_> {
    /// A file.
    pub async fn file(&mut self, id: Uuid) -> Result<Option<FileRow>, DbError> {
        let (session, tenant) = self.parts();
        row!(session, FileRow, FILE, tenant, id)
    }

    /// The stored file at a path of a package, whatever a verification found of it since.
    async fn live_file_at(
        &mut self,
        package: Uuid,
        path_nfc: &str,
    ) -> Result<Option<FileRow>, DbError> {
        let (session, tenant) = self.parts();
        row!(session, FileRow, LIVE_FILE_AT, tenant, package, path_nfc)
    }

    /// The stored file that leaves no room for another one at this path: at it, below it, or where one of its folders
    /// would be.
    pub async fn live_file_in_the_way(
        &mut self,
        package: Uuid,
        path: &PackagePath,
    ) -> Result<Option<FileRow>, DbError> {
        let (session, tenant) = self.parts();
        let there = around!(row(session, FileRow, LIVE_FILE_IN_THE_WAY), tenant, package, path)?;
        if there.is_some() {
            return Ok(there);
        }
        self.live_file_far_above(package, path).await
    }

    /// The stored file where one of the outer folders of this path would be, of which a statement has no room.
    async fn live_file_far_above(
        &mut self,
        package: Uuid,
        path: &PackagePath,
    ) -> Result<Option<FileRow>, DbError> {
        for folder in path.folders().skip(FOLDERS_IN_STATEMENT) {
            let there = self.live_file_at(package, folder).await?;
            if there.is_some() {
                return Ok(there);
            }
        }
        Ok(None)
    }

    /// Uploads of a package that were given up and whose objects may be there still, in the order of their ids.
    pub async fn given_up_files(
        &mut self,
        package: Uuid,
        after: Uuid,
        limit: u32,
    ) -> Result<Vec<FileRow>, DbError> {
        let (session, tenant) = self.parts();
        rows!(session, FileRow, GIVEN_UP_FILES, tenant, package, after, i64::from(limit))
    }

    /// How many there are.
    pub async fn count_given_up_files(&mut self, package: Uuid) -> Result<u64, DbError> {
        let (session, tenant) = self.parts();
        Ok(counted(row!(session, (i64,), COUNT_GIVEN_UP_FILES, tenant, package)?))
    }

    /// Files of a package in the order of their paths' bytes, in whatever state, from after `after` on.
    pub async fn files_of_package(
        &mut self,
        package: Uuid,
        after: Option<(&str, Uuid)>,
        limit: u32,
    ) -> Result<Vec<FileRow>, DbError> {
        let (path, id) = after.unwrap_or(("", Uuid::nil()));
        let (session, tenant) = self.parts();
        rows!(session, FileRow, FILES_OF_PACKAGE, tenant, package, path, id, i64::from(limit))
    }

    /// The same of those that are stored, missing or corrupt: what a manifest names.
    pub async fn live_files_of_package(
        &mut self,
        package: Uuid,
        after: Option<(&str, Uuid)>,
        limit: u32,
    ) -> Result<Vec<FileRow>, DbError> {
        let (path, id) = after.unwrap_or(("", Uuid::nil()));
        let (session, tenant) = self.parts();
        rows!(session, FileRow, LIVE_FILES_OF_PACKAGE, tenant, package, path, id, i64::from(limit))
    }

    /// How many files of a package are stored, and their bytes.
    pub async fn file_totals(&mut self, package: Uuid) -> Result<FileTotals, DbError> {
        let (session, tenant) = self.parts();
        let totals = row!(session, FileTotals, FILE_TOTALS, tenant, package)?;
        Ok(totals.unwrap_or(FileTotals { files: 0, size_bytes: 0 }))
    }
}

impl TenantTx<'_> {
    /// Adds a file. A second stored one at the same path is a conflict.
    pub async fn insert_file(&mut self, file: &FileRow) -> Result<(), DbError> {
        let (session, tenant) = self.parts();
        changed!(
            session,
            INSERT_FILE,
            tenant,
            file.id,
            file.package_id,
            text(&file.relative_path)?,
            text(&file.path_nfc)?,
            maybe_text(file.media_type.as_deref())?,
            maybe_text(file.content_type.as_deref())?,
            maybe_count(file.size_bytes)?,
            file.sha256.as_ref().map(|digest| digest.as_bytes().as_slice()),
            file.status.as_str(),
            text(&file.object_key)?,
            file.created_by,
            micros(file.created_at),
            maybe_micros(file.stored_at),
        )
        .map(drop)
    }

    /// Says that a file is stored, if it is `receiving`, its package takes files and nothing stored leaves no room for
    /// it; tells whether all that was so. To be asked when no other write stores files of the package until this
    /// transaction ends: see [`have_package`](TenantTx::have_package).
    pub async fn store_file(
        &mut self,
        file: &FileRow,
        path: &PackagePath,
    ) -> Result<bool, DbError> {
        if self.live_file_far_above(file.package_id, path).await?.is_some() {
            return Ok(false);
        }
        let (session, tenant) = self.parts();
        let updated = around!(
            changed(session, STORE_FILE),
            tenant,
            file.package_id,
            path,
            file.id,
            file.status.as_str(),
            maybe_count(file.size_bytes)?,
            file.sha256.as_ref().map(|digest| digest.as_bytes().as_slice()),
            maybe_micros(file.stored_at),
        )?;
        Ok(updated == 1)
    }

    /// Writes what can change of a file, if it is still in the state `from`; tells whether it was. A second
    /// stored one at the same path is a conflict: look by [`TenantRead::live_file_in_the_way`] first.
    pub async fn update_file(&mut self, file: &FileRow, from: FileStatus) -> Result<bool, DbError> {
        let (session, tenant) = self.parts();
        let updated = changed!(
            session,
            UPDATE_FILE,
            tenant,
            file.id,
            from.as_str(),
            file.status.as_str(),
            maybe_text(file.media_type.as_deref())?,
            maybe_text(file.content_type.as_deref())?,
            maybe_count(file.size_bytes)?,
            file.sha256.as_ref().map(|digest| digest.as_bytes().as_slice()),
            maybe_micros(file.stored_at),
        )?;
        Ok(updated == 1)
    }
}

impl Session {
    /// Uploads that began before a moment and have not ended, the oldest first.
    pub async fn receiving_files_of_any_tenant(
        &mut self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<FoundFile>, DbError> {
        rows!(self, FoundFile, RECEIVING_FILES, micros(before), i64::from(limit))
    }
}
