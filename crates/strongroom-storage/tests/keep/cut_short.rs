//! Whichever call to the store fails, and whenever: nothing half-done is called done, and doing it again
//! ends well.

use strongroom_core::receipt::Status;
use strongroom_storage::VersionId;
use strongroom_storage::keep::{Deletion, Left, Ours};
use strongroom_testkit::SteppedStore;
use strongroom_testkit::steps::What;

use super::*;

const BYTES: &[u8] = b"{\"passed\":23}";
/// More calls than anything here makes.
const CALLS_MAX: usize = 40;

/// An empty store of one kind: a bucket with locks, or one of this crate's own. With it comes what keeps
/// it alive.
async fn store_of(kind: usize) -> (Arc<dyn Storage>, Option<Shelf>, TempDir) {
    let (folder, local) = local_stores();
    if let Some(store) = local.into_iter().nth(kind) {
        return (store, None, folder);
    }
    let shelf = Shelf::new(BucketSettings::locked()).await;
    (shelf.store().await, Some(shelf), folder)
}

/// How many kinds there are.
const KINDS: usize = 3;

/// Does `act` on fresh stores of one kind with each call of it failing in turn, until none fails.
async fn fail_each_call(
    kind: usize,
    prepare: impl AsyncFn(&dyn Storage) -> Option<VersionId>,
    act: impl AsyncFn(&SteppedStore, &dyn Storage, Option<&VersionId>),
) {
    for what in [What::FailsBefore, What::AnswerLost] {
        for at in 1..CALLS_MAX {
            let (store, _shelf, _folder) = store_of(kind).await;
            let version = prepare(&*store).await;
            let failing = SteppedStore::new(Arc::clone(&store));
            failing.steps().plan(at, what.clone());
            act(&failing, &*store, version.as_ref()).await;
            if !failing.steps().happened() {
                assert!(at > 1, "no call was made");
                break;
            }
            assert!(at + 1 < CALLS_MAX, "more calls than CALLS_MAX");
        }
    }
}

async fn bytes_of(store: &dyn Storage, version: Option<&VersionId>) -> Option<Bytes> {
    match store.read(&key(), version, None).await {
        Ok(object) => Some(object.collect(BYTES_MAX).await.unwrap()),
        Err(error) => {
            assert_eq!(error.kind(), StorageErrorKind::NotFound);
            None
        }
    }
}

#[tokio::test]
async fn a_write_is_said_to_be_done_only_when_it_is_there_and_locked() {
    for kind in 0..KINDS {
        let nothing = async |_: &dyn Storage| None;
        fail_each_call(kind, nothing, async |failing, store, _| {
            let ask = || WriteAsk { lock: sent(held()), ..declared(BYTES) };
            match write(failing, BYTES, ask()).await {
                Ok(kept) => {
                    let lock = store.lock(&key(), kept.version.as_ref()).await.unwrap();
                    assert!(kept.lock_covers && lock.certain() == held());
                }
                Err(error) if *error.left() == Left::Nothing => {
                    assert_eq!(bytes_of(store, None).await, None, "{error}");
                }
                Err(error) => {
                    if let Left::Object(version) = error.left() {
                        assert_eq!(bytes_of(store, version.as_ref()).await.unwrap(), BYTES);
                    }
                }
            }
            let again = write(store, BYTES, ask()).await.unwrap();
            assert!(again.lock_covers);
            assert_eq!(bytes_of(store, again.version.as_ref()).await.unwrap(), BYTES);
            let once_more = write(store, BYTES, ask()).await.unwrap();
            assert_eq!(
                (once_more.status, once_more.version),
                (Status::AlreadyStored, again.version)
            );
        })
        .await;
    }
}

#[tokio::test]
async fn a_lock_is_said_to_hold_only_when_it_does() {
    for kind in 0..KINDS {
        let unlocked =
            async |store: &dyn Storage| write(store, BYTES, ask()).await.unwrap().version;
        fail_each_call(kind, unlocked, async |failing, store, version| {
            let seen = async || store.lock(&key(), version).await.unwrap().certain();
            if let Ok(locked) = keep::lock(failing, &key(), version, held()).await {
                assert!(locked.covers);
                assert_eq!(seen().await, held());
            }
            assert!(keep::lock(store, &key(), version, held()).await.unwrap().covers);
            assert_eq!(seen().await, held());
        })
        .await;
    }
}

