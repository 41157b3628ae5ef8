//! Lies about bytes: what is compared, and what is put together.

use sha2::{Digest as _, Sha256};
use strongroom_testkit::s3::Lie;

use super::{Store, both, locked};
use crate::client::sha256_base64;
use crate::truncated::put_truncated;
use crate::uploads::Upload;

const MD5_OF_NOTHING: &str = "1B2M2Y8AsgTpgAmY7PhCfg==";

/// The statuses of a PUT with a wrong SHA-256, a wrong MD5 and a wrong payload hash.
async fn wrong_digests(store: &Store) -> [u16; 3] {
    let (sha256, payload) = (sha256_base64(b"other"), hex::encode(Sha256::digest(b"other")));
    let put = async |name, value: &str| {
        store.client.put("/vault/k", &[(name, value)], b"bytes").await.status
    };
    [
        put("x-amz-checksum-sha256", &sha256).await,
        put("content-md5", MD5_OF_NOTHING).await,
        put("x-amz-content-sha256", &payload).await,
    ]
}

#[tokio::test]
async fn a_wrong_digest_may_be_taken() {
    for (lie, lying) in [
        (Lie::AcceptsWrongSha256, [200, 400, 400]),
        (Lie::AcceptsWrongMd5, [400, 200, 400]),
        (Lie::AcceptsWrongPayloadHash, [400, 400, 200]),
        (Lie::AcceptsWrongPartDigests, [400, 400, 400]),
    ] {
        assert_eq!(both(lie, locked(), wrong_digests).await, ([400; 3], lying), "{lie:?}");
    }
}

#[tokio::test]
async fn a_part_with_a_wrong_digest_may_be_taken() {
    let seen = async |store: &Store| {
        let upload = Upload::start(&store.client, &[]).await;
        let path = format!("/vault/big?partNumber=1&uploadId={}", upload.id);
        let sha256 = sha256_base64(b"other");
        let sha256 = [("x-amz-checksum-sha256", sha256.as_str())];
        let sha256 = store.client.put(&path, &sha256, b"bytes").await.status;
        let md5 = store.client.put(&path, &[("content-md5", MD5_OF_NOTHING)], b"bytes").await;
        (sha256, md5.status)
    };
    let seen = both(Lie::AcceptsWrongPartDigests, locked(), seen).await;
    assert_eq!(seen, ((400, 400), (200, 200)));
}

#[tokio::test]
async fn a_truncated_body_may_be_stored_as_far_as_it_came() {
    let seen = async |store: &Store| {
        put_truncated(&store.server, "k", b"half of it").await;
        // The answer goes to a connection that is gone; the next request comes after the write.
        store.client.get("/vault/k").await.text().replace("half of it", "stored")
    };
    let (honest, lying) = both(Lie::StoresTruncatedBodies, locked(), seen).await;
    assert!(honest.contains("NoSuchKey"), "{honest}");
    assert_eq!(lying, "stored");
}

#[tokio::test]
async fn a_completion_may_name_parts_that_never_came() {
    let seen = async |store: &Store| {
        let mut upload = Upload::of(&store.client, &[], b"bytes").await;
        let etag = upload.listed.split("<ETag>").nth(1).unwrap().split("</ETag>").next().unwrap();
        let etag = etag.to_owned();
        upload.listed = upload.listed.replace(&etag, "\"00000000000000000000000000000000\"");
        upload.complete(&[]).await.refusal()
    };
    let (honest, lying) = both(Lie::AcceptsWrongCompletion, locked(), seen).await;
    assert_eq!(honest, (400, "InvalidPart".to_owned()));
    assert_eq!(lying, (200, String::new()));
}

#[tokio::test]
async fn parts_may_be_put_together_wrongly() {
    let seen = async |store: &Store| {
        let mut upload = Upload::of(&store.client, &[], b"first ").await;
        upload.part(2, b"second").await;
        upload.complete(&[]).await;
        store.client.get("/vault/big").await.text()
    };
    let (honest, lying) = both(Lie::MixesParts, locked(), seen).await;
    assert_eq!((honest.as_str(), lying.as_str()), ("first second", "secondfirst "));
}

#[tokio::test]
async fn a_range_may_be_one_byte_off() {
    let seen = async |store: &Store| {
        store.client.put("/vault/k", &[], b"0123456789").await;
        let range = async |range| {
            let headers = [("range", range)];
            let part = store.client.send(http::Method::GET, "/vault/k", &headers, b"").await;
            part.unwrap().text()
        };
        [range("bytes=0-3").await, range("bytes=7-9").await, range("bytes=0-9").await]
    };
    let (honest, lying) = both(Lie::ShiftsRanges, locked(), seen).await;
    assert_eq!(honest, ["0123", "789", "0123456789"]);
    assert_eq!(lying, ["1234", "678", "0123456789"]);
}
