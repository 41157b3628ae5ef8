//! Lies about versions.

use strongroom_testkit::s3::Lie;

use super::{Store, both, locked};

/// What is read of a locked version by its id.
async fn first(store: &Store, version: &str) -> u16 {
    store.client.get(&format!("/vault/k?versionId={version}")).await.status
}

#[tokio::test]
async fn versioning_may_be_suspended_under_locks() {
    let seen = async |store: &Store| {
        let xml = b"<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>";
        let answer = store.client.put("/vault?versioning", &[], xml).await.status;
        let told = store.client.get("/vault?versioning").await.element("Status");
        (answer, told.unwrap_or_default())
    };
    let (honest, lying) = both(Lie::SuspendsVersioningOfLocks, locked(), seen).await;
    assert_eq!(honest, (409, "Enabled".to_owned()));
    assert_eq!(lying, (200, "Suspended".to_owned()));
}

#[tokio::test]
async fn a_locked_version_may_be_lost_by_what_is_written_over_it() {
    let seen = async |store: &Store| {
        let version = store.client.put_locked("COMPLIANCE").await;
        let deleted = store.client.delete_version(&version, false).await;
        store.client.put("/vault/k", &[], b"newer").await;
        (deleted, first(store, &version).await)
    };
    let (honest, lying) = both(Lie::OverwriteReplacesVersions, locked(), seen).await;
    assert_eq!((honest, lying), ((403, 200), (403, 404)));
}

/// Reads of a locked version by its id: below a delete marker, and once the marker is gone.
async fn below_a_marker(store: &Store) -> (u16, u16) {
    let version = store.client.put_locked("COMPLIANCE").await;
    let marker = store.client.delete("/vault/k").await;
    let below = first(store, &version).await;
    if let Some(marker) = marker.header("x-amz-version-id") {
        store.client.delete_version(marker, false).await;
    }
    (below, first(store, &version).await)
}

#[tokio::test]
async fn a_delete_marker_may_hide_versions_or_remove_them() {
    let hides = both(Lie::MarkerHidesVersions, locked(), below_a_marker).await;
    assert_eq!(hides, ((200, 200), (404, 200)));
    let removes = both(Lie::DeleteRemovesVersions, locked(), below_a_marker).await;
    assert_eq!(removes, ((200, 200), (404, 404)));
}
