//! Documents that somebody else with the right to write puts into the bucket where the registry is about to write its own:
//! what they say is never taken for what the registry said.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::Value;
use strongroom_core::layout;
use strongroom_core::package::document::PackageDocument;
use strongroom_core::package::record::LockSummary;
use strongroom_registry::auth::Role;
use strongroom_registry::config::Settings;
use strongroom_registry::jobs::run_one;
use strongroom_storage::memory::MemoryStorage;
use strongroom_storage::{Clock, Storage};
use strongroom_testkit::SteppedStore;
use strongroom_testkit::steps::What;
use uuid::Uuid;

use crate::app::{TestApp, on_each_engine};
use crate::evidence::{keys, records, stepwise, work};
use crate::files::{bytes_at, replace_by};
use crate::signing::{package_of, signs};

/// More calls than finalizing takes.
const CALLS_MAX: usize = 200;

type Change = (&'static str, fn(&mut PackageDocument));

/// What somebody would like a document to say of the same files.
const LIES: [Change; 3] = [
    ("without its signature", |document| document.signature = None),
    ("finalized earlier", |document| document.finalized_at -= SignedDuration::from_hours(24)),
    ("locked otherwise", |document| document.retention.locks = LockSummary::default()),
];

/// A package whose finalizing was cut right after it wrote `package.json`, and the job.
async fn cut_after_its_document(app: &TestApp, store: &SteppedStore) -> (Uuid, Uuid) {
    let producer = app.as_(Role::Producer);
    for nth in 1..CALLS_MAX {
        let package = package_of(&producer, "raw-evidence").await;
        let job = producer.finalizes(package).await;
        store.steps().plan(nth, What::AnswerLost);
        assert!(run_one(&app.registry, "first").await.unwrap());
        assert!(store.steps().happened(), "it never wrote it");
        let left = keys(app, package).await;
        if left.contains(&layout::package_document(package)) {
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
            let store = SteppedStore::new(Arc::new(MemoryStorage::new(Clock::system())));
            let app = engine.start_on(Arc::clone(&store) as Arc<dyn Storage>, change).await;
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

#[tokio::test]
async fn the_document_of_an_earlier_attempt_is_taken_as_it_is() {
    on_each_engine(async |engine| {
        let store = SteppedStore::new(Arc::new(MemoryStorage::new(Clock::system())));
        let app = engine.start_on(Arc::clone(&store) as Arc<dyn Storage>, signed).await;
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
