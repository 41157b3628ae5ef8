//! Reading and verifying what a store holds, and finding the version that is right.

use std::io::Read;

use strongroom_core::BundleId;
use strongroom_core::Sha256Digest;
use strongroom_core::bundle::{
    BundleError, NoProgress, Progress, ReadLimits, Refusal, UnverifiedBundle, VerifiedBundle,
};
use strongroom_core::observed::Observed;

use super::{EvidenceError, EvidenceErrorKind};
use crate::blocking::stream_reader;
use crate::versions::leaves_others;
use crate::{ObjectInfo, ObjectKey, Storage, StorageErrorKind, VersionId};

pub(super) use crate::versions::candidates;

/// Which archive is looked for: its identity, and its bytes where the identity does not cover them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The identity that the archive must prove.
    pub id: BundleId,
    /// The archive's own digest, where only these bytes will do.
    pub archive_sha256: Option<Sha256Digest>,
}

/// An archive that was read from a store and verified.
#[derive(Debug)]
pub(super) struct StoredBundle {
    /// What the store says of it.
    pub info: ObjectInfo,
    /// What verifying it showed.
    pub bundle: VerifiedBundle,
}

/// Verifies one version of `key` as it is read, keeping nothing.
pub(super) async fn verify_in_place(
    store: &dyn Storage,
    key: &ObjectKey,
    version: Option<&VersionId>,
    wanted: Wanted,
) -> Result<StoredBundle, EvidenceError> {
    let object = store.read(key, version, None).await?;
    let (mut reader, feed) = stream_reader(object.stream);
    let verifying = tokio::task::spawn_blocking(move || {
        let verified = verify_archive(&mut reader, wanted, &NoProgress);
        // The store's own failure says more than what it made of the archive.
        reader.take_failure().map_or(verified, |failure| Err(failure.into()))
    });
    let (verified, ()) = tokio::join!(verifying, feed);
    Ok(StoredBundle { info: object.info, bundle: verified.map_err(panicked)?? })
}

/// Verifies an archive, which must be the one that is wanted. Blocks. `progress` counts bytes of
/// content.
pub(super) fn verify_archive(
    archive: impl Read + Send,
    wanted: Wanted,
    progress: &dyn Progress,
) -> Result<VerifiedBundle, EvidenceError> {
    let bundle = UnverifiedBundle::open(archive, &ReadLimits::default())?.verify(progress)?;
    check_identity(&bundle, wanted)?;
    Ok(bundle)
}

/// What was asked for and what was found must be the same bundle.
pub(super) fn check_identity(bundle: &VerifiedBundle, wanted: Wanted) -> Result<(), BundleError> {
    let other_bytes = wanted.archive_sha256.is_some_and(|sha256| sha256 != bundle.archive_sha256());
    if bundle.id() != wanted.id || other_bytes {
        return Err(BundleError::new(
            Refusal::Integrity,
            "the archive is a valid bundle, but not the one that was asked for",
        ));
    }
    Ok(())
}

/// What looking for a bundle among the versions of a key came to.
#[derive(Debug)]
pub(super) struct Search {
    /// The newest version that verifies.
    pub found: Option<StoredBundle>,
    /// Whether there are versions that could not be read to their end.
    pub unread: bool,
    /// Whether there are more versions than [`VERSIONS_SEARCHED_MAX`](crate::versions::VERSIONS_SEARCHED_MAX).
    pub cut_short: bool,
}

/// Looks for the newest version of `key` that verifies: garbage put on top by someone with write
/// rights hides nothing. `None` where the store does not list versions.
pub(super) async fn search_versions(
    store: &dyn Storage,
    key: &ObjectKey,
    wanted: Wanted,
) -> Result<Option<Search>, EvidenceError> {
    let Observed::Observed(versions) = store.versions(key).await? else { return Ok(None) };
    let (candidates, cut_short) = candidates(&versions);
    let mut search = Search { found: None, unread: false, cut_short };
    for candidate in candidates {
        match verify_in_place(store, key, Some(&candidate.version), wanted).await {
            Ok(found) => {
                search.found = Some(found);
                return Ok(Some(search));
            }
            // A version that went away between listing and reading is not there.
            Err(error)
                if says_something_of_content(&error)
                    || error.kind() == EvidenceErrorKind::Store(StorageErrorKind::NotFound) => {}
            Err(error) if leaves_other_versions(&error) => search.unread = true,
            Err(error) => return Err(error),
        }
    }
    Ok(Some(search))
}

/// Whether an error is about the bytes that were read: not about reading them, and not about a
/// limit, beyond which nothing was looked at.
pub(super) fn says_something_of_content(error: &EvidenceError) -> bool {
    matches!(
        error.kind(),
        EvidenceErrorKind::Bundle(Refusal::Integrity | Refusal::Format | Refusal::Security)
    )
}

/// Whether an error says nothing against the other versions of the key: this one is something else,
/// or is gone by now, or cannot be read. Whoever may write can put an object there that is over a
/// limit, encrypted with a key of their own, or archived.
pub(super) fn leaves_other_versions(error: &EvidenceError) -> bool {
    match error.kind() {
        EvidenceErrorKind::Bundle(Refusal::Limit) => true,
        EvidenceErrorKind::Store(kind) => leaves_others(kind),
        _ => says_something_of_content(error),
    }
}

/// A blocking task that did not come back.
pub(super) fn panicked(error: tokio::task::JoinError) -> EvidenceError {
    EvidenceError::new(EvidenceErrorKind::LocalFile, "a worker thread ended before its work")
        .with_source(error)
}
