//! The bundles that a run names, by id: as we write its references, and as an Assay store does.

use std::sync::atomic::AtomicU64;

use strongroom_core::{BundleId, layout};

use super::keys::Keys;
use crate::evidence::list::run_folders;
use crate::evidence::{EvidenceError, EvidenceErrorKind};
use crate::{ObjectKey, Storage};

/// The references of one run, in the order of their ids.
pub(super) struct NamedBundles<'a> {
    store: &'a dyn Storage,
    folders: Vec<(String, Keys<'a>)>,
    found_any: bool,
}

impl<'a> NamedBundles<'a> {
    /// Nothing is listed yet.
    pub(super) fn of_run(store: &'a dyn Storage, pages: &'a AtomicU64, run_id: &str) -> Self {
        let folders = run_folders(run_id).into_iter().map(|folder| {
            let keys = Keys::new(store, pages, &folder, None);
            (folder, keys)
        });
        Self { store, folders: folders.collect(), found_any: false }
    }

    /// The next bundle, and the whole keys that name it.
    pub(super) async fn next(&mut self) -> Result<Option<(BundleId, Vec<String>)>, EvidenceError> {
        let mut least = None;
        for (folder, keys) in &mut self.folders {
            let id = next_id(folder, keys).await?;
            least = least.into_iter().chain(id).min();
        }
        let Some(least) = least else { return Ok(None) };
        self.found_any = true;
        let mut references = Vec::new();
        for (folder, keys) in &mut self.folders {
            if next_id(folder, keys).await? == Some(least)
                && let Some(object) = keys.take()
            {
                references.push(self.store.whole_key(&ObjectKey::new(object.key)?));
            }
        }
        Ok(Some((least, references)))
    }

    /// A run that names nothing is not known.
    pub(super) fn refuse_none(&self) -> Result<(), EvidenceError> {
        if self.found_any {
            return Ok(());
        }
        Err(EvidenceError::new(EvidenceErrorKind::NotFound, "the store knows no such run")
            .with_guidance("`evidence list` shows what it holds"))
    }
}

/// The id that the next reference in a folder names. What is no reference of this run is passed by:
/// it may be one of a run whose name an Assay store wrote as it is.
async fn next_id(folder: &str, keys: &mut Keys<'_>) -> Result<Option<BundleId>, EvidenceError> {
    while let Some(object) = keys.peek().await? {
        let name = object.key.strip_prefix(folder).filter(|name| !name.contains('/'));
        if let Some(id) = name.and_then(layout::referenced_id) {
            return Ok(Some(id));
        }
        keys.take();
    }
    Ok(None)
}
