//! Tokens that are wrong in one way or another: nobody can tell in which.

use axum::body::Body;
use axum::http::{HeaderValue, Method, StatusCode, header};
use serde_json::json;
use strongroom_registry::auth::Role;

use super::assert_documented;
use crate::app::{TestApp, on_both};

#[tokio::test]
async fn whatever_is_wrong_with_a_token_the_answer_is_the_same() {
    on_both(|app| async move {
        let admin = app.as_(Role::Admin);
        let made = |name: &'static str| {
            admin.post("/tokens", json!({ "name": name, "role": "admin", "days": 1 }))
        };
        let (expired, revoked) = (made("expired").await, made("revoked").await);
        let path = format!("/tokens/{}", revoked.field("token_id").as_str().unwrap());
        assert_eq!(admin.delete(&path).await.status, StatusCode::NO_CONTENT);
        app.clock.advance(jiff::SignedDuration::from_hours(25));
        let good = app.token(Role::Admin);
        let (expired, revoked) = (expired.field("secret"), revoked.field("secret"));
        let bad = [
            format!("Bearer {}", expired.as_str().unwrap()),
            format!("Bearer {}", revoked.as_str().unwrap()),
            format!("Bearer {}", &good[..good.len() - 1]),
            format!("bearer {good}0"),
            format!("Bearer {good} {good}"),
            format!("Bearer {good},"),
            format!("Bearer {}", good.to_uppercase()),
            format!("Bearer srt_{}_{}", "a".repeat(10), "0".repeat(64)),
            format!("Bearer {}", "x".repeat(60_000)),
            "Bearer ' OR 1=1 --".to_owned(),
        ];
        same_for_all(&app, &bad.each_ref().map(|value| vec![value.as_str()])).await;
        // And whatever is no token at all.
        let (basic, other, glued) =
            (format!("Basic {good}"), format!("Token {good}"), format!("Bearer{good}"));
        let twice = format!("Bearer {good}");
        let none = [
            vec![],
            vec![""],
            vec!["Bearer"],
            vec![basic.as_str()],
            vec![other.as_str()],
            vec![glued.as_str()],
            vec![good.as_str()],
            vec!["Bearer \u{e9}"],
            vec![twice.as_str(), twice.as_str()],
        ];
        same_for_all(&app, &none).await;
    })
    .await;
}

/// The same answer to each, byte for byte.
async fn same_for_all(app: &TestApp, all: &[Vec<&str>]) {
    let first = sent(app, &all[0]).await;
    for values in all {
        let answer = sent(app, values).await;
        assert_documented(&answer, &format!("{values:?}"));
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{values:?}: {answer:?}");
        assert_eq!(answer.body, first.body, "{values:?}");
        assert_eq!(
            answer.header("www-authenticate"),
            first.header("www-authenticate"),
            "{values:?}"
        );
    }
}

async fn sent(app: &TestApp, values: &[&str]) -> crate::app::Answer {
    let stranger = app.stranger();
    let mut request = stranger.request(Method::GET, "/packages");
    for value in values {
        request = request
            .header(header::AUTHORIZATION, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    stranger.send(request.body(Body::empty()).unwrap()).await
}
