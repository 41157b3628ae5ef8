//! `memory://` keeps the contract of `Storage`.

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use strongroom_core::observed::Observed;
use strongroom_core::retention::{Lock, LockMode, Retention};
use strongroom_storage::memory::MemoryStorage;
use strongroom_storage::{
    Body, Clock, CreateOptions, ListRequest, ObjectKey, Storage, StorageError, StorageErrorKind,
};

const NOW: &str = "2026-11-21T12:00:00Z";

fn time(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

fn store() -> MemoryStorage {
    MemoryStorage::new(Clock::new(|| time(NOW)))
}

fn key(text: &str) -> ObjectKey {
    ObjectKey::new(text).expect("a key")
}

async fn put(store: &MemoryStorage, at: &str, body: &'static str) {
    let options = CreateOptions::default();
    store.create(&key(at), Bytes::from(body).into(), &options).await.expect("created");
}

fn kind<T>(result: Result<T, StorageError>) -> Option<StorageErrorKind> {
    result.err().map(|failure| failure.kind())
}

async fn every_page(store: &MemoryStorage, mut request: ListRequest) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        let page = store.list(&request).await.expect("a page");
        assert!(page.objects.len() + page.folders.len() <= request.limit.unwrap_or(1_000));
        seen.extend(page.objects.into_iter().map(|object| object.key));
        seen.extend(page.folders);
        request.page = page.next;
        if request.page.is_none() {
            return seen;
        }
    }
}

#[tokio::test]
async fn what_was_created_is_read_back_whole_and_in_ranges() {
    let store = store();
    let pieces = ["hel", "", "lo wor", "ld"].map(|piece| Ok(Bytes::from(piece)));
    let body = Body::new(stream::iter(pieces).boxed(), 11);
    let created =
        store.create(&key("a/b"), body, &CreateOptions::default()).await.expect("created");
    assert_eq!((created.size_bytes, created.stored_at), (11, Some(time(NOW))));

    for (range, expected) in
        [(None, "hello world"), (Some(2..7), "llo w"), (Some(3..4), "l"), (Some(9..99), "ld")]
    {
        let reader = store.read(&key("a/b"), None, range).await.expect("a reader");
        assert_eq!(reader.info.size_bytes, 11);
        assert_eq!(reader.collect(11).await.expect("bytes"), expected);
    }
    let past = store.read(&key("a/b"), None, Some(11..12)).await;
    assert_eq!(kind(past), Some(StorageErrorKind::InvalidRequest));
}

#[tokio::test]
async fn a_second_create_is_refused_and_changes_nothing() {
    let store = store();
    put(&store, "a", "first").await;
    let second = store.create(&key("a"), Bytes::from("second").into(), &Default::default()).await;
    assert_eq!(kind(second), Some(StorageErrorKind::AlreadyExists));
    let body = store.read(&key("a"), None, None).await.expect("a reader");
    assert_eq!(body.collect(9).await.expect("bytes"), "first");
    let probed = store.probe_create_only(&key("a"), &Bytes::from("first")).await.expect("probed");
    assert_eq!(probed, Observed::Observed(true));
}

#[tokio::test]
async fn a_body_that_fails_or_is_too_long_leaves_nothing() {
    let store = store();
    let failing = stream::iter([
        Ok(Bytes::from("half")),
        Err(StorageError::new(StorageErrorKind::Io, "the file changed")),
    ]);
    let body = Body::new(failing.boxed(), 99);
    let failed = store.create(&key("a"), body, &Default::default()).await;
    assert_eq!(kind(failed), Some(StorageErrorKind::BodyFailed));

    let long = stream::iter([Ok(Bytes::from("four"))]);
    let body = Body::new(long.boxed(), 3);
    let refused = store.create(&key("a"), body, &Default::default()).await;
    assert_eq!(kind(refused), Some(StorageErrorKind::Limit));
    assert_eq!(kind(store.head(&key("a"), None).await), Some(StorageErrorKind::NotFound));
}

#[tokio::test]
async fn pages_come_in_the_byte_order_of_keys() {
    let store = store();
    for at in ["a/x", "a-b", "b", "a/y/1", "a/y/2", "a0"] {
        put(&store, at, "x").await;
    }
    let request = ListRequest { limit: Some(2), ..ListRequest::default() };
    let seen = every_page(&store, request).await;
    assert_eq!(seen, ["a-b", "a/x", "a/y/1", "a/y/2", "a0", "b"]);
}

#[tokio::test]
async fn folders_are_folded_and_skipped_whole() {
    let store = store();
    for at in ["a-b", "a/x", "a/y", "c/1", "d"] {
        put(&store, at, "x").await;
    }
    let request = ListRequest { by_folder: true, limit: Some(1), ..ListRequest::default() };
    assert_eq!(every_page(&store, request).await, ["a-b", "a/", "c/", "d"]);

    let inside = ListRequest {
        by_folder: true,
        prefix: "a/".to_owned(),
        start_after: Some("a/x".to_owned()),
        ..ListRequest::default()
    };
    assert_eq!(every_page(&store, inside).await, ["a/y"]);
}

#[tokio::test]
async fn a_lock_is_kept_read_back_and_never_weakened() {
    let store = store();
    let until = |text| Retention { mode: LockMode::Compliance, retain_until: time(text) };
    let lock = Lock { retention: Some(until("2026-11-22T12:00:00Z")), legal_hold: true };
    let options = CreateOptions { lock, ..CreateOptions::default() };
    let created =
        store.create(&key("a"), Bytes::from("x").into(), &options).await.expect("created");
    assert!(created.lock_in_write);
    assert_eq!(store.lock(&key("a"), None).await.expect("a lock").certain(), lock);

    let shorter = store.set_retention(&key("a"), None, until("2026-11-21T13:00:00Z")).await;
    assert_eq!(kind(shorter), Some(StorageErrorKind::Locked));
    assert_eq!(kind(store.delete(&key("a"), None).await), Some(StorageErrorKind::Locked));
    store.set_legal_hold(&key("a"), None, false).await.expect("released");
    assert_eq!(kind(store.delete(&key("a"), None).await), Some(StorageErrorKind::Locked));
    let longer = until("2026-11-23T12:00:00Z");
    store.set_retention(&key("a"), None, longer).await.expect("extended");
    let seen = store.lock(&key("a"), None).await.expect("a lock");
    assert_eq!(seen.certain(), Lock { retention: Some(longer), legal_hold: false });
}

#[tokio::test]
async fn a_lock_that_ends_before_it_begins_is_refused() {
    let store = store();
    let retention = Retention { mode: LockMode::Governance, retain_until: time(NOW) };
    let lock = Lock { retention: Some(retention), legal_hold: false };
    let options = CreateOptions { lock, ..CreateOptions::default() };
    let refused = store.create(&key("a"), Bytes::from("x").into(), &options).await;
    assert_eq!(kind(refused), Some(StorageErrorKind::InvalidRequest));
}

#[tokio::test]
async fn what_is_not_locked_goes_and_what_is_absent_is_no_error() {
    let store = store();
    put(&store, "a", "x").await;
    store.delete(&key("a"), None).await.expect("deleted");
    store.delete(&key("a"), None).await.expect("absent already");
    assert_eq!(kind(store.head(&key("a"), None).await), Some(StorageErrorKind::NotFound));
}
