//! Whole packages that lie in an archive: with the documents that the registry wrote of them, as bundles, and asked for.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::json;
use strongroom_core::package::RestoreStatus;
use strongroom_registry::api::router::router;
use strongroom_registry::auth::Role;
use strongroom_registry::db::{JobRow, JobState, TenantId};
use strongroom_testkit::s3::{BucketSettings, Op};
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::app::{Answer, TestApp, on_each_engine};
use crate::engines::Engine;
use crate::evidence::{locations, tick, work};
use crate::shelf::Shelf;
use crate::signing::signs;

/// A signed and finalized package of so many files, one path after the other. The first is the largest.
async fn package_of(engine: &Engine, files: usize) -> (Shelf, Uuid) {
    let shelf = Shelf::with(engine, BucketSettings::locked(), signs).await;
    let producer = shelf.app.as_(Role::Producer);
    let id = producer.new_package().await;
    for number in 0..files {
        producer.stores(id, &format!("{number:02}"), &vec![b'x'; files - number]).await;
    }
    producer.finalizes(id).await;
    work(&shelf.app).await;
    (shelf, id)
}

/// Moves every object of a package into the archive whose key has this in it; answers how many.
fn archive(shelf: &Shelf, id: Uuid, part: &str) -> u64 {
    let bucket = shelf.server.bucket("shelf");
    let mut archived = 0;
    for key in bucket.keys().into_iter().filter(|key| key.contains(&id.to_string())) {
        if key.contains(part) {
            bucket.archive(&key);
            archived += 1;
        }
    }
    archived
}

async fn restore(shelf: &Shelf, id: Uuid, days: u32) -> Answer {
    let path = format!("/packages/{id}/restore");
    shelf.app.as_(Role::Operator).post(&path, json!({ "days": days })).await
}

/// The job that a restore was answered with, as its row is.
async fn job_of(app: &TestApp, asked: &Answer) -> JobRow {
    let id = asked.field("job_id").as_str().unwrap().parse().unwrap();
    let mut session = app.registry.db().read().await.unwrap();
    session.of(&TenantId::default_tenant()).job(id).await.unwrap().unwrap()
}

#[track_caller]
fn refused_as_archived(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::CONFLICT, "{answer:?}");
    assert_eq!(answer.problem(), "not-immediately-available");
    assert_eq!(answer.header("retry-after"), "3600");
    let guidance = answer.field("guidance");
    assert!(guidance.as_str().unwrap_or_default().contains("/restore"), "{guidance}");
}

#[tokio::test]
async fn a_restore_brings_back_what_the_registry_wrote_of_the_package_too() {
    on_each_engine(async |engine| {
        let (shelf, id) = package_of(engine, 3).await;
        let reader = shelf.app.as_(Role::Auditor);
        let of_package = |what: &str| format!("/packages/{id}/{what}");
        let documents = ["manifest", "manifest/signature"].map(of_package);
        let objects = archive(&shelf, id, "");
        assert!(objects > 3 + 3, "files, documents and records: {objects}");
        for document in &documents {
            refused_as_archived(&reader.get(document).await);
        }

        let asked = restore(&shelf, id, 3).await;
        work(&shelf.app).await;
        let job = job_of(&shelf.app, &asked).await;
        assert_eq!((job.state, job.progress_done), (JobState::Done, objects));
        assert_eq!(job.outcome, Some(json!({ "available": 0, "awaited": objects })));
        assert_eq!(shelf.server.bucket("shelf").end_restores() as u64, objects);
        tick(&shelf.app).await;
        for document in documents.iter().chain(&[of_package("bundle")]) {
            assert_eq!(reader.get(document).await.status, StatusCode::OK, "{document}");
        }
        // Copies that are there are asked for again, to stay for longer.
        let asked = restore(&shelf, id, 30).await;
        work(&shelf.app).await;
        let outcome = job_of(&shelf.app, &asked).await.outcome;
        assert_eq!(outcome, Some(json!({ "available": objects, "awaited": 0 })));
        assert_eq!(shelf.server.count(Op::RestoreObject) as u64, 2 * objects);
    })
    .await;
}

#[tokio::test]
async fn a_bundle_of_archived_bytes_is_refused_before_it_begins() {
    on_each_engine(async |engine| {
        let (shelf, id) = package_of(engine, 20).await;
        archive(&shelf, id, "/files/");
        let reader = shelf.app.as_(Role::Auditor);
        let path = format!("/packages/{id}/bundle");
        shelf.server.reset_requests();
        refused_as_archived(&reader.get(&path).await);
        let looks = shelf.server.count(Op::HeadObject);
        assert!((1..20).contains(&looks), "a request looks at some objects, not at all: {looks}");
        let noted = async || {
            let rows = locations(&shelf.app, id).await;
            rows.iter().filter(|one| one.restore_status == RestoreStatus::Expired).count()
        };
        assert!(noted().await > 0, "whoever looks at the files sees it");

        // From now on the rows tell.
        shelf.server.reset_requests();
        refused_as_archived(&reader.get(&path).await);
        let head = reader.request(Method::HEAD, &path).body(Body::empty()).unwrap();
        assert_eq!(reader.send(head).await.status, StatusCode::CONFLICT);
        assert_eq!(shelf.server.requests().len(), 0);
    })
    .await;
}

