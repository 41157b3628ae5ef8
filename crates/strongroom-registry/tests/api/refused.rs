//! Decisions that are refused after they were put on record: the bucket says so too.

use std::sync::Arc;

use axum::http::{Method, StatusCode, header};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use strongroom_core::package::PackageStatus;
use strongroom_registry::auth::Role;
use strongroom_registry::jobs::run_one;
use uuid::Uuid;

use crate::app::{Answer, Client, TestApp, on_each_engine};
use crate::evidence::{keys, locked, records, row, stepwise, tick, work};
use strongroom_testkit::steps::What;

/// More calls than any of these takes.
const CALLS_MAX: usize = 400;
const LATER: &str = "2090-01-01T00:00:00Z";

/// What somebody does while the store is asked for something else.
fn does(
    client: &Client,
    path: String,
    body: Value,
) -> Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync> {
    let client = client.clone();
    Arc::new(move || {
        let (client, path, body) = (client.clone(), path.clone(), body.clone());
        // Too late is told, never half done.
        async move { drop(client.post(&path, body).await) }.boxed()
    })
}

async fn of_kind(app: &TestApp, id: Uuid, kind: &str) -> Vec<Value> {
    let records = records(app, id).await.into_iter();
    records.filter(|record| record["kind"] == kind).collect()
}

/// The one record of a kind, which another says was not taken.
async fn is_told_not_taken(app: &TestApp, id: Uuid, kind: &str) {
    let refused = of_kind(app, id, kind).await;
    let told = of_kind(app, id, "decision_not_taken").await;
    assert_eq!((refused.len(), told.len()), (1, 1), "{kind}: {told:?}");
    assert_eq!(told[0]["record_id"], refused[0]["id"], "{kind}");
    assert!(told[0]["reason"].is_string() && told[0].get("by").is_none(), "{told:?}");
}

fn is(answer: &Answer, status: StatusCode, problem: &str) {
    assert_eq!((answer.status, answer.problem().as_str()), (status, problem), "{answer:?}");
}

