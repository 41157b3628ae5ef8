//! `az://` when answers are lost, requests fail and bodies break.

use std::time::{Duration, Instant};

use bytes::Bytes;
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::receipt::CreateOnly;
use strongroom_storage::azure::AzureStorage;
use strongroom_storage::open::{Secret, StaticCredentials, StoreSettings};
use strongroom_storage::{
    Body, Clock, CreateOptions, Created, ObjectKey, SINGLE_WRITE_BYTES_MAX, Storage, StorageError,
    StorageErrorKind,
};

mod server;

use server::{Fault, Server};

async fn store_on(server: &Server) -> AzureStorage {
    let settings = StoreSettings {
        url: "az://box/prefix".to_owned(),
        endpoint: Some(server.endpoint.clone()),
        allow_http: true,
        credentials: Some(StaticCredentials {
            access_key: "account".to_owned(),
            secret_key: Secret("a2V5".to_owned()),
            session_token: None,
        }),
        ..StoreSettings::default()
    };
    AzureStorage::connect(&settings, Clock::system()).await.expect("a store")
}

fn key() -> ObjectKey {
    ObjectKey::new("a").expect("a key")
}

async fn create(store: &AzureStorage, body: impl Into<Body>) -> Result<Created, StorageError> {
    store.create(&key(), body.into(), &CreateOptions::default()).await
}

fn kind<T>(result: Result<T, StorageError>) -> Option<StorageErrorKind> {
    result.err().map(|failure| failure.kind())
}

async fn read(store: &AzureStorage) -> Result<Bytes, StorageError> {
    store.read(&key(), None, None).await?.collect(64 << 20).await
}

fn large() -> Bytes {
    Bytes::from(vec![7; SINGLE_WRITE_BYTES_MAX as usize + 10])
}

#[tokio::test]
async fn a_put_whose_answer_is_lost_is_one_create() {
    let server = Server::start().await;
    let store = store_on(&server).await;
    server.fail("PUT", Fault::LoseAnswer);
    let created = create(&store, Bytes::from("body")).await.expect("it is there");
    assert_eq!((created.size_bytes, created.create_only), (4, CreateOnly::Checked));
    let puts = server.seen("PUT");
    assert_eq!(puts.len(), 1);
    assert_eq!(puts[0].headers["if-none-match"], "*");
    assert!(puts[0].headers.contains_key("x-ms-meta-strongroom_write_id"));
    assert_eq!(read(&store).await.expect("bytes"), "body");
}

#[tokio::test]
async fn a_list_of_blocks_whose_answer_is_lost_is_one_create() {
    let server = Server::start().await;
    let store = store_on(&server).await;
    server.fail("comp=blocklist", Fault::LoseAnswer);
    create(&store, large()).await.expect("it is there");
    let commits = server.seen("comp=blocklist");
    assert_eq!(commits.len(), 1);
    assert_eq!(commits[0].headers["if-none-match"], "*");
    assert_eq!(read(&store).await.expect("bytes"), large());
}

#[tokio::test]
async fn a_put_that_failed_for_certain_is_sent_again() {
    let server = Server::start().await;
    let store = store_on(&server).await;
    server.fail("PUT", Fault::Answer(500, "InternalError"));
    server.fail("PUT", Fault::Answer(503, "ServerBusy"));
    create(&store, Bytes::from("body")).await.expect("created");
    assert_eq!(server.seen("PUT").len(), 3);
}

#[tokio::test]
async fn somebody_elses_blob_is_found_after_a_doubt() {
    let server = Server::start().await;
    let store = store_on(&server).await;
    server.fail("PUT", Fault::SomebodyElseFirst);
    let refused = create(&store, Bytes::from("body")).await;
    assert_eq!(kind(refused), Some(StorageErrorKind::AlreadyExists));
    assert_eq!(server.seen("PUT").len(), 1);
}

