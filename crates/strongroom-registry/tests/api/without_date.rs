//! What is kept without a date: under a rolling lock, and under a hold of the registry's own from the start.

use axum::http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Value, json};
use strongroom_core::package::PackageStatus;
use strongroom_registry::auth::Role;
use strongroom_storage::keep::{self, Deletion};
use strongroom_storage::{ObjectKey, VersionId};
use strongroom_testkit::s3::BucketSettings;
use uuid::Uuid;

use crate::app::{TestApp, on_both_with, on_each_engine};
use crate::evidence::{locations, locks, records, row, stepwise, tick, work};
use crate::shelf::Shelf;

const YEAR: SignedDuration = SignedDuration::from_hours(24 * 365);

/// An open package of two files that is kept without a date.
async fn open(app: &TestApp, legal_hold: bool) -> Uuid {
    let producer = app.as_(Role::Producer);
    let retention = json!({ "class": "permanent-record", "legal_hold": legal_hold });
    let made = producer.post("/packages", json!({ "name": "a", "retention": retention })).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let id = made.field("package_id").as_str().unwrap().parse().unwrap();
    producer.stores(id, "a", b"content").await;
    producer.stores(id, "b", b"content").await;
    id
}

async fn finalized(app: &TestApp) -> Uuid {
    let id = open(app, false).await;
    app.as_(Role::Producer).finalizes(id).await;
    work(app).await;
    assert_eq!(row(app, id).await.status, PackageStatus::Finalized);
    id
}

async fn holds(app: &TestApp, id: Uuid) -> Vec<Value> {
    let page = app.as_(Role::Auditor).get(&format!("/packages/{id}/retention/holds")).await.json();
    page["holds"].as_array().unwrap().clone()
}

async fn release(app: &TestApp, id: Uuid, hold: &Value) {
    let hold = hold["hold_id"].as_str().unwrap();
    let path = format!("/packages/{id}/retention/holds/{hold}/release");
    let answer = app.as_(Role::RecordsManager).post(&path, json!({ "reason": "obsolete" })).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
}

async fn deletes(app: &TestApp, id: Uuid) -> crate::app::Answer {
    let ask = json!({ "reason": "obsolete", "early": true });
    app.as_(Role::RecordsManager).post(&format!("/packages/{id}/deletion"), ask).await
}

#[tokio::test]
async fn it_is_held_from_the_start_on_record_and_on_every_object() {
    on_both_with(stepwise, |app| async move {
        let id = open(&app, true).await;
        let placed = holds(&app, id).await;
        assert_eq!(placed.len(), 2, "the registry's own, and the producer's: {placed:?}");
        let told: Vec<&str> = placed.iter().map(|one| one["reason"].as_str().unwrap()).collect();
        assert!(told.iter().any(|told| told.starts_with("the registry's own:")), "{told:?}");
        assert!(told.iter().any(|told| told.starts_with("asked for by the producer")), "{told:?}");
        let of_kind = |kind: &'static str| {
            let app = app.clone();
            async move {
                let records = records(&app, id).await.into_iter();
                records.filter(|record| record["kind"] == kind).collect::<Vec<_>>()
            }
        };
        let on_record = of_kind("hold_placed").await;
        for hold in &placed {
            let record = on_record.iter().find(|record| record["hold_id"] == hold["hold_id"]);
            let record = record.expect("its record");
            assert_eq!(record["reason"], hold["reason"]);
            // The registry places its own, and nobody else; as of all that it does by itself, no principal is told.
            let is_its_own = hold["reason"].as_str().unwrap().starts_with("the registry's own:");
            assert_eq!(record.get("by"), hold.get("placed_by"));
            assert_eq!(hold.get("placed_by").is_none(), is_its_own, "{hold}");
        }
        let log = app.as_(Role::Auditor).get(&format!("/packages/{id}/audit-events")).await.json();
        let events = log["events"].as_array().unwrap().iter();
        let by_nobody = events
            .filter(|event| event["type"] == "hold_placed" && event.get("principal_id").is_none());
        let hold_ids: Vec<&Value> = by_nobody.map(|event| &event["details"]["hold_id"]).collect();
        let own = placed.iter().find(|hold| hold.get("placed_by").is_none()).unwrap();
        assert_eq!(hold_ids, [&own["hold_id"]]);
        app.as_(Role::Producer).finalizes(id).await;
        work(&app).await;
        for (key, lock) in locks(&app, id).await {
            assert!(lock.certain().legal_hold, "{key}");
        }
        assert!(
            locations(&app, id).await.iter().all(|one| one.lock_hold && !one.hold_was_set_before)
        );
        assert!(holds(&app, id).await.iter().all(|hold| hold["reach"] == "advisory"));
        let document = app.as_(Role::Auditor).get(&format!("/packages/{id}/manifest")).await.json();
        let held = document["retention"]["holds"].as_array().unwrap();
        assert_eq!(held.len(), 2);
        for hold in held {
            let placed = placed.iter().find(|placed| placed["hold_id"] == hold["hold_id"]);
            assert_eq!(hold.get("by"), placed.unwrap().get("placed_by"));
        }
        let finalized = &of_kind("package_finalized").await[0];
        assert_eq!(finalized["locks"]["held"], finalized["locks"]["objects"]);
    })
    .await;
}

