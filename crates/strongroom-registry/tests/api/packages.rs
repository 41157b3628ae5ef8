//! Packages: made, found, read.

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use serde_json::json;
use strongroom_registry::auth::Role;

use crate::app::on_both;

#[tokio::test]
async fn a_package_is_made_and_read_back() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let ask = json!({
            "producer": { "name": "ci", "version": "2.1" },
            "subject": "shop/cart",
            "run_id": "run-7",
            "retention": { "class": "release-evidence" },
            "metadata": { "repo_slug": "shop/cart", "attempt": 3 },
        });
        let made = producer.post("/packages", ask).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        let id = made.field("package_id").as_str().unwrap().to_owned();
        assert_eq!(made.header("location"), format!("/api/v1/packages/{id}"));
        assert_eq!(made.header("etag"), "\"1\"");
        let read = producer.get(&format!("/packages/{id}")).await;
        assert_eq!(read.json(), made.json());
        assert_eq!(read.field("status"), "open");
        assert_eq!(read.field("name"), "shop/cart");
        assert_eq!(read.field("metadata")["attempt"], 3);
        assert!(read.field("expires_at").is_string());
    })
    .await;
}

#[tokio::test]
async fn the_decision_is_in_the_bucket_before_the_answer() {
    on_both(|app| async move {
        let id = app.as_(Role::Producer).new_package().await;
        let request = strongroom_storage::ListRequest {
            prefix: strongroom_core::layout::package_records_of(id),
            ..Default::default()
        };
        let records = app.store.list(&request).await.unwrap().objects;
        assert_eq!(records.len(), 1);
        let key = strongroom_storage::ObjectKey::new(records[0].key.clone()).unwrap();
        let bytes = app.store.read(&key, None, None).await.unwrap().collect(1 << 20).await.unwrap();
        let record = strongroom_core::package::record::read(&bytes).unwrap();
        assert_eq!(record.package_id, id);
        let events = app.as_(Role::Auditor).get(&format!("/packages/{id}/audit-events")).await;
        let event = events.json()["events"][0].clone();
        assert_eq!(event["type"], "package_created");
        let digest = strongroom_core::Sha256Digest::of(&bytes);
        assert_eq!(event["record_sha256"], digest.to_string());
    })
    .await;
}

#[tokio::test]
async fn the_same_request_under_the_same_key_makes_one_package() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let send = |key: &'static str, body: serde_json::Value| {
            let request = producer
                .request(Method::POST, "/packages")
                .header(header::CONTENT_TYPE, "application/json")
                .header("idempotency-key", key)
                .body(axum::body::Body::from(body.to_string()))
                .unwrap();
            let producer = producer.clone();
            async move { producer.send(request).await }
        };
        let first = send("one", json!({ "name": "a" })).await;
        let again = send("one", json!({ "name": "a" })).await;
        assert_eq!(again.status, StatusCode::CREATED);
        assert_eq!(again.field("package_id"), first.field("package_id"));
        let other = send("two", json!({ "name": "a" })).await;
        assert_ne!(other.field("package_id"), first.field("package_id"));
        let reused = send("one", json!({ "name": "b" })).await;
        assert_eq!(
            (reused.status, reused.problem().as_str()),
            (StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused")
        );
        let at_once =
            futures::future::join_all((0..8).map(|_| send("three", json!({ "name": "c" })))).await;
        let ids: std::collections::BTreeSet<_> =
            at_once.iter().map(|answer| answer.field("package_id").to_string()).collect();
        assert_eq!(ids.len(), 1, "{at_once:?}");
    })
    .await;
}

#[tokio::test]
async fn a_secret_in_what_is_declared_is_refused_and_not_repeated() {
    on_both(|app| async move {
        let secret = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
        let ask = json!({ "name": "a", "metadata": { "note": format!("use {secret}") } });
        let refused = app.as_(Role::Producer).post("/packages", ask).await;
        assert_eq!(
            (refused.status, refused.problem().as_str()),
            (StatusCode::UNPROCESSABLE_ENTITY, "policy-not-met")
        );
        let told = String::from_utf8(refused.body.to_vec()).unwrap();
        assert!(told.contains("/metadata/note") && !told.contains(&secret), "{told}");
    })
    .await;
}

