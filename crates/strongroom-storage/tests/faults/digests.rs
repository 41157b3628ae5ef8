//! What the store says of the bytes, and what it was seen to check.

use strongroom_core::receipt::Integrity;

use super::*;

#[tokio::test]
async fn a_store_that_reports_another_digest_is_not_believed() {
    for op in [Op::PutObject, Op::CompleteMultipartUpload] {
        let vault = Vault::new(BucketSettings::versioned()).await;
        let fault = vault.server.faults().on(op).key_contains("bundles/").echo_wrong_checksum();
        let plan = if op == Op::PutObject { vault.small() } else { vault.big() };
        let failure = store_failure(vault.push(plan).await);
        assert_eq!(failure, StorageErrorKind::Integrity);
        assert!(fault.fired() >= 1);
    }
}

#[tokio::test]
async fn a_part_whose_digest_comes_back_wrong_ends_the_upload() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    vault.server.faults().on(Op::UploadPart).nth(2).echo_wrong_checksum();
    assert_eq!(store_failure(vault.push(vault.big()).await), StorageErrorKind::Integrity);
    assert!(vault.bucket().open_uploads().is_empty());
    assert!(vault.bucket().keys_under("team/bundles/").is_empty());
}

#[tokio::test]
async fn what_a_store_was_seen_to_check_is_what_the_receipt_says() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    let big = vault.push(vault.big()).await.unwrap().receipt;
    assert_eq!(big.integrity, Integrity::Composite);

    // Checks digests, and tells none.
    let vault = Vault::new(BucketSettings::versioned()).await;
    vault.server.faults().on_any().tell_no_checksum();
    let big = vault.push(vault.big()).await.unwrap().receipt;
    assert_eq!(big.integrity, Integrity::PayloadSigned);
}

#[tokio::test]
async fn a_store_that_checks_nothing_is_read_back_or_called_unobserved() {
    for (verify_on_push, integrity) in [(true, Integrity::ReadBack), (false, Integrity::Unobserved)]
    {
        let vault = Vault::new(BucketSettings::versioned()).await;
        vault.server.faults().on_any().ignore_digests();
        vault.server.faults().on_any().ignore_payload_hash();
        vault.server.faults().on_any().tell_no_checksum();
        let request = PushRequest { verify_on_push, ..PushRequest::default() };
        let store = vault.store().await;
        let receipt = push_to(&*store, vault.big(), request).await.unwrap().receipt;
        assert_eq!(receipt.integrity, integrity);
        // The parts that the probes sent are no part of the object.
        assert_eq!(
            vault.bucket().object(&bundle_key(receipt.bundle_id)).unwrap().len() as u64,
            receipt.size_bytes
        );
    }
}

#[tokio::test]
async fn bytes_that_come_back_other_than_they_were_sent_are_never_called_stored() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    vault.server.faults().on_any().tell_no_checksum();
    let fault = vault.server.faults().on(Op::GetObject).key_contains("bundles/").flip_a_bit();
    let refused = vault.push(vault.small()).await.unwrap_err();
    assert!(fault.fired() >= 1);
    let kind = refused.kind();
    assert!(
        matches!(
            kind,
            EvidenceErrorKind::Store(StorageErrorKind::Integrity)
                | EvidenceErrorKind::Bundle(strongroom_core::bundle::Refusal::Integrity)
        ),
        "{kind:?} {refused}"
    );
}