#[tokio::test]
async fn a_refusal_is_not_tried_again_and_a_store_that_stays_busy_is_given_up_in_time() {
    let server = Server::start().await;
    let store = store_on(&server).await;
    server.fail("PUT", Fault::Answer(403, "AuthorizationPermissionMismatch"));
    let refused = create(&store, Bytes::from("body")).await;
    assert_eq!(kind(refused), Some(StorageErrorKind::PermissionDenied));
    assert_eq!(server.seen("PUT").len(), 1);

    (0..50).for_each(|_| server.fail("PUT", Fault::Answer(503, "ServerBusy")));
    let started = Instant::now();
    let refused = create(&store, Bytes::from("body")).await;
    assert_eq!(kind(refused), Some(StorageErrorKind::Throttled));
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn create_only_is_enforced_once_a_refusal_was_seen() {
    let server = Server::start().await;
    let store = store_on(&server).await;
    create(&store, Bytes::from("body")).await.expect("created");
    let probed = store.probe_create_only(&key(), &Bytes::from("body")).await.expect("an answer");
    assert_eq!(probed, Observed::Observed(true));
    let other = ObjectKey::new("b").expect("a key");
    let looks = server.seen("HEAD").len();
    let created = store.create(&other, Bytes::from("x").into(), &CreateOptions::default()).await;
    assert_eq!(created.expect("created").create_only, CreateOnly::Enforced);
    assert_eq!(server.seen("HEAD").len(), looks, "nothing needs to be looked at first");
}

#[tokio::test]
async fn a_body_that_breaks_is_resumed_where_it_broke() {
    let server = Server::start().await;
    let store = store_on(&server).await;
    let body: Bytes = (0..200_000_u32).map(|n| n as u8).collect();
    create(&store, body.clone()).await.expect("created");
    server.fail("GET", Fault::CutBodyAfter(70_000));
    server.fail("GET", Fault::CutBodyAfter(10));
    assert_eq!(read(&store).await.expect("bytes"), body);
    let reads = server.seen("GET");
    let ranges: Vec<_> = reads.iter().map(|read| read.headers.get("range")).collect();
    assert_eq!(ranges.len(), 3, "{ranges:?}");
    assert!(reads[1].headers.contains_key("if-match"));
}

#[tokio::test]
async fn a_blob_that_is_replaced_while_it_is_read_is_not_pieced_together() {
    let server = Server::start().await;
    let store = store_on(&server).await;
    create(&store, Bytes::from(vec![1; 200_000])).await.expect("created");
    server.fail("GET", Fault::CutBodyAfter(70_000));
    let reader = store.read(&key(), None, None).await.expect("a reader");
    server.replace_all();
    let refused = reader.collect(1 << 20).await;
    assert_eq!(kind(refused), Some(StorageErrorKind::Integrity));
}

#[tokio::test]
async fn an_answer_that_is_not_what_is_left_is_not_pieced_in() {
    let server = Server::start().await;
    let store = store_on(&server).await;
    let body: Bytes = (0..200_000_u32).map(|n| n as u8).collect();
    create(&store, body).await.expect("created");
    for (fault, meaning) in [
        (Fault::IgnoreRange, StorageErrorKind::Unsupported),
        (Fault::ShiftRange, StorageErrorKind::Malformed),
    ] {
        server.fail("GET", Fault::CutBodyAfter(70_000));
        server.fail("GET", fault.clone());
        assert_eq!(kind(read(&store).await), Some(meaning), "{fault:?}");

        server.fail("GET", fault.clone());
        let first = store.read(&key(), None, Some(100..200)).await;
        assert_eq!(kind(first), Some(meaning), "{fault:?} at first");
    }
}

#[tokio::test]
async fn a_store_that_breaks_off_after_every_few_bytes_is_given_up() {
    let server = Server::start().await;
    let store = store_on(&server).await;
    create(&store, Bytes::from(vec![7; 200])).await.expect("created");
    (0..20).for_each(|_| server.fail("GET", Fault::CutBodyAfter(10)));
    assert_eq!(kind(read(&store).await), Some(StorageErrorKind::Unreachable));
    assert_eq!(server.seen("GET").len(), 4);
}

#[tokio::test]
async fn a_container_with_a_policy_is_not_said_to_have_none() {
    let server = Server::start().await;
    let store = store_on(&server).await;
    let seen = store.bucket_locks().await.expect("an answer").default_retention;
    assert_eq!(seen, Observed::Unobserved(Unobserved::UnsupportedBackend));
    server.answer_about_container("x-ms-has-immutability-policy", "true");
    let seen = store.bucket_locks().await.expect("an answer").default_retention;
    assert_eq!(seen, Observed::Unobserved(Unobserved::NotProbed));
    let problems = store.status().await.problems.join("\n");
    assert!(problems.contains("immutability policy"), "{problems}");
}
