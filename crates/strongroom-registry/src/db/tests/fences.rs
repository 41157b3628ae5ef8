//! The fence of a deletion, and the one file at a path: what two writers must not both get.

use jiff::{SignedDuration, Timestamp};
use strongroom_core::Sha256Digest;
use strongroom_core::package::{
    FileStatus, LocationStatus, PackageStatus, RestoreStatus, RetrievalTier,
};
use strongroom_core::receipt::{CreateOnly, Integrity};
use uuid::Uuid;

use super::support::{TestDb, on_both};
use crate::db::{DbErrorKind, FileRow, HoldReach, HoldRow, LocationRow, PackageRow};

pub(super) fn new_file(test: &TestDb, package: &PackageRow) -> FileRow {
    FileRow {
        id: test.clock.new_id(),
        package_id: package.id,
        relative_path: "log.txt".to_owned(),
        path_nfc: "log.txt".to_owned(),
        media_type: None,
        content_type: None,
        size_bytes: Some(1),
        sha256: Some(Sha256Digest::from_bytes([7; 32])),
        status: FileStatus::Stored,
        object_key: "key".to_owned(),
        created_by: test.actor,
        created_at: test.clock.now(),
        stored_at: Some(test.clock.now()),
    }
}

pub(super) fn new_location(test: &TestDb, file: &FileRow) -> LocationRow {
    LocationRow {
        id: test.clock.new_id(),
        package_id: file.package_id,
        artifact_file_id: file.id,
        backend_id: "local".to_owned(),
        object_key: file.object_key.clone(),
        version_id: None,
        etag: None,
        storage_class: None,
        status: LocationStatus::Active,
        integrity: Integrity::ReadBack,
        create_only: CreateOnly::Enforced,
        lock_mode: None,
        lock_retain_until: None,
        lock_hold: false,
        hold_was_set_before: false,
        lock_read_at: None,
        lock_unobserved: None,
        retrieval_tier: RetrievalTier::Hot,
        restore_status: RestoreStatus::Available,
        restore_requested_at: None,
        restore_expires_at: None,
        created_at: test.clock.now(),
        last_verified_at: None,
    }
}

async fn insert_file(test: &TestDb, file: &FileRow) -> Result<(), DbErrorKind> {
    let written = test.write(file.clone(), |tx, (tenant, file)| {
        Box::pin(async move { tx.of(tenant).insert_file(file).await })
    });
    written.await.map_err(|error| error.kind())
}

pub(super) async fn insert_location(test: &TestDb, package: &PackageRow) -> LocationRow {
    test.insert(package).await.unwrap();
    let file = new_file(test, package);
    insert_file(test, &file).await.unwrap();
    let location = new_location(test, &file);
    test.write(location.clone(), |tx, (tenant, location)| {
        Box::pin(async move { tx.of(tenant).insert_location(location).await })
    })
    .await
    .unwrap();
    location
}

async fn take_fence(test: &TestDb, location: &LocationRow, now: Timestamp) -> bool {
    test.write((location.clone(), now), |tx, (tenant, (location, now))| {
        Box::pin(async move { tx.of(tenant).begin_deleting_location(location, *now).await })
    })
    .await
    .unwrap()
}

async fn place_hold(test: &TestDb, package: Uuid) -> Uuid {
    let hold = HoldRow {
        id: test.clock.new_id(),
        package_id: package,
        reason: "asked".to_owned(),
        placed_by: Some(test.actor),
        placed_at: test.clock.now(),
        released_by: None,
        released_at: None,
        release_reason: None,
        reach: HoldReach::Applying,
    };
    let id = hold.id;
    test.write(hold, |tx, (tenant, hold)| {
        Box::pin(async move {
            tx.of(tenant).lock_package(hold.package_id).await?;
            tx.of(tenant).insert_hold(hold).await
        })
    })
    .await
    .unwrap();
    id
}

async fn release(test: &TestDb, hold: Uuid) -> bool {
    let (at, by) = (test.clock.now(), test.actor);
    test.write((hold, at, by), |tx, (tenant, (hold, at, by))| {
        Box::pin(async move { tx.of(tenant).release_hold(*hold, *at, *by, "over").await })
    })
    .await
    .unwrap()
}

async fn status(test: &TestDb, location: &LocationRow) -> LocationStatus {
    let mut session = test.db.read().await.unwrap();
    session.of(&test.tenant).location(location.id).await.unwrap().unwrap().status
}

