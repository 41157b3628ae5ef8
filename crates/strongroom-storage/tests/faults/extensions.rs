//! Retention on stored evidence: extended, never shortened, and shown beside what records promise.

use jiff::{SignedDuration, Timestamp};
use strongroom_core::retention::{LockMode, Retention};
use strongroom_storage::evidence::{
    ExtendRequest, Extension, LockChange, ObjectRole, ObjectState, RetentionReport, Standing,
    show_retention,
};
use strongroom_storage::{ObjectKey, VersionId};
use strongroom_testkit::s3::Right;

use super::holds::{asker, garbage_for, place};
use super::*;

fn in_days(days: i64) -> Timestamp {
    let now = Clock::system().now() + SignedDuration::from_hours(24 * days);
    Timestamp::from_second(now.as_second()).unwrap()
}

pub(crate) fn asked(id: BundleId, retain_until: Timestamp) -> ExtendRequest {
    ExtendRequest {
        id,
        retain_until,
        mode: None,
        default_mode: LockMode::Governance,
        allow_advisory_lock: false,
        asker: asker("policy of 2026"),
    }
}

pub(crate) async fn extend(
    store: &dyn Storage,
    request: ExtendRequest,
) -> Result<LockChange, EvidenceError> {
    let clock = Clock::system();
    Extension::prepare(store, request, &clock).await?.execute().await
}

/// A bundle under a governance lock of 30 days.
async fn vault_with_a_lock() -> (Vault, Arc<dyn Storage>, BundleId) {
    let vault = Vault::new(BucketSettings::locked()).await;
    let store = vault.store().await;
    let locked = PushRequest { retain_until: Some(in_days(30)), ..request() };
    let id = push_to(&*store, vault.small(), locked).await.unwrap().receipt.bundle_id;
    (vault, store, id)
}

fn retention_of(vault: &Vault, key: &str) -> Retention {
    vault.bucket().versions(key)[0].retention.unwrap()
}

/// Every key of the bundle and its records, with the date of its first version.
fn dates(vault: &Vault) -> Vec<Timestamp> {
    let bucket = vault.bucket();
    let keys = bucket.keys_under("team/bundles/").into_iter();
    let keys = keys.chain(bucket.keys_under("team/records/"));
    keys.map(|key| retention_of(vault, &key).retain_until).collect()
}

fn standing_of(report: &RetentionReport, role: ObjectRole) -> Standing {
    report.objects.iter().find(|object| object.role == role).unwrap().standing
}

#[tokio::test]
async fn the_bundle_and_its_records_are_locked_for_longer_and_that_is_on_record() {
    let (vault, store, id) = vault_with_a_lock().await;
    let until = in_days(90);
    let extended = extend(&*store, asked(id, until)).await.unwrap();
    assert!(extended.shortfall.is_none() && extended.is_new, "{:?}", extended.shortfall);
    assert_eq!(extended.records.len(), 1);
    // The bundle, the receipt, and the record of the extension.
    assert_eq!(dates(&vault), [until; 3]);
    let report = show_retention(&*store, id).await.unwrap();
    let bundle = &report.objects[0];
    assert_eq!(bundle.promised_retention.unwrap().retain_until, until);
    assert_eq!((bundle.retention, bundle.standing), (bundle.promised_retention, Standing::Kept));

    let again = extend(&*store, asked(id, until)).await.unwrap();
    assert!(!again.is_new && again.records.is_empty());
}

#[tokio::test]
async fn an_earlier_date_and_a_weaker_mode_are_refused_and_nothing_is_sent() {
    let (vault, store, id) = vault_with_a_lock().await;
    let stronger = ExtendRequest { mode: Some(LockMode::Compliance), ..asked(id, in_days(60)) };
    extend(&*store, stronger).await.unwrap();
    vault.server.reset_requests();
    let weaker = ExtendRequest { mode: Some(LockMode::Governance), ..asked(id, in_days(90)) };
    for refused in [asked(id, in_days(40)), weaker] {
        let refused = extend(&*store, refused).await.unwrap_err();
        assert_eq!(refused.kind(), EvidenceErrorKind::RetentionNotMet, "{refused}");
    }
    let writes = vault.server.requests();
    let writes = writes.iter().filter(|seen| {
        matches!(seen.op, Op::PutObject | Op::PutObjectRetention | Op::PutObjectLegalHold)
    });
    assert_eq!(writes.count(), 0);
    // Without a word the mode stays.
    extend(&*store, asked(id, in_days(90))).await.unwrap();
    assert_eq!(retention_of(&vault, &bundle_key(id)).mode, LockMode::Compliance);
}

