//! Packages go, after their date or early, and whatever has a word in it stops them.

use axum::http::StatusCode;
use jiff::SignedDuration;
use serde_json::json;
use strongroom_core::package::PackageStatus;
use strongroom_core::retention::{LockMode, Retention};
use strongroom_registry::auth::Role;
use strongroom_registry::documents::PackageDocument;
use strongroom_storage::ObjectKey;
use uuid::Uuid;

use crate::app::{TestApp, on_both_with};
use crate::evidence::{finalized, keys, locations, locked, records, row, stepwise, tick, work};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Lets time go by as it does: the sweeper looks all the while.
async fn days_pass(app: &TestApp, days: i32) {
    app.clock.advance(DAY * days);
    tick(app).await;
    let confirmed = json!({ "now": app.clock.now() });
    let answer = app.as_(Role::Operator).post("/sweeper/confirm-clock", confirmed).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
}

async fn status(app: &TestApp, id: Uuid) -> PackageStatus {
    row(app, id).await.status
}

fn files(keys: &[String]) -> usize {
    keys.iter().filter(|key| key.contains("/files/")).count()
}

#[tokio::test]
async fn an_expired_package_goes_after_its_grace_and_leaves_a_certificate() {
    on_both_with(stepwise, |app| async move {
        let id = locked(&app, "raw-evidence", 3).await;
        days_pass(&app, 200).await;
        assert_eq!(tick(&app).await.requested, 1);
        let shown = app.as_(Role::Auditor).get(&format!("/packages/{id}")).await;
        assert_eq!(shown.field("status"), "deletion_requested");
        assert_eq!(shown.field("deletion")["grace_ticks_left"], 2);
        assert_eq!(tick(&app).await.begun, 0);
        assert_eq!(tick(&app).await.begun, 1);
        assert_eq!(status(&app, id).await, PackageStatus::Deleting);
        work(&app).await;
        assert_eq!(status(&app, id).await, PackageStatus::Deleted);
        let jobs = app.as_(Role::Operator).get("/jobs?kind=delete-package&state=done").await.json();
        assert_eq!(jobs["jobs"][0]["progress"], json!({ "done": 3, "total": 3 }), "{jobs}");
        let left = keys(&app, id).await;
        assert_eq!(files(&left), 0, "{left:?}");
        for name in ["manifest.json", "package.json"] {
            assert!(left.iter().any(|key| key.ends_with(name)), "{name} outlives the bytes");
        }
        let records = records(&app, id).await;
        let certificate =
            records.iter().find(|record| record["kind"] == "package_deleted").unwrap();
        let request = records.iter().find(|record| record["kind"] == "deletion_requested").unwrap();
        assert_eq!(certificate["request_id"], request["id"]);
        assert!(certificate.get("by").is_none(), "nobody but the registry's rules");
        assert_eq!(
            (&certificate["files"], &certificate["objects_deleted"]),
            (&json!(3), &json!(3))
        );
        assert!(tick(&app).await.jobs == 0, "nothing is left to do");
    })
    .await;
}

#[tokio::test]
async fn a_request_is_taken_back_in_its_grace() {
    on_both_with(stepwise, |app| async move {
        let id = locked(&app, "raw-evidence", 1).await;
        let manager = app.as_(Role::RecordsManager);
        let path = format!("/packages/{id}/deletion");
        let ask = json!({ "reason": "not needed" });
        assert_eq!(
            manager.post(&path, ask.clone()).await.problem(),
            "retained",
            "its date is to come"
        );
        days_pass(&app, 200).await;
        let asked = manager.post(&path, ask.clone()).await;
        assert_eq!(asked.status, StatusCode::ACCEPTED, "{asked:?}");
        assert_eq!(asked.field("deletion")["grace_ticks_left"], 2);
        let again = manager.post(&path, ask).await;
        assert_eq!(again.json(), asked.json(), "asked again, answered again");
        let cancelled =
            manager.post(&format!("{path}/cancel"), json!({ "reason": "needed" })).await;
        assert_eq!(cancelled.field("status"), "finalized");
        assert!(cancelled.json().get("deletion").is_none());
        assert_eq!(files(&keys(&app, id).await), 1);
    })
    .await;
}

