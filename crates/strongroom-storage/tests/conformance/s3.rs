//! S3: in the test's own process, and the servers that the test scripts started.

use http::Method;
use strongroom_core::retention::LockMode;
use strongroom_storage::Clock;
use strongroom_storage::conformance::{ConformanceOptions, Outcome, Report, run};
use strongroom_storage::open::{Secret, StaticCredentials, StoreSettings, open};
use strongroom_testkit::S3Client;
use strongroom_testkit::s3::{BucketSettings, Gate, Op, S3Server};

use crate::check;

const PREFIX: &str = "some/prefix";

fn settings(client: &S3Client, bucket: &str) -> StoreSettings {
    StoreSettings {
        url: format!("s3://{bucket}/{PREFIX}"),
        endpoint: Some(client.endpoint().to_owned()),
        region: Some("us-east-1".to_owned()),
        allow_http: true,
        credentials: Some(StaticCredentials {
            access_key: client.access_key().to_owned(),
            secret_key: Secret(client.secret_key().to_owned()),
            session_token: None,
        }),
        ..StoreSettings::default()
    }
}

/// A bucket that is not there yet.
fn new_bucket() -> String {
    format!("conformance-{}", Clock::system().new_id())
}

async fn plain_bucket_of(variable: &str, expected: &str) {
    let Some(client) = S3Client::of_server(variable) else { return };
    let bucket = new_bucket();
    client.create_bucket(&bucket).await;
    check_bucket(&client, &bucket, expected).await;
}

async fn lock_bucket_of(variable: &str, expected: &str) {
    let Some(client) = S3Client::of_server(variable) else { return };
    let bucket = new_bucket();
    client.create_lock_bucket(&bucket).await;
    check_bucket(&client, &bucket, expected).await;
}

async fn check_bucket(client: &S3Client, bucket: &str, expected: &str) {
    let settings = settings(client, bucket);
    let store = open(&settings, Clock::system()).await.expect("a store");
    let report = check(store.as_ref(), expected).await;
    take_away(client, bucket, &report).await;
}

/// Makes room on a server whose memory is small: its owner may bypass governance locks.
async fn take_away(client: &S3Client, bucket: &str, report: &Report) {
    let bypass = [("x-amz-bypass-governance-retention", "true")];
    for leftover in &report.leftovers {
        // Nothing stays but what was locked (moto does not tell until when).
        assert!(leftover.key.contains("/locks/"), "{leftover:?}");
        let query = match &leftover.version_id {
            Some(version) => format!("versionId={}", version.replace('+', "%2B")),
            None => String::new(),
        };
        client.request(Method::DELETE, bucket, &leftover.key, &query, &bypass, "").await;
    }
    client.request(Method::DELETE, bucket, "", "", &[], "").await;
}

async fn server() -> (S3Server, S3Client) {
    let defaulted = BucketSettings::locked().default_retention(LockMode::Governance, 1);
    let server = S3Server::builder()
        .bucket("plain", BucketSettings::plain())
        .bucket("versioned", BucketSettings::versioned())
        .bucket("locked", BucketSettings::locked())
        .bucket("defaulted", defaulted)
        .start()
        .await;
    let owner = server.owner();
    let client = S3Client::new(server.endpoint(), owner.access_key(), owner.secret_key());
    (server, client)
}

#[tokio::test]
async fn in_process_plain_bucket() {
    let (_server, client) = server().await;
    check_bucket(&client, "plain", "s3-plain").await;
}

#[tokio::test]
async fn in_process_versioned_bucket() {
    let (_server, client) = server().await;
    check_bucket(&client, "versioned", "s3-versioned").await;
}

#[tokio::test]
async fn in_process_lock_bucket() {
    let (_server, client) = server().await;
    check_bucket(&client, "locked", "s3-locked").await;
}

