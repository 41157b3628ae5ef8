//! What one request, and all of them together, may take.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http_body_util::BodyExt as _;
use jiff::SignedDuration;
use strongroom_registry::api::router::router;
use strongroom_registry::auth::Role;
use strongroom_testkit::fixtures::random_bytes;
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::app::{Client, TestApp, on_both, on_both_with};
use crate::evidence::work;
use crate::uploads::by_hand;

/// Longer than anything that a test waits for.
const PATIENCE: Duration = Duration::from_secs(60);

fn json_request(client: &Client, body: Body) -> Request<Body> {
    let request = client.request(Method::POST, "/packages");
    request.header(header::CONTENT_TYPE, "application/json").body(body).unwrap()
}

#[tokio::test]
async fn where_there_is_no_room_for_a_request_it_is_told_when_to_come_again() {
    on_both_with(
        |settings| settings.limits.requests_at_once = 1,
        |app| async move {
            let producer = app.as_(Role::Producer);
            let package = producer.new_package().await;
            let (sender, body) = by_hand();
            let slow = producer.put_request(package, "slow", body);
            let (slow, ()) = futures::join!(producer.send(slow), async {
                sender.send(Ok(Bytes::from("a"))).await.unwrap();
                // The channel has room for one piece: once this is sent, the first was taken.
                sender.send(Ok(Bytes::from("b"))).await.unwrap();
                let busy = producer.get("/packages").await;
                assert_eq!(
                    (busy.status, busy.problem().as_str(), busy.header("retry-after")),
                    (StatusCode::SERVICE_UNAVAILABLE, "busy", "5")
                );
                let alive = Request::get("/livez").body(Body::empty()).unwrap();
                let alive = router(&app.registry).oneshot(alive).await.unwrap();
                assert_eq!(alive.status(), StatusCode::OK, "whoever watches over it is let in");
                drop(sender);
            });
            assert_eq!(slow.status, StatusCode::CREATED, "{slow:?}");
            assert_eq!(producer.get("/packages").await.status, StatusCode::OK);
        },
    )
    .await;
}

#[tokio::test]
async fn a_json_body_that_does_not_come_is_not_waited_for() {
    on_both_with(
        |settings| {
            settings.limits.idle_body = SignedDuration::from_millis(50);
        },
        |app| async move {
            let producer = app.as_(Role::Producer);
            let (sender, body) = by_hand();
            sender.send(Ok(Bytes::from("{"))).await.unwrap();
            let refused =
                tokio::time::timeout(PATIENCE, producer.send(json_request(&producer, body)));
            let refused = refused.await.unwrap();
            assert_eq!(
                (refused.status, refused.problem().as_str()),
                (StatusCode::BAD_REQUEST, "invalid-request")
            );
        },
    )
    .await;
}

#[tokio::test]
async fn anything_but_an_upload_or_a_download_is_answered_in_time() {
    on_both_with(
        |settings| {
            settings.limits.request = SignedDuration::from_secs(2);
            settings.limits.idle_body = SignedDuration::from_mins(10);
        },
        |app| async move {
            let producer = app.as_(Role::Producer);
            let package = producer.new_package().await;
            let (uploading, body) = by_hand();
            let upload = producer.put_request(package, "a", body);
            let (stored, ()) = futures::join!(producer.send(upload), async {
                uploading.send(Ok(Bytes::from("first "))).await.unwrap();
                uploading.send(Ok(Bytes::from("second "))).await.unwrap();
                let (_never, body) = by_hand();
                let late =
                    tokio::time::timeout(PATIENCE, producer.send(json_request(&producer, body)));
                let late = late.await.unwrap();
                assert_eq!(
                    (late.status, late.problem().as_str()),
                    (StatusCode::SERVICE_UNAVAILABLE, "busy")
                );
                // The upload began before that request, and goes on.
                uploading.send(Ok(Bytes::from("third"))).await.unwrap();
                drop(uploading);
            });
            assert_eq!(stored.status, StatusCode::CREATED, "{stored:?}");
        },
    )
    .await;
}

/// A finalized package of more bytes than wait anywhere on their way to a client.
async fn of_mebibytes(app: &TestApp) -> Uuid {
    let producer = app.as_(Role::Producer);
    let package = producer.new_package().await;
    producer.stores(package, "a.bin", &random_bytes(8 << 20, 1)).await;
    producer.finalizes(package).await;
    work(app).await;
    package
}

