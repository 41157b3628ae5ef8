//! What an audit asks of the store: counted while it goes on, and estimated before it reads bytes.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// What was asked of the store. On S3 a lock costs two requests, everything else one; small things
/// that are only asked about what was found are not counted apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// Pages of listings.
    pub list_pages: u64,
    /// Records that were fetched.
    pub records: u64,
    /// Locks that were asked for.
    pub locks: u64,
    /// Signatures that were fetched, each with its lock.
    pub signatures: u64,
    /// Archives that were fetched.
    pub bundles: u64,
    /// Files of CAVRA directories that were fetched, their manifests too.
    pub directory_files: u64,
    /// Bytes of both.
    pub bundle_bytes: u64,
}

impl Cost {
    /// Requests to an S3 store, as far as they are counted.
    pub fn s3_requests(&self) -> u64 {
        let files = self.bundles + self.directory_files;
        self.list_pages + self.records + 2 * self.locks + 3 * self.signatures + files
    }
}

/// A [`Cost`] that checks side by side add to.
#[derive(Debug, Default)]
pub(super) struct Spent {
    pub(super) list_pages: AtomicU64,
    pub(super) records: AtomicU64,
    pub(super) locks: AtomicU64,
    pub(super) signatures: AtomicU64,
    pub(super) bundles: AtomicU64,
    pub(super) directory_files: AtomicU64,
    pub(super) bundle_bytes: AtomicU64,
}

impl Spent {
    pub(super) fn so_far(&self) -> Cost {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Cost {
            list_pages: of(&self.list_pages),
            records: of(&self.records),
            locks: of(&self.locks),
            signatures: of(&self.signatures),
            bundles: of(&self.bundles),
            directory_files: of(&self.directory_files),
            bundle_bytes: of(&self.bundle_bytes),
        }
    }
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
