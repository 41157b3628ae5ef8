//! Nothing comes of an upload: by its sender, by time, by its package; and its parts go, however many there are.

use std::sync::Arc;

use axum::http::StatusCode;
use bytes::Bytes;
use futures::FutureExt as _;
use jiff::SignedDuration;
use serde_json::Value;
use strongroom_core::Sha256Digest;
use strongroom_registry::auth::Role;
use strongroom_registry::db::{DbError, PartRow, PartState, TenantId, UploadState};
use strongroom_testkit::steps::{Meanwhile, Steps, What};
use uuid::Uuid;

use crate::app::{TestApp, on_both, on_both_with};
use crate::evidence::{stepwise, work};
use crate::stepped_db::SteppedDb;
use crate::uploads::by_hand;

const BYTES: &[u8] = b"all is well that ends well";
const A_DAY: SignedDuration = SignedDuration::from_hours(24);
/// More parts than one transaction gives up.
const MANY_PARTS: u64 = 1_001;

/// The same registry, each use of whose database is a step.
fn stepped(app: &TestApp) -> (TestApp, Arc<Steps>) {
    let steps = Steps::new();
    (app.clone().watched_by(Arc::new(SteppedDb(Arc::clone(&steps)))), steps)
}

#[tokio::test]
async fn bytes_that_come_after_their_upload_was_ended_are_told_so() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let upload = producer.begins(package, "a", BYTES.len()).await;
        let (sender, body) = by_hand();
        let (late, ()) = futures::join!(producer.send_from(upload, 0, body), async {
            // The channel has room for one piece: once the second is sent, the first was waited for.
            for _ in 0..2 {
                sender.send(Ok(Bytes::new())).await.unwrap();
            }
            assert_eq!(producer.ends(upload).await.status, StatusCode::NO_CONTENT);
            assert!(app.upload_rows(upload).await.0.is_none(), "nothing was left of it");
            sender.send(Ok(Bytes::from_static(BYTES))).await.unwrap();
            drop(sender);
        });
        assert_eq!((late.status, late.problem().as_str()), (StatusCode::NOT_FOUND, "not-found"));
        assert_eq!(app.parts(package).await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn a_part_that_is_on_its_way_when_its_package_is_abandoned_leaves_nothing() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let upload = producer.begins(package, "a", BYTES.len()).await;
        let (sender, body) = by_hand();
        let (late, ()) = futures::join!(producer.send_from(upload, 0, body), async {
            sender.send(Ok(Bytes::from_static(&BYTES[..10]))).await.unwrap();
            for _ in 0..2 {
                sender.send(Ok(Bytes::new())).await.unwrap();
            }
            let abandon = format!("/packages/{package}/abandon");
            assert_eq!(producer.post(&abandon, Value::Null).await.status, StatusCode::OK);
            work(&app).await;
            drop(sender);
        });
        assert_eq!((late.status, late.problem().as_str()), (StatusCode::NOT_FOUND, "not-found"));
        work(&app).await;
        assert_eq!(app.parts(package).await, [""; 0]);
        assert!(app.upload_rows(upload).await.0.is_none());
    })
    .await;
}

#[tokio::test]
async fn an_upload_that_moves_while_it_is_found_expired_goes_on() {
    on_both(|app| async move {
        let (stepped, steps) = stepped(&app);
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let upload = producer.begins(package, "a", BYTES.len()).await;
        let (sender, body) = by_hand();
        let sending = tokio::spawn({
            let producer = producer.clone();
            async move { producer.send_from(upload, 0, body).await }
        });
        for _ in 0..2 {
            sender.send(Ok(Bytes::new())).await.unwrap();
        }
        app.clock.advance(A_DAY);
        let sending = Arc::new(tokio::sync::Mutex::new(Some((sender, sending))));
        let part_comes: Meanwhile = Arc::new(move || {
            let sending = Arc::clone(&sending);
            async move {
                let (sender, sending) = sending.lock().await.take().unwrap();
                sender.send(Ok(Bytes::from_static(&BYTES[..10]))).await.unwrap();
                drop(sender);
                assert_eq!(sending.await.unwrap().status, StatusCode::NO_CONTENT);
            }
            .boxed()
        });
        // Found by the first use of the database, ended by the second.
        steps.plan(2, What::Meanwhile(part_comes));
        stepped.registry.end_old_uploads().await.unwrap();
        assert!(steps.happened());
        assert_eq!(producer.offset_of(upload).await, 10);
        producer.sends_from(upload, 10, &BYTES[10..]).await;
    })
    .await;
}

