//! Locks that only Strongroom keeps: told as that, from the first look to the last, and no compliance by them unless
//! somebody accepts it.

use std::sync::Arc;

use serde_json::{Value, json};
use strongroom_core::package::class::RuleOverride;
use strongroom_core::package::{LockState, PackageStatus, RuleSet};
use strongroom_core::retention::LockMode;
use strongroom_registry::auth::Role;
use strongroom_registry::config::Settings;
use strongroom_testkit::s3::BucketSettings;
use uuid::Uuid;

use crate::app::{TestApp, on_both_with, on_each_engine};
use crate::evidence::{locked, records, row, stepwise, tick, work};
use crate::files::{Bucket, folder_store};

const CLASS: &str = "raw-evidence";

/// Evidence is to be under compliance locks, and that nobody but Strongroom keeps them is accepted.
fn accepting(settings: &mut Settings) {
    stepwise(settings);
    let said = RuleOverride { mode: Some(LockMode::Compliance), ..RuleOverride::default() };
    settings.rules = RuleSet::with([(CLASS.parse().unwrap(), said)]).unwrap();
    settings.allow_advisory_lock = true;
}

/// The same, and it is not.
fn refusing(settings: &mut Settings) {
    accepting(settings);
    settings.allow_advisory_lock = false;
}

/// A package of two files that is to be finalized, and the job.
async fn finalizing(app: &TestApp) -> (Uuid, Uuid) {
    let producer = app.as_(Role::Producer);
    let id = producer.new_package().await;
    producer.stores(id, "a", b"content").await;
    producer.stores(id, "b", b"content").await;
    (id, producer.finalizes(id).await)
}

/// What its record and its `package.json` say of its locks.
async fn on_record(app: &TestApp, id: Uuid) -> [Value; 2] {
    let records = records(app, id).await;
    let record = records.into_iter().find(|record| record["kind"] == "package_finalized").unwrap();
    let document = app.as_(Role::Auditor).get(&format!("/packages/{id}/manifest")).await.json();
    [record["locks"].clone(), document["retention"]["locks"].clone()]
}

#[tokio::test]
async fn a_lock_that_only_strongroom_keeps_is_never_called_held() {
    on_each_engine(async |engine| {
        let (_kept, folder) = folder_store();
        for app in [engine.start_with(accepting).await, engine.start_on(folder, accepting).await] {
            let (id, _) = finalizing(&app).await;
            work(&app).await;
            assert_eq!(row(&app, id).await.lock_state, LockState::Advisory);
            // Both files, the manifest and the record of the creation; the record also counts `package.json`.
            for (locks, objects) in on_record(&app, id).await.into_iter().zip([5, 4]) {
                assert_eq!(
                    (&locks["objects"], &locks["advisory"]),
                    (&json!(objects), &json!(objects))
                );
                assert_eq!((&locks["locked"], &locks["mode"]), (&json!(0), &json!("compliance")));
            }
            let manager = app.as_(Role::RecordsManager);
            let holds = format!("/packages/{id}/retention/holds");
            manager.post(&holds, json!({ "reason": "matter" })).await;
            work(&app).await;
            assert_eq!(manager.get(&holds).await.json()["holds"][0]["reach"], "advisory");
            let later = json!({ "days": 400, "reason": "an inquiry" });
            manager.post(&format!("/packages/{id}/retention/extensions"), later).await;
            work(&app).await;
            assert_eq!(row(&app, id).await.lock_state, LockState::Advisory, "after later passes");
            let events = app.as_(Role::Auditor).get(&format!("/packages/{id}/audit-events")).await;
            let events = events.json()["events"].as_array().unwrap().clone();
            let applied = events.iter().filter(|event| event["type"] == "retention_applied");
            let applied: Vec<&Value> = applied.map(|event| &event["details"]).collect();
            assert!(!applied.is_empty());
            for seen in applied {
                assert_eq!(seen["held"], 0, "{seen}");
                assert!(seen["advisory"].as_u64() > Some(4), "{seen}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_bucket_that_keeps_its_locks_itself_is_said_to_hold() {
    on_each_engine(async |engine| {
        let bucket = Bucket::new(BucketSettings::locked(), None).await;
        let app = engine.start_on(Arc::clone(&bucket.store), refusing).await;
        app.registry.check_locks().unwrap();
        let (id, _) = finalizing(&app).await;
        work(&app).await;
        assert_eq!(row(&app, id).await.lock_state, LockState::Held);
        for locks in on_record(&app, id).await {
            assert_eq!((&locks["locked"], &locks["advisory"]), (&locks["objects"], &json!(0)));
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_kept_after_a_blocked_deletion_is_told_as_advisory_again() {
    on_both_with(stepwise, |app| async move {
        let id = locked(&app, CLASS, 2).await;
        let manager = app.as_(Role::RecordsManager);
        let path = format!("/packages/{id}/deletion");
        manager.post(&path, json!({ "reason": "a mistake", "early": true })).await;
        for _ in 0..2 {
            tick(&app).await;
        }
        work(&app).await;
        let blocked = row(&app, id).await;
        assert_eq!(blocked.status, PackageStatus::DeletionBlocked, "its lock is kept all the same");
        assert_eq!(blocked.lock_state, LockState::Advisory);
        manager.post(&format!("{path}/cancel"), json!({ "reason": "needed" })).await;
        work(&app).await;
        let kept = row(&app, id).await;
        assert_eq!((kept.status, kept.lock_state), (PackageStatus::Finalized, LockState::Advisory));
    })
    .await;
}

#[tokio::test]
async fn compliance_by_strongrooms_word_alone_is_refused_unless_it_is_accepted() {
    on_each_engine(async |engine| {
        let app = engine.start_with(accepting).await;
        app.registry.check_locks().unwrap();
        let (id, job) = finalizing(&app).await;
        // The configuration accepts less from the next start on; the package keeps the rule that it was made under.
        let again = app.restarted_with(|settings| settings.allow_advisory_lock = false).await;
        let refused = again.registry.check_locks().unwrap_err().to_string();
        assert!(refused.starts_with("raw-evidence: `mode` is `compliance`"), "{refused}");
        work(&again).await;
        assert_eq!(row(&again, id).await.status, PackageStatus::Open, "nothing is called evidence");
        let job = again.job(job).await;
        assert_eq!(job["state"], "failed", "{job}");
        let told = job["error"].as_str().unwrap();
        assert!(told.contains("Strongroom's own"), "{told}");
        assert!(told.contains("registry.retention.allow_advisory_lock"), "{told}");
    })
    .await;
}
