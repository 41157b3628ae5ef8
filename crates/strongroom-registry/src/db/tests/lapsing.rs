//! Locks that end soon, and what a look at an object leaves of what was known of its lock.

use jiff::{SignedDuration, Timestamp};
use strongroom_core::observed::Unobserved;
use strongroom_core::package::{LocationStatus, PackageStatus};
use strongroom_core::retention::LockMode;
use uuid::Uuid;

use super::fences::insert_location;
use super::support::{TestDb, on_both};
use crate::db::{DbError, LocationRow, PackageRow};

/// Why nothing is known of a lock.
const WHY: Unobserved = Unobserved::NotProbed;

async fn write(test: &TestDb, location: &LocationRow) {
    let updated = test.write(location.clone(), |tx, (tenant, location)| {
        Box::pin(
            async move { tx.of(tenant).update_location(location, LocationStatus::Active).await },
        )
    });
    assert!(updated.await.unwrap());
}

/// The packages that the sweeper finds by their locks: of those with a date, and of those without.
async fn lapsing(test: &TestDb, before: Timestamp) -> [Vec<Uuid>; 2] {
    let mut session = test.db.read().await.unwrap();
    let nil = Uuid::nil();
    let dated = session.dated_packages_lapsing_of_any_tenant(before, nil, 10).await.unwrap();
    let dateless = session.dateless_packages_lapsing_of_any_tenant(before, nil, 10).await.unwrap();
    [dated, dateless].map(|found| found.into_iter().map(|one| one.id).collect())
}

#[tokio::test]
async fn a_lock_of_what_is_there_is_renewed_also_where_its_bytes_are_others() {
    on_both(|test| async move {
        let soon = test.clock.now();
        let (before, date) = (soon + SignedDuration::from_secs(1), SignedDuration::from_hours(24));
        let mut expected: [Vec<Uuid>; 2] = Default::default();
        for status in [LocationStatus::Active, LocationStatus::Corrupt, LocationStatus::Missing] {
            for (expires_at, found) in [Some(soon + date), None].into_iter().zip(&mut expected) {
                let status_of_it = PackageStatus::Finalized;
                let package = PackageRow { status: status_of_it, expires_at, ..test.new_package() };
                let location = insert_location(&test, &package).await;
                let lock_retain_until = Some(soon);
                write(&test, &LocationRow { status, lock_retain_until, ..location }).await;
                if status != LocationStatus::Missing {
                    found.push(package.id);
                }
            }
        }
        assert_eq!(lapsing(&test, before).await, expected);
        assert_eq!(lapsing(&test, soon).await, <[Vec<Uuid>; 2]>::default());
    })
    .await;
}

#[tokio::test]
async fn what_was_known_of_a_lock_goes_with_the_object_but_for_a_bit_of_ours() {
    on_both(|test| async move {
        for (is_on, was_set_before, is_ours) in
            [(true, false, true), (true, true, false), (false, false, false)]
        {
            let package = PackageRow { status: PackageStatus::Finalized, ..test.new_package() };
            let at = Some(test.clock.now());
            let seen = LocationRow {
                lock_mode: Some(LockMode::Governance),
                lock_retain_until: at,
                lock_hold: is_on,
                hold_was_set_before: was_set_before,
                lock_read_at: at,
                last_verified_at: at,
                ..insert_location(&test, &package).await
            };
            write(&test, &seen).await;
            let found = test.write(seen.clone(), |tx, (tenant, seen)| {
                Box::pin(async move {
                    let mut rows = tx.of(tenant);
                    let is_it = rows.found_location(seen, LocationStatus::Missing, None, WHY);
                    Ok::<_, DbError>((is_it.await?, rows.location(seen.id).await?))
                })
            });
            let expected = LocationRow {
                status: LocationStatus::Missing,
                lock_mode: None,
                lock_retain_until: None,
                lock_hold: is_ours,
                hold_was_set_before: false,
                lock_read_at: None,
                lock_unobserved: Some(WHY),
                ..seen
            };
            assert_eq!(found.await.unwrap(), (true, Some(expected)));
        }
    })
    .await;
}
