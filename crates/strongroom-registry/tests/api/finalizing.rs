//! Packages become evidence: verified, locked, sealed; or open again, and told why.

use std::fs;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::json;
use strongroom_core::bundle::{
    BundlePlan, CollectOptions, Declarations, NoProgress, Producer, ReadLimits, RetentionRequest,
    UnverifiedBundle, collect,
};
use strongroom_core::package::class::RuleOverride;
use strongroom_core::package::document::PackageDocument;
use strongroom_core::package::{RetentionClass, RuleSet};
use strongroom_core::{Sha256Digest, layout};
use strongroom_registry::auth::Role;
use strongroom_registry::config::Settings;
use strongroom_testkit::s3::{BucketSettings, Lie, Op};
use uuid::Uuid;

use crate::app::{Client, TestApp, on_both, on_both_with, on_each_engine};
use crate::evidence::work;
use crate::files::{Bucket, bytes_at, folder_store, keys_below, replace};

/// More than a bundle and than finalizing read at once.
const FILES_OF_SEVERAL_PAGES: u32 = 1_025;

/// A run directory, as a producer has it.
fn run_directory() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("reports/deep")).unwrap();
    for (path, content) in [
        ("z.log", "last"),
        ("reports/report.md", "# \u{e9}"),
        ("reports/deep/empty", ""),
        ("B", "b"),
    ] {
        fs::write(folder.path().join(path), content).unwrap();
    }
    folder
}

/// Makes a package of a directory, and has it finalized; answers its id and what `evidence bundle` makes of it.
async fn package_of(client: &Client, folder: &tempfile::TempDir) -> (Uuid, BundlePlan) {
    let ask = json!({
        "producer": { "name": "scanner", "version": "1.2" },
        "subject": "shop",
        "run_id": "run-7",
        "created_at": "2026-11-21T12:00:00Z",
        "retention": { "class": "release-evidence" },
        "metadata": { "environment": "staging", "tools": { "x": 1.5 } },
    });
    let made = client.post("/packages", ask).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let package: Uuid = made.field("package_id").as_str().unwrap().parse().unwrap();
    let files = collect(&[folder.path().to_owned()], &CollectOptions::default()).unwrap();
    let declared = Declarations {
        producer: Some(Producer { name: "scanner".into(), version: Some("1.2".into()) }),
        subject: Some("shop".into()),
        run_id: Some("run-7".into()),
        created_at: Some("2026-11-21T12:00:00Z".parse().unwrap()),
        retention: Some(RetentionRequest {
            class: Some("release-evidence".into()),
            ..RetentionRequest::default()
        }),
        metadata: json!({ "environment": "staging", "tools": { "x": 1.5 } }).as_object().cloned(),
    };
    let plan = BundlePlan::prepare(files, declared, &NoProgress).unwrap();
    for file in &plan.manifest().files {
        let bytes = fs::read(folder.path().join(&file.path)).unwrap();
        client.stores(package, &file.path, &bytes).await;
    }
    client.finalizes(package).await;
    (package, plan)
}

/// What anybody can do with what comes out of a registry.
async fn check_the_bundle(client: &Client, package: Uuid, plan: &BundlePlan) {
    let path = format!("/packages/{package}/bundle");
    let bundle = client.get(&path).await;
    assert_eq!(bundle.status, StatusCode::OK, "{bundle:?}");
    let head = client.send(client.request(Method::HEAD, &path).body(Body::empty()).unwrap()).await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0), "{head:?}");
    assert_eq!(head.header("content-disposition"), bundle.header("content-disposition"));
    assert_eq!(bundle.header("content-type"), "application/gzip");
    assert!(bundle.header("content-disposition").contains(&plan.id().0.to_hex()));
    let opened = UnverifiedBundle::open(&bundle.body[..], &ReadLimits::default()).unwrap();
    let verified = opened.verify(&NoProgress).unwrap();
    assert_eq!(verified.id(), plan.id());
    assert_eq!(verified.files(), plan.manifest().files.len());
}

