//! Presigned URLs.

use http::Method;
use jiff::SignedDuration;
use strongroom_testkit::s3::{BucketSettings, User};
use strongroom_testkit::{S3Server, TestClock};

use crate::client::Client;

const UNTIL: (&str, &str) = ("x-amz-object-lock-retain-until-date", "2126-01-01T00:00:00Z");
const LOCK: [(&str, &str); 2] = [("x-amz-object-lock-mode", "COMPLIANCE"), UNTIL];
const MD5_OF_X: (&str, &str) = ("content-md5", "ndTkYSaMgDT1yFZOFVxnpg==");

/// A server, and the clock by which it judges signatures.
async fn server() -> (S3Server, TestClock) {
    let clock = TestClock::system();
    let builder = S3Server::builder().bucket("vault", BucketSettings::locked());
    let server = builder.signature_clock(clock.clone()).start().await;
    server.bucket("vault").put("k", b"bytes".as_slice());
    (server, clock)
}

fn denied(code: &str) -> (u16, String) {
    (403, code.to_owned())
}

#[tokio::test]
async fn anybody_with_the_url_may_do_what_it_says_until_it_ends() {
    let (server, clock) = server().await;
    let client = Client::owner(&server);
    let get = client.presign(Method::GET, "/vault/k", &[], 60).await;
    let got = client.anonymous(Method::GET, &get, &[], b"").await;
    assert_eq!((got.status, got.body.as_slice()), (200, b"bytes".as_slice()), "{}", got.text());
    let list = client.presign(Method::GET, "/vault?list-type=2&prefix=k", &[], 60).await;
    let listed = client.anonymous(Method::GET, &list, &[], b"").await;
    assert_eq!(listed.elements("Key"), ["k"], "{}", listed.text());
    let put = client.presign(Method::PUT, "/vault/new%20%2B/key", &[], 60).await;
    assert_eq!(client.anonymous(Method::PUT, &put, &[], b"x").await.status, 200);
    assert_eq!(server.bucket("vault").object("new +/key").as_deref(), Some(b"x".as_slice()));

    clock.advance(SignedDuration::from_secs(61));
    for (method, url) in [(Method::GET, &get), (Method::PUT, &put)] {
        let ended = client.anonymous(method, url, &[], b"x").await;
        assert_eq!(ended.refusal(), denied("AccessDenied"));
        assert_eq!(ended.element("Message").as_deref(), Some("Request has expired"));
    }
    clock.advance(SignedDuration::from_hours(-1));
    let early = client.anonymous(Method::GET, &get, &[], b"").await;
    assert_eq!(early.refusal(), denied("AccessDenied"));
}

#[tokio::test]
async fn a_url_with_a_lock_is_good_for_that_lock_only() {
    let (server, _) = server().await;
    let client = Client::owner(&server);
    let url = client.presign(Method::PUT, "/vault/locked", &LOCK, 60).await;
    let put = async |headers: &[(&str, &str)]| {
        let mut headers = headers.to_vec();
        headers.push(MD5_OF_X);
        client.anonymous(Method::PUT, &url, &headers, b"x").await.refusal()
    };
    assert_eq!(put(&[]).await, denied("SignatureDoesNotMatch"));
    assert_eq!(put(&[UNTIL]).await, denied("SignatureDoesNotMatch"));
    let weaker = [("x-amz-object-lock-mode", "GOVERNANCE"), UNTIL];
    assert_eq!(put(&weaker).await, denied("SignatureDoesNotMatch"));
    let shorter = [LOCK[0], ("x-amz-object-lock-retain-until-date", "2026-12-01T00:00:00Z")];
    assert_eq!(put(&shorter).await, denied("SignatureDoesNotMatch"));
    let more = [LOCK[0], LOCK[1], ("x-amz-object-lock-legal-hold", "ON")];
    assert_eq!(put(&more).await, denied("AccessDenied"));
    assert_eq!(server.bucket("vault").keys(), ["k"]);

    assert_eq!(put(&LOCK).await.0, 200);
    let told = client.get("/vault/locked?retention").await;
    assert_eq!(told.element("Mode").as_deref(), Some("COMPLIANCE"));
}

#[tokio::test]
async fn a_url_that_was_tampered_with_is_refused() {
    let (server, _) = server().await;
    let client = Client::owner(&server);
    let url = client.presign(Method::GET, "/vault/k", &[], 60).await;
    for tampered in [
        url.replace("/vault/k", "/vault/other"),
        url.replace("X-Amz-Expires=60", "X-Amz-Expires=600"),
        url.replace("X-Amz-Signature=", "X-Amz-Signature=0"),
        format!("{url}&versionId=v"),
    ] {
        let refused = client.anonymous(Method::GET, &tampered, &[], b"").await;
        assert_eq!(refused.refusal(), denied("SignatureDoesNotMatch"), "{tampered}");
    }
    let put = client.anonymous(Method::PUT, &url, &[], b"x").await;
    assert_eq!(put.refusal(), denied("SignatureDoesNotMatch"));
    for malformed in [
        url.replace("X-Amz-Expires=60", "X-Amz-Expires=604801"),
        url.replace("X-Amz-Date=", "X-Amz-Day="),
    ] {
        let refused = client.anonymous(Method::GET, &malformed, &[], b"").await;
        let code = "AuthorizationQueryParametersError".to_owned();
        assert_eq!(refused.refusal(), (400, code), "{malformed}");
    }
}

#[tokio::test]
async fn a_url_of_a_stranger_a_wrong_secret_or_another_region_is_refused() {
    let (server, _) = server().await;
    let owner = server.owner();
    for (client, refusal) in [
        (Client::of(&server, &User::new("stranger", "x")), (403, "InvalidAccessKeyId")),
        (
            Client::of(&server, &User::new(owner.access_key(), "wrong")),
            (403, "SignatureDoesNotMatch"),
        ),
        (
            Client::in_region(&server, owner, "eu-west-3"),
            (400, "AuthorizationQueryParametersError"),
        ),
    ] {
        let url = client.presign(Method::GET, "/vault/k", &[], 60).await;
        let refused = client.anonymous(Method::GET, &url, &[], b"").await;
        assert_eq!(refused.refusal(), (refusal.0, refusal.1.to_owned()));
    }
}

#[tokio::test]
async fn the_rights_of_a_url_are_those_of_who_signed_it() {
    let reader = User::new("reader", "reader-secret").read_only();
    let builder = S3Server::builder().bucket("vault", BucketSettings::locked());
    let server = builder.user(reader.clone()).start().await;
    let reader = Client::of(&server, &reader);
    let url = reader.presign(Method::PUT, "/vault/k", &[], 60).await;
    let put = reader.anonymous(Method::PUT, &url, &[], b"x").await;
    assert_eq!(put.refusal(), denied("AccessDenied"));
}
