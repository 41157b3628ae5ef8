//! What a walk meets, in which order, and what it costs.

use strongroom_core::retention::LockMode;
use strongroom_storage::evidence::EvidenceErrorKind;
use strongroom_storage::evidence::audit::estimate;
use strongroom_testkit::s3::Op;

use super::*;

/// Bundles that another tool wrote: nothing tells of them, which is found and no more.
#[tokio::test]
async fn bundles_of_every_format_are_met_beside_what_is_nobodys() {
    let vault = Vault::new(BucketSettings::plain()).await;
    let bucket = vault.bucket();
    let assay = unknown("assay");
    let archives = [b"one", b"two"].map(|text| Sha256Digest::of(text));
    for archive in archives {
        bucket.put(&format!("team/{}", layout::assay_bundle(assay, archive)), "archive");
    }
    let native = vault.push("native", None).await;
    let foreign = [
        "team/attestations/notes",
        "team/bundles/assay/readme",
        "team/bundles/assay/~odd",
        "team/bundles/aaa",
        "team/bundles/cavra/session/manifest.json",
        "team/bundles/cavra/~odd",
        "team/bundles/zzz",
        "team/index/2026-11-21/notes",
        "team/records/aaa",
        "team/subjects/s/notes.txt",
    ];
    for key in foreign {
        bucket.put(key, "x");
    }
    let within = format!("team/records/{}/~", native.bundle_id);
    bucket.put(&within, "x");
    bucket.put("team/packages/elsewhere", "x");
    bucket.put("other/bundles/elsewhere", "x");
    let signed = unknown("signed");
    let signature = format!("{}{}.sigstore.json", layout::attestations_of(signed), "0".repeat(64));
    bucket.put(&format!("team/{signature}"), "{}");

    let report = vault.audit(&everything()).await;

    let mut expected: BTreeSet<_> =
        foreign.iter().map(|key| ("foreign_object", (*key).to_owned())).collect();
    expected.insert(("foreign_object", within));
    expected.insert(("bundle_without_record", assay.to_string()));
    expected.insert(("bundle_without_reference", assay.to_string()));
    expected.insert(("attestation_without_bundle", signed.to_string()));
    assert_eq!(found(&report), expected);
    assert_eq!(report.looked_at.bundles, 3);
}

#[tokio::test]
async fn the_parts_of_a_store_find_together_what_the_whole_does() {
    let vault = Vault::new(BucketSettings::plain()).await;
    let bucket = vault.bucket();
    for seed in ["a", "b", "c", "d", "e"] {
        let receipt = vault.push(seed, None).await;
        bucket.put(&receipt.key, "garbage");
        bucket.put(&format!("team/runs/{seed}"), "x");
        let foreign = unknown(seed);
        bucket.put(&format!("team/{}", layout::run_reference("r", foreign)), "x");
    }
    let all = vault.audit(&reading()).await;
    assert_eq!(all.findings.len(), 15);
    let mut together = Vec::new();
    let mut bundles = 0;
    for part in 1..=3 {
        let sample = format!("{part}/3").parse().unwrap();
        let report = vault.audit(&AuditRequest { sample, ..reading() }).await;
        assert!(report.findings.len() < 15, "a part is less than the whole");
        bundles += report.looked_at.bundles;
        together.extend(report.findings);
    }
    assert_eq!((together.len(), bundles), (15, 5));
    assert_eq!(together.iter().map(named).collect::<BTreeSet<_>>(), found(&all));
}

