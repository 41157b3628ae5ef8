//! `file://`: files under their keys, and nothing else seen, followed or lost.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use proptest::prelude::*;
use strongroom_core::observed::Observed;
use strongroom_core::retention::{Lock, LockMode, Retention};
use strongroom_storage::fs::FsStorage;
use strongroom_storage::memory::MemoryStorage;
use strongroom_storage::open::{StoreSettings, open};
use strongroom_storage::{
    Body, Clock, CreateOptions, ListRequest, ObjectKey, Storage, StorageError, StorageErrorKind,
};
use tempfile::TempDir;

const NOW: &str = "2026-11-21T12:00:00Z";

fn time(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

fn clock() -> Clock {
    Clock::new(|| time(NOW))
}

fn store() -> (TempDir, FsStorage) {
    let directory = tempfile::tempdir().expect("a directory");
    let store = FsStorage::open(&directory.path().join("store"), clock()).expect("a store");
    (directory, store)
}

fn root(directory: &TempDir) -> std::path::PathBuf {
    directory.path().join("store")
}

fn key(text: &str) -> ObjectKey {
    ObjectKey::new(text).expect("a key")
}

fn kind<T>(result: Result<T, StorageError>) -> Option<StorageErrorKind> {
    result.err().map(|failure| failure.kind())
}

async fn put(store: &dyn Storage, at: &str, body: &'static str) {
    let options = CreateOptions::default();
    store.create(&key(at), Bytes::from(body).into(), &options).await.expect("created");
}

async fn get(store: &dyn Storage, at: &str) -> Bytes {
    let reader = store.read(&key(at), None, None).await.expect("a reader");
    reader.collect(1 << 20).await.expect("bytes")
}

async fn every_page(store: &dyn Storage, mut request: ListRequest) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        let page = store.list(&request).await.expect("a page");
        let mut entries: Vec<_> = page.objects.into_iter().map(|object| object.key).collect();
        entries.extend(page.folders);
        assert!(entries.len() <= request.limit.unwrap_or(1_000));
        // Objects and folders come apart; together they are in the order of their bytes.
        entries.sort();
        seen.extend(entries);
        request.page = page.next;
        if request.page.is_none() {
            return seen;
        }
    }
}

fn plain_file(path: &Path, bytes: &str) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
    fs::write(path, bytes).expect("a file");
}

#[tokio::test]
async fn an_object_is_a_read_only_file_under_its_key_with_its_metadata_out_of_sight() {
    let (directory, store) = store();
    let metadata = BTreeMap::from([("strongroom-bundle-id".to_owned(), "x".to_owned())]);
    let options = CreateOptions { metadata: metadata.clone(), ..CreateOptions::default() };
    let created = store
        .create(&key("bundles/sha256:00.tar.gz"), Bytes::from("body").into(), &options)
        .await
        .expect("created");

    let path = root(&directory).join("bundles/sha256:00.tar.gz");
    let file = fs::metadata(&path).expect("a file");
    assert_eq!(fs::read(&path).expect("bytes"), b"body");
    assert_eq!((file.permissions().mode() & 0o222, file.nlink()), (0, 1));
    let info = store.head(&key("bundles/sha256:00.tar.gz"), None).await.expect("an object");
    assert_eq!((info.metadata, info.etag), (metadata, created.etag));
    assert_eq!((info.size_bytes, info.last_modified), (4, Some(time(NOW))));
    assert_eq!(every_page(&store, ListRequest::default()).await, ["bundles/sha256:00.tar.gz"]);
    let staged = fs::read_dir(root(&directory).join(".strongroom/stage")).expect("a folder");
    assert_eq!(staged.count(), 0);
}

#[tokio::test]
async fn a_store_that_is_not_there_is_empty_and_is_not_made_by_looking() {
    let (directory, store) = store();
    assert_eq!(every_page(&store, ListRequest::default()).await, Vec::<String>::new());
    assert_eq!(kind(store.head(&key("a"), None).await), Some(StorageErrorKind::NotFound));
    store.delete(&key("a"), None).await.expect("absent");
    let held = store.set_legal_hold(&key("a"), None, true).await;
    assert_eq!(kind(held), Some(StorageErrorKind::NotFound));
    assert_eq!(store.status().await.writable, Observed::Observed(true));
    assert!(!root(&directory).exists());
}