#[tokio::test]
async fn an_end_that_fails_keeps_no_other_waiting() {
    on_both_with(stepwise, |app| async move {
        let (stepped, steps) = stepped(&app);
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let first = producer.begins(package, "a", BYTES.len()).await;
        app.clock.advance(SignedDuration::from_secs(1));
        let second = producer.begins(package, "b", BYTES.len()).await;
        app.clock.advance(A_DAY);
        steps.plan(2, What::FailsBefore);
        stepped.registry.end_old_uploads().await.unwrap();
        assert!(steps.happened());
        assert!(app.upload_rows(first).await.0.is_some(), "its end failed");
        assert!(app.upload_rows(second).await.0.is_none());
        // The same of parts whose process is gone.
        let upload = producer.begins(package, "c", BYTES.len()).await;
        for _ in 0..2 {
            insert_parts(&app, package, upload, PartState::Receiving, 1).await;
        }
        app.clock.advance(SignedDuration::from_hours(3));
        // The first upload's list and end, the end of the list, the parts' list, and a part.
        steps.plan(5, What::FailsBefore);
        stepped.registry.end_old_uploads().await.unwrap();
        assert!(steps.happened());
        let mut session = app.registry.db().read().await.unwrap();
        let now = app.clock.now();
        let left = session.receiving_parts_of_any_tenant(None, now, 10).await.unwrap();
        assert_eq!(left.len(), 1, "{left:?}");
    })
    .await;
}

/// Rows of parts of a byte each, as many requests would have left them.
async fn insert_parts(app: &TestApp, package: Uuid, upload: Uuid, status: PartState, count: u64) {
    let now = app.clock.now();
    let part = |at: u64| {
        let id = app.registry.clock().new_id();
        PartRow {
            id,
            package_id: package,
            upload_id: upload,
            offset_bytes: at,
            size_bytes: (status == PartState::Stored).then_some(1),
            sha256: (status == PartState::Stored).then(|| Sha256Digest::of(b"x")),
            status,
            object_key: strongroom_core::layout::upload_part(package, upload, id),
            version_id: None,
            created_at: now,
        }
    };
    let parts: Vec<_> = (0..count).map(part).collect();
    let inserted: Result<(), DbError> = app
        .registry
        .db()
        .write(parts, |tx, parts| {
            Box::pin(async move {
                for part in parts {
                    tx.of(&TenantId::default_tenant()).insert_part(part).await?;
                }
                Ok(())
            })
        })
        .await;
    inserted.unwrap();
}

#[tokio::test]
async fn parts_of_an_upload_that_ended_are_given_up_by_a_job_however_many_they_are() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        producer.stores(package, "b", BYTES).await;
        let upload = producer.begins(package, "b", BYTES.len()).await;
        insert_parts(&app, package, upload, PartState::Stored, MANY_PARTS).await;
        app.database.run(&format!("UPDATE resumable_uploads SET parts_count = {MANY_PARTS}")).await;
        producer.finalizes(package).await;
        // Whoever asks waits for one row, not for all of them.
        let (row, parts) = app.upload_rows(upload).await;
        assert_eq!(row.map(|row| row.status), Some(UploadState::Ended));
        assert_eq!(parts.len(), 1_000, "as many as are read at once");
        work(&app).await;
        let (row, parts) = app.upload_rows(upload).await;
        assert_eq!((row, parts.len()), (None, 0));
    })
    .await;
}

#[tokio::test]
async fn a_clean_up_misses_no_upload_that_ends_at_any_of_its_steps() {
    on_both(|app| async move {
        let (stepped, steps) = stepped(&app);
        let producer = app.as_(Role::Producer);
        for nth in 1.. {
            let package = producer.new_package().await;
            let [first, second] = ["a", "b"].map(|path| producer.begins(package, path, 26));
            let (first, second) = (first.await, second.await);
            for upload in [first, second] {
                producer.sends_from(upload, 0, &BYTES[..10]).await;
            }
            assert_eq!(producer.ends(first).await.status, StatusCode::NO_CONTENT);
            let another = producer.clone();
            let ends: Meanwhile = Arc::new(move || {
                let another = another.clone();
                async move {
                    assert_eq!(another.ends(second).await.status, StatusCode::NO_CONTENT);
                }
                .boxed()
            });
            steps.plan(nth, What::Meanwhile(ends));
            work(&stepped).await;
            if !steps.happened() {
                assert!(nth > 5, "it never happened");
                break;
            }
            work(&app).await;
            assert_eq!(app.parts(package).await, [""; 0], "{nth}");
            assert!(app.upload_rows(second).await.0.is_none(), "{nth}");
        }
    })
    .await;
}
