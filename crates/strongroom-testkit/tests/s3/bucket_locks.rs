//! A bucket's Object Lock configuration: what it takes, what it tells, and what it does to writes.

use strongroom_testkit::S3Server;
use strongroom_testkit::s3::BucketSettings;

use crate::client::Client;
use crate::locking::{HOLD, LATER, clock, lock};
use crate::uploads::Upload;

async fn server() -> S3Server {
    S3Server::builder()
        .bucket("vault", BucketSettings::locked())
        .bucket("versioned", BucketSettings::versioned())
        .bucket("plain", BucketSettings::plain())
        .clock(clock())
        .start()
        .await
}

const THREE_DAYS: &str = "<Mode>COMPLIANCE</Mode><Days>3</Days>";

#[tokio::test]
async fn a_default_is_told_in_the_words_in_which_it_was_set_and_can_be_taken_back() {
    let server = server().await;
    let client = Client::owner(&server);
    assert_eq!(client.set_default("vault", THREE_DAYS).await.status, 200);
    let told = client.get("/vault?object-lock").await;
    assert_eq!(told.element("Days").as_deref(), Some("3"));
    assert_eq!(told.element("Mode").as_deref(), Some("COMPLIANCE"));

    let years = "<Mode>GOVERNANCE</Mode><Years>1</Years>";
    assert_eq!(client.set_default("vault", years).await.status, 200);
    let told = client.get("/vault?object-lock").await;
    assert_eq!((told.element("Years").as_deref(), told.element("Days")), (Some("1"), None));
    client.put_k(&[]).await;
    assert_eq!(client.lock_of("k").await.1, "2027-11-21T12:00:00Z");

    let none = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>\
                </ObjectLockConfiguration>";
    let none = client.put_checked("/vault?object-lock", &[], none.as_bytes()).await;
    assert_eq!(none.status, 200);
    let told = client.get("/vault?object-lock").await;
    assert_eq!(told.element("ObjectLockEnabled").as_deref(), Some("Enabled"));
    assert_eq!(told.element("Rule"), None);
}

#[tokio::test]
async fn a_default_that_is_none_is_refused_and_the_old_one_stays() {
    let server = server().await;
    let client = Client::owner(&server);
    client.set_default("vault", THREE_DAYS).await;
    for (default, code) in [
        ("<Mode>COMPLIANCE</Mode>", "MalformedXML"),
        ("<Days>3</Days>", "MalformedXML"),
        ("<Mode>COMPLIANCE</Mode><Days>1</Days><Years>1</Years>", "MalformedXML"),
        ("<Mode>compliance</Mode><Days>1</Days>", "MalformedXML"),
        ("<Mode>GOVERNANCE</Mode><Days>soon</Days>", "MalformedXML"),
        ("<Mode>GOVERNANCE</Mode><Days>0</Days>", "InvalidRetentionPeriod"),
        ("<Mode>GOVERNANCE</Mode><Years>-1</Years>", "InvalidRetentionPeriod"),
        ("<Mode>GOVERNANCE</Mode><Years>101</Years>", "InvalidArgument"),
        ("<Mode>GOVERNANCE</Mode><Days>36501</Days>", "InvalidArgument"),
    ] {
        let refused = client.set_default("vault", default).await;
        assert_eq!(refused.refusal(), (400, code.to_owned()), "{default}");
    }
    let disabled = "<ObjectLockConfiguration><ObjectLockEnabled>Disabled</ObjectLockEnabled>\
                    </ObjectLockConfiguration>";
    let disabled = client.put_checked("/vault?object-lock", &[], disabled.as_bytes()).await;
    assert_eq!(disabled.refusal(), (400, "MalformedXML".to_owned()));
    let told = client.get("/vault?object-lock").await;
    assert_eq!(told.element("Days").as_deref(), Some("3"));
}

#[tokio::test]
async fn only_a_bucket_with_versions_takes_a_lock_configuration() {
    let server = server().await;
    let client = Client::owner(&server);
    let plain = client.set_default("plain", THREE_DAYS).await;
    assert_eq!(plain.refusal(), (409, "InvalidBucketState".to_owned()));
    server.bucket("plain").set_up(BucketSettings::versioned());
    let suspend = b"<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>";
    assert_eq!(client.put("/plain?versioning", &[], suspend).await.status, 200);
    let suspended = client.set_default("plain", THREE_DAYS).await;
    assert_eq!(suspended.refusal(), (409, "InvalidBucketState".to_owned()));
    // AWS, since November 2023: a bucket that has versions may get locks later.
    assert_eq!(client.set_default("versioned", THREE_DAYS).await.status, 200);
    let told = client.get("/versioned?object-lock").await;
    assert_eq!(told.element("ObjectLockEnabled").as_deref(), Some("Enabled"));
}

#[tokio::test]
async fn the_default_goes_to_every_way_of_writing_and_stays_beside_a_hold() {
    let server = server().await;
    let client = Client::owner(&server);
    client.put("/vault/source", &[], b"bytes").await;
    client.set_default("vault", THREE_DAYS).await;
    let of_default = ("COMPLIANCE".to_owned(), "2026-11-24T12:00:00Z".to_owned());

    client.put_k(&[]).await;
    Upload::of(&client, &[], b"bytes").await.complete(&[]).await;
    client.copy("/vault/source", "/vault/copy", &[]).await;
    client.put_checked("/vault/held", &[HOLD], b"bytes").await;
    for key in ["k", "big", "copy", "held"] {
        assert_eq!(client.lock_of(key).await, of_default, "{key}");
    }
    assert_eq!(client.hold_of("held").await, "ON");
    assert_eq!(client.hold_of("k").await, "OFF");
}

#[tokio::test]
async fn an_explicit_lock_beats_the_default_even_when_it_is_weaker() {
    let server = server().await;
    let client = Client::owner(&server);
    client.put("/vault/source", &[], b"bytes").await;
    client.set_default("vault", THREE_DAYS).await;
    let weaker = lock("GOVERNANCE", LATER);

    client.put_k(&weaker).await;
    Upload::of(&client, &weaker, b"bytes").await.complete(&[]).await;
    client.copy("/vault/source", "/vault/copy", &weaker).await;
    for key in ["k", "big", "copy"] {
        let told = client.lock_of(key).await;
        assert_eq!(told, ("GOVERNANCE".to_owned(), LATER.to_owned()), "{key}");
    }
}

#[tokio::test]
async fn a_bucket_without_locks_takes_no_lock_in_any_write() {
    let server = server().await;
    let client = Client::owner(&server);
    client.put("/plain/source", &[], b"bytes").await;
    for headers in [lock("GOVERNANCE", LATER).as_slice(), &[HOLD]] {
        let put = client.put_checked("/plain/k", headers, b"x").await;
        let started = client.post("/plain/k?uploads", headers, b"").await;
        let copy = client.copy("/plain/source", "/plain/k", headers).await;
        for refused in [put, started, copy] {
            assert_eq!(refused.refusal(), (400, "InvalidRequest".to_owned()));
        }
    }
    for query in ["retention", "legal-hold"] {
        let refused = client.get(&format!("/plain/source?{query}")).await;
        assert_eq!(refused.refusal(), (400, "InvalidRequest".to_owned()));
    }
    assert_eq!(server.bucket("plain").keys(), ["source"]);
}
