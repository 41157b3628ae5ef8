//! Lies of buckets about themselves.

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
