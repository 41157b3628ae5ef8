//! Dates that move later, and holds: decided, on record, and brought to every object.

use axum::http::{Method, StatusCode, header};
use serde_json::{Value, json};
use strongroom_core::layout;
use strongroom_core::observed::Observed;
use strongroom_core::package::LockState;
use strongroom_registry::auth::Role;
use strongroom_registry::config::Settings;
use strongroom_storage::ObjectKey;

use crate::app::{Client, on_both_with};
use crate::evidence::{
    finalized, keys, locations, locked, locks, records, row, stepwise, tick, work,
};
use crate::files::bytes_at;
use crate::signing::package_of;

const LATER: &str = "2090-01-01T00:00:00Z";

fn is_held(lock: &strongroom_storage::SeenLock) -> bool {
    lock.legal_hold == Observed::Observed(true)
}

#[tokio::test]
async fn a_later_date_reaches_each_object_and_is_read_back() {
    on_both_with(stepwise, |app| async move {
        let id = locked(&app, "raw-evidence", 3).await;
        let manager = app.as_(Role::RecordsManager);
        let ask = json!({ "expires_at": LATER, "reason": "an inquiry" });
        let made = manager.post(&format!("/packages/{id}/retention/extensions"), ask).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        assert_eq!(made.field("expires_at"), LATER);
        assert!(made.field("job_id").is_string());
        let shown = manager.get(&format!("/packages/{id}")).await;
        assert_eq!(
            (shown.field("expires_at"), shown.field("lock_state")),
            (json!(LATER), json!("applying"))
        );
        work(&app).await;
        let locks = locks(&app, id).await;
        // Three files, manifest.json, package.json, and the records of the creation and the extension.
        assert_eq!(locks.len(), 7);
        for (key, lock) in &locks {
            let retention = lock.certain().retention;
            assert_eq!(retention.unwrap().retain_until.to_string(), LATER, "{key}");
        }
        for location in locations(&app, id).await {
            assert_eq!(location.lock_retain_until.unwrap().to_string(), LATER);
            assert!(location.lock_read_at.is_some());
        }
        assert_eq!(row(&app, id).await.lock_state, LockState::Advisory);
    })
    .await;
}

