//! Writes whose answer is lost: one push never becomes two versions.

use std::time::{Duration, Instant};

use strongroom_core::receipt::Status;

use super::*;

#[tokio::test]
async fn a_write_whose_answer_is_cut_off_is_found_again() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    let fault =
        vault.server.faults().on(Op::PutObject).key_contains("bundles/").nth(1).cut_after_commit();

    let outcome = vault.push(vault.small()).await.unwrap();

    assert_eq!((outcome.receipt.status, fault.fired()), (Status::Stored, 1));
    let versions = vault.bucket().versions(&bundle_key(outcome.receipt.bundle_id));
    assert_eq!(versions.len(), 1);
    assert_eq!(outcome.receipt.version_id.as_ref(), Some(&versions[0].id));
}

#[tokio::test]
async fn a_completion_whose_answer_is_cut_off_is_found_again() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    let fault = vault.server.faults().on(Op::CompleteMultipartUpload).nth(1).cut_after_commit();

    let outcome = vault.push(vault.big()).await.unwrap();

    assert_eq!((outcome.receipt.status, fault.fired()), (Status::Stored, 1));
    let versions = vault.bucket().versions(&bundle_key(outcome.receipt.bundle_id));
    assert_eq!(versions.len(), 1);
    assert_eq!(outcome.receipt.version_id.as_ref(), Some(&versions[0].id));
}

#[tokio::test]
async fn an_error_after_the_write_took_place_is_seen_through() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    vault
        .server
        .faults()
        .on(Op::PutObject)
        .key_contains("bundles/")
        .nth(1)
        .answer_after_commit(500);
    vault.server.faults().on(Op::CompleteMultipartUpload).nth(1).answer_after_commit(503);
    for plan in [vault.small(), vault.big()] {
        let outcome = vault.push(plan).await.unwrap();
        assert_eq!(outcome.receipt.status, Status::Stored);
        assert_eq!(vault.versions_of(outcome.receipt.bundle_id), 1);
    }
}

#[tokio::test]
async fn a_time_out_after_the_write_took_place_is_seen_through() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    let fault = vault.server.faults().on(Op::PutObject).key_contains("bundles/").nth(1);
    let fault = fault.never_answer_after_commit();
    let started = Instant::now();

    let outcome = vault.push(vault.small()).await.unwrap();

    assert_eq!((outcome.receipt.status, fault.fired()), (Status::Stored, 1));
    assert_eq!(vault.versions_of(outcome.receipt.bundle_id), 1);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_slow_answer_is_waited_for() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    let gate = vault.server.faults().on(Op::PutObject).key_contains("bundles/").hold_after_commit();
    let (outcome, ()) = tokio::join!(vault.push(vault.small()), async {
        gate.arrived(1).await;
        gate.open();
    });
    let outcome = outcome.unwrap();
    assert_eq!((outcome.receipt.status, vault.writes_of_bundles()), (Status::Stored, 1));
    assert_eq!(vault.versions_of(outcome.receipt.bundle_id), 1);
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_write_is_made_anew() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    let fault = vault.server.faults().on_any().nth(1).cut_before_commit();
    let bundle = vault.server.faults().on(Op::PutObject).key_contains("bundles/").nth(1);
    let bundle = bundle.cut_before_commit();
    let outcome = vault.push(vault.small()).await.unwrap();
    assert_eq!(outcome.receipt.status, Status::Stored);
    assert_eq!((fault.fired(), bundle.fired()), (1, 1));
    assert_eq!(vault.versions_of(outcome.receipt.bundle_id), 1);
}

#[tokio::test]
async fn a_connection_that_always_breaks_is_unreachable_after_a_few_tries() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    vault.server.faults().on_any().cut_before_commit();
    assert_eq!(store_failure(vault.push(vault.small()).await), StorageErrorKind::Unreachable);
    assert!(vault.server.requests().len() <= 3, "{}", vault.server.requests().len());
}

#[tokio::test]
async fn a_store_that_never_answers_is_given_up_within_20_seconds() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    vault.server.faults().on_any().never_answer();
    let started = Instant::now();
    assert_eq!(store_failure(vault.push(vault.small()).await), StorageErrorKind::TimedOut);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}