async fn check_the_document(app: &TestApp, client: &Client, package: Uuid, plan: &BundlePlan) {
    let manifest = client.get(&format!("/packages/{package}/manifest")).await;
    assert_eq!(manifest.status, StatusCode::OK, "{manifest:?}");
    let stored = bytes_at(&*app.store, &layout::package_document(package)).await;
    assert_eq!(manifest.body, stored, "as it is stored");
    assert_eq!(manifest.header("etag"), format!("\"{}\"", Sha256Digest::of(&stored).to_hex()));
    let document = PackageDocument::from_bytes(&stored).unwrap();
    assert_eq!((document.bundle_id, document.package_id), (plan.id(), package));
    assert_eq!(&document.manifest, plan.manifest());
    let manifest = bytes_at(&*app.store, &layout::package_manifest(package)).await;
    assert_eq!(manifest, plan.manifest_bytes());
}

#[tokio::test]
async fn a_package_has_the_id_of_the_bundle_of_its_directory() {
    on_both(|app| async move {
        let (producer, folder) = (app.as_(Role::Producer), run_directory());
        let (package, plan) = package_of(&producer, &folder).await;
        app.work_all().await;
        let seen = producer.package(package).await;
        assert_eq!(seen["status"], "finalized", "{seen}");
        assert_eq!(seen["bundle_id"], plan.id().to_string());
        assert_eq!(seen["files_count"], 4);
        assert!(seen["finalized_at"].is_string());
        check_the_bundle(&producer, package, &plan).await;
        check_the_document(&app, &producer, package, &plan).await;
    })
    .await;
}

#[tokio::test]
async fn it_has_it_when_its_rows_come_in_several_pages() {
    on_both(|app| async move {
        let (producer, folder) = (app.as_(Role::Producer), tempfile::tempdir().unwrap());
        for number in 0..FILES_OF_SEVERAL_PAGES {
            fs::write(folder.path().join(format!("{number:04}.json")), number.to_string()).unwrap();
        }
        let (package, plan) = package_of(&producer, &folder).await;
        app.work_all().await;
        check_the_bundle(&producer, package, &plan).await;
        check_the_document(&app, &producer, package, &plan).await;
    })
    .await;
}

#[tokio::test]
async fn it_has_it_in_a_folder_too() {
    on_each_engine(async |engine| {
        let (_kept, store) = folder_store();
        let app = engine.start_on(store, |_| {}).await;
        let (producer, folder) = (app.as_(Role::Producer), run_directory());
        let (package, plan) = package_of(&producer, &folder).await;
        app.work_all().await;
        check_the_bundle(&producer, package, &plan).await;
        check_the_document(&app, &producer, package, &plan).await;
    })
    .await;
}

#[tokio::test]
async fn every_object_of_a_finalized_package_is_locked_until_its_date() {
    on_each_engine(async |engine| {
        let bucket = Bucket::new(BucketSettings::locked(), None).await;
        let app = engine.start_on(Arc::clone(&bucket.store), |_| {}).await;
        let (producer, folder) = (app.as_(Role::Producer), run_directory());
        let (package, plan) = package_of(&producer, &folder).await;
        app.work_all().await;
        let seen = producer.package(package).await;
        assert_eq!(
            (&seen["status"], &seen["lock_state"]),
            (&json!("finalized"), &json!("held")),
            "{seen}"
        );
        let until: Timestamp = seen["expires_at"].as_str().unwrap().parse().unwrap();
        let keys = keys_below(&*app.store, &layout::package_folder(package)).await;
        // Four files, the manifest, package.json, and the records of the beginning and the end.
        assert_eq!(keys.len(), 8, "{keys:?}");
        for key in keys {
            let key = strongroom_storage::ObjectKey::new(key).unwrap();
            let lock = app.store.lock(&key, None).await.unwrap().certain();
            let held = lock.retention.unwrap_or_else(|| panic!("{key:?} is not locked"));
            assert!(held.retain_until.as_second() >= until.as_second(), "{key:?}: {held:?}");
        }
        let listed = producer.get(&format!("/packages/{package}/files")).await.json();
        for file in listed["files"].as_array().unwrap() {
            let file =
                producer.get(&format!("/files/{}", file["file_id"].as_str().unwrap())).await.json();
            let location = &file["locations"][0];
            assert_eq!(location["lock"]["mode"], "governance", "{file}");
            assert!(location["lock"]["read_back_at"].is_string());
            assert!(location["last_verified_at"].is_string());
            assert_eq!(location["integrity"], "read_back");
        }
        check_the_bundle(&producer, package, &plan).await;
        check_the_document(&app, &producer, package, &plan).await;
    })
    .await;
}

