//! Rights that are missing: what does not need them goes on, what does says which.

use std::time::{Duration, Instant};

use strongroom_core::receipt::Status;
use strongroom_testkit::s3::Right;

use super::broken_reads::pull_with;
use super::*;

async fn vault_for(user: &User) -> Vault {
    let builder = S3Server::builder().bucket("vault", BucketSettings::locked());
    Vault::on(builder.user(user.clone())).await
}

fn guest() -> User {
    User::new("guest", "guest-secret")
}

#[tokio::test]
async fn a_push_needs_neither_delete_nor_list_nor_settings() {
    for missing in [Right::Delete, Right::List, Right::ListVersions, Right::ReadSettings] {
        let user = guest().without(missing).without(Right::DeleteVersions).without(Right::Admin);
        let vault = vault_for(&user).await;
        let store = vault.store_of(&user).await;
        for status in [Status::Stored, Status::AlreadyStored] {
            let outcome = push_to(&*store, vault.small(), request()).await;
            let outcome = outcome.unwrap_or_else(|error| panic!("{missing:?}: {error}"));
            assert_eq!(outcome.receipt.status, status, "{missing:?}");
        }
    }
}

/// A bundle of this size is pulled in two ranges.
const TWO_RANGES_BYTES: usize = 17 << 20;

/// Denied by a message with these words, for want of the right to read versions.
#[track_caller]
fn assert_versions_denied<T: std::fmt::Debug>(outcome: Result<T, EvidenceError>, words: &str) {
    let refused = outcome.unwrap_err();
    let denied = EvidenceErrorKind::Store(StorageErrorKind::PermissionDenied);
    assert_eq!(refused.kind(), denied, "{refused}");
    assert!(refused.to_string().contains(words), "{refused}");
    let guidance = refused.guidance().unwrap();
    assert!(guidance.contains("s3:GetObjectVersion besides s3:GetObject"), "{guidance}");
}

#[tokio::test]
async fn a_push_without_the_right_to_read_versions_says_what_is_stored_and_what_it_lacks() {
    let user = guest().without(Right::ReadVersions);
    for name in ["small", "big"] {
        let vault = vault_for(&user).await;
        let plan = || if name == "small" { vault.small() } else { vault.big() };
        let store = vault.store_of(&user).await;
        let refused = push_to(&*store, plan(), request()).await;
        assert_versions_denied(refused, "the bundle is stored as version");
        // Once the right is given the same push finishes the work: lock, receipt and record.
        let finished = vault.push(plan()).await.unwrap().receipt;
        assert_eq!(finished.status, Status::AlreadyStored, "{name}");
        assert_eq!(vault.versions_of(finished.bundle_id), 1, "{name}");
        assert_eq!(vault.bucket().keys_under("team/records/").len(), 1, "{name}");
    }
}

#[tokio::test]
async fn a_pull_of_two_ranges_without_the_right_to_read_versions_is_denied_and_leaves_no_file() {
    let user = guest().without(Right::ReadVersions);
    let vault = vault_for(&user).await;
    let plan = vault.plan("long", &random_bytes(TWO_RANGES_BYTES, 5));
    let id = vault.push(plan).await.unwrap().receipt.bundle_id;
    vault.server.reset_requests();
    let (pulled, out) = pull_with(&vault, &*vault.store_of(&user).await, id).await;
    assert_versions_denied(pulled, "the store does not allow this");
    assert!(!out.exists());
    // Both ranges, the versions, and the only one there is: nothing that is denied is tried again. Then
    // the manifest of a directory, and its versions.
    assert_eq!(vault.server.requests().len(), 6, "{:?}", vault.server.requests());
}

#[tokio::test]
async fn a_pull_of_one_range_reads_no_version() {
    let user = guest().without(Right::ReadVersions);
    let vault = vault_for(&user).await;
    let id = vault.push(vault.small()).await.unwrap().receipt.bundle_id;
    let (pulled, _) = pull_with(&vault, &*vault.store_of(&user).await, id).await;
    assert_eq!(pulled.unwrap().bundle_id, id);
}

#[tokio::test]
async fn a_push_in_parts_needs_no_right_to_abort() {
    let user = guest().without(Right::Abort);
    let vault = vault_for(&user).await;
    let pushed = push_to(&*vault.store_of(&user).await, vault.big(), request()).await.unwrap();
    assert_eq!(pushed.receipt.status, Status::Stored);
    let requests = vault.server.requests();
    // What it leaves is the probe's upload, without a part: both of its parts were refused.
    let refused = requests.iter().find(|seen| seen.op == Op::AbortMultipartUpload).unwrap();
    assert_eq!(refused.status, Some(403));
}

#[tokio::test]
async fn readers_who_push_are_denied_at_once() {
    let user = guest().read_only();
    let vault = vault_for(&user).await;
    let store = vault.store_of(&user).await;
    let started = Instant::now();
    let failure = store_failure(push_to(&*store, vault.small(), request()).await);
    assert_eq!(failure, StorageErrorKind::PermissionDenied);
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!(vault.server.requests().len() < 12, "{}", vault.server.requests().len());
    assert!(vault.bucket().keys().is_empty());
}

#[tokio::test]
async fn a_wrong_key_and_an_unknown_bucket_are_said_at_once() {
    let vault = vault_for(&guest()).await;
    let wrong = User::new("guest", "another-secret");
    let store = vault.store_of(&wrong).await;
    let failure = store_failure(push_to(&*store, vault.small(), request()).await);
    assert_eq!(failure, StorageErrorKind::Unauthenticated);

    let nowhere =
        StoreSettings { url: "s3://nowhere".to_owned(), ..vault.settings_of(vault.server.owner()) };
    let store = open(&nowhere, Clock::system()).await.unwrap();
    let failure = store_failure(push_to(&*store, vault.small(), request()).await);
    assert_eq!(failure, StorageErrorKind::StoreNotFound);
    assert!(vault.server.requests().len() < 12, "{}", vault.server.requests().len());
}
