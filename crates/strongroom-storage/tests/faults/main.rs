//! What becomes of evidence when the store misbehaves: each fault names the retry, or the error
//! whose kind decides the exit code. On an S3 server in the test's own process.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod answers_lost;
mod broken_reads;
mod cavra;
mod cavra_audit;
mod cavra_locks;
mod cavra_planted;
mod create_only;
mod digests;
mod extensions;
mod hidden_versions;
mod holds;
mod locks;
mod ranges;
mod refusals;
mod region_and_clock;
mod requests;
mod rights;

use std::fs;
use std::sync::Arc;

use strongroom_core::bundle::{
    BundlePlan, CollectOptions, Declarations, NoProgress, Progress, collect,
};
use strongroom_core::{BundleId, layout};
use strongroom_storage::evidence::{
    EvidenceError, EvidenceErrorKind, Push, PushOutcome, PushRequest, PushSource,
};
use strongroom_storage::open::{Secret, StaticCredentials, StoreSettings, open};
use strongroom_storage::{Clock, Storage, StorageErrorKind};
use strongroom_testkit::S3Server;
use strongroom_testkit::fixtures::random_bytes;
use strongroom_testkit::s3::server::REGION;
use strongroom_testkit::s3::{BucketSettings, BucketView, Op, S3ServerBuilder, User};
use tempfile::TempDir;

/// A bundle of this size goes up in two parts.
const BIG_BYTES: usize = 9 << 20;

/// A bucket on a server that can be told to fail, and files to put into it.
struct Vault {
    server: S3Server,
    folder: TempDir,
}

impl Vault {
    async fn new(settings: BucketSettings) -> Self {
        Self::on(S3Server::builder().bucket("vault", settings)).await
    }

    async fn on(builder: S3ServerBuilder) -> Self {
        Self { server: builder.start().await, folder: TempDir::new().unwrap() }
    }

    fn settings_of(&self, user: &User) -> StoreSettings {
        StoreSettings {
            url: "s3://vault/team".to_owned(),
            endpoint: Some(self.server.endpoint()),
            region: Some(REGION.to_owned()),
            allow_http: true,
            credentials: Some(StaticCredentials {
                access_key: user.access_key().to_owned(),
                secret_key: Secret(user.secret_key().to_owned()),
                session_token: None,
            }),
            ..StoreSettings::default()
        }
    }

    /// A connection of its own, as a new process would have: it has observed nothing yet.
    async fn store(&self) -> Arc<dyn Storage> {
        self.store_of(self.server.owner()).await
    }

    async fn store_of(&self, user: &User) -> Arc<dyn Storage> {
        open(&self.settings_of(user), Clock::system()).await.unwrap()
    }

    /// A bundle that goes up in one request.
    fn small(&self) -> BundlePlan {
        self.plan("small", b"{\"passed\":23}")
    }

    /// A bundle that goes up in parts.
    fn big(&self) -> BundlePlan {
        self.plan("big", &random_bytes(BIG_BYTES, 7))
    }

    fn plan(&self, name: &str, content: &[u8]) -> BundlePlan {
        let run = self.folder.path().join(name);
        fs::create_dir_all(&run).unwrap();
        fs::write(run.join("result.json"), content).unwrap();
        let files = collect(&[run], &CollectOptions { follow_symlinks: false }).unwrap();
        let declarations =
            Declarations { run_id: Some("run-1".to_owned()), ..Declarations::default() };
        BundlePlan::prepare(files, declarations, &NoProgress).unwrap()
    }

    async fn push(&self, plan: BundlePlan) -> Result<PushOutcome, EvidenceError> {
        push_to(&*self.store().await, plan, request()).await
    }

    fn bucket(&self) -> BucketView {
        self.server.bucket("vault")
    }

    /// How many versions the bundle's key has.
    fn versions_of(&self, id: BundleId) -> usize {
        self.bucket().versions(&bundle_key(id)).len()
    }

    /// How often a write of a bundle itself was asked for: PUT or completion.
    fn writes_of_bundles(&self) -> usize {
        let requests = self.server.requests();
        let writes = requests.iter().filter(|request| {
            matches!(request.op, Op::PutObject | Op::CompleteMultipartUpload)
                && request.key.contains("bundles/")
        });
        writes.count()
    }
}

/// The bundle's key in the bucket.
fn bundle_key(id: BundleId) -> String {
    format!("team/{}", layout::bundle(id))
}

fn request() -> PushRequest {
    PushRequest { verify_on_push: true, ..PushRequest::default() }
}

async fn push_to(
    store: &dyn Storage,
    plan: BundlePlan,
    request: PushRequest,
) -> Result<PushOutcome, EvidenceError> {
    let clock = Clock::system();
    let source = PushSource::Plan(Box::new(plan));
    let push = Push::prepare(store, source, request, &clock).await?;
    push.execute(no_progress()).await
}

fn no_progress() -> Arc<dyn Progress> {
    Arc::new(NoProgress)
}

/// The store's failure that ended an operation.
fn store_failure<T: std::fmt::Debug>(result: Result<T, EvidenceError>) -> StorageErrorKind {
    match result.unwrap_err().kind() {
        EvidenceErrorKind::Store(kind) => kind,
        other => panic!("not a failure of the store: {other:?}"),
    }
}
