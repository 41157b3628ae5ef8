//! How an upload ends: in one transaction, under its package's lock.

use strongroom_core::package::manifest::PackagePath;
use strongroom_core::package::{FileStatus, PackageStatus};

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
    let status = rows.lock_package_status(ending.stored.package_id).await?;
    let ended = match status.unwrap_or(PackageStatus::Deleted) {
        PackageStatus::Open => what_is_in_the_way(&mut rows, ending).await?,
        status => Some(Ended::Late(status)),
    };
    if let Some(lost) = ended {
        give_up(&mut rows, &ending.given_up).await?;
        return Ok(lost);
    }
    if !rows.update_file(&ending.stored, FileStatus::Receiving).await? {
        return Ok(Ended::Abandoned);
    }
    rows.insert_location(&ending.location).await?;
    rows.insert_audit_event(&ending.event).await?;
    Ok(Ended::Stored)
}

/// The stored file that leaves no room for this one. Asked under the package's lock, so that two uploads whose paths
/// clash do not both find room.
async fn what_is_in_the_way(
    rows: &mut TenantRead<'_>,
    ending: &Ending,
) -> Result<Option<Ended>, DbError> {
    let there = rows.live_file_in_the_way(ending.stored.package_id, &ending.path).await?;
    Ok(there.map(|there| match there.path_nfc == ending.path.nfc() {
        true => Ended::PathTaken(Box::new(there)),
        false => Ended::Clash,
    }))
}