#[tokio::test]
async fn a_release_that_came_beside_an_extension_is_no_release() {
    on_each_engine(async |engine| {
        let (app, store) = engine.start_interrupted(stepwise).await;
        let id = locked(&app, "raw-evidence", 1).await;
        let manager = app.as_(Role::RecordsManager);
        let path = format!("/packages/{id}/retention");
        let hold = manager.post(&format!("{path}/holds"), json!({ "reason": "matter" })).await;
        work(&app).await;
        let extension = json!({ "expires_at": LATER, "reason": "longer" });
        store
            .steps()
            .plan(1, What::Meanwhile(does(&manager, format!("{path}/extensions"), extension)));
        let release = format!("{path}/holds/{}/release", hold.field("hold_id").as_str().unwrap());
        let request = manager
            .request(Method::POST, &release)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::IF_MATCH, format!("\"{}\"", row(&app, id).await.version))
            .body(axum::body::Body::from(json!({ "reason": "settled" }).to_string()));
        let refused = manager.send(request.unwrap()).await;
        is(&refused, StatusCode::PRECONDITION_FAILED, "precondition-failed");
        let holds = manager.get(&format!("{path}/holds")).await.json();
        assert!(holds["holds"][0].get("released_at").is_none(), "{holds}");
        is_told_not_taken(&app, id, "hold_released").await;
        // Sent again it is taken, and nothing says otherwise.
        let released = manager.post(&release, json!({ "reason": "settled" })).await;
        assert_eq!(released.status, StatusCode::OK, "{released:?}");
        assert_eq!(of_kind(&app, id, "hold_released").await.len(), 2);
        assert_eq!(of_kind(&app, id, "decision_not_taken").await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_package_that_came_under_a_hold_while_it_was_abandoned_is_not_abandoned() {
    on_each_engine(async |engine| {
        let (app, store) = engine.start_interrupted(stepwise).await;
        let id = app.as_(Role::Producer).new_package().await;
        let manager = app.as_(Role::RecordsManager);
        let holds = format!("/packages/{id}/retention/holds");
        store
            .steps()
            .plan(1, What::Meanwhile(does(&manager, holds, json!({ "reason": "matter" }))));
        let path = format!("/packages/{id}/abandon");
        let refused = app.as_(Role::Producer).post(&path, Value::Null).await;
        is(&refused, StatusCode::CONFLICT, "retained");
        assert_eq!(row(&app, id).await.status, PackageStatus::Open);
        is_told_not_taken(&app, id, "package_abandoned").await;
    })
    .await;
}

#[tokio::test]
async fn a_package_that_came_under_a_hold_while_its_deletion_was_asked_for_is_kept() {
    on_each_engine(async |engine| {
        let (app, store) = engine.start_interrupted(stepwise).await;
        let id = locked(&app, "transient", 1).await;
        let manager = app.as_(Role::RecordsManager);
        let holds = format!("/packages/{id}/retention/holds");
        store
            .steps()
            .plan(1, What::Meanwhile(does(&manager, holds, json!({ "reason": "matter" }))));
        let ask = json!({ "reason": "a mistake", "early": true });
        let refused = manager.post(&format!("/packages/{id}/deletion"), ask).await;
        is(&refused, StatusCode::CONFLICT, "retained");
        assert_eq!(row(&app, id).await.status, PackageStatus::Finalized);
        is_told_not_taken(&app, id, "deletion_requested").await;
    })
    .await;
}

#[tokio::test]
async fn a_hold_that_comes_at_the_very_end_of_a_deletion_leaves_no_false_certificate() {
    on_each_engine(async |engine| {
        let mut was_late = false;
        for nth in 1..CALLS_MAX {
            let (app, store) = engine.start_interrupted(stepwise).await;
            let id = locked(&app, "transient", 2).await;
            let manager = app.as_(Role::RecordsManager);
            let ask = json!({ "reason": "a mistake", "early": true });
            manager.post(&format!("/packages/{id}/deletion"), ask).await;
            for _ in 0..2 {
                tick(&app).await;
            }
            let holds = format!("/packages/{id}/retention/holds");
            store
                .steps()
                .plan(nth, What::Meanwhile(does(&manager, holds, json!({ "reason": "matter" }))));
            work(&app).await;
            if !store.steps().happened() {
                break;
            }
            assert_eq!(row(&app, id).await.status, PackageStatus::DeletionBlocked, "{nth}");
            if !of_kind(&app, id, "package_deleted").await.is_empty() {
                is_told_not_taken(&app, id, "package_deleted").await;
                was_late = true;
            }
            let blocks = of_kind(&app, id, "deletion_blocked").await;
            assert!(
                blocks.iter().all(|record| record["why"] == "hold_placed"),
                "{nth}: {blocks:?}"
            );
            let jobs = app.as_(Role::Admin).get("/jobs").await.json();
            let jobs = jobs["jobs"].as_array().unwrap();
            assert!(jobs.iter().all(|job| job["state"] == "done"), "{nth}: {jobs:?}");
        }
        assert!(was_late, "a hold came after the certificate");
    })
    .await;
}

#[tokio::test]
async fn what_finalizing_left_before_it_was_given_up_is_told_to_be_no_evidence() {
    on_each_engine(async |engine| {
        for what in [What::FailsBefore, What::AnswerLost] {
            let mut was_told = false;
            for nth in 1..CALLS_MAX {
                let (app, store) = engine
                    .start_interrupted(|settings| {
                        stepwise(settings);
                        settings.jobs.attempts_max = 1;
                    })
                    .await;
                let producer = app.as_(Role::Producer);
                let id = producer.new_package().await;
                producer.stores(id, "a", b"content").await;
                let job = producer.finalizes(id).await;
                store.steps().plan(nth, what.clone());
                run_one(&app.registry, "test").await.unwrap();
                if !store.steps().happened() {
                    assert!(nth > 10, "it never happened");
                    break;
                }
                assert_eq!(row(&app, id).await.status, PackageStatus::Open, "{nth}");
                let says = keys(&app, id).await.iter().any(|key| key.ends_with("package.json"))
                    || !of_kind(&app, id, "package_finalized").await.is_empty();
                let told = of_kind(&app, id, "finalize_failed").await;
                if says {
                    assert_eq!(told.len(), 1, "{nth}");
                    assert_eq!(told[0]["record_id"], json!(job), "{nth}");
                    was_told = true;
                }
                // It can be finalized all the same, or given up.
                producer.finalizes(id).await;
                work(&app).await;
                assert_eq!(row(&app, id).await.status, PackageStatus::Finalized, "{nth}");
            }
            assert!(was_told, "package.json was there");
        }
    })
    .await;
}
