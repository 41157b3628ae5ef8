//! SQL, and the languages of full-text searches, in every text that reaches the database: they find what they say, and
//! nothing else.

use axum::http::StatusCode;
use serde_json::json;
use strongroom_core::layout::encode_segment;
use strongroom_registry::auth::Role;

use super::assert_documented;
use crate::app::on_both;

const TEXTS: [&str; 25] = [
    "'; DROP TABLE artifact_packages; --",
    "' OR '1'='1",
    "\" OR \"\"=\"",
    "1); DELETE FROM tokens; --",
    "%",
    "_",
    "\\",
    "x' UNION SELECT token_sha256 FROM tokens --",
    "a\" OR \"b",
    "NEAR(a b)",
    "name:*",
    "*",
    "^a",
    "a AND NOT b",
    "-a",
    "a & b | !c",
    "a:*",
    "'a' <-> 'b'",
    "((((",
    "$1",
    "?1",
    ":name",
    "{{7*7}}",
    "\u{202e}",
    "a\tb",
];

#[tokio::test]
async fn what_is_searched_for_is_text_and_never_a_command() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let ask = json!({ "name": "quiet", "producer": { "name": "ci" }, "metadata": { "secretly": "here" } });
        let theirs = producer.post("/packages", ask).await.field("package_id");
        let auditor = app.as_(Role::Admin);
        for text in TEXTS {
            let encoded = encode_segment(text);
            for path in [
                format!("/packages?text={encoded}"),
                format!("/packages?producer={encoded}"),
                format!("/packages?subject={encoded}"),
                format!("/packages?run_id={encoded}"),
                format!("/packages?metadata={encoded}%3D{encoded}"),
                format!("/packages?metadata=secretly%3D{encoded}"),
                format!("/packages?class={encoded}"),
                format!("/packages?status={encoded}"),
                format!("/packages?created_from={encoded}"),
                format!("/packages?cursor={encoded}"),
                format!("/packages?{encoded}=x"),
                format!("/jobs?kind={encoded}"),
                format!("/jobs?state={encoded}"),
                format!("/audit-events?type={encoded}"),
                format!("/audit-events?principal_id={encoded}"),
                format!("/packages/{encoded}"),
                format!("/files/{encoded}"),
                format!("/jobs/{encoded}"),
            ] {
                let answer = auditor.get(&path).await;
                assert_documented(&answer, &path);
                let status = answer.status.as_u16();
                assert!([200, 400, 404].contains(&status), "{path}: {answer:?}");
                if status == 200 && path.starts_with("/packages?") {
                    let words = text.chars().any(char::is_alphanumeric);
                    let found = answer.field("packages").as_array().unwrap().len();
                    // A search without any word narrows nothing.
                    assert!(found == 0 || !words && path.contains("text="), "{path}: {answer:?}");
                }
            }
        }
        let there = auditor.get(&format!("/packages/{}", theirs.as_str().unwrap())).await;
        assert_eq!(there.status, StatusCode::OK, "{there:?}");
    })
    .await;
}

#[tokio::test]
async fn what_is_declared_comes_back_as_it_was_and_is_found_by_it() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        for text in TEXTS {
            let ask = json!({ "name": text, "subject": text, "run_id": text, "producer": { "name": text },
                "metadata": { "key": text } });
            let made = producer.post("/packages", ask).await;
            if made.status != StatusCode::CREATED {
                assert_documented(&made, text);
                assert_eq!(made.status, StatusCode::UNPROCESSABLE_ENTITY, "{text}: {made:?}");
                continue;
            }
            for field in ["name", "subject", "run_id"] {
                assert_eq!(made.field(field), text);
            }
            let encoded = encode_segment(text);
            for query in [
                format!("producer={encoded}"),
                format!("subject={encoded}"),
                format!("metadata=key%3D{encoded}"),
            ] {
                let found = producer.get(&format!("/packages?{query}")).await;
                let ids: Vec<_> = found.field("packages").as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
                assert_eq!(ids, [text], "{query}");
            }
        }
    })
    .await;
}
