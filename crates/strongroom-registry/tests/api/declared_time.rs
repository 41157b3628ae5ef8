//! The time that a producer declares is part of the identity: it comes back as it was, or is refused.

use axum::http::StatusCode;
use serde_json::json;
use strongroom_registry::auth::Role;

use crate::app::on_both;

#[tokio::test]
async fn a_time_that_would_not_come_back_as_it_was_is_refused() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let ask = |time: &str| json!({ "name": "nightly", "created_at": time });
        for time in ["2026-11-21T12:00:00.1234567Z", "2026-11-21T12:00:00.000000001Z"] {
            let refused = producer.post("/packages", ask(time)).await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{refused:?}");
            assert_eq!(refused.problem(), "unprocessable");
            assert!(refused.field("guidance").as_str().unwrap().contains("six digits"));
        }
        let kept = "2026-11-21T12:00:00.123456Z";
        let made = producer.post("/packages", ask(kept)).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        let id = made.field("package_id").as_str().unwrap().to_owned();
        let read = producer.get(&format!("/packages/{id}")).await;
        assert_eq!(read.field("declared_created_at"), kept);
    })
    .await;
}
