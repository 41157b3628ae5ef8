//! Changes of a lock on a version that is there.

use jiff::SignedDuration;
use strongroom_testkit::S3Server;
use strongroom_testkit::s3::{BucketSettings, Right, User};

use crate::client::Client;
use crate::locking::{BYPASS, EARLIER, HOLD, LATER, MUCH_LATER, SOON, clock, lock};
use crate::uploads::Upload;

/// A server, and somebody who may not bypass governance.
async fn server() -> (S3Server, Client) {
    let guest = User::new("guest", "guest-secret").without(Right::BypassGovernance);
    let builder = S3Server::builder().bucket("vault", BucketSettings::locked()).clock(clock());
    let server = builder.user(guest.clone()).start().await;
    let guest = Client::of(&server, &guest);
    (server, guest)
}

#[tokio::test]
async fn every_change_of_a_lock_is_judged_by_its_mode_and_the_right_to_bypass() {
    let (server, guest) = server().await;
    let owner = Client::owner(&server);
    // present mode, wished mode and date: without the header, with it, with it but not the right
    for (present, mode, until, plain, bypassed, without_right) in [
        ("GOVERNANCE", "GOVERNANCE", MUCH_LATER, 200, 200, 200),
        ("GOVERNANCE", "COMPLIANCE", LATER, 200, 200, 200),
        ("GOVERNANCE", "GOVERNANCE", SOON, 403, 200, 403),
        ("GOVERNANCE", "COMPLIANCE", SOON, 403, 200, 403),
        ("GOVERNANCE", "GOVERNANCE", EARLIER, 400, 400, 400),
        ("COMPLIANCE", "COMPLIANCE", MUCH_LATER, 200, 200, 200),
        ("COMPLIANCE", "COMPLIANCE", SOON, 403, 403, 403),
        ("COMPLIANCE", "GOVERNANCE", MUCH_LATER, 403, 403, 403),
        ("COMPLIANCE", "GOVERNANCE", LATER, 403, 403, 403),
        ("COMPLIANCE", "COMPLIANCE", EARLIER, 400, 400, 400),
    ] {
        let wish = format!("{present} to {mode} until {until}");
        for (client, bypass, expected) in
            [(&owner, false, plain), (&owner, true, bypassed), (&guest, true, without_right)]
        {
            let version = owner.put_locked(present).await;
            let told = client.retain(&version, mode, until, bypass).await;
            assert_eq!(told, expected, "{wish}, bypass: {bypass}");
            let lock = owner.lock_of("k").await;
            let kept = if expected == 200 { (mode, until) } else { (present, LATER) };
            assert_eq!(lock, (kept.0.to_owned(), kept.1.to_owned()), "{wish}");
        }
    }
}

#[tokio::test]
async fn an_empty_retention_takes_a_governance_lock_away_from_those_who_may() {
    let (server, guest) = server().await;
    let owner = Client::owner(&server);
    let version = owner.put_locked("GOVERNANCE").await;
    let empty = "<Retention></Retention>";
    assert_eq!(owner.retain_by(&version, empty, &[]).await.status, 403);
    assert_eq!(guest.retain_by(&version, empty, &[BYPASS]).await.status, 403);
    assert_eq!(owner.retain_by(&version, empty, &[BYPASS]).await.status, 200);
    assert_eq!(owner.lock_of("k").await.0, "NoSuchObjectLockConfiguration");
    let version = owner.put_locked("COMPLIANCE").await;
    assert_eq!(owner.retain_by(&version, empty, &[BYPASS]).await.status, 403);
}

#[tokio::test]
async fn a_lock_after_the_fact_holds_like_one_in_the_write() {
    let (server, _) = server().await;
    let client = Client::owner(&server);
    let version = client.put_k(&[]).await;
    assert_eq!(client.retain(&version, "COMPLIANCE", LATER, false).await, 200);
    assert_eq!(client.delete_version(&version, true).await, 403);
    server.clock().advance(SignedDuration::from_hours(24));
    assert_eq!(client.delete_version(&version, false).await, 204);
}

#[tokio::test]
async fn a_retention_that_is_none_is_refused() {
    let (server, _) = server().await;
    let client = Client::owner(&server);
    let version = client.put_k(&[]).await;
    let until = format!("<RetainUntilDate>{LATER}</RetainUntilDate>");
    for xml in [
        format!("<Retention><Mode>governance</Mode>{until}</Retention>"),
        format!("<Retention><Mode>abc</Mode>{until}</Retention>"),
        format!("<Retention>{until}</Retention>"),
        "<Retention><Mode>GOVERNANCE</Mode></Retention>".to_owned(),
        "<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>soon</RetainUntilDate></Retention>"
            .to_owned(),
        "no xml".to_owned(),
    ] {
        let refused = client.retain_by(&version, &xml, &[]).await;
        assert_eq!(refused.refusal(), (400, "MalformedXML".to_owned()), "{xml}");
    }
    let without_digest = format!("/vault/k?retention&versionId={version}");
    let without_digest = client.put(&without_digest, &[], b"<Retention></Retention>").await;
    assert_eq!(without_digest.refusal(), (400, "InvalidRequest".to_owned()));
    assert_eq!(client.lock_of("k").await.0, "NoSuchObjectLockConfiguration");
}

