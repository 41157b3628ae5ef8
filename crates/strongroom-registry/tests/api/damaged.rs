//! Bytes that are gone, or others than were stored, when somebody wants them: told, noted on the file, and looked at
//! again when it is asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use bytes::Bytes;
use futures::FutureExt as _;
use http_body_util::BodyExt as _;
use jiff::SignedDuration;
use serde_json::{Value, json};
use strongroom_core::{Sha256Digest, layout};
use strongroom_registry::api::router::router;
use strongroom_registry::auth::Role;
use strongroom_storage::memory::MemoryStorage;
use strongroom_storage::{Clock, ObjectKey, Storage};
use strongroom_testkit::SteppedStore;
use strongroom_testkit::s3::{BucketSettings, Op};
use strongroom_testkit::steps::What;
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::app::{Answer, TestApp, on_both_with, on_each_engine};
use crate::evidence::{locks, stepwise, work};
use crate::files::{Bucket, replace};
use crate::tus::said_of;

/// Looks at one object are as far apart.
pub const A_WHILE: SignedDuration = SignedDuration::from_secs(60);

/// A finalized package of files that no lock keeps, all of these bytes; and its files.
pub async fn package_of(app: &TestApp, paths: &[&str]) -> (Uuid, Vec<Uuid>) {
    let producer = app.as_(Role::Producer);
    let ask = json!({ "name": "a", "retention": { "class": "transient" } });
    let made = producer.post("/packages", ask).await;
    let id: Uuid = made.field("package_id").as_str().unwrap().parse().unwrap();
    let mut files = Vec::new();
    for path in paths {
        files.push(producer.stores(id, path, b"content").await);
    }
    producer.finalizes(id).await;
    work(app).await;
    assert_eq!(producer.package(id).await["status"], "finalized");
    (id, files)
}

pub fn key_of(package: Uuid, file: Uuid) -> ObjectKey {
    ObjectKey::new(layout::package_file(package, file)).unwrap()
}

pub async fn download(app: &TestApp, file: Uuid) -> Answer {
    app.as_(Role::Producer).get(&format!("/files/{file}/download")).await
}

/// Asks for something whose body breaks off.
pub async fn breaks_off(app: &TestApp, path: &str) {
    let request = app.as_(Role::Producer).request(Method::GET, path).body(Body::empty()).unwrap();
    let answer = router(&app.registry).oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.into_body().collect().await.is_err(), "the body must break off");
}

pub fn is_corrupt(answer: &Answer, told: &str) {
    assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::BAD_GATEWAY, "corrupt"));
    let detail = answer.field("detail");
    assert!(detail.as_str().unwrap().contains(told), "{detail}");
}

/// What is told of a file: its state, and that of its object.
pub async fn states(app: &TestApp, file: Uuid) -> [Value; 2] {
    let file = app.as_(Role::Auditor).get(&format!("/files/{file}")).await.json();
    [file["status"].clone(), file["locations"][0]["status"].clone()]
}

/// What the log tells of a file, the newest last, but for its storing and its retrievals.
pub async fn told(app: &TestApp, package: Uuid, file: Uuid) -> Vec<String> {
    let path = format!("/packages/{package}/audit-events?limit=200");
    let events = app.as_(Role::Auditor).get(&path).await.json()["events"].clone();
    let of_file = |event: &&Value| event["file_id"] == json!(file);
    let events = events.as_array().unwrap().iter().filter(of_file);
    let kinds = events.map(|event| event["type"].as_str().unwrap().to_owned());
    let mut kinds: Vec<String> =
        kinds.filter(|kind| !["file_stored", "retrieval_requested"].contains(&&**kind)).collect();
    // The newest come first.
    kinds.reverse();
    kinds
}

#[tokio::test]
async fn bytes_that_are_gone_are_noted_and_seen_again_when_they_are_back() {
    on_both_with(stepwise, |app| async move {
        let (id, files) = package_of(&app, &["a", "b"]).await;
        let key = key_of(id, files[0]);
        app.store.delete(&key, None).await.unwrap();
        is_corrupt(&download(&app, files[0]).await, "lost");
        assert_eq!(states(&app, files[0]).await, ["missing", "missing"]);
        assert_eq!(states(&app, files[1]).await, ["stored", "active"]);
        is_corrupt(&download(&app, files[0]).await, "found missing");
        let bundle = format!("/packages/{id}/bundle");
        is_corrupt(&app.as_(Role::Producer).get(&bundle).await, "found missing or corrupt");
        assert_eq!(told(&app, id, files[0]).await, ["file_missing"], "noted once");

        let body = Bytes::from_static(b"content").into();
        app.store.create(&key, body, &Default::default()).await.unwrap();
        is_corrupt(&download(&app, files[0]).await, "found missing");
        app.clock.advance(A_WHILE);
        assert_eq!(download(&app, files[0]).await.body, Bytes::from_static(b"content"));
        assert_eq!(states(&app, files[0]).await, ["stored", "active"]);
        assert_eq!(told(&app, id, files[0]).await, ["file_missing", "file_found_whole"]);
        assert_eq!(app.as_(Role::Producer).get(&bundle).await.status, StatusCode::OK);
    })
    .await;
}

