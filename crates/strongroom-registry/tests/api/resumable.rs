//! A file in several requests is the file that it would be in one.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use bytes::Bytes;
use futures::stream;
use jiff::SignedDuration;
use serde_json::Value;
use strongroom_core::Sha256Digest;
use strongroom_core::retention::LockMode;
use strongroom_registry::auth::Role;
use strongroom_storage::ObjectKey;
use strongroom_testkit::s3::BucketSettings;
use strongroom_testkit::steps::What;

use crate::app::{on_both, on_both_with, on_each_engine};
use crate::engines::Engine;
use crate::evidence::{stepwise, tick};
use crate::files::{Bucket, bytes_at};
use crate::tus::said_of;
use crate::uploads::by_hand;

const BYTES: &[u8] = b"all is well that ends well";

/// A body that breaks off after these bytes.
fn broken(bytes: &'static [u8]) -> Body {
    let pieces = [Ok(Bytes::from_static(bytes)), Err(std::io::Error::other("gone"))];
    Body::from_stream(stream::iter(pieces))
}

#[tokio::test]
async fn a_file_that_comes_in_parts_is_the_file_that_comes_whole() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let whole = producer.stores(package, "whole", BYTES).await;
        let upload = producer.begins(package, "parts", BYTES.len()).await;
        assert_eq!(producer.offset_of(upload).await, 0);
        let first = producer.sends_from(upload, 0, &BYTES[..10]).await;
        assert_eq!(first.header("upload-offset"), "10");
        assert!(first.header("upload-expires").ends_with(" GMT"));
        assert_eq!(app.parts(package).await.len(), 1, "durable before the answer");
        producer.sends_from(upload, 10, &BYTES[10..11]).await;
        let last = producer.sends_from(upload, 11, &BYTES[11..]).await;
        assert_eq!(last.header("upload-offset"), BYTES.len().to_string());
        let shown = |file| {
            let producer = producer.clone();
            async move {
                let mut shown = producer.get(&format!("/files/{file}")).await.json();
                for own in ["file_id", "path", "created_at", "stored_at"] {
                    shown.as_object_mut().unwrap().remove(own).expect(own);
                }
                shown["locations"][0].as_object_mut().unwrap().remove("object_key").unwrap();
                shown
            }
        };
        assert_eq!(shown(last.file()).await, shown(whole).await);
        let read = producer.get(&format!("/files/{}/download", last.file())).await;
        assert_eq!(read.body, BYTES);
        app.work_all().await;
        assert_eq!(app.parts(package).await, [""; 0], "the parts are gone");
        let events = app.as_(Role::Auditor).get("/audit-events?type=file_stored").await.json();
        assert_eq!(events["events"].as_array().unwrap().len(), 2);
        // It is told as long as anybody may ask.
        let told = producer.look_at(upload).await;
        assert_eq!((told.status, told.file()), (StatusCode::OK, last.file()));
        let again = producer.sends_from(upload, BYTES.len() as u64, b"").await;
        assert_eq!(again.file(), last.file());
    })
    .await;
}

#[tokio::test]
async fn what_came_before_a_cut_counts_and_is_not_sent_again() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let upload = producer.begins(package, "a", BYTES.len()).await;
        let cut = producer.send_from(upload, 0, broken(&BYTES[..10])).await;
        assert_eq!(
            (cut.status, cut.problem().as_str()),
            (StatusCode::BAD_REQUEST, "body-mismatch")
        );
        assert_eq!(producer.offset_of(upload).await, 10);
        let nothing = producer.send_from(upload, 10, broken(b"")).await;
        assert_eq!(nothing.status, StatusCode::BAD_REQUEST);
        assert_eq!(app.parts(package).await.len(), 1, "no part without a byte");
        let done = producer.sends_from(upload, 10, &BYTES[10..]).await;
        let read = producer.get(&format!("/files/{}/download", done.file())).await;
        assert_eq!(read.body, BYTES);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_before_a_sender_was_gone_counts() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let upload = producer.begins(package, "a", BYTES.len()).await;
        let (sender, body) = by_hand();
        let sending = tokio::spawn({
            let producer = producer.clone();
            async move { producer.send_from(upload, 0, body).await }
        });
        sender.send(Ok(Bytes::from_static(&BYTES[..10]))).await.unwrap();
        // The channel has room for one piece: once this is sent, the first was taken.
        sender.send(Ok(Bytes::new())).await.unwrap();
        // As a server does whose client hangs up: it drops the request, and then its body breaks off.
        sending.abort();
        drop(sender);
        while producer.offset_of(upload).await != 10 {
            tokio::task::yield_now().await;
        }
        producer.sends_from(upload, 10, &BYTES[10..]).await;
    })
    .await;
}

