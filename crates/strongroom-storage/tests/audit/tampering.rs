//! What another client did is found, and told once.

use http::Method;
use jiff::SignedDuration;
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::retention::{LockMode, Period};
use strongroom_storage::evidence::audit::{Class, Problem};
use strongroom_testkit::s3::{Op, Right};

use super::*;

#[tokio::test]
async fn of_a_store_that_nobody_touched_there_is_nothing_to_find() {
    for settings in [BucketSettings::locked(), BucketSettings::versioned(), BucketSettings::plain()]
    {
        let days = if settings_lock(&settings) { Some(1) } else { None };
        let vault = Vault::new(settings).await;
        for seed in ["a", "b", "c"] {
            vault.push(seed, days).await;
        }
        for request in [everything(), reading()] {
            let report = vault.audit(&request).await;
            assert_eq!(report.findings, [], "{days:?}");
            let looked_at = report.looked_at;
            assert_eq!((looked_at.bundles, looked_at.records, looked_at.references), (3, 3, 6));
            assert_eq!(looked_at.locks, days.map_or(0, |_| 3));
            assert_eq!(looked_at.bundles_read, if request.read_data { 3 } else { 0 });
        }
    }
}

fn settings_lock(settings: &BucketSettings) -> bool {
    format!("{settings:?}").contains("object_lock: true")
}

/// Everything that the issue of this audit names, at once, on one bucket.
#[tokio::test]
async fn everything_that_another_client_did_is_found_and_told_once() {
    let vault = Vault::new(BucketSettings::locked()).await;
    let flipped = vault.push("flipped", Some(1)).await;
    let missing = vault.push("missing", None).await;
    let unlocked = vault.push("unlocked", Some(1)).await;
    let deleted = vault.push("deleted", Some(1)).await;
    let untouched = vault.push("untouched", Some(1)).await;
    let bucket = vault.bucket();

    let mut bytes = bucket.object(&flipped.key).unwrap().to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    bucket.plant_over(&flipped.key, bytes);
    let version = missing.version_id.as_deref().unwrap();
    let gone = vault.attacker.delete_version("vault", &missing.key, version).await;
    assert!(gone.status.is_success(), "{gone:?}");
    take_lock_away(&vault, &unlocked).await;
    bucket.delete(&deleted.key);
    let foreign = unknown("foreign");
    bucket.put(&format!("team/{}", layout::run_reference("r", foreign)), foreign.to_string());
    bucket.put("team/records/readme.txt", "hello");

    let mut expected = BTreeSet::from([
        of("object_replaced", &flipped),
        of("bundle_missing", &missing),
        of("lock_weaker", &unlocked),
        of("delete_marker", &deleted),
        ("reference_without_bundle", foreign.to_string()),
        ("foreign_object", "team/records/readme.txt".to_owned()),
    ]);
    let report = vault.audit(&everything()).await;
    assert_eq!(found(&report), expected);
    assert_eq!(report.worst(), Some(Class::Lock));
    assert!(!found(&report).contains(&of("lock_weaker", &untouched)));

    expected.remove(&of("object_replaced", &flipped));
    expected.insert(of("bytes_wrong", &flipped));
    let report = vault.audit(&reading()).await;
    assert_eq!(found(&report), expected);
    assert_eq!(report.worst(), Some(Class::Bytes));
    let wrong = report.findings.iter().find(|finding| finding.class == Class::Bytes).unwrap();
    let Problem::BytesWrong { intact_version, .. } = &wrong.problem else { panic!("{wrong:?}") };
    assert_eq!(*intact_version, flipped.version_id);
}

/// Somebody who may bypass GOVERNANCE makes a lock end in a moment.
async fn take_lock_away(vault: &Vault, receipt: &Receipt) {
    let version = receipt.version_id.as_deref().unwrap();
    let body = "<Retention xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"></Retention>";
    let bypass = [("x-amz-bypass-governance-retention", "true")];
    let query = format!("retention=&versionId={version}");
    let answer =
        vault.attacker.request(Method::PUT, "vault", &receipt.key, &query, &bypass, body).await;
    assert!(answer.status.is_success(), "{answer:?}");
}

