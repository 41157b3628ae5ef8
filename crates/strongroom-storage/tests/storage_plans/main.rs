//! Storage plans: made by the code that pushes, held against stores that are set up well and badly, and
//! kept to by a push.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod checked;
mod kept;
mod made;
mod real_stores;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use strongroom_core::bundle::{
    BundlePlan, CollectOptions, Declarations, NoProgress, RetentionRequest, collect,
};
use strongroom_core::retention::LockMode;
use strongroom_core::storage_plan::StoragePlan;
use strongroom_core::storage_plan::cost::Prices;
use strongroom_core::storage_plan::document::LongerDefault;
use strongroom_core::storage_plan::settings::Demands;
use strongroom_storage::evidence::PushRequest;
use strongroom_storage::evidence::storage_plan::{PlanRequest, PlanSource, Planned, plan};
use strongroom_storage::open::{Secret, StaticCredentials, StoreSettings, open};
use strongroom_storage::{Clock, Storage};
use strongroom_testkit::S3Server;
use strongroom_testkit::s3::server::REGION;
use strongroom_testkit::s3::{BucketSettings, S3ServerBuilder, User};
use tempfile::TempDir;

/// What the plan's own policy file says to everybody, of the bucket of these tests.
const TLS_ONLY: &str = r#"{"Version": "2012-10-17", "Statement": [{
    "Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": ["s3:*"],
    "Resource": ["arn:aws:s3:::evidence", "arn:aws:s3:::evidence/*"],
    "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}"#;

/// A bucket on a server in the test's process, over TLS; and files to plan for.
struct Desk {
    server: S3Server,
    folder: TempDir,
}

impl Desk {
    async fn with(settings: BucketSettings) -> Self {
        Self::on(S3Server::builder().bucket("evidence", settings).tls()).await
    }

    async fn on(builder: S3ServerBuilder) -> Self {
        let desk = Self { server: builder.start().await, folder: TempDir::new().unwrap() };
        if let Some(pem) = desk.server.ca_pem() {
            fs::write(desk.folder.path().join("ca.pem"), pem).unwrap();
        }
        desk
    }

    fn settings_of(&self, user: &User) -> StoreSettings {
        StoreSettings {
            url: "s3://evidence/team".to_owned(),
            endpoint: Some(self.server.endpoint()),
            region: Some(REGION.to_owned()),
            allow_http: true,
            ca_file: self.server.ca_pem().map(|_| self.folder.path().join("ca.pem")),
            credentials: Some(StaticCredentials {
                access_key: user.access_key().to_owned(),
                secret_key: Secret(user.secret_key().to_owned()),
                session_token: None,
            }),
            ..StoreSettings::default()
        }
    }

    async fn store(&self) -> Arc<dyn Storage> {
        self.store_of(self.server.owner()).await
    }

    async fn store_of(&self, user: &User) -> Arc<dyn Storage> {
        open(&self.settings_of(user), Clock::system()).await.unwrap()
    }

    /// An archive of a run, on disk.
    fn archive(&self) -> PathBuf {
        let path = self.folder.path().join("run.tar.gz");
        let mut bytes = Vec::new();
        files(&self.folder, Declarations::default()).write(&mut bytes, &NoProgress).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    async fn plan(&self, request: &PlanRequest) -> Planned {
        let source = PlanSource::Archive(self.archive());
        planned(&*self.store().await, &self.settings_of(self.server.owner()), source, request).await
    }
}

async fn planned(
    store: &dyn Storage,
    settings: &StoreSettings,
    source: PlanSource,
    request: &PlanRequest,
) -> Planned {
    let clock = Clock::system();
    plan(store, settings, source, request, &clock, Arc::new(NoProgress)).await.unwrap()
}

/// Files of a run, of a declared run and subject.
fn files(folder: &TempDir, declarations: Declarations) -> BundlePlan {
    let run = folder.path().join("run");
    fs::create_dir_all(run.join("logs")).unwrap();
    fs::write(run.join("result.json"), "{\"passed\":23}").unwrap();
    fs::write(run.join("logs/test.log"), "ok\n".repeat(1_000)).unwrap();
    let files = collect(&[run], &CollectOptions { follow_symlinks: false }).unwrap();
    let declarations = Declarations {
        run_id: Some("run-1".to_owned()),
        subject: Some("acme/widget".to_owned()),
        ..declarations
    };
    BundlePlan::prepare(files, declarations, &NoProgress).unwrap()
}

/// COMPLIANCE for 2,555 days, in a bucket that locks by itself for 30.
fn strict() -> PlanRequest {
    PlanRequest {
        push: PushRequest {
            lock_mode: Some(LockMode::Compliance),
            retention_days: Some(2_555),
            verify_on_push: true,
            ..PushRequest::default()
        },
        longer_default: LongerDefault::Refuse,
        demands: Demands { default_retention_days: Some(30) },
        signatures: Vec::new(),
        prices: Prices::default_table().unwrap(),
        prices_name: "default".to_owned(),
    }
}

/// GOVERNANCE for 30 days, and nothing asked of the bucket besides.
fn plain() -> PlanRequest {
    let mut request = strict();
    request.push.lock_mode = Some(LockMode::Governance);
    request.push.retention_days = Some(30);
    request.demands = Demands::default();
    request
}

/// A bucket that is as [`strict`] needs it.
fn good() -> BucketSettings {
    dressed(BucketSettings::locked()).default_retention(LockMode::Compliance, 30)
}

/// A bucket with everything but locks.
fn dressed(settings: BucketSettings) -> BucketSettings {
    settings
        .encryption("AES256", None)
        .public_access_blocked(true)
        .policy(TLS_ONLY)
        .aborts_unfinished_after(2)
}

fn bytes_of(plan: &StoragePlan) -> Vec<u8> {
    serde_json::to_vec_pretty(plan).unwrap()
}

fn retention(days: u32) -> Declarations {
    let retention = RetentionRequest { days: Some(days), ..RetentionRequest::default() };
    Declarations { retention: Some(retention), ..Declarations::default() }
}
