//! What an operation asks of the store: each request is there for a reason, and none twice.

use strongroom_storage::evidence::{PullRequest, pull};

use super::*;

/// The requests so far, one a line: operation, key, status; without what differs from run to run.
fn asked(vault: &Vault, id: BundleId) -> Vec<String> {
    let day = vault.server.clock().now().to_string();
    let requests = vault.server.requests().into_iter().map(|request| {
        let key = request.key.replace(&id.to_string(), "ID").replace(&day[..10], "DAY");
        let key = match key.split_once("records/ID/") {
            Some((head, _)) => format!("{head}records/ID"),
            None => key,
        };
        let name = key.strip_prefix("team/").unwrap_or("-");
        format!("{:?} {name} {}", request.op, request.status.unwrap_or_default())
    });
    let mut asked: Vec<String> = requests.collect();
    vault.server.reset_requests();
    // The two halves of a lock are asked for side by side.
    for at in 1..asked.len() {
        if asked[at].starts_with("GetObjectRetention")
            && asked[at - 1].starts_with("GetObjectLegalHold")
        {
            asked.swap(at - 1, at);
        }
    }
    asked
}

/// A push under a lock, by a process that has observed nothing yet; the requests it took.
async fn push_of(vault: &Vault, plan: BundlePlan) -> (BundleId, Vec<String>) {
    // The same date for every push of a test: a later one would make the lock longer.
    let far = "2099-01-01T00:00:00Z".parse().unwrap();
    let request = PushRequest { retain_until: Some(far), ..request() };
    let pushed = push_to(&*vault.store().await, plan, request).await.unwrap();
    assert!(pushed.shortfall.is_none() && pushed.warnings.is_empty(), "{pushed:?}");
    (pushed.receipt.bundle_id, asked(vault, pushed.receipt.bundle_id))
}

#[tokio::test]
async fn a_first_push_asks_for_each_thing_once() {
    let vault = Vault::new(BucketSettings::locked()).await;
    let (_, asked) = push_of(&vault, vault.small()).await;
    let expected = [
        // Its clock, and what the bucket does about locks.
        "HeadBucket - 200",
        "GetObjectLockConfiguration - 200",
        // Is it there? Then nothing is sent.
        "HeadObject bundles/ID.tar.gz 404",
        // Not every store enforces the condition on the write: it is looked for first.
        "HeadObject runs/run-1/ID.ref 404",
        "PutObject runs/run-1/ID.ref 200",
        "HeadObject index/DAY/ID.ref 404",
        "PutObject index/DAY/ID.ref 200",
        "HeadObject bundles/ID.tar.gz 404",
        "PutObject bundles/ID.tar.gz 200",
        // Read back: the lock first, then the bytes and what the store says of them.
        "GetObjectRetention bundles/ID.tar.gz 200",
        "GetObjectLegalHold bundles/ID.tar.gz 200",
        "GetObject bundles/ID.tar.gz 200",
        // Does the store refuse a second write? From here on it need not be looked for.
        "HeadObject index/DAY/ID.ref 200",
        "PutObject index/DAY/ID.ref 412",
        "ListObjectVersions - 200",
        "PutObject records/ID 200",
        "GetObjectRetention records/ID 200",
        "GetObjectLegalHold records/ID 200",
    ];
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn a_repeated_push_reads_the_bundle_back_once_and_writes_nothing() {
    let vault = Vault::new(BucketSettings::locked()).await;
    let (id, _) = push_of(&vault, vault.small()).await;
    let (again, asked) = push_of(&vault, vault.small()).await;
    assert_eq!(id, again);
    let expected = [
        "HeadBucket - 200",
        "GetObjectLockConfiguration - 200",
        "HeadObject bundles/ID.tar.gz 200",
        // As a whole, in one stream: `already_stored` is earned by reading.
        "GetObject bundles/ID.tar.gz 200",
        "HeadObject runs/run-1/ID.ref 200",
        "GetObjectRetention bundles/ID.tar.gz 200",
        "GetObjectLegalHold bundles/ID.tar.gz 200",
        "ListObjectVersions - 200",
        // Is there a record?
        "ListObjectsV2 - 200",
    ];
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn a_push_in_parts_proves_digests_by_parts_that_are_wrong_and_reads_no_bytes_back() {
    let vault = Vault::new(BucketSettings::locked()).await;
    let (_, asked) = push_of(&vault, vault.big()).await;
    // References are written while parts travel, so only the bundle's own requests have an order.
    let of_the_bundle = asked.iter().filter(|line| line.contains("bundles/"));
    let of_the_bundle: Vec<&str> =
        of_the_bundle.map(|line| line.split(" bundles/ID.tar.gz").next().unwrap()).collect();
    let expected = [
        "HeadObject",
        "HeadObject",
        "CreateMultipartUpload",
        "UploadPart",
        "UploadPart",
        // The probe, in an upload of its own.
        "CreateMultipartUpload",
        "UploadPart",
        "UploadPart",
        "AbortMultipartUpload",
        // The upload may have taken hours.
        "HeadObject",
        "CompleteMultipartUpload",
        "HeadObject",
        "GetObjectRetention",
        "GetObjectLegalHold",
    ];
    assert_eq!(of_the_bundle, expected);
}

#[tokio::test]
async fn a_pull_asks_for_the_bundle_and_nothing_else() {
    let vault = Vault::new(BucketSettings::locked()).await;
    let (id, _) = push_of(&vault, vault.small()).await;
    let out = vault.folder.path().join("out.tar.gz");
    let request = PullRequest { id, archive_sha256: None, out, overwrite: false, demand: None };
    let store = vault.store().await;
    pull::pull(&*store, &request, &no_progress()).await.unwrap();
    // The first range, which is all of a small bundle.
    assert_eq!(asked(&vault, id), ["GetObject bundles/ID.tar.gz 206"]);
}
