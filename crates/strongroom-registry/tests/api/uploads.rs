//! Files into open packages: what is right is stored and looked at, and what is not leaves nothing.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use jiff::SignedDuration;
use serde_json::Value;
use strongroom_core::package::record::{Decision, read};
use strongroom_core::{Sha256Digest, layout};
use strongroom_registry::auth::Role;
use strongroom_registry::documents::{UploadStatus, UploadedFile};
use tokio::sync::mpsc;

use crate::app::{on_both, on_both_with};
use crate::files::{bytes_at, keys_below};

/// A body that the test sends piece by piece.
pub fn by_hand() -> (mpsc::Sender<Result<Bytes, std::io::Error>>, Body) {
    let (sender, receiver) = mpsc::channel(1);
    let pieces = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    (sender, Body::from_stream(pieces))
}

#[tokio::test]
async fn a_file_is_stored_told_and_read_back() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let digest = Sha256Digest::of(b"all is well");
        let request = producer
            .request(Method::PUT, &format!("/packages/{package}/files/reports/a%20b.txt"))
            .header("x-content-sha256", digest.to_hex())
            .header("x-strongroom-media-type", "text/plain")
            .header(header::CONTENT_LENGTH, "11")
            .body(Body::from("all is well"))
            .unwrap();
        let stored = producer.send(request).await;
        assert_eq!(stored.status, StatusCode::CREATED, "{stored:?}");
        assert!(stored.header("repr-digest").starts_with("sha-256=:"));
        let told: UploadedFile = stored.document();
        assert_eq!(told.upload, UploadStatus::Stored);
        assert_eq!(told.file.path, "reports/a b.txt");
        assert_eq!(told.file.media_type.as_deref(), Some("text/plain"));
        assert_eq!(told.file.sha256, Some(digest));
        let place = stored.header("location").strip_prefix("/api/v1").unwrap();
        let seen = producer.get(place).await.json();
        assert_eq!(seen["locations"][0]["status"], "active");
        assert_eq!(seen["status"], "stored");
        let read = producer.get(&format!("{place}/download")).await;
        assert_eq!(read.body, "all is well");
        assert_eq!(producer.package(package).await["files_count"], 1);
    })
    .await;
}

#[tokio::test]
async fn the_object_tells_which_file_it_is() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let file = producer.stores(package, "a/b", b"x").await;
        let key = strongroom_storage::ObjectKey::new(layout::package_file(package, file)).unwrap();
        let metadata = app.store.head(&key, None).await.unwrap().metadata;
        assert_eq!(metadata["strongroom-file-id"], file.to_string());
        assert_eq!(metadata["strongroom-path"], "a%2Fb");
        assert_eq!(metadata["strongroom-sha256"], Sha256Digest::of(b"x").to_hex());
        let records = keys_below(&*app.store, &layout::package_records_of(package)).await;
        assert_eq!(records.len(), 1, "the package's own alone: {records:?}");
    })
    .await;
}

#[tokio::test]
async fn a_path_that_no_metadata_can_carry_is_told_in_a_record() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let path = "\u{e9}".repeat(300);
        let encoded = layout::encode_segment(&path);
        let file = producer.stores(package, &encoded, b"x").await;
        let mut told = None;
        for key in keys_below(&*app.store, &layout::package_records_of(package)).await {
            let record = read(&bytes_at(&*app.store, &key).await).unwrap();
            if let Decision::FileStored(stored) = record.decision {
                told = Some(stored);
            }
        }
        let told = told.expect("no record of the file");
        assert_eq!((told.file_id, told.path), (file, path));
    })
    .await;
}

#[tokio::test]
async fn the_same_again_is_already_stored_and_anything_else_a_conflict() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let file = producer.stores(package, "a.txt", b"one").await;
        let again = producer.put_file(package, "a.txt", b"one").await;
        assert_eq!(
            (again.status, again.field("upload")),
            (StatusCode::OK, "already_stored".into())
        );
        assert_eq!(again.field("file_id"), file.to_string());
        let other = producer.put_file(package, "a.txt", b"two").await;
        assert_eq!((other.status, other.problem().as_str()), (StatusCode::CONFLICT, "conflict"));
        for clash in ["a.txt/b", "a.txt/b/c"] {
            let clash = producer.put_file(package, clash, b"x").await;
            assert_eq!(
                (clash.status, clash.problem().as_str()),
                (StatusCode::CONFLICT, "conflict")
            );
        }
        producer.stores(package, "folder/deep/file", b"x").await;
        for clash in ["folder", "folder/deep"] {
            assert_eq!(producer.put_file(package, clash, b"x").await.status, StatusCode::CONFLICT);
        }
        producer.stores(package, "folder-2", b"x").await;
        app.work_all().await;
        assert_eq!(app.objects(package).await.len(), 3, "nothing is left of what was refused");
    })
    .await;
}

