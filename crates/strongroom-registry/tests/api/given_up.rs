//! What an attempt that was given up leaves behind, and what is made of it later.

use std::sync::Arc;

use axum::http::StatusCode;
use futures::FutureExt as _;
use jiff::SignedDuration;
use serde_json::{Value, json};
use strongroom_core::observed::Observed;
use strongroom_core::package::PackageStatus;
use strongroom_registry::auth::Role;
use strongroom_registry::config::Settings;
use strongroom_registry::jobs::run_one;
use strongroom_storage::ObjectKey;
use strongroom_testkit::steps::{Step, What};
use uuid::Uuid;

use crate::app::{TestApp, on_both_with, on_each_engine};
use crate::evidence::{keys, locks, records, row, stepwise, tick, work};

/// More calls than any of these takes.
const CALLS_MAX: usize = 100;

/// A job that failed once waits for a person.
fn once(settings: &mut Settings) {
    stepwise(settings);
    settings.jobs.attempts_max = 1;
}

async fn package(app: &TestApp, class: &str) -> Uuid {
    let producer = app.as_(Role::Producer);
    let ask = json!({ "name": "a", "retention": { "class": class } });
    let made = producer.post("/packages", ask).await;
    let id = made.field("package_id").as_str().unwrap().parse().unwrap();
    for path in ["a", "b"] {
        producer.stores(id, path, path.as_bytes()).await;
    }
    id
}

#[tokio::test]
async fn a_hold_that_ended_after_finalizing_was_given_up_leaves_no_bit() {
    on_each_engine(async |engine| {
        let (mut was_open, manager_says) = (false, json!({ "reason": "settled" }));
        for nth in (1..CALLS_MAX).step_by(4) {
            let (app, store) = engine.start_interrupted(once).await;
            let id = package(&app, "raw-evidence").await;
            let manager = app.as_(Role::RecordsManager);
            let path = format!("/packages/{id}/retention/holds");
            let hold = manager.posts(&path, manager_says.clone()).await;
            app.as_(Role::Producer).finalizes(id).await;
            store.steps().plan(nth, What::FailsBefore);
            work(&app).await;
            if !store.steps().happened() {
                break;
            }
            was_open |= row(&app, id).await.status == PackageStatus::Open;
            let hold = hold["hold_id"].as_str().unwrap();
            manager.posts(&format!("{path}/{hold}/release"), manager_says.clone()).await;
            app.as_(Role::Producer).finalizes(id).await;
            work(&app).await;
            assert_eq!(row(&app, id).await.status, PackageStatus::Finalized, "{nth}");
            for (key, lock) in locks(&app, id).await {
                assert_eq!(lock.legal_hold, Observed::Observed(false), "{nth} {key}");
            }
        }
        assert!(was_open, "it was given up once");
    })
    .await;
}

#[tokio::test]
async fn a_bit_that_somebody_set_before_finalizing_stays() {
    on_both_with(stepwise, |app| async move {
        let id = package(&app, "raw-evidence").await;
        let theirs = keys(&app, id).await.into_iter().find(|key| key.contains("/files/")).unwrap();
        let key = ObjectKey::new(theirs).unwrap();
        app.store.set_legal_hold(&key, None, true).await.unwrap();
        app.as_(Role::Producer).finalizes(id).await;
        work(&app).await;
        let ask = json!({ "days": 400, "reason": "longer" });
        let path = format!("/packages/{id}/retention/extensions");
        app.as_(Role::RecordsManager).posts(&path, ask).await;
        work(&app).await;
        let lock = app.store.lock(&key, None).await.unwrap();
        assert_eq!(lock.legal_hold, Observed::Observed(true), "no release of ours clears it");
    })
    .await;
}

#[tokio::test]
async fn what_a_stopped_deletion_left_is_no_bundle_and_can_be_had_file_by_file() {
    on_each_engine(async |engine| {
        let mut was_in_part = false;
        for nth in 1..CALLS_MAX {
            let (app, store) = engine.start_interrupted(once).await;
            let id = package(&app, "transient").await;
            app.as_(Role::Producer).finalizes(id).await;
            work(&app).await;
            let manager = app.as_(Role::RecordsManager);
            let ask = json!({ "reason": "a mistake", "early": true });
            manager.posts(&format!("/packages/{id}/deletion"), ask.clone()).await;
            for _ in 0..2 {
                tick(&app).await;
            }
            store.steps().plan(nth, What::FailsBefore);
            run_one(&app.registry, "test").await.unwrap();
            if !store.steps().happened() || row(&app, id).await.status == PackageStatus::Deleted {
                break;
            }
            if row(&app, id).await.status == PackageStatus::Deleting {
                let path = format!("/packages/{id}/retention/holds");
                manager.posts(&path, json!({ "reason": "matter" })).await;
            }
            let path = format!("/packages/{id}/deletion/cancel");
            manager.posts(&path, json!({ "reason": "kept" })).await;
            work(&app).await;
            let files = app.as_(Role::Auditor).files(id).await;
            let left = files.iter().filter(|(_, status)| status == "stored").count();
            let bundle = app.as_(Role::Auditor).get(&format!("/packages/{id}/bundle")).await;
            match left {
                2 => assert_eq!(bundle.status, StatusCode::OK, "{nth}: {bundle:?}"),
                _ => assert_eq!(bundle.problem(), "wrong-state", "{nth}: {bundle:?}"),
            }
            was_in_part |= left == 1;
        }
        assert!(was_in_part, "a deletion was stopped in the middle");
    })
    .await;
}