#[tokio::test]
async fn what_has_a_date_is_under_no_hold_that_nobody_asked_for() {
    on_both_with(stepwise, |app| async move {
        for class in ["transient", "raw-evidence", "summary-evidence", "release-evidence"] {
            let ask = json!({ "name": "a", "retention": { "class": class } });
            let made = app.as_(Role::Producer).post("/packages", ask).await;
            assert_eq!(made.field("active_holds"), 0, "{class}");
        }
    })
    .await;
}

#[tokio::test]
async fn it_goes_only_after_its_hold_was_released() {
    on_both_with(stepwise, |app| async move {
        let id = finalized(&app).await;
        assert_eq!(deletes(&app, id).await.problem(), "retained");
        let hold = holds(&app, id).await.remove(0);
        release(&app, id, &hold).await;
        work(&app).await;
        assert_eq!(holds(&app, id).await[0]["reach"], "released");
        assert!(locks(&app, id).await.iter().all(|(_, lock)| !lock.certain().legal_hold));
        assert_eq!(deletes(&app, id).await.field("status"), "deletion_requested");
        // The same before it is evidence.
        let open = open(&app, false).await;
        let abandon = format!("/packages/{open}/abandon");
        let producer = app.as_(Role::Producer);
        assert_eq!(producer.post(&abandon, Value::Null).await.problem(), "retained");
        let hold = holds(&app, open).await.remove(0);
        release(&app, open, &hold).await;
        assert_eq!(producer.post(&abandon, Value::Null).await.field("status"), "abandoned");
    })
    .await;
}

#[tokio::test]
async fn the_store_keeps_it_also_where_the_registry_stands_still_for_years() {
    on_each_engine(async |engine| {
        let shelf = Shelf::new(engine, BucketSettings::locked()).await;
        let app = &shelf.app;
        let id = finalized(app).await;
        // Nobody renews anything meanwhile, and all locks are over.
        shelf.turn(YEAR * 3);
        let bucket = shelf.server.bucket("shelf");
        let now = shelf.server.clock().now();
        for location in locations(app, id).await {
            let [version] = &bucket.versions(&format!("team/{}", location.object_key))[..] else {
                panic!("one version");
            };
            assert!(version.retention.expect("a lock").retain_until < now, "its lock is over");
            let key = ObjectKey::new(location.object_key.clone()).unwrap();
            let ours = location.version_id.map(VersionId);
            let deletion = keep::delete(&*app.store, &key, ours.as_ref()).await.unwrap();
            let Deletion::RefusedByLock { lock, .. } = deletion else { panic!("{deletion:?}") };
            assert!(lock.legal_hold, "the hold alone keeps it: {lock:?}");
        }
        tick(app).await;
        work(app).await;
        assert_eq!(holds(app, id).await[0]["reach"], "held");
        assert_eq!(app.objects(id).await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_store_that_cannot_hold_it_is_told() {
    on_each_engine(async |engine| {
        let shelf = Shelf::new(engine, BucketSettings::plain()).await;
        let app = &shelf.app;
        let id = finalized(app).await;
        assert_eq!(holds(app, id).await[0]["reach"], "partial");
        assert_eq!(deletes(app, id).await.problem(), "retained", "the registry keeps what is held");
    })
    .await;
}
