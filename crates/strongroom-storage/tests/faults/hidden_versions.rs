//! Objects put over a bundle that are not even looked at, or cannot be: they hide nothing.

use super::broken_reads::pull_into;
use super::*;

/// A gzip header with a file name longer than any that is read (RFC 1952 section 2.3.1).
fn over_a_limit() -> Vec<u8> {
    let mut garbage = vec![0x1f, 0x8b, 8, 0b1000, 0, 0, 0, 0, 0, 255];
    garbage.resize(10_000, b'n');
    garbage
}

async fn stored_below(vault: &Vault, garbage: Vec<u8>) -> (BundleId, String) {
    let receipt = vault.push(vault.small()).await.unwrap().receipt;
    vault.bucket().put(&bundle_key(receipt.bundle_id), garbage);
    (receipt.bundle_id, receipt.version_id.unwrap())
}

#[tokio::test]
async fn a_bundle_below_what_is_over_a_limit_is_pulled() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    let (id, version) = stored_below(&vault, over_a_limit()).await;
    let (pulled, _) = pull_into(&vault, id).await;
    let pulled = pulled.unwrap();
    assert_eq!((pulled.bundle_id, pulled.version_id), (id, Some(version)));
    assert!(pulled.current_version_is_something_else);
}

#[tokio::test]
async fn a_push_names_the_version_below_what_is_over_a_limit() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    let (_, version) = stored_below(&vault, over_a_limit()).await;
    let refused = vault.push(vault.small()).await.unwrap_err();
    assert_eq!(refused.kind(), EvidenceErrorKind::Conflict, "{refused}");
    assert!(refused.to_string().contains(&version), "{refused}");
}

#[tokio::test]
async fn a_bundle_below_what_cannot_be_read_is_pulled() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    let (id, version) = stored_below(&vault, b"encrypted with another's key".to_vec()).await;
    // The store refuses the current version, without an id and by it.
    let refusals =
        vault.server.faults().on(Op::GetObject).first(2).answer_with(400, "InvalidRequest");
    let (pulled, _) = pull_into(&vault, id).await;
    assert_eq!(pulled.unwrap().version_id, Some(version));
    assert_eq!(refusals.fired(), 2);
}

#[tokio::test]
async fn what_is_over_a_limit_alone_is_told_as_such() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    let id = vault.small().id();
    vault.bucket().put(&bundle_key(id), over_a_limit());
    let (pulled, _) = pull_into(&vault, id).await;
    let limit = EvidenceErrorKind::Bundle(strongroom_core::bundle::Refusal::Limit);
    assert_eq!(pulled.unwrap_err().kind(), limit);
    assert_eq!(vault.push(vault.small()).await.unwrap_err().kind(), limit);
}

#[tokio::test]
async fn a_store_that_gives_no_ranges_gives_whole_bundles() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    let id = vault.push(vault.big()).await.unwrap().receipt.bundle_id;
    vault.server.faults().on(Op::GetObject).ignore_ranges();
    let (pulled, out) = pull_into(&vault, id).await;
    assert_eq!(pulled.unwrap().bundle_id, id);
    assert!(fs::read(out).unwrap() == vault.bucket().object(&bundle_key(id)).unwrap());
}
