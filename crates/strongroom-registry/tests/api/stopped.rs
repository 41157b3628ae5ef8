//! Whichever call to the store fails or never comes back: nothing half-done is called done, and the same again
//! ends well.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use futures::future::ready;
use futures::{StreamExt as _, stream};
use strongroom_core::layout;
use strongroom_registry::auth::Role;
use strongroom_registry::jobs;
use strongroom_registry::server::stop;
use strongroom_storage::Clock;
use strongroom_storage::memory::MemoryStorage;
use strongroom_testkit::SteppedStore;
use strongroom_testkit::s3::BucketSettings;
use strongroom_testkit::steps::What;
use tokio::time::timeout;

use crate::app::TestApp;
use crate::files::{Bucket, impatient, keys_below};

/// More calls than any flow here makes.
const CALLS_MAX: usize = 200;
/// Runs beside each other: each waits for the second attempt of its job.
const AT_ONCE: usize = 16;

async fn app_on(failing: &Arc<SteppedStore>) -> TestApp {
    let store: Arc<SteppedStore> = Arc::clone(failing);
    TestApp::start_on(store, impatient).await
}

fn memory() -> Arc<MemoryStorage> {
    Arc::new(MemoryStorage::new(Clock::system()))
}

#[tokio::test]
async fn an_upload_may_end_at_any_call_to_the_store() {
    for what in What::ALL {
        let mut at = 1;
        loop {
            let failing = SteppedStore::new(memory());
            let app = app_on(&failing).await;
            let producer = app.as_(Role::Producer);
            let package = producer.new_package().await;
            failing.steps().plan(at, what.clone());
            let request = producer.put_request(package, "a", "all is well".into());
            let answer = tokio::select! {
                answer = producer.send(request) => Some(answer),
                // Dropped, as when its process dies.
                () = failing.steps().stopped() => None,
            };
            let was_hit = failing.steps().happened();
            if answer.as_ref().is_some_and(|answer| answer.status == StatusCode::CREATED) {
                assert_eq!(app.objects(package).await.len(), 1, "{what:?} {at}");
            }
            let again = producer.put_file(package, "a", b"all is well").await;
            assert!(again.status.is_success(), "{what:?} {at}: {again:?}");
            app.clock.advance(jiff::SignedDuration::from_hours(49));
            app.registry.give_up_old_uploads().await.unwrap();
            app.work_all().await;
            assert_eq!(
                app.objects(package).await.len(),
                1,
                "{what:?} {at}: an object without a row"
            );
            let live = producer.files(package).await;
            let stored = live.iter().filter(|(_, status)| status == "stored").count();
            let gone = live.iter().filter(|(_, status)| status == "deleted").count();
            assert_eq!((stored, stored + gone), (1, live.len()), "{what:?} {at}: {live:?}");
            if !was_hit {
                assert!(at > 1, "no call was made");
                break;
            }
            at += 1;
            assert!(at < CALLS_MAX);
        }
    }
}

/// Finalizes on a store whose `at`th call goes wrong, then lets it go on. Tells whether there was such a call.
async fn finalize_through(failing: &Arc<SteppedStore>, at: usize, what: What) -> bool {
    let app = app_on(failing).await;
    let producer = app.as_(Role::Producer);
    let package = producer.new_package().await;
    producer.stores(package, "a", b"one").await;
    producer.stores(package, "b/c", b"two").await;
    producer.finalizes(package).await;
    failing.steps().plan(at, what);
    let (stopper, stopped) = stop();
    let worker = tokio::spawn(jobs::work(Arc::clone(&app.registry), "first".to_owned(), stopped));
    let admin = app.as_(Role::Admin);
    let settled = async {
        loop {
            let jobs = admin.get("/jobs").await.json();
            if jobs["jobs"][0]["state"] != "running" && jobs["jobs"][0]["attempts"] != 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(Duration::from_secs(30), async {
        tokio::select! {
            () = settled => {}
            () = failing.steps().stopped() => {}
        }
    })
    .await
    .expect("the first attempt did not end");
    // Its process dies.
    worker.abort();
    drop(stopper);
    let was_hit = failing.steps().happened();
    app.work_all().await;
    let seen = producer.package(package).await;
    assert_eq!(seen["status"], "finalized", "{at}: {seen}");
    assert_eq!(seen["files_count"], 2, "{at}");
    let bundle = producer.get(&format!("/packages/{package}/bundle")).await;
    assert_eq!(bundle.status, StatusCode::OK, "{at}");
    let manifest = producer.get(&format!("/packages/{package}/manifest")).await;
    assert_eq!(manifest.status, StatusCode::OK, "{at}");
    let records = keys_below(&*app.store, &layout::package_records_of(package)).await;
    assert_eq!(records.len(), 2, "{at}: one record of the beginning and one of the end");
    was_hit
}

#[tokio::test]
async fn finalizing_may_end_at_any_call_to_the_store() {
    for what in What::ALL {
        let run = |at| {
            let what = what.clone();
            async move { finalize_through(&SteppedStore::new(memory()), at, what).await }
        };
        let runs = stream::iter(1..CALLS_MAX).map(run).buffered(AT_ONCE);
        let calls = runs.take_while(|was_hit| ready(*was_hit)).count().await;
        assert!((10..CALLS_MAX - 1).contains(&calls), "{what:?}: {calls} calls");
    }
}

#[tokio::test]
async fn finalizing_may_end_at_any_call_to_a_bucket_with_locks() {
    for what in [What::AnswerLost, What::StopsAfter] {
        let run = |at| {
            let what = what.clone();
            async move {
                let bucket = Bucket::new(BucketSettings::locked(), None).await;
                let store = SteppedStore::new(Arc::clone(&bucket.store));
                finalize_through(&store, at, what).await
            }
        };
        let runs = stream::iter(1..CALLS_MAX).map(run).buffered(AT_ONCE);
        let calls = runs.take_while(|was_hit| ready(*was_hit)).count().await;
        assert!((10..CALLS_MAX - 1).contains(&calls), "{what:?}: {calls} calls");
    }
}
