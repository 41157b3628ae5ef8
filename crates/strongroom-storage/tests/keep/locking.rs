//! Locks only grow, are read back, and a hold that is somebody else's stays.

use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::receipt::LockHow;
use strongroom_storage::keep::WhyLeftOn;
use strongroom_testkit::s3::Op;

use super::*;

const SOONER: &str = "2080-01-01T00:00:00Z";

fn compliance(until: &str) -> Lock {
    let retention = Retention { mode: LockMode::Compliance, retain_until: time(until) };
    Lock { retention: Some(retention), legal_hold: false }
}

#[tokio::test]
async fn a_lock_is_set_by_version_and_read_back() {
    let shelf = Shelf::new(BucketSettings::locked()).await;
    let store = shelf.store().await;
    let version = write(&*store, b"bytes", ask()).await.unwrap().version;
    shelf.bucket().plant_over(&shelf.whole_key(), "garbage");
    let locked = keep::lock(&*store, &key(), version.as_ref(), held()).await.unwrap();
    assert!(locked.covers);
    assert_eq!(locked.receipt.how, LockHow::AfterWrite);
    assert_eq!(locked.receipt.legal_hold_was_set_before, Some(false));
    let of = |id: &str| shelf.versions().into_iter().find(|version| version.id == id).unwrap();
    assert!(of(&version.unwrap().0).legal_hold);
    assert!(shelf.versions().iter().any(|version| !version.legal_hold), "the garbage is locked");
}

#[tokio::test]
async fn a_weaker_lock_lowers_nothing_and_is_covered_by_what_is_there() {
    let shelf = Shelf::new(BucketSettings::locked()).await;
    let (_folder, [memory, files]) = local_stores();
    for store in [shelf.store().await, memory, files] {
        let ask = WriteAsk { lock: sent(held()), ..ask() };
        let version = write(&*store, b"bytes", ask).await.unwrap().version;
        let version = version.as_ref();
        let locked = keep::lock(&*store, &key(), version, governance(SOONER)).await.unwrap();
        assert!(locked.covers);
        assert_eq!(locked.receipt.how, LockHow::AlreadyThere);
        assert_eq!(store.lock(&key(), version).await.unwrap().certain(), held());
        let again = keep::lock(&*store, &key(), version, held()).await.unwrap();
        assert_eq!(again.receipt.legal_hold_was_set_before, Some(true));
    }
}

#[tokio::test]
async fn what_nobody_accepted_is_not_set_and_is_told() {
    let shelf =
        Shelf::new(BucketSettings::locked().default_retention(LockMode::Compliance, 1)).await;
    let store = shelf.store().await;
    write(&*store, b"bytes", ask()).await.unwrap();
    let before = shelf.versions()[0].retention;
    let refused = keep::lock(&*store, &key(), None, governance(LATER)).await.unwrap();
    assert!(!refused.covers);
    let joined = compliance(LATER).retention;
    assert_eq!(refused.beyond_asked, joined);
    assert_eq!(shelf.versions()[0].retention, before);

    let accepted = Lock { retention: refused.beyond_asked, legal_hold: false };
    let locked = keep::lock(&*store, &key(), None, accepted).await.unwrap();
    assert!(locked.covers && locked.beyond_asked.is_none());
    assert_eq!(shelf.versions()[0].retention, joined);
}

#[tokio::test]
async fn a_store_that_answers_well_and_sets_nothing_is_found_out() {
    for (lie, target) in
        [(Lie::DropsLaterRetention, governance(LATER)), (Lie::DropsLaterHold, held())]
    {
        let shelf = Shelf::lying(BucketSettings::locked(), lie).await;
        let store = shelf.store().await;
        write(&*store, b"bytes", ask()).await.unwrap();
        let locked = keep::lock(&*store, &key(), None, target).await.unwrap();
        assert!(!locked.covers, "{lie:?}");
    }
}

#[tokio::test]
async fn a_lock_that_may_not_be_read_is_neither_set_nor_claimed() {
    let shelf = Shelf::new(BucketSettings::locked()).await;
    let store = shelf.store().await;
    write(&*store, b"bytes", ask()).await.unwrap();
    shelf.server.faults().on(Op::GetObjectRetention).answer(403);
    let locked = keep::lock(&*store, &key(), None, governance(LATER)).await.unwrap();
    assert!(!locked.covers);
    assert_eq!(locked.receipt.unobserved, Some(Unobserved::PermissionDenied));
    assert_eq!(shelf.server.count(Op::PutObjectRetention), 0);
}

