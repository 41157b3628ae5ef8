use proptest::prelude::*;
use proptest::sample::subsequence;

use super::*;
use crate::receipt::{
    CreateOnly, EnforcedBy, Integrity, LockHow, LockReceipt, RECEIPT_SCHEMA, Status,
};
use crate::record::RECORD_SCHEMA;
use crate::retention::LockMode;
use crate::{BundleId, Sha256Digest};

const NOON: &str = "2026-11-21T12:00:00Z";

fn bundle() -> BundleId {
    BundleId(Sha256Digest::of(b"bundle"))
}

fn subject() -> Subject {
    Subject::BundleId(bundle())
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn name(key: &str) -> ObjectName {
    ObjectName { key: key.to_owned(), version_id: Some("v1".to_owned()) }
}

fn until(mode: LockMode, days: i64) -> Retention {
    let noon: Timestamp = NOON.parse().unwrap();
    Retention { mode, retain_until: noon + jiff::SignedDuration::from_hours(24 * days) }
}

fn receipt(number: u128, retention: Option<Retention>, hold_before: Option<bool>) -> KeptRecord {
    let lock = LockReceipt {
        mode: retention.map(|retention| retention.mode),
        retain_until: retention.map(|retention| retention.retain_until),
        legal_hold: Some(hold_before.is_some()),
        legal_hold_was_set_before: hold_before,
        enforced_by: EnforcedBy::Store,
        how: LockHow::InWrite,
        unlocked_ms: None,
        read_back_at: Some(NOON.parse().unwrap()),
        unobserved: None,
    };
    let receipt = Receipt {
        plan_sha256: None,
        schema: RECEIPT_SCHEMA.to_owned(),
        bundle_id: bundle(),
        run_ids: Vec::new(),
        archive_sha256: Sha256Digest::of(b"archive"),
        store: "s3://evidence".to_owned(),
        endpoint: None,
        key: "bundle".to_owned(),
        version_id: Some("v1".to_owned()),
        other_versions: None,
        etag: None,
        size_bytes: 1,
        integrity: Integrity::ReadBack,
        create_only: CreateOnly::Checked,
        lock,
        encryption: None,
        storage_class: None,
        stored_at: Some(NOON.parse().unwrap()),
        status: Status::Stored,
    };
    KeptRecord { id: id(number), record: Record::Receipt(Box::new(receipt)) }
}

fn change(number: u128, change: Change, objects: Vec<RecordedObject>) -> KeptRecord {
    let record = ChangeRecord {
        schema: RECORD_SCHEMA.to_owned(),
        subject: subject(),
        store: "s3://evidence".to_owned(),
        endpoint: None,
        at: NOON.parse().unwrap(),
        by: None,
        reason: Some(format!("reason {number}")),
        change,
        objects,
        written_with_hold: false,
    };
    KeptRecord { id: id(number), record: Record::Change(Box::new(record)) }
}

fn dated(key: &str, retention: Retention) -> RecordedObject {
    RecordedObject {
        retention: Some(retention),
        ..RecordedObject::new(key.to_owned(), Some("v1".to_owned()))
    }
}

fn held(key: &str, before: HoldBefore) -> RecordedObject {
    RecordedObject {
        hold_before: Some(before),
        legal_hold: Some(true),
        ..RecordedObject::new(key.to_owned(), Some("v1".to_owned()))
    }
}

fn fold(records: &[KeptRecord]) -> History {
    History::of(subject(), records)
}

#[test]
fn an_extension_adds_to_the_receipt_and_takes_nothing_away() {
    let long_governance = until(LockMode::Governance, 90);
    let short_compliance = until(LockMode::Compliance, 30);
    let asked = Change::Extension { asked: short_compliance };
    let records = [
        receipt(1, Some(long_governance), None),
        change(2, asked, vec![dated("bundle", short_compliance)]),
    ];
    let promised = fold(&records).promised(&name("bundle"));
    assert_eq!(promised.retention, Some(until(LockMode::Compliance, 90)));
}

#[test]
fn a_promise_speaks_of_its_own_version_only() {
    let history = fold(&[receipt(1, Some(until(LockMode::Governance, 90)), None)]);
    let other = ObjectName { version_id: Some("v2".to_owned()), ..name("bundle") };
    assert_eq!(history.promised(&other), Lock::NONE);
    assert!(!history.promised(&name("bundle")).is_none());
}

#[test]
fn a_hold_that_was_only_begun_is_open_and_promises_nothing() {
    let begun = Change::HoldBegun { hold_id: id(2) };
    let history = fold(&[change(2, begun, vec![held("bundle", HoldBefore::Off)])]);
    assert_eq!(history.open_holds().count(), 1);
    assert_eq!(history.promised(&name("bundle")), Lock::NONE);
}

#[test]
fn a_hold_that_was_not_read_back_on_an_object_is_not_promised_of_it() {
    let unread = RecordedObject { legal_hold: None, ..held("other", HoldBefore::Off) };
    let placed = Change::HoldPlaced { hold_id: id(2) };
    let history = fold(&[change(3, placed, vec![held("bundle", HoldBefore::Off), unread])]);
    assert!(history.promised(&name("bundle")).legal_hold);
    assert!(!history.promised(&name("other")).legal_hold);
}

#[test]
fn the_hold_of_a_push_has_the_id_of_its_receipt_and_is_released_by_it() {
    let placed = receipt(1, None, Some(false));
    let history = fold(std::slice::from_ref(&placed));
    assert!(history.promised(&name("bundle")).legal_hold);
    assert!(history.holds[&id(1)].by_push && history.records_written_with_hold.contains(&id(1)));
    let released = change(2, Change::ReleaseBegun { hold_id: id(1) }, vec![]);
    assert!(!fold(&[placed, released]).promised(&name("bundle")).legal_hold);
}

#[test]
fn a_hold_that_a_push_saw_but_was_not_asked_for_is_somebody_elses() {
    let mut seen = receipt(1, None, None);
    let Record::Receipt(receipt) = &mut seen.record else { panic!() };
    receipt.lock.legal_hold = Some(true);
    let history = fold(&[seen]);
    assert!(history.holds.is_empty());
    assert_eq!(history.promised(&name("bundle")), Lock::NONE);
}

#[test]
fn a_bit_that_a_push_found_on_is_ours_only_where_an_open_hold_of_ours_explains_it() {
    let before_of = |records: &[KeptRecord], hold: u128| {
        fold(records).holds[&id(hold)].objects[&name("bundle")].before
    };
    let ours = [receipt(1, None, Some(false)), receipt(5, None, Some(true))];
    assert_eq!(before_of(&ours, 5), Some(HoldBefore::Ours));
    // A later release of the first does not change what the second found.
    let later = change(6, Change::ReleaseBegun { hold_id: id(1) }, vec![]);
    let with_later = [ours[0].clone(), ours[1].clone(), later];
    assert_eq!(before_of(&with_later, 5), Some(HoldBefore::Ours));
    // An earlier one does.
    let earlier = change(3, Change::ReleaseBegun { hold_id: id(1) }, vec![]);
    let with_earlier = [ours[0].clone(), ours[1].clone(), earlier];
    assert_eq!(before_of(&with_earlier, 5), Some(HoldBefore::Others));
    // Nothing explains it; and a hold that found somebody else's bit does not either.
    assert_eq!(before_of(&[receipt(5, None, Some(true))], 5), Some(HoldBefore::Others));
    let chain = [receipt(4, None, Some(true)), receipt(5, None, Some(true))];
    assert_eq!(before_of(&chain, 5), Some(HoldBefore::Others));
    // One that found ours does.
    let three = [ours[0].clone(), ours[1].clone(), receipt(9, None, Some(true))];
    assert_eq!(before_of(&three, 9), Some(HoldBefore::Ours));
}

#[test]
fn a_bit_is_ours_until_it_was_cleared_and_somebody_elses_where_it_was_on_before_us() {
    let bundle = name("bundle");
    let placed = |number, hold, before| {
        change(number, Change::HoldPlaced { hold_id: id(hold) }, vec![held("bundle", before)])
    };
    let released = |number, hold| {
        let off = RecordedObject { legal_hold: Some(false), ..held("bundle", HoldBefore::Off) };
        change(number, Change::HoldReleased { hold_id: id(hold) }, vec![off])
    };
    let whose = |records: &[KeptRecord]| fold(records).whose_bit(&bundle, None);
    assert_eq!(whose(&[]), None);
    assert_eq!(whose(&[placed(1, 1, HoldBefore::Off)]), Some(HoldBefore::Ours));
    assert_eq!(whose(&[placed(1, 1, HoldBefore::Others)]), Some(HoldBefore::Others));
    // Given up, and not cleared yet: a release that was cut short leaves a bit that is ours.
    let begun = change(2, Change::ReleaseBegun { hold_id: id(1) }, vec![]);
    assert_eq!(whose(&[placed(1, 1, HoldBefore::Off), begun]), Some(HoldBefore::Ours));
    // Cleared: whoever set it since is somebody else.
    assert_eq!(whose(&[placed(1, 1, HoldBefore::Off), released(2, 1)]), None);
    let again = [placed(1, 1, HoldBefore::Off), released(2, 1), placed(3, 3, HoldBefore::Others)];
    assert_eq!(whose(&again), Some(HoldBefore::Others));
    // Given up, left on, and seen off by the next hold: they cleared it themselves.
    let begun = change(2, Change::ReleaseBegun { hold_id: id(1) }, vec![]);
    let theirs = [placed(1, 1, HoldBefore::Others), begun, placed(3, 3, HoldBefore::Off)];
    assert_eq!(whose(&theirs), Some(HoldBefore::Ours));
    // An earlier hold that found another's bit says nothing once the bit was cleared after it.
    let anew = [placed(1, 1, HoldBefore::Others), released(2, 1), placed(3, 3, HoldBefore::Off)];
    assert_eq!(whose(&anew), Some(HoldBefore::Ours));
}

#[test]
fn a_record_that_was_written_with_a_hold_explains_its_own_bit() {
    let mut placed = change(1, Change::HoldPlaced { hold_id: id(1) }, vec![]);
    let Record::Change(record) = &mut placed.record else { panic!() };
    record.written_with_hold = true;
    let history = fold(&[placed]);
    assert_eq!(history.whose_bit(&name("record"), Some(id(1))), Some(HoldBefore::Ours));
    assert_eq!(history.whose_bit(&name("record"), Some(id(2))), None);
}

#[test]
fn records_of_another_subject_are_counted_and_say_nothing() {
    let mut planted = receipt(1, Some(until(LockMode::Compliance, 9_000)), Some(false));
    let Record::Receipt(receipt) = &mut planted.record else { panic!() };
    receipt.bundle_id = BundleId(Sha256Digest::of(b"another"));
    let history = fold(&[planted]);
    assert_eq!(history.of_another_subject, 1);
    assert!(history.promises.is_empty() && history.holds.is_empty());
}

const KEYS: [&str; 3] = ["bundle", "attestation", "record"];
const HOLDS: u128 = 4;

fn any_retention() -> impl Strategy<Value = Retention> {
    (prop::bool::ANY, 1..100_i64).prop_map(|(strong, days)| {
        until(if strong { LockMode::Compliance } else { LockMode::Governance }, days)
    })
}

fn any_before() -> impl Strategy<Value = HoldBefore> {
    prop::sample::select(vec![HoldBefore::Off, HoldBefore::Ours, HoldBefore::Others])
}

fn any_object(key: &'static str) -> impl Strategy<Value = RecordedObject> {
    let retention = prop::option::of(any_retention());
    (retention, prop::option::of(any_before()), prop::option::of(prop::bool::ANY)).prop_map(
        move |(retention, hold_before, legal_hold)| RecordedObject {
            retention,
            hold_before,
            legal_hold,
            ..RecordedObject::new(key.to_owned(), Some("v1".to_owned()))
        },
    )
}

fn any_objects() -> impl Strategy<Value = Vec<RecordedObject>> {
    subsequence(KEYS.to_vec(), 0..=KEYS.len())
        .prop_flat_map(|keys| keys.into_iter().map(any_object).collect::<Vec<_>>())
}

fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        any_retention().prop_map(|asked| Change::Extension { asked }),
        (1..=HOLDS).prop_map(|hold| Change::HoldBegun { hold_id: id(hold) }),
        (1..=HOLDS).prop_map(|hold| Change::HoldPlaced { hold_id: id(hold) }),
        (1..=HOLDS).prop_map(|hold| Change::ReleaseBegun { hold_id: id(hold) }),
        (1..=HOLDS).prop_map(|hold| Change::HoldReleased { hold_id: id(hold) }),
    ]
}