#[tokio::test]
async fn a_body_that_is_not_what_it_says_stores_nothing() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let other = Sha256Digest::of(b"something else").to_hex();
        for (name, value) in [
            ("x-content-sha256", other.as_str()),
            ("content-length", "5"),
            ("content-length", "50"),
        ] {
            let request = producer
                .request(Method::PUT, &format!("/packages/{package}/files/a"))
                .header(name, value)
                .body(Body::from("all is well"))
                .unwrap();
            let refused = producer.send(request).await;
            assert_eq!(
                (refused.status, refused.problem().as_str()),
                (StatusCode::BAD_REQUEST, "body-mismatch"),
                "{name}"
            );
        }
        assert_eq!(app.objects(package).await, [""; 0]);
        assert!(producer.files(package).await.iter().all(|(_, status)| status == "deleted"));
    })
    .await;
}

#[tokio::test]
async fn a_body_that_breaks_off_or_stops_coming_stores_nothing() {
    on_both_with(
        |settings| {
            settings.limits.idle_body = SignedDuration::from_millis(50);
        },
        |app| async move {
            let producer = app.as_(Role::Producer);
            let package = producer.new_package().await;
            let broken = [Ok(Bytes::from("some")), Err(std::io::Error::other("gone"))];
            let silent = stream::iter([Ok::<_, std::io::Error>(Bytes::from("some"))])
                .chain(stream::pending());
            for body in [Body::from_stream(stream::iter(broken)), Body::from_stream(silent)] {
                let refused = producer.send(producer.put_request(package, "a", body)).await;
                assert_eq!(
                    (refused.status, refused.problem().as_str()),
                    (StatusCode::BAD_REQUEST, "body-mismatch")
                );
            }
            assert_eq!(app.objects(package).await, [""; 0]);
            producer.stores(package, "a", b"whole").await;
        },
    )
    .await;
}

