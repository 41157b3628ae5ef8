use http::StatusCode;
use strongroom_core::receipt::{EnforcedBy, Integrity, LockHow, Receipt, Status};
use strongroom_core::retention::LockMode;

use super::*;

/// The lock as the other client reads it, in the store's own words.
async fn seen_by_the_other_client(bucket: &Bucket, receipt: &Receipt) -> (String, String) {
    let version = receipt.version_id.as_deref().unwrap();
    let answer = bucket.client.retention(&bucket.name, &receipt.key, version).await;
    (answer.element("Mode").unwrap(), answer.element("RetainUntilDate").unwrap())
}

async fn a_locked_bundle_cannot_be_deleted(bucket: &Bucket, size: Size, how: LockHow) {
    let receipt = bucket.push(bucket.plan(1, size, Some(1))).await.unwrap();

    assert_eq!(receipt.status, Status::Stored);
    assert_eq!(receipt.lock.mode, Some(LockMode::Governance));
    assert_eq!(receipt.lock.enforced_by, EnforcedBy::Store);
    assert_eq!(receipt.lock.how, how);
    assert_eq!(receipt.lock.unlocked_ms.is_some(), how == LockHow::AfterWrite);
    let (mode, date) = seen_by_the_other_client(bucket, &receipt).await;
    assert_eq!(mode, "GOVERNANCE");
    assert_eq!(date.parse::<jiff::Timestamp>().ok(), receipt.lock.retain_until);

    assert_eq!(bucket.attack(&receipt).await, StatusCode::FORBIDDEN);
    let again = bucket.push(bucket.plan(1, size, Some(1))).await.unwrap();
    assert_eq!(again.status, Status::AlreadyStored);
    assert_eq!(again.version_id, receipt.version_id);
}

#[tokio::test]
async fn on_ceph_a_small_bundle_is_locked_in_the_write() {
    let Some(bucket) = Bucket::with_lock(CEPH).await else { return };
    a_locked_bundle_cannot_be_deleted(&bucket, Size::Small, LockHow::InWrite).await;
}

#[tokio::test]
async fn on_ceph_a_multipart_bundle_is_locked_right_after_the_write() {
    let Some(bucket) = Bucket::with_lock(CEPH).await else { return };
    a_locked_bundle_cannot_be_deleted(&bucket, Size::Multipart, LockHow::AfterWrite).await;
}

#[tokio::test]
async fn on_seaweedfs_a_small_bundle_is_locked_in_the_write() {
    let Some(bucket) = Bucket::with_lock(SEAWEEDFS).await else { return };
    a_locked_bundle_cannot_be_deleted(&bucket, Size::Small, LockHow::InWrite).await;
}

#[tokio::test]
async fn on_seaweedfs_a_multipart_bundle_is_locked_in_the_write() {
    let Some(bucket) = Bucket::with_lock(SEAWEEDFS).await else { return };
    a_locked_bundle_cannot_be_deleted(&bucket, Size::Multipart, LockHow::InWrite).await;
}

/// Ceph takes a wrong SHA-256 and refuses a body that is not the signed one; SeaweedFS the other
/// way round. What the receipt says of the bytes follows what each was seen to do.
#[tokio::test]
async fn the_receipt_says_what_each_store_vouches_for() {
    for (server, vouches) in [(CEPH, Integrity::PayloadSigned), (SEAWEEDFS, Integrity::Composite)] {
        let Some(bucket) = Bucket::with_lock(server).await else { continue };
        let small = bucket.push(bucket.plan(2, Size::Small, None)).await.unwrap();
        assert_eq!(small.integrity, Integrity::ReadBack, "{server}");
        let large = bucket.push(bucket.plan(3, Size::Multipart, None)).await.unwrap();
        assert_eq!(large.integrity, vouches, "{server}");
    }
}

#[tokio::test]
async fn a_compliance_default_is_never_weakened() {
    for server in [CEPH, SEAWEEDFS] {
        let Some(bucket) = Bucket::with_lock(server).await else { continue };
        bucket.client.set_default_retention(&bucket.name, "COMPLIANCE", 1).await;
        for size in [Size::Small, Size::Multipart] {
            never_weakened(&bucket, size).await;
        }
    }
}

async fn never_weakened(bucket: &Bucket, size: Size) {
    let seed = |n: u64| n + 10 * size as u64;
    let day = jiff::SignedDuration::from_hours(24);

    let nothing_asked = bucket.push(bucket.plan(seed(1), size, None)).await.unwrap();
    assert_eq!(nothing_asked.lock.mode, Some(LockMode::Compliance));
    assert_eq!(nothing_asked.lock.how, LockHow::BucketDefault);

    let longer_governance = bucket.push(bucket.plan(seed(2), size, Some(3))).await.unwrap();
    assert_eq!(longer_governance.lock.mode, Some(LockMode::Compliance));
    let stored_at = longer_governance.stored_at.unwrap();
    assert!(longer_governance.lock.retain_until.unwrap() >= stored_at + 2 * day);

    let hold = PushRequest { legal_hold: true, ..request() };
    let held = bucket.push_with(bucket.plan(seed(3), size, None), hold).await.unwrap();
    assert_eq!(held.lock.legal_hold, Some(true));
    assert_eq!(held.lock.mode, Some(LockMode::Compliance));
    assert!(held.lock.retain_until.unwrap() >= held.stored_at.unwrap() + day);

    for receipt in [nothing_asked, longer_governance, held] {
        let (mode, date) = seen_by_the_other_client(bucket, &receipt).await;
        assert_eq!(mode, "COMPLIANCE");
        assert_eq!(
            date.parse::<jiff::Timestamp>().unwrap().as_second(),
            receipt.lock.retain_until.unwrap().as_second()
        );
        assert_eq!(bucket.attack(&receipt).await, StatusCode::FORBIDDEN);
    }
}
