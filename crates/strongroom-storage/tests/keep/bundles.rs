//! A package's objects as the bundle that its directory would make.

use std::fs;
use std::path::Path;

use futures::TryStreamExt as _;
use strongroom_core::bundle::{
    BundlePlan, CollectOptions, Declarations, NoProgress, ReadLimits, Refusal, UnverifiedBundle,
    collect,
};
use strongroom_storage::keep::{ObjectOfBundle, bundle_stream};
use strongroom_testkit::fixtures::random_bytes;
use strongroom_testkit::s3::Op;

use super::*;

/// More than all the buffers between the store and the reader hold.
const FILES_OF_A_MEBIBYTE: u64 = 40;

/// A directory of more files than are read ahead, one of them big, one empty.
fn directory(folder: &Path) -> BundlePlan {
    for number in 0..30 {
        fs::write(folder.join(format!("{number:02}.json")), format!("{{\"n\":{number}}}")).unwrap();
    }
    fs::write(folder.join("10-big.bin"), random_bytes(3 << 20, 1)).unwrap();
    fs::write(folder.join("empty"), "").unwrap();
    let files = collect(&[folder.to_owned()], &CollectOptions::default()).unwrap();
    BundlePlan::prepare(files, Declarations::default(), &NoProgress).unwrap()
}

/// Stores every file under a key of its own, in the order of the manifest.
async fn keep_files(store: &dyn Storage, plan: &BundlePlan, folder: &Path) -> Vec<ObjectOfBundle> {
    let mut objects = Vec::new();
    for (number, file) in plan.manifest().files.iter().enumerate() {
        let key = ObjectKey::new(format!("packages/p/files/{number}")).unwrap();
        let bytes = fs::read(folder.join(&file.path)).unwrap();
        let version = keep::write(store, &key, body(&bytes), ask()).await.unwrap().version;
        objects.push(ObjectOfBundle { key, version });
    }
    objects
}

/// Everything that came before the end, and how it ended.
async fn collect_archive(
    store: &Arc<dyn Storage>,
    plan: &BundlePlan,
    objects: Vec<ObjectOfBundle>,
) -> (Vec<u8>, Result<(), KeepError>) {
    let manifest = Bytes::copy_from_slice(plan.manifest_bytes());
    let mut stream = bundle_stream(Arc::clone(store), manifest, objects, (), |_, _| ());
    let mut archive = Vec::new();
    loop {
        match stream.try_next().await {
            Ok(Some(piece)) => archive.extend_from_slice(&piece),
            Ok(None) => return (archive, Ok(())),
            Err(error) => {
                assert!(stream.try_next().await.unwrap().is_none(), "an error is the end");
                return (archive, Err(error));
            }
        }
    }
}

#[tokio::test]
async fn the_archive_is_that_of_the_directory_whatever_was_put_on_top_of_its_objects() {
    let folder = TempDir::new().unwrap();
    let plan = directory(folder.path());
    let mut of_directory = Vec::new();
    plan.write(&mut of_directory, &NoProgress).unwrap();
    let shelf = Shelf::new(BucketSettings::versioned()).await;
    let (_folder, [memory, files]) = local_stores();
    for store in [shelf.store().await, memory, files] {
        let objects = keep_files(&*store, &plan, folder.path()).await;
        for key in shelf.bucket().keys() {
            shelf.bucket().plant_over(&key, "garbage");
        }
        let (archive, ended) = collect_archive(&store, &plan, objects).await;
        ended.unwrap();
        assert!(archive == of_directory, "the archives differ");
        let opened = UnverifiedBundle::open(&archive[..], &ReadLimits::default()).unwrap();
        assert_eq!(opened.verify(&NoProgress).unwrap().id(), plan.id());
    }
}

