use strongroom_storage::evidence::EvidenceErrorKind;
use strongroom_storage::evidence::pull::{PullRequest, pull};

use super::*;

/// Somebody with write rights puts garbage over a bundle, with the bundle's own metadata.
async fn garbage_hides_nothing(server: &str) {
    let Some(bucket) = Bucket::with_lock(server).await else { return };
    let receipt = bucket.push(bucket.plan(1, Size::Small, Some(1))).await.unwrap();
    let version = receipt.version_id.clone().unwrap();
    let id = receipt.bundle_id.to_string();
    let metadata = [("x-amz-meta-strongroom-bundle-id", id.as_str())];
    let planted = bucket.client.put_with(&bucket.name, &receipt.key, &metadata, "garbage").await;
    assert!(planted.status.is_success(), "{planted:?}");

    let error = bucket.push(bucket.plan(1, Size::Small, Some(1))).await.unwrap_err();
    assert_eq!(error.kind(), EvidenceErrorKind::Conflict);
    assert!(error.to_string().contains(&version), "{error}");

    let out = bucket.folder.path().join("pulled.tar.gz");
    let request = PullRequest {
        id: receipt.bundle_id,
        archive_sha256: None,
        out,
        overwrite: false,
        demand: None,
    };
    let progress: Arc<dyn strongroom_core::bundle::Progress> = Arc::new(NoProgress);
    let pulled = pull(&*bucket.store, &request, &progress).await.unwrap();
    assert_eq!(pulled.archive_sha256, Some(receipt.archive_sha256));
    assert_eq!(pulled.version_id, Some(version));
    assert!(pulled.current_version_is_something_else);
}

#[tokio::test]
async fn on_ceph_garbage_over_a_bundle_hides_nothing() {
    garbage_hides_nothing(CEPH).await;
}

#[tokio::test]
async fn on_seaweedfs_garbage_over_a_bundle_hides_nothing() {
    garbage_hides_nothing(SEAWEEDFS).await;
}