/// Records with ids of their own, some of which are those of holds.
fn any_records() -> impl Strategy<Value = Vec<KeptRecord>> {
    let receipts = (prop::option::of(any_retention()), prop::option::of(prop::bool::ANY))
        .prop_map(|(retention, hold_before)| receipt(0, retention, hold_before));
    let changes =
        (any_change(), any_objects()).prop_map(|(done, objects)| change(0, done, objects));
    prop::collection::vec(prop_oneof![receipts, changes], 0..12).prop_map(|mut records| {
        for (number, record) in records.iter_mut().enumerate() {
            record.id = id(number as u128 + 1);
        }
        records
    })
}

fn released_by(record: &KeptRecord) -> Option<Uuid> {
    let Record::Change(change) = &record.record else { return None };
    match change.change {
        Change::ReleaseBegun { hold_id } | Change::HoldReleased { hold_id } => Some(hold_id),
        _ => None,
    }
}

proptest! {
    #[test]
    fn the_order_of_records_does_not_matter(
        (records, shuffled) in any_records()
            .prop_flat_map(|records| (Just(records.clone()), Just(records).prop_shuffle()))
    ) {
        prop_assert_eq!(fold(&records), fold(&shuffled));
    }

    #[test]
    fn all_records_promise_at_least_what_any_one_of_them_does(records in any_records()) {
        let all = fold(&records);
        for record in &records {
            for (object, promise) in fold(std::slice::from_ref(record)).promises {
                let together = all.promised(&object);
                let dated = Lock { retention: promise.retention, legal_hold: false };
                prop_assert!(together.covers(&dated));
                for hold in promise.holds {
                    let is_released = records.iter().any(|record| released_by(record) == Some(hold));
                    prop_assert_eq!(all.promises[&object].holds.contains(&hold), !is_released);
                }
            }
        }
    }

    #[test]
    fn a_hold_stays_until_a_record_releases_that_very_hold(records in any_records()) {
        let all = fold(&records);
        for (hold_id, hold) in &all.holds {
            let is_released = records.iter().any(|record| released_by(record) == Some(*hold_id));
            prop_assert_eq!(hold.is_open(), !is_released);
        }
        let kept = all.open_holds().count();
        let without_releases: Vec<_> =
            records.into_iter().filter(|record| released_by(record).is_none()).collect();
        prop_assert!(fold(&without_releases).open_holds().count() >= kept);
    }

    #[test]
    fn more_records_never_promise_an_earlier_date(records in any_records(), cut in 0..12_usize) {
        let fewer = fold(&records[..cut.min(records.len())]);
        let all = fold(&records);
        for (object, promise) in fewer.promises {
            let before = Lock { retention: promise.retention, legal_hold: false };
            prop_assert!(all.promised(&object).covers(&before));
        }
    }
}