#[tokio::test]
async fn bytes_that_rotted_where_no_version_is_left_are_found() {
    let vault = Vault::new(BucketSettings::plain()).await;
    let receipt = vault.push("a", None).await;
    vault.bucket().put(&receipt.key, "garbage");
    assert_eq!(found(&vault.audit(&everything()).await), [of("object_replaced", &receipt)].into());
    let report = vault.audit(&reading()).await;
    assert_eq!(found(&report), [of("bytes_wrong", &receipt)].into());
    assert_eq!(report.looked_at.bundles_read, 1);
}

#[tokio::test]
async fn a_byte_that_is_flipped_on_its_way_is_not_told_of_the_store_that_has_it_right() {
    let vault = Vault::new(BucketSettings::locked()).await;
    let receipt = vault.push("a", Some(1)).await;
    vault.server.faults().on(Op::GetObject).key_contains("bundles/").first(1).flip_a_bit();
    let report = vault.audit(&reading()).await;
    // What was read was wrong; what is told is the version that is right.
    assert_eq!(found(&report), [of("bytes_wrong", &receipt)].into());
    let Problem::BytesWrong { intact_version, .. } = &report.findings[0].problem else { panic!() };
    assert_eq!(*intact_version, receipt.version_id);
}

#[tokio::test]
async fn a_lock_lapses_and_is_told_before_it_does() {
    let vault = Vault::new(BucketSettings::locked()).await;
    let (short, long) = (vault.push("short", Some(10)).await, vault.push("long", Some(100)).await);
    let within = |days| AuditRequest { expiring_within: Some(Period::Days(days)), ..everything() };
    assert_eq!(found(&vault.audit(&within(9)).await), BTreeSet::new());
    let report = vault.audit(&within(30)).await;
    assert_eq!(found(&report), [of("lock_expiring", &short)].into());
    assert_eq!(report.worst(), Some(Class::Other));

    vault.server.clock().advance(SignedDuration::from_hours(11 * 24));
    let report = vault.audit(&within(30)).await;
    assert_eq!(found(&report), [of("lock_lapsed", &short)].into());
    assert_eq!(report.worst(), Some(Class::Lock));
    vault.server.clock().advance(SignedDuration::from_hours(90 * 24));
    let both = [of("lock_lapsed", &short), of("lock_lapsed", &long)].into();
    assert_eq!(found(&vault.audit(&within(30)).await), both);
}

#[tokio::test]
async fn a_hold_that_was_lifted_by_another_client_is_found() {
    let vault = Vault::new(BucketSettings::locked()).await;
    let receipt = push_to(&*vault.store().await, vault.plan("held", None), true).await;
    assert_eq!(found(&vault.audit(&everything()).await), BTreeSet::new());
    let version = receipt.version_id.as_deref().unwrap();
    let query = format!("legal-hold=&versionId={version}");
    let body = "<LegalHold xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
                <Status>OFF</Status></LegalHold>";
    let lifted =
        vault.attacker.request(Method::PUT, "vault", &receipt.key, &query, &[], body).await;
    assert!(lifted.status.is_success(), "{lifted:?}");
    assert_eq!(found(&vault.audit(&everything()).await), [of("lock_weaker", &receipt)].into());
}

#[tokio::test]
async fn a_lock_that_may_not_be_seen_is_told_as_that_and_never_as_broken() {
    let blind = User::new("blind", "blind-secret").without(Right::ReadLocks);
    let vault = Vault::with_user(BucketSettings::locked(), Some(blind.clone())).await;
    let (locked, _open) = (vault.push("a", Some(1)).await, vault.push("b", None).await);
    let store = vault.store_of(&blind).await;
    let report = whole(audit(&*store, &everything(), pending(), |_, _| ()).await);
    assert_eq!(found(&report), [of("lock_unobserved", &locked)].into());
    assert_eq!((report.looked_at.locks, report.looked_at.locks_unobserved), (1, 1));
    assert_eq!(report.worst(), Some(Class::Lock));
}

#[tokio::test]
async fn a_version_that_a_record_names_and_that_is_gone_is_found_below_another() {
    let settings = BucketSettings::locked().default_retention(LockMode::Governance, 1);
    let vault = Vault::new(settings).await;
    let receipt = vault.push("a", None).await;
    let bucket = vault.bucket();
    let same = bucket.object(&receipt.key).unwrap();
    bucket.plant_over(&receipt.key, same);
    let bypass = [("x-amz-bypass-governance-retention", "true")];
    let query = format!("versionId={}", receipt.version_id.as_deref().unwrap());
    let deleted =
        vault.attacker.request(Method::DELETE, "vault", &receipt.key, &query, &bypass, "").await;
    assert!(deleted.status.is_success(), "{deleted:?}");
    let report = vault.audit(&reading()).await;
    assert_eq!(found(&report), [of("version_missing", &receipt)].into());
    assert_eq!(report.findings[0].version_id, receipt.version_id);
}

