//! DELETE and DeleteObjects, with versions, markers and locks.

use strongroom_testkit::S3Server;
use strongroom_testkit::s3::{BucketSettings, Right, User};

use crate::client::Client;
use crate::locking::{BYPASS, HOLD, LATER, clock, lock};

async fn server() -> S3Server {
    S3Server::builder().bucket("vault", BucketSettings::locked()).clock(clock()).start().await
}

#[tokio::test]
async fn a_batch_deletes_what_it_may_and_names_each_refusal() {
    let server = server().await;
    let client = Client::owner(&server);
    let compliance = client.put_locked("COMPLIANCE").await;
    let governance = client.put_locked("GOVERNANCE").await;
    let held = client.put_k(&[HOLD]).await;
    let free = client.put_k(&[]).await;
    let objects = [&compliance, &governance, &held, &free].map(|id| ("k", Some(id.as_str())));

    let batch = client.delete_batch(&objects, &[]).await;
    assert_eq!(batch.status, 200, "{}", batch.text());
    assert_eq!(batch.elements("Deleted").len(), 1);
    assert!(batch.elements("Deleted")[0].contains(&free));
    let errors = batch.elements("Error");
    assert_eq!(errors.len(), 3);
    for (error, version) in errors.iter().zip([&compliance, &governance, &held]) {
        assert!(error.contains(version) && error.contains("<Code>AccessDenied</Code>"), "{error}");
    }

    let bypassed = client.delete_batch(&objects[..3], &[BYPASS]).await;
    assert_eq!(bypassed.elements("Deleted").len(), 1);
    assert!(bypassed.elements("Deleted")[0].contains(&governance));
    let left = server.bucket("vault").versions("k");
    let left: Vec<_> = left.iter().map(|version| version.id.as_str()).collect();
    assert_eq!(left, [&compliance, &held]);
}

#[tokio::test]
async fn a_batch_without_versions_puts_markers_that_can_be_deleted_again() {
    let server = server().await;
    let client = Client::owner(&server);
    let version = client.put_locked("COMPLIANCE").await;

    let batch = client.delete_batch(&[("k", None)], &[]).await;
    assert_eq!(batch.element("DeleteMarker").as_deref(), Some("true"));
    let marker = batch.element("DeleteMarkerVersionId").unwrap();
    assert_eq!(client.get("/vault/k").await.refusal(), (404, "NoSuchKey".to_owned()));
    let below = client.get(&format!("/vault/k?versionId={version}")).await;
    assert_eq!((below.status, below.body.as_slice()), (200, b"bytes".as_slice()));
    let of_marker = client.get(&format!("/vault/k?versionId={marker}")).await;
    assert_eq!(of_marker.refusal(), (405, "MethodNotAllowed".to_owned()));
    assert_eq!(of_marker.header("x-amz-delete-marker"), Some("true"));

    let batch = client.delete_batch(&[("k", Some(&marker))], &[]).await;
    assert_eq!(batch.elements("Deleted").len(), 1);
    assert_eq!(client.get("/vault/k").await.body, b"bytes");
}

#[tokio::test]
async fn a_batch_needs_a_digest_and_a_thousand_keys_at_the_most() {
    let server = server().await;
    let client = Client::owner(&server);
    let xml = b"<Delete><Quiet>true</Quiet><Object><Key>k</Key></Object></Delete>";
    let without = client.post("/vault?delete", &[], xml).await;
    assert_eq!(without.refusal(), (400, "InvalidRequest".to_owned()));
    let quiet = std::str::from_utf8(xml).unwrap();
    let quiet = client.post_checked("/vault?delete", &[], quiet).await;
    assert_eq!((quiet.status, quiet.elements("Deleted").len()), (200, 0));

    let many = vec![("k", None); 1_001];
    let many = client.delete_batch(&many, &[]).await;
    assert_eq!(many.refusal(), (400, "MalformedXML".to_owned()));
}

#[tokio::test]
async fn a_batch_is_refused_key_by_key_to_those_who_may_not_delete_versions() {
    let guest = User::new("guest", "guest-secret").without(Right::DeleteVersions);
    let builder = S3Server::builder().bucket("vault", BucketSettings::locked());
    let server = builder.user(guest.clone()).start().await;
    let version = Client::owner(&server).put_k(&[]).await;
    let guest = Client::of(&server, &guest);
    let batch = guest.delete_batch(&[("k", Some(&version)), ("k", None)], &[]).await;
    assert_eq!(batch.elements("Error").len(), 1);
    assert_eq!(batch.elements("Deleted").len(), 1);
}

#[tokio::test]
async fn an_overwrite_of_a_locked_version_leaves_it_and_its_lock() {
    let server = server().await;
    let client = Client::owner(&server);
    let first = client.put_k(&lock("COMPLIANCE", LATER)).await;
    let second = client.put("/vault/k", &[], b"newer").await;
    assert_ne!(second.header("x-amz-version-id"), Some(first.as_str()));
    assert_eq!(client.get(&format!("/vault/k?versionId={first}")).await.body, b"bytes");
    let told = client.get(&format!("/vault/k?retention&versionId={first}")).await;
    assert_eq!(told.element("Mode").as_deref(), Some("COMPLIANCE"));
    assert_eq!(client.delete_version(&first, true).await, 403);
}