#[tokio::test]
async fn nothing_is_written_to_a_bucket_that_locks_every_write() {
    let (server, client) = server().await;
    let store = open(&settings(&client, "defaulted"), Clock::system()).await.expect("a store");
    let report = run(store.as_ref(), &ConformanceOptions::new(Clock::system())).await;
    assert!(report.prefix.is_none());
    for case in &report.cases {
        let Outcome::Skipped { reason } = &case.outcome else { panic!("{case:?}") };
        assert!(reason.starts_with("would_lock"), "{case:?}");
    }
    assert_eq!(server.bucket("defaulted").keys(), Vec::<String>::new());
}

/// What the suite finds on a bucket of a server that misbehaves.
async fn findings(client: &S3Client, bucket: &str) -> Vec<String> {
    let store = open(&settings(client, bucket), Clock::system()).await.expect("a store");
    let report = run(store.as_ref(), &ConformanceOptions::new(Clock::system())).await;
    report.findings().map(|(case, id, _)| format!("{case}: {id}")).collect()
}

#[tokio::test]
async fn a_store_that_ignores_conditions_is_found_out() {
    let (server, client) = server().await;
    server.faults().on_any().ignore_conditions();
    // Racers look first: only when all have looked before any has written do all of them write.
    let hold = |op, key| server.faults().on(op).key_contains(key).hold_before();
    let race = hold(Op::PutObject, "create-only/race");
    let race_in_parts = hold(Op::CompleteMultipartUpload, "create-only/race-in-parts");
    let (found, (), ()) = tokio::join!(
        findings(&client, "plain"),
        let_go_together(&race, 12),
        let_go_together(&race_in_parts, 4),
    );
    for expected in [
        "create_only.race: stored_bytes_lost",
        "create_only.race_in_parts: stored_bytes_lost",
        "create_only.probe: not_enforced",
    ] {
        assert!(found.iter().any(|found| found == expected), "{expected}: {found:?}");
    }
}

async fn let_go_together(gate: &Gate, racers: usize) {
    gate.arrived(racers).await;
    gate.open();
}

#[tokio::test]
async fn a_store_that_drops_locks_is_found_out() {
    let (server, client) = server().await;
    server.faults().on_any().drop_locks();
    let found = findings(&client, "locked").await;
    for expected in
        ["locks.in_write: lock_in_write_dropped", "locks.in_write_in_parts: lock_in_write_dropped"]
    {
        assert!(found.iter().any(|found| found == expected), "{expected}: {found:?}");
    }
}

#[tokio::test]
async fn a_store_that_changes_bytes_is_found_out() {
    let (server, client) = server().await;
    server.faults().on(Op::GetObject).flip_a_bit();
    let found = findings(&client, "plain").await;
    assert!(found.iter().any(|found| found == "reads.whole_object: other_bytes"), "{found:?}");
    assert!(found.iter().any(|found| found == "bodies.large: other_bytes"), "{found:?}");
}

#[tokio::test]
async fn ceph_plain_bucket() {
    plain_bucket_of("STRONGROOM_TEST_CEPH", "ceph-plain").await;
}

#[tokio::test]
async fn ceph_lock_bucket() {
    lock_bucket_of("STRONGROOM_TEST_CEPH", "ceph-locked").await;
}

#[tokio::test]
async fn seaweedfs_plain_bucket() {
    plain_bucket_of("STRONGROOM_TEST_SEAWEEDFS", "seaweedfs-plain").await;
}

#[tokio::test]
async fn seaweedfs_lock_bucket() {
    lock_bucket_of("STRONGROOM_TEST_SEAWEEDFS", "seaweedfs-locked").await;
}

#[tokio::test]
async fn moto_plain_bucket() {
    plain_bucket_of("STRONGROOM_TEST_MOTO", "moto-plain").await;
}

#[tokio::test]
async fn moto_lock_bucket() {
    lock_bucket_of("STRONGROOM_TEST_MOTO", "moto-locked").await;
}
