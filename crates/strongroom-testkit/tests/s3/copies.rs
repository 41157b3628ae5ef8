//! CopyObject.

use strongroom_testkit::S3Server;
use strongroom_testkit::s3::{BucketSettings, Right, User};

use crate::client::Client;
use crate::locking::{EARLIER, HOLD, LATER, clock, lock};

async fn server() -> S3Server {
    S3Server::builder().bucket("vault", BucketSettings::locked()).clock(clock()).start().await
}

#[tokio::test]
async fn a_copy_has_the_bytes_and_metadata_and_none_of_the_locks() {
    let server = server().await;
    let client = Client::owner(&server);
    let mut headers = lock("COMPLIANCE", LATER).to_vec();
    headers.extend([HOLD, ("x-amz-meta-run", "one"), ("content-type", "text/plain")]);
    client.put_k(&headers).await;

    let copied = client.copy("/vault/k", "/vault/copy", &[]).await;
    assert_eq!(copied.status, 200, "{}", copied.text());
    let head = client.head("/vault/copy").await;
    assert_eq!(head.header("x-amz-meta-run"), Some("one"));
    assert_eq!(head.header("content-type"), Some("text/plain"));
    assert_eq!(head.header("x-amz-version-id"), copied.header("x-amz-version-id"));
    assert_eq!(client.get("/vault/copy").await.body, b"bytes");
    assert_eq!(client.lock_of("copy").await.0, "NoSuchObjectLockConfiguration");

    let replaced = [("x-amz-metadata-directive", "REPLACE"), ("x-amz-meta-run", "two")];
    client.copy("/vault/k", "/vault/copy", &replaced).await;
    assert_eq!(client.head("/vault/copy").await.header("x-amz-meta-run"), Some("two"));
}

#[tokio::test]
async fn a_copy_is_locked_as_its_request_asks() {
    let server = server().await;
    let client = Client::owner(&server);
    client.put_k(&[]).await;
    let mut headers = lock("COMPLIANCE", LATER).to_vec();
    headers.push(HOLD);
    let copied = client.copy("/vault/k", "/vault/copy", &headers).await;
    let version = copied.header("x-amz-version-id").unwrap();

    let told = client.lock_of("copy").await;
    assert_eq!(told, ("COMPLIANCE".to_owned(), LATER.to_owned()));
    assert_eq!(client.hold_of("copy").await, "ON");
    let gone = client.delete(&format!("/vault/copy?versionId={version}")).await;
    assert_eq!(gone.status, 403);
    let past = client.copy("/vault/k", "/vault/past", &lock("COMPLIANCE", EARLIER)).await;
    assert_eq!(past.refusal(), (400, "InvalidArgument".to_owned()));
}

#[tokio::test]
async fn an_older_version_can_be_copied_and_a_wrong_wish_is_refused() {
    let server = server().await;
    let client = Client::owner(&server);
    let first = client.put_k(&[]).await;
    client.put("/vault/k", &[], b"newer").await;
    let source = format!("/vault/k?versionId={first}");
    let copied = client.copy(&source, "/vault/k", &[]).await;
    assert_eq!(copied.header("x-amz-copy-source-version-id"), Some(first.as_str()));
    assert_eq!(client.get("/vault/k").await.body, b"bytes");
    assert_eq!(server.bucket("vault").versions("k").len(), 3);

    let itself = client.copy("/vault/k", "/vault/k", &[]).await;
    assert_eq!(itself.refusal(), (400, "InvalidRequest".to_owned()));
    let absent = client.copy("/vault/absent", "/vault/copy", &[]).await;
    assert_eq!(absent.refusal(), (404, "NoSuchKey".to_owned()));
    let over = client.copy(&source, "/vault/k", &[("if-none-match", "*")]).await;
    assert_eq!(over.refusal(), (412, "PreconditionFailed".to_owned()));
    let other = [("x-amz-copy-source-if-match", "\"other\"")];
    let other = client.copy("/vault/k", "/vault/copy", &other).await;
    assert_eq!(other.refusal(), (412, "PreconditionFailed".to_owned()));
}

#[tokio::test]
async fn a_copy_needs_the_right_to_read_its_source() {
    let guest = User::new("guest", "guest-secret").without(Right::Read);
    let builder = S3Server::builder().bucket("vault", BucketSettings::locked());
    let server = builder.user(guest.clone()).start().await;
    server.bucket("vault").put("k", b"bytes".as_slice());
    let copied = Client::of(&server, &guest).copy("/vault/k", "/vault/copy", &[]).await;
    assert_eq!(copied.refusal(), (403, "AccessDenied".to_owned()));
    assert_eq!(Client::owner(&server).copy("/vault/k", "/vault/copy", &[]).await.status, 200);
}
