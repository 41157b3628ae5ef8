//! What is deleted is gone for good and seen to be; what a lock holds stays, and nothing of anybody
//! else's is touched.

use std::collections::BTreeMap;

use strongroom_core::observed::Unobserved;
use strongroom_storage::VersionId;
use strongroom_storage::keep::{Deletion, Ours};
use strongroom_testkit::s3::{Op, Right};

use super::*;

fn ours() -> Ours {
    Ours::Metadata { name: "strongroom-file-id".to_owned(), value: "f-1".to_owned() }
}

fn as_ours() -> WriteAsk {
    let metadata = BTreeMap::from([("strongroom-file-id".to_owned(), "f-1".to_owned())]);
    WriteAsk { metadata, ..ask() }
}

#[tokio::test]
async fn a_version_is_deleted_for_good_without_a_marker_and_the_others_stay() {
    let shelf = Shelf::new(BucketSettings::versioned()).await;
    let store = shelf.store().await;
    let version = write(&*store, b"bytes", ask()).await.unwrap().version;
    shelf.bucket().plant_over(&shelf.whole_key(), "garbage");
    let delete = async || keep::delete(&*store, &key(), version.as_ref()).await.unwrap();
    assert_eq!(delete().await, Deletion::Deleted);
    let left = shelf.versions();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].bytes.as_deref(), Some(&b"garbage"[..]));
    assert_eq!(delete().await, Deletion::AlreadyAbsent);
}

#[tokio::test]
async fn an_object_of_a_store_without_versions_is_deleted() {
    let shelf = Shelf::new(BucketSettings::plain()).await;
    let (_folder, [memory, files]) = local_stores();
    for store in [shelf.store().await, memory, files] {
        let version = write(&*store, b"bytes", ask()).await.unwrap().version;
        assert_eq!(version, None);
        assert_eq!(keep::delete(&*store, &key(), None).await.unwrap(), Deletion::Deleted);
        assert_eq!(keys(&*store).await, Vec::<String>::new());
        assert_eq!(keep::delete(&*store, &key(), None).await.unwrap(), Deletion::AlreadyAbsent);
    }
}

#[tokio::test]
async fn a_deletion_that_is_called_off_at_the_last_moment_deletes_nothing() {
    let shelf = Shelf::new(BucketSettings::versioned()).await;
    let (_folder, [memory, files]) = local_stores();
    for store in [shelf.store().await, memory, files] {
        let version = write(&*store, b"bytes", ask()).await.unwrap().version;
        let delete = async |still_may: bool| {
            keep::delete_while(&*store, &key(), version.as_ref(), &move || still_may).await
        };
        assert_eq!(kind(delete(false).await), KeepErrorKind::CalledOff);
        assert_eq!(keys(&*store).await.len(), 1, "{store:?}");
        assert_eq!(delete(true).await.unwrap(), Deletion::Deleted);
        // What is not there any more takes no right.
        assert_eq!(delete(false).await.unwrap(), Deletion::AlreadyAbsent);
    }
}

#[tokio::test]
async fn without_a_version_no_marker_is_put_on_a_bucket_that_has_versions_by_now() {
    let shelf = Shelf::new(BucketSettings::plain()).await;
    let store = shelf.store().await;
    write(&*store, b"bytes", ask()).await.unwrap();
    shelf.bucket().set_up(BucketSettings::versioned());
    shelf.bucket().plant_over(&shelf.whole_key(), "garbage");
    assert_eq!(keep::delete(&*store, &key(), None).await.unwrap(), Deletion::Deleted);
    let left = shelf.versions();
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(left[0].bytes.as_deref(), Some(&b"garbage"[..]));
    assert_eq!(keep::delete(&*store, &key(), None).await.unwrap(), Deletion::AlreadyAbsent);
    assert_eq!(shelf.versions().len(), 1);
}

#[tokio::test]
async fn without_a_version_nothing_is_deleted_where_versions_may_be_and_are_not_told() {
    let shelf = Shelf::new(BucketSettings::versioned()).await;
    let store = shelf.store().await;
    write(&*store, b"bytes", ask()).await.unwrap();
    shelf.server.faults().on(Op::ListObjectVersions).answer(403);
    let refused = keep::delete(&*store, &key(), None).await;
    assert_eq!(kind(refused), KeepErrorKind::VersionsUnobserved);
    assert_eq!(shelf.versions().len(), 1);
    assert_eq!(shelf.server.count(Op::DeleteObject), 0);
}