#[tokio::test]
async fn an_absent_object_is_not_locked() {
    let (_folder, [memory, files]) = local_stores();
    let shelf = Shelf::new(BucketSettings::locked()).await;
    for store in [shelf.store().await, memory, files] {
        let absent = keep::lock(&*store, &key(), None, held()).await;
        assert_eq!(kind(absent), KeepErrorKind::Store(StorageErrorKind::NotFound), "{store:?}");
    }
}

#[tokio::test]
async fn a_hold_of_ours_is_cleared_and_read_back_and_the_date_stays() {
    let shelf = Shelf::new(BucketSettings::locked()).await;
    let (_folder, [memory, files]) = local_stores();
    for store in [shelf.store().await, memory, files] {
        let ask = WriteAsk { lock: sent(held()), ..ask() };
        let version = write(&*store, b"bytes", ask).await.unwrap().version;
        let version = version.as_ref();
        let theirs = keep::release_hold(&*store, &key(), version, false).await.unwrap();
        assert_eq!(theirs.left_on, Some(WhyLeftOn::NotOurs));
        assert_eq!((theirs.legal_hold, theirs.was_cleared), (Observed::Observed(true), false));

        let ours = keep::release_hold(&*store, &key(), version, true).await.unwrap();
        assert_eq!((ours.legal_hold, ours.was_cleared), (Observed::Observed(false), true));
        assert!(ours.left_on.is_none() && ours.read_back_at.is_some());
        assert_eq!(store.lock(&key(), version).await.unwrap().certain(), governance(LATER));

        let again = keep::release_hold(&*store, &key(), version, true).await.unwrap();
        assert!(!again.was_cleared && again.left_on.is_none());
    }
}

#[tokio::test]
async fn a_release_that_is_called_off_at_the_last_moment_leaves_the_hold() {
    let shelf = Shelf::new(BucketSettings::locked()).await;
    let (_folder, [memory, files]) = local_stores();
    for store in [shelf.store().await, memory, files] {
        let ask = WriteAsk { lock: sent(held()), ..ask() };
        let version = write(&*store, b"bytes", ask).await.unwrap().version;
        let release = async |still_may: bool| {
            keep::release_hold_while(&*store, &key(), version.as_ref(), &move || still_may).await
        };
        assert_eq!(kind(release(false).await), KeepErrorKind::CalledOff);
        let seen = store.lock(&key(), version.as_ref()).await.unwrap();
        assert_eq!(seen.legal_hold, Observed::Observed(true), "{store:?}");
        assert!(release(true).await.unwrap().was_cleared);
    }
}

#[tokio::test]
async fn a_hold_that_the_store_does_not_lift_is_left_on_and_told() {
    for is_refused in [true, false] {
        let shelf = Shelf::new(BucketSettings::locked()).await;
        let store = shelf.store().await;
        write(&*store, b"bytes", WriteAsk { lock: sent(held()), ..ask() }).await.unwrap();
        match is_refused {
            true => drop(shelf.server.faults().on(Op::PutObjectLegalHold).answer(403)),
            false => shelf.server.lies().begin(Lie::HoldCannotBeLifted),
        }
        let released = keep::release_hold(&*store, &key(), None, true).await.unwrap();
        assert_eq!(released.left_on, Some(WhyLeftOn::Refused));
        assert!(!released.was_cleared);
        assert!(shelf.versions()[0].legal_hold);
    }
}

#[tokio::test]
async fn a_hold_that_may_not_be_read_is_not_cleared() {
    let shelf = Shelf::new(BucketSettings::locked()).await;
    let store = shelf.store().await;
    write(&*store, b"bytes", WriteAsk { lock: sent(held()), ..ask() }).await.unwrap();
    shelf.server.faults().on(Op::GetObjectLegalHold).answer(403);
    let released = keep::release_hold(&*store, &key(), None, true).await.unwrap();
    assert_eq!(released.unobserved(), Some(Unobserved::PermissionDenied));
    assert!(!released.was_cleared && released.left_on.is_none());
    assert!(shelf.versions()[0].legal_hold);
}