fn required(settings: &mut Settings) {
    let said = RuleOverride { lock_required: Some(true), ..RuleOverride::default() };
    settings.rules = RuleSet::with([(RetentionClass::ReleaseEvidence, said)]).unwrap();
}

async fn is_open_again(app: &TestApp, client: &Client, package: Uuid, job: Uuid, told: &str) {
    app.work_all().await;
    assert_eq!(client.package(package).await["status"], "open");
    let job = app.job(job).await;
    assert_eq!(job["state"], "failed", "{job}");
    assert!(job["error"].as_str().unwrap().contains(told), "{job}");
}

#[tokio::test]
async fn a_class_that_requires_locks_is_not_finalized_without_them() {
    on_each_engine(async |engine| {
        let lying = Bucket::new(BucketSettings::locked(), Some(Lie::DropsLaterRetention)).await;
        let without = Bucket::new(BucketSettings::versioned(), None).await;
        let (_kept, folder_store) = folder_store();
        for store in [lying.store, without.store, folder_store] {
            let app = engine.start_on(store, required).await;
            let (producer, folder) = (app.as_(Role::Producer), run_directory());
            let (package, _) = package_of(&producer, &folder).await;
            let jobs = app.as_(Role::Admin).get("/jobs").await.json();
            let job = jobs["jobs"][0]["job_id"].as_str().unwrap().parse().unwrap();
            is_open_again(&app, &producer, package, job, "lock").await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_store_that_drops_locks_is_told_of_where_none_are_required() {
    on_each_engine(async |engine| {
        let bucket = Bucket::new(BucketSettings::locked(), Some(Lie::DropsLaterRetention)).await;
        let app = engine.start_on(Arc::clone(&bucket.store), |_| {}).await;
        let (producer, folder) = (app.as_(Role::Producer), run_directory());
        let (package, _) = package_of(&producer, &folder).await;
        app.work_all().await;
        let seen = producer.package(package).await;
        assert_eq!(seen["status"], "finalized", "{seen}");
        assert_eq!(seen["lock_state"], "failed", "{seen}");
    })
    .await;
}

#[tokio::test]
async fn a_file_that_is_missing_or_corrupt_opens_the_package_again_and_is_told() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        producer.stores(package, "whole", b"whole").await;
        let missing = producer.stores(package, "missing", b"missing").await;
        let corrupt = producer.stores(package, "corrupt", b"corrupt").await;
        let key = |file| layout::package_file(package, file);
        let gone = strongroom_storage::ObjectKey::new(key(missing)).unwrap();
        app.store.delete(&gone, None).await.unwrap();
        replace(&*app.store, &key(corrupt), b"CORRUPT").await;
        let job = producer.finalizes(package).await;
        is_open_again(&app, &producer, package, job, "1 files are missing and 1 are corrupt").await;
        let files = producer.files(package).await;
        let states: Vec<_> =
            files.iter().map(|(path, state)| (path.as_str(), state.as_str())).collect();
        assert_eq!(states, [("corrupt", "corrupt"), ("missing", "missing"), ("whole", "stored")]);
        let read = producer.get(&format!("/files/{corrupt}/download")).await;
        assert_eq!((read.status, read.problem().as_str()), (StatusCode::BAD_GATEWAY, "corrupt"));
    })
    .await;
}

#[tokio::test]
async fn asked_again_it_is_the_same_job() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let none = producer.post(&format!("/packages/{package}/finalize"), json!(null)).await;
        assert_eq!((none.status, none.problem().as_str()), (StatusCode::CONFLICT, "wrong-state"));
        producer.stores(package, "a", b"x").await;
        let job = producer.finalizes(package).await;
        assert_eq!(producer.finalizes(package).await, job, "while it waits");
        app.work_all().await;
        assert_eq!(producer.finalizes(package).await, job, "when it is done");
        let done = app.job(job).await;
        assert_eq!(
            (&done["state"], &done["progress"]["total"]),
            (&json!("done"), &json!(4)),
            "{done}"
        );
        let late = producer.put_file(package, "b", b"x").await;
        assert_eq!((late.status, late.problem().as_str()), (StatusCode::CONFLICT, "wrong-state"));
    })
    .await;
}

