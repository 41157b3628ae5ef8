//! JSON that is huge, deep, doubled, or not text: refused alike by both engines, before anything is kept.

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use serde_json::json;
use strongroom_registry::auth::Role;

use super::assert_documented;
use crate::app::{Answer, TestApp, on_both};

async fn posted(app: &TestApp, path: &str, body: Vec<u8>) -> Answer {
    let admin = app.as_(Role::Admin);
    let request = admin
        .request(Method::POST, path)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body));
    admin.send(request.unwrap()).await
}

#[tokio::test]
async fn no_json_makes_a_failure_of_ours() {
    on_both(|app| async move {
        let deep = |open: &str, close: &str, levels: usize| {
            format!("{{\"metadata\":{{\"a\":{}1{}}}}}", open.repeat(levels), close.repeat(levels))
        };
        let wide = format!(
            "{{\"metadata\":{{{}\"z\":1}}}}",
            (0..50_000).map(|n| format!("\"k{n}\":1,")).collect::<String>()
        );
        let bodies: Vec<Vec<u8>> = [
            "",
            " ",
            "null",
            "true",
            "1",
            "\"x\"",
            "[]",
            "[{}]",
            "{",
            "{}x",
            "{}{}",
            "\u{feff}{}",
            "{\"name\":1}",
            "{\"name\":\"a\",\"name\":\"b\"}",
            "{\"metadata\":{\"a\":1,\"a\":2}}",
            "{\"metadata\":{\"a\":{\"b\":1,\"\\u0062\":2}}}",
            "{\"name\":\"\\u0000\"}",
            "{\"subject\":\"a\\u0000b\"}",
            "{\"metadata\":{\"\\u0000\":1}}",
            "{\"metadata\":{\"a\":\"\\u0000\"}}",
            "{\"name\":\"\\ud800\"}",
            "{\"metadata\":{\"a\":\"\\udfff\"}}",
            "{\"metadata\":{\"a\":1e999}}",
            "{\"metadata\":{\"a\":99999999999999999999}}",
            "{\"metadata\":{\"a\":-99999999999999999999}}",
            "{\"metadata\":{\"a\":NaN}}",
            "{\"metadata\":[]}",
            "{\"retention\":{\"class\":\"forever\"}}",
            "{\"retention\":{\"class\":\"transient\",\"days\":4294967296}}",
            "{\"retention\":{\"class\":\"transient\",\"days\":-1}}",
            "{\"retention\":[]}",
            "{\"producer\":[]}",
            "{\"created_at\":\"9999-12-31T23:59:59Z\"}",
            "{\"created_at\":\"-009999-01-01T00:00:00Z\"}",
            "{\"created_at\":0}",
            "{\"__proto__\":{}}",
        ]
        .into_iter()
        .map(|text| text.as_bytes().to_vec())
        .chain([
            b"{\"name\":\"\xff\xfe\"}".to_vec(),
            b"{\"name\":\"\xed\xa0\x80\"}".to_vec(),
            b"\xff\xfe{\x00}\x00".to_vec(),
            deep("[", "]", 60_000).into_bytes(),
            deep("{\"a\":", "}", 60_000).into_bytes(),
            deep("[", "]", 70).into_bytes(),
            wide.into_bytes(),
            format!("{{\"name\":\"{}\"}}", "x".repeat(2 << 20)).into_bytes(),
            format!("{{\"metadata\":{{\"a\":\"{}\"}}}}", "x".repeat(900_000)).into_bytes(),
            format!("{{\"metadata\":{{\"{}\":1}}}}", "x".repeat(900_000)).into_bytes(),
        ])
        .collect();
        for body in bodies {
            let what = String::from_utf8_lossy(&body[..body.len().min(120)]).into_owned();
            let answer = posted(&app, "/packages", body).await;
            assert_documented(&answer, &what);
            if answer.status != StatusCode::CREATED {
                let documented = [400, 413, 422].contains(&answer.status.as_u16());
                assert!(documented, "{what}: {answer:?}");
            }
        }
        let listed = app.as_(Role::Auditor).get("/packages").await;
        assert_eq!(listed.status, StatusCode::OK, "whatever was kept can be read: {listed:?}");
    })
    .await;
}

#[tokio::test]
async fn texts_that_some_database_chokes_on_are_refused_in_each_request_that_takes_one() {
    on_both(|app| async move {
        let package = app.as_(Role::Admin).new_package().await;
        let holds = format!("/packages/{package}/retention/holds");
        let placed =
            app.as_(Role::RecordsManager).post(&holds, json!({ "reason": "matter" })).await;
        let hold = placed.field("hold_id").as_str().unwrap().to_owned();
        for text in ["\0", "a\0b", "", " ", "\u{1b}[2J", &"x".repeat(5_000)] {
            for (path, body) in [
                (holds.clone(), json!({ "reason": text })),
                (format!("{holds}/{hold}/release"), json!({ "reason": text })),
                (
                    format!("/packages/{package}/retention/extensions"),
                    json!({ "days": 9_000, "reason": text }),
                ),
                (format!("/packages/{package}/deletion"), json!({ "reason": text })),
                ("/tokens".to_owned(), json!({ "name": text, "role": "auditor" })),
                ("/tokens".to_owned(), json!({ "name": "x", "role": "auditor", "producer": text })),
                ("/packages".to_owned(), json!({ "name": text })),
                ("/packages".to_owned(), json!({ "producer": { "name": text } })),
            ] {
                let answer = app.as_(Role::Admin).post(&path, body).await;
                assert_documented(&answer, &format!("{path} {text:?}"));
                let is_never_taken = text.is_empty() || text.contains('\0') || text.len() > 4_096;
                if is_never_taken {
                    assert!(answer.status.is_client_error(), "{path} {text:?}: {answer:?}");
                }
            }
        }
        for producer in ["%00", "%20", &"x".repeat(5_000)] {
            let answer =
                app.as_(Role::Admin).put(&format!("/metadata-schemas/{producer}"), json!({})).await;
            assert_documented(&answer, producer);
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{producer}: {answer:?}");
        }
    })
    .await;
}
