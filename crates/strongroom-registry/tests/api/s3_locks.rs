//! Locks and deletions on a store that enforces locks, has versions, and can lack either.

use jiff::SignedDuration;
use serde_json::json;
use strongroom_core::package::{LockState, PackageStatus};
use strongroom_registry::auth::Role;
use strongroom_testkit::s3::{BucketSettings, Op};

use crate::app::on_each_engine;
use crate::evidence::{keys, locations, locked, row, tick, work};
use crate::shelf::Shelf;

#[tokio::test]
async fn locks_and_holds_are_on_the_very_versions_that_were_written() {
    on_each_engine(async |engine| {
        let shelf = Shelf::new(engine, BucketSettings::locked()).await;
        let app = &shelf.app;
        let id = locked(app, "raw-evidence", 2).await;
        let manager = app.as_(Role::RecordsManager);
        let hold = manager
            .post(&format!("/packages/{id}/retention/holds"), json!({ "reason": "matter" }))
            .await;
        // Somebody puts garbage on top of everything meanwhile.
        let bucket = shelf.server.bucket("shelf");
        for key in bucket.keys() {
            bucket.plant_over(&key, "garbage");
        }
        work(app).await;
        let expires_at = row(app, id).await.expires_at.unwrap();
        for key in bucket.keys() {
            let versions = bucket.versions(&key);
            let ours = versions
                .iter()
                .find(|version| version.bytes.as_deref() != Some(b"garbage"))
                .unwrap();
            assert!(ours.legal_hold, "{key}");
            let until = ours.retention.expect("a lock").retain_until;
            assert_eq!(until.as_second(), expires_at.as_second(), "{key}");
        }
        assert_eq!(row(app, id).await.lock_state, LockState::Held);
        let holds = manager.get(&format!("/packages/{id}/retention/holds")).await.json();
        assert_eq!(holds["holds"][0]["reach"], "held", "{holds}");
        let path =
            format!("/packages/{id}/retention/holds/{}", hold.field("hold_id").as_str().unwrap());
        manager.post(&format!("{path}/release"), json!({ "reason": "settled" })).await;
        work(app).await;
        for key in bucket.keys() {
            assert!(bucket.versions(&key).iter().all(|version| !version.legal_hold), "{key}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_bucket_without_locks_is_told_and_kept_by_the_registry_alone() {
    on_each_engine(async |engine| {
        let shelf = Shelf::new(engine, BucketSettings::plain()).await;
        let app = &shelf.app;
        let id = locked(app, "raw-evidence", 1).await;
        assert_eq!(row(app, id).await.lock_state, LockState::Partial);
        let path = format!("/packages/{id}/retention/holds");
        let manager = app.as_(Role::RecordsManager);
        manager.post(&path, json!({ "reason": "matter" })).await;
        work(app).await;
        assert_eq!(manager.get(&path).await.json()["holds"][0]["reach"], "partial");
        let ask = json!({ "reason": "gone", "early": true });
        let refused = manager.post(&format!("/packages/{id}/deletion"), ask).await;
        assert_eq!(refused.problem(), "retained", "the registry keeps what is held");
    })
    .await;
}

#[tokio::test]
async fn a_lock_that_the_store_refuses_is_shown_and_tried_again() {
    on_each_engine(async |engine| {
        let shelf = Shelf::new(engine, BucketSettings::locked()).await;
        let app = &shelf.app;
        let refused = shelf.server.faults().on(Op::PutObjectRetention).answer(403);
        let id = locked(app, "raw-evidence", 1).await;
        assert!(refused.fired() > 0);
        assert_eq!(row(app, id).await.lock_state, LockState::Failed);
        shelf.server.faults().clear();
        assert_eq!(tick(app).await.jobs, 1);
        work(app).await;
        assert_eq!(row(app, id).await.lock_state, LockState::Held);
    })
    .await;
}

#[tokio::test]
async fn an_early_deletion_is_blocked_by_the_stores_lock_and_goes_on_after_it() {
    on_each_engine(async |engine| {
        let shelf = Shelf::new(engine, BucketSettings::locked()).await;
        let app = &shelf.app;
        let id = locked(app, "raw-evidence", 2).await;
        let manager = app.as_(Role::RecordsManager);
        let path = format!("/packages/{id}/deletion");
        let ask = json!({ "reason": "a mistake", "early": true });
        manager.post(&path, ask.clone()).await;
        for _ in 0..2 {
            tick(app).await;
        }
        work(app).await;
        assert_eq!(row(app, id).await.status, PackageStatus::DeletionBlocked);
        assert_eq!(
            locations(app, id).await.iter().filter(|one| one.lock_mode.is_some()).count(),
            2
        );
        shelf.turn(SignedDuration::from_hours(24 * 184));
        tick(app).await;
        let confirmed = json!({ "now": app.clock.now() });
        app.as_(Role::Operator).post("/sweeper/confirm-clock", confirmed).await;
        manager.post(&path, ask).await;
        work(app).await;
        assert_eq!(row(app, id).await.status, PackageStatus::Deleted);
        let left = keys(app, id).await;
        assert!(!left.iter().any(|key| key.contains("/files/")), "{left:?}");
        let files = shelf.server.bucket("shelf").keys_under("team/packages");
        assert!(!files.iter().any(|key| key.contains("/files/")), "no version is left");
    })
    .await;
}