#[tokio::test]
async fn a_compliance_lock_is_told_before_it_is_set() {
    let (_vault, store, id) = vault_with_a_lock().await;
    let clock = Clock::system();
    let until = in_days(90);
    let governance = Extension::prepare(&*store, asked(id, until), &clock).await.unwrap();
    assert_eq!(governance.beyond_undoing(), None);
    let stronger = ExtendRequest { mode: Some(LockMode::Compliance), ..asked(id, until) };
    let compliance = Extension::prepare(&*store, stronger, &clock).await.unwrap();
    let told = Retention { mode: LockMode::Compliance, retain_until: until };
    assert_eq!(compliance.beyond_undoing(), Some(told));
    assert!(compliance.plan().objects.iter().all(|o| o.state == ObjectState::WouldChange));
}

#[tokio::test]
async fn what_is_set_and_not_on_record_is_not_acknowledged_and_the_same_again_records_it() {
    let (vault, store, id) = vault_with_a_lock().await;
    let until = in_days(90);
    let lost = vault.server.faults().on(Op::PutObject).key_contains("records/").answer(403);
    let cut = extend(&*store, asked(id, until)).await.unwrap_err();
    assert_eq!((cut.kind(), lost.fired()), (EvidenceErrorKind::PartlyDone, 1));
    assert_eq!(retention_of(&vault, &bundle_key(id)).retain_until, until);
    vault.server.faults().clear();
    let finished = extend(&*store, asked(id, until)).await.unwrap();
    assert_eq!((finished.is_new, finished.records.len()), (true, 1));
    let report = show_retention(&*store, id).await.unwrap();
    assert_eq!(report.objects[0].promised_retention.unwrap().retain_until, until);
}

#[tokio::test]
async fn an_extension_that_some_objects_refuse_is_partly_done_and_names_them() {
    let (vault, store, id) = vault_with_a_lock().await;
    vault.server.faults().on(Op::PutObjectRetention).key_contains("records/").answer(403);
    let extended = extend(&*store, asked(id, in_days(90))).await.unwrap();
    assert_eq!(extended.shortfall.unwrap().kind(), EvidenceErrorKind::PartlyDone);
    let states: Vec<_> = extended.objects.iter().map(|o| (o.role, o.state)).collect();
    let expected =
        [(ObjectRole::Bundle, ObjectState::Changed), (ObjectRole::Record, ObjectState::NotMet)];
    assert_eq!(states, expected);
}

#[tokio::test]
async fn where_the_lock_may_not_be_read_nothing_is_extended() {
    let blind = User::new("blind", "blind-secret").without(Right::ReadLocks);
    let builder = S3Server::builder().bucket("vault", BucketSettings::locked());
    let vault = Vault::on(builder.user(blind.clone())).await;
    let locked = PushRequest { retain_until: Some(in_days(30)), ..request() };
    let owner = vault.store().await;
    let id = push_to(&*owner, vault.small(), locked).await.unwrap().receipt.bundle_id;
    let store = vault.store_of(&blind).await;
    let before = dates(&vault);
    let refused = extend(&*store, asked(id, in_days(90))).await.unwrap_err();
    assert_eq!(refused.kind(), EvidenceErrorKind::LockUnobserved);
    assert_eq!(dates(&vault), before);
    let report = show_retention(&*store, id).await.unwrap();
    assert_eq!(standing_of(&report, ObjectRole::Bundle), Standing::Unobserved);
    assert_eq!(report.objects[0].retention, None);
}

#[tokio::test]
async fn a_lock_that_could_not_be_read_back_is_unobserved_and_not_promised() {
    let (vault, store, id) = vault_with_a_lock().await;
    // The first two look before, the third looks after.
    let denied = vault.server.faults().on(Op::GetObjectRetention).key_contains("bundles/");
    let denied = denied.from(3).answer(403);
    let until = in_days(90);
    let extended = extend(&*store, asked(id, until)).await.unwrap();
    assert_eq!(extended.shortfall.unwrap().kind(), EvidenceErrorKind::LockUnobserved);
    assert_eq!((extended.objects[0].state, denied.fired()), (ObjectState::Unobserved, 1));
    assert_eq!(retention_of(&vault, &bundle_key(id)).retain_until, until);
    vault.server.faults().clear();
    let report = show_retention(&*store, id).await.unwrap();
    assert!(report.objects[0].promised_retention.unwrap().retain_until < until);
}