/// Asks for a bundle, and takes nothing of it yet.
async fn bundle(app: &TestApp, package: Uuid) -> Response {
    let auditor = app.as_(Role::Auditor);
    let request = auditor.request(Method::GET, &format!("/packages/{package}/bundle"));
    router(&app.registry).oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

/// Asks again and again until there is room.
async fn bundle_when_there_is_room(app: &TestApp, package: Uuid) -> Response {
    tokio::time::timeout(PATIENCE, async {
        loop {
            let answer = bundle(app, package).await;
            if answer.status() == StatusCode::OK {
                return answer;
            }
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the room is not given back")
}

#[tokio::test]
async fn as_many_bundles_are_sent_as_there_may_be_and_a_client_that_goes_away_makes_room() {
    on_both_with(
        |settings| settings.limits.bundles_at_once = 1,
        |app| async move {
            let package = of_mebibytes(&app).await;
            let first = bundle(&app, package).await;
            assert_eq!(first.status(), StatusCode::OK);
            let second = bundle(&app, package).await;
            assert_eq!(second.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(second.headers()[header::RETRY_AFTER], "5");
            drop(first);
            let third = bundle_when_there_is_room(&app, package).await;
            let whole = third.into_body().collect().await.unwrap().to_bytes();
            assert!(whole.len() > 8 << 20);
        },
    )
    .await;
}

#[tokio::test]
async fn what_a_reader_that_stands_still_takes_is_given_back_and_its_download_does_not_end_well() {
    on_both_with(
        |settings| {
            settings.limits.bundles_at_once = 1;
            settings.limits.idle_reader = SignedDuration::from_millis(50);
        },
        |app| async move {
            let package = of_mebibytes(&app).await;
            let stands_still = bundle(&app, package).await;
            assert_eq!(stands_still.status(), StatusCode::OK);
            drop(bundle_when_there_is_room(&app, package).await);
            assert!(stands_still.into_body().collect().await.is_err(), "the body must break off");
        },
    )
    .await;
}

#[tokio::test]
async fn a_form_whose_part_has_a_head_without_end_is_refused_before_it_is_kept() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let sent_bytes = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&sent_bytes);
        let head = "--b\r\ncontent-disposition: form-data; name=\"a\"\r\nx-junk: ";
        let junk = stream::repeat_with(move || {
            let piece = Bytes::from_static(&[b'a'; 8 << 10]);
            counted.fetch_add(piece.len() as u64, Ordering::Relaxed);
            piece
        });
        // Its end is far beyond any limit, and near enough for a test that fails.
        let pieces = stream::iter([Bytes::from(head)]).chain(junk.take(1 << 10));
        let request = producer
            .request(Method::POST, &format!("/packages/{package}/files"))
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=b")
            .body(Body::from_stream(pieces.map(Ok::<_, std::io::Error>)));
        let refused = producer.send(request.unwrap()).await;
        assert_eq!(
            (refused.status, refused.problem().as_str()),
            (StatusCode::PAYLOAD_TOO_LARGE, "too-large"),
            "{refused:?}"
        );
        assert!(sent_bytes.load(Ordering::Relaxed) <= 64 << 10);
    })
    .await;
}

#[tokio::test]
async fn a_form_may_come_byte_by_byte_and_all_at_once() {
    on_both(|app| async move {
    let producer = app.as_(Role::Producer);
    let long = format!("x-junk: {}", "a".repeat(8 << 10));
    let part = |name: &str, content: &str| {
        format!(
            "--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n{long}\r\n\r\n{content}\r\n"
        )
    };
    let large = "0123456789abcdef".repeat(16 << 10);
    let form =
        format!("preamble\r\n{}{}{}--b--\r\n", part("a", &large), part("b", ""), part("c", "x"));
    for piece_bytes in [7, 1_000, form.len()] {
        let package = producer.new_package().await;
        let pieces: Vec<_> = form
            .as_bytes()
            .chunks(piece_bytes)
            .map(|piece| Ok::<_, std::io::Error>(Bytes::copy_from_slice(piece)))
            .collect();
        let request = producer
            .request(Method::POST, &format!("/packages/{package}/files"))
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=b")
            .body(Body::from_stream(stream::iter(pieces)));
        let stored = producer.send(request.unwrap()).await;
        assert_eq!(stored.status, StatusCode::CREATED, "{piece_bytes}: {stored:?}");
        let files = stored.field("files");
        let sizes: Vec<_> =
            files.as_array().unwrap().iter().map(|file| file["size_bytes"].clone()).collect();
        assert_eq!(sizes, [256 << 10, 0, 1], "{piece_bytes}");
    }
    })
    .await;
}