#[tokio::test]
async fn an_archived_object_in_the_middle_breaks_a_bundle_off_once() {
    on_each_engine(async |engine| {
        let (shelf, id) = package_of(engine, 30).await;
        let mut files = shelf.app.as_(Role::Auditor).get(&format!("/packages/{id}/files")).await;
        let small = files.json()["files"][25]["file_id"].as_str().unwrap().to_owned();
        assert_eq!(archive(&shelf, id, &small), 1);
        let path = format!("/packages/{id}/bundle");
        let reader = shelf.app.as_(Role::Auditor);
        let request = reader.request(Method::GET, &path).body(Body::empty()).unwrap();
        let answer = router(&shelf.app.registry).oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(answer.into_body().collect().await.is_err(), "the body must break off");

        refused_as_archived(&reader.get(&path).await);
        files = reader.get(&format!("/files/{small}")).await;
        assert_eq!(files.json()["locations"][0]["restore_status"], "expired");
        // And a restore brings it.
        restore(&shelf, id, 3).await;
        work(&shelf.app).await;
        assert_eq!(shelf.server.bucket("shelf").end_restores(), 1);
        tick(&shelf.app).await;
        assert_eq!(reader.get(&path).await.status, StatusCode::OK);
    })
    .await;
}

#[tokio::test]
async fn what_nobody_looked_at_is_not_told_to_be_there() {
    on_each_engine(async |engine| {
        let (shelf, id) = package_of(engine, 3).await;
        archive(&shelf, id, "");
        let known = |answer: &Answer| {
            assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
            ["available", "awaited", "unobserved"].map(|name| answer.field(name))
        };
        let asked = restore(&shelf, id, 3).await;
        assert_eq!(known(&asked), [json!(0), json!(0), json!(3)]);
        assert_eq!(asked.header("retry-after"), "5", "the job has looked by then");
        work(&shelf.app).await;

        let asked = restore(&shelf, id, 3).await;
        assert_eq!(known(&asked), [json!(0), json!(3), json!(0)]);
        assert_eq!(asked.header("retry-after"), "3600");
        work(&shelf.app).await;
        shelf.server.bucket("shelf").end_restores();
        tick(&shelf.app).await;
        let asked = restore(&shelf, id, 3).await;
        assert_eq!(known(&asked), [json!(3), json!(0), json!(0)]);

        // The store said until when. What is after that nobody knows before the next look.
        work(&shelf.app).await;
        shelf.turn(jiff::SignedDuration::from_hours(73));
        let asked = restore(&shelf, id, 3).await;
        assert_eq!(known(&asked), [json!(0), json!(0), json!(3)]);
    })
    .await;
}

#[tokio::test]
async fn another_number_of_days_is_not_lost_and_each_event_names_a_job_that_there_is() {
    on_each_engine(async |engine| {
        let (shelf, id) = package_of(engine, 2).await;
        archive(&shelf, id, "");
        let first = restore(&shelf, id, 3).await;
        let longer = restore(&shelf, id, 30).await;
        assert_eq!((longer.status, longer.problem().as_str()), (StatusCode::CONFLICT, "conflict"));
        assert!(longer.field("guidance").as_str().unwrap().contains("ask again"), "{longer:?}");

        let operator = shelf.app.as_(Role::Operator);
        let keyed = async || {
            let request = operator
                .request(Method::POST, &format!("/packages/{id}/restore"))
                .header("content-type", "application/json")
                .header("idempotency-key", "again")
                .body(Body::from(json!({ "days": 3 }).to_string()));
            operator.send(request.unwrap()).await
        };
        for _ in 0..2 {
            assert_eq!(keyed().await.field("job_id"), first.field("job_id"));
        }
        work(&shelf.app).await;
        assert_eq!(keyed().await.field("job_id"), first.field("job_id"), "it is done already");

        let longer = restore(&shelf, id, 30).await;
        assert_eq!(longer.status, StatusCode::ACCEPTED);
        assert_ne!(longer.field("job_id"), first.field("job_id"));
        let admin = shelf.app.as_(Role::Admin);
        let page = admin.get(&format!("/packages/{id}/audit-events?limit=200")).await.json();
        let mut asked = Vec::new();
        for event in page["events"].as_array().unwrap() {
            if event["type"] == "restore_requested" {
                let job = event["details"]["job_id"].as_str().unwrap();
                assert_eq!(admin.get(&format!("/jobs/{job}")).await.status, StatusCode::OK);
                asked.push(event["details"]["days"].clone());
            }
        }
        assert_eq!(asked, [json!(30), json!(3), json!(3)], "what was refused is none");
    })
    .await;
}