#[tokio::test]
async fn packages_are_found_by_what_they_declare_newest_first() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        for number in 0..5 {
            let ask = json!({
                "name": format!("package {number}"),
                "producer": { "name": if number % 2 == 0 { "even" } else { "odd" } },
                "metadata": { "stage": format!("s{number}"), "half": number / 3, "odd": number % 2 == 1 },
            });
            assert_eq!(producer.post("/packages", ask).await.status, StatusCode::CREATED);
            app.clock.advance(jiff::SignedDuration::from_secs(1));
        }
        let names = |answer: &crate::app::Answer| -> Vec<String> {
            let packages = answer.field("packages");
            let packages = packages.as_array().unwrap_or_else(|| panic!("{answer:?}"));
            packages.iter().map(|package| package["name"].as_str().unwrap().to_owned()).collect()
        };
        let all = producer.get("/packages").await;
        assert_eq!(names(&all), ["package 4", "package 3", "package 2", "package 1", "package 0"]);
        let even = producer.get("/packages?producer=even").await;
        assert_eq!(names(&even), ["package 4", "package 2", "package 0"]);
        let staged = producer.get("/packages?metadata=stage%3Ds3").await;
        assert_eq!(names(&staged), ["package 3"]);
        let both = producer.get("/packages?metadata=half%3D0&metadata=odd%3Dfalse&limit=9").await;
        assert_eq!(names(&both), ["package 2", "package 0"]);
        let three = "/packages?metadata=half%3D1&metadata=odd%3Dfalse&metadata=stage%3Ds4";
        assert_eq!(names(&producer.get(three).await), ["package 4"]);
        let too_many = producer.get(&format!("{three}&metadata=a%3Db")).await;
        assert_eq!(too_many.problem(), "invalid-request");
        assert!(too_many.field("detail").as_str().unwrap().contains("METADATA_FILTERS_MAX"));
        for wrong in ["metadata=stage", "metadata=", "metadata=a%3Db&metadatum=1", "text=a&text=b"] {
            let refused = producer.get(&format!("/packages?{wrong}")).await;
            assert_eq!(refused.problem(), "invalid-request", "{wrong}");
        }
        let worded = producer.get("/packages?text=package%202").await;
        assert_eq!(names(&worded), ["package 2"]);
        let mut paged = Vec::new();
        let mut path = "/packages?limit=2".to_owned();
        loop {
            let page = producer.get(&path).await;
            paged.extend(names(&page));
            let Some(next) = page.json()["next"].as_str().map(str::to_owned) else { break };
            path = format!("/packages?limit=2&cursor={next}");
        }
        assert_eq!(paged, names(&all));
    })
    .await;
}

#[tokio::test]
async fn a_producer_sees_its_own_packages_only_and_cannot_tell_others_from_none() {
    on_both(|app| async move {
        let (one, other) = (app.as_(Role::Producer), app.another(Role::Producer).await);
        let id = one.new_package().await;
        let theirs = other.get(&format!("/packages/{id}")).await;
        let nobodys = other.get(&format!("/packages/{}", uuid::Uuid::nil())).await;
        assert_eq!((theirs.status, &theirs.body), (StatusCode::NOT_FOUND, &nobodys.body));
        assert_eq!(other.get("/packages").await.json()["packages"], json!([]));
        let auditor = app.as_(Role::Auditor).get("/packages").await;
        assert_eq!(auditor.json()["packages"].as_array().unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn metadata_is_held_against_its_producers_schema() {
    on_both(|app| async move {
        let manager = app.as_(Role::RecordsManager);
        let schema = json!({ "type": "object", "required": ["ticket"], "properties": { "ticket": { "type": "integer" } } });
        assert_eq!(manager.put("/metadata-schemas/ci", schema).await.status, StatusCode::OK);
        let producer = app.as_(Role::Producer);
        let ask = |metadata| json!({ "name": "a", "producer": { "name": "ci" }, "metadata": metadata });
        let good = producer.post("/packages", ask(json!({ "ticket": 7 }))).await;
        assert_eq!(good.status, StatusCode::CREATED, "{good:?}");
        let bad = producer.post("/packages", ask(json!({ "ticket": "PRIVATE" }))).await;
        assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(!String::from_utf8(bad.body.to_vec()).unwrap().contains("PRIVATE"));
        let outside = json!({ "$ref": "https://example.org/schema.json" });
        let refused = manager.put("/metadata-schemas/ci", outside).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{refused:?}");
    })
    .await;
}

#[tokio::test]
async fn abandoning_and_finalizing_keep_to_if_match_and_to_their_key() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        for what in ["finalize", "abandon"] {
            let package = producer.new_package().await;
            producer.stores(package, "a", b"a").await;
            let path = format!("/packages/{package}/{what}");
            let asked = |version: &'static str, key: &'static str| {
                let request = producer.request(Method::POST, &path).header("if-match", version);
                producer.send(request.header("idempotency-key", key).body(Body::empty()).unwrap())
            };
            let refused = asked("\"999\"", "stale").await;
            assert_eq!(refused.status, StatusCode::PRECONDITION_FAILED, "{what}: {refused:?}");
            assert_eq!(producer.package(package).await["status"], "open");
            let first = asked("\"1\"", what).await;
            assert!(first.status.is_success(), "{what}: {first:?}");
            let again = asked("\"1\"", what).await;
            assert_eq!((again.status, again.json()), (first.status, first.json()), "{what}");
        }
    })
    .await;
}
