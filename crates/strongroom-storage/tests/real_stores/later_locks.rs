//! Extensions and holds on real stores, as another client reads them.

use http::StatusCode;
use strongroom_core::BundleId;
use strongroom_core::record::LeftOn;
use strongroom_core::retention::LockMode;
use strongroom_storage::evidence::{
    Asker, ExtendRequest, Extension, LockChange, PlaceRequest, Placement, Release, ReleaseRequest,
    show_retention,
};

use super::*;

fn asker(reason: &str) -> Asker {
    Asker { by: None, reason: Some(reason.to_owned()) }
}

pub(super) async fn place(bucket: &Bucket, id: BundleId, reason: &str) -> LockChange {
    let request = PlaceRequest { id, asker: asker(reason) };
    let placement = Placement::prepare(&*bucket.store, request, &bucket.clock).await.unwrap();
    let placed = placement.execute().await.unwrap();
    assert!(placed.shortfall.is_none(), "{:?}", placed.shortfall);
    placed
}

pub(super) async fn release(bucket: &Bucket, id: BundleId, placed: &LockChange) -> LockChange {
    let hold_id = placed.hold_id.unwrap();
    let request = ReleaseRequest { id, hold_id, asker: asker("over") };
    let release = Release::prepare(&*bucket.store, request, &bucket.clock).await.unwrap();
    let released = release.execute().await.unwrap();
    assert!(released.shortfall.is_none(), "{:?}", released.shortfall);
    released
}

pub(super) fn request_until(id: BundleId, retain_until: jiff::Timestamp) -> ExtendRequest {
    ExtendRequest {
        id,
        retain_until,
        mode: None,
        default_mode: LockMode::Governance,
        allow_advisory_lock: false,
        asker: asker("policy"),
    }
}

/// The hold on the bundle as the other client reads it.
async fn hold_seen_by_the_other_client(bucket: &Bucket, receipt: &Receipt) -> Option<String> {
    let version = receipt.version_id.as_deref().unwrap();
    let version =
        percent_encoding::utf8_percent_encode(version, percent_encoding::NON_ALPHANUMERIC);
    let query = format!("legal-hold=&versionId={version}");
    let client = &bucket.client;
    let answer =
        client.request(http::Method::GET, &bucket.name, &receipt.key, &query, &[], "").await;
    answer.element("Status")
}

#[tokio::test]
async fn an_extension_is_what_another_client_reads_and_keeps_the_bundle() {
    for server in [CEPH, SEAWEEDFS] {
        let Some(bucket) = Bucket::with_lock(server).await else { continue };
        let receipt = bucket.push(bucket.plan(1, Size::Small, Some(1))).await.unwrap();
        let until = receipt.lock.retain_until.unwrap() + jiff::SignedDuration::from_hours(1);
        let request = request_until(receipt.bundle_id, until);
        let prepared = Extension::prepare(&*bucket.store, request, &bucket.clock).await.unwrap();
        let extended = prepared.execute().await.unwrap();
        assert!(extended.shortfall.is_none(), "{server}: {:?}", extended.shortfall);
        for object in &extended.objects {
            let version = object.object.version_id.as_deref().unwrap();
            let read = bucket.client.retention(&bucket.name, &object.object.key, version).await;
            let date: jiff::Timestamp = read.element("RetainUntilDate").unwrap().parse().unwrap();
            assert_eq!(date.as_second(), until.as_second(), "{server}: {}", object.object.key);
        }
        assert_eq!(bucket.attack(&receipt).await, StatusCode::FORBIDDEN, "{server}");
    }
}

#[tokio::test]
async fn a_hold_keeps_the_bundle_until_its_last_release() {
    for server in [CEPH, SEAWEEDFS] {
        let Some(bucket) = Bucket::with_lock(server).await else { continue };
        let receipt = bucket.push(bucket.plan(2, Size::Small, None)).await.unwrap();
        let id = receipt.bundle_id;
        let (first, second) = (place(&bucket, id, "17").await, place(&bucket, id, "18").await);
        let held = hold_seen_by_the_other_client(&bucket, &receipt).await;
        assert_eq!(held.as_deref(), Some("ON"), "{server}");
        assert_eq!(bucket.attack(&receipt).await, StatusCode::FORBIDDEN, "{server}");
        let released = release(&bucket, id, &first).await;
        assert_eq!(released.objects[0].object.left_on, Some(LeftOn::HeldByUs), "{server}");
        release(&bucket, id, &second).await;
        let held = hold_seen_by_the_other_client(&bucket, &receipt).await;
        assert_eq!(held.as_deref(), Some("OFF"), "{server}");
        let report = show_retention(&*bucket.store, id).await.unwrap();
        assert!(report.objects.iter().all(|object| !object.standing.is_a_disagreement()));
        assert_eq!(bucket.attack(&receipt).await, StatusCode::NO_CONTENT, "{server}");
    }
}
