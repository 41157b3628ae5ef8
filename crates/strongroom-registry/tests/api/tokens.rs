//! Tokens: shown once, listed without their secrets, revoked at once.

use axum::http::StatusCode;
use serde_json::json;
use strongroom_registry::auth::Role;

use crate::app::on_both;

#[tokio::test]
async fn a_token_is_shown_once() {
    on_both(|app| async move {
        let admin = app.as_(Role::Admin);
        let made = admin.post("/tokens", json!({ "name": "ci", "role": "producer" })).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        let secret = made.field("secret").as_str().unwrap().to_owned();
        let bearer = app.with_token(&secret);
        assert_eq!(bearer.get("/packages").await.status, StatusCode::OK);
        let listed = admin.get("/tokens").await;
        let text = String::from_utf8(listed.body.to_vec()).unwrap();
        assert!(!text.contains(&secret) && text.contains(&secret[..14]), "{text}");
        let path = format!("/tokens/{}", made.field("token_id").as_str().unwrap());
        assert_eq!(admin.delete(&path).await.status, StatusCode::NO_CONTENT);
        assert_eq!(bearer.get("/packages").await.status, StatusCode::UNAUTHORIZED);
    })
    .await;
}

#[tokio::test]
async fn only_an_administrator_makes_tokens() {
    on_both(|app| async move {
        for role in Role::ALL {
            let answer =
                app.as_(role).post("/tokens", json!({ "name": "mine", "role": "admin" })).await;
            let expected =
                if role == Role::Admin { StatusCode::CREATED } else { StatusCode::FORBIDDEN };
            assert_eq!(answer.status, expected, "{role}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_token_for_one_producer_is_blind_to_all_others() {
    on_both(|app| async move {
        let ask = json!({ "name": "ci only", "role": "operator", "producer": "ci" });
        let made = app.as_(Role::Admin).post("/tokens", ask).await;
        let narrowed = app.with_token(made.field("secret").as_str().unwrap());
        let package = |producer: &str| json!({ "producer": { "name": producer } });
        let own = narrowed.post("/packages", package("ci")).await;
        assert_eq!(own.status, StatusCode::CREATED, "{own:?}");
        assert_eq!(narrowed.post("/packages", package("lab")).await.status, StatusCode::FORBIDDEN);
        let theirs = app.as_(Role::Operator).post("/packages", package("lab")).await;
        let path = format!("/packages/{}", theirs.field("package_id").as_str().unwrap());
        assert_eq!(narrowed.get(&path).await.status, StatusCode::NOT_FOUND);
        let found = narrowed.get("/packages").await.json();
        assert_eq!(found["packages"].as_array().unwrap().len(), 1, "{found}");
        let others = narrowed.get("/packages?producer=lab").await.json();
        assert_eq!(others["packages"].as_array().unwrap().len(), 1, "the token decides: {others}");
    })
    .await;
}

#[tokio::test]
async fn a_token_for_one_producer_has_no_job_of_another_tried_again() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        producer.stores(package, "a", b"x").await;
        let manifest = strongroom_core::layout::package_manifest(package);
        let key = strongroom_storage::ObjectKey::new(manifest).unwrap();
        let other = bytes::Bytes::from_static(b"{}").into();
        app.store.create(&key, other, &Default::default()).await.unwrap();
        let job = producer.finalizes(package).await;
        app.work_all().await;
        let failed = app.job(job).await;
        assert_eq!(failed["state"], "failed", "{failed}");
        let ask = json!({ "name": "ci only", "role": "operator", "producer": "ci" });
        let made = app.as_(Role::Admin).post("/tokens", ask).await;
        let narrowed = app.with_token(made.field("secret").as_str().unwrap());
        let refused = narrowed.post(&format!("/jobs/{job}/retry"), json!(null)).await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND, "{refused:?}");
        assert_eq!(app.job(job).await, failed, "nobody tries it again");
    })
    .await;
}

