//! Bytes that lie in an archive: told, asked for, brought, and gone again.

use axum::http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use strongroom_core::package::{RestoreStatus, RetrievalTier};
use strongroom_registry::auth::Role;
use strongroom_testkit::s3::{BucketSettings, Op};
use uuid::Uuid;

use crate::app::{TestApp, on_each_engine};
use crate::engines::Engine;
use crate::evidence::{locations, locked, tick, work};
use crate::shelf::Shelf;

/// A package of two files, both in the archive.
async fn archived(engine: &Engine) -> (Shelf, Uuid) {
    let shelf = Shelf::new(engine, BucketSettings::locked()).await;
    let id = locked(&shelf.app, "raw-evidence", 2).await;
    let bucket = shelf.server.bucket("shelf");
    for key in bucket.keys().into_iter().filter(|key| key.contains("/files/")) {
        bucket.archive(&key);
    }
    (shelf, id)
}

async fn statuses(app: &TestApp, id: Uuid) -> Vec<RestoreStatus> {
    locations(app, id).await.iter().map(|location| location.restore_status).collect()
}

/// A copy is there for so many days, but for what the test itself took.
#[track_caller]
fn lasts_for(app: &TestApp, until: Timestamp, days: i64) {
    let left = until.duration_since(app.clock.now());
    let off = left - SignedDuration::from_hours(24 * days);
    assert!(off.abs() < SignedDuration::from_mins(1), "{left}");
}

#[tokio::test]
async fn archived_bytes_are_told_asked_for_and_read_once_they_are_there() {
    on_each_engine(async |engine| {
        let (shelf, id) = archived(engine).await;
        let app = &shelf.app;
        let operator = app.as_(Role::Operator);
        let reader = app.as_(Role::Auditor);
        let file = locations(app, id).await[0].artifact_file_id;
        let download = format!("/files/{file}/download");

        let refused = reader.get(&download).await;
        assert_eq!(refused.problem(), "not-immediately-available");
        assert_eq!(refused.header("retry-after"), "3600");
        let seen = reader.get(&format!("/files/{file}")).await.json();
        assert_eq!(seen["locations"][0]["restore_status"], "expired");
        assert_eq!(seen["locations"][0]["retrieval_tier"], "archive");
        assert_eq!(seen["locations"][0]["storage_class"], "GLACIER");

        let asked = operator.post(&format!("/packages/{id}/restore"), json!({ "days": 3 })).await;
        assert_eq!((asked.status, asked.header("retry-after")), (StatusCode::ACCEPTED, "3600"));
        work(app).await;
        assert_eq!(statuses(app, id).await, [RestoreStatus::Restoring; 2], "the store was asked");
        let job = operator.get(&format!("/jobs/{}", asked.field("job_id").as_str().unwrap())).await;
        assert_eq!(job.field("state"), "done");
        tick(app).await;
        assert_eq!(reader.get(&download).await.problem(), "not-immediately-available");

        assert_eq!(shelf.server.bucket("shelf").end_restores(), 2);
        tick(app).await;
        assert_eq!(statuses(app, id).await, [RestoreStatus::Restored; 2]);
        assert_eq!(reader.get(&download).await.body.as_ref(), b"content");
        let until = locations(app, id).await[0].restore_expires_at.expect("the store said");
        lasts_for(app, until, 3);

        shelf.turn(SignedDuration::from_hours(73));
        tick(app).await;
        assert_eq!(statuses(app, id).await, [RestoreStatus::Expired; 2], "the copies are gone");
        assert_eq!(locations(app, id).await[0].retrieval_tier, RetrievalTier::Archive);
    })
    .await;
}

#[tokio::test]
async fn a_restore_asked_for_again_is_the_same_one_and_a_copy_is_kept_for_longer() {
    on_each_engine(async |engine| {
        let (shelf, id) = archived(engine).await;
        let app = &shelf.app;
        let operator = app.as_(Role::Operator);
        let path = format!("/packages/{id}/restore");
        let empty =
            || operator.request(axum::http::Method::POST, &path).body(axum::body::Body::empty());
        let first = operator.send(empty().unwrap()).await;
        let again = operator.send(empty().unwrap()).await;
        assert_eq!(first.field("job_id"), again.field("job_id"), "it is under way");
        work(app).await;
        operator.send(empty().unwrap()).await;
        work(app).await;
        assert_eq!(shelf.server.count(Op::RestoreObject), 2, "the store works on it");
        shelf.server.bucket("shelf").end_restores();
        operator.post(&path, json!({ "days": 30 })).await;
        work(app).await;
        let until = locations(app, id).await[0].restore_expires_at.expect("the store said");
        lasts_for(app, until, 30);
        assert_eq!(statuses(app, id).await, [RestoreStatus::Restored; 2]);
    })
    .await;
}

#[tokio::test]
async fn a_store_that_does_not_bring_what_it_was_asked_for_is_seen() {
    on_each_engine(async |engine| {
        let (shelf, id) = archived(engine).await;
        let app = &shelf.app;
        let operator = app.as_(Role::Operator);
        let path = format!("/packages/{id}/restore");
        let refusal = shelf.server.faults().on(Op::RestoreObject).answer(403);
        let asked = operator.post(&path, json!({})).await;
        work(app).await;
        assert!(refusal.fired() > 0);
        let job = operator.get(&format!("/jobs/{}", asked.field("job_id").as_str().unwrap())).await;
        assert_eq!(job.field("state"), "failed");
        assert!(!statuses(app, id).await.contains(&RestoreStatus::RestoreRequested));
        shelf.server.faults().clear();

        // It takes the request and forgets it.
        let lost = shelf.server.faults().on(Op::RestoreObject).answer(202);
        operator.post(&path, json!({})).await;
        work(app).await;
        assert_eq!(lost.fired(), 2);
        assert_eq!(statuses(app, id).await, [RestoreStatus::RestoreRequested; 2]);
        shelf.turn(SignedDuration::from_hours(25));
        tick(app).await;
        assert_eq!(
            statuses(app, id).await,
            [RestoreStatus::Expired; 2],
            "it can be asked for again"
        );
        for days in [0, 366] {
            let refused = operator.post(&path, json!({ "days": days })).await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{days}");
        }
    })
    .await;
}