#[tokio::test]
async fn a_hold_wins_against_a_deletion_in_each_of_its_states() {
    on_both_with(stepwise, |app| async move {
        let manager = app.as_(Role::RecordsManager);
        let hold = |id: Uuid| {
            let manager = manager.clone();
            async move {
                let path = format!("/packages/{id}/retention/holds");
                let placed = manager.post(&path, json!({ "reason": "matter" })).await;
                assert_eq!(placed.status, StatusCode::CREATED, "{placed:?}");
                placed.field("hold_id").as_str().unwrap().to_owned()
            }
        };
        let (requested, deleting) =
            (finalized(&app, "transient", 1).await, finalized(&app, "transient", 1).await);
        days_pass(&app, 8).await;
        tick(&app).await;
        hold(requested).await;
        assert_eq!(status(&app, requested).await, PackageStatus::Finalized);
        tick(&app).await;
        tick(&app).await;
        assert_eq!(status(&app, deleting).await, PackageStatus::Deleting);
        let released = hold(deleting).await;
        assert_eq!(status(&app, deleting).await, PackageStatus::DeletionBlocked);
        work(&app).await;
        for _ in 0..4 {
            tick(&app).await;
            work(&app).await;
        }
        for id in [requested, deleting] {
            assert_eq!(files(&keys(&app, id).await), 1, "what is held is there");
        }
        let path = format!("/packages/{deleting}/deletion");
        let ask = json!({ "reason": "go on", "early": true });
        assert_eq!(manager.post(&path, ask.clone()).await.problem(), "retained");
        let release = format!("/packages/{deleting}/retention/holds/{released}/release");
        manager.post(&release, json!({ "reason": "settled" })).await;
        work(&app).await;
        assert_eq!(
            status(&app, deleting).await,
            PackageStatus::DeletionBlocked,
            "a person decides"
        );
        manager.post(&path, ask).await;
        work(&app).await;
        assert_eq!(status(&app, deleting).await, PackageStatus::Deleted);
    })
    .await;
}

#[tokio::test]
async fn a_later_date_stops_a_deletion_too() {
    on_both_with(stepwise, |app| async move {
        let id = finalized(&app, "transient", 1).await;
        days_pass(&app, 8).await;
        for _ in 0..3 {
            tick(&app).await;
        }
        assert_eq!(status(&app, id).await, PackageStatus::Deleting);
        let path = format!("/packages/{id}/retention/extensions");
        let ask = json!({ "days": 30, "reason": "still read" });
        let made = app.as_(Role::RecordsManager).post(&path, ask).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        work(&app).await;
        assert_eq!(status(&app, id).await, PackageStatus::DeletionBlocked);
        assert_eq!(files(&keys(&app, id).await), 1);
        let kept = app
            .as_(Role::RecordsManager)
            .post(&format!("/packages/{id}/deletion/cancel"), json!({ "reason": "kept" }))
            .await;
        assert_eq!(kept.field("status"), "finalized");
    })
    .await;
}

#[tokio::test]
async fn an_early_deletion_that_takes_two_takes_two() {
    on_both_with(
        |settings| {
            stepwise(settings);
            settings.dual_control.early_deletion = true;
        },
        |app| async move {
            let id = finalized(&app, "transient", 1).await;
            let first = app.as_(Role::RecordsManager);
            let second = app.another(Role::RecordsManager).await;
            let path = format!("/packages/{id}/deletion");
            let approve = format!("{path}/approve");
            let asked = first.post(&path, json!({ "reason": "a mistake", "early": true })).await;
            assert_eq!(asked.status, StatusCode::ACCEPTED, "{asked:?}");
            assert_eq!(asked.field("status"), "finalized");
            assert_eq!(asked.field("deletion")["awaits_approval"], true);
            assert_eq!(first.post(&approve, json!({})).await.problem(), "forbidden");
            let approved = second.post(&approve, json!({})).await;
            assert_eq!(approved.field("status"), "deletion_requested", "{approved:?}");
            for _ in 0..2 {
                tick(&app).await;
            }
            work(&app).await;
            assert_eq!(status(&app, id).await, PackageStatus::Deleted);
            let records = records(&app, id).await;
            let request =
                records.iter().find(|record| record["kind"] == "deletion_requested").unwrap();
            assert_ne!(request["by"], request["approved_by"]);
            let certificate =
                records.iter().find(|record| record["kind"] == "package_deleted").unwrap();
            assert_eq!(
                (&certificate["early"], &certificate["reason"]),
                (&json!(true), &json!("a mistake"))
            );
        },
    )
    .await;
}

