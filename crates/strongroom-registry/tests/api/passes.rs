//! A pass over a package's objects, and what it meets: objects that are gone, and changes of the package's row.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt as _;
use jiff::SignedDuration;
use strongroom_core::package::LockState;
use strongroom_registry::jobs::run_one;
use strongroom_storage::ObjectKey;
use strongroom_testkit::SteppedStore;
use strongroom_testkit::s3::{BucketSettings, Op};
use strongroom_testkit::steps::What;

use crate::app::{TestApp, on_both_with, on_each_engine};
use crate::brought_back::{find_again, first, hold, last, reach, restore};
use crate::damaged::{states, told};
use crate::evidence::{finalized, keys, locks, row, stepwise, tick, work};
use crate::shelf::Shelf;

/// More files than one page of rows has.
const FILES: u32 = 110;
/// Less than the calls of the store for each page.
const CALLS: usize = 40;

#[tokio::test]
async fn a_file_that_a_pass_finds_to_be_gone_is_noted_and_the_others_are_held() {
    on_both_with(stepwise, |app| async move {
        let id = finalized(&app, "transient", 3).await;
        work(&app).await;
        let (file, key) = first(&app, id).await;
        app.store.delete(&key, None).await.unwrap();
        hold(&app, id).await;
        work(&app).await;
        assert_eq!(states(&app, file).await, ["missing", "missing"]);
        assert_eq!(told(&app, id, file).await, ["file_missing"]);
        assert_eq!(reach(&app, id).await, "partial");
        assert_eq!(row(&app, id).await.lock_state, LockState::Partial);
        assert!(locks(&app, id).await.iter().all(|(_, lock)| lock.certain().legal_hold));
        restore(&*app.store, &key).await;
        find_again(&app, file).await;
        assert!(locks(&app, id).await.iter().all(|(_, lock)| lock.certain().legal_hold));
        assert_eq!(reach(&app, id).await, "advisory");
        assert_eq!(row(&app, id).await.lock_state, LockState::Advisory);
    })
    .await;
}

#[tokio::test]
async fn a_store_that_has_nothing_at_all_of_a_package_says_nothing_of_its_files() {
    on_both_with(stepwise, |app| async move {
        let id = finalized(&app, "transient", 2).await;
        work(&app).await;
        let (file, _) = first(&app, id).await;
        // As a folder that is not mounted, into which the record of the hold is written all the same.
        for key in keys(&app, id).await {
            app.store.delete(&ObjectKey::new(key).unwrap(), None).await.unwrap();
        }
        hold(&app, id).await;
        work(&app).await;
        assert_eq!(states(&app, file).await, ["stored", "active"]);
        assert_eq!(told(&app, id, file).await, Vec::<String>::new());
        assert_eq!(reach(&app, id).await, "failed");
        assert_eq!(row(&app, id).await.lock_state, LockState::Failed);
    })
    .await;
}

#[tokio::test]
async fn a_pass_finds_what_is_there_again_and_brings_a_new_hold_to_it() {
    on_both_with(stepwise, |app| async move {
        let id = finalized(&app, "transient", 3).await;
        work(&app).await;
        let gone = [first(&app, id).await, last(&app, id).await];
        for (_, key) in &gone {
            app.store.delete(key, None).await.unwrap();
        }
        hold(&app, id).await;
        work(&app).await;
        for (file, key) in &gone {
            assert_eq!(states(&app, *file).await, ["missing", "missing"]);
            restore(&*app.store, key).await;
        }
        app.clock.advance(SignedDuration::from_secs(60));
        // Nobody asks for the files: somebody places another hold.
        hold(&app, id).await;
        work(&app).await;
        for (file, _) in gone {
            assert_eq!(states(&app, file).await, ["stored", "active"]);
        }
        assert!(locks(&app, id).await.iter().all(|(_, lock)| lock.certain().legal_hold));
        assert_eq!(reach(&app, id).await, "advisory");
        assert_eq!(row(&app, id).await.lock_state, LockState::Advisory);
    })
    .await;
}

#[tokio::test]
async fn one_answer_that_an_object_is_gone_says_nothing_yet() {
    on_each_engine(async |engine| {
        let shelf = Shelf::new(engine, BucketSettings::locked()).await;
        let app = &shelf.app;
        let id = finalized(app, "transient", 1).await;
        work(app).await;
        let (file, _) = first(app, id).await;
        // The first is the look at whose bit it is.
        let gone = shelf.server.faults().on(Op::GetObjectLegalHold).nth(2).answer(404);
        hold(app, id).await;
        work(app).await;
        // The sweeper has it tried again.
        tick(app).await;
        work(app).await;
        assert_eq!(gone.fired(), 1);
        assert_eq!(states(app, file).await, ["stored", "active"]);
        assert_eq!(reach(app, id).await, "held");
    })
    .await;
}

/// Changes no more of a package's row than its version, again and again until `is_over`.
fn changes(app: &TestApp, store: &Arc<SteppedStore>, is_over: &Arc<AtomicBool>) -> What {
    let all = (app.clone(), Arc::clone(store), Arc::clone(is_over));
    What::Meanwhile(Arc::new(move || {
        let (app, store, is_over) = all.clone();
        async move {
            app.database.run("UPDATE artifact_packages SET version = version + 1").await;
            if !is_over.load(Ordering::SeqCst) {
                store.steps().plan(CALLS, changes(&app, &store, &is_over));
            }
        }
        .boxed()
    }))
}

#[tokio::test]
async fn a_pass_reaches_every_object_however_often_its_row_is_changed_meanwhile() {
    on_each_engine(async |engine| {
        let (app, store) = engine.start_interrupted(stepwise).await;
        let id = finalized(&app, "transient", FILES).await;
        work(&app).await;
        hold(&app, id).await;
        let is_over = Arc::new(AtomicBool::new(false));
        store.steps().plan(CALLS, changes(&app, &store, &is_over));
        run_one(&app.registry, "test").await.unwrap();
        for (key, lock) in locks(&app, id).await {
            assert!(lock.certain().legal_hold, "{key}");
        }
        assert_ne!(reach(&app, id).await, "advisory", "it was never seen to be still so");
        is_over.store(true, Ordering::SeqCst);
        work(&app).await;
        assert_eq!(reach(&app, id).await, "advisory");
        assert_eq!(row(&app, id).await.lock_state, LockState::Advisory);
    })
    .await;
}