#[tokio::test]
async fn a_narrowed_token_of_any_role_reaches_nothing_beyond_its_producer() {
    on_both(|app| async move {
        let admin = app.as_(Role::Admin);
        let schema = json!({ "type": "object" });
        admin.put("/metadata-schemas/lab", schema.clone()).await;
        admin.put("/metadata-schemas/ci", schema.clone()).await;
        for role in Role::ALL {
            let ask = json!({ "name": "ci only", "role": role, "producer": "ci" });
            let made = admin.post("/tokens", ask).await;
            let narrowed = app.with_token(made.field("secret").as_str().unwrap());
            for path in ["/audit-events", "/jobs", "/backends", "/sweeper", "/tokens"] {
                let refused = narrowed.get(path).await;
                assert_eq!(refused.status, StatusCode::FORBIDDEN, "{role} {path}: {refused:?}");
            }
            let wide = narrowed.post("/tokens", json!({ "name": "wide", "role": "admin" })).await;
            assert_eq!(wide.status, StatusCode::FORBIDDEN, "{role}: {wide:?}");
            let set = narrowed.put("/metadata-schemas/lab", schema.clone()).await;
            assert_eq!(set.status, StatusCode::FORBIDDEN, "{role}: {set:?}");
            let confirmed = json!({ "now": app.clock.now() });
            let confirmed = narrowed.post("/sweeper/confirm-clock", confirmed).await;
            assert_eq!(confirmed.status, StatusCode::FORBIDDEN, "{role}: {confirmed:?}");
            let schemas = narrowed.get("/metadata-schemas").await;
            assert_eq!(
                schemas.json()["schemas"].as_array().unwrap().len(),
                1,
                "{role}: {schemas:?}"
            );
            assert_eq!(narrowed.get("/packages").await.status, StatusCode::OK, "{role}");
        }
    })
    .await;
}

#[tokio::test]
async fn tokens_come_in_pages_the_newest_first_and_each_once() {
    on_both(|app| async move {
        let admin = app.as_(Role::Admin);
        let mut made = Vec::new();
        for number in 0..5 {
            let token = json!({ "name": format!("page {number}"), "role": "auditor" });
            made.push(admin.post("/tokens", token).await.field("token_id").clone());
        }
        let mut listed = Vec::new();
        let mut path = "/tokens?limit=2".to_owned();
        loop {
            let page = admin.get(&path).await.json();
            let tokens = page["tokens"].as_array().unwrap();
            assert!((1..=2).contains(&tokens.len()), "{page}");
            listed.extend(tokens.iter().map(|token| token["token_id"].clone()));
            let Some(next) = page["next"].as_str() else { break };
            path = format!("/tokens?limit=2&cursor={next}");
        }
        assert!(made.iter().all(|token| listed.contains(token)), "{listed:?}");
        // Of one millisecond, the greater id counts as the newer.
        assert!(listed.is_sorted_by(|one, next| one.as_str() > next.as_str()), "{listed:?}");
        let refused = admin.get("/tokens?cursor=0").await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{refused:?}");
    })
    .await;
}

#[tokio::test]
async fn schemas_come_in_pages_by_producer_and_are_small() {
    on_both(|app| async move {
        let admin = app.as_(Role::Admin);
        for producer in ["b", "a", "\u{e9}t\u{e9}"] {
            let path = format!("/metadata-schemas/{}", encoded(producer));
            assert_eq!(admin.put(&path, json!({ "type": "object" })).await.status, StatusCode::OK);
        }
        let first = admin.get("/metadata-schemas?limit=2").await.json();
        let next = first["next"].as_str().unwrap();
        let second = admin.get(&format!("/metadata-schemas?limit=2&cursor={next}")).await.json();
        let producers: Vec<_> = [&first, &second]
            .iter()
            .flat_map(|page| page["schemas"].as_array().unwrap())
            .map(|schema| schema["producer"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(producers, ["a", "b", "\u{e9}t\u{e9}"]);
        assert_eq!(second.get("next"), None);
        for wrong in ["", "00", "ff", "6", "xy"] {
            let refused = admin.get(&format!("/metadata-schemas?cursor={wrong}")).await;
            assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{wrong:?}: {refused:?}");
        }
        let large = json!({ "description": "x".repeat(64 << 10) });
        let refused = admin.put("/metadata-schemas/a", large).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{refused:?}");
    })
    .await;
}

fn encoded(name: &str) -> String {
    strongroom_core::layout::encode_segment(name)
}
