use strongroom_core::receipt::{CreateOnly, Status};

use super::*;

async fn two_at_once(bucket: &Bucket) -> [Receipt; 2] {
    let push = || bucket.push(bucket.plan(1, Size::Small, Some(1)));
    let (one, other) = tokio::join!(push(), push());
    [one.unwrap(), other.unwrap()]
}

#[tokio::test]
async fn on_seaweedfs_one_of_two_pushes_at_once_finds_the_others_bundle() {
    let Some(bucket) = Bucket::with_lock(SEAWEEDFS).await else { return };
    let receipts = two_at_once(&bucket).await;
    let stored = receipts.iter().filter(|receipt| receipt.status == Status::Stored).count();
    assert_eq!(stored, 1, "{receipts:?}");
    assert_eq!(receipts[0].version_id, receipts[1].version_id);
}

/// Ceph ignores `If-None-Match` in a bucket with versions: both pushes may write. The receipts say
/// `checked`, never `enforced`, and each pins a version that holds the bundle.
#[tokio::test]
async fn on_ceph_two_pushes_at_once_are_told_honestly() {
    let Some(bucket) = Bucket::with_lock(CEPH).await else { return };
    let receipts = two_at_once(&bucket).await;
    for receipt in &receipts {
        assert_eq!(receipt.create_only, CreateOnly::Checked);
        assert_eq!(bucket.attack(receipt).await, http::StatusCode::FORBIDDEN);
    }
    let again = bucket.push(bucket.plan(1, Size::Small, Some(1))).await.unwrap();
    assert_eq!(again.status, Status::AlreadyStored);
    assert!(again.other_versions.is_some());
}
