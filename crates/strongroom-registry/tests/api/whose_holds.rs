//! Whose bit is on an object, and whether it is off: what a hold's release may clear, whatever ended where.

use std::sync::Arc;

use futures::FutureExt as _;
use serde_json::{Value, json};
use strongroom_core::observed::Observed;
use strongroom_core::package::class::RuleOverride;
use strongroom_core::package::{LocationStatus, LockState, PackageStatus, RuleLock, RuleSet};
use strongroom_registry::auth::Role;
use strongroom_registry::config::Settings;
use strongroom_registry::jobs::run_one;
use strongroom_storage::ObjectKey;
use strongroom_testkit::s3::{BucketSettings, Op};
use strongroom_testkit::steps::{Step, What};
use uuid::Uuid;

use crate::app::{TestApp, on_each_engine};
use crate::evidence::{finalized, keys, locations, locked, locks, row, stepwise, tick, work};
use crate::files::Bucket;

/// More calls than any of these takes.
const CALLS_MAX: usize = 400;
const CLASS: &str = "raw-evidence";
/// A job is run by another worker from now on.
const IS_TAKEN_OVER: &str = "UPDATE jobs SET epoch = epoch + 1 WHERE state = 'running'";

/// An open package under a hold, with three files.
async fn held(app: &TestApp) -> (Uuid, String) {
    let producer = app.as_(Role::Producer);
    let ask = json!({ "name": "a", "retention": { "class": CLASS, "legal_hold": true } });
    let made = producer.post("/packages", ask).await;
    let id: Uuid = made.field("package_id").as_str().unwrap().parse().unwrap();
    for path in ["a", "b", "c"] {
        producer.stores(id, path, b"content").await;
    }
    let holds = producer.get(&format!("/packages/{id}/retention/holds")).await.json();
    (id, holds["holds"][0]["hold_id"].as_str().unwrap().to_owned())
}

async fn release(app: &TestApp, id: Uuid, hold: &str) -> Value {
    let path = format!("/packages/{id}/retention/holds/{hold}/release");
    app.as_(Role::RecordsManager).posts(&path, json!({ "reason": "settled" })).await
}

async fn reach(app: &TestApp, id: Uuid) -> Value {
    let path = format!("/packages/{id}/retention/holds");
    app.as_(Role::Auditor).get(&path).await.json()["holds"][0]["reach"].clone()
}

async fn bits(app: &TestApp, id: Uuid) -> Vec<String> {
    let is_on = |lock: &strongroom_storage::SeenLock| lock.legal_hold == Observed::Observed(true);
    let locks = locks(app, id).await.into_iter();
    locks.filter(|(_, lock)| is_on(lock)).map(|(key, _)| key).collect()
}

/// A package of so many files, whose deletion has begun.
async fn deleting(app: &TestApp, files: u32) -> Uuid {
    let id = locked(app, "transient", files).await;
    let ask = json!({ "reason": "a mistake", "early": true });
    app.as_(Role::RecordsManager).posts(&format!("/packages/{id}/deletion"), ask).await;
    for _ in 0..2 {
        tick(app).await;
    }
    assert_eq!(row(app, id).await.status, PackageStatus::Deleting);
    id
}