#[tokio::test]
async fn an_approval_of_what_is_on_its_way_already_decides_nothing_anew() {
    let two = |settings: &mut Settings| {
        stepwise(settings);
        settings.dual_control.early_deletion = true;
    };
    on_both_with(two, |app| async move {
        let id = package(&app, "transient").await;
        app.as_(Role::Producer).finalizes(id).await;
        work(&app).await;
        app.clock.advance(SignedDuration::from_hours(24 * 6));
        let (first, second) =
            (app.as_(Role::RecordsManager), app.another(Role::RecordsManager).await);
        let path = format!("/packages/{id}/deletion");
        first.posts(&path, json!({ "reason": "soon", "early": true })).await;
        app.clock.advance(SignedDuration::from_hours(48));
        let due = first.posts(&path, json!({ "reason": "its date is past" })).await;
        assert_eq!(due["status"], "deletion_requested");
        let approved = second.posts(&format!("{path}/approve"), Value::Null).await;
        assert_eq!(approved["deletion"], due["deletion"]);
        let records = records(&app, id).await;
        let requests =
            records.iter().filter(|record| record["kind"] == "deletion_requested").count();
        assert_eq!(requests, 1, "one decision, one record");
    })
    .await;
}

#[tokio::test]
async fn a_part_that_is_given_up_at_any_call_of_a_clean_up_goes_too() {
    on_each_engine(async |engine| {
        for nth in 1..CALLS_MAX {
            let (app, store) = engine.start_interrupted(once).await;
            let producer = app.as_(Role::Producer);
            let id = producer.new_package().await;
            let mut uploads = Vec::new();
            for path in ["a", "b"] {
                let upload = producer.begins(id, path, 7).await;
                producer.sends_from(upload, 0, b"cont").await;
                uploads.push(upload);
            }
            // The walk is past it when it comes: its parts are the older ones.
            let second = uploads[0];
            assert_eq!(producer.ends(uploads[1]).await.status, StatusCode::NO_CONTENT);
            let meanwhile = move || {
                let producer = producer.clone();
                async move { drop(producer.ends(second).await) }.boxed()
            };
            store.steps().plan(nth, What::Meanwhile(Arc::new(meanwhile)));
            work(&app).await;
            if !store.steps().happened() {
                assert!(nth > 1, "it never happened");
                break;
            }
            assert_eq!(app.parts(id).await, [""; 0], "{nth}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_upload_that_is_given_up_while_a_package_with_a_locked_file_is_cleaned_up_goes_too() {
    on_each_engine(async |engine| {
        let (app, store) = engine.start_interrupted(once).await;
        let producer = app.as_(Role::Producer);
        let (before, id) = (producer.new_package().await, producer.new_package().await);
        producer.stores(id, "a", b"a").await;
        let locked = app.objects(id).await.remove(0);
        let key = ObjectKey::new(locked.clone()).unwrap();
        app.store.set_legal_hold(&key, None, true).await.unwrap();
        // An upload whose process ends when the object is there.
        store.steps().watch();
        producer.stores(before, "b", b"b").await;
        let steps = store.steps().taken();
        let is_write = |step: &Step| step.name.starts_with("store: create packages/");
        let at = steps.iter().position(is_write).unwrap();
        store.steps().plan(at + 1, What::StopsAfter);
        let uploader = producer.clone();
        let uploading = tokio::spawn(async move { uploader.put_file(id, "b", b"b").await });
        store.steps().stopped().await;
        uploading.abort();
        assert_eq!(app.objects(id).await.len(), 2);

        producer.posts(&format!("/packages/{id}/abandon"), Value::Null).await;
        let other = app.clone();
        let meanwhile = move || {
            let app = other.clone();
            async move {
                app.clock.advance(SignedDuration::from_hours(49));
                assert_eq!(app.registry.give_up_old_uploads().await.unwrap(), 1);
            }
            .boxed()
        };
        store.steps().plan(1, What::Meanwhile(Arc::new(meanwhile)));
        work(&app).await;
        assert!(store.steps().happened());
        assert_eq!(app.objects(id).await, [locked]);
    })
    .await;
}
