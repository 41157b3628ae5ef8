//! Names of files that climb, hide, collide or break lines.

use axum::http::StatusCode;
use strongroom_core::layout::encode_segment;
use strongroom_registry::auth::Role;

use super::assert_documented;
use crate::app::on_both;

/// Percent-encoded whole, its slashes too, as generated clients send it.
fn whole(name: &str) -> String {
    encode_segment(name)
}

#[tokio::test]
async fn a_name_that_could_be_a_place_elsewhere_is_refused() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let long = "x".repeat(10_000);
        for name in [
            "..",
            ".",
            "../x",
            "a/../b",
            "a/..",
            "./a",
            "a/./b",
            "/etc/passwd",
            "//a",
            "a//b",
            "a/",
            "a\0b",
            &long,
            "\0",
        ] {
            let refused = producer.put_file(package, &whole(name), b"x").await;
            assert_documented(&refused, name);
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{name}: {refused:?}");
        }
        for path in ["%ff", "%c0%ae%c0%ae/x", "%ed%a0%80"] {
            let refused = producer.put_file(package, path, b"x").await;
            assert_documented(&refused, path);
            assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{path}: {refused:?}");
        }
        let twice = producer.put_file(package, "%252e%252e%252fx", b"x").await;
        assert_eq!(twice.field("path"), "%2e%2e%2fx", "decoded once, and only once");
        let objects = app.objects(package).await;
        assert_eq!(objects.len(), 1, "{objects:?}");
        assert!(
            objects.iter().all(|key| !key.contains("..") && !key.contains("passwd")),
            "{objects:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn slashes_of_a_path_may_be_encoded_and_name_the_same_file() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let file = producer.stores(package, "a/b%20c/d.txt", b"x").await;
        for path in ["a%2Fb%20c%2Fd.txt", "a%2fb%20c/d%2etxt"] {
            let again = producer.put_file(package, path, b"x").await;
            assert_eq!(
                (again.status, again.field("file_id")),
                (StatusCode::OK, file.to_string().into())
            );
        }
    })
    .await;
}

#[tokio::test]
async fn names_that_only_look_alike_are_told_apart_and_those_that_are_the_same_are_one() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let names = [
            "Report.txt",
            "report.txt",
            "REPORT.TXT",
            "report.txt.",
            "report.txt ",
            " report.txt",
            "report.txt::$DATA",
            "CON",
            "nul.txt",
            "aux",
            "\\windows\\x",
            "a\\..\\b",
            "C:x",
            "~",
            "-rf",
            ".htaccess",
            "\u{202e}txt.exe",
            "p\u{430}ypal",
            "a\nb",
            "a\r\nx: y",
            "\"quoted\"",
            "%",
            "%2e",
            "\u{1f600}",
            "a;b",
            "a'b",
            "`id`",
            "$(id)",
        ];
        for name in names {
            let stored = producer.put_file(package, &whole(name), name.as_bytes()).await;
            assert_documented(&stored, name);
            assert_eq!(stored.status, StatusCode::CREATED, "{name:?}: {stored:?}");
            assert_eq!(stored.field("path"), name);
        }
        let composed = producer.put_file(package, &whole("caf\u{e9}"), b"one").await;
        assert_eq!(composed.status, StatusCode::CREATED, "{composed:?}");
        let twin = producer.put_file(package, &whole("cafe\u{301}"), b"two").await;
        assert_eq!((twin.status, twin.problem().as_str()), (StatusCode::CONFLICT, "conflict"));
        let objects = app.objects(package).await;
        assert_eq!(objects.len(), names.len() + 1, "each an object of its own: {objects:?}");
    })
    .await;
}

#[tokio::test]
async fn a_name_in_a_download_is_one_field_that_nobody_takes_for_two() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        for name in [
            "a\r\nset-cookie: x=y",
            "a\"; filename=\"b.exe",
            "caf\u{e9} \u{1f600}.txt",
            "a\u{7f}\u{85}\u{2028}b",
            "semi;colon='",
        ] {
            let file = producer.stores(package, &whole(name), b"x").await;
            let sent = producer.get(&format!("/files/{file}/download")).await;
            let told = sent.header("content-disposition");
            assert_eq!(told, format!("attachment; filename*=UTF-8''{}", whole(name)), "{name:?}");
            assert!(told.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '), "{told}");
            assert!(!sent.headers.contains_key("set-cookie"), "{sent:?}");
            assert_eq!(sent.header("content-type"), "application/octet-stream");
            assert_eq!(sent.header("x-content-type-options"), "nosniff");
        }
        for media_type in ["text/html", "text/html; charset=\"x\""] {
            let request = producer
                .request(
                    axum::http::Method::PUT,
                    &format!("/packages/{package}/files/{}", whole(media_type)),
                )
                .header("x-strongroom-media-type", media_type)
                .body("<script>".into());
            let stored = producer.send(request.unwrap()).await;
            let place = format!("/files/{}/download", stored.field("file_id").as_str().unwrap());
            let sent = producer.get(&place).await;
            assert_eq!(
                sent.header("content-type"),
                "application/octet-stream",
                "no browser renders it"
            );
            assert_eq!(sent.header("x-strongroom-media-type"), media_type);
        }
    })
    .await;
}