#[tokio::test]
async fn paths_that_climb_and_paths_with_secrets_are_refused() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let secret = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
        for path in [
            "%2e%2e/etc/passwd",
            "a/%2e%2e/b",
            "a%00b",
            "%2Fetc",
            "a//b",
            &format!("logs/{secret}"),
        ] {
            let refused = producer.put_file(package, path, b"x").await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}: {refused:?}");
            assert!(!String::from_utf8_lossy(&refused.body).contains(&secret));
        }
        assert!(producer.files(package).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn what_is_too_large_or_too_much_at_once_is_told() {
    on_both_with(
        |settings| {
            settings.limits.file_bytes_max = 10;
            settings.limits.uploads_at_once = 1;
        },
        |app| async move {
            let producer = app.as_(Role::Producer);
            let package = producer.new_package().await;
            let large = producer.put_file(package, "a", &[0; 11]).await;
            assert_eq!(
                (large.status, large.problem().as_str()),
                (StatusCode::PAYLOAD_TOO_LARGE, "too-large")
            );
            let (sender, body) = by_hand();
            let slow = producer.put_request(package, "slow", body);
            let (slow, ()) = futures::join!(producer.send(slow), async {
                sender.send(Ok(Bytes::from("a"))).await.unwrap();
                // The channel has room for one piece: once this is sent, the first was taken.
                sender.send(Ok(Bytes::from("b"))).await.unwrap();
                let busy = producer.put_file(package, "b", b"x").await;
                assert_eq!(
                    (busy.status, busy.problem().as_str()),
                    (StatusCode::SERVICE_UNAVAILABLE, "busy")
                );
                assert!(!busy.header("retry-after").is_empty());
                drop(sender);
            });
            assert_eq!(slow.status, StatusCode::CREATED, "{slow:?}");
            producer.stores(package, "b", b"x").await;
        },
    )
    .await;
}

#[tokio::test]
async fn of_two_uploads_of_one_path_one_is_stored_and_nothing_is_left_of_the_other() {
    on_both(|app| async move {
        for (second, status) in [("one", StatusCode::OK), ("two", StatusCode::CONFLICT)] {
            let producer = app.as_(Role::Producer);
            let package = producer.new_package().await;
            let (sender, body) = by_hand();
            let slow = producer.put_request(package, "a", body);
            let (slow, ()) = futures::join!(producer.send(slow), async {
                sender.send(Ok(Bytes::from(second))).await.unwrap();
                sender.send(Ok(Bytes::new())).await.unwrap();
                producer.stores(package, "a", b"one").await;
                drop(sender);
            });
            assert_eq!(slow.status, status, "{slow:?}");
            app.work_all().await;
            let states: Vec<_> =
                producer.files(package).await.into_iter().map(|(_, s)| s).collect();
            assert_eq!(app.objects(package).await.len(), 1);
            assert!(
                states.contains(&"stored".to_owned()) && states.contains(&"deleted".to_owned())
            );
        }
    })
    .await;
}

#[tokio::test]
async fn an_upload_that_ends_after_finalizing_began_is_refused_and_leaves_nothing() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        producer.stores(package, "in-time", b"x").await;
        let (sender, body) = by_hand();
        let slow = producer.put_request(package, "late", body);
        let (slow, ()) = futures::join!(producer.send(slow), async {
            sender.send(Ok(Bytes::from("late"))).await.unwrap();
            sender.send(Ok(Bytes::new())).await.unwrap();
            producer.finalizes(package).await;
            drop(sender);
        });
        assert_eq!((slow.status, slow.problem().as_str()), (StatusCode::CONFLICT, "wrong-state"));
        app.work_all().await;
        assert_eq!(producer.package(package).await["status"], "finalized");
        assert_eq!(producer.package(package).await["files_count"], 1);
        assert_eq!(app.objects(package).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_form_brings_several_files() {
    on_both(|app| async move {
    let producer = app.as_(Role::Producer);
    let package = producer.new_package().await;
    let form = "--b\r\ncontent-disposition: form-data; name=\"reports/a\"; filename=\"x\"\r\n\r\none\r\n\
                --b\r\ncontent-disposition: form-data; name=\"c\"\r\ncontent-type: text/html\r\n\r\ntwo\r\n--b--\r\n";
    let send = || async {
        let request = producer
            .request(Method::POST, &format!("/packages/{package}/files"))
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=b")
            .body(Body::from(form))
            .unwrap();
        producer.send(request).await
    };
    let stored = send().await;
    assert_eq!(stored.status, StatusCode::CREATED, "{stored:?}");
    let paths: Vec<_> =
        stored.field("files").as_array().unwrap().iter().map(|file| file["path"].clone()).collect();
    assert_eq!(paths, ["reports/a", "c"]);
    assert_eq!(send().await.status, StatusCode::OK, "the very same again");
    let none = producer.post(&format!("/packages/{package}/files"), Value::Null).await;
    assert_eq!(
        (none.status, none.problem().as_str()),
        (StatusCode::BAD_REQUEST, "invalid-request")
    );
    }).await;
}

#[tokio::test]
async fn files_are_listed_page_by_page_in_the_order_of_their_paths() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let paths = ["b", "A", "a/z", "\u{e9}", "a-b"];
        for path in paths {
            producer.stores(package, &layout::encode_segment(path).replace("%2F", "/"), b"x").await;
        }
        let (mut listed, mut query) = (Vec::new(), String::new());
        loop {
            let page = producer
                .get(&format!("/packages/{package}/files?stored=true&limit=2{query}"))
                .await
                .json();
            listed.extend(
                page["files"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|file| file["path"].as_str().unwrap().to_owned()),
            );
            let Some(next) = page["next"].as_str() else { break };
            query = format!("&cursor={next}");
        }
        let mut sorted = paths.map(str::to_owned);
        sorted.sort();
        assert_eq!(listed, sorted);
    })
    .await;
}

#[tokio::test]
async fn an_upload_whose_process_is_gone_is_given_up_after_days() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let (sender, body) = by_hand();
        let cut_off = producer.send(producer.put_request(package, "a", body));
        sender.send(Ok(Bytes::from("some"))).await.unwrap();
        let cut_off = tokio::time::timeout(Duration::from_millis(500), cut_off).await;
        assert!(cut_off.is_err(), "{cut_off:?}");
        assert_eq!(producer.files(package).await, [("a".to_owned(), "receiving".to_owned())]);
        assert_eq!(app.registry.give_up_old_uploads().await.unwrap(), 0);
        app.clock.advance(SignedDuration::from_hours(49));
        assert_eq!(app.registry.give_up_old_uploads().await.unwrap(), 1);
        app.work_all().await;
        assert_eq!(producer.files(package).await, [("a".to_owned(), "deleted".to_owned())]);
    })
    .await;
}