#[tokio::test]
async fn what_the_store_holds_blocks_a_deletion_until_its_lock_is_over() {
    on_both_with(stepwise, |app| async move {
        let id = finalized(&app, "transient", 2).await;
        let until = app.clock.now() + DAY * 30;
        let object = keys(&app, id).await.into_iter().find(|key| key.contains("/files/")).unwrap();
        let lock = Retention { mode: LockMode::Compliance, retain_until: until };
        app.store.set_retention(&ObjectKey::new(object).unwrap(), None, lock).await.unwrap();
        days_pass(&app, 8).await;
        for _ in 0..3 {
            tick(&app).await;
        }
        work(&app).await;
        assert_eq!(status(&app, id).await, PackageStatus::DeletionBlocked);
        let shown = app.as_(Role::Auditor).get(&format!("/packages/{id}")).await;
        let reason = shown.document::<PackageDocument>().deletion.unwrap().reason.unwrap();
        assert!(reason.starts_with("the store holds an object under a lock until"), "{reason}");
        assert!(records(&app, id).await.iter().any(|record| record["why"] == "store_lock"));
        let seen = locations(&app, id).await;
        assert!(seen.iter().any(|location| location.lock_mode == Some(LockMode::Compliance)));
        days_pass(&app, 31).await;
        let ask = json!({ "reason": "its lock is over" });
        let answer =
            app.as_(Role::RecordsManager).post(&format!("/packages/{id}/deletion"), ask).await;
        assert_eq!(answer.field("status"), "deleting", "{answer:?}");
        work(&app).await;
        assert_eq!(status(&app, id).await, PackageStatus::Deleted);
        assert_eq!(files(&keys(&app, id).await), 0);
    })
    .await;
}

#[tokio::test]
async fn a_clock_that_jumps_deletes_nothing_until_an_operator_confirms() {
    on_both_with(stepwise, |app| async move {
        let (early, expired) =
            (finalized(&app, "transient", 1).await, finalized(&app, "transient", 1).await);
        tick(&app).await;
        // One is on its way already when the clock jumps.
        let ask = json!({ "reason": "a mistake", "early": true });
        app.as_(Role::RecordsManager).post(&format!("/packages/{early}/deletion"), ask).await;
        for _ in 0..2 {
            tick(&app).await;
        }
        assert_eq!(status(&app, early).await, PackageStatus::Deleting);
        app.clock.advance(DAY * 30);
        work(&app).await;
        for _ in 0..5 {
            assert!(tick(&app).await.paused);
            work(&app).await;
        }
        for id in [early, expired] {
            assert_eq!(files(&keys(&app, id).await), 1, "nothing is deleted");
        }
        assert_eq!(status(&app, expired).await, PackageStatus::Finalized, "nor asked for");
        let operator = app.as_(Role::Operator);
        let shown = operator.get("/sweeper").await;
        assert_eq!(shown.field("paused"), true);
        assert!(shown.field("pause_reason").is_string());
        let wrong = json!({ "now": app.clock.now() - DAY * 30 });
        let refused = operator.post("/sweeper/confirm-clock", wrong).await;
        assert_eq!(refused.problem(), "conflict");
        let confirmed = json!({ "now": app.clock.now() });
        operator.post("/sweeper/confirm-clock", confirmed).await;
        for _ in 0..3 {
            assert!(!tick(&app).await.paused);
            work(&app).await;
        }
        for id in [early, expired] {
            assert_eq!(status(&app, id).await, PackageStatus::Deleted);
        }
    })
    .await;
}

#[tokio::test]
async fn a_clock_that_goes_back_pauses_too() {
    on_both_with(stepwise, |app| async move {
        assert!(!tick(&app).await.paused);
        app.clock.advance(-SignedDuration::from_mins(61));
        assert!(tick(&app).await.paused);
    })
    .await;
}

#[tokio::test]
async fn what_a_person_keeps_after_its_date_is_not_asked_for_again_by_itself() {
    on_both_with(stepwise, |app| async move {
        let id = locked(&app, "transient", 1).await;
        let manager = app.as_(Role::RecordsManager);
        let path = format!("/packages/{id}/deletion");
        let cancel =
            async || manager.post(&format!("{path}/cancel"), json!({ "reason": "needed" })).await;
        // Taken back before its date, it says nothing of what comes after.
        manager.post(&path, json!({ "reason": "a mistake", "early": true })).await;
        assert_eq!(cancel().await.status, StatusCode::OK);
        days_pass(&app, 8).await;
        assert_eq!(tick(&app).await.requested, 1);
        let kept = cancel().await;
        assert_eq!(kept.field("status"), "finalized");
        assert!(kept.field("deletion_cancelled_at").is_string(), "{kept:?}");
        for _ in 0..3 {
            assert_eq!(tick(&app).await.requested, 0, "a person has said so");
        }
        // A later date is another matter; and a person may always ask.
        let ask = json!({ "days": 9, "reason": "a while longer" });
        let extended = manager.post(&format!("/packages/{id}/retention/extensions"), ask).await;
        assert_eq!(extended.status, StatusCode::CREATED, "{extended:?}");
        days_pass(&app, 10).await;
        assert_eq!(tick(&app).await.requested, 1);
        cancel().await;
        let asked = manager.post(&path, json!({ "reason": "done with it" })).await;
        assert_eq!(asked.field("status"), "deletion_requested", "{asked:?}");
    })
    .await;
}
