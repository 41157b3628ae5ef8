//! Files whose bytes were gone and are there again: their locks are brought to what is there, and what was not seen of a
//! hold meanwhile is not told.

use std::sync::Arc;

use axum::http::StatusCode;
use bytes::Bytes;
use futures::FutureExt as _;
use jiff::SignedDuration;
use serde_json::{Value, json};
use strongroom_core::layout;
use strongroom_core::package::{LocationStatus, LockState};
use strongroom_registry::auth::Role;
use strongroom_registry::db::LocationRow;
use strongroom_storage::memory::MemoryStorage;
use strongroom_storage::{Clock, ObjectKey, Storage};
use strongroom_testkit::SteppedStore;
use strongroom_testkit::s3::{BucketSettings, Op};
use strongroom_testkit::steps::What;
use uuid::Uuid;

use crate::app::{Client, TestApp, on_both_with, on_each_engine};
use crate::damaged::breaks_off;
use crate::engines::Engine;
use crate::evidence::{finalized, locations, locks, row, stepwise, tick, work};
use crate::shelf::Shelf;

/// Looks at one object are as far apart.
const A_WHILE: SignedDuration = SignedDuration::from_secs(60);
/// More calls than any of these takes.
const CALLS_MAX: usize = 200;

async fn post(client: &Client, path: String, body: Value) -> Value {
    let answer = client.post(&path, body).await;
    assert!(answer.status.is_success(), "{answer:?}");
    answer.json()
}

pub async fn hold(app: &TestApp, id: Uuid) -> Uuid {
    let ask = json!({ "reason": "an inquiry" });
    let path = format!("/packages/{id}/retention/holds");
    let placed = post(&app.as_(Role::RecordsManager), path, ask).await;
    placed["hold_id"].as_str().unwrap().parse().unwrap()
}

async fn release(app: &TestApp, id: Uuid, hold: Uuid) {
    let path = format!("/packages/{id}/retention/holds/{hold}/release");
    post(&app.as_(Role::RecordsManager), path, json!({ "reason": "settled" })).await;
}

pub async fn reach(app: &TestApp, id: Uuid) -> Value {
    let path = format!("/packages/{id}/retention/holds");
    app.as_(Role::Auditor).get(&path).await.json()["holds"][0]["reach"].clone()
}

/// The first file of a package, and its key.
pub async fn first(app: &TestApp, id: Uuid) -> (Uuid, ObjectKey) {
    file_and_key(id, &locations(app, id).await[0])
}

/// The same of the last.
pub async fn last(app: &TestApp, id: Uuid) -> (Uuid, ObjectKey) {
    file_and_key(id, locations(app, id).await.last().unwrap())
}

fn file_and_key(id: Uuid, location: &LocationRow) -> (Uuid, ObjectKey) {
    let file = location.artifact_file_id;
    (file, ObjectKey::new(layout::package_file(id, file)).unwrap())
}

async fn download(app: &TestApp, file: Uuid) -> StatusCode {
    app.as_(Role::Producer).get(&format!("/files/{file}/download")).await.status
}

/// Takes an object away, past the hold's bit on it, and has the registry find out.
async fn lose(app: &TestApp, file: Uuid, key: &ObjectKey) {
    app.store.set_legal_hold(key, None, false).await.unwrap();
    app.store.delete(key, None).await.unwrap();
    assert_eq!(download(app, file).await, StatusCode::BAD_GATEWAY);
}

/// Puts the bytes there again, as a person would from a backup.
pub async fn restore(store: &dyn Storage, key: &ObjectKey) {
    store.create(key, Bytes::from_static(b"content").into(), &Default::default()).await.unwrap();
}

/// Somebody asks for a file that is there again, and the jobs that follow are done.
pub async fn find_again(app: &TestApp, file: Uuid) {
    app.clock.advance(A_WHILE);
    assert_eq!(download(app, file).await, StatusCode::OK);
    work(app).await;
}

/// An advisory hold's package of two files, and the first of these.
async fn held(app: &TestApp) -> (Uuid, Uuid, (Uuid, ObjectKey)) {
    let id = finalized(app, "transient", 2).await;
    work(app).await;
    let hold = hold(app, id).await;
    work(app).await;
    (id, hold, first(app, id).await)
}

#[tokio::test]
async fn a_hold_is_brought_anew_to_what_was_brought_back() {
    on_both_with(stepwise, |app| async move {
        let (id, _, (file, key)) = held(&app).await;
        assert_eq!(
            (reach(&app, id).await, row(&app, id).await.lock_state),
            (json!("advisory"), LockState::Advisory)
        );
        lose(&app, file, &key).await;
        assert_eq!(
            (reach(&app, id).await, row(&app, id).await.lock_state),
            (json!("applying"), LockState::Applying)
        );
        work(&app).await;
        assert_eq!(
            (reach(&app, id).await, row(&app, id).await.lock_state),
            (json!("partial"), LockState::Partial)
        );
        restore(&*app.store, &key).await;
        find_again(&app, file).await;
        assert!(locks(&app, id).await.iter().all(|(_, lock)| lock.certain().legal_hold));
        assert_eq!(
            (reach(&app, id).await, row(&app, id).await.lock_state),
            (json!("advisory"), LockState::Advisory)
        );
        let told = app.as_(Role::Auditor).get(&format!("/files/{file}")).await.json();
        assert_eq!(told["locations"][0]["lock"]["legal_hold"], true, "{told}");
    })
    .await;
}

