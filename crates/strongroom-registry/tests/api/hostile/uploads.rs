//! Uploads in several requests that lie about their lengths and offsets, and other people's.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use strongroom_registry::auth::Role;
use strongroom_registry::service::resumable::UPLOADS_MAX;

use super::assert_documented;
use super::sockets::{Listening, head, impatient, statuses};
use crate::app::{on_both, on_both_with, token_for_tenant};
use crate::engines::Engine;
use crate::tus::said_of;

#[tokio::test]
async fn what_is_said_of_an_upload_is_checked_before_its_first_byte() {
    on_both_with(
        |settings| settings.limits.file_bytes_max = 1 << 20,
        |app| async move {
            let producer = app.as_(Role::Producer);
            let package = producer.new_package().await;
            let good = said_of("a", None);
            let secret = format!("logs/ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
            let long = "A".repeat(5_000);
            for (length, metadata, status) in [
                ("1048577", good.as_str(), 413),
                ("18446744073709551615", &good, 413),
                ("18446744073709551616", &good, 400),
                ("-1", &good, 400),
                ("0x10", &good, 400),
                ("", &good, 400),
                ("5", "", 400),
                ("5", "path", 422),
                ("5", "path !!!", 400),
                ("5", "path YQ", 400),
                ("5", "path YQ==,path YQ==", 400),
                ("5", "path YQ==,sha256 YQ==", 400),
                ("5", "path YQ==,owner YQ==", 400),
                ("5", &said_of("../etc/passwd", None), 422),
                ("5", &said_of("a\0b", None), 422),
                ("5", &said_of(&secret, None), 422),
                ("5", &said_of(&"p".repeat(2_000), None), 422),
                ("5", &format!("path {long}"), 413),
            ] {
                let refused = producer.begin(package, length, metadata).await;
                assert_eq!(refused.status.as_u16(), status, "{length} {metadata}: {refused:?}");
                assert_documented(&refused, metadata);
                assert!(!String::from_utf8_lossy(&refused.body).contains(&secret));
            }
            let deferred = producer
                .tus(Method::POST, &format!("/packages/{package}/uploads"))
                .header("upload-defer-length", "1")
                .header("upload-metadata", &good);
            let deferred = producer.send(deferred.body(Body::empty()).unwrap()).await;
            assert_eq!(deferred.status, StatusCode::BAD_REQUEST);
            assert!(deferred.field("guidance").as_str().unwrap().contains("Upload-Length"));
            assert_eq!(app.parts(package).await, [""; 0]);
        },
    )
    .await;
}

#[tokio::test]
async fn bytes_beyond_the_end_are_refused_and_those_before_it_are_not_lost() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let upload = producer.begins(package, "a", 5).await;
        // It says so itself.
        let request = producer
            .tus(Method::PATCH, &format!("/uploads/{upload}"))
            .header("upload-offset", "0")
            .header("content-length", "6")
            .header("content-type", "application/offset+octet-stream");
        let told = producer.send(request.body(Body::from("hello!")).unwrap()).await;
        assert_eq!(
            (told.status, told.problem().as_str()),
            (StatusCode::BAD_REQUEST, "body-mismatch")
        );
        assert_eq!(producer.offset_of(upload).await, 0, "nothing of it was taken");
        let stream = futures::stream::iter(["hel", "lo", "!"].map(Ok::<_, std::io::Error>));
        let told = producer.send_from(upload, 0, Body::from_stream(stream)).await;
        assert_eq!(
            (told.status, told.problem().as_str()),
            (StatusCode::BAD_REQUEST, "body-mismatch")
        );
        let file = producer.look_at(upload).await.file();
        assert_eq!(producer.get(&format!("/files/{file}/download")).await.body, "hello");
    })
    .await;
}

#[tokio::test]
async fn headers_of_an_upload_that_make_no_sense_are_told() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let upload = producer.begins(package, "a", 5).await;
        let octets = "application/offset+octet-stream";
        for (offset, media_type, status) in [
            (None, Some(octets), 400),
            (Some("x"), Some(octets), 400),
            (Some("-1"), Some(octets), 400),
            (Some("18446744073709551616"), Some(octets), 400),
            (Some("18446744073709551615"), Some(octets), 409),
            (Some("0"), None, 415),
            (Some("0"), Some("application/octet-stream"), 415),
        ] {
            let mut request = producer.tus(Method::PATCH, &format!("/uploads/{upload}"));
            if let Some(offset) = offset {
                request = request.header("upload-offset", offset);
            }
            if let Some(media_type) = media_type {
                request = request.header("content-type", media_type);
            }
            let refused = producer.send(request.body(Body::from("hello")).unwrap()).await;
            assert_eq!(refused.status.as_u16(), status, "{offset:?} {media_type:?}: {refused:?}");
            assert_documented(&refused, "an upload");
        }
        assert_eq!(producer.offset_of(upload).await, 0);
    })
    .await;
}

#[tokio::test]
async fn an_upload_of_somebody_else_is_as_one_that_was_never_there() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let upload = producer.begins(package, "a", 5).await;
        let elsewhere = token_for_tenant(&app.registry, "elsewhere", Role::Admin).await;
        let strangers = [app.with_token(&elsewhere), app.another(Role::Producer).await];
        let nothing = app.registry.clock().new_id();
        for stranger in strangers {
            for id in [upload, nothing] {
                assert_eq!(stranger.look_at(id).await.status, StatusCode::NOT_FOUND);
                for refused in [stranger.send_from(id, 0, "hello").await, stranger.ends(id).await] {
                    assert_eq!(refused.status, StatusCode::NOT_FOUND);
                    assert_eq!(refused.problem(), "not-found");
                }
            }
        }
        assert_eq!(producer.offset_of(upload).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_package_has_so_many_unfinished_uploads_and_no_more() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let mut last = None;
        for number in 0..UPLOADS_MAX {
            last = Some(producer.begins(package, &number.to_string(), 5).await);
        }
        let refused = producer.begin(package, "5", &said_of("more", None)).await;
        assert_eq!(
            (refused.status, refused.problem().as_str()),
            (StatusCode::PAYLOAD_TOO_LARGE, "too-large")
        );
        producer.sends_from(last.unwrap(), 0, b"hello").await;
        producer.begins(package, "more", 5).await;
    })
    .await;
}

#[tokio::test]
async fn what_a_client_sent_before_it_hung_up_counts() {
    let app = Engine::Sqlite.start().await;
    let listening = Listening::start(&app, impatient()).await;
    let producer = app.as_(Role::Producer);
    let package = producer.new_package().await;
    let upload = producer.begins(package, "a", 50).await;
    let head = head(&app, Role::Producer, "PATCH", &format!("/uploads/{upload}"));
    let fields = "tus-resumable: 1.0.0\r\nupload-offset: 0\r\ncontent-length: 50\r\n\
                  content-type: application/offset+octet-stream\r\n";
    let cut = listening.send_and_hang_up(format!("{head}{fields}\r\nonly this")).await;
    assert!(statuses(&cut).iter().all(|status| *status == "400"), "{cut}");
    while producer.offset_of(upload).await != 9 {
        tokio::task::yield_now().await;
    }
    listening.end().await;
}
