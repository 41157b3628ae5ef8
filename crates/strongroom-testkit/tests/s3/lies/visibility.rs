//! Lies about what readers see of writes under way.

use strongroom_testkit::s3::{Lie, Op};

use super::{Store, both, locked};
use crate::truncated::RawPut;
use crate::uploads::Upload;

#[tokio::test]
async fn parts_may_be_seen_before_the_completion() {
    let seen = async |store: &Store| {
        let mut upload = Upload::of(&store.client, &[], b"first ").await;
        let early = store.client.get("/vault/big").await.status;
        upload.part(2, b"second").await;
        upload.complete(&[]).await;
        (early, store.client.get("/vault/big").await.text())
    };
    let (honest, lying) = both(Lie::ShowsPartsEarly, locked(), seen).await;
    assert_eq!(honest, (404, "first second".to_owned()));
    assert_eq!(lying, (200, "first second".to_owned()));
}

#[tokio::test]
async fn the_start_of_a_body_may_be_seen_before_its_end() {
    let seen = async |store: &Store| {
        let mut put = RawPut::begin(&store.server, "k", 10).await;
        put.send(b"whole").await;
        while store.server.count(Op::PutObject) == 0 {
            tokio::task::yield_now().await;
        }
        let early = store.client.get("/vault/k").await;
        put.send(b" body").await;
        assert!(put.answer().await.starts_with("HTTP/1.1 200"));
        (early.status, early.text(), store.client.get("/vault/k").await.text())
    };
    let (honest, lying) = both(Lie::ShowsBodyEarly, locked(), seen).await;
    assert_eq!((honest.0, honest.2.as_str()), (404, "whole body"));
    assert_eq!(lying, (200, "whole".to_owned(), "whole body".to_owned()));
}

/// What is read of `k` while `body` is being written there, until it is whole.
async fn read_meanwhile(store: &Store, body: &[u8]) -> Vec<String> {
    let mut read = Vec::new();
    let write = store.client.put("/vault/k", &[], body);
    let reads = async {
        loop {
            let seen = store.client.get("/vault/k").await;
            if !read.contains(&seen.text()) {
                read.push(seen.text());
            }
            if seen.body == body {
                return;
            }
        }
    };
    tokio::join!(write, reads);
    read
}

#[tokio::test]
async fn a_read_during_an_overwrite_may_be_of_both() {
    let seen = async |store: &Store| {
        store.client.put("/vault/k", &[], b"old old old").await;
        read_meanwhile(store, b"new new new").await
    };
    let (honest, lying) = both(Lie::MixesReads, locked(), seen).await;
    assert!(honest.iter().all(|read| read == "old old old" || read == "new new new"));
    assert!(lying.contains(&"new nld old".to_owned()), "{lying:?}");
}

#[tokio::test]
async fn an_abort_may_leave_an_object() {
    let seen = async |store: &Store| {
        let upload = Upload::of(&store.client, &[], b"bytes").await;
        (upload.abort().await.status, store.client.get("/vault/big").await.status)
    };
    let seen = both(Lie::AbortLeavesObject, locked(), seen).await;
    assert_eq!(seen, ((204, 404), (204, 200)));
}