fn deleting(test: &TestDb) -> (PackageRow, Timestamp) {
    let expires_at = test.clock.now();
    let package = PackageRow {
        status: PackageStatus::Deleting,
        expires_at: Some(expires_at),
        ..test.new_package()
    };
    (package, expires_at)
}

#[tokio::test]
async fn the_fence_is_taken_once_and_from_the_moment_of_the_date() {
    on_both(|test| async move {
        let (package, expires_at) = deleting(&test);
        let location = insert_location(&test, &package).await;
        let earlier = expires_at - SignedDuration::from_micros(1);
        assert!(!take_fence(&test, &location, earlier).await);
        assert_eq!(status(&test, &location).await, LocationStatus::Active);
        assert!(take_fence(&test, &location, expires_at).await);
        assert_eq!(status(&test, &location).await, LocationStatus::Deleting);
        assert!(!take_fence(&test, &location, expires_at).await);
    })
    .await;
}

#[tokio::test]
async fn no_fence_is_taken_unless_the_package_is_being_deleted() {
    on_both(|test| async move {
        for status in PackageStatus::ALL.iter().filter(|status| **status != PackageStatus::Deleting)
        {
            let (package, expires_at) = deleting(&test);
            let package = PackageRow { status: *status, deletion_early: true, ..package };
            let location = insert_location(&test, &package).await;
            assert!(!take_fence(&test, &location, expires_at).await, "{status}");
        }
    })
    .await;
}

#[tokio::test]
async fn without_a_date_only_an_early_deletion_takes_the_fence() {
    on_both(|test| async move {
        for early in [false, true] {
            let (package, now) = deleting(&test);
            let package = PackageRow { expires_at: None, deletion_early: early, ..package };
            let location = insert_location(&test, &package).await;
            assert_eq!(take_fence(&test, &location, now).await, early);
        }
    })
    .await;
}

#[tokio::test]
async fn no_fence_is_taken_while_any_hold_is_active_not_even_early() {
    on_both(|test| async move {
        let (package, now) = deleting(&test);
        let package = PackageRow { deletion_early: true, ..package };
        let location = insert_location(&test, &package).await;
        let (first, second) =
            (place_hold(&test, package.id).await, place_hold(&test, package.id).await);
        assert!(!take_fence(&test, &location, now).await);
        assert!(release(&test, first).await);
        assert!(!release(&test, first).await);
        assert!(!take_fence(&test, &location, now).await);
        assert!(release(&test, second).await);
        assert!(take_fence(&test, &location, now).await);
    })
    .await;
}

#[tokio::test]
async fn another_tenant_takes_no_fence() {
    on_both(|test| async move {
        let (package, now) = deleting(&test);
        let location = insert_location(&test, &package).await;
        let other = TestDb { tenant: "other".parse().unwrap(), ..test.clone() };
        assert!(!take_fence(&other, &location, now).await);
        assert_eq!(status(&test, &location).await, LocationStatus::Active);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_stored_files_at_one_path_only_one_is_written() {
    on_both(|test| async move {
        let package = test.new_package();
        test.insert(&package).await.unwrap();
        let files = [new_file(&test, &package), new_file(&test, &package)];
        let (one, other) =
            tokio::join!(insert_file(&test, &files[0]), insert_file(&test, &files[1]));
        let mut answers = [one, other];
        answers.sort_by_key(Result::is_err);
        assert_eq!(answers, [Ok(()), Err(DbErrorKind::Conflict)]);

        // One that is still received is no second file, until it is to be stored.
        let receiving = FileRow { status: FileStatus::Receiving, ..new_file(&test, &package) };
        insert_file(&test, &receiving).await.unwrap();
        let stored = FileRow { status: FileStatus::Stored, ..receiving };
        let refused = test.write(stored, |tx, (tenant, file)| {
            Box::pin(async move { tx.of(tenant).update_file(file, FileStatus::Receiving).await })
        });
        assert_eq!(refused.await.unwrap_err().kind(), DbErrorKind::Conflict);
        let mut session = test.db.read().await.unwrap();
        let totals = session.of(&test.tenant).file_totals(package.id).await.unwrap();
        assert_eq!((totals.files, totals.size_bytes), (1, 1));
    })
    .await;
}
