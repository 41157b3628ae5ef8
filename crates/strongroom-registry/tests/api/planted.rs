//! Documents that somebody else with the right to write puts into the bucket where the registry is about to write its own:
//! what they say is never taken for what the registry said.

use jiff::SignedDuration;
use serde_json::Value;
use strongroom_core::package::document::PackageDocument;
use strongroom_core::package::record::{self, LockSummary, PackageRecord};
use strongroom_core::{Sha256Digest, layout};
use strongroom_registry::auth::Role;
use strongroom_registry::config::Settings;
use strongroom_registry::db::TenantId;
use strongroom_registry::jobs::run_one;
use strongroom_testkit::SteppedStore;
use strongroom_testkit::steps::What;
use uuid::Uuid;

use crate::app::{TestApp, on_each_engine};
use crate::evidence::{keys, records, stepwise, work};
use crate::files::{bytes_at, replace_by};
use crate::signing::{package_of, signs};

/// More calls than finalizing takes.
const CALLS_MAX: usize = 200;

type Change<T> = (&'static str, fn(&mut T));

/// What somebody would like a document to say of the same files.
const LIES: [Change<PackageDocument>; 3] = [
    ("without its signature", |document| document.signature = None),
    ("finalized earlier", |document| document.finalized_at -= SignedDuration::from_hours(24)),
    ("locked otherwise", |document| document.retention.locks = LockSummary::default()),
];

/// A package whose finalizing was cut right after it wrote `package.json`, and the job.
async fn cut_after_its_document(app: &TestApp, store: &SteppedStore) -> (Uuid, Uuid) {
    cut_after(app, store, |package, _| layout::package_document(package)).await
}

/// The same after it wrote what has this key.
async fn cut_after(
    app: &TestApp,
    store: &SteppedStore,
    key_of: fn(Uuid, Uuid) -> String,
) -> (Uuid, Uuid) {
    let producer = app.as_(Role::Producer);
    for nth in 1..CALLS_MAX {
        let package = package_of(&producer, "raw-evidence").await;
        let job = producer.finalizes(package).await;
        store.steps().plan(nth, What::AnswerLost);
        assert!(run_one(&app.registry, "first").await.unwrap());
        assert!(store.steps().happened(), "it never wrote it");
        let left = keys(app, package).await;
        if left.contains(&key_of(package, job)) {
            return (package, job);
        }
        work(app).await;
    }
    panic!("it never wrote it");
}

fn signed(settings: &mut Settings) {
    stepwise(settings);
    signs(settings);
}

async fn is_told_finalized(app: &TestApp, package: Uuid) -> bool {
    let records = records(app, package).await;
    records.iter().any(|record| record["kind"] == "package_finalized")
}

#[tokio::test]
async fn a_document_that_was_not_noted_is_not_taken_for_one_of_an_earlier_attempt() {
    on_each_engine(async |engine| {
        for change in [stepwise, signed] {
            let (app, store) = engine.start_interrupted(change).await;
            for (case, lie) in LIES {
                let (package, job) = cut_after_its_document(&app, &store).await;
                let key = layout::package_document(package);
                let ours = bytes_at(&*app.store, &key).await;
                let mut document = PackageDocument::from_bytes(&ours).unwrap();
                lie(&mut document);
                let planted = document.to_bytes().unwrap();
                let is_a_lie = planted != ours;
                replace_by(&*app.store, &key, planted.clone().into()).await;
                work(&app).await;
                let shown = app.as_(Role::Producer).package(package).await;
                if !is_a_lie {
                    assert_eq!(shown["status"], "finalized", "{case}: {shown}");
                    continue;
                }
                assert_eq!(shown["status"], "open", "{case}: {shown}");
                assert_eq!(shown.get("signature"), None, "{case}: {shown}");
                assert!(!is_told_finalized(&app, package).await, "{case}");
                let job = app.job(job).await;
                assert_eq!(job["state"], "failed", "{case}: {job}");
                let why = job["error"].as_str().unwrap();
                assert!(why.contains("package.json is stored already"), "{case}: {why}");
                assert_eq!(
                    bytes_at(&*app.store, &key).await,
                    planted,
                    "{case}: nothing of theirs is touched"
                );
            }
        }
    })
    .await;
}

/// Its key is the job's id, which whoever asked for the finalizing was told.
#[tokio::test]
async fn a_record_that_was_not_noted_is_not_taken_for_one_of_an_earlier_attempt() {
    const LIES: [Change<PackageRecord>; 2] = [
        ("by nobody", |record| record.by = None),
        ("decided earlier", |record| record.at -= SignedDuration::from_hours(24)),
    ];
    on_each_engine(async |engine| {
        let (app, store) = engine.start_interrupted(signed).await;
        for (case, lie) in LIES {
            let (package, job) = cut_after(&app, &store, layout::package_record).await;
            let key = layout::package_record(package, job);
            let mut record = record::read(&bytes_at(&*app.store, &key).await).unwrap();
            lie(&mut record);
            let planted = record.to_bytes().unwrap();
            replace_by(&*app.store, &key, planted.clone().into()).await;
            work(&app).await;
            let shown = app.as_(Role::Producer).package(package).await;
            assert_eq!(shown["status"], "open", "{case}: {shown}");
            let job = app.job(job).await;
            assert_eq!(job["state"], "failed", "{case}: {job}");
            let why = job["error"].as_str().unwrap();
            assert!(
                why.contains("the record of the finalizing is stored already"),
                "{case}: {why}"
            );
            let kinds = records(&app, package).await;
            assert!(kinds.iter().any(|record| record["kind"] == "finalize_failed"), "{case}");
            assert_eq!(bytes_at(&*app.store, &key).await, planted, "{case}");
        }
    })
    .await;
}

/// Whether a document of these bytes is noted.
async fn is_noted(app: &TestApp, package: Uuid, bytes: &[u8]) -> bool {
    let mut session = app.registry.db().read().await.unwrap();
    let tenant = TenantId::default_tenant();
    let noted = session.of(&tenant).noted_document(package, &Sha256Digest::of(bytes)).await;
    noted.unwrap().is_some()
}

#[tokio::test]
async fn what_was_noted_is_forgotten_with_the_end_of_an_open_package() {
    on_each_engine(async |engine| {
        let (app, store) = engine.start_interrupted(stepwise).await;
        for is_abandoned in [false, true] {
            let (package, _) = cut_after_its_document(&app, &store).await;
            let key = layout::package_document(package);
            let written = bytes_at(&*app.store, &key).await;
            assert!(is_noted(&app, package, &written).await);
            if is_abandoned {
                // Open again, since its document is none of ours.
                replace_by(&*app.store, &key, "{}".into()).await;
            }
            work(&app).await;
            if is_abandoned {
                assert!(is_noted(&app, package, &written).await, "it may be there");
                let abandon = format!("/packages/{package}/abandon");
                app.as_(Role::Producer).posts(&abandon, Value::Null).await;
            }
            assert!(!is_noted(&app, package, &written).await, "{is_abandoned}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_document_of_an_earlier_attempt_is_taken_as_it_is() {
    on_each_engine(async |engine| {
        let (app, store) = engine.start_interrupted(signed).await;
        let (package, _) = cut_after_its_document(&app, &store).await;
        let key = layout::package_document(package);
        let written = bytes_at(&*app.store, &key).await;
        let document = PackageDocument::from_bytes(&written).unwrap();
        app.clock.advance(SignedDuration::from_secs(10));
        work(&app).await;
        let shown = app.as_(Role::Producer).package(package).await;
        assert_eq!(shown["status"], "finalized", "{shown}");
        assert_eq!(shown["finalized_at"], Value::from(document.finalized_at.to_string()));
        assert_eq!(bytes_at(&*app.store, &key).await, written);
    })
    .await;
}
