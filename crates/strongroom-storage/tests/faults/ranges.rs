//! Bundles that come in several ranges.

use super::broken_reads::pull_into;
use super::*;

/// A bundle of this size is pulled in three ranges.
const HUGE_BYTES: usize = 40 << 20;
/// Where the second range begins.
const SECOND_RANGE: &str = "bytes=16777216-";

async fn stored_huge(vault: &Vault) -> BundleId {
    let plan = vault.plan("huge", &random_bytes(HUGE_BYTES, 11));
    let id = vault.push(plan).await.unwrap().receipt.bundle_id;
    vault.server.reset_requests();
    id
}

fn ranges_asked_for(vault: &Vault) -> Vec<String> {
    let requests = vault.server.requests();
    // Of an archive that is refused a directory's manifest is asked for, whole.
    let gets =
        requests.iter().filter(|seen| seen.op == Op::GetObject && !seen.key.contains("/cavra/"));
    let mut ranges: Vec<_> = gets.map(|seen| seen.header("range").unwrap().to_owned()).collect();
    ranges.sort();
    ranges
}

#[tokio::test]
async fn a_bundle_of_several_ranges_asks_for_each_once() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    let id = stored_huge(&vault).await;
    let (pulled, out) = pull_into(&vault, id).await;
    let stored = vault.bucket().object(&bundle_key(id)).unwrap();
    assert_eq!(pulled.unwrap().size_bytes, stored.len() as u64);
    assert!(fs::read(out).unwrap() == stored);
    let last = format!("bytes=33554432-{}", stored.len() - 1);
    assert_eq!(
        ranges_asked_for(&vault),
        ["bytes=0-16777215", "bytes=16777216-33554431", last.as_str()]
    );
    assert_eq!(vault.server.requests().len(), 3);
}

#[tokio::test]
async fn a_later_range_that_breaks_off_is_resumed_where_it_broke() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    let id = stored_huge(&vault).await;
    let fault = vault.server.faults().on(Op::GetObject).nth(2).cut_body_after(100_000);
    let (pulled, out) = pull_into(&vault, id).await;
    assert_eq!((pulled.unwrap().bundle_id, fault.fired()), (id, 1));
    assert!(fs::read(out).unwrap() == vault.bucket().object(&bundle_key(id)).unwrap());
    assert_eq!(ranges_asked_for(&vault).len(), 4);
}

/// Pulls while another client writes other bytes under the bundle's key before the second range is
/// asked for.
async fn pull_during_an_overwrite(vault: &Vault, id: BundleId) -> Result<BundleId, EvidenceError> {
    let gate = vault.server.faults().on(Op::GetObject).nth(2).hold_before();
    let overwrite = async {
        gate.arrived(1).await;
        let length = vault.bucket().object(&bundle_key(id)).unwrap().len();
        let garbage = random_bytes(length, 12);
        vault.bucket().put(&bundle_key(id), garbage);
        vault.server.faults().clear();
        gate.open();
    };
    let ((pulled, _), ()) = tokio::join!(pull_into(vault, id), overwrite);
    Ok(pulled?.bundle_id)
}

#[tokio::test]
async fn every_range_is_of_the_version_of_the_first() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    let id = stored_huge(&vault).await;
    assert_eq!(pull_during_an_overwrite(&vault, id).await.unwrap(), id);
}

#[tokio::test]
async fn an_object_replaced_between_two_ranges_is_not_pieced_together() {
    let vault = Vault::new(BucketSettings::plain()).await;
    let id = stored_huge(&vault).await;
    let refused = pull_during_an_overwrite(&vault, id).await.unwrap_err();
    assert_eq!(refused.kind(), EvidenceErrorKind::Store(StorageErrorKind::Integrity), "{refused}");
    assert!(refused.to_string().contains("replaced while it was being read"), "{refused}");
    assert!(ranges_asked_for(&vault).iter().any(|range| range.starts_with(SECOND_RANGE)));
}
