//! Reading a stored bundle, every byte, and saying what is wrong with it.

use strongroom_core::{BundleId, Sha256Digest};

use super::finding::Problem;
use crate::evidence::stored::{
    Wanted, leaves_other_versions, says_something_of_content, search_versions, verify_in_place,
};
use crate::evidence::{EvidenceError, EvidenceErrorKind};
use crate::{ObjectKey, Storage, StorageErrorKind};

/// What reading a bundle came to.
pub(super) enum ReadData {
    /// Every byte is as it should be.
    Intact,
    /// It is gone since it was listed.
    Gone,
    /// It is not.
    Wrong(Problem),
}

/// Reads the current version of `key` and proves that it is the bundle. Where it is something else,
/// earlier versions are read in search of one that is.
pub(super) async fn read(
    store: &dyn Storage,
    key: &ObjectKey,
    id: BundleId,
    archive_sha256: Option<Sha256Digest>,
) -> Result<ReadData, EvidenceError> {
    let wanted = Wanted { id, archive_sha256 };
    let error = match verify_in_place(store, key, None, wanted).await {
        Ok(_) => return Ok(ReadData::Intact),
        Err(error) => error,
    };
    let reason = error.to_string();
    match error.kind() {
        EvidenceErrorKind::Store(StorageErrorKind::NotFound) => Ok(ReadData::Gone),
        _ if says_something_of_content(&error) || is_about_bytes(&error) => {
            let search = search_versions(store, key, wanted).await?;
            let intact =
                search.and_then(|search| search.found).and_then(|found| found.info.version);
            let intact_version = intact.map(|version| version.0);
            Ok(ReadData::Wrong(Problem::BytesWrong { reason, intact_version }))
        }
        _ if leaves_other_versions(&error) => Ok(ReadData::Wrong(Problem::BytesUnread { reason })),
        _ => Err(error),
    }
}

/// Whether the store itself, or the client, saw that bytes do not match their digest.
fn is_about_bytes(error: &EvidenceError) -> bool {
    error.kind() == EvidenceErrorKind::Store(StorageErrorKind::Integrity)
}