#[tokio::test]
async fn what_a_lock_holds_stays_and_the_lock_is_told() {
    let shelf = Shelf::new(BucketSettings::locked()).await;
    let (_folder, [memory, files]) = local_stores();
    for lock in [governance(LATER), Lock { legal_hold: true, ..Lock::NONE }] {
        for store in [&shelf.store().await, &memory, &files] {
            let key = ObjectKey::new(format!("held-{}", lock.legal_hold)).unwrap();
            let ask = WriteAsk { lock: sent(lock), ..ask() };
            let version = keep::write(&**store, &key, body(b"bytes"), ask).await.unwrap().version;
            let refused = keep::delete(&**store, &key, version.as_ref()).await.unwrap();
            assert!(
                matches!(refused, Deletion::RefusedByLock { lock: seen, .. } if seen == lock),
                "{store:?}: {refused:?}"
            );
            store.head(&key, version.as_ref()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_missing_right_is_not_taken_for_a_lock() {
    let keeper = User::new("keeper", "keepersecret").without(Right::DeleteVersions);
    let builder =
        S3Server::builder().bucket("shelf", BucketSettings::locked()).user(keeper.clone());
    let shelf = Shelf { server: builder.start().await };
    let store = shelf.store_of(&keeper).await;
    let version = write(&*store, b"bytes", ask()).await.unwrap().version;
    let denied = keep::delete(&*store, &key(), version.as_ref()).await.unwrap();
    assert_eq!(denied, Deletion::Denied);
    assert_eq!(shelf.versions().len(), 1);
}

#[tokio::test]
async fn a_version_that_is_there_after_its_deletion_is_not_deleted() {
    let shelf = Shelf::new(BucketSettings::versioned()).await;
    let store = shelf.store().await;
    let version = write(&*store, b"bytes", ask()).await.unwrap().version;
    // The store says that it did it.
    shelf.server.faults().on(Op::DeleteObject).answer_with(204, "Nothing");
    let lied = keep::delete(&*store, &key(), version.as_ref()).await;
    assert_eq!(kind(lied), KeepErrorKind::NotDeleted);
}

#[tokio::test]
async fn a_deletion_whose_answer_is_lost_is_told_by_what_is_there() {
    let shelf = Shelf::new(BucketSettings::versioned()).await;
    let store = shelf.store().await;
    let version = write(&*store, b"bytes", ask()).await.unwrap().version;
    let lost = shelf.server.faults().on(Op::DeleteObject).nth(1).cut_after_commit();
    let deleted = keep::delete(&*store, &key(), version.as_ref()).await.unwrap();
    assert_eq!((deleted, lost.fired()), (Deletion::Deleted, 1));
    assert!(shelf.versions().is_empty());
}

#[tokio::test]
async fn every_version_of_ours_goes_and_what_is_somebody_elses_stays() {
    let shelf = Shelf::lying(BucketSettings::locked(), Lie::IgnoresCreateOnlyWithVersions).await;
    let store = shelf.store().await;
    let first = write(&*store, b"bytes", as_ours()).await.unwrap().version;
    shelf.bucket().put(&shelf.whole_key(), "somebody else's");
    store.delete(&key(), None).await.unwrap();
    let ask = WriteAsk { lock: sent(governance(LATER)), ..as_ours() };
    let locked = write(&*store, b"others", ask).await.unwrap().version;

    let cleared = keep::delete_all_versions(&*store, &key(), &ours()).await.unwrap();
    assert_eq!(cleared.deleted, [first]);
    assert!(!cleared.is_complete());
    let refusal = |left: &keep::VersionLeft| left.refusal.clone();
    assert_eq!(cleared.left.len(), 2);
    assert_eq!(cleared.left[0].version, locked);
    assert!(matches!(refusal(&cleared.left[0]), Some(Deletion::RefusedByLock { .. })));
    assert_eq!(refusal(&cleared.left[1]), None);
    let bytes = shelf.versions().into_iter().filter_map(|version| version.bytes);
    assert_eq!(bytes.collect::<Vec<_>>(), [&b"somebody else's"[..], b"others"]);
}

#[tokio::test]
async fn all_versions_are_deleted_on_stores_without_any() {
    let shelf = Shelf::new(BucketSettings::plain()).await;
    let (_folder, [memory, files]) = local_stores();
    for store in [shelf.store().await, memory, files] {
        for ours in [ours(), Ours::Everything] {
            write(&*store, b"bytes", as_ours()).await.unwrap();
            let cleared = keep::delete_all_versions(&*store, &key(), &ours).await.unwrap();
            assert!(cleared.is_complete() && cleared.deleted.len() == 1, "{cleared:?}");
            assert_eq!(keys(&*store).await, Vec::<String>::new());
            let again = keep::delete_all_versions(&*store, &key(), &ours).await.unwrap();
            assert!(again.is_complete() && again.deleted.is_empty(), "{again:?}");
        }
    }
}

#[tokio::test]
async fn versions_that_are_not_listed_are_told_of_and_those_on_top_go() {
    let shelf = Shelf::new(BucketSettings::versioned()).await;
    let store = shelf.store().await;
    let version = write(&*store, b"bytes", as_ours()).await.unwrap().version;
    shelf.server.faults().on(Op::ListObjectVersions).answer(403);
    let cleared = keep::delete_all_versions(&*store, &key(), &ours()).await.unwrap();
    assert_eq!(cleared.deleted, [version]);
    assert_eq!(cleared.unlisted, Some(Unobserved::PermissionDenied));
    assert!(!cleared.is_complete());
    assert!(shelf.versions().is_empty());
}

#[tokio::test]
async fn a_version_that_never_was_is_absent() {
    let shelf = Shelf::new(BucketSettings::versioned()).await;
    let store = shelf.store().await;
    let version = write(&*store, b"bytes", ask()).await.unwrap().version.unwrap();
    let other = VersionId(version.0.chars().rev().collect());
    let absent = keep::delete(&*store, &key(), Some(&other)).await.unwrap();
    assert_eq!(absent, Deletion::AlreadyAbsent);
    assert_eq!(shelf.versions().len(), 1);
}
