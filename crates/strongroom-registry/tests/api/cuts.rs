//! Retention and deletion, cut at every call of the store, and decided otherwise in the middle of every one.

use std::sync::Arc;

use futures::FutureExt as _;
use serde_json::json;
use strongroom_core::observed::Observed;
use strongroom_core::package::{LocationStatus, LockState, PackageStatus};
use strongroom_registry::auth::Role;
use strongroom_registry::jobs::run_one;
use strongroom_storage::ObjectKey;
use strongroom_testkit::steps::What;
use uuid::Uuid;

use crate::app::{TestApp, on_each_engine};
use crate::evidence::{keys, locations, locked, locks, records, row, stepwise, tick, work};

const LATER: &str = "2090-01-01T00:00:00Z";
const FILES: u32 = 3;
/// More calls than any of these takes.
const CALLS_MAX: usize = 400;

/// A package whose deletion has begun.
async fn deleting(app: &TestApp) -> Uuid {
    let id = locked(app, "transient", FILES).await;
    let ask = json!({ "reason": "a mistake", "early": true });
    app.as_(Role::RecordsManager).posts(&format!("/packages/{id}/deletion"), ask).await;
    for _ in 0..2 {
        tick(app).await;
    }
    assert_eq!(row(app, id).await.status, PackageStatus::Deleting);
    id
}

/// Every location tells what is in the store.
async fn rows_tell_the_truth(app: &TestApp, id: Uuid) {
    let keys = keys(app, id).await;
    for location in locations(app, id).await {
        let is_there = keys.contains(&location.object_key);
        match location.status {
            LocationStatus::Active => assert!(is_there, "{location:?}"),
            LocationStatus::Deleted => assert!(!is_there, "{location:?}"),
            other => panic!("{other} in the end: {location:?}"),
        }
    }
}

