//! An audit that was cut short goes on where it was, and both together tell everything once.

use strongroom_storage::StorageErrorKind;
use strongroom_storage::evidence::EvidenceErrorKind;
use strongroom_storage::evidence::audit::{Class, Cursor, CutShort};
use strongroom_testkit::s3::Op;
use tokio::sync::Notify;

use super::*;

/// Five bundles that are something else by now, references and objects that lead to nothing. The
/// bundles' ids, in order.
async fn tampered() -> (Vault, Vec<BundleId>) {
    let vault = Vault::new(BucketSettings::plain()).await;
    let bucket = vault.bucket();
    let mut ids = Vec::new();
    for seed in ["a", "b", "c", "d", "e"] {
        let receipt = vault.push(seed, None).await;
        let id = receipt.bundle_id;
        bucket.put(&receipt.key, "garbage");
        bucket.put(&format!("team/records/{id}.txt"), "x");
        bucket.put(&format!("team/bundles/{id}.zip"), "x");
        bucket.put(&format!("team/runs/{seed}.txt"), "x");
        let foreign = unknown(seed);
        bucket.put(&format!("team/{}", layout::run_reference("r", foreign)), "x");
        ids.push(id);
    }
    ids.sort();
    (vault, ids)
}

#[tokio::test]
async fn what_failed_at_any_bundle_goes_on_there_and_tells_nothing_twice() {
    let (vault, ids) = tampered().await;
    let all = found(&vault.audit(&everything()).await);
    assert_eq!(all.len(), 25);
    for (at, id) in ids.iter().enumerate().skip(1) {
        let faults = vault.server.faults();
        let record = format!("records/{id}");
        faults.on(Op::GetObject).key_contains(record).answer_with(403, "InvalidAccessKeyId");
        let store = vault.store().await;
        let outcome = audit(&*store, &everything(), pending(), |_, _| ()).await.unwrap();
        faults.clear();

        let Some(CutShort::Failed(error)) = outcome.cut_short else { panic!("{outcome:?}") };
        let unauthenticated = EvidenceErrorKind::Store(StorageErrorKind::Unauthenticated);
        assert_eq!(error.kind(), unauthenticated);
        let first = outcome.report;
        let cursor = first.resume_after.expect("a cursor");
        let expected = format!("{}/other", ids[at - 1]);
        assert_eq!((cursor.to_string(), first.complete), (expected, false));
        assert_eq!(first.looked_at.bundles, at as u64);

        let resume_after = Some(cursor.to_string().parse::<Cursor>().unwrap());
        let rest = vault.audit(&AuditRequest { resume_after, ..everything() }).await;
        assert_eq!(rest.looked_at.bundles, (ids.len() - at) as u64);
        assert_eq!(rest.cost.records, (ids.len() - at) as u64);
        let (first, rest) = (found(&first), found(&rest));
        assert!(first.is_disjoint(&rest), "{first:#?}\n{rest:#?}");
        assert_eq!(&first | &rest, all);
    }
}

#[tokio::test]
async fn an_audit_that_is_interrupted_tells_what_it_has_and_where_it_was() {
    let (vault, ids) = tampered().await;
    let all = found(&vault.audit(&everything()).await);
    // The references are not listed before somebody wants it to end.
    let gate = vault.server.faults().on(Op::ListObjectsV2).nth(1).hold_before();
    let store = vault.store().await;
    let (request, enough) = (everything(), Notify::new());
    let outcome = audit(&*store, &request, enough.notified(), |report, _| {
        if report.looked_at.bundles == ids.len() as u64 {
            enough.notify_one();
        }
    });
    let outcome = outcome.await.unwrap();
    gate.open();
    assert!(matches!(outcome.cut_short, Some(CutShort::Interrupted)), "{:?}", outcome.cut_short);
    let resume_after = outcome.report.resume_after;
    let last = ids.last().map(|id| format!("{id}/other"));
    assert_eq!(resume_after.map(|cursor| cursor.to_string()), last);
    let rest = vault.audit(&AuditRequest { resume_after, ..everything() }).await;
    assert_eq!((rest.looked_at.bundles, rest.cost.records), (0, 0));
    let (first, rest) = (found(&outcome.report), found(&rest));
    assert!(first.is_disjoint(&rest));
    assert_eq!(&first | &rest, all);
}

/// The exit code of the audit that came to the end speaks for all of it.
#[tokio::test]
async fn the_worst_that_was_found_before_weighs_in_the_audit_that_goes_on() {
    let (vault, ids) = tampered().await;
    let past_all = ids.last().unwrap();
    for (text, worst) in [
        (format!("{past_all}+{past_all}"), Some(Class::Other)),
        (format!("{past_all}+{past_all}/lock"), Some(Class::Lock)),
        (format!("{past_all}+{past_all}/bytes"), Some(Class::Bytes)),
    ] {
        let resume_after = Some(text.parse::<Cursor>().unwrap());
        let rest = vault.audit(&AuditRequest { resume_after, ..everything() }).await;
        assert_eq!(rest.worst(), worst, "{text}");
        assert!(rest.findings.iter().all(|finding| finding.class == Class::Other), "{rest:?}");
    }
}

#[tokio::test]
async fn a_store_that_fails_before_anything_was_looked_at_is_a_failure() {
    let (vault, _) = tampered().await;
    vault.server.faults().on(Op::ListObjectVersions).answer(403);
    vault.server.faults().on(Op::ListObjectsV2).answer(403);
    let outcome = audit(&*vault.store().await, &everything(), pending(), |_, _| ()).await;
    let denied = EvidenceErrorKind::Store(StorageErrorKind::PermissionDenied);
    assert_eq!(outcome.unwrap_err().kind(), denied);
}