#[tokio::test]
async fn a_file_in_the_place_of_the_store_is_a_wrong_configuration() {
    let (directory, store) = store();
    plain_file(&root(&directory), "a file");
    let failed = store.create(&key("a"), Bytes::new().into(), &CreateOptions::default()).await;
    assert_eq!(kind(failed), Some(StorageErrorKind::Configuration));
}

#[tokio::test]
async fn a_store_is_opened_by_its_url_and_keeps_no_prefix_of_its_own() {
    let directory = tempfile::tempdir().expect("a directory");
    let url = format!("file://{}/a%20store/", directory.path().display());
    let settings = StoreSettings { url, ..StoreSettings::default() };
    let store = open(&settings, clock()).await.expect("a store");
    put(store.as_ref(), "a/b", "x").await;
    assert_eq!(store.whole_key(&key("a/b")), "a/b");
    assert!(directory.path().join("a store/a/b").is_file());
}

#[tokio::test]
async fn files_that_others_put_there_are_read_listed_and_can_be_locked() {
    let (directory, store) = store();
    plain_file(&root(&directory).join("bundles/sha256:11.tar.gz"), "an Assay bundle");
    plain_file(&root(&directory).join("runs/run-1/sha256:11.ref"), "sha256:11");

    assert_eq!(get(&store, "runs/run-1/sha256:11.ref").await, "sha256:11");
    let seen = every_page(&store, ListRequest::default()).await;
    assert_eq!(seen, ["bundles/sha256:11.tar.gz", "runs/run-1/sha256:11.ref"]);
    let bundle = key("bundles/sha256:11.tar.gz");
    assert_eq!(store.head(&bundle, None).await.expect("an object").metadata, BTreeMap::new());
    assert_eq!(store.lock(&bundle, None).await.expect("a lock").certain(), Lock::NONE);
    store.set_legal_hold(&bundle, None, true).await.expect("held");
    assert_eq!(kind(store.delete(&bundle, None).await), Some(StorageErrorKind::Locked));
    let again = store.create(&bundle, Bytes::new().into(), &CreateOptions::default()).await;
    assert_eq!(kind(again), Some(StorageErrorKind::AlreadyExists));
}