#[tokio::test]
async fn an_extension_whose_job_fails_at_any_call_reaches_every_object_in_the_end() {
    on_each_engine(async |engine| {
        for what in [What::FailsBefore, What::AnswerLost] {
            for nth in 1..CALLS_MAX {
                let (app, store) = engine.start_interrupted(stepwise).await;
                let id = locked(&app, "raw-evidence", FILES).await;
                let manager = app.as_(Role::RecordsManager);
                let path = format!("/packages/{id}/retention");
                manager
                    .posts(
                        &format!("{path}/extensions"),
                        json!({ "expires_at": LATER, "reason": "r" }),
                    )
                    .await;
                manager.posts(&format!("{path}/holds"), json!({ "reason": "r" })).await;
                store.steps().plan(nth, what.clone());
                work(&app).await;
                if !store.steps().happened() {
                    assert!(nth > 10, "it never happened");
                    break;
                }
                for (key, lock) in locks(&app, id).await {
                    let retention = lock.certain().retention.unwrap();
                    assert_eq!(retention.retain_until.to_string(), LATER, "{nth} {key}");
                    assert!(lock.certain().legal_hold, "{nth} {key}");
                }
                assert_eq!(row(&app, id).await.lock_state, LockState::Advisory, "{nth}");
                assert!(
                    locations(&app, id)
                        .await
                        .iter()
                        .all(|one| one.lock_hold && !one.hold_was_set_before)
                );
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_deletion_that_fails_at_any_call_ends_well_in_the_next_run() {
    on_each_engine(async |engine| {
        for what in [What::FailsBefore, What::AnswerLost] {
            for nth in 1..CALLS_MAX {
                let (app, store) = engine.start_interrupted(stepwise).await;
                let id = deleting(&app).await;
                store.steps().plan(nth, what.clone());
                work(&app).await;
                if !store.steps().happened() {
                    assert!(nth > 10, "it never happened");
                    break;
                }
                assert_eq!(row(&app, id).await.status, PackageStatus::Deleted, "{nth}");
                rows_tell_the_truth(&app, id).await;
                let kinds = records(&app, id).await;
                assert!(kinds.iter().any(|record| record["kind"] == "package_deleted"), "{nth}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_hold_placed_at_any_call_of_a_release_ends_held() {
    on_each_engine(async |engine| {
        for nth in 1..CALLS_MAX {
            let (app, store) = engine.start_interrupted(stepwise).await;
            let id = locked(&app, "raw-evidence", FILES).await;
            let manager = app.as_(Role::RecordsManager);
            let path = format!("/packages/{id}/retention/holds");
            let hold = manager.posts(&path, json!({ "reason": "first" })).await;
            work(&app).await;
            let release = format!("{path}/{}/release", hold["hold_id"].as_str().unwrap());
            manager.posts(&release, json!({ "reason": "settled" })).await;
            let (client, at) = (manager.clone(), path.clone());
            let place = move || {
                let (client, at) = (client.clone(), at.clone());
                async move { drop(client.posts(&at, json!({ "reason": "second" })).await) }.boxed()
            };
            store.steps().plan(nth, What::Meanwhile(Arc::new(place)));
            work(&app).await;
            if !store.steps().happened() {
                assert!(nth > 10, "it never happened");
                break;
            }
            for (key, lock) in locks(&app, id).await {
                assert_eq!(lock.legal_hold, Observed::Observed(true), "{nth} {key}");
            }
            let holds = manager.get(&path).await.json();
            assert_eq!(holds["holds"][0]["reach"], "released", "{nth}");
            assert_eq!(holds["holds"][1]["reach"], "advisory", "{nth}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_hold_placed_at_any_call_of_a_deletion_keeps_what_is_there() {
    on_each_engine(async |engine| {
        let mut kept = 0;
        for nth in 1..CALLS_MAX {
            let (app, store) = engine.start_interrupted(stepwise).await;
            let id = deleting(&app).await;
            let manager = app.as_(Role::RecordsManager);
            let path = format!("/packages/{id}/retention/holds");
            let (client, at) = (manager.clone(), path.clone());
            let place = move || {
                let (client, at) = (client.clone(), at.clone());
                // Too late is told, never half done.
                async move { drop(client.post(&at, json!({ "reason": "matter" })).await) }.boxed()
            };
            store.steps().plan(nth, What::Meanwhile(Arc::new(place)));
            work(&app).await;
            if !store.steps().happened() {
                break;
            }
            rows_tell_the_truth(&app, id).await;
            let holds = manager.get(&path).await.json()["holds"].as_array().unwrap().len();
            let status = row(&app, id).await.status;
            assert_eq!(status, PackageStatus::DeletionBlocked, "{nth}");
            assert_eq!(holds, 1, "{nth}");
            let active: Vec<_> = locations(&app, id).await;
            let active = active.iter().filter(|location| location.status == LocationStatus::Active);
            for location in active {
                let key = ObjectKey::new(location.object_key.clone()).unwrap();
                let lock = app.store.lock(&key, None).await.unwrap();
                assert!(lock.certain().legal_hold, "{nth}");
                kept += 1;
            }
        }
        assert!(kept > 3, "some of it is kept");
    })
    .await;
}

#[tokio::test]
async fn what_a_cut_leaves_in_doubt_is_settled_when_a_hold_stops_the_deletion() {
    on_each_engine(async |engine| {
        let mut was_in_doubt = false;
        for nth in 1..CALLS_MAX {
            let (app, store) = engine.start_interrupted(stepwise).await;
            let id = deleting(&app).await;
            // The first run is cut, and a hold comes before the second.
            store.steps().plan(nth, What::AnswerLost);
            run_one(&app.registry, "test").await.unwrap();
            if !store.steps().happened() {
                break;
            }
            was_in_doubt |=
                locations(&app, id).await.iter().any(|one| one.status == LocationStatus::Deleting);
            if row(&app, id).await.status == PackageStatus::Deleted {
                break;
            }
            let manager = app.as_(Role::RecordsManager);
            let path = format!("/packages/{id}/retention/holds");
            manager.posts(&path, json!({ "reason": "matter" })).await;
            work(&app).await;
            tick(&app).await;
            work(&app).await;
            rows_tell_the_truth(&app, id).await;
            assert_eq!(row(&app, id).await.status, PackageStatus::DeletionBlocked, "{nth}");
        }
        assert!(was_in_doubt, "a cut leaves something in doubt");
    })
    .await;
}
