//! What survives: the order of writes, syncs and links is checked against a model of a disk that
//! forgets what was not synced, and every single operation is made to fail once.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use rustix::io::Errno;
use strongroom_core::Sha256Digest;
use strongroom_core::retention::{Lock, LockMode, Retention};
use tempfile::TempDir;

use super::FsStorage;
use super::disk::{Disk, Observer, Operation};
use crate::{Body, Clock, CreateOptions, ObjectKey, Storage as _, StorageError, StorageErrorKind};

const BODY: [&str; 3] = ["first ", "second ", "third"];
/// More operations than any of the tests does.
const OPERATIONS_MAX: usize = 500;

/// What goes wrong, counting operations from 0.
#[derive(Debug, Clone, Copy)]
enum Fault {
    None,
    /// One operation fails.
    Once(usize, Errno),
    /// From one operation on nothing is done any more, not even cleaning up.
    Crash(usize),
    /// The first sync of a file fails, and the later ones succeed: so a kernel tells of a lost write.
    FirstSync(Errno),
}

/// Keeps the order of operations, and makes some fail.
struct Recorder {
    fault: Fault,
    done: Mutex<Vec<(Operation, PathBuf)>>,
}

impl Recorder {
    fn new(fault: Fault) -> Arc<Self> {
        Arc::new(Self { fault, done: Mutex::default() })
    }

    fn done(&self) -> Vec<(Operation, PathBuf)> {
        self.done.lock().expect("no panic").clone()
    }

    /// Whether the fault came to pass.
    fn reached(&self) -> bool {
        match self.fault {
            Fault::None | Fault::FirstSync(_) => false,
            Fault::Once(at, _) | Fault::Crash(at) => self.done().len() > at,
        }
    }
}

impl Observer for Recorder {
    fn before(&self, operation: Operation, path: &Path) -> io::Result<()> {
        let mut done = self.done.lock().expect("no panic");
        let at = done.len();
        let is_first = !done.iter().any(|(earlier, _)| *earlier == operation);
        done.push((operation, path.to_owned()));
        match self.fault {
            Fault::FirstSync(errno) if operation == Operation::SyncFile && is_first => {
                Err(errno.into())
            }
            Fault::Once(failing, errno) if failing == at => Err(errno.into()),
            Fault::Crash(from) if from <= at => Err(Errno::IO.into()),
            _ => Ok(()),
        }
    }
}

/// A disk that keeps only what was synced.
#[derive(Default)]
struct ForgetfulDisk {
    unsynced_files: BTreeSet<PathBuf>,
    unsynced_names: BTreeSet<PathBuf>,
}

impl ForgetfulDisk {
    fn apply(&mut self, operation: Operation, path: &Path) {
        match operation {
            Operation::Write | Operation::SetTime => {
                self.unsynced_files.insert(path.to_owned());
            }
            Operation::SyncFile => {
                self.unsynced_files.remove(path);
            }
            Operation::MakeFolder | Operation::Link | Operation::Rename => {
                self.unsynced_names.insert(path.to_owned());
            }
            Operation::SyncFolder => {
                self.unsynced_names.retain(|name| name.parent() != Some(path));
            }
            _ => {}
        }
    }

    /// Whether `path` is found after the power failed.
    fn keeps(&self, path: &Path) -> bool {
        path.ancestors().all(|name| !self.unsynced_names.contains(name))
    }
}

fn clock() -> Clock {
    Clock::new(|| "2026-11-21T12:00:00Z".parse().expect("a timestamp"))
}

fn retention() -> Retention {
    let retain_until: Timestamp = "2026-12-01T00:00:00Z".parse().expect("a timestamp");
    Retention { mode: LockMode::Governance, retain_until }
}

fn key() -> ObjectKey {
    ObjectKey::new("bundles/new/a.tar.gz").expect("a key")
}

fn options() -> CreateOptions {
    CreateOptions {
        content_type: None,
        metadata: BTreeMap::from([("strongroom-bundle-id".to_owned(), "x".to_owned())]),
        lock: Lock { retention: Some(retention()), legal_hold: false },
    }
}

fn body() -> Body {
    let pieces = BODY.map(|piece| Ok(Bytes::from(piece)));
    Body::new(stream::iter(pieces).boxed(), 99)
}

fn directory() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path().join("parent/store");
    (directory, root)
}

fn observed(root: &Path, recorder: &Arc<Recorder>) -> FsStorage {
    let disk = Disk::observed(Arc::clone(recorder) as Arc<dyn Observer>);
    FsStorage::with_disk(root, clock(), disk).expect("a store")
}

fn expected_kind(errno: Errno) -> StorageErrorKind {
    match errno {
        Errno::NOSPC | Errno::DQUOT => StorageErrorKind::NoSpace,
        Errno::ACCESS => StorageErrorKind::PermissionDenied,
        _ => StorageErrorKind::Io,
    }
}

