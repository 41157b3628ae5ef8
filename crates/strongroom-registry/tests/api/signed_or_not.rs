//! Workers with the key that signs and workers without it, on one database: whichever goes on where another was cut,
//! a package has a signature that everything tells of, or none and nothing does.

use std::sync::Arc;

use axum::http::StatusCode;
use futures::FutureExt as _;
use strongroom_core::Sha256Digest;
use strongroom_core::layout;
use strongroom_core::package::document::PackageDocument;
use strongroom_registry::auth::Role;
use strongroom_registry::jobs::run_one;
use strongroom_storage::memory::MemoryStorage;
use strongroom_storage::{Clock, Storage};
use strongroom_testkit::SteppedStore;
use strongroom_testkit::steps::What;
use uuid::Uuid;

use crate::app::{TestApp, on_each_engine};
use crate::evidence::{keys, records, stepwise, work};
use crate::files::bytes_at;
use crate::signing::{package_of, signs};

/// More calls than finalizing takes.
const CALLS_MAX: usize = 200;
/// What time would bring to a worker that stands still.
const LEASES_END: &str = "UPDATE jobs SET lease_until = 0 WHERE state = 'running'";

/// Whether a finalized package is signed, after a look at every place that tells of it.
async fn is_signed(app: &TestApp, package: Uuid, case: &str) -> bool {
    let producer = app.as_(Role::Producer);
    let shown = producer.package(package).await;
    assert_eq!(shown["status"], "finalized", "{case}: {shown}");
    let told = shown.get("signature").cloned();
    let document = bytes_at(&*app.store, &layout::package_document(package)).await;
    let document = PackageDocument::from_bytes(&document).unwrap();
    let of_document = document.signature.map(|facts| serde_json::to_value(facts).unwrap());
    assert_eq!(of_document, told, "{case}: package.json");
    let records = records(app, package).await;
    let finalized = records.iter().find(|record| record["kind"] == "package_finalized").unwrap();
    assert_eq!(finalized.get("signature"), told.as_ref(), "{case}: the record");
    let key = layout::package_signature(package);
    let is_there = keys(app, package).await.contains(&key);
    assert_eq!(is_there, told.is_some(), "{case}: the object");
    let handed_out = producer.get(&format!("/packages/{package}/manifest/signature")).await;
    let Some(told) = told else {
        assert_eq!(handed_out.status, StatusCode::NOT_FOUND, "{case}");
        return false;
    };
    let stored = bytes_at(&*app.store, &key).await;
    assert_eq!(handed_out.body, stored, "{case}");
    assert_eq!(told["sha256"], Sha256Digest::of(&stored).to_string(), "{case}");
    true
}

/// Cuts a finalizing at each call of the store, has another process go on, and tells how many packages came out signed
/// and how many not.
async fn cut_and_gone_on(first: &TestApp, second: &TestApp, store: &SteppedStore) -> [u32; 2] {
    let mut came_out = [0, 0];
    let has_key = second.registry.settings().signing.is_some();
    for what in [What::FailsBefore, What::AnswerLost] {
        for nth in 1..CALLS_MAX {
            let case = format!("{what:?} at {nth}, then a key: {has_key}");
            let producer = first.as_(Role::Producer);
            let package = package_of(&producer, "raw-evidence").await;
            let job = producer.finalizes(package).await;
            store.steps().plan(nth, what.clone());
            assert!(run_one(&first.registry, "first").await.unwrap());
            if !store.steps().happened() {
                assert!(nth > 15, "{case}: it never happened");
                break;
            }
            let left = keys(first, package).await;
            let is_left = |key: String| left.contains(&key);
            // What is written first stands.
            let expected = is_left(layout::package_signature(package))
                || has_key && !is_left(layout::package_document(package));
            work(second).await;
            let is_signed = is_signed(second, package, &case).await;
            assert_eq!(is_signed, expected, "{case}");
            let job = second.job(job).await;
            assert_eq!(job["progress"]["done"], job["progress"]["total"], "{case}: {job}");
            came_out[usize::from(!is_signed)] += 1;
        }
    }
    came_out
}

#[tokio::test]
async fn a_package_is_signed_everywhere_or_nowhere_whichever_worker_goes_on() {
    on_each_engine(async |engine| {
        let store = SteppedStore::new(Arc::new(MemoryStorage::new(Clock::system())));
        let without = engine.start_on(Arc::clone(&store) as Arc<dyn Storage>, stepwise).await;
        let with = without.beside(signs).await;
        for (first, second) in [(&without, &with), (&with, &without)] {
            let [signed, unsigned] = cut_and_gone_on(first, second, &store).await;
            assert!(signed > 3 && unsigned > 3, "{signed} signed, {unsigned} not");
        }
    })
    .await;
}

/// A worker without the key, and one with it that goes on meanwhile and is cut between its signature and its document.
#[tokio::test]
async fn a_worker_without_the_key_that_stood_still_writes_no_document_beside_a_signature() {
    on_each_engine(async |engine| {
        let inner: Arc<dyn Storage> = Arc::new(MemoryStorage::new(Clock::system()));
        let (slow, quick) = (SteppedStore::new(Arc::clone(&inner)), SteppedStore::new(inner));
        let without = engine.start_on(Arc::clone(&slow) as Arc<dyn Storage>, stepwise).await;
        let with = without.beside_on(Arc::clone(&quick) as Arc<dyn Storage>, signs).await;
        let producer = without.as_(Role::Producer);
        let signature_alone = signature_alone(&with, &quick).await;
        let mut overtaken = 0;
        for nth in 1..CALLS_MAX {
            let package = package_of(&producer, "raw-evidence").await;
            producer.finalizes(package).await;
            let goes_on = {
                let (with, quick) = (with.clone(), Arc::clone(&quick));
                move || {
                    let (with, quick) = (with.clone(), Arc::clone(&quick));
                    async move {
                        with.database.run(LEASES_END).await;
                        quick.steps().plan(signature_alone, What::FailsBefore);
                        assert!(run_one(&with.registry, "second").await.unwrap());
                    }
                    .boxed()
                }
            };
            slow.steps().plan(nth, What::Meanwhile(Arc::new(goes_on)));
            let ran = run_one(&without.registry, "first").await;
            if !slow.steps().happened() {
                break;
            }
            assert!(ran.unwrap());
            overtaken += 1;
            work(&with).await;
            is_signed(&with, package, &format!("overtaken at {nth}")).await;
        }
        assert!(overtaken > 15, "{overtaken}");
    })
    .await;
}

/// The call in which a worker with the key, cut before it, leaves a signature and no document.
async fn signature_alone(with: &TestApp, store: &SteppedStore) -> usize {
    let producer = with.as_(Role::Producer);
    for nth in 1..CALLS_MAX {
        let package = package_of(&producer, "raw-evidence").await;
        producer.finalizes(package).await;
        store.steps().plan(nth, What::FailsBefore);
        assert!(run_one(&with.registry, "second").await.unwrap());
        assert!(store.steps().happened(), "it never came so far");
        let left = keys(with, package).await;
        work(with).await;
        if left.contains(&layout::package_signature(package)) {
            return nth;
        }
    }
    panic!("it never signed");
}
