use strongroom_core::limits::NAME_BYTES_MAX;
use strongroom_storage::evidence::{ListQuery, Listing};

use super::*;

/// The longest run id there is, of bytes that all need encoding: 768 bytes between two `/` of a key,
/// more than a file system holds in a name.
async fn the_longest_run_id_is_kept_and_found(server: &str) {
    for bucket in [Bucket::plain(server).await, Bucket::with_lock(server).await] {
        let Some(bucket) = bucket else { return };
        let run_id = Some("é".repeat(NAME_BYTES_MAX / 2));
        let request = PushRequest { run_id: run_id.clone(), ..request() };
        let receipt = bucket.push_with(bucket.plan(1, Size::Small, None), request).await.unwrap();
        let query = ListQuery { run_id, ..ListQuery::default() };
        let rows = Listing::new(&*bucket.store, query).unwrap().next_page().await.unwrap().unwrap();
        assert_eq!(rows[0].bundle_id, receipt.bundle_id);
    }
}

#[tokio::test]
async fn on_ceph_the_longest_run_id_is_kept_and_found() {
    the_longest_run_id_is_kept_and_found(CEPH).await;
}

#[tokio::test]
async fn on_seaweedfs_the_longest_run_id_is_kept_and_found() {
    the_longest_run_id_is_kept_and_found(SEAWEEDFS).await;
}