#[tokio::test]
async fn a_hold_that_is_placed_while_a_file_is_gone_is_told_in_part_and_reaches_it_later() {
    on_both_with(stepwise, |app| async move {
        let id = finalized(&app, "transient", 2).await;
        work(&app).await;
        let (file, key) = first(&app, id).await;
        lose(&app, file, &key).await;
        work(&app).await;
        assert_eq!(
            row(&app, id).await.lock_state,
            LockState::None,
            "nothing is asked of the store"
        );
        hold(&app, id).await;
        work(&app).await;
        assert_eq!(
            (reach(&app, id).await, row(&app, id).await.lock_state),
            (json!("partial"), LockState::Partial)
        );
        restore(&*app.store, &key).await;
        find_again(&app, file).await;
        assert!(locks(&app, id).await.iter().all(|(_, lock)| lock.certain().legal_hold));
        assert_eq!(reach(&app, id).await, "advisory");
        assert!(
            locations(&app, id).await.iter().all(|one| one.lock_hold && !one.hold_was_set_before)
        );
    })
    .await;
}

#[tokio::test]
async fn a_hold_is_not_told_as_released_while_a_file_that_bore_it_is_gone() {
    on_both_with(stepwise, |app| async move {
        let (id, hold, (file, key)) = held(&app).await;
        lose(&app, file, &key).await;
        work(&app).await;
        release(&app, id, hold).await;
        work(&app).await;
        assert_eq!(reach(&app, id).await, "releasing", "its bit was not seen to be off");
        assert_eq!(row(&app, id).await.lock_state, LockState::None);
        // From a backup that keeps the bit.
        restore(&*app.store, &key).await;
        app.store.set_legal_hold(&key, None, true).await.unwrap();
        find_again(&app, file).await;
        assert!(locks(&app, id).await.iter().all(|(_, lock)| !lock.certain().legal_hold));
        assert_eq!(reach(&app, id).await, "released");
    })
    .await;
}

#[tokio::test]
async fn what_was_brought_back_has_no_bit_of_somebody_else_that_the_object_before_it_had() {
    on_both_with(stepwise, |app| async move {
        let id = finalized(&app, "transient", 2).await;
        let (file, key) = first(&app, id).await;
        app.store.set_legal_hold(&key, None, true).await.unwrap();
        let placed = hold(&app, id).await;
        work(&app).await;
        release(&app, id, placed).await;
        work(&app).await;
        assert!(app.store.lock(&key, None).await.unwrap().certain().legal_hold, "it is theirs");
        lose(&app, file, &key).await;
        let placed = hold(&app, id).await;
        restore(&*app.store, &key).await;
        find_again(&app, file).await;
        assert!(app.store.lock(&key, None).await.unwrap().certain().legal_hold, "it is ours");
        release(&app, id, placed).await;
        work(&app).await;
        assert!(!app.store.lock(&key, None).await.unwrap().certain().legal_hold);
    })
    .await;
}

#[tokio::test]
async fn a_file_that_is_found_again_at_any_call_of_a_job_is_held_in_the_end() {
    for nth in 1..CALLS_MAX {
        let store = SteppedStore::new(Arc::new(MemoryStorage::new(Clock::system())));
        let app = Engine::Sqlite.start_on(Arc::clone(&store) as Arc<dyn Storage>, stepwise).await;
        let id = finalized(&app, "transient", 3).await;
        work(&app).await;
        let (file, key) = first(&app, id).await;
        lose(&app, file, &key).await;
        work(&app).await;
        hold(&app, id).await;
        let meanwhile = {
            let (app, key) = (app.clone(), key.clone());
            move || {
                let (app, key) = (app.clone(), key.clone());
                async move {
                    restore(&*app.store, &key).await;
                    app.clock.advance(A_WHILE);
                    assert_eq!(download(&app, file).await, StatusCode::OK);
                }
                .boxed()
            }
        };
        store.steps().plan(nth, What::Meanwhile(Arc::new(meanwhile)));
        work(&app).await;
        if !store.steps().happened() {
            assert!(nth > 10, "it never happened");
            break;
        }
        for (key, lock) in locks(&app, id).await {
            assert!(lock.certain().legal_hold, "{nth} {key}");
        }
        assert_eq!(row(&app, id).await.lock_state, LockState::Advisory, "{nth}");
        assert_eq!(reach(&app, id).await, "advisory", "{nth}");
        let locations = locations(&app, id).await;
        assert!(locations.iter().all(|one| one.lock_hold && !one.hold_was_set_before), "{nth}");
    }
}

#[tokio::test]
async fn the_lock_of_a_package_whose_files_are_all_corrupt_is_renewed() {
    on_each_engine(async |engine| {
        let shelf = Shelf::new(engine, BucketSettings::locked()).await;
        let app = &shelf.app;
        let producer = app.as_(Role::Producer);
        let ask = json!({ "name": "a", "retention": { "class": "permanent-record" } });
        let made = producer.post("/packages", ask).await;
        let id: Uuid = made.field("package_id").as_str().unwrap().parse().unwrap();
        let file = producer.stores(id, "a", b"content").await;
        producer.finalizes(id).await;
        work(app).await;
        let faults = shelf.server.faults();
        faults.on(Op::GetObject).flip_a_bit();
        breaks_off(app, &format!("/files/{file}/download")).await;
        work(app).await;
        faults.clear();
        let until = async || locations(app, id).await[0].lock_retain_until;
        assert_eq!(locations(app, id).await[0].status, LocationStatus::Corrupt);
        let before = until().await.expect("a lock");
        shelf.turn(SignedDuration::from_hours(24 * 200));
        assert_eq!(tick(app).await.jobs, 1);
        work(app).await;
        let after = until().await.expect("a lock");
        assert!(after > before + SignedDuration::from_hours(24 * 190), "{before} {after}");
    })
    .await;
}