fn kind<T>(result: &Result<T, StorageError>) -> Option<StorageErrorKind> {
    result.as_ref().err().map(StorageError::kind)
}

/// Whether the object is visible; if it is, it is whole, with its metadata and its lock.
async fn is_visible(root: &Path) -> bool {
    let store = FsStorage::open(root, clock()).expect("a store");
    let reader = match store.read(&key(), None, None).await {
        Err(absent) => {
            assert_eq!(absent.kind(), StorageErrorKind::NotFound);
            return false;
        }
        Ok(reader) => reader,
    };
    assert_eq!(reader.info.metadata, options().metadata);
    assert_eq!(reader.collect(99).await.expect("bytes"), BODY.concat());
    let lock = store.lock(&key(), None).await.expect("a lock");
    assert_eq!(lock.certain(), options().lock);
    true
}

/// What the next process does: it finishes the job, and nothing is left half-done.
async fn finish(root: &Path, was_visible: bool) {
    let store = FsStorage::open(root, clock()).expect("a store");
    let again = store.create(&key(), body(), &options()).await;
    let expected = was_visible.then_some(StorageErrorKind::AlreadyExists);
    assert_eq!(kind(&again), expected);
    assert!(is_visible(root).await);
    let other = ObjectKey::new("other").expect("a key");
    store.create(&other, body(), &options()).await.expect("created");
    let staged = std::fs::read_dir(root.join(".strongroom/stage")).expect("a folder");
    assert_eq!(staged.count(), 0);
}

#[tokio::test]
async fn bytes_and_sidecar_are_durable_before_the_link_and_the_name_before_the_answer() {
    let (_directory, root) = directory();
    let recorder = Recorder::new(Fault::None);
    observed(&root, &recorder).create(&key(), body(), &options()).await.expect("created");

    let object = root.join(key().as_str());
    let sidecar = root.join(".strongroom/sidecars").join(key().as_str());
    let mut disk = ForgetfulDisk::default();
    let mut linked = 0;
    for (operation, path) in recorder.done() {
        if operation == Operation::Link {
            assert_eq!(path, object);
            assert_eq!(disk.unsynced_files, BTreeSet::new());
            assert!(disk.keeps(&sidecar));
            linked += 1;
        }
        disk.apply(operation, &path);
    }
    assert_eq!(linked, 1);
    assert_eq!(disk.unsynced_files, BTreeSet::new());
    assert!(disk.keeps(&object) && disk.keeps(&sidecar), "{:?}", disk.unsynced_names);
}

#[tokio::test]
async fn what_is_written_is_read_back_by_the_writer() {
    let (_directory, root) = directory();
    let recorder = Recorder::new(Fault::None);
    let created = observed(&root, &recorder).create(&key(), body(), &options()).await;
    let whole = Sha256Digest::of(BODY.concat().as_bytes());
    assert_eq!(created.expect("created").read_back, Some(whole));
    let read = recorder.done().into_iter().filter(|(operation, _)| *operation == Operation::Read);
    let stage = root.join(".strongroom/stage");
    assert_eq!(read.filter(|(_, path)| path.starts_with(&stage)).count(), BODY.len());
}

#[tokio::test]
async fn folders_that_are_durable_are_synced_once_and_those_made_anew_again() {
    let (_directory, root) = directory();
    let recorder = Recorder::new(Fault::None);
    let store = observed(&root, &recorder);
    let create = async |name: &str| {
        let key = ObjectKey::new(name).expect("a key");
        store.create(&key, body(), &options()).await.expect("created");
    };
    let syncs = || {
        let done = recorder.done();
        done.iter().filter(|(operation, _)| *operation == Operation::SyncFolder).count()
    };
    create("bundles/new/a").await;
    let first = syncs();
    create("bundles/new/b").await;
    assert_eq!(syncs() - first, 2, "the folder of the object and that of its sidecar");

    // Somebody takes the folder away: the next one of its name is another.
    std::fs::remove_dir_all(root.join("bundles")).expect("removed");
    create("bundles/new/c").await;
    let mut disk = ForgetfulDisk::default();
    for (operation, path) in recorder.done() {
        disk.apply(operation, &path);
    }
    assert!(disk.keeps(&root.join("bundles/new/c")), "{:?}", disk.unsynced_names);
}

#[tokio::test]
async fn a_lock_file_that_was_taken_away_is_made_anew() {
    let (_directory, root) = directory();
    let store = observed(&root, &Recorder::new(Fault::None));
    store.create(&key(), body(), &options()).await.expect("created");
    let locks = root.join(".strongroom/locks");
    std::fs::remove_dir_all(&locks).expect("removed");
    store.set_legal_hold(&key(), None, false).await.expect("changed");
    let found = std::fs::read_dir(&locks).expect("a folder").count();
    assert_eq!(found, 1, "so that other processes meet it");
}

