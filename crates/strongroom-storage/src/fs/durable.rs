//! Which folders are known to be found again after a crash, so that they need not be synced for each object.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use super::disk::FolderId;

/// Folders that are remembered; beyond it, all are forgotten and synced once more.
const REMEMBERED_MAX: usize = 16_384;

/// Folders whose own name this process has made durable. A name that another process made, or that came back, is
/// not among them until it was synced here.
#[derive(Debug, Default)]
pub(super) struct DurableFolders(Mutex<HashSet<FolderId>>);

impl DurableFolders {
    /// Whether the folder's own name is durable.
    pub(super) fn has(&self, folder: FolderId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&folder)
    }

    /// The folder above it was synced, after this one had its name.
    pub(super) fn add(&self, folder: FolderId) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        known.insert(folder);
    }
}