#[tokio::test]
async fn an_archive_of_anything_wrong_never_ends_well() {
    let folder = TempDir::new().unwrap();
    let plan = directory(folder.path());
    let shelf = Shelf::new(BucketSettings::plain()).await;
    let store = shelf.store().await;
    let objects = keep_files(&*store, &plan, folder.path()).await;
    let last = format!("team/{}", objects.last().unwrap().key);
    let length = shelf.bucket().object(&last).unwrap().len();

    let faults = shelf.server.faults();
    let made = async || collect_archive(&store, &plan, objects.clone()).await.1;
    faults.on(Op::GetObject).key_contains(&last).flip_a_bit();
    assert_eq!(length, 0, "the empty file is the last one: nothing of it can flip");
    assert!(made().await.is_ok());
    faults.clear();

    let flipped = faults.on(Op::GetObject).key_contains("files/11").flip_a_bit();
    assert_eq!(kind(made().await), KeepErrorKind::Corrupt);
    assert!(flipped.fired() > 0);
    faults.clear();
    faults.on(Op::GetObject).key_contains("files/11").answer(403);
    assert_eq!(kind(made().await), KeepErrorKind::Store(StorageErrorKind::PermissionDenied));
    faults.clear();
    shelf.bucket().put(&last, "no longer empty");
    assert_eq!(kind(made().await), KeepErrorKind::Corrupt);
    shelf.bucket().delete(&last);
    assert_eq!(kind(made().await), KeepErrorKind::Store(StorageErrorKind::NotFound));
}

#[tokio::test]
async fn objects_and_manifest_must_be_of_one_number() {
    let folder = TempDir::new().unwrap();
    let plan = directory(folder.path());
    let (_folder, [store, _]) = local_stores();
    let objects = keep_files(&*store, &plan, folder.path()).await;
    let fewer = objects[1..].to_vec();
    assert!(collect_archive(&store, &plan, fewer).await.1.is_err());
    let mut more = objects.clone();
    more.push(objects[0].clone());
    let ended = collect_archive(&store, &plan, more).await.1;
    assert_eq!(kind(ended), KeepErrorKind::Bundle(Refusal::Format));
}

#[tokio::test]
async fn bytes_that_are_no_manifest_make_no_archive_and_ask_nothing_of_the_store() {
    let shelf = Shelf::new(BucketSettings::plain()).await;
    let mut stream =
        bundle_stream(shelf.store().await, Bytes::from("{}"), Vec::new(), (), |_, _| ());
    shelf.server.reset_requests();
    let refused = stream.try_next().await;
    assert_eq!(kind(refused), KeepErrorKind::Bundle(Refusal::Format));
    assert_eq!(shelf.server.requests().len(), 0);
}

#[tokio::test]
async fn a_reader_that_stops_is_not_read_ahead_for_and_one_that_goes_away_ends_the_asking() {
    let folder = TempDir::new().unwrap();
    for number in 0..FILES_OF_A_MEBIBYTE {
        let bytes = random_bytes(1 << 20, number);
        fs::write(folder.path().join(format!("{number}.bin")), bytes).unwrap();
    }
    let files = collect(&[folder.path().to_owned()], &CollectOptions::default()).unwrap();
    let plan = BundlePlan::prepare(files, Declarations::default(), &NoProgress).unwrap();
    let shelf = Shelf::new(BucketSettings::plain()).await;
    let store = shelf.store().await;
    let objects = keep_files(&*store, &plan, folder.path()).await;
    shelf.server.reset_requests();
    let manifest = Bytes::copy_from_slice(plan.manifest_bytes());
    let held = Arc::new(());
    let mut stream =
        bundle_stream(Arc::clone(&store), manifest, objects, Arc::clone(&held), |_, _| ());
    stream.try_next().await.unwrap().unwrap();
    assert_eq!(Arc::strong_count(&held), 2, "it is held for as long as the archive is made");
    drop(stream);
    // Whoever is at work still holds the store still.
    while Arc::strong_count(&store) > 1 || Arc::strong_count(&held) > 1 {
        tokio::task::yield_now().await;
    }
    assert!(shelf.server.count(Op::GetObject) < plan.manifest().files.len());
}

#[test]
fn archives_that_nobody_reads_take_no_thread_that_others_wait_for() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("a.bin"), random_bytes(4 << 20, 1)).unwrap();
    let files = collect(&[folder.path().to_owned()], &CollectOptions::default()).unwrap();
    let plan = BundlePlan::prepare(files, Declarations::default(), &NoProgress).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (_folder, [store, _]) = local_stores();
        let objects = keep_files(&*store, &plan, folder.path()).await;
        let manifest = Bytes::copy_from_slice(plan.manifest_bytes());
        let mut unread = bundle_stream(Arc::clone(&store), manifest, objects, (), |_, _| ());
        unread.try_next().await.unwrap().unwrap();
        let other = tokio::task::spawn_blocking(|| "done");
        let other = tokio::time::timeout(std::time::Duration::from_secs(30), other).await;
        assert_eq!(other.expect("the shared threads are taken").unwrap(), "done");
    });
}