#[tokio::test]
async fn a_time_reads_the_same_in_the_answer_in_the_record_and_in_the_document() {
    on_both_with(stepwise, |app| async move {
        let producer = app.as_(Role::Producer);
        let id = package_of(&producer, "raw-evidence").await;
        producer.finalizes(id).await;
        work(&app).await;
        let shown = producer.package(id).await;
        let records = records(&app, id).await;
        let created = records.iter().find(|record| record["kind"] == "package_created").unwrap();
        assert_eq!(created["expires_at"], shown["expires_at"]);
        let document = bytes_at(&*app.store, &layout::package_document(id)).await;
        let document: Value = serde_json::from_slice(&document).unwrap();
        assert_eq!(document["retention"]["expires_at"], shown["expires_at"]);
        for time in ["created_at", "finalized_at"] {
            assert!(shown[time].is_string(), "{shown}");
            assert_eq!(document[time], shown[time], "{time}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_date_never_moves_earlier() {
    on_both_with(stepwise, |app| async move {
        let id = locked(&app, "raw-evidence", 1).await;
        let manager = app.as_(Role::RecordsManager);
        let path = format!("/packages/{id}/retention/extensions");
        let before = row(&app, id).await;
        for ask in [
            json!({ "days": 1, "reason": "less" }),
            json!({ "expires_at": before.expires_at, "reason": "the same" }),
            json!({ "expires_at": "2001-01-01T00:00:00Z", "reason": "long ago" }),
            json!({ "days": 36_501, "reason": "too long" }),
            json!({ "days": 400, "reason": " " }),
        ] {
            let refused = manager.post(&path, ask).await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{refused:?}");
        }
        for ask in [
            json!({ "reason": "neither" }),
            json!({ "days": 400, "expires_at": LATER, "reason": "both" }),
        ] {
            assert_eq!(manager.post(&path, ask).await.problem(), "invalid-request");
        }
        assert_eq!(row(&app, id).await, before);
        assert_eq!(records(&app, id).await.len(), 1, "what is refused is not on record");
    })
    .await;
}

#[tokio::test]
async fn a_package_without_a_date_takes_none_and_its_locks_roll() {
    on_both_with(stepwise, |app| async move {
        let id = locked(&app, "permanent-record", 1).await;
        let path = format!("/packages/{id}/retention/extensions");
        let ask = json!({ "days": 400, "reason": "longer" });
        let refused = app.as_(Role::RecordsManager).post(&path, ask).await;
        assert_eq!(refused.problem(), "policy-not-met");
        let until = || async { locations(&app, id).await[0].lock_retain_until.unwrap() };
        let first = until().await;
        // Less than half of it is over.
        app.clock.advance(jiff::SignedDuration::from_hours(24 * 180));
        tick(&app).await;
        work(&app).await;
        assert_eq!(until().await, first);
        app.clock.advance(jiff::SignedDuration::from_hours(24 * 5));
        tick(&app).await;
        work(&app).await;
        let renewed = until().await;
        assert!(renewed > first, "{renewed} {first}");
        for (key, lock) in locks(&app, id).await {
            assert!(lock.certain().retention.unwrap().retain_until > first, "{key}");
        }
    })
    .await;
}

#[tokio::test]
async fn holds_stack_and_one_release_keeps_the_bit() {
    on_both_with(stepwise, |app| async move {
        let id = locked(&app, "raw-evidence", 2).await;
        let manager = app.as_(Role::RecordsManager);
        let path = format!("/packages/{id}/retention/holds");
        let mut holds = Vec::new();
        for matter in ["matter A", "matter B"] {
            let placed = manager.post(&path, json!({ "reason": matter })).await;
            assert_eq!(placed.status, StatusCode::CREATED, "{placed:?}");
            assert_eq!(placed.field("reach"), "applying");
            holds.push(placed.field("hold_id").as_str().unwrap().to_owned());
        }
        work(&app).await;
        assert!(locks(&app, id).await.iter().all(|(_, lock)| is_held(lock)));
        let reaches = || async {
            let page = manager.get(&path).await.json();
            let holds = page["holds"].as_array().unwrap().clone();
            holds.iter().map(|hold| hold["reach"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(reaches().await, ["advisory", "advisory"]);
        let release = |hold: String| {
            let (manager, path) = (manager.clone(), format!("{path}/{hold}/release"));
            async move { manager.post(&path, json!({ "reason": "settled" })).await }
        };
        assert_eq!(release(holds[0].clone()).await.field("reach"), "releasing");
        work(&app).await;
        assert_eq!(reaches().await, ["released", "advisory"]);
        assert!(locks(&app, id).await.iter().all(|(_, lock)| is_held(lock)), "the other one holds");
        assert_eq!(release(holds[0].clone()).await.problem(), "wrong-state");
        release(holds[1].clone()).await;
        work(&app).await;
        assert_eq!(reaches().await, ["released", "released"]);
        assert!(locks(&app, id).await.iter().all(|(_, lock)| !is_held(lock)));
        assert!(locations(&app, id).await.iter().all(|location| !location.lock_hold));
    })
    .await;
}

#[tokio::test]
async fn a_bit_that_somebody_else_set_stays_after_a_release_of_ours() {
    on_both_with(stepwise, |app| async move {
        let id = locked(&app, "raw-evidence", 2).await;
        let theirs = keys(&app, id).await.into_iter().find(|key| key.contains("/files/")).unwrap();
        app.store
            .set_legal_hold(&ObjectKey::new(theirs.clone()).unwrap(), None, true)
            .await
            .unwrap();
        let manager = app.as_(Role::RecordsManager);
        let path = format!("/packages/{id}/retention/holds");
        let hold = manager.post(&path, json!({ "reason": "ours" })).await;
        work(&app).await;
        let hold = hold.field("hold_id").as_str().unwrap().to_owned();
        manager.post(&format!("{path}/{hold}/release"), json!({ "reason": "over" })).await;
        work(&app).await;
        for (key, lock) in locks(&app, id).await.iter().filter(|(key, _)| key.contains("/files/")) {
            assert_eq!(is_held(lock), *key == theirs, "{key}");
        }
        assert_eq!(manager.get(&path).await.json()["holds"][0]["reach"], "released");
    })
    .await;
}

#[tokio::test]
async fn the_same_request_under_the_same_key_extends_and_holds_once() {
    on_both_with(stepwise, |app| async move {
        let (id, other) =
            (finalized(&app, "raw-evidence", 1).await, finalized(&app, "raw-evidence", 1).await);
        let manager = app.as_(Role::RecordsManager);
        let send = |path: String, body: Value| {
            let request = manager
                .request(Method::POST, &path)
                .header(header::CONTENT_TYPE, "application/json")
                .header("idempotency-key", "k-1")
                .body(axum::body::Body::from(body.to_string()))
                .unwrap();
            manager.send(request)
        };
        let ask = json!({ "expires_at": LATER, "reason": "an inquiry" });
        let path = format!("/packages/{id}/retention/extensions");
        let first = send(path.clone(), ask.clone()).await;
        let second = send(path, ask.clone()).await;
        assert_eq!((first.status, first.json()), (second.status, second.json()));
        let elsewhere = send(format!("/packages/{other}/retention/extensions"), ask).await;
        assert_eq!(elsewhere.problem(), "idempotency-key-reused", "the key is the first package's");
        let path = format!("/packages/{id}/retention/holds");
        let first = send(path.clone(), json!({ "reason": "matter" })).await;
        let second = send(path.clone(), json!({ "reason": "matter" })).await;
        assert_eq!((first.status, first.json()), (StatusCode::CREATED, second.json()));
        assert_eq!(manager.get(&path).await.json()["holds"].as_array().unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_change_to_another_version_is_refused() {
    on_both_with(stepwise, |app| async move {
        let id = finalized(&app, "raw-evidence", 1).await;
        let manager = app.as_(Role::RecordsManager);
        let version = row(&app, id).await.version;
        let send = |tag: String| {
            let request = manager
                .request(Method::POST, &format!("/packages/{id}/retention/holds"))
                .header(header::CONTENT_TYPE, "application/json")
                .header(header::IF_MATCH, tag)
                .body(axum::body::Body::from(json!({ "reason": "matter" }).to_string()))
                .unwrap();
            manager.send(request)
        };
        let refused = send(format!("\"{}\"", version - 1)).await;
        assert_eq!(refused.status, StatusCode::PRECONDITION_FAILED);
        let placed = send(format!("\"{version}\"")).await;
        assert_eq!(placed.status, StatusCode::CREATED, "{placed:?}");
    })
    .await;
}

#[tokio::test]
async fn a_release_that_takes_two_takes_two() {
    on_both_with(
        |settings| {
            stepwise(settings);
            settings.dual_control.hold_release = true;
        },
        |app| async move {
            let id = locked(&app, "raw-evidence", 1).await;
            let first = app.as_(Role::RecordsManager);
            let second = app.another(Role::RecordsManager).await;
            let path = format!("/packages/{id}/retention/holds");
            let hold = first.post(&path, json!({ "reason": "matter" })).await;
            let path = format!("{path}/{}/release", hold.field("hold_id").as_str().unwrap());
            let approve = format!("{path}/approve");
            assert_eq!(
                second.post(&approve, json!({})).await.problem(),
                "conflict",
                "nobody asked"
            );
            let asked = first.post(&path, json!({ "reason": "settled" })).await;
            assert_eq!(asked.status, StatusCode::OK, "{asked:?}");
            assert_eq!(asked.field("release_awaits_approval"), true);
            assert!(asked.json().get("released_at").is_none());
            assert_eq!(
                first.post(&approve, json!({})).await.problem(),
                "forbidden",
                "the same person"
            );
            // The request's time is over; it has to be asked for again.
            app.clock.advance(jiff::SignedDuration::from_hours(73));
            assert_eq!(second.post(&approve, json!({})).await.problem(), "conflict");
            first.post(&path, json!({ "reason": "settled" })).await;
            let released = second.post(&approve, json!({})).await;
            assert_eq!(released.status, StatusCode::OK, "{released:?}");
            assert!(released.field("released_at").is_string());
            work(&app).await;
            let records = records(&app, id).await;
            let record = records.iter().find(|record| record["kind"] == "hold_released").unwrap();
            assert_eq!(record["reason"], "settled");
            assert!(record["approved_by"].is_string());
            assert_ne!(record["by"], record["approved_by"]);
        },
    )
    .await;
}

#[tokio::test]
async fn whoever_makes_a_token_is_no_second_person_by_it() {
    let two = |settings: &mut Settings| {
        stepwise(settings);
        settings.dual_control.hold_release = true;
    };
    on_both_with(two, |app| async move {
        let id = locked(&app, "raw-evidence", 1).await;
        let first = app.as_(Role::Admin);
        let made_by = async |maker: &Client| {
            let made =
                maker.post("/tokens", json!({ "name": "another me", "role": "admin" })).await;
            app.with_token(made.field("secret").as_str().unwrap())
        };
        let second = made_by(&first).await;
        let third = made_by(&second).await;
        for (asks, agrees) in [(&first, &second), (&first, &third), (&third, &first)] {
            let path = format!("/packages/{id}/retention/holds");
            let hold = asks.post(&path, json!({ "reason": "matter" })).await;
            let path = format!("{path}/{}/release", hold.field("hold_id").as_str().unwrap());
            asks.post(&path, json!({ "reason": "settled" })).await;
            let refused = agrees.post(&format!("{path}/approve"), json!({})).await;
            assert_eq!(refused.problem(), "forbidden", "{refused:?}");
            let somebody_else = app.another(Role::RecordsManager).await;
            let agreed = somebody_else.post(&format!("{path}/approve"), json!({})).await;
            assert_eq!(agreed.status, StatusCode::OK, "{agreed:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_reason_is_kept_for_years_and_holds_no_secret() {
    on_both_with(stepwise, |app| async move {
        let package = app.as_(Role::Producer).new_package().await;
        let manager = app.as_(Role::RecordsManager);
        let secret = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
        let reason = json!({ "reason": format!("the token {secret}") });
        let holds = format!("/packages/{package}/retention/holds");
        let before = keys(&app, package).await;
        let refused = manager.post(&holds, reason).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{refused:?}");
        let told = String::from_utf8(refused.body.to_vec()).unwrap();
        assert!(told.contains("/reason") && !told.contains(&secret), "{told}");
        assert_eq!(keys(&app, package).await, before);
    })
    .await;
}
