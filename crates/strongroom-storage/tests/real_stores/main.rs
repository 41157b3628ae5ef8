//! Evidence on real stores with Object Lock, seen through another client as well.
//!
//! The servers are named by `STRONGROOM_TEST_CEPH` and `STRONGROOM_TEST_SEAWEEDFS`, which
//! `scripts/test` sets. Locks are a day at most: the servers are thrown away.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod cavra;
mod garbage;
mod later_locks;
mod locks;
mod names;
mod races;

use std::fs;
use std::sync::Arc;

use strongroom_core::bundle::{
    BundlePlan, CollectOptions, Declarations, NoProgress, RetentionRequest, collect,
};
use strongroom_core::receipt::Receipt;
use strongroom_storage::evidence::{EvidenceError, Push, PushRequest, PushSource};
use strongroom_storage::open::{Secret, StaticCredentials, StoreSettings, open};
use strongroom_storage::{Clock, Storage};
use strongroom_testkit::{S3Client, fixtures};
use tempfile::TempDir;

const CEPH: &str = "STRONGROOM_TEST_CEPH";
const SEAWEEDFS: &str = "STRONGROOM_TEST_SEAWEEDFS";

/// A bucket of its own on a real server, as our store and as seen by another client.
struct Bucket {
    name: String,
    client: S3Client,
    store: Arc<dyn Storage>,
    clock: Clock,
    folder: TempDir,
}

impl Bucket {
    /// A new bucket with Object Lock; `None` where the server was not started.
    async fn with_lock(server: &str) -> Option<Self> {
        let client = S3Client::of_server(server)?;
        let name = format!("evidence-{}", Clock::system().new_id());
        client.create_lock_bucket(&name).await;
        Some(Self::of(client, name).await)
    }

    /// A new bucket without versions and locks; `None` where the server was not started.
    async fn plain(server: &str) -> Option<Self> {
        let client = S3Client::of_server(server)?;
        let name = format!("evidence-{}", Clock::system().new_id());
        client.create_bucket(&name).await;
        Some(Self::of(client, name).await)
    }

    async fn of(client: S3Client, name: String) -> Self {
        let clock = Clock::system();
        let settings = StoreSettings {
            url: format!("s3://{name}/team"),
            endpoint: Some(client.endpoint().to_owned()),
            allow_http: true,
            credentials: Some(StaticCredentials {
                access_key: client.access_key().to_owned(),
                secret_key: Secret(client.secret_key().to_owned()),
                session_token: None,
            }),
            ..StoreSettings::default()
        };
        let store = open(&settings, clock.clone()).await.unwrap();
        Self { name, client, store, clock, folder: TempDir::new().unwrap() }
    }

    /// A run of one log and, for a `large` one, of bytes that no compression makes small.
    fn plan(&self, seed: u64, size: Size, retention_days: Option<u32>) -> BundlePlan {
        let run = self.folder.path().join(format!("run-{seed}"));
        fs::create_dir_all(&run).unwrap();
        fs::write(run.join("run.log"), format!("run {seed}\n").repeat(100)).unwrap();
        if let Size::Multipart = size {
            fixtures::write_random_file(&run.join("core.bin"), 17 << 20, seed).unwrap();
        }
        let files = collect(&[run], &CollectOptions { follow_symlinks: false }).unwrap();
        let declarations = Declarations {
            run_id: Some(format!("run-{seed}")),
            retention: retention_days
                .map(|days| RetentionRequest { days: Some(days), ..RetentionRequest::default() }),
            ..Declarations::default()
        };
        BundlePlan::prepare(files, declarations, &NoProgress).unwrap()
    }

    async fn push(&self, plan: BundlePlan) -> Result<Receipt, EvidenceError> {
        self.push_with(plan, request()).await
    }

    async fn push_with(
        &self,
        plan: BundlePlan,
        request: PushRequest,
    ) -> Result<Receipt, EvidenceError> {
        let source = PushSource::Plan(Box::new(plan));
        let push = Push::prepare(&*self.store, source, request, &self.clock).await?;
        let outcome = push.execute(Arc::new(NoProgress)).await?;
        assert!(outcome.shortfall.is_none(), "{:?}", outcome.shortfall);
        Ok(outcome.receipt)
    }

    /// Tries to delete the receipt's version through the other client.
    async fn attack(&self, receipt: &Receipt) -> http::StatusCode {
        let version = receipt.version_id.as_deref().unwrap();
        self.client.delete_version(&self.name, &receipt.key, version).await.status
    }
}

/// Whether a bundle goes out in one request or in parts.
#[derive(Clone, Copy)]
enum Size {
    Small,
    Multipart,
}

fn request() -> PushRequest {
    PushRequest { verify_on_push: true, ..PushRequest::default() }
}
