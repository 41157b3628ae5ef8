//! Rights that are missing: what does not need them goes on, what does says which.

use std::time::{Duration, Instant};

use strongroom_core::receipt::Status;
use strongroom_testkit::s3::Right;

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
        let user = guest().without(missing).without(Right::Admin);
        let vault = vault_for(&user).await;
        let store = vault.store_of(&user).await;
        for status in [Status::Stored, Status::AlreadyStored] {
            let outcome = push_to(&*store, vault.small(), request()).await;
            let outcome = outcome.unwrap_or_else(|error| panic!("{missing:?}: {error}"));
            assert_eq!(outcome.receipt.status, status, "{missing:?}");
        }
    }
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
