//! CAVRA directories in a store: an object for each file, and a record of them all.
//!
//! The manifest is written last, so where it is, everything that it lists was written before it. Nothing
//! of that is assumed: a push that goes on after another verifies what is there, object by object.

mod locate;
mod object;
mod pull;
mod push;

pub(super) use locate::{find_manifest, locate};
pub(super) use object::{find_version, verify_in_place};
pub(super) use pull::{confirm_here, fetch_directory, pull, session_of};
pub use push::{CavraOutcome, CavraPush};
pub(super) use push::{lock_ask, run_ids};

use strongroom_core::bundle::cavra::MANIFEST;
use strongroom_core::{BundleId, layout};

use super::EvidenceError;
use crate::{ObjectKey, Storage, StorageErrorKind};

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
