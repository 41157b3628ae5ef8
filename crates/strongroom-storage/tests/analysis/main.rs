//! The analysis on stores in the test's own process: an honest one, and the same one telling one lie
//! at a time.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod honest;
mod leftovers;
mod lies;
mod settings;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use strongroom_storage::Clock;
use strongroom_storage::analyze::consent::Consent;
use strongroom_storage::analyze::report::Report;
use strongroom_storage::analyze::requirement::Requirement;
use strongroom_storage::analyze::verdict::{Depth, Verdict};
use strongroom_storage::analyze::{Options, Target, analyze};
use strongroom_storage::open::{Secret, StaticCredentials, StoreSettings};
use strongroom_testkit::S3Server;
use strongroom_testkit::s3::server::REGION;
use strongroom_testkit::s3::{BucketSettings, Right, S3ServerBuilder, User};

/// The bucket under analysis.
const BUCKET: &str = "vault";
/// Who analyzes: everything that the checks need, and no right that they look for.
const WRITER: &str = "writer";

/// A server as good as it can be, apart from TLS.
fn honest() -> S3ServerBuilder {
    S3Server::builder().refuses_skewed_clocks().user(writer()).bucket(BUCKET, good_bucket())
}

fn good_bucket() -> BucketSettings {
    BucketSettings::locked().encryption("AES256", None).public_access_blocked(true)
}

fn writer() -> User {
    let rights = [Right::BypassGovernance, Right::ConfigureLocks];
    rights.into_iter().fold(User::new(WRITER, "writersecret"), User::without)
}

fn settings(server: &S3Server, access_key: &str, secret_key: &str) -> StoreSettings {
    StoreSettings {
        url: format!("s3://{BUCKET}/team"),
        endpoint: Some(server.endpoint()),
        region: Some(REGION.to_owned()),
        allow_http: true,
        credentials: Some(StaticCredentials {
            access_key: access_key.to_owned(),
            secret_key: Secret(secret_key.to_owned()),
            session_token: None,
        }),
        ..StoreSettings::default()
    }
}

fn options(depth: Depth, seed: u64) -> Options {
    Options {
        depth,
        seed,
        budget_requests: None,
        consent: Consent { max_lock_seconds: 60, accepted_until: Some(Date::MAX) },
        required: Vec::new(),
        clock: Clock::system(),
    }
}

async fn run(settings: &StoreSettings, options: &Options) -> Report {
    let target = Target::open(settings, Clock::system()).await.unwrap();
    Box::pin(analyze(&target, options, std::future::pending(), &|_| {})).await.unwrap()
}

/// An analysis by the writer.
async fn analyzed(server: &S3Server, depth: Depth, seed: u64) -> Report {
    run(&settings(server, WRITER, "writersecret"), &options(depth, seed)).await
}

fn verdicts(report: &Report) -> BTreeMap<&str, Verdict> {
    report.checks.iter().map(|check| (check.id.as_str(), check.verdict)).collect()
}

/// The checks whose verdict differs.
fn changed<'r>(before: &'r Report, after: &'r Report) -> BTreeSet<&'r str> {
    let before = verdicts(before);
    let after = verdicts(after);
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    after.into_iter().filter(|(id, verdict)| before[id] != *verdict).map(|(id, _)| id).collect()
}

fn failed(report: &Report) -> BTreeSet<&str> {
    report.weaknesses().into_iter().map(|check| check.id.as_str()).collect()
}

fn words_of(report: &Report, id: &str) -> String {
    let check = report.checks.iter().find(|check| check.id == id).unwrap();
    format!("{id}: {} ({})\n  {}", check.verdict, check.observed, check.requests.join("\n  "))
}

fn requirement(report: &Report, requirement: Requirement) -> Verdict {
    report.requirement(requirement).unwrap().verdict
}
