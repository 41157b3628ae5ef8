//! What the registry does, one use case a file. Knows neither HTTP nor SQL.
//!
//! Each use case is a method of [`Registry`] that takes who asks first: it authorizes, decides, writes a record
//! into the bucket, and only then changes rows and answers.

pub mod abandon;
pub(crate) mod approvals;
pub mod backend_status;
mod cancel_deletion;
pub mod change;
pub mod create_package;
mod cursor;
pub mod download_bundle;
pub mod download_file;
mod end_of_upload;
mod events;
mod extend_retention;
pub mod file_body;
pub mod finalize;
pub(crate) mod foremost;
pub(crate) mod found;
pub(crate) mod frozen;
mod given_up;
mod ingest_local_files;
mod list_holds;
pub mod list_packages;
mod lock_row;
pub(crate) mod look_again;
mod looks;
mod names;
pub(crate) mod nearness;
pub mod new_file;
mod new_jobs;
pub mod once;
mod place_hold;
pub mod read_audit;
pub mod read_files;
pub mod read_jobs;
pub mod read_manifest;
pub mod read_package;
pub mod readiness;
pub(crate) mod receive_file;
mod recognise;
pub(crate) mod records;
mod redirect_download;
mod release_hold;
pub(crate) mod request_deletion;
mod restore;
pub mod resumable;
pub mod rules;
pub mod schemas;
pub mod sweeper;
pub mod tokens;
pub mod upload_file;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use strongroom_storage::Clock;
use tokio::sync::{Notify, Semaphore};

use crate::backends::Backends;
use crate::config::Settings;
use crate::db::Db;
use crate::local_files::LocalRoots;
use crate::metrics::Metrics;

use self::looks::Looks;

/// A registry: its database, its stores, its clock and its settings. Keeps no state of its own besides, so that any
/// number of them work on one database and one store.
pub struct Registry {
    db: Db,
    backends: Backends,
    clock: Clock,
    settings: Settings,
    metrics: Metrics,
    /// The folders of the server that were opened, where this process works on jobs.
    local_roots: OnceLock<LocalRoots>,
    /// Rings when a job was queued here.
    job_queued: Notify,
    /// A permit for each request that may be worked on.
    requests: Semaphore,
    /// A permit for each upload that may be under way.
    uploads: Semaphore,
    /// A permit for the one ingestion of local files that may be under way.
    ingestions: Semaphore,
    /// Whether the workers of this process were told to stop.
    is_stopping: AtomicBool,
    /// A permit for each bundle that may be under way. The threads that make them hold theirs to their end.
    bundles: Arc<Semaphore>,
    /// Whose turn it is to look at a damaged object.
    looks: Looks,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("backends", &self.backends).finish_non_exhaustive()
    }
}

impl Registry {
    /// A registry on a database whose schema is up to date.
    pub fn new(db: Db, backends: Backends, clock: Clock, settings: Settings) -> Arc<Self> {
        let (metrics, job_queued) = (Metrics::default(), Notify::new());
        let limits = settings.limits;
        Arc::new(Self {
            db,
            backends,
            clock: clock.to_the_microsecond(),
            settings,
            metrics,
            local_roots: OnceLock::new(),
            job_queued,
            requests: Semaphore::new(limits.requests_at_once),
            uploads: Semaphore::new(limits.uploads_at_once),
            ingestions: Semaphore::new(1),
            is_stopping: AtomicBool::new(false),
            bundles: Arc::new(Semaphore::new(limits.bundles_at_once)),
            looks: Looks::default(),
        })
    }

    /// The present, and new ids.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// What it was told before it started.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What it counts of itself.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Where its bytes are.
    pub fn backends(&self) -> &Backends {
        &self.backends
    }

    /// Its rows.
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// A permit for each request that may be worked on.
    pub(crate) fn requests(&self) -> &Semaphore {
        &self.requests
    }

    /// A permit for each bundle that may be under way.
    pub(crate) fn bundles(&self) -> &Arc<Semaphore> {
        &self.bundles
    }

    /// A permit for each upload that may be under way.
    pub(crate) fn uploads(&self) -> &Semaphore {
        &self.uploads
    }

    /// The permit for an ingestion of local files.
    pub(crate) fn ingestions(&self) -> &Semaphore {
        &self.ingestions
    }

    /// Whether the workers of this process were told to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }

    /// Tells the jobs of this process that its workers are to stop.
    pub(crate) fn note_stopping(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// Wakes a worker of this process for a job that was queued just now. Workers elsewhere find it by themselves.
    pub(crate) fn ring_for_jobs(&self) {
        self.job_queued.notify_one();
    }

    /// Waits for a job to be queued in this process.
    pub(crate) async fn job_was_queued(&self) {
        self.job_queued.notified().await;
    }
}