#[tokio::test]
async fn records_that_are_none_or_of_another_bundle_are_told_and_promise_nothing() {
    let vault = Vault::new(BucketSettings::locked()).await;
    let (first, second) = (vault.push("a", Some(1)).await, vault.push("b", Some(1)).await);
    let bucket = vault.bucket();
    let records = format!("team/{}", layout::records_of(first.bundle_id));
    let record = bucket.object(&bucket.keys_under(&records)[0]).unwrap();
    let id = Clock::system().new_id();
    bucket.put(&format!("team/{}", layout::record(second.bundle_id, id)), record);
    bucket.put(&format!("team/{}", layout::record(first.bundle_id, id)), "not a record");
    let report = vault.audit(&everything()).await;
    let expected = [of("record_unreadable", &first), of("record_unreadable", &second)];
    assert_eq!(found(&report), expected.into());
    assert_eq!(report.looked_at.locks, 2);
}

#[tokio::test]
async fn a_bundle_that_nothing_leads_to_or_tells_of_is_found() {
    let vault = Vault::new(BucketSettings::plain()).await;
    let hidden = vault.push("hidden", None).await;
    let unindexed = vault.push("unindexed", None).await;
    let unrecorded = vault.push("unrecorded", None).await;
    let bucket = vault.bucket();
    for key in bucket.keys() {
        let of = |receipt: &Receipt| key.contains(&receipt.bundle_id.to_string());
        let is_index = key.starts_with("team/index/");
        if of(&hidden) && key.ends_with(".ref")
            || of(&unindexed) && is_index
            || of(&unrecorded) && key.starts_with("team/records/")
        {
            bucket.delete(&key);
        }
    }
    let expected = [
        of("bundle_without_reference", &hidden),
        of("bundle_without_index_entry", &unindexed),
        of("bundle_without_record", &unrecorded),
    ];
    assert_eq!(found(&vault.audit(&everything()).await), expected.into());
}

/// As `rm --recursive` does with nothing but the right to delete.
#[tokio::test]
async fn a_bundle_of_which_everything_is_under_a_delete_marker_is_found() {
    let vault = Vault::new(BucketSettings::locked()).await;
    let (hidden, kept) = (vault.push("hidden", Some(1)).await, vault.push("kept", Some(1)).await);
    let bucket = vault.bucket();
    let its_own = |key: &String| key.contains(&hidden.bundle_id.to_string());
    bucket.keys().iter().filter(|key| its_own(key)).for_each(|key| bucket.delete(key));
    let report = vault.audit(&everything()).await;
    let mut expected =
        BTreeSet::from([of("delete_marker", &hidden), of("records_deleted", &hidden)]);
    assert_eq!(found(&report), expected);
    let left = report.findings.iter().find_map(|finding| match finding.problem {
        Problem::DeleteMarker { versions_left, .. } => Some(versions_left),
        _ => None,
    });
    assert_eq!((left, report.deleted_listed), (Some(1), Observed::Observed(true)));

    let records = format!("team/{}", layout::records_of(kept.bundle_id));
    bucket.keys_under(&records).iter().for_each(|key| bucket.delete(key));
    let report = vault.audit(&everything()).await;
    expected.insert(of("records_deleted", &kept));
    assert_eq!(found(&report), expected);
    // What is below the markers was read, and its promises are kept.
    assert_eq!((report.looked_at.records, report.looked_at.locks), (2, 2));
    assert_eq!(report.worst(), Some(Class::Other));
}

