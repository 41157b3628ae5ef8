//! The operations on evidence, on a store in memory whose every object can be looked at.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod keeping;
mod listing;
mod pulling;
mod pushing;
mod reindexing;
mod signatures;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use strongroom_core::BundleId;
use strongroom_core::bundle::{
    BundlePlan, CollectOptions, Declarations, NoProgress, Progress, RetentionRequest, collect,
};
use strongroom_storage::evidence::{
    EvidenceError, ListQuery, ListedBundle, Listing, Push, PushOutcome, PushRequest, PushSource,
};
use strongroom_storage::memory::MemoryStorage;
use strongroom_storage::{Clock, CreateOptions, ListRequest, ObjectKey, Storage};
use tempfile::TempDir;

const NOON: &str = "2026-11-21T12:00:00Z";

/// A store, a clock that stands still, and a folder to work in.
struct Desk {
    store: MemoryStorage,
    clock: Clock,
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        Self::at(NOON)
    }

    fn at(time: &str) -> Self {
        let now: Timestamp = time.parse().unwrap();
        let clock = Clock::new(move || now);
        let store = MemoryStorage::new(clock.clone());
        Self { store, clock, folder: TempDir::new().unwrap() }
    }

    /// Files of one run, whose content follows `seed`.
    fn plan(&self, seed: &str, declarations: Declarations) -> BundlePlan {
        let run = self.folder.path().join(format!("run-{seed}"));
        fs::create_dir_all(run.join("logs")).unwrap();
        fs::write(run.join("result.json"), format!("{{\"seed\":\"{seed}\"}}")).unwrap();
        fs::write(run.join("logs/test.log"), format!("{seed}\n").repeat(1_000)).unwrap();
        let files = collect(&[run], &CollectOptions { follow_symlinks: false }).unwrap();
        BundlePlan::prepare(files, declarations, &NoProgress).unwrap()
    }

    /// An archive of those files on disk.
    fn archive(&self, seed: &str, declarations: Declarations) -> PathBuf {
        let path = self.folder.path().join(format!("{seed}.tar.gz"));
        let mut bytes = Vec::new();
        self.plan(seed, declarations).write(&mut bytes, &NoProgress).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    async fn push(&self, source: PushSource) -> Result<PushOutcome, EvidenceError> {
        self.push_with(source, request()).await
    }

    async fn push_with(
        &self,
        source: PushSource,
        request: PushRequest,
    ) -> Result<PushOutcome, EvidenceError> {
        let push = Push::prepare(&self.store, source, request, &self.clock).await?;
        push.execute(no_progress()).await
    }

    async fn push_seed(&self, seed: &str, run_id: &str) -> BundleId {
        let source = plan_source(self.plan(seed, of_run(run_id)));
        self.push(source).await.unwrap().receipt.bundle_id
    }

    /// Every key in the store.
    async fn keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        let mut request = ListRequest::default();
        loop {
            let page = self.store.list(&request).await.unwrap();
            keys.extend(page.objects.into_iter().map(|object| object.key));
            request.page = page.next;
            if request.page.is_none() {
                return keys;
            }
        }
    }

    async fn bytes_of(&self, key: &str) -> Vec<u8> {
        let key = ObjectKey::new(key).unwrap();
        self.store.read(&key, None, None).await.unwrap().collect(1 << 30).await.unwrap().to_vec()
    }

    async fn put(&self, key: &str, bytes: &[u8]) {
        let key = ObjectKey::new(key).unwrap();
        let body = bytes::Bytes::copy_from_slice(bytes).into();
        self.store.create(&key, body, &CreateOptions::default()).await.unwrap();
    }

    async fn list(&self, query: ListQuery) -> Vec<ListedBundle> {
        let mut listing = Listing::new(&self.store, query).unwrap();
        let mut rows = Vec::new();
        while let Some(page) = listing.next_page().await.unwrap() {
            rows.extend(page);
        }
        rows
    }
}

fn plan_source(plan: BundlePlan) -> PushSource {
    PushSource::Plan(Box::new(plan))
}

fn request() -> PushRequest {
    PushRequest { verify_on_push: true, ..PushRequest::default() }
}

fn of_run(run_id: &str) -> Declarations {
    Declarations { run_id: Some(run_id.to_owned()), ..Declarations::default() }
}

fn kept_for_days(days: u32) -> Declarations {
    let retention = RetentionRequest { days: Some(days), ..RetentionRequest::default() };
    Declarations { retention: Some(retention), ..Declarations::default() }
}

fn no_progress() -> Arc<dyn Progress> {
    Arc::new(NoProgress)
}
