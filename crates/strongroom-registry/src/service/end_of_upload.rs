//! How an upload ends: in one transaction, under its package's lock.

use strongroom_core::package::PackageStatus;
use strongroom_core::package::manifest::PackagePath;

use super::given_up::{GivenUp, give_up};
use crate::db::{AuditEventRow, DbError, FileRow, LocationRow, TenantId, TenantRead, Tx};

/// Everything that the end of an upload is decided by, and written.
pub(super) struct Ending {
    pub(super) tenant: TenantId,
    pub(super) path: PackagePath,
    pub(super) stored: FileRow,
    pub(super) location: LocationRow,
    pub(super) event: AuditEventRow,
    pub(super) given_up: GivenUp,
}

/// How an upload ends.
pub(super) enum Ended {
    Stored,
    /// Another file is there under this path.
    PathTaken(Box<FileRow>),
    /// A file would be the folder of another.
    Clash,
    /// The package takes no more files.
    Late(PackageStatus),
    /// Somebody gave this upload up meanwhile.
    Abandoned,
}

/// Acknowledges a file; or says what is in the way, and that the upload came to nothing.
pub(super) async fn end(tx: &mut Tx, ending: &Ending) -> Result<Ended, DbError> {
    let mut rows = tx.of(&ending.tenant);
    rows.have_package(ending.stored.package_id).await?;
    if rows.store_file(&ending.stored, &ending.path).await? {
        rows.insert_location(&ending.location).await?;
        rows.insert_audit_event(&ending.event).await?;
        return Ok(Ended::Stored);
    }
    let why = why_not(&mut rows, ending).await?;
    if !matches!(why, Ended::Abandoned) {
        give_up(&mut rows, &ending.given_up).await?;
    }
    Ok(why)
}

/// What kept a file from being stored.
async fn why_not(rows: &mut TenantRead<'_>, ending: &Ending) -> Result<Ended, DbError> {
    let package = ending.stored.package_id;
    let status = rows.package_status(package).await?.unwrap_or(PackageStatus::Deleted);
    if status != PackageStatus::Open {
        return Ok(Ended::Late(status));
    }
    let there = rows.live_file_in_the_way(package, &ending.path).await?;
    Ok(there.map_or(Ended::Abandoned, |there| match there.path_nfc == ending.path.nfc() {
        true => Ended::PathTaken(Box::new(there)),
        false => Ended::Clash,
    }))
}
