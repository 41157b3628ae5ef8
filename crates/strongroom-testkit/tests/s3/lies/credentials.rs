//! Lies about who may ask.

use http::Method;
use jiff::SignedDuration;
use strongroom_testkit::s3::{Lie, User};

use super::{Store, both, locked};
use crate::client::Client;
use crate::locking::{LATER, lock};

/// The statuses of requests with a wrong secret, an unknown access key, and for another region.
async fn strangers(store: &Store) -> [u16; 3] {
    let owner = store.server.owner();
    let status = async |client: Client| client.get("/vault?list-type=2").await.status;
    [
        status(Client::of(&store.server, &User::new(owner.access_key(), "wrong"))).await,
        status(Client::of(&store.server, &User::new("stranger", "x"))).await,
        status(Client::in_region(&store.server, owner, "eu-west-3")).await,
    ]
}

#[tokio::test]
async fn a_wrong_secret_key_or_region_may_be_taken() {
    let honest = [403, 403, 400];
    let secret = both(Lie::AcceptsWrongSecret, locked(), strangers).await;
    assert_eq!(secret, (honest, [200, 403, 400]));
    let unknown = both(Lie::AcceptsUnknownKeys, locked(), strangers).await;
    assert_eq!(unknown, (honest, [403, 200, 400]));
    let region = both(Lie::AcceptsAnyRegion, locked(), strangers).await;
    assert_eq!(region, (honest, [403, 403, 200]));
}

#[tokio::test]
async fn a_store_that_asks_for_no_secret_still_takes_the_right_one() {
    let put = async |store: &Store| store.client.put("/vault/a%20b%2Bc", &[], b"x").await.status;
    assert_eq!(both(Lie::AcceptsWrongSecret, locked(), put).await, (200, 200));
}

#[tokio::test]
async fn a_request_of_another_time_may_be_taken() {
    let skewed = async |store: &Store| {
        store.signatures.advance(SignedDuration::from_mins(16));
        store.client.put("/vault/k", &[], b"x").await.status
    };
    assert_eq!(both(Lie::AcceptsSkewedClocks, locked(), skewed).await, (403, 200));
}

/// The statuses of presigned URLs: used as meant, tampered with, without a signed lock, with another
/// lock than the signed one, and after its end.
async fn urls(store: &Store) -> [u16; 5] {
    let client = &store.client;
    store.server.bucket("vault").put("other", b"bytes".as_slice());
    let headers = lock("COMPLIANCE", LATER);
    let md5 = ("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==");
    let get = client.presign(Method::GET, "/vault/k", &[], 60).await;
    let put = client.presign(Method::PUT, "/vault/k", &headers, 60).await;
    let status = async |method, url: &str, headers: &[(&str, &str)]| {
        client.anonymous(method, url, headers, b"").await.status
    };
    let weaker = lock("GOVERNANCE", LATER);
    let meant = status(Method::PUT, &put, &[headers[0], headers[1], md5]).await;
    let other = get.replace("/vault/k", "/vault/other");
    let tampered = status(Method::GET, &other, &[]).await;
    let dropped = status(Method::PUT, &put, &[md5]).await;
    let another = status(Method::PUT, &put, &[weaker[0], weaker[1], md5]).await;
    store.signatures.advance(SignedDuration::from_secs(61));
    [meant, tampered, dropped, another, status(Method::GET, &get, &[]).await]
}

#[tokio::test]
async fn a_presigned_url_may_be_good_for_more_than_it_says() {
    let honest = [200, 403, 403, 403, 403];
    for (lie, lying) in [
        (Lie::IgnoresPresignedExpiry, [200, 403, 403, 403, 200]),
        (Lie::AcceptsTamperedUrls, [200, 200, 403, 200, 403]),
        (Lie::AllowsDroppedHeaders, [200, 403, 200, 403, 403]),
    ] {
        assert_eq!(both(lie, locked(), urls).await, (honest, lying), "{lie:?}");
    }
}

#[tokio::test]
async fn a_right_that_was_taken_away_may_be_had_all_the_same() {
    let seen = async |store: &Store| {
        let version = store.client.put_k(&[]).await;
        let locked = store.client.put_locked("GOVERNANCE").await;
        let reader = store.reader.delete_version(&version, false).await;
        (reader, store.guest.delete_version(&locked, true).await)
    };
    assert_eq!(both(Lie::IgnoresRights, locked(), seen).await, ((403, 403), (204, 204)));
}