#[tokio::test]
async fn of_two_requests_from_one_offset_one_counts() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let upload = producer.begins(package, "a", BYTES.len()).await;
        let (sender, body) = by_hand();
        let (slow, ()) = futures::join!(producer.send_from(upload, 0, body), async {
            sender.send(Ok(Bytes::from_static(b"other"))).await.unwrap();
            sender.send(Ok(Bytes::new())).await.unwrap();
            producer.sends_from(upload, 0, &BYTES[..10]).await;
            drop(sender);
        });
        assert_eq!((slow.status, slow.problem().as_str()), (StatusCode::CONFLICT, "conflict"));
        assert_eq!(producer.offset_of(upload).await, 10);
        app.work_all().await;
        assert_eq!(app.parts(package).await.len(), 1, "nothing is left of the one that lost");
        for offset in [0, 9, 11, 1 << 40] {
            let wrong = producer.send_from(upload, offset, "x").await;
            assert_eq!(
                (wrong.status, wrong.problem().as_str()),
                (StatusCode::CONFLICT, "conflict")
            );
        }
        let done = producer.sends_from(upload, 10, &BYTES[10..]).await;
        let read = producer.get(&format!("/files/{}/download", done.file())).await;
        assert_eq!(read.body, BYTES);
    })
    .await;
}

#[tokio::test]
async fn bytes_of_another_digest_than_was_declared_are_no_file_and_end_the_upload() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let said = said_of("a", Some(Sha256Digest::of(b"something else")));
        let begun = producer.begin(package, "5", &said).await;
        let upload = begun.header("location").rsplit('/').next().unwrap().parse().unwrap();
        let refused = producer.send_from(upload, 0, "hello").await;
        assert_eq!(
            (refused.status, refused.problem().as_str()),
            (StatusCode::BAD_REQUEST, "body-mismatch")
        );
        assert_eq!(producer.look_at(upload).await.status, StatusCode::NOT_FOUND);
        app.work_all().await;
        assert_eq!((app.parts(package).await.len(), app.objects(package).await.len()), (0, 0));
        assert!(app.upload_rows(upload).await.0.is_none(), "its row went with its parts");
    })
    .await;
}

#[tokio::test]
async fn a_file_that_is_there_already_rules_as_for_one_that_comes_whole() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let there = producer.stores(package, "a", BYTES).await;
        let said = said_of("a", Some(Sha256Digest::of(b"other")));
        let other = producer.begin(package, "5", &said).await;
        assert_eq!((other.status, other.problem().as_str()), (StatusCode::CONFLICT, "conflict"));
        let below = producer.begin(package, "5", &said_of("a/b", None)).await;
        assert_eq!(below.status, StatusCode::CONFLICT);
        let upload = producer.begins(package, "a", BYTES.len()).await;
        assert_eq!(producer.sends_from(upload, 0, BYTES).await.file(), there);
        let upload = producer.begins(package, "a", 5).await;
        let other = producer.send_from(upload, 0, "other").await;
        assert_eq!((other.status, other.problem().as_str()), (StatusCode::CONFLICT, "conflict"));
        assert_eq!(producer.look_at(upload).await.status, StatusCode::NOT_FOUND);
        app.work_all().await;
        assert_eq!((app.parts(package).await.len(), app.objects(package).await.len()), (0, 1));
    })
    .await;
}

#[tokio::test]
async fn a_file_without_bytes_is_one_at_once() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let upload = producer.begins(package, "empty", 0).await;
        let file = producer.look_at(upload).await.file();
        let shown = producer.get(&format!("/files/{file}")).await.json();
        assert_eq!((&shown["status"], &shown["size_bytes"]), (&"stored".into(), &0.into()));
    })
    .await;
}

#[tokio::test]
async fn a_package_with_a_file_that_is_half_there_is_not_finalized() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        producer.stores(package, "a", BYTES).await;
        let upload = producer.begins(package, "b", BYTES.len()).await;
        producer.sends_from(upload, 0, &BYTES[..10]).await;
        let refused = producer.post(&format!("/packages/{package}/finalize"), Value::Null).await;
        assert_eq!(
            (refused.status, refused.problem().as_str()),
            (StatusCode::CONFLICT, "wrong-state")
        );
        let told = refused.field("detail");
        assert!(told.as_str().unwrap().contains(&format!("{upload} has 10 of 26")), "{told}");
        // Of a path that came whole meanwhile nothing is missing.
        producer.stores(package, "b", b"whole").await;
        producer.finalizes(package).await;
        assert_eq!(producer.look_at(upload).await.status, StatusCode::NOT_FOUND);
        let late = producer.send_from(upload, 10, &BYTES[10..]).await;
        assert_eq!(late.status, StatusCode::CONFLICT, "{late:?}");
        app.work_all().await;
        assert_eq!(producer.package(package).await["status"], "finalized");
        assert_eq!((app.parts(package).await.len(), app.objects(package).await.len()), (0, 2));
    })
    .await;
}