#[tokio::test]
async fn other_bytes_are_noted_by_the_download_that_broke_off() {
    on_both_with(stepwise, |app| async move {
        let (id, files) = package_of(&app, &["a", "b"]).await;
        replace(&*app.store, key_of(id, files[0]).as_str(), b"CONTENT").await;
        breaks_off(&app, &format!("/files/{}/download", files[0])).await;
        assert_eq!(states(&app, files[0]).await, ["corrupt", "corrupt"]);
        is_corrupt(&download(&app, files[0]).await, "found corrupt");
        // Of another length: before anything is sent.
        replace(&*app.store, key_of(id, files[1]).as_str(), b"longer than it was").await;
        is_corrupt(&download(&app, files[1]).await, "");
        assert_eq!(states(&app, files[1]).await, ["corrupt", "corrupt"]);
        assert_eq!(told(&app, id, files[0]).await, ["file_corrupt"]);
        // They may show what came about: a hold is on them, too.
        let holds = format!("/packages/{id}/retention/holds");
        app.as_(Role::RecordsManager).post(&holds, json!({ "reason": "an inquiry" })).await;
        work(&app).await;
        assert!(locks(&app, id).await.iter().all(|(_, lock)| lock.certain().legal_hold));
    })
    .await;
}

#[tokio::test]
async fn a_bundle_notes_the_file_that_it_broke_off_at_and_no_other() {
    on_both_with(stepwise, |app| async move {
        let (id, files) = package_of(&app, &["a", "b", "c"]).await;
        let bundle = format!("/packages/{id}/bundle");
        replace(&*app.store, key_of(id, files[1]).as_str(), b"CONTENT").await;
        breaks_off(&app, &bundle).await;
        assert_eq!(states(&app, files[1]).await, ["corrupt", "corrupt"]);
        for file in [files[0], files[2]] {
            assert_eq!(states(&app, file).await, ["stored", "active"]);
        }
        is_corrupt(&app.as_(Role::Producer).get(&bundle).await, "found missing or corrupt");

        let (id, files) = package_of(&app, &["a", "b", "c"]).await;
        app.store.delete(&key_of(id, files[2]), None).await.unwrap();
        is_corrupt(&app.as_(Role::Producer).get(&format!("/packages/{id}/bundle")).await, "lost");
        assert_eq!(states(&app, files[2]).await, ["missing", "missing"]);
        assert_eq!(told(&app, id, files[2]).await, ["file_missing"]);
    })
    .await;
}

#[tokio::test]
async fn one_reading_that_goes_wrong_says_nothing_of_the_bytes() {
    on_each_engine(async |engine| {
        let bucket = Bucket::new(BucketSettings::versioned(), None).await;
        let app = engine.start_on(Arc::clone(&bucket.store), stepwise).await;
        let (id, files) = package_of(&app, &["a"]).await;
        let faults = bucket.server.faults();
        let flipped = faults.on(Op::GetObject).first(1).flip_a_bit();
        breaks_off(&app, &format!("/files/{}/download", files[0])).await;
        assert_eq!(states(&app, files[0]).await, ["stored", "active"]);
        assert_eq!((told(&app, id, files[0]).await, flipped.fired()), (Vec::new(), 1));
        assert_eq!(download(&app, files[0]).await.status, StatusCode::OK);
        // A store that refuses says nothing, either.
        faults.on(Op::GetObject).answer(403);
        assert!(download(&app, files[0]).await.status.is_server_error());
        faults.clear();
        assert_eq!(states(&app, files[0]).await, ["stored", "active"]);
    })
    .await;
}

/// Reads of files' objects since the count began.
pub fn reads(store: &SteppedStore) -> usize {
    store.steps().taken().iter().filter(|step| step.name.starts_with("store: read")).count()
}

