//! Object Lock: what is held stays.

use jiff::{SignedDuration, Timestamp};
use strongroom_core::retention::LockMode;
use strongroom_testkit::S3Server;
use strongroom_testkit::s3::{BucketSettings, Op, Right, User};

use crate::client::Client;
use crate::locking::{EARLIER, HOLD, LATER, MUCH_LATER, SOON, clock, lock};

async fn server(settings: BucketSettings) -> S3Server {
    S3Server::builder().bucket("vault", settings).clock(clock()).start().await
}

#[tokio::test]
async fn compliance_holds_against_everybody_until_its_date() {
    let server = server(BucketSettings::locked()).await;
    let client = Client::owner(&server);
    let version = client.put_locked("COMPLIANCE").await;

    assert_eq!(client.delete_version(&version, false).await, 403);
    assert_eq!(client.delete_version(&version, true).await, 403);
    assert_eq!(client.retain(&version, "COMPLIANCE", SOON, true).await, 403);
    assert_eq!(client.retain(&version, "GOVERNANCE", MUCH_LATER, true).await, 403);
    let batch = client.delete_batch(&[("k", Some(&version))], &[]).await;
    assert_eq!(batch.element("Code").as_deref(), Some("AccessDenied"));

    assert_eq!(client.retain(&version, "COMPLIANCE", MUCH_LATER, false).await, 200);
    server.clock().advance(SignedDuration::from_hours(25));
    assert_eq!(client.delete_version(&version, false).await, 403);
    server.clock().advance(SignedDuration::from_hours(30 * 24));
    assert_eq!(client.delete_version(&version, false).await, 204);
}

#[tokio::test]
async fn governance_yields_to_the_bypass_of_those_who_may() {
    let guest = User::new("guest", "guest-secret").without(Right::BypassGovernance);
    let server = S3Server::builder()
        .bucket("vault", BucketSettings::locked())
        .clock(clock())
        .user(guest.clone())
        .start()
        .await;
    let owner = Client::owner(&server);
    let guest = Client::of(&server, &guest);
    let version = owner.put_locked("GOVERNANCE").await;

    assert_eq!(owner.delete_version(&version, false).await, 403);
    assert_eq!(guest.delete_version(&version, true).await, 403);
    assert_eq!(guest.retain(&version, "GOVERNANCE", SOON, true).await, 403);
    assert_eq!(guest.retain(&version, "COMPLIANCE", LATER, false).await, 200);
    assert_eq!(owner.delete_version(&version, true).await, 403);
    let other = owner.put_locked("GOVERNANCE").await;
    assert_eq!(owner.delete_version(&other, true).await, 204);
}

#[tokio::test]
async fn a_legal_hold_holds_until_it_is_lifted() {
    let server = server(BucketSettings::locked()).await;
    let client = Client::owner(&server);
    let put = client.put_checked("/vault/k", &[HOLD], b"x").await;
    let version = put.header("x-amz-version-id").unwrap();

    let seen = client.get(&format!("/vault/k?legal-hold&versionId={version}")).await;
    assert_eq!(seen.element("Status").as_deref(), Some("ON"));
    assert_eq!(client.delete_version(version, true).await, 403);
    assert_eq!(client.hold(version, "OFF").await, 200);
    assert_eq!(client.delete_version(version, false).await, 204);
}

#[tokio::test]
async fn the_default_retention_goes_to_what_brings_none() {
    let settings = BucketSettings::locked().default_retention(LockMode::Compliance, 3);
    let server = server(settings).await;
    let client = Client::owner(&server);

    let put = client.put_checked("/vault/d", &[], b"x").await;
    assert_eq!(put.status, 200);
    let seen = client.get("/vault/d?retention").await;
    assert_eq!(seen.element("Mode").as_deref(), Some("COMPLIANCE"));
    let until: Timestamp = seen.element("RetainUntilDate").unwrap().parse().unwrap();
    assert_eq!(until, "2026-11-24T12:00:00Z".parse().unwrap());

    // AWS: an explicit lock beats the default even when it is weaker.
    client.put_locked("GOVERNANCE").await;
    let seen = client.get("/vault/k?retention").await;
    assert_eq!(seen.element("Mode").as_deref(), Some("GOVERNANCE"));
    let told = client.get("/vault?object-lock").await;
    assert_eq!(told.element("Days").as_deref(), Some("3"));
}

#[tokio::test]
async fn a_lock_is_refused_where_it_cannot_be_or_comes_without_a_digest() {
    let server = S3Server::builder()
        .bucket("vault", BucketSettings::locked())
        .bucket("plain", BucketSettings::plain())
        .clock(clock())
        .start()
        .await;
    let client = Client::owner(&server);
    let lock = |until| lock("COMPLIANCE", until);
    let refusal = |answer: crate::client::Answer| answer.refusal();

    let plain = client.put_checked("/plain/k", &lock(LATER), b"x").await;
    assert_eq!(refusal(plain), (400, "InvalidRequest".to_owned()));
    let without_digest = client.put("/vault/k", &lock(LATER), b"x").await;
    assert_eq!(refusal(without_digest), (400, "InvalidRequest".to_owned()));
    let past = client.put_checked("/vault/k", &lock(EARLIER), b"x").await;
    assert_eq!(refusal(past), (400, "InvalidArgument".to_owned()));
    let half = [("x-amz-object-lock-mode", "COMPLIANCE")];
    let half = client.put_checked("/vault/k", &half, b"x").await;
    assert_eq!(refusal(half), (400, "InvalidArgument".to_owned()));
    let suspend = b"<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>";
    let suspend = client.put("/vault?versioning", &[], suspend).await;
    assert_eq!(refusal(suspend), (409, "InvalidBucketState".to_owned()));
    assert_eq!(client.get("/vault/k?retention").await.refusal().1, "NoSuchKey");
}

#[tokio::test]
async fn a_store_that_drops_locks_says_nothing_of_it() {
    let server = server(BucketSettings::locked()).await;
    let dropped = server.faults().on(Op::PutObject).drop_locks();
    let client = Client::owner(&server);
    let version = client.put_locked("COMPLIANCE").await;
    assert_eq!(dropped.fired(), 1);
    let seen = client.get(&format!("/vault/k?retention&versionId={version}")).await;
    assert_eq!(seen.refusal(), (404, "NoSuchObjectLockConfiguration".to_owned()));
    assert_eq!(client.delete_version(&version, false).await, 204);
}
