//! Lies about locks that are asked for, or given by default.

use strongroom_testkit::s3::Lie;

use super::{Store, both, locked};
use crate::locking::{HOLD, LATER, lock};
use crate::uploads::Upload;

const LOST: &str = "NoSuchObjectLockConfiguration";

/// The modes of what is written with these headers by PUT, by multipart upload and by copy.
async fn modes(store: &Store, headers: &[(&str, &str)]) -> [String; 3] {
    let client = &store.client;
    client.put_k(headers).await;
    let big = Upload::of(client, headers, b"bytes").await.complete(&[]).await;
    let copy = client.copy("/vault/k", "/vault/copy", headers).await;
    assert_eq!((big.status, copy.status), (200, 200));
    [client.lock_of("k").await.0, client.lock_of("big").await.0, client.lock_of("copy").await.0]
}

fn all_but(lost: usize) -> [&'static str; 3] {
    let mut modes = ["COMPLIANCE"; 3];
    modes[lost] = LOST;
    modes
}

#[tokio::test]
async fn the_lock_of_a_write_may_be_dropped() {
    let drops = [Lie::DropsLockOnPut, Lie::DropsLockOnMultipart, Lie::DropsLockOnCopy];
    for (way, lie) in drops.into_iter().enumerate() {
        let seen = async |store: &Store| modes(store, &lock("COMPLIANCE", LATER)).await;
        let (honest, lying) = both(lie, locked(), seen).await;
        assert_eq!(honest, ["COMPLIANCE"; 3]);
        assert_eq!(lying, all_but(way), "{lie:?}");
    }
}

#[tokio::test]
async fn the_default_retention_may_be_ignored() {
    let ignores =
        [Lie::IgnoresDefaultOnPut, Lie::IgnoresDefaultOnMultipart, Lie::IgnoresDefaultOnCopy];
    for (way, lie) in ignores.into_iter().enumerate() {
        let seen = async |store: &Store| {
            store.client.set_default("vault", "<Mode>COMPLIANCE</Mode><Days>3</Days>").await;
            modes(store, &[]).await
        };
        let (honest, lying) = both(lie, locked(), seen).await;
        assert_eq!(honest, ["COMPLIANCE"; 3]);
        assert_eq!(lying, all_but(way), "{lie:?}");
    }
}

#[tokio::test]
async fn the_default_retention_may_be_lost_beside_a_hold() {
    let seen = async |store: &Store| {
        store.client.set_default("vault", "<Mode>COMPLIANCE</Mode><Days>3</Days>").await;
        store.client.put_k(&[]).await;
        let without = store.client.lock_of("k").await.0;
        store.client.put_k(&[HOLD]).await;
        (without, store.client.lock_of("k").await.0, store.client.hold_of("k").await)
    };
    let (honest, lying) = both(Lie::LosesDefaultBesideHold, locked(), seen).await;
    let words = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
    assert_eq!(honest, words("COMPLIANCE", "COMPLIANCE", "ON"));
    assert_eq!(lying, words("COMPLIANCE", LOST, "ON"));
}

#[tokio::test]
async fn a_lock_after_the_fact_may_be_dropped() {
    let seen = async |store: &Store| {
        let version = store.client.put_k(&[]).await;
        let answers = (
            store.client.retain(&version, "GOVERNANCE", LATER, false).await,
            store.client.hold(&version, "ON").await,
        );
        let told = (store.client.lock_of("k").await.0, store.client.hold_of("k").await);
        (answers, told)
    };
    let told = |mode: &str, hold: &str| ((200, 200), (mode.to_owned(), hold.to_owned()));
    let (honest, lying) = both(Lie::DropsLaterRetention, locked(), seen).await;
    assert_eq!(honest, told("GOVERNANCE", "ON"));
    assert_eq!(lying, told(LOST, "ON"));
    let (_, lying) = both(Lie::DropsLaterHold, locked(), seen).await;
    assert_eq!(lying, told("GOVERNANCE", "OFF"));
}

#[tokio::test]
async fn the_hold_of_a_write_may_be_dropped_alone() {
    let seen = async |store: &Store| {
        let mut headers = lock("COMPLIANCE", LATER).to_vec();
        headers.push(HOLD);
        store.client.put_k(&headers).await;
        (store.client.lock_of("k").await.0, store.client.hold_of("k").await)
    };
    let told = |hold: &str| ("COMPLIANCE".to_owned(), hold.to_owned());
    let seen = both(Lie::DropsHoldOnPut, locked(), seen).await;
    assert_eq!(seen, (told("ON"), told("OFF")));
}
