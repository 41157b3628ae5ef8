//! Lies of buckets about themselves.

use strongroom_core::retention::LockMode;
use strongroom_testkit::s3::{BucketSettings, Lie};

use super::{Store, both};
use crate::locking::{LATER, lock};

#[tokio::test]
async fn a_bucket_may_only_claim_to_have_versions() {
    let seen = async |store: &Store| {
        let told = store.client.get("/vault?versioning").await.element("Status");
        let first = store.client.put("/vault/k", &[], b"first").await;
        store.client.put("/vault/k", &[], b"second").await;
        let versions = store.server.bucket("vault").versions("k").len();
        (told, first.header("x-amz-version-id").is_some(), versions)
    };
    let enabled = Some("Enabled".to_owned());
    for settings in [BucketSettings::versioned(), BucketSettings::locked()] {
        let seen = both(Lie::ClaimsVersioning, settings, seen).await;
        assert_eq!(seen, ((enabled.clone(), true, 2), (enabled.clone(), false, 1)));
    }
    let plain = both(Lie::ClaimsVersioning, BucketSettings::plain(), seen).await;
    assert_eq!(plain, ((None, false, 1), (enabled, false, 1)));
}

#[tokio::test]
async fn a_bucket_may_only_claim_to_have_locks() {
    let seen = async |store: &Store| {
        let told = store.client.get("/vault?object-lock").await.status;
        let put = store.client.put_checked("/vault/k", &lock("COMPLIANCE", LATER), b"x").await;
        (
            told,
            put.status,
            store.client.head("/vault/k").await.header("x-amz-object-lock-mode").is_some(),
        )
    };
    let seen = both(Lie::ClaimsObjectLock, BucketSettings::versioned(), seen).await;
    assert_eq!(seen, ((404, 400, false), (200, 200, false)));
}

#[tokio::test]
async fn a_bucket_may_only_claim_to_encrypt() {
    let seen = async |store: &Store| {
        store.client.put("/vault/k", &[], b"x").await;
        let head = store.client.head("/vault/k").await;
        let told = store.client.get("/vault?encryption").await.status;
        (told, head.header("x-amz-server-side-encryption").map(str::to_owned))
    };
    let seen = both(Lie::ClaimsEncryption, BucketSettings::plain(), seen).await;
    assert_eq!(seen, ((404, None), (200, None)));
}

#[tokio::test]
async fn anybody_may_read_what_a_bucket_calls_private() {
    let settings = BucketSettings::locked().public_access_blocked(true);
    let seen = async |store: &Store| {
        store.client.put("/vault/k", &[], b"x").await;
        let url = format!("{}/vault/k", store.server.endpoint());
        let read = store.client.anonymous(http::Method::GET, &url, &[], b"").await.status;
        let written = store.client.anonymous(http::Method::PUT, &url, &[], b"x").await.status;
        let listed = store.server.endpoint() + "/vault?list-type=2";
        let listed = store.client.anonymous(http::Method::GET, &listed, &[], b"").await.status;
        (read, written, listed)
    };
    let seen = both(Lie::AllowsAnonymousReads, settings, seen).await;
    assert_eq!(seen, ((403, 403, 403), (200, 403, 403)));
}

#[tokio::test]
async fn a_bucket_may_hide_that_it_locks_everything() {
    let settings = BucketSettings::locked().default_retention(LockMode::Compliance, 30);
    let seen = async |store: &Store| {
        store.client.put_k(&[]).await;
        let told = store.client.get("/vault?object-lock").await.element("Days");
        (told, store.client.lock_of("k").await.0)
    };
    let seen = both(Lie::HidesDefaultRetention, settings, seen).await;
    let (days, compliance) = (Some("30".to_owned()), "COMPLIANCE".to_owned());
    assert_eq!(seen, ((days, compliance.clone()), (None, compliance)));
}

#[tokio::test]
async fn a_public_bucket_may_say_that_it_is_not() {
    let settings = BucketSettings::plain().public_access_blocked(false).public_by_policy(true);
    let seen = async |store: &Store| {
        let blocked = store.client.get("/vault?publicAccessBlock").await;
        let public = store.client.get("/vault?policyStatus").await;
        [blocked.element("BlockPublicPolicy"), public.element("IsPublic")].map(Option::unwrap)
    };
    let words = |words: [&str; 2]| words.map(str::to_owned);
    let seen = both(Lie::ClaimsPrivacy, settings, seen).await;
    assert_eq!(seen, (words(["false", "true"]), words(["true", "false"])));
}
