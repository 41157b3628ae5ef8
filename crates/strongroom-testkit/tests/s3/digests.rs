//! Digests that go with a write.

use strongroom_testkit::S3Server;
use strongroom_testkit::s3::{BucketSettings, Op};

use crate::client::{Client, sha256_base64};

async fn server() -> S3Server {
    S3Server::builder().bucket("vault", BucketSettings::plain()).start().await
}

#[tokio::test]
async fn a_right_sha256_is_kept_and_told_to_those_who_ask() {
    let server = server().await;
    let client = Client::owner(&server);
    let digest = sha256_base64(b"bytes");

    let put = client.put_checked("/vault/k", &[], b"bytes").await;
    assert_eq!(put.header("x-amz-checksum-sha256"), Some(digest.as_str()));

    let head = client.head("/vault/k").await;
    assert_eq!(head.header("x-amz-checksum-sha256"), Some(digest.as_str()));
    assert_eq!(head.header("x-amz-checksum-type"), Some("FULL_OBJECT"));
    assert_eq!(client.get("/vault/k").await.header("x-amz-checksum-sha256"), None);
}

#[tokio::test]
async fn a_wrong_digest_is_refused_and_nothing_is_stored() {
    let server = server().await;
    let client = Client::owner(&server);
    let other = sha256_base64(b"other");
    let other_payload = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(b"other"));
    for (header, code) in [
        (("x-amz-checksum-sha256", other.as_str()), "BadDigest"),
        (("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg=="), "BadDigest"),
        (("content-md5", "not a digest"), "InvalidDigest"),
        (("x-amz-content-sha256", other_payload.as_str()), "XAmzContentSHA256Mismatch"),
    ] {
        let answer = client.put("/vault/k", &[header], b"bytes").await;
        assert_eq!(answer.refusal(), (400, code.to_owned()), "{header:?}");
    }
    assert!(server.bucket("vault").keys().is_empty());
}

#[tokio::test]
async fn a_store_that_ignores_digests_accepts_wrong_ones() {
    let server = server().await;
    server.faults().on(Op::PutObject).ignore_digests();
    server.faults().on(Op::PutObject).ignore_payload_hash();
    let client = Client::owner(&server);
    let other = sha256_base64(b"other");
    let other_payload = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(b"other"));
    for header in [
        ("x-amz-checksum-sha256", other.as_str()),
        ("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg=="),
        ("x-amz-content-sha256", other_payload.as_str()),
    ] {
        assert_eq!(client.put("/vault/k", &[header], b"bytes").await.status, 200, "{header:?}");
    }
    assert_eq!(server.bucket("vault").object("k").as_deref(), Some(b"bytes".as_slice()));
}

#[tokio::test]
async fn a_store_may_tell_a_wrong_checksum_or_none() {
    let server = server().await;
    server.faults().on(Op::PutObject).nth(1).echo_wrong_checksum();
    server.faults().on(Op::PutObject).nth(2).tell_no_checksum();
    let client = Client::owner(&server);
    let wrong = client.put_checked("/vault/k", &[], b"bytes").await;
    let wrong = wrong.header("x-amz-checksum-sha256").unwrap();
    assert_ne!(wrong, sha256_base64(b"bytes"));
    let none = client.put_checked("/vault/k", &[], b"bytes").await;
    assert_eq!(none.header("x-amz-checksum-sha256"), None);
}
