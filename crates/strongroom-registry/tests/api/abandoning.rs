//! Packages that are given up: their bytes go, and nobody else's.

use std::sync::Arc;

use axum::http::StatusCode;
use bytes::Bytes;
use serde_json::{Value, json};
use strongroom_core::layout;
use strongroom_registry::auth::Role;
use strongroom_storage::ObjectKey;
use strongroom_testkit::s3::BucketSettings;

use crate::app::{on_both, on_each_engine};
use crate::files::{Bucket, keys_below};

#[tokio::test]
async fn the_bytes_of_an_abandoned_package_are_deleted_and_its_records_stay() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let (package, other) = (producer.new_package().await, producer.new_package().await);
        for (to, path) in [(package, "a"), (package, "b/c"), (other, "a")] {
            producer.stores(to, path, b"x").await;
        }
        let abandoned = producer.post(&format!("/packages/{package}/abandon"), Value::Null).await;
        assert_eq!(
            (abandoned.status, abandoned.field("status")),
            (StatusCode::OK, json!("abandoned"))
        );
        app.work_all().await;
        assert_eq!(app.objects(package).await, [""; 0]);
        assert_eq!(app.objects(other).await.len(), 1, "another package's bytes stay");
        assert!(producer.files(package).await.iter().all(|(_, status)| status == "deleted"));
        let records = keys_below(&*app.store, &layout::package_records_of(package)).await;
        assert_eq!(records.len(), 2, "its beginning and its end");
        let late = producer.put_file(package, "d", b"x").await;
        assert_eq!((late.status, late.problem().as_str()), (StatusCode::CONFLICT, "wrong-state"));
        let again = producer.post(&format!("/packages/{package}/abandon"), Value::Null).await;
        assert_eq!((again.status, again.problem().as_str()), (StatusCode::CONFLICT, "wrong-state"));
    })
    .await;
}

#[tokio::test]
async fn a_package_under_a_hold_is_not_abandoned() {
    on_both(|app| async move {
        let producer = app.as_(Role::Producer);
        let ask =
            json!({ "name": "a", "retention": { "class": "raw-evidence", "legal_hold": true } });
        let made = producer.post("/packages", ask).await;
        let package: uuid::Uuid = made.field("package_id").as_str().unwrap().parse().unwrap();
        producer.stores(package, "a", b"x").await;
        let refused = producer.post(&format!("/packages/{package}/abandon"), Value::Null).await;
        assert_eq!(
            (refused.status, refused.problem().as_str()),
            (StatusCode::CONFLICT, "retained")
        );
        assert_eq!(app.objects(package).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_somebody_else_put_under_a_files_key_is_left_alone() {
    on_each_engine(async |engine| {
        let bucket = Bucket::new(BucketSettings::versioned(), None).await;
        let app = engine.start_on(Arc::clone(&bucket.store), |_| {}).await;
        let producer = app.as_(Role::Producer);
        let package = producer.new_package().await;
        let file = producer.stores(package, "a", b"x").await;
        let key = layout::package_file(package, file);
        bucket.server.bucket("shelf").put(&format!("team/{key}"), "theirs");
        let abandoned = producer.post(&format!("/packages/{package}/abandon"), Value::Null).await;
        assert_eq!(abandoned.status, StatusCode::OK, "{abandoned:?}");
        app.work_all().await;
        let key = ObjectKey::new(key).unwrap();
        let left = app.store.read(&key, None, None).await.unwrap().collect(100).await.unwrap();
        assert_eq!(left, Bytes::from("theirs"));
        assert_eq!(producer.files(package).await, [("a".to_owned(), "deleted".to_owned())]);
    })
    .await;
}