#[tokio::test]
async fn without_reading_bytes_it_costs_one_listing_a_read_a_record_and_the_locks() {
    let vault = Vault::new(BucketSettings::locked()).await;
    for (seed, days) in [("a", Some(1)), ("b", Some(1)), ("c", None)] {
        vault.push(seed, days).await;
    }
    let told = estimate(&*vault.store().await, &everything()).await.unwrap();
    vault.server.reset_requests();
    let report = vault.audit(&everything()).await;
    let count = |op| vault.server.count(op);
    // Bundles, Assay bundles, CAVRA directories, records, signatures with what is deleted; days, runs, subjects.
    assert_eq!((count(Op::ListObjectVersions), count(Op::ListObjectsV2)), (5, 3));
    assert_eq!(count(Op::GetObject), 3);
    assert_eq!((count(Op::GetObjectRetention), count(Op::GetObjectLegalHold)), (2, 2));
    assert_eq!(count(Op::HeadObject), 0);
    assert_eq!(
        vault.server.requests().len(),
        8 + 3 + 4 + 2,
        "and the clock and the bucket's locks"
    );
    let cost = report.cost;
    assert_eq!((cost.list_pages, cost.records, cost.locks, cost.bundle_bytes), (8, 3, 2, 0));
    assert_eq!((told.cost.list_pages, told.cost.records, told.cost.locks), (8, 3, 3));
    assert_eq!((told.bundles, told.cost.bundles), (3, 0));
}

#[tokio::test]
async fn what_reading_would_cost_is_told_by_the_listing_alone() {
    let vault = Vault::new(BucketSettings::plain()).await;
    let bytes: u64 =
        vault.push("a", None).await.size_bytes + vault.push("b", None).await.size_bytes;
    vault.server.reset_requests();
    let told = estimate(&*vault.store().await, &reading()).await.unwrap();
    let listings = [Op::ListObjectsV2, Op::ListObjectVersions];
    let listings: usize = listings.iter().map(|op| vault.server.count(*op)).sum();
    assert_eq!(vault.server.requests().len(), listings);
    assert_eq!((told.cost.bundles, told.cost.bundle_bytes, told.archive_bytes), (2, bytes, bytes));
    assert_eq!(vault.audit(&reading()).await.cost.bundle_bytes, bytes);
}

#[tokio::test]
async fn a_run_is_audited_by_what_it_names() {
    let vault = Vault::new(BucketSettings::locked()).await;
    let (asked, other) = (vault.push("asked", Some(1)).await, vault.push("other", Some(1)).await);
    let bucket = vault.bucket();
    bucket.put(&asked.key, "garbage");
    bucket.put(&other.key, "garbage");
    let foreign = unknown("foreign");
    bucket.put(&format!("team/{}", layout::run_reference("run-asked", foreign)), "x");
    let request = AuditRequest { run_id: Some("run-asked".to_owned()), ..reading() };
    let report = vault.audit(&request).await;
    let expected = [of("bytes_wrong", &asked), ("reference_without_bundle", foreign.to_string())];
    assert_eq!(found(&report), expected.into());
    assert_eq!((report.looked_at.bundles, report.run_id.as_deref()), (2, Some("run-asked")));

    let request = AuditRequest { run_id: Some("nothing".to_owned()), ..everything() };
    let refused = audit(&*vault.store().await, &request, pending(), |_, _| ()).await;
    assert_eq!(refused.unwrap_err().kind(), EvidenceErrorKind::NotFound);
}

/// The references are listed last: a bundle that came meanwhile was not met, and is there.
#[tokio::test]
async fn a_push_that_goes_on_meanwhile_is_no_finding() {
    let settings = BucketSettings::locked().default_retention(LockMode::Governance, 1);
    let vault = Vault::new(settings).await;
    vault.push("before", None).await;
    let gate = vault.server.faults().on(Op::ListObjectsV2).nth(1).hold_before();
    let store = vault.store().await;
    let request = everything();
    let auditing = audit(&*store, &request, pending(), |_, _| ());
    let pushing = async {
        while gate.arrivals() == 0 {
            tokio::task::yield_now().await;
        }
        vault.push("meanwhile", None).await;
        gate.open();
    };
    let (outcome, ()) = tokio::join!(auditing, pushing);
    let report = whole(outcome);
    assert_eq!(found(&report), BTreeSet::new());
    assert_eq!((report.looked_at.bundles, report.looked_at.references), (1, 4));
}
