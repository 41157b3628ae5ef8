//! Reading a stored bundle, every byte, and saying what is wrong with it.

use strongroom_core::bundle::cavra::CavraFile;
use strongroom_core::{BundleId, Sha256Digest};

use super::finding::Problem;
use crate::evidence::stored::{
    Wanted, leaves_other_versions, says_something_of_content, search_versions, verify_in_place,
};
use crate::evidence::{EvidenceError, EvidenceErrorKind, cavra};
use crate::{ObjectKey, Storage, StorageErrorKind, VersionId};

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
    let Err(error) = verify_in_place(store, key, None, wanted).await else {
        return Ok(ReadData::Intact);
    };
    let intact = async {
        let found = search_versions(store, key, wanted).await?.and_then(|search| search.found);
        Ok(found.and_then(|found| found.info.version))
    };
    told(error, intact).await
}

/// Reads the current version of one file of a directory, and proves that it is what the manifest lists.
pub(super) async fn read_file(
    store: &dyn Storage,
    key: &ObjectKey,
    file: &CavraFile,
) -> Result<ReadData, EvidenceError> {
    match cavra::verify_in_place(store, key, file).await {
        Ok(()) => Ok(ReadData::Intact),
        Err(error) => told(error, cavra::find_version(store, key, file)).await,
    }
}

/// What an error says of bytes. `intact` looks for a version that is right, where one is worth looking for.
pub(super) async fn told(
    error: EvidenceError,
    intact: impl Future<Output = Result<Option<VersionId>, EvidenceError>>,
) -> Result<ReadData, EvidenceError> {
    let reason = error.to_string();
    match error.kind() {
        EvidenceErrorKind::Store(StorageErrorKind::NotFound) => Ok(ReadData::Gone),
        _ if says_something_of_content(&error) || is_about_bytes(&error) => {
            let intact_version = intact.await?.map(|version| version.0);
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
