//! Refusals that may pass are tried again, a few times; others are not.

use strongroom_core::receipt::{CreateOnly, Status};

use super::*;

#[tokio::test]
async fn a_conflict_of_writers_means_again_and_never_already_there() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    let fault =
        vault.server.faults().on(Op::PutObject).key_contains("bundles/").first(2).answer(409);

    let outcome = vault.push(vault.small()).await.unwrap();

    assert_eq!(outcome.receipt.status, Status::Stored);
    assert_eq!(fault.fired(), 2);
    assert_eq!(vault.writes_of_bundles(), 3);
    assert_eq!(vault.versions_of(outcome.receipt.bundle_id), 1);
}

#[tokio::test]
async fn a_conflict_on_completion_is_tried_again() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    let fault = vault.server.faults().on(Op::CompleteMultipartUpload).first(1).answer(409);

    let outcome = vault.push(vault.big()).await.unwrap();

    assert_eq!(outcome.receipt.status, Status::Stored);
    assert_eq!((fault.fired(), vault.writes_of_bundles()), (1, 2));
    assert_eq!(vault.versions_of(outcome.receipt.bundle_id), 1);
}

#[tokio::test]
async fn errors_that_may_pass_are_tried_again_and_nothing_is_written_twice() {
    for (status, times) in [(500, 2), (503, 3)] {
        let vault = Vault::new(BucketSettings::versioned()).await;
        let fault = vault.server.faults().on(Op::PutObject).first(times).answer(status);
        let outcome = vault.push(vault.small()).await.unwrap();
        assert_eq!(outcome.receipt.status, Status::Stored);
        assert_eq!(fault.fired(), times);
        assert_eq!(vault.versions_of(outcome.receipt.bundle_id), 1, "after {status}");
    }
}

#[tokio::test]
async fn errors_that_stay_end_the_push_after_a_few_tries() {
    for (status, kind, tries) in [
        (409, StorageErrorKind::ServerFault, 4),
        (500, StorageErrorKind::ServerFault, 4),
        (503, StorageErrorKind::Throttled, 5),
    ] {
        let vault = Vault::new(BucketSettings::versioned()).await;
        vault.server.faults().on(Op::PutObject).key_contains("bundles/").answer(status);
        assert_eq!(store_failure(vault.push(vault.small()).await), kind);
        assert_eq!(vault.writes_of_bundles(), tries, "after {status}");
        assert!(vault.bucket().keys_under("team/bundles/").is_empty());
    }
}

#[tokio::test]
async fn what_a_failed_multipart_push_sent_is_taken_back() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    vault.server.faults().on(Op::CompleteMultipartUpload).answer(500);
    assert_eq!(store_failure(vault.push(vault.big()).await), StorageErrorKind::ServerFault);
    assert!(vault.bucket().open_uploads().is_empty());
    assert!(vault.bucket().keys_under("team/bundles/").is_empty());
}

#[tokio::test]
async fn a_store_without_conditional_writes_is_used_without_and_the_receipt_says_so() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    vault.server.faults().on(Op::PutObject).with_header("if-none-match").answer(501);

    let outcome = vault.push(vault.small()).await.unwrap();

    assert_eq!(outcome.receipt.create_only, CreateOnly::Unsupported);
    assert!(outcome.warnings.iter().any(|warning| warning.contains("conditional writes")));
    assert_eq!(vault.versions_of(outcome.receipt.bundle_id), 1);
}

#[tokio::test]
async fn a_store_without_writes_is_not_asked_again_and_again() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    let fault = vault.server.faults().on(Op::PutObject).answer(501);
    assert_eq!(store_failure(vault.push(vault.small()).await), StorageErrorKind::Unsupported);
    // Each of the two references, with the condition and without it.
    assert!(fault.fired() <= 4, "{}", fault.fired());
}