#[tokio::test]
async fn a_damaged_file_is_read_by_one_at_a_time_and_not_again_right_away() {
    on_each_engine(async |engine| {
        let store = SteppedStore::new(Arc::new(MemoryStorage::new(Clock::system())));
        let app = engine.start_on(Arc::clone(&store) as Arc<dyn Storage>, stepwise).await;
        let (id, files) = package_of(&app, &["a"]).await;
        replace(&*app.store, key_of(id, files[0]).as_str(), b"CONTENT").await;
        store.steps().watch();
        breaks_off(&app, &format!("/files/{}/download", files[0])).await;
        assert_eq!(reads(&store), 2, "what was asked for, and the look");
        work(&app).await;

        let again = async || is_corrupt(&download(&app, files[0]).await, "found corrupt");
        store.steps().watch();
        again().await;
        assert_eq!(store.steps().taken(), [], "it was looked at a moment ago");
        app.clock.advance(A_WHILE);
        // Somebody else asks while it is looked at.
        let (other, file) = (app.clone(), files[0]);
        let somebody = move || {
            let app = other.clone();
            async move { assert_eq!(download(&app, file).await.problem(), "busy") }.boxed()
        };
        store.steps().plan(1, What::Meanwhile(Arc::new(somebody)));
        again().await;
        assert!(store.steps().happened());
        assert_eq!(reads(&store), 1);
        store.steps().watch();
        again().await;
        assert_eq!(reads(&store), 0);
    })
    .await;
}

#[tokio::test]
async fn whoever_wants_no_bytes_of_a_damaged_file_has_none_of_them_read() {
    on_each_engine(async |engine| {
        let store = SteppedStore::new(Arc::new(MemoryStorage::new(Clock::system())));
        let app = engine.start_on(Arc::clone(&store) as Arc<dyn Storage>, stepwise).await;
        let (id, files) = package_of(&app, &["a"]).await;
        let path = format!("/files/{}/download", files[0]);
        let producer = app.as_(Role::Producer);
        let tag = producer.get(&path).await.header("etag").to_owned();
        let ask = async |method: Method, tag: &str| {
            let request = producer.request(method, &path).header(header::IF_NONE_MATCH, tag);
            producer.send(request.body(Body::empty()).unwrap()).await.status
        };
        let key = key_of(id, files[0]);
        app.store.delete(&key, None).await.unwrap();
        is_corrupt(&download(&app, files[0]).await, "lost");
        work(&app).await;
        let body = Bytes::from_static(b"content").into();
        app.store.create(&key, body, &Default::default()).await.unwrap();
        app.clock.advance(A_WHILE);
        store.steps().watch();
        for (method, tag) in
            [(Method::HEAD, "\"other\""), (Method::HEAD, &*tag), (Method::GET, &*tag)]
        {
            assert_eq!(ask(method, tag).await, StatusCode::BAD_GATEWAY);
        }
        assert_eq!(store.steps().taken(), [], "as its rows say");
        assert_eq!(ask(Method::GET, "\"other\"").await, StatusCode::OK);
        assert_eq!(ask(Method::HEAD, "\"other\"").await, StatusCode::OK);
        assert_eq!(ask(Method::GET, &tag).await, StatusCode::NOT_MODIFIED);
    })
    .await;
}

/// Nobody brings a damaged file back by storing it anew: nothing that is sent for it is read.
#[tokio::test]
async fn nothing_is_read_of_what_comes_for_a_path_whose_file_is_damaged() {
    on_both_with(stepwise, |app| async move {
        let producer = app.as_(Role::Producer);
        let id = producer.new_package().await;
        let file = producer.stores(id, "a", b"content").await;
        app.store.delete(&key_of(id, file), None).await.unwrap();
        is_corrupt(&download(&app, file).await, "lost");
        assert_eq!(producer.files(id).await, [("a".to_owned(), "missing".to_owned())]);

        let read = Arc::new(AtomicBool::new(false));
        let reading = Arc::clone(&read);
        let body = Body::from_stream(futures::stream::once(async move {
            reading.store(true, Ordering::SeqCst);
            Ok::<_, std::io::Error>(Bytes::from_static(b"content"))
        }));
        let sha256 = Sha256Digest::of(b"content");
        for refused in [
            producer.send(producer.put_request(id, "a", body)).await,
            producer.begin(id, "7", &said_of("a", Some(sha256))).await,
        ] {
            assert_eq!(refused.problem(), "conflict");
            let detail = refused.field("detail");
            assert!(detail.as_str().unwrap().contains("found missing or corrupt"), "{detail}");
        }
        assert!(!read.load(Ordering::SeqCst));
    })
    .await;
}
