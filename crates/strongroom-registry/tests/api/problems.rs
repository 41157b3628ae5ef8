//! Every failure is a problem document, in our own words.

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use serde_json::json;
use strongroom_registry::api::problem::Cause;
use strongroom_registry::api::router::router;
use strongroom_registry::auth::Role;
use tower::ServiceExt as _;

use crate::app::on_both;

#[tokio::test]
async fn whoever_bears_no_good_token_is_nobody() {
    on_both(|app| async move {
        let admin = app.as_(Role::Admin);
        let made = admin.post("/tokens", json!({ "name": "gone", "role": "admin" })).await;
        let revoked = app.with_token(made.field("secret").as_str().unwrap());
        let path = format!("/tokens/{}", made.field("token_id").as_str().unwrap());
        assert_eq!(admin.delete(&path).await.status, StatusCode::NO_CONTENT);
        let never_made = format!("srt_aaaaaaaaaa_{}", "0".repeat(64));
        let strangers =
            [app.stranger(), app.with_token("hello"), app.with_token(&never_made), revoked];
        for stranger in strangers {
            let answer = stranger.get("/packages").await;
            assert_eq!(
                (answer.status, answer.problem().as_str()),
                (StatusCode::UNAUTHORIZED, "unauthenticated")
            );
            assert!(answer.header("www-authenticate").starts_with("Bearer"));
        }
    })
    .await;
}

#[tokio::test]
async fn an_expired_token_is_good_for_nothing() {
    on_both(|app| async move {
        let ask = json!({ "name": "short", "role": "producer", "days": 1 });
        let made = app.as_(Role::Admin).post("/tokens", ask).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        let bearer = app.with_token(made.field("secret").as_str().unwrap());
        assert_eq!(bearer.get("/packages").await.status, StatusCode::OK);
        app.clock.advance(jiff::SignedDuration::from_hours(24));
        assert_eq!(bearer.get("/packages").await.status, StatusCode::UNAUTHORIZED);
    })
    .await;
}

#[tokio::test]
async fn bodies_that_are_no_json_of_ours_are_told_apart_and_not_repeated() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let deep = format!("{{\"metadata\":{}{}}}", "{\"a\":".repeat(200), "}".repeat(200));
        let large = format!("{{\"name\":\"{}\"}}", "x".repeat(2 << 20));
        for (body, status) in [
            ("{", StatusCode::BAD_REQUEST),
            ("[]", StatusCode::BAD_REQUEST),
            ("{\"name\":\"a\",\"name\":\"b\"}", StatusCode::BAD_REQUEST),
            ("{\"nmae\":\"EVIL\"}", StatusCode::BAD_REQUEST),
            (&deep, StatusCode::BAD_REQUEST),
            (&large, StatusCode::PAYLOAD_TOO_LARGE),
        ] {
            let request = producer
                .request(Method::POST, "/packages")
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(body.to_owned()));
            let answer = producer.send(request.unwrap()).await;
            assert_eq!(answer.status, status, "{answer:?}");
            assert_eq!(answer.header("content-type"), "application/problem+json");
            assert!(!String::from_utf8_lossy(&answer.body).contains("EVIL"), "{answer:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn every_answer_has_an_id_and_a_harmless_one_of_the_clients_is_kept() {
    on_both(|app| async move {
        let auditor = app.as_(Role::Auditor);
        for (given, kept) in [("abc-123", true), ("a b", false), ("\u{e9}", false)] {
            let request = auditor
                .request(Method::GET, "/packages")
                .header(
                    "x-request-id",
                    axum::http::HeaderValue::from_bytes(given.as_bytes()).unwrap(),
                )
                .body(Body::empty());
            let answer = auditor.send(request.unwrap()).await;
            assert_eq!(answer.header("x-request-id") == given, kept, "{given}");
        }
        let nowhere = auditor.get("/nowhere").await;
        assert_eq!(
            (nowhere.status, nowhere.problem().as_str()),
            (StatusCode::NOT_FOUND, "not-found")
        );
        assert!(!nowhere.header("x-request-id").is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_method_that_a_path_does_not_take_is_told_with_those_that_it_takes() {
    on_both(|app| async move {
        let answer = app.as_(Role::Admin).delete("/packages").await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed")
        );
        assert!(answer.header("allow").contains("POST"), "{answer:?}");
    })
    .await;
}

#[tokio::test]
async fn what_was_sent_is_not_in_the_log_either() {
    on_both(|app| async move {
        let admin = app.as_(Role::Admin);
        let package = admin.new_package().await;
        let files = format!("/packages/{package}/files");
        let form = "multipart/form-data; boundary=b";
        let json = "application/json";
        let sent = [
            (Method::POST, "/packages", json, r#"{"name":"a","retention":"SECRET"}"#),
            (Method::POST, "/packages", json, r#"{"name":"a","SECRET":1}"#),
            (Method::POST, "/packages", json, r#"{"name":"SECRET""#),
            (Method::GET, "/packages?SECRET=1", json, ""),
            (Method::GET, "/packages?limit=SECRET", json, ""),
            (Method::PUT, "/metadata-schemas/a", json, r#"{"type":"SECRET"}"#),
            (Method::PUT, "/metadata-schemas/a", json, r##"{"$ref":"https://SECRET/#"}"##),
            (Method::POST, &files, form, "--b\r\nSE CRET: \u{1}\r\n\r\nx\r\n--b--\r\n"),
            (Method::POST, &files, form, "--b\r\nx: SECRET\u{1}\r\n\r\nx\r\n--b--\r\n"),
        ];
        for (method, path, kind, body) in sent {
            let request = admin.request(method, path).header(header::CONTENT_TYPE, kind);
            let request = request.body(Body::from(body.to_owned())).unwrap();
            let answer = router(&app.registry).oneshot(request).await.unwrap();
            assert!(answer.status().is_client_error(), "{path} {body}: {answer:?}");
            // The line of the log has this, and nothing else of the request but its declared route.
            let cause = answer.extensions().get::<Cause>().map_or("", |Cause(cause)| cause);
            for secret in ["SECRET", "SE CRET"] {
                assert!(!cause.contains(secret), "{path} {body}: {cause}");
            }
        }
    })
    .await;
}