#[tokio::test]
async fn an_upload_that_is_ended_leaves_nothing() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        producer.stores(package, "a", BYTES).await;
        let upload = producer.begins(package, "b", BYTES.len()).await;
        producer.sends_from(upload, 0, &BYTES[..10]).await;
        let ended = producer.ends(upload).await;
        assert_eq!(
            (ended.status, ended.header("tus-resumable")),
            (StatusCode::NO_CONTENT, "1.0.0")
        );
        for gone in [producer.ends(upload).await, producer.send_from(upload, 10, "x").await] {
            assert_eq!(
                (gone.status, gone.problem().as_str()),
                (StatusCode::NOT_FOUND, "not-found")
            );
        }
        app.work_all().await;
        assert_eq!(app.parts(package).await, [""; 0]);
        assert!(app.upload_rows(upload).await.0.is_none());
        producer.finalizes(package).await;
        // What is a file goes with its package.
        let package = producer.new_package().await;
        let stored = producer.begins(package, "c", 0).await;
        let kept = producer.ends(stored).await;
        assert_eq!((kept.status, kept.problem().as_str()), (StatusCode::CONFLICT, "wrong-state"));
    })
    .await;
}

#[tokio::test]
async fn the_parts_of_an_abandoned_package_go_too() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let upload = producer.begins(package, "b", BYTES.len()).await;
        producer.sends_from(upload, 0, &BYTES[..10]).await;
        let abandoned = producer.post(&format!("/packages/{package}/abandon"), Value::Null).await;
        assert_eq!(abandoned.status, StatusCode::OK, "{abandoned:?}");
        app.work_all().await;
        assert_eq!(app.parts(package).await, [""; 0]);
        assert!(app.upload_rows(upload).await.0.is_none());
    })
    .await;
}

#[tokio::test]
async fn an_upload_that_nobody_goes_on_with_expires_and_each_part_puts_that_off() {
    on_both_with(stepwise, |app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let upload = producer.begins(package, "a", BYTES.len()).await;
        for offset in 0..3 {
            app.clock.advance(SignedDuration::from_hours(23));
            producer.sends_from(upload, offset, b"x").await;
        }
        app.registry.end_old_uploads().await.unwrap();
        assert_eq!(producer.offset_of(upload).await, 3);
        app.clock.advance(SignedDuration::from_hours(24));
        assert_eq!(producer.look_at(upload).await.status, StatusCode::NOT_FOUND);
        assert_eq!(app.parts(package).await.len(), 3);
        tick(&app).await;
        // The clock was turned: nothing is deleted before somebody says that it is right.
        let now = serde_json::json!({ "now": app.clock.now().to_string() });
        app.as_(Role::Operator).post("/sweeper/confirm-clock", now).await;
        tick(&app).await;
        app.work_all().await;
        assert_eq!(app.parts(package).await, [""; 0]);
        assert!(app.upload_rows(upload).await.0.is_none());
    })
    .await;
}

#[tokio::test]
async fn a_part_whose_process_is_gone_is_taken_away_after_hours() {
    let (app, store) = Engine::Sqlite.start_interrupted(stepwise).await;
    let producer = app.as_(Role::Producer);
    let package = producer.new_package().await;
    let upload = producer.begins(package, "a", BYTES.len()).await;
    store.steps().plan(1, What::StopsAfter);
    tokio::select! {
        answer = producer.send_from(upload, 0, &BYTES[..10]) => panic!("{answer:?}"),
        () = store.steps().stopped() => {}
    }
    assert_eq!(app.parts(package).await.len(), 1, "an object without a part that counts");
    assert_eq!(producer.offset_of(upload).await, 0);
    producer.sends_from(upload, 0, &BYTES[..10]).await;
    app.registry.end_old_uploads().await.unwrap();
    app.work_all().await;
    assert_eq!(app.parts(package).await.len(), 2, "it may be going on");
    app.clock.advance(SignedDuration::from_hours(3));
    app.registry.end_old_uploads().await.unwrap();
    app.work_all().await;
    assert_eq!(app.parts(package).await.len(), 1);
    producer.sends_from(upload, 10, &BYTES[10..]).await;
}