#[tokio::test]
async fn lock_headers_that_make_no_lock_are_refused() {
    let (server, _) = server().await;
    let client = Client::owner(&server);
    let until = ("x-amz-object-lock-retain-until-date", LATER);
    let mode = ("x-amz-object-lock-mode", "GOVERNANCE");
    for headers in [
        vec![mode],
        vec![until],
        vec![("x-amz-object-lock-mode", "governance"), until],
        vec![mode, ("x-amz-object-lock-retain-until-date", EARLIER)],
        vec![("x-amz-object-lock-legal-hold", "on")],
    ] {
        let put = client.put_checked("/vault/k", &headers, b"x").await;
        let started = client.post("/vault/k?uploads", &headers, b"").await;
        for refused in [put, started] {
            assert_eq!(refused.refusal(), (400, "InvalidArgument".to_owned()), "{headers:?}");
        }
    }
    assert!(server.bucket("vault").versions("k").is_empty());
    assert!(server.bucket("vault").open_uploads().is_empty());
}

#[tokio::test]
async fn a_hold_and_a_retention_do_not_touch_each_other() {
    let (server, _) = server().await;
    let client = Client::owner(&server);
    let version = client.put_k(&lock("GOVERNANCE", LATER)).await;
    assert_eq!(client.hold(&version, "ON").await, 200);
    assert_eq!(client.retain(&version, "COMPLIANCE", MUCH_LATER, false).await, 200);
    assert_eq!(client.hold_of("k").await, "ON");
    assert_eq!(client.hold(&version, "OFF").await, 200);
    assert_eq!(client.lock_of("k").await.0, "COMPLIANCE");
    assert_eq!(client.hold(&version, "on").await, 400);

    let held = client.put_k(&[HOLD]).await;
    assert_eq!(client.delete_version(&held, true).await, 403);
    assert_eq!(
        client.delete_batch(&[("k", Some(&held))], &[BYPASS]).await.elements("Error").len(),
        1
    );
}

#[tokio::test]
async fn an_expired_lock_refuses_nothing_any_more_and_is_still_told() {
    let (server, _) = server().await;
    let client = Client::owner(&server);
    let version = client.put_locked("COMPLIANCE").await;
    server.clock().advance(SignedDuration::from_hours(24) - SignedDuration::from_secs(1));
    assert_eq!(client.delete_version(&version, true).await, 403);
    server.clock().advance(SignedDuration::from_secs(1));
    assert_eq!(client.lock_of("k").await, ("COMPLIANCE".to_owned(), LATER.to_owned()));
    assert_eq!(client.retain(&version, "GOVERNANCE", MUCH_LATER, false).await, 200);
    assert_eq!(client.delete_version(&version, true).await, 204);
}

#[tokio::test]
async fn a_store_may_ask_for_the_bypass_where_governance_becomes_compliance() {
    let builder = S3Server::builder().bucket("vault", BucketSettings::locked()).clock(clock());
    let server = builder.upgrades_need_bypass().start().await;
    let client = Client::owner(&server);
    let version = client.put_locked("GOVERNANCE").await;
    assert_eq!(client.retain(&version, "COMPLIANCE", LATER, false).await, 403);
    assert_eq!(client.retain(&version, "GOVERNANCE", MUCH_LATER, false).await, 200);
    assert_eq!(client.retain(&version, "COMPLIANCE", MUCH_LATER, true).await, 200);
}

#[tokio::test]
async fn head_tells_a_retention_and_a_hold_that_came_later() {
    let (server, _) = server().await;
    let client = Client::owner(&server);
    let version = client.put_k(&[]).await;
    client.hold(&version, "ON").await;
    client.retain(&version, "GOVERNANCE", LATER, false).await;
    let head = client.head("/vault/k").await;
    assert_eq!(head.header("x-amz-object-lock-mode"), Some("GOVERNANCE"));
    assert_eq!(head.header("x-amz-object-lock-legal-hold"), Some("ON"));
    let until = head.header("x-amz-object-lock-retain-until-date").unwrap();
    assert_eq!(until.parse::<jiff::Timestamp>().unwrap().to_string(), LATER);
}

#[tokio::test]
async fn an_upload_in_parts_is_held_like_a_write_in_one() {
    let (server, _) = server().await;
    let client = Client::owner(&server);
    for headers in [lock("GOVERNANCE", LATER).as_slice(), &[HOLD]] {
        let done = Upload::of(&client, headers, b"bytes").await.complete(&[]).await;
        let path = format!("/vault/big?versionId={}", done.header("x-amz-version-id").unwrap());
        assert_eq!(client.delete(&path).await.refusal(), (403, "AccessDenied".to_owned()));
        assert_eq!(client.get(&path).await.body, b"bytes");
    }
}