#[tokio::test]
async fn a_hold_that_finalizing_was_cut_in_setting_is_ours_to_release() {
    on_each_engine(async |engine| {
        for nth in 1..CALLS_MAX {
            let (app, store) = engine.start_interrupted(stepwise).await;
            let (id, hold) = held(&app).await;
            app.as_(Role::Producer).finalizes(id).await;
            store.steps().plan(nth, What::AnswerLost);
            work(&app).await;
            if !store.steps().happened() {
                assert!(nth > 20, "it never happened");
                break;
            }
            assert_eq!(reach(&app, id).await, "advisory", "{nth}");
            assert_eq!(bits(&app, id).await.len(), keys(&app, id).await.len(), "{nth}");
            assert!(locations(&app, id).await.iter().all(|one| !one.hold_was_set_before), "{nth}");
            release(&app, id, &hold).await;
            work(&app).await;
            assert_eq!(bits(&app, id).await, Vec::<String>::new(), "{nth}");
            assert_eq!(reach(&app, id).await, "released", "{nth}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_bit_that_somebody_else_set_before_finalizing_stays_after_a_release_of_ours() {
    on_each_engine(async |engine| {
        let (app, _) = engine.start_interrupted(stepwise).await;
        let (id, hold) = held(&app).await;
        let theirs = app.objects(id).await.remove(0);
        app.store
            .set_legal_hold(&ObjectKey::new(theirs.clone()).unwrap(), None, true)
            .await
            .unwrap();
        app.as_(Role::Producer).finalizes(id).await;
        work(&app).await;
        release(&app, id, &hold).await;
        work(&app).await;
        let files = bits(&app, id).await.into_iter().filter(|key| key.contains("/files/"));
        assert_eq!(files.collect::<Vec<_>>(), [theirs]);
    })
    .await;
}

#[tokio::test]
async fn a_bit_that_somebody_else_set_is_not_taken_for_one_of_a_hold_that_is_released() {
    on_each_engine(async |engine| {
        let (app, _) = engine.start_interrupted(stepwise).await;
        let producer = app.as_(Role::Producer);
        let id = producer.new_package().await;
        producer.stores(id, "a", b"content").await;
        let theirs = app.objects(id).await.remove(0);
        app.store
            .set_legal_hold(&ObjectKey::new(theirs.clone()).unwrap(), None, true)
            .await
            .unwrap();
        producer.finalizes(id).await;
        work(&app).await;
        assert_eq!(row(&app, id).await.lock_state, LockState::Advisory);
        assert_eq!(bits(&app, id).await, [theirs]);
    })
    .await;
}

#[tokio::test]
async fn an_object_whose_deletion_is_in_doubt_is_not_said_to_be_held() {
    on_each_engine(async |engine| {
        let mut was_in_doubt = false;
        for nth in 1..CALLS_MAX {
            let (app, store) = engine.start_interrupted(stepwise).await;
            let id = deleting(&app, 3).await;
            let (other, again) = (app.clone(), Arc::clone(&store));
            // A hold comes in the middle of the deletion, and another worker brings it to the objects at once; then the
            // store fails in the deletion's next call.
            let meanwhile = move || {
                let (app, store) = (other.clone(), Arc::clone(&again));
                async move {
                    let path = format!("/packages/{id}/retention/holds");
                    let ask = json!({ "reason": "matter" });
                    drop(app.as_(Role::RecordsManager).post(&path, ask).await);
                    run_one(&app.registry, "second").await.unwrap();
                    store.steps().plan(1, What::FailsBefore);
                }
                .boxed()
            };
            store.steps().plan(nth, What::Meanwhile(Arc::new(meanwhile)));
            run_one(&app.registry, "first").await.unwrap();
            was_in_doubt |=
                locations(&app, id).await.iter().any(|one| one.status == LocationStatus::Deleting);
            work(&app).await;
            store.steps().happened();
            if row(&app, id).await.status == PackageStatus::Deleted {
                break;
            }
            tick(&app).await;
            work(&app).await;
            let bits = bits(&app, id).await;
            for key in app.objects(id).await {
                assert!(bits.contains(&key), "{nth} {key}");
            }
            assert_eq!(reach(&app, id).await, "advisory", "{nth}");
        }
        assert!(was_in_doubt, "a failure leaves something in doubt");
    })
    .await;
}

#[tokio::test]
async fn a_worker_that_stood_still_for_longer_than_its_lease_deletes_nothing() {
    on_each_engine(async |engine| {
        let (app, store) = engine.start_interrupted(stepwise).await;
        deleting(&app, 1).await;
        store.steps().watch();
        run_one(&app.registry, "first").await.unwrap();
        let steps = store.steps().taken();
        let is_deletion = |step: &Step| step.name.starts_with("store: delete packages/");
        let deletion = steps.iter().position(is_deletion).unwrap() + 1;
        assert!(deletion > 1, "there are calls before it");
        for nth in 1..deletion {
            let (app, store) = engine.start_interrupted(stepwise).await;
            let id = deleting(&app, 1).await;
            let other = app.clone();
            // As a process that was stopped: when it goes on its lease is over, and another worker has the job.
            let stand_still = move || {
                let app = other.clone();
                async move {
                    app.database.run(IS_TAKEN_OVER).await;
                    tokio::time::pause();
                    tokio::time::advance(app.registry.settings().jobs.lease.unsigned_abs()).await;
                    tokio::time::resume();
                }
                .boxed()
            };
            store.steps().plan(nth, What::Meanwhile(Arc::new(stand_still)));
            run_one(&app.registry, "first").await.unwrap();
            assert!(store.steps().happened(), "{nth}");
            assert_eq!(app.objects(id).await.len(), 1, "{nth}");
        }
    })
    .await;
}

/// All classes lock in the write.
fn in_write(settings: &mut Settings) {
    stepwise(settings);
    let lock = Some(RuleLock::InWrite);
    let said = RuleOverride { lock, ..RuleOverride::default() };
    settings.rules = RuleSet::with([(CLASS.parse().unwrap(), said)]).unwrap();
}

#[tokio::test]
async fn a_hold_that_is_released_before_its_package_is_finalized_is_off_the_objects_that_came_with_it()
 {
    on_each_engine(async |engine| {
        for is_finalized in [true, false] {
            let (app, _) = engine.start_interrupted(in_write).await;
            let (id, hold) = held(&app).await;
            assert_eq!(bits(&app, id).await.len(), 3, "they came with it");
            let released = release(&app, id, &hold).await;
            assert_eq!(released["reach"], "releasing", "no bit was seen to be off yet");
            if is_finalized {
                // Before the job of the release.
                app.as_(Role::Producer).finalizes(id).await;
            }
            work(&app).await;
            assert_eq!(bits(&app, id).await, Vec::<String>::new());
            assert_eq!(reach(&app, id).await, "released");
            let expected = if is_finalized { LockState::Advisory } else { LockState::None };
            assert_eq!(row(&app, id).await.lock_state, expected);
        }
    })
    .await;
}

#[tokio::test]
async fn finalizing_and_cleaning_up_clear_the_bit_of_a_hold_that_was_released_during_an_upload() {
    on_each_engine(async |engine| {
        let mut was_late = false;
        for (nth, is_finalized) in (1..CALLS_MAX).flat_map(|nth| [(nth, true), (nth, false)]) {
            let (app, store) = engine.start_interrupted(in_write).await;
            let (id, hold) = held(&app).await;
            let other = app.clone();
            let meanwhile = move || {
                let (app, hold) = (other.clone(), hold.clone());
                async move {
                    release(&app, id, &hold).await;
                    work(&app).await;
                }
                .boxed()
            };
            store.steps().plan(nth, What::Meanwhile(Arc::new(meanwhile)));
            let producer = app.as_(Role::Producer);
            producer.stores(id, "late", b"content").await;
            if !store.steps().happened() {
                break;
            }
            was_late |= !bits(&app, id).await.is_empty();
            match is_finalized {
                true => drop(producer.finalizes(id).await),
                false => {
                    drop(producer.posts(&format!("/packages/{id}/abandon"), Value::Null).await)
                }
            }
            work(&app).await;
            assert_eq!(bits(&app, id).await, Vec::<String>::new(), "{nth}");
        }
        assert!(was_late, "a release came after the look at the holds");
    })
    .await;
}

#[tokio::test]
async fn a_bit_that_cannot_be_read_is_not_said_to_be_off() {
    on_each_engine(async |engine| {
        let bucket = Bucket::new(BucketSettings::locked(), None).await;
        let app = engine.start_on(Arc::clone(&bucket.store), stepwise).await;
        let id = finalized(&app, CLASS, 2).await;
        let manager = app.as_(Role::RecordsManager);
        let path = format!("/packages/{id}/retention/holds");
        let hold = manager.posts(&path, json!({ "reason": "matter" })).await;
        work(&app).await;
        assert_eq!(reach(&app, id).await, "held");
        bucket.server.faults().on(Op::GetObjectLegalHold).answer(403);
        release(&app, id, hold["hold_id"].as_str().unwrap()).await;
        work(&app).await;
        assert_eq!(reach(&app, id).await, "releasing");
        assert_eq!(row(&app, id).await.lock_state, LockState::Failed);
        let file = app.as_(Role::Auditor).get(&format!("/packages/{id}/files")).await.json();
        let lock = &file["files"][0]["locations"][0]["lock"];
        assert!(lock.get("legal_hold").is_none(), "it was not seen: {lock}");
        bucket.server.faults().clear();
        tick(&app).await;
        work(&app).await;
        assert_eq!(reach(&app, id).await, "released");
        assert_eq!(bits(&app, id).await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn a_store_whose_bits_may_not_be_read_holds_what_was_never_under_a_hold() {
    on_each_engine(async |engine| {
        let bucket = Bucket::new(BucketSettings::locked(), None).await;
        let app = engine.start_on(Arc::clone(&bucket.store), stepwise).await;
        bucket.server.faults().on(Op::GetObjectLegalHold).answer(403);
        let id = locked(&app, CLASS, 1).await;
        assert_eq!(row(&app, id).await.lock_state, LockState::Held);
    })
    .await;
}
