//! Objects in an archive: what a store says of them, and how it brings them back.
//!
//! | store | what it emulates |
//! |---|---|
//! | moto | the classes, reads that are refused, restores with their days; it restores whatever is current, never a version |
//! | Azurite | the tier, reads that are refused, the way back to the hot tier; not the hours that it takes: a blob is there at once, so `rehydrate-pending` and `BlobBeingRehydrated` are seen on the server of the testkit only |

use bytes::Bytes;
use jiff::SignedDuration;
use strongroom_storage::azure::AzureStorage;
use strongroom_storage::open::StoreSettings;
use strongroom_storage::s3::S3Storage;
use strongroom_storage::{
    Clock, CreateOptions, RestoreAsk, Retrieval, Storage, StorageErrorKind, VersionId,
};
use strongroom_testkit::azure::{ACCOUNT, ACCOUNT_KEY, AzureServer, ContainerSettings};

use crate::azure::{self, on_azurite_in};
use crate::key;
use crate::s3::{Bucket, MOTO};

async fn store_of_class(bucket: &Bucket, class: &str) -> S3Storage {
    let settings = StoreSettings { storage_class: Some(class.to_owned()), ..bucket.settings() };
    S3Storage::connect(&settings, Clock::system()).await.unwrap()
}

async fn create(store: &dyn Storage, name: &str) -> Option<VersionId> {
    let body = Bytes::from_static(b"content");
    store.create(&key(name), body.into(), &CreateOptions::default()).await.unwrap().version
}

async fn nearness(store: &dyn Storage, name: &str, version: Option<&VersionId>) -> Retrieval {
    store.head(&key(name), version).await.unwrap().retrieval
}

async fn read(store: &dyn Storage, name: &str) -> Result<Bytes, StorageErrorKind> {
    let object = store.read(&key(name), None, None).await.map_err(|error| error.kind())?;
    object.collect(1 << 10).await.map_err(|error| error.kind())
}

/// moto ends a restore at once unless it is told to take its time: the first look sees it under way.
async fn moto_takes_its_time(bucket: &Bucket) {
    let url = format!("{}/moto-api/state-manager/set-transition", bucket.client.endpoint());
    let transition =
        r#"{"model_name":"s3::keyrestore","transition":{"progression":"manual","times":1}}"#;
    let request = reqwest::Client::new().post(url).body(transition);
    assert!(request.send().await.unwrap().status().is_success());
}

#[tokio::test]
async fn on_moto_what_is_archived_is_told_refused_brought_and_read() {
    let Some(bucket) = Bucket::on(MOTO).await else { return };
    moto_takes_its_time(&bucket).await;
    for class in ["GLACIER", "DEEP_ARCHIVE"] {
        let store = store_of_class(&bucket, class).await;
        let version = create(&store, class).await;
        let info = store.head(&key(class), version.as_ref()).await.unwrap();
        assert_eq!(info.storage_class.as_deref(), Some(class));
        assert_eq!(info.retrieval, Retrieval::Archived);
        assert_eq!(read(&store, class).await, Err(StorageErrorKind::Archived));

        let ask = RestoreAsk { days: 3, storage_class: info.storage_class };
        store.restore(&key(class), version.as_ref(), &ask).await.unwrap();
        let mut seen = vec![nearness(&store, class, version.as_ref()).await];
        while seen.len() < 5 && !matches!(seen.last(), Some(Retrieval::Restored { .. })) {
            seen.push(nearness(&store, class, version.as_ref()).await);
        }
        assert_eq!(seen[0], Retrieval::Restoring, "{seen:?}");
        let Some(Retrieval::Restored { until: Some(until) }) = seen.last() else {
            panic!("never there: {seen:?}")
        };
        let days = until.duration_since(store.now().await.unwrap());
        assert!(days > SignedDuration::from_hours(71) && days <= SignedDuration::from_hours(73));
        assert_eq!(read(&store, class).await.as_deref(), Ok(&b"content"[..]));

        let longer = RestoreAsk { days: 9, ..ask };
        store.restore(&key(class), version.as_ref(), &longer).await.unwrap();
        let Retrieval::Restored { until: Some(later) } =
            nearness(&store, class, version.as_ref()).await
        else {
            panic!("the copy is gone")
        };
        assert!(later > *until, "a copy is kept for longer");
    }
}