#[tokio::test]
async fn something_that_is_there_is_made_durable_before_it_is_reported() {
    let (_directory, root) = directory();
    observed(&root, &Recorder::new(Fault::None))
        .create(&key(), body(), &options())
        .await
        .expect("created");
    let recorder = Recorder::new(Fault::None);
    let again = observed(&root, &recorder).create(&key(), body(), &options()).await;
    assert_eq!(kind(&again), Some(StorageErrorKind::AlreadyExists));
    let object = root.join(key().as_str());
    let done = recorder.done();
    assert!(done.contains(&(Operation::SyncFile, object.clone())));
    for folder in object.ancestors().skip(1).take_while(|folder| folder.starts_with(&root)) {
        assert!(done.contains(&(Operation::SyncFolder, folder.to_owned())), "{folder:?}");
    }
}

#[tokio::test]
async fn whichever_operation_of_a_create_fails_nothing_partial_is_seen_and_a_retry_succeeds() {
    for errno in [Errno::NOSPC, Errno::DQUOT, Errno::IO, Errno::ACCESS] {
        for at in 0..OPERATIONS_MAX {
            let (_directory, root) = directory();
            let recorder = Recorder::new(Fault::Once(at, errno));
            let created = observed(&root, &recorder).create(&key(), body(), &options()).await;
            if !recorder.reached() {
                assert!(at > 30, "only {at} operations");
                created.expect("nothing failed");
                break;
            }
            let failing = &recorder.done()[at];
            let visible = is_visible(&root).await;
            match &created {
                Ok(_) => assert!(visible, "{failing:?}"),
                Err(failed) => assert_eq!(failed.kind(), expected_kind(errno), "{failing:?}"),
            }
            finish(&root, visible).await;
        }
    }
}

#[tokio::test]
async fn a_large_body_is_synced_on_the_way_and_a_write_lost_by_then_is_told() {
    let large = || {
        let pieces = vec![Bytes::from(vec![7; 16 << 20]); 6];
        let size_bytes_max = 96 << 20;
        Body::new(stream::iter(pieces.into_iter().map(Ok)).boxed(), size_bytes_max)
    };
    let (_directory, root) = directory();
    let recorder = Recorder::new(Fault::FirstSync(Errno::IO));
    let failed = observed(&root, &recorder).create(&key(), large(), &options()).await;
    assert_eq!(kind(&failed), Some(StorageErrorKind::Io));

    let recorder = Recorder::new(Fault::None);
    observed(&root, &recorder).create(&key(), large(), &options()).await.expect("created");
    let done = recorder.done();
    let first_sync = done.iter().position(|(operation, _)| *operation == Operation::SyncFile);
    let dated = done.iter().position(|(operation, _)| *operation == Operation::SetTime);
    assert!(first_sync < dated, "synced before all was written");
}

#[tokio::test]
async fn wherever_a_create_dies_nothing_partial_is_seen_and_the_next_process_finishes() {
    for at in 0..OPERATIONS_MAX {
        let (_directory, root) = directory();
        let recorder = Recorder::new(Fault::Crash(at));
        let created = observed(&root, &recorder).create(&key(), body(), &options()).await;
        if !recorder.reached() {
            created.expect("nothing failed");
            break;
        }
        finish(&root, is_visible(&root).await).await;
    }
}

#[tokio::test]
async fn wherever_a_change_of_a_lock_dies_the_lock_is_the_old_or_the_new_one() {
    for at in 0..OPERATIONS_MAX {
        let (_directory, root) = directory();
        let whole = FsStorage::open(&root, clock()).expect("a store");
        whole.create(&key(), body(), &options()).await.expect("created");
        let recorder = Recorder::new(Fault::Crash(at));
        let held = observed(&root, &recorder).set_legal_hold(&key(), None, true).await;
        let lock = whole.lock(&key(), None).await.expect("a lock").certain();
        assert_eq!(lock.retention, Some(retention()));
        assert!(lock.legal_hold || held.is_err());
        if !recorder.reached() {
            held.expect("nothing failed");
            break;
        }
    }
}

#[tokio::test]
async fn wherever_a_deletion_dies_the_object_is_whole_or_gone() {
    let unlocked = CreateOptions { lock: Lock::NONE, ..options() };
    for at in 0..OPERATIONS_MAX {
        let (_directory, root) = directory();
        let whole = FsStorage::open(&root, clock()).expect("a store");
        whole.create(&key(), body(), &unlocked).await.expect("created");
        let recorder = Recorder::new(Fault::Crash(at));
        let deleted = observed(&root, &recorder).delete(&key(), None).await;
        match whole.read(&key(), None, None).await {
            Ok(reader) => {
                assert!(deleted.is_err());
                assert_eq!(reader.info.metadata, options().metadata);
                assert_eq!(reader.collect(99).await.expect("bytes"), BODY.concat());
            }
            Err(absent) => assert_eq!(absent.kind(), StorageErrorKind::NotFound),
        }
        if !recorder.reached() {
            deleted.expect("nothing failed");
            break;
        }
    }
}
