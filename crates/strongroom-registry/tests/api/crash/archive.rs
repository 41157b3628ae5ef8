//! A package that lies in an archive, and how it comes back: the store takes its time, and the sweeper looks.

use serde_json::json;
use strongroom_core::package::RestoreStatus;
use strongroom_registry::auth::Role;
use strongroom_storage::{ObjectKey, RestoreAsk, Retrieval};
use strongroom_testkit::s3::BucketView;
use uuid::Uuid;

use super::flow::Subject;
use super::scene::once;
use crate::app::{Answer, TestApp};
use crate::evidence::{keys, locations, tick};

/// For how many days the flow asks. Somebody else who asks, asks for one.
const DAYS: u32 = 3;
const HOURS_OF_A_DAY: i64 = 24;

impl Subject {
    fn bucket(&self) -> &BucketView {
        self.bucket.as_ref().expect("only a bucket has an archive")
    }

    /// Moves all of the package into the archive: files, documents and records.
    pub fn is_archived(&self) {
        let id = self.package.to_string();
        for key in self.bucket().keys().iter().filter(|key| key.contains(&id)) {
            self.bucket().archive(key);
        }
    }

    /// What the store was asked for is there by now.
    pub fn is_brought(&self) {
        self.bucket().end_restores();
    }
}

/// The request.
pub async fn ask(app: &TestApp, nth: u32, package: Uuid) -> Answer {
    let path = format!("/packages/{package}/restore");
    once(&app.as_(Role::Operator), nth, &path, &json!({ "days": DAYS })).await
}

/// Whether every object can be read for as long as was asked, and each file says so.
pub async fn assert_restored(app: &TestApp, subject: &Subject) {
    subject.is_brought();
    tick(app).await;
    let longer_than = app.clock.now() + jiff::SignedDuration::from_hours(2 * HOURS_OF_A_DAY);
    for location in locations(app, subject.package).await {
        assert_eq!(location.restore_status, RestoreStatus::Restored, "{location:?}");
        assert!(location.restore_expires_at > Some(longer_than), "{location:?}");
    }
    for key in keys(app, subject.package).await {
        let until = match retrieval(app, &key).await {
            Retrieval::Restored { until } => until,
            other => panic!("{key}: {other:?}"),
        };
        assert!(until > Some(longer_than), "{key} until {until:?}");
    }
}

/// Somebody else brings what nobody asked for: whoever looks into the objects has to read them.
pub async fn bring_by_hand(app: &TestApp, subject: &Subject) {
    for key in keys(app, subject.package).await {
        if retrieval(app, &key).await == Retrieval::Archived {
            let ask = RestoreAsk { days: 1, storage_class: Some("GLACIER".to_owned()) };
            let key = ObjectKey::new(key).unwrap();
            app.store.restore(&key, None, &ask).await.unwrap();
        }
    }
    subject.is_brought();
}

async fn retrieval(app: &TestApp, key: &str) -> Retrieval {
    app.store.head(&ObjectKey::new(key).unwrap(), None).await.unwrap().retrieval
}