#[tokio::test]
async fn the_version_that_holds_the_bundle_is_extended_and_garbage_on_top_is_not() {
    let (vault, store, id) = vault_with_a_lock().await;
    vault.bucket().plant_over(&bundle_key(id), garbage_for(&vault, id));
    let until = in_days(90);
    extend(&*store, asked(id, until)).await.unwrap();
    let versions = vault.bucket().versions(&bundle_key(id));
    assert_eq!(versions[0].retention.unwrap().retain_until, until);
    assert_eq!(versions[1].retention, None);
}

#[tokio::test]
async fn where_no_receipt_pins_a_version_the_bundle_is_found_by_reading_it() {
    let (vault, store, id) = vault_with_a_lock().await;
    for record in vault.bucket().keys_under("team/records/") {
        vault.bucket().delete(&record);
    }
    vault.bucket().plant_over(&bundle_key(id), "garbage");
    let until = in_days(90);
    let extended = extend(&*store, asked(id, until)).await.unwrap();
    assert!(extended.shortfall.is_none());
    let versions = vault.bucket().versions(&bundle_key(id));
    assert_eq!(versions[0].retention.unwrap().retain_until, until);
    assert_eq!(versions[1].retention, None);

    let absent = BundleId(strongroom_core::Sha256Digest::of(b"absent"));
    let refused = extend(&*store, asked(absent, until)).await.unwrap_err();
    assert_eq!(refused.kind(), EvidenceErrorKind::NotFound);
    assert_eq!(
        show_retention(&*store, absent).await.unwrap_err().kind(),
        EvidenceErrorKind::NotFound
    );
}

#[tokio::test]
async fn a_bucket_without_object_lock_is_refused_before_anything_is_sent() {
    let vault = Vault::new(BucketSettings::versioned()).await;
    let id = vault.push(vault.small()).await.unwrap().receipt.bundle_id;
    let keys = vault.bucket().keys();
    let store = vault.store().await;
    let refusals = [
        extend(&*store, asked(id, in_days(90))).await.unwrap_err(),
        place(&*store, id, "case 17").await.unwrap_err(),
    ];
    for refused in refusals {
        assert_eq!(refused.kind(), EvidenceErrorKind::RetentionNotMet, "{refused}");
    }
    assert_eq!(vault.bucket().keys(), keys);
    let report = show_retention(&*store, id).await.unwrap();
    assert_eq!(standing_of(&report, ObjectRole::Bundle), Standing::NothingPromised);
}

#[tokio::test]
async fn what_another_client_took_away_is_shown_beside_what_was_promised() {
    let (vault, store, id) = vault_with_a_lock().await;
    place(&*store, id, "case 17").await.unwrap();
    let report = show_retention(&*store, id).await.unwrap();
    assert!(report.objects.iter().all(|object| !object.standing.is_a_disagreement()));
    assert_eq!((report.holds.len(), report.holds[0].is_placed), (1, true));

    let key = ObjectKey::new(layout::bundle(id)).unwrap();
    store.set_legal_hold(&key, None, false).await.unwrap();
    let report = show_retention(&*store, id).await.unwrap();
    assert_eq!(report.objects[0].standing, Standing::Weaker);
    assert_eq!(report.objects[0].promised_holds, [report.holds[0].hold_id]);

    // A record that records speak of, and that is gone.
    let record = report.objects.iter().find(|object| object.role == ObjectRole::Record).unwrap();
    let relative = record.key.strip_prefix("team/").unwrap();
    let key = ObjectKey::new(relative).unwrap();
    let version = VersionId(record.version_id.clone().unwrap());
    store.set_legal_hold(&key, Some(&version), false).await.unwrap();
    vault.bucket().set_up(BucketSettings::versioned());
    vault.server.faults().on(Op::GetObjectRetention).key_contains(relative).answer(404);
    let report = show_retention(&*store, id).await.unwrap();
    let gone = report.objects.iter().find(|object| object.key == record.key).unwrap();
    assert_eq!(gone.standing, Standing::Missing);
}

#[tokio::test]
async fn an_extension_while_a_hold_is_open_keeps_a_record_that_is_held_too() {
    let (vault, store, id) = vault_with_a_lock().await;
    place(&*store, id, "case 17").await.unwrap();
    let extended = extend(&*store, asked(id, in_days(90))).await.unwrap();
    assert!(vault.bucket().versions(&extended.records[0])[0].legal_hold);
}