#[tokio::test]
async fn a_part_that_the_store_lost_or_changed_is_told_as_that_and_ends_the_upload() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        for is_lost in [true, false] {
            let upload = producer.begins(package, "a", BYTES.len()).await;
            producer.sends_from(upload, 0, &BYTES[..10]).await;
            let key = app.parts(package).await.pop().unwrap();
            assert_eq!(bytes_at(&*app.store, &key).await, BYTES[..10]);
            match is_lost {
                true => {
                    app.store.delete(&ObjectKey::new(key).unwrap(), None).await.unwrap();
                }
                false => crate::files::replace(&*app.store, &key, b"0123456789").await,
            }
            let refused = producer.send_from(upload, 10, &BYTES[10..]).await;
            assert_eq!(
                (refused.status, refused.problem().as_str()),
                (StatusCode::BAD_GATEWAY, "corrupt")
            );
            assert_eq!(producer.look_at(upload).await.status, StatusCode::NOT_FOUND);
            app.work_all().await;
            assert_eq!((app.parts(package).await.len(), app.objects(package).await.len()), (0, 0));
        }
    })
    .await;
}

#[tokio::test]
async fn on_a_bucket_parts_are_deleted_for_good_and_one_that_locks_everything_takes_none() {
    on_each_engine(async |engine| {
        let bucket = Bucket::new(BucketSettings::locked(), None).await;
        let app = engine.start_on(Arc::clone(&bucket.store), |_| {}).await;
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let upload = producer.begins(package, "a", BYTES.len()).await;
        producer.sends_from(upload, 0, &BYTES[..10]).await;
        producer.sends_from(upload, 10, &BYTES[10..]).await;
        app.work_all().await;
        producer.finalizes(package).await;
        app.work_all().await;
        let shelf = bucket.server.bucket("shelf");
        let keys: Vec<_> =
            shelf.keys().into_iter().filter(|key| key.contains("uploads/")).collect();
        assert_eq!(keys, [""; 0]);
        let settings = BucketSettings::locked().default_retention(LockMode::Governance, 1);
        let bucket = Bucket::new(settings, None).await;
        let app = engine.start_on(Arc::clone(&bucket.store), |_| {}).await;
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let refused = producer.begin(package, "5", &said_of("a", None)).await;
        assert_eq!(
            (refused.status, refused.problem().as_str()),
            (StatusCode::BAD_GATEWAY, "store-refused")
        );
    })
    .await;
}

#[tokio::test]
async fn the_method_may_be_named_in_a_header() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let upload = producer.begins(package, "a", BYTES.len()).await;
        let post = |method: &'static str, body: &'static [u8]| {
            let request = producer
                .tus(Method::POST, &format!("/uploads/{upload}"))
                .header("x-http-method-override", method)
                .header("upload-offset", "0")
                .header("content-type", "application/offset+octet-stream");
            producer.send(request.body(Body::from(body)).unwrap())
        };
        let sent = post("PATCH", &BYTES[..10]).await;
        assert_eq!((sent.status, sent.header("upload-offset")), (StatusCode::NO_CONTENT, "10"));
        let looked = post("HEAD", b"").await;
        assert_eq!((looked.status, looked.header("upload-offset")), (StatusCode::OK, "10"));
        assert_eq!(post("DELETE", b"").await.status, StatusCode::NO_CONTENT);
        let none = post("PUT", b"").await;
        assert_eq!(
            (none.status, none.problem().as_str()),
            (StatusCode::BAD_REQUEST, "invalid-request")
        );
    })
    .await;
}

#[tokio::test]
async fn what_is_spoken_is_told() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let upload = producer.begins(package, "a", 5).await;
        for path in [format!("/packages/{package}/uploads"), format!("/uploads/{upload}")] {
            let request = producer.request(Method::OPTIONS, &path).body(Body::empty()).unwrap();
            let told = producer.send(request).await;
            assert_eq!(told.status, StatusCode::NO_CONTENT, "{told:?}");
            assert_eq!(told.header("tus-version"), "1.0.0");
            assert_eq!(told.header("tus-extension"), "creation,expiration,termination");
            assert_eq!(told.header("tus-max-size"), (5_u64 << 40).to_string());
        }
        let told = producer.look_at(upload).await;
        assert_eq!(told.header("upload-length"), "5");
        assert_eq!(told.header("cache-control"), "no-store");
        assert_eq!(told.header("upload-metadata"), said_of("a", None));
        for version in [None, Some("0.2.2"), Some("1.0.1")] {
            let mut request = producer.request(Method::HEAD, &format!("/uploads/{upload}"));
            if let Some(version) = version {
                request = request.header("tus-resumable", version);
            }
            let refused = producer.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(refused.status, StatusCode::PRECONDITION_FAILED, "{version:?}");
            assert_eq!(refused.header("tus-version"), "1.0.0");
            assert_eq!(refused.header("tus-resumable"), "1.0.0");
        }
    })
    .await;
}