#[tokio::test]
async fn a_hold_is_said_to_be_cleared_only_when_it_is() {
    for kind in 0..KINDS {
        let locked = async |store: &dyn Storage| {
            let ask = WriteAsk { lock: sent(held()), ..ask() };
            write(store, BYTES, ask).await.unwrap().version
        };
        fail_each_call(kind, locked, async |failing, store, version| {
            let is_held = async || store.lock(&key(), version).await.unwrap().certain().legal_hold;
            if let Ok(released) = keep::release_hold(failing, &key(), version, true).await {
                assert!(released.was_cleared && !is_held().await);
            }
            let again = keep::release_hold(store, &key(), version, true).await.unwrap();
            assert!(again.left_on.is_none() && !is_held().await);
        })
        .await;
    }
}

#[tokio::test]
async fn a_deletion_is_said_to_be_done_only_when_nothing_is_there() {
    for kind in 0..KINDS {
        let unlocked =
            async |store: &dyn Storage| write(store, BYTES, ask()).await.unwrap().version;
        fail_each_call(kind, unlocked, async |failing, store, version| {
            if let Ok(deletion) = keep::delete(failing, &key(), version).await {
                assert!(matches!(deletion, Deletion::Deleted | Deletion::AlreadyAbsent));
                assert_eq!(bytes_of(store, version).await, None);
            }
            keep::delete(store, &key(), version).await.unwrap();
            assert_eq!(bytes_of(store, version).await, None);
        })
        .await;
        fail_each_call(kind, unlocked, async |failing, store, version| {
            let ours = Ours::Everything;
            if let Ok(cleared) = keep::delete_all_versions(failing, &key(), &ours).await {
                assert!(cleared.is_complete());
                assert_eq!(bytes_of(store, version).await, None);
            }
            assert!(keep::delete_all_versions(store, &key(), &ours).await.unwrap().is_complete());
            assert_eq!(bytes_of(store, version).await, None);
        })
        .await;
    }
}

#[tokio::test]
async fn a_locked_version_is_never_said_to_be_deleted() {
    for kind in 0..KINDS {
        let locked = async |store: &dyn Storage| {
            let ask = WriteAsk { lock: sent(held()), ..ask() };
            write(store, BYTES, ask).await.unwrap().version
        };
        fail_each_call(kind, locked, async |failing, store, version| {
            if let Ok(refused) = keep::delete(failing, &key(), version).await {
                assert!(matches!(refused, Deletion::RefusedByLock { lock, .. } if lock == held()));
            }
            assert_eq!(bytes_of(store, version).await.unwrap(), BYTES);
        })
        .await;
    }
}

/// Does `act` on a bucket that refuses each of its requests in turn, until none is refused.
async fn refuse_each_request(act: impl AsyncFn(&Shelf, &dyn Storage, Option<&VersionId>)) {
    for at in 1..CALLS_MAX {
        let shelf = Shelf::new(BucketSettings::locked()).await;
        let store = shelf.store().await;
        let version = write(&*store, BYTES, ask()).await.unwrap().version;
        let refusal = shelf.server.faults().on_any().nth(at).answer(403);
        act(&shelf, &*store, version.as_ref()).await;
        if refusal.fired() == 0 {
            assert!(at > 1, "no request was made");
            return;
        }
    }
    panic!("more requests than CALLS_MAX");
}

#[tokio::test]
async fn whichever_request_is_refused_nothing_is_claimed_that_is_not_so() {
    refuse_each_request(async |shelf, store, version| {
        match keep::lock(store, &key(), version, held()).await {
            Ok(locked) if locked.covers => {
                let stored = &shelf.versions()[0];
                assert!(stored.legal_hold && stored.retention == held().retention);
            }
            _ => {}
        }
    })
    .await;
    refuse_each_request(async |shelf, store, version| {
        match keep::delete(store, &key(), version).await {
            Ok(Deletion::Deleted | Deletion::AlreadyAbsent) => assert!(shelf.versions().is_empty()),
            Ok(Deletion::RefusedByLock { .. }) => panic!("no lock was there"),
            Ok(Deletion::Denied) => assert_eq!(shelf.versions().len(), 1),
            Err(_) => {}
        }
    })
    .await;
    refuse_each_request(async |shelf, store, version| {
        shelf.bucket().set_up(BucketSettings::locked());
        let other = ObjectKey::new("packages/p/files/g").unwrap();
        let ask = WriteAsk { lock: sent(held()), ..declared(BYTES) };
        if let Ok(kept) = keep::write(store, &other, body(BYTES), ask).await {
            let stored = &shelf.bucket().versions("team/packages/p/files/g")[0];
            assert!(stored.bytes.as_deref() == Some(BYTES));
            assert_eq!(kept.lock_covers, kept.lock.unobserved.is_none() && stored.legal_hold);
        }
        let _ = version;
    })
    .await;
}
