//! An audit of stores that another client tampered with, on an S3 server in the test's own process.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod real_stores;
mod resuming;
mod signatures;
mod tampering;
mod walking;

use std::collections::BTreeSet;
use std::fs;
use std::future::pending;
use std::sync::Arc;

use strongroom_core::bundle::{
    BundlePlan, CollectOptions, Declarations, NoProgress, RetentionRequest, collect,
};
use strongroom_core::receipt::Receipt;
use strongroom_core::{BundleId, Sha256Digest, layout};
use strongroom_storage::evidence::audit::{
    AuditOutcome, AuditReport, AuditRequest, Finding, Sample, audit,
};
use strongroom_storage::evidence::{EvidenceError, Push, PushRequest, PushSource};
use strongroom_storage::open::{Secret, StaticCredentials, StoreSettings, open};
use strongroom_storage::{Clock, Storage};
use strongroom_testkit::s3::server::REGION;
use strongroom_testkit::s3::{BucketSettings, BucketView, User};
use strongroom_testkit::{S3Client, S3Server};
use tempfile::TempDir;

/// A bucket on a server, and another client that has every right in it.
struct Vault {
    server: S3Server,
    attacker: S3Client,
    folder: TempDir,
}

impl Vault {
    async fn new(settings: BucketSettings) -> Self {
        Self::with_user(settings, None).await
    }

    async fn with_user(settings: BucketSettings, user: Option<User>) -> Self {
        let builder = S3Server::builder().bucket("vault", settings);
        let builder = user.into_iter().fold(builder, |builder, user| builder.user(user));
        let server = builder.start().await;
        let owner = server.owner();
        let attacker = S3Client::new(server.endpoint(), owner.access_key(), owner.secret_key());
        Self { server, attacker, folder: TempDir::new().unwrap() }
    }

    async fn store(&self) -> Arc<dyn Storage> {
        self.store_of(self.server.owner()).await
    }

    async fn store_of(&self, user: &User) -> Arc<dyn Storage> {
        let settings = StoreSettings {
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
        };
        open(&settings, Clock::system()).await.unwrap()
    }

    fn bucket(&self) -> BucketView {
        self.server.bucket("vault")
    }

    /// Pushes the bundle of one line, locked for so many days.
    async fn push(&self, seed: &str, days: Option<u32>) -> Receipt {
        let source = self.plan(seed, days);
        push_to(&*self.store().await, source, false).await
    }

    fn plan(&self, seed: &str, days: Option<u32>) -> BundlePlan {
        let run = self.folder.path().join(seed);
        fs::create_dir_all(&run).unwrap();
        fs::write(run.join("result.json"), format!("{{\"seed\":\"{seed}\"}}")).unwrap();
        let files = collect(&[run], &CollectOptions { follow_symlinks: false }).unwrap();
        let retention =
            days.map(|days| RetentionRequest { days: Some(days), ..RetentionRequest::default() });
        let declarations = Declarations {
            run_id: Some(format!("run-{seed}")),
            retention,
            ..Declarations::default()
        };
        BundlePlan::prepare(files, declarations, &NoProgress).unwrap()
    }

    async fn audit(&self, request: &AuditRequest) -> AuditReport {
        whole(audit(&*self.store().await, request, pending(), |_, _| ()).await)
    }
}

async fn push_to(store: &dyn Storage, plan: BundlePlan, legal_hold: bool) -> Receipt {
    let request = PushRequest { verify_on_push: true, legal_hold, ..PushRequest::default() };
    let source = PushSource::Plan(Box::new(plan));
    let clock = Clock::system();
    let push = Push::prepare(store, source, request, &clock).await.unwrap();
    let outcome = push.execute(Arc::new(NoProgress)).await.unwrap();
    assert!(outcome.shortfall.is_none(), "{:?}", outcome.shortfall);
    outcome.receipt
}

/// Everything, without reading bytes.
fn everything() -> AuditRequest {
    AuditRequest {
        run_id: None,
        sample: Sample::ALL,
        read_data: false,
        expiring_within: None,
        resume_after: None,
        demand: None,
    }
}

fn reading() -> AuditRequest {
    AuditRequest { read_data: true, ..everything() }
}

/// An audit that came to its end.
fn whole(outcome: Result<AuditOutcome, EvidenceError>) -> AuditReport {
    let outcome = outcome.unwrap();
    assert!(outcome.cut_short.is_none() && outcome.report.complete, "{:?}", outcome.cut_short);
    outcome.report
}

/// The kinds of what was found, with what each is about, in no order.
fn found(report: &AuditReport) -> BTreeSet<(&'static str, String)> {
    let named: BTreeSet<_> = report.findings.iter().map(named).collect();
    assert_eq!(named.len(), report.findings.len(), "told twice: {:#?}", report.findings);
    named
}

fn named(finding: &Finding) -> (&'static str, String) {
    let about = match finding.bundle_id {
        Some(id) => id.to_string(),
        None => finding.keys.join(" "),
    };
    (finding.problem.kind(), about)
}

fn of(kind: &'static str, receipt: &Receipt) -> (&'static str, String) {
    (kind, receipt.bundle_id.to_string())
}

/// A bundle that nobody has.
fn unknown(seed: &str) -> BundleId {
    BundleId(Sha256Digest::of(seed.as_bytes()))
}
