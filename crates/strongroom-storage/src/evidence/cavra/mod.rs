//! CAVRA directories in a store: an object for each file, and a record of them all.
//!
//! The manifest is written last, so where it is, everything that it lists was written before it. Nothing
//! of that is assumed: a push that goes on after another verifies what is there, object by object.

mod locate;
mod object;
mod promised;
mod pull;
mod push;

pub(super) use locate::{FoundManifest, StoredFile, find_manifest, locate_file};
pub(super) use object::{find_version, read_back, verify_in_place};
pub(super) use pull::{confirm_here, fetch_directory, pull, session_of};
pub use push::{CavraOutcome, CavraPush};
pub(super) use push::{lock_ask, run_ids};

use strongroom_core::bundle::cavra::MANIFEST;
use strongroom_core::{BundleId, layout};

use super::pull::{is_absent, is_no_archive};
use super::stored::leaves_other_versions;
use super::{EvidenceError, EvidenceErrorKind};
use crate::{ObjectKey, Storage, StorageErrorKind};

/// Whether the bundle may be a directory all the same, once its archive was refused: whoever may write can
/// put something under an archive's keys, and the manifest of a directory proves itself.
pub(super) fn may_be_one(refusal: &EvidenceError) -> bool {
    is_no_archive(refusal)
        // Several archives, of which this id can be none.
        || refusal.kind() == EvidenceErrorKind::Conflict
        || leaves_other_versions(refusal)
}

/// What to say of a bundle that could be had neither as an archive nor as a directory.
pub(super) async fn of_neither(
    store: &dyn Storage,
    id: BundleId,
    archive: EvidenceError,
    directory: EvidenceError,
) -> EvidenceError {
    let is_refused = !is_no_archive(&archive);
    match is_absent(&directory) || (is_refused && find_manifest(store, id).await.is_err()) {
        true => archive,
        false => directory,
    }
}

/// Whether a CAVRA directory of this id has its manifest in the store, on top of its key. Nothing of it
/// is verified.
pub async fn is_in(store: &dyn Storage, id: BundleId) -> Result<bool, EvidenceError> {
    let key = ObjectKey::new(layout::cavra_object(id, MANIFEST))?;
    match store.head(&key, None).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == StorageErrorKind::NotFound => Ok(false),
        Err(error) => Err(error.into()),
    }
}
