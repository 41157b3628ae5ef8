//! Clients that mean no good, and broken ones: each gets an answer that is written down, learns nothing, and leaves
//! nothing behind.

mod heads;
mod json;
mod lengths;
mod names;
mod senders;
mod sockets;
mod texts;
mod tokens;
mod uploads;

use axum::http::StatusCode;

use crate::app::Answer;

/// What only the inside of the registry says.
const INSIDE: [&str; 12] = [
    "sqlx",
    "sqlite",
    "postgres",
    "select ",
    "insert ",
    "artifact_",
    "panicked",
    ".rs:",
    "/tmp/",
    "fts5",
    "tsquery",
    "serde",
];

/// Checks that an answer is one that is written down, and tells nothing of the inside.
pub fn assert_documented(answer: &Answer, what: &str) {
    assert!(answer.status.as_u16() < 500, "{what}: {answer:?}");
    let shown = String::from_utf8_lossy(&answer.body).to_lowercase();
    for word in INSIDE {
        assert!(!shown.contains(word), "{what}: {word}: {shown}");
    }
    assert!(answer.headers.contains_key("x-request-id"), "{what}");
    if answer.status.is_client_error() && answer.status != StatusCode::METHOD_NOT_ALLOWED {
        assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
        assert!(!answer.problem().is_empty(), "{what}");
    }
}
