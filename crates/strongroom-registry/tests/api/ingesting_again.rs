//! Ingestions of local files that do not go through at once: told to stop, refused, tried again by hand.

use std::fs;
use std::sync::Arc;

use axum::body::Body;
use axum::http::StatusCode;
use futures::FutureExt as _;
use serde_json::{Value, json};
use strongroom_core::limits::PATH_BYTES_MAX;
use strongroom_registry::auth::Role;
use strongroom_registry::jobs;
use strongroom_registry::server::stop;
use strongroom_testkit::steps::{Meanwhile, What};
use tokio::task::yield_now;
use uuid::Uuid;

use crate::app::{Answer, TestApp, on_both_with};
use crate::evidence::work;
use crate::local_files::{ask, declared_package, ended, events, root, rooted, stepped};

/// The job that a request was answered with.
fn job_of(asked: &Answer) -> Uuid {
    assert_eq!(asked.status, StatusCode::ACCEPTED, "{asked:?}");
    asked.field("job_id").as_str().unwrap().parse().unwrap()
}

async fn retry(app: &TestApp, token: &str, job: Uuid) -> Answer {
    app.with_token(token).post(&format!("/jobs/{job}/retry"), Value::Null).await
}

#[tokio::test]
async fn a_worker_that_is_told_to_stop_ends_between_two_files_and_another_goes_on() {
    const FILES: usize = 20;
    let (app, store) = stepped().await;
    let operator = app.as_(Role::Operator);
    let package = operator.new_package().await;
    let folder = root(&app).join("many");
    fs::create_dir(&folder).unwrap();
    for number in 0..FILES {
        fs::write(folder.join(number.to_string()), number.to_string()).unwrap();
    }
    let asked = ask(&operator, package, json!({ "root": "here", "path": "many" })).await;
    let (stopper, stopped) = stop();
    let stopper = Arc::new(stopper);
    let told: Meanwhile = Arc::new(move || {
        stopper.stop();
        // The worker hears of it while the first file is on its way.
        yield_now().boxed()
    });
    store.steps().plan(1, What::Meanwhile(told));
    jobs::work(Arc::clone(&app.registry), "first".to_owned(), stopped).await;
    assert!(store.steps().happened());
    let before = app.objects(package).await;
    assert_eq!(before.len(), 1, "the file that was begun, and no other");
    let job = app.job(job_of(&asked)).await;
    assert_eq!((&job["state"], &job["attempts"]), (&"queued".into(), &1.into()), "{job}");
    assert!(job["error"].as_str().unwrap().contains("told to stop"), "{job}");

    let app = app.restarted().await;
    work(&app).await;
    assert_eq!(app.job(job_of(&asked)).await["state"], "done");
    let after = app.objects(package).await;
    assert!(after.len() == FILES && after.contains(&before[0]), "{after:?}");
    let told = &events(&app, "local_files_ingested").await[0]["details"];
    assert_eq!((&told["stored"], &told["already_stored"]), (&(FILES - 1).into(), &1.into()));
}

#[tokio::test]
async fn whoever_has_an_ingestion_tried_again_must_be_one_who_may_ingest() {
    on_both_with(rooted, |app| async move {
        let operator = app.as_(Role::Operator);
        let package = declared_package(&operator).await;
        let asked = ask(&operator, package, json!({ "root": "here", "path": "later" })).await;
        work(&app).await;
        let failed = app.job(job_of(&asked)).await;
        assert_eq!(failed["state"], "failed", "{failed}");
        fs::write(root(&app).join("later"), "it is there by now").unwrap();

        // It sees the package, and may have its other jobs tried again.
        let new = json!({ "name": "scanner only", "role": "operator", "producer": "scanner" });
        let made = app.as_(Role::Admin).post("/tokens", new).await;
        let narrowed = made.field("secret").as_str().unwrap().to_owned();
        let refused = retry(&app, &narrowed, job_of(&asked)).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{refused:?}");
        assert_eq!(app.job(job_of(&asked)).await, failed, "nobody tries it again");
        work(&app).await;
        assert!(app.objects(package).await.is_empty());

        let retried = retry(&app, &app.token(Role::Operator), job_of(&asked)).await;
        assert_eq!(retried.status, StatusCode::ACCEPTED, "{retried:?}");
        work(&app).await;
        assert_eq!(app.job(job_of(&asked)).await["state"], "done");
        assert_eq!(app.objects(package).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn an_equal_file_that_was_stored_with_a_media_type_is_already_stored() {
    on_both_with(rooted, |app| async move {
        let operator = app.as_(Role::Operator);
        let package = operator.new_package().await;
        let mut put = operator.put_request(package, "sbom.json", Body::from("{}"));
        put.headers_mut().insert("x-strongroom-media-type", "application/json".parse().unwrap());
        let stored = operator.send(put).await;
        assert_eq!(stored.status, StatusCode::CREATED, "{stored:?}");
        let job = ended(&app, package, json!({ "root": "here", "path": "sbom.json" })).await;
        assert_eq!(job["state"], "done", "{job}");
        let told = &events(&app, "local_files_ingested").await[0]["details"];
        assert_eq!((&told["stored"], &told["already_stored"]), (&0.into(), &1.into()));
        let file = stored.field("file_id");
        let file = operator.get(&format!("/files/{}", file.as_str().unwrap())).await;
        assert_eq!(file.field("media_type"), "application/json", "as its producer declared");
    })
    .await;
}

#[tokio::test]
async fn a_name_that_cannot_be_taken_is_told_before_anything_is_stored() {
    on_both_with(rooted, |app| async move {
        let operator = app.as_(Role::Operator);
        let package = operator.new_package().await;
        let name = "x".repeat(250);
        let long = [name.as_str(); 5].join("/");
        assert!(long.len() > PATH_BYTES_MAX, "longer than any path of a package");
        fs::create_dir_all(root(&app).join("run").join(&long)).unwrap();
        fs::write(root(&app).join("run").join(&long).join("file"), "").unwrap();
        let job = ended(&app, package, json!({ "root": "here", "path": "run" })).await;
        assert_eq!(job["state"], "failed", "{job}");
        let told = job["error"].as_str().unwrap();
        assert!(told.starts_with(&format!("\"{long}/file\": ")), "which of them it is: {told}");
        assert!(told.contains("PATH_BYTES_MAX"), "{told}");
        assert!(app.objects(package).await.is_empty(), "nothing was stored");
        assert!(operator.files(package).await.is_empty());
    })
    .await;
}