#[tokio::test]
async fn on_moto_what_lies_in_no_archive_is_not_asked_for() {
    let Some(bucket) = Bucket::on(MOTO).await else { return };
    for class in ["STANDARD_IA", "GLACIER_IR"] {
        let store = store_of_class(&bucket, class).await;
        let version = create(&store, class).await;
        assert_eq!(nearness(&store, class, version.as_ref()).await, Retrieval::Online, "{class}");
        assert_eq!(read(&store, class).await.as_deref(), Ok(&b"content"[..]), "{class}");
        let ask = RestoreAsk { days: 1, storage_class: Some(class.to_owned()) };
        let refused = store.restore(&key(class), version.as_ref(), &ask).await.unwrap_err();
        assert_eq!(refused.kind(), StorageErrorKind::InvalidRequest, "{class}: {refused}");
    }
    let store = bucket.store().await;
    let ask = RestoreAsk { days: 1, storage_class: None };
    let absent = store.restore(&key("nothing"), None, &ask).await.unwrap_err();
    assert_eq!(absent.kind(), StorageErrorKind::NotFound);
}

#[tokio::test]
async fn on_azurite_what_is_archived_is_told_refused_brought_and_read() {
    let Some(store) = on_azurite_in(Some("Archive")).await else { return };
    create(&store, "a").await;
    let info = store.head(&key("a"), None).await.unwrap();
    assert_eq!(info.storage_class.as_deref(), Some("Archive"));
    assert_eq!(info.retrieval, Retrieval::Archived);
    assert_eq!(read(&store, "a").await, Err(StorageErrorKind::Archived));

    let ask = RestoreAsk { days: 3, storage_class: info.storage_class };
    store.restore(&key("a"), None, &ask).await.unwrap();
    let info = store.head(&key("a"), None).await.unwrap();
    assert_eq!(info.storage_class.as_deref(), Some("Hot"), "it moves, and stays there");
    assert_eq!(info.retrieval, Retrieval::Online, "at once, where Azure takes hours");
    assert_eq!(read(&store, "a").await.as_deref(), Ok(&b"content"[..]));
    let absent = store.restore(&key("nothing"), None, &ask).await.unwrap_err();
    assert_eq!(absent.kind(), StorageErrorKind::NotFound);
}

#[tokio::test]
async fn a_blob_that_is_on_its_way_back_is_asked_for_again_without_an_error() {
    let server = AzureServer::start("box", ContainerSettings::versioned());
    let settings = azure::settings(server.endpoint(), "box", ACCOUNT, ACCOUNT_KEY);
    let store = AzureStorage::connect(&settings, Clock::system()).await.unwrap();
    let version = create(&store, "a").await;
    let ask = RestoreAsk { days: 3, storage_class: Some("Archive".to_owned()) };
    server.refuse("comp=tier", 409, "BlobBeingRehydrated");
    store.restore(&key("a"), version.as_ref(), &ask).await.unwrap();
    let asked = server.asked("comp=tier").remove(0);
    assert_eq!(asked.header("x-ms-access-tier"), Some("Hot"));
    assert!(asked.called().contains("versionid="), "{}", asked.called());
    server.refuse_nothing();
    server.refuse("comp=tier", 409, "BlobArchived");
    let refused = store.restore(&key("a"), version.as_ref(), &ask).await.unwrap_err();
    assert_eq!(refused.kind(), StorageErrorKind::Archived, "any other refusal is one");
}
