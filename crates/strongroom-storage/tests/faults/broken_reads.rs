//! Bodies that break off, or come back wrong.

use std::path::PathBuf;

use bytes::Bytes;
use strongroom_core::Sha256Digest;
use strongroom_core::bundle::Refusal;
use strongroom_storage::evidence::{PullRequest, Pulled, pull};

use super::*;

/// Bytes of the first answer that arrive.
const CUT_AT_BYTES: usize = 100_000;

pub(super) async fn pull_into(
    vault: &Vault,
    id: BundleId,
) -> (Result<Pulled, EvidenceError>, PathBuf) {
    pull_with(vault, &*vault.store().await, id).await
}

pub(super) async fn pull_with(
    vault: &Vault,
    store: &dyn Storage,
    id: BundleId,
) -> (Result<Pulled, EvidenceError>, PathBuf) {
    let out = vault.folder.path().join("pulled.tar.gz");
    let request =
        PullRequest { id, archive_sha256: None, out: out.clone(), overwrite: false, demand: None };
    (pull::pull(store, &request, &no_progress()).await, out)
}

async fn stored_big(vault: &Vault) -> BundleId {
    let id = vault.push(vault.big()).await.unwrap().receipt.bundle_id;
    vault.server.reset_requests();
    id
}

#[tokio::test]
async fn a_body_that_breaks_off_is_resumed_where_it_broke() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    let id = stored_big(&vault).await;
    let (healthy, out) = pull_into(&vault, id).await;
    assert_eq!(healthy.unwrap().bundle_id, id);
    fs::remove_file(out).unwrap();
    let gets_of_a_pull = vault.server.count(Op::GetObject);
    vault.server.reset_requests();
    let fault = vault.server.faults().on(Op::GetObject).nth(1).cut_body_after(CUT_AT_BYTES);

    let (pulled, out) = pull_into(&vault, id).await;

    assert_eq!((pulled.unwrap().bundle_id, fault.fired()), (id, 1));
    let stored = vault.bucket().object(&bundle_key(id)).unwrap();
    assert!(fs::read(out).unwrap() == stored);
    let gets: Vec<_> = vault
        .server
        .requests()
        .into_iter()
        .filter(|seen| seen.op == Op::GetObject)
        .filter_map(|seen| Some(seen.header("range")?.to_owned()))
        .collect();
    assert_eq!(vault.server.count(Op::GetObject), gets_of_a_pull + 1);
    // What had arrived was not asked for again.
    let resumed_at = format!("bytes={CUT_AT_BYTES}-");
    assert!(gets.iter().any(|range| range.starts_with(&resumed_at)), "{gets:?}");
}

#[tokio::test]
async fn a_body_that_always_breaks_off_leaves_no_file() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    let id = stored_big(&vault).await;
    vault.server.faults().on(Op::GetObject).cut_body_after(0);

    let (pulled, out) = pull_into(&vault, id).await;

    assert!(store_failure(pulled).is_transient());
    assert!(!out.exists());
    assert!(vault.server.count(Op::GetObject) <= 15, "{}", vault.server.count(Op::GetObject));
    let left: Vec<_> = fs::read_dir(vault.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["big"]);
}

#[tokio::test]
async fn a_bit_that_turned_on_the_way_is_seen_and_the_version_is_read_again() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    let id = stored_big(&vault).await;
    let fault = vault.server.faults().on(Op::GetObject).nth(1).flip_a_bit();
    let (pulled, out) = pull_into(&vault, id).await;
    assert_eq!((pulled.unwrap().bundle_id, fault.fired()), (id, 1));
    assert!(fs::read(out).unwrap() == vault.bucket().object(&bundle_key(id)).unwrap());
}

#[tokio::test]
async fn bytes_that_are_wrong_every_time_are_refused() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    let id = stored_big(&vault).await;
    vault.server.faults().on(Op::GetObject).flip_a_bit();
    let (pulled, out) = pull_into(&vault, id).await;
    let refused = pulled.unwrap_err();
    assert_eq!(refused.kind(), EvidenceErrorKind::Bundle(Refusal::Integrity), "{refused}");
    assert!(!out.exists());
}

#[tokio::test]
async fn a_run_whose_listing_breaks_off_tells_what_it_has() {
    /// More than one page of references.
    const BUNDLES: usize = 201;
    let vault = Vault::new(BucketSettings::versioned()).await;
    let stored = vault.push(vault.small()).await.unwrap().receipt.bundle_id;
    let garbage = (0..BUNDLES).flat_map(|number| {
        let id = BundleId(Sha256Digest::of(&number.to_le_bytes()));
        let reference = format!("team/{}", layout::run_reference("run-1", id));
        [(reference, Bytes::new()), (bundle_key(id), Bytes::from_static(b"no bundle"))]
    });
    vault.bucket().put_many(garbage);
    let page = vault.server.faults().on(Op::ListObjectsV2).from(2).answer(403);

    let out = vault.folder.path().join("run");
    let run = pull::pull_run(&*vault.store().await, "run-1", &out, None, &no_progress()).await;

    assert!(page.fired() > 0, "the run came in one page");
    let run = run.unwrap();
    assert_eq!(run.pulled.iter().map(|pulled| pulled.bundle_id).collect::<Vec<_>>(), [stored]);
    assert!(!run.is_complete() && run.cut_short.is_some());
}