#[tokio::test]
async fn links_below_the_store_are_neither_followed_nor_listed_nor_written_through() {
    let (directory, store) = store();
    put(&store, "a/b", "x").await;
    let outside = directory.path().join("outside");
    plain_file(&outside.join("secret"), "secret");
    symlink(&outside, root(&directory).join("link")).expect("a link");
    symlink(outside.join("secret"), root(&directory).join("a/file")).expect("a link");

    for at in ["link/secret", "a/file"] {
        assert_eq!(kind(store.head(&key(at), None).await), Some(StorageErrorKind::Io), "{at}");
    }
    let through =
        store.create(&key("link/new"), Bytes::new().into(), &CreateOptions::default()).await;
    assert_eq!(kind(through), Some(StorageErrorKind::Io));
    assert!(!outside.join("new").exists());
    assert_eq!(every_page(&store, ListRequest::default()).await, ["a/b"]);
    let inside = ListRequest { prefix: "link/".to_owned(), ..ListRequest::default() };
    assert_eq!(every_page(&store, inside).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_link_in_the_path_of_the_store_is_the_users_own() {
    let directory = tempfile::tempdir().expect("a directory");
    fs::create_dir(directory.path().join("real")).expect("a folder");
    symlink(directory.path().join("real"), directory.path().join("store")).expect("a link");
    let store = FsStorage::open(&directory.path().join("store"), clock()).expect("a store");
    put(&store, "a", "x").await;
    assert!(directory.path().join("real/a").is_file());
}

#[tokio::test]
async fn keys_that_a_directory_cannot_hold_are_kept_and_listed_under_themselves() {
    let (directory, store) = store();
    let long = "é".repeat(300);
    let keys = [
        ".strongroom/stage/x".to_owned(),
        format!("runs/{long}/a"),
        format!("runs/{}/{}", &long[..500], &long[..500]),
        "x%~".to_owned(),
        "x%~y/z".to_owned(),
    ];
    for at in &keys {
        put(&store, at, "x").await;
        assert_eq!(get(&store, at).await, "x", "{at}");
    }
    let mut expected = keys.to_vec();
    expected.sort();
    let request = ListRequest { limit: Some(1), ..ListRequest::default() };
    assert_eq!(every_page(&store, request).await, expected);
    let folders = ListRequest { by_folder: true, ..ListRequest::default() };
    assert_eq!(every_page(&store, folders).await, [".strongroom/", "runs/", "x%~", "x%~y/"]);

    // Another spelling of a key, made by hand, is not a second object under that key.
    plain_file(&root(&directory).join("x%%~/~~"), "planted");
    plain_file(&root(&directory).join("ab%~/c"), "planted");
    let seen = every_page(&store, ListRequest::default()).await;
    assert!(!seen.contains(&"abc".to_owned()), "{seen:?}");
}

#[tokio::test]
async fn a_name_is_an_object_or_a_folder_not_both() {
    let (_directory, store) = store();
    put(&store, "a/b", "x").await;
    let options = CreateOptions::default();
    let over = store.create(&key("a"), Bytes::new().into(), &options).await;
    assert_eq!(kind(over), Some(StorageErrorKind::InvalidKey));
    let under = store.create(&key("a/b/c"), Bytes::new().into(), &options).await;
    assert_eq!(kind(under), Some(StorageErrorKind::Io));
    assert_eq!(kind(store.head(&key("a"), None).await), Some(StorageErrorKind::NotFound));
}

#[tokio::test]
async fn of_twelve_creates_at_once_one_wins_and_keeps_its_own_metadata() {
    let (_directory, store) = store();
    let creates = (0..12).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            let metadata = BTreeMap::from([("writer".to_owned(), writer.to_string())]);
            let options = CreateOptions { metadata, ..CreateOptions::default() };
            let body = Bytes::from(format!("{writer:02}"));
            store.create(&key("a/b"), body.into(), &options).await.map(|_| writer)
        })
    });
    let mut winners = Vec::new();
    for create in creates.collect::<Vec<_>>() {
        match create.await.expect("no panic") {
            Ok(writer) => winners.push(writer),
            Err(refused) => assert_eq!(refused.kind(), StorageErrorKind::AlreadyExists),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(get(&store, "a/b").await, format!("{:02}", winners[0]));
    let info = store.head(&key("a/b"), None).await.expect("an object");
    assert_eq!(info.metadata["writer"], winners[0].to_string());
}

#[tokio::test]
async fn a_create_that_is_dropped_or_whose_body_fails_leaves_nothing() {
    let (directory, store) = store();
    let failing = stream::iter([
        Ok(Bytes::from("half")),
        Err(StorageError::new(StorageErrorKind::Io, "the file changed")),
    ]);
    let body = Body::new(failing.boxed(), 99);
    let failed = store.create(&key("a"), body, &CreateOptions::default()).await;
    assert_eq!(kind(failed), Some(StorageErrorKind::BodyFailed));

    // More pieces than are read before anything is written.
    let some = std::iter::repeat_n(Bytes::from("some"), 8).map(Ok);
    let endless = stream::iter(some).chain(stream::pending());
    let body = Body::new(endless.boxed(), 99);
    let options = CreateOptions::default();
    let (at, stage) = (key("a"), root(&directory).join(".strongroom/stage"));
    let staged = || fs::read_dir(&stage).map(|entries| entries.count()).unwrap_or_default();
    let mut create = store.create(&at, body, &options);
    while staged() == 0 {
        let polled = futures::poll!(&mut create);
        assert!(polled.is_pending());
        tokio::task::yield_now().await;
    }
    drop(create);
    while staged() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(kind(store.head(&at, None).await), Some(StorageErrorKind::NotFound));
}

#[tokio::test]
async fn what_a_dead_writer_left_is_cleaned_up_and_what_a_living_one_writes_is_not() {
    let (directory, store) = store();
    put(&store, "first", "x").await;
    let stage = root(&directory).join(".strongroom/stage");
    plain_file(&stage.join("dead"), "left behind");
    let living = fs::File::create(stage.join("living")).expect("a file");
    living.lock().expect("a lock");

    let next_process = FsStorage::open(&root(&directory), clock()).expect("a store");
    put(&next_process, "second", "x").await;
    assert!(!stage.join("dead").exists());
    assert!(stage.join("living").exists());
}

#[tokio::test]
async fn a_lock_is_kept_beside_the_object_and_never_weakened() {
    let (directory, store) = store();
    let until = |text| Retention { mode: LockMode::Governance, retain_until: time(text) };
    let lock = Lock { retention: Some(until("2026-11-22T12:00:00Z")), legal_hold: false };
    let options = CreateOptions { lock, ..CreateOptions::default() };
    store.create(&key("a"), Bytes::from("x").into(), &options).await.expect("created");

    let other_process = FsStorage::open(&root(&directory), clock()).expect("a store");
    assert_eq!(other_process.lock(&key("a"), None).await.expect("a lock").certain(), lock);
    assert_eq!(kind(other_process.delete(&key("a"), None).await), Some(StorageErrorKind::Locked));
    let shorter = store.set_retention(&key("a"), None, until("2026-11-21T13:00:00Z")).await;
    assert_eq!(kind(shorter), Some(StorageErrorKind::Locked));
    store.set_legal_hold(&key("a"), None, true).await.expect("held");

    let later = Clock::new(|| time("2027-01-01T00:00:00Z"));
    let later = FsStorage::open(&root(&directory), later).expect("a store");
    assert_eq!(kind(later.delete(&key("a"), None).await), Some(StorageErrorKind::Locked));
    later.set_legal_hold(&key("a"), None, false).await.expect("released");
    later.delete(&key("a"), None).await.expect("the lock is over");
    put(&later, "a", "again").await;
    assert_eq!(later.lock(&key("a"), None).await.expect("a lock").certain(), Lock::NONE);
}

#[tokio::test]
async fn a_damaged_sidecar_costs_no_bytes_and_unlocks_nothing() {
    let (directory, store) = store();
    put(&store, "a", "x").await;
    let sidecar = root(&directory).join(".strongroom/sidecars/a");
    fs::remove_file(&sidecar).expect("removed");
    plain_file(&sidecar, "{");
    assert_eq!(get(&store, "a").await, "x");
    let seen = store.lock(&key("a"), None).await.expect("a lock");
    assert_eq!((seen.retention.value(), seen.legal_hold.value()), (None, None));
    assert_eq!(kind(store.delete(&key("a"), None).await), Some(StorageErrorKind::Malformed));
}

#[tokio::test]
async fn a_large_object_streams_both_ways_and_in_ranges() {
    let (_directory, store) = store();
    let piece = Bytes::from((0..=255u8).cycle().take(100_000).collect::<Vec<_>>());
    let pieces = stream::iter(vec![piece.clone(); 30]).map(Ok);
    let body = Body::new(pieces.boxed(), 3_000_000);
    store.create(&key("big"), body, &CreateOptions::default()).await.expect("created");
    let whole = piece.repeat(30);
    let reader = store.read(&key("big"), None, None).await.expect("a reader");
    assert!(reader.collect(3_000_000).await.expect("bytes") == whole);
    for range in [0..1, 524_287..524_290, 1_000_000..2_500_000, 2_999_999..4_000_000] {
        let reader = store.read(&key("big"), None, Some(range.clone())).await.expect("a reader");
        let end = range.end.min(3_000_000) as usize;
        let bytes = reader.collect(3_000_000).await.expect("bytes");
        assert!(bytes == whole[range.start as usize..end], "{range:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    /// The store in memory is the model: both give the same pages, whatever the keys and the page.
    #[test]
    fn listings_are_those_of_the_store_in_memory(
        names in prop::collection::btree_set("[a-c]{1,2}(/[ab0-]{1,2}){0,3}", 0..12),
        prefix in "([a-c]{1,2}/?)?([ab-]/?)?",
        start_after in prop::option::of("[a-c]{1,2}(/[ab]{1,2}){0,2}"),
        by_folder: bool,
        limit in 1usize..5,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let (_directory, store) = store();
            let model = MemoryStorage::new(clock());
            for name in &names {
                // A directory cannot hold a name both as a file and as a folder.
                if store.create(&key(name), Bytes::new().into(), &Default::default()).await.is_ok() {
                    put(&model, name, "").await;
                }
            }
            let request = ListRequest { prefix, start_after, by_folder, limit: Some(limit), page: None };
            let seen = every_page(&store, request.clone()).await;
            assert_eq!(seen, every_page(&model, request).await);
        });
    }
}