/// The record of a lock is hidden, and the lock is taken away: the promise is held against it all the
/// same.
#[tokio::test]
async fn what_a_hidden_record_promises_is_held_against_the_lock() {
    for hide in [Hide::Marker, Hide::Garbage, Hide::RecordOfAnother] {
        let vault = Vault::new(BucketSettings::locked()).await;
        let receipt = vault.push("a", Some(1)).await;
        let other = vault.push("b", None).await;
        let bucket = vault.bucket();
        let key_of = |receipt: &Receipt| {
            let records = format!("team/{}", layout::records_of(receipt.bundle_id));
            bucket.keys_under(&records).remove(0)
        };
        let record = key_of(&receipt);
        let told = match hide {
            Hide::Marker => {
                bucket.delete(&record);
                "records_deleted"
            }
            Hide::Garbage => {
                bucket.plant_over(&record, "{}");
                "record_covered"
            }
            Hide::RecordOfAnother => {
                bucket.plant_over(&record, bucket.object(&key_of(&other)).unwrap().to_vec());
                "record_covered"
            }
        };
        assert_eq!(found(&vault.audit(&everything()).await), [of(told, &receipt)].into());
        take_lock_away(&vault, &receipt).await;
        let report = vault.audit(&everything()).await;
        assert_eq!(found(&report), [of(told, &receipt), of("lock_weaker", &receipt)].into());
    }
}

#[derive(Clone, Copy)]
enum Hide {
    Marker,
    Garbage,
    RecordOfAnother,
}

/// Nobody knows any more what was promised: that is a finding of the weight of a broken lock.
#[tokio::test]
async fn a_promise_that_nobody_can_read_any_more_weighs_as_much_as_a_lock() {
    let vault = Vault::new(BucketSettings::locked()).await;
    let receipt = vault.push("a", Some(1)).await;
    let bucket = vault.bucket();
    let records = format!("team/{}", layout::records_of(receipt.bundle_id));
    let record = bucket.keys_under(&records).remove(0);
    let version = bucket.versions(&record)[0].id.clone();
    bucket.delete(&record);
    let bypass = [("x-amz-bypass-governance-retention", "true")];
    let query = format!("versionId={version}");
    let gone = vault.attacker.request(Method::DELETE, "vault", &record, &query, &bypass, "").await;
    assert!(gone.status.is_success(), "{gone:?}");
    let report = vault.audit(&everything()).await;
    assert_eq!(found(&report), [of("records_deleted", &receipt)].into());
    assert_eq!(report.findings[0].problem, Problem::RecordsDeleted { lost: 1 });
    assert_eq!(report.worst(), Some(Class::Lock));

    bucket.plant_over(&record, r#"{"schema": "strongroom.receipt/v9"}"#);
    let report = vault.audit(&everything()).await;
    assert_eq!(found(&report), [of("record_unread", &receipt)].into());
    assert_eq!(report.worst(), Some(Class::Lock));
}

#[tokio::test]
async fn a_bundle_that_was_disposed_of_by_version_is_no_finding() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    let disposed = vault.push("disposed", None).await;
    let bucket = vault.bucket();
    for key in bucket.keys() {
        let versions = bucket.versions(&key);
        if key.ends_with(".ref") {
            bucket.delete(&key);
            continue;
        }
        bucket.delete(&key);
        let deleted = vault.attacker.delete_version("vault", &key, &versions[0].id).await;
        assert!(deleted.status.is_success(), "{deleted:?}");
    }
    assert_eq!(found(&vault.audit(&everything()).await), BTreeSet::new());
    // Until something leads to it.
    let reference = layout::run_reference("r", disposed.bundle_id);
    bucket.put(&format!("team/{reference}"), "x");
    let report = vault.audit(&everything()).await;
    assert_eq!(found(&report), [of("delete_marker", &disposed)].into());
}

#[tokio::test]
async fn that_what_is_deleted_was_not_listed_is_told() {
    let user = User::new("blind", "blind-secret").without(Right::ListVersions);
    let vault = Vault::with_user(BucketSettings::locked(), Some(user.clone())).await;
    let deleted = vault.push("deleted", Some(1)).await;
    vault.bucket().delete(&deleted.key);
    let store = vault.store_of(&user).await;
    let report = whole(audit(&*store, &everything(), pending(), |_, _| ()).await);
    assert_eq!(report.deleted_listed, Observed::Unobserved(Unobserved::PermissionDenied));
    assert_eq!(found(&report), [of("bundle_missing", &deleted)].into());
    let Problem::BundleMissing { versions_unobserved } = &report.findings[0].problem else {
        panic!("{report:?}")
    };
    assert_eq!(*versions_unobserved, Some(Unobserved::PermissionDenied));
}