#[tokio::test]
async fn another_manifest_that_is_there_already_is_told_of() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        producer.stores(package, "a", b"x").await;
        let key = strongroom_storage::ObjectKey::new(layout::package_manifest(package)).unwrap();
        let other = bytes::Bytes::from_static(b"{}").into();
        app.store.create(&key, other, &Default::default()).await.unwrap();
        let job = producer.finalizes(package).await;
        is_open_again(&app, &producer, package, job, "abandon the package").await;
    })
    .await;
}

#[tokio::test]
async fn a_lock_goes_out_with_the_write_where_the_class_says_so() {
    on_each_engine(async |engine| {
        let bucket = Bucket::new(BucketSettings::locked(), None).await;
        let app = engine
            .start_on(Arc::clone(&bucket.store), |settings| {
                let lock = Some(strongroom_core::package::RuleLock::InWrite);
                let said = RuleOverride { lock, ..RuleOverride::default() };
                settings.rules = RuleSet::with([(RetentionClass::RawEvidence, said)]).unwrap();
            })
            .await;
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let file = producer.stores(package, "a", b"x").await;
        let seen = producer.get(&format!("/files/{file}")).await.json();
        assert_eq!(seen["locations"][0]["lock"]["mode"], "governance", "{seen}");
        assert_eq!(bucket.server.count(Op::PutObjectRetention), 0);
    })
    .await;
}

#[tokio::test]
async fn a_job_whose_workers_all_ended_before_it_waits_for_a_person() {
    on_both_with(
        |settings| settings.jobs.attempts_max = 0,
        |app| async move {
            let producer = app.as_(Role::Producer);
            let package = producer.new_package().await;
            producer.stores(package, "a", b"x").await;
            let job = producer.finalizes(package).await;
            // The first claim is one more than there may be, as if the ones before had come to nothing.
            work(&app).await;
            let job = app.job(job).await;
            assert_eq!(job["state"], "failed", "{job}");
            assert_eq!(producer.package(package).await["status"], "finalizing", "nothing was done");
        },
    )
    .await;
}

#[tokio::test]
async fn a_key_that_came_with_what_was_asked_for_already_answers_the_same_job_again() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        producer.stores(package, "a", b"x").await;
        let job = producer.finalizes(package).await.to_string();
        for _ in 0..2 {
            let path = format!("/packages/{package}/finalize");
            let request = producer.request(Method::POST, &path).header("idempotency-key", "again");
            let again = producer.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(again.status, StatusCode::ACCEPTED, "{again:?}");
            assert_eq!(again.field("job_id"), job, "there is one");
        }
    })
    .await;
}
