use serde_json::{Value, json};

use super::read::KINDS;
use super::*;
use crate::bundle::{Producer, RetentionRequest};
use crate::package::class::RetentionClass;
use crate::receipt::LockHow;
use crate::signing::key::KeyId;

pub(in crate::package) fn time(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

pub(in crate::package) fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0000 + number)
}

pub(in crate::package) fn declared() -> Declarations {
    Declarations {
        producer: Some(Producer { name: "scanner".into(), version: Some("1.2".into()) }),
        subject: Some("shop".into()),
        run_id: Some("run-7".into()),
        created_at: Some(time("2026-11-21T11:00:00Z")),
        retention: Some(RetentionRequest {
            class: Some("raw-evidence".into()),
            days: Some(365),
            legal_hold: Some(true),
        }),
        metadata: json!({"environment": "staging"}).as_object().cloned(),
    }
}

pub(in crate::package) fn storage() -> StorageFacts {
    StorageFacts {
        backend: "main".into(),
        store: "s3://evidence/team".into(),
        endpoint: Some("https://rgw.example:443".into()),
    }
}

pub(in crate::package) fn locks() -> LockSummary {
    let mut locks = LockSummary::default();
    locks.add(&lock("2027-11-21T12:00:00Z", true), true);
    locks.add(&lock("2027-11-21T12:00:01Z", false), true);
    locks
}

/// A lock in governance mode, as a store tells it.
fn lock(until: &str, legal_hold: bool) -> LockReceipt {
    LockReceipt {
        mode: Some(LockMode::Governance),
        retain_until: Some(time(until)),
        legal_hold: Some(legal_hold),
        legal_hold_was_set_before: None,
        enforced_by: EnforcedBy::Store,
        how: LockHow::AfterWrite,
        unlocked_ms: None,
        read_back_at: None,
        unobserved: None,
    }
}

fn record(decision: Decision) -> PackageRecord {
    PackageRecord {
        schema: PACKAGE_RECORD_SCHEMA.into(),
        id: id(9),
        package_id: id(1),
        tenant: "default".into(),
        at: time("2026-11-21T12:00:00Z"),
        by: Some(id(2)),
        reason: Some("case 17".into()),
        decision,
    }
}

fn file() -> StoredFile {
    StoredFile {
        file_id: id(3),
        path: "reports/é.md".into(),
        size_bytes: 7,
        sha256: Sha256Digest::of(b"content"),
        media_type: Some("text/markdown".into()),
        key: format!("team/{}", crate::layout::package_file(id(1), id(3))),
        version_id: Some("v1".into()),
        integrity: Integrity::StoreSha256,
    }
}

fn finalized() -> Finalized {
    Finalized {
        bundle_id: BundleId(Sha256Digest::of(b"manifest")),
        files: 1,
        size_bytes: 7,
        expires_at: Some(time("2027-11-21T12:00:00Z")),
        signature: Some(ManifestSignature {
            sha256: Sha256Digest::of(b"signature"),
            key_id: KeyId(Sha256Digest::of(b"key")),
        }),
        locks: locks(),
    }
}

fn disposition() -> Disposition {
    Disposition {
        request_id: id(6),
        early: false,
        expires_at: Some(time("2027-11-21T12:00:00Z")),
        bundle_id: BundleId(Sha256Digest::of(b"manifest")),
        files: 1,
        size_bytes: 7,
        objects_deleted: 1,
        objects_absent: 0,
    }
}

/// One of each kind, in the order of [`KINDS`].
fn decisions() -> Vec<Decision> {
    let created = Created {
        name: "nightly".into(),
        declared: declared(),
        rule: RetentionClass::RawEvidence.default_rule(),
        expires_at: Some(time("2027-11-21T12:00:00Z")),
        storage: storage(),
    };
    vec![
        Decision::PackageCreated(Box::new(created)),
        Decision::PackageChanged { name: "weekly".into(), declared: Box::new(declared()) },
        Decision::FileStored(Box::new(file())),
        Decision::PackageFinalized(Box::new(finalized())),
        Decision::RetentionExtended {
            previous: time("2027-11-21T12:00:00Z"),
            new: time("2030-01-01T00:00:00Z"),
        },
        Decision::HoldPlaced { hold_id: id(4) },
        Decision::HoldReleased { hold_id: id(4), approved_by: Some(id(5)) },
        Decision::DeletionRequested { early: true, grace_ticks: 3, approved_by: Some(id(5)) },
        Decision::DeletionCancelled,
        Decision::DeletionBlocked { why: DeletionBlock::StoreLock },
        Decision::PackageAbandoned,
        Decision::PackageDeleted(Box::new(disposition())),
        Decision::FinalizeFailed { record_id: id(7) },
        Decision::NotTaken { record_id: id(8) },
    ]
}

fn written() -> Vec<Value> {
    let records = decisions().into_iter().map(|decision| record(decision).to_bytes());
    records.map(|bytes| serde_json::from_slice(&bytes.unwrap()).unwrap()).collect()
}

/// One record a line, so that a change of one byte shows in a comparison.
#[test]
fn every_kind_is_written_as_it_always_was() {
    let lines = decisions()
        .into_iter()
        .map(|decision| String::from_utf8(record(decision).to_bytes().unwrap()).unwrap() + "\n");
    let golden = include_str!("../../../tests/package/records.ndjson");
    assert_eq!(lines.collect::<String>(), golden);
}

#[test]
fn every_kind_reads_back_as_it_was_written() {
    assert_eq!(decisions().len(), KINDS.len());
    for (decision, kind) in decisions().into_iter().zip(KINDS) {
        let record = record(decision);
        let bytes = record.to_bytes().unwrap();
        assert!(
            String::from_utf8_lossy(&bytes).contains(&format!("\"kind\":\"{kind}\"")),
            "{kind}"
        );
        assert_eq!(read(&bytes), Ok(record));
    }
}

#[test]
fn what_takes_something_away_needs_more_than_its_record() {
    let weakening = decisions().into_iter().zip(KINDS).filter(|(decision, _)| decision.weakens());
    assert_eq!(
        weakening.map(|(_, kind)| kind).collect::<Vec<_>>(),
        [
            "hold_released",
            "deletion_requested",
            "package_abandoned",
            "package_deleted",
            "finalize_failed"
        ]
    );
}

#[test]
fn what_does_not_apply_is_absent_and_never_null() {
    let mut bare = record(Decision::PackageFinalized(Box::new(Finalized {
        expires_at: None,
        signature: None,
        locks: LockSummary::default(),
        ..finalized()
    })));
    bare.reason = None;
    bare.by = None;
    let text = String::from_utf8(bare.to_bytes().unwrap()).unwrap();
    assert!(!text.contains("null") && !text.contains("reason"), "{text}");
    assert!(!text.contains("\"by\""), "{text}");
    assert!(!text.contains("signature"), "{text}");
    assert!(!text.contains("expires_at") && !text.contains("retain_until"), "{text}");
}

#[test]
fn an_unknown_field_of_a_known_version_is_ignored() {
    for (mut document, decision) in written().into_iter().zip(decisions()) {
        document["more"] = json!({"of": ["it"]});
        let bytes = canonical::to_vec(&document).unwrap();
        assert_eq!(read(&bytes), Ok(record(decision)));
    }
}

#[test]
fn another_version_or_kind_is_refused_by_name_and_foreign_text_is_not_repeated() {
    let error = read(br#"{"schema":"strongroom.package-record/v2"}"#).unwrap_err();
    assert!(error.may_promise());
    let said = error.to_string();
    assert!(said.contains("package-record/v2") && said.contains(PACKAGE_RECORD_SCHEMA), "{said}");
    let error = read(br#"{"schema":"strongroom.<script>/v1"}"#).unwrap_err();
    assert!(error.may_promise() && !error.to_string().contains("script"), "{error}");
    let mut document = written().remove(0);
    document["kind"] = json!("<script>");
    let error = read(&canonical::to_vec(&document).unwrap()).unwrap_err();
    assert!(error.may_promise() && !error.to_string().contains("script"), "{error}");
    for foreign in [&b"{}"[..], b"not json", br#"{"schema":"other/v1"}"#, br#"{"schema":1}"#] {
        assert_eq!(read(foreign), Err(RecordError::NotARecord));
    }
}

#[test]
fn a_record_without_one_of_its_fields_may_still_promise() {
    for document in written() {
        for name in ["id", "package_id", "tenant", "at"] {
            let mut document = document.clone();
            document.as_object_mut().unwrap().remove(name);
            let error = read(&canonical::to_vec(&document).unwrap()).unwrap_err();
            assert_eq!(error, RecordError::Malformed(PACKAGE_RECORD_SCHEMA), "{name}");
            assert!(error.may_promise());
        }
    }
}

#[test]
fn only_the_canonical_form_is_a_record() {
    let bytes = record(Decision::DeletionCancelled).to_bytes().unwrap();
    let spaced = String::from_utf8(bytes).unwrap().replace("\":", "\": ");
    assert_eq!(read(spaced.as_bytes()), Err(RecordError::NotARecord));
}

#[test]
fn a_record_is_bounded_when_it_is_written_and_when_it_is_read() {
    let mut long = record(Decision::DeletionCancelled);
    long.reason = Some("x".repeat(limits::REASON_BYTES_MAX));
    assert!(long.to_bytes().is_ok());
    long.reason = Some("x".repeat(limits::REASON_BYTES_MAX + 1));
    assert_eq!(long.to_bytes(), Err(RecordError::Limit));
    assert_eq!(read(&canonical::to_vec(&long).unwrap()), Err(RecordError::Limit));
    let long_path = StoredFile { path: "x".repeat(1_025), ..file() };
    let long_path = record(Decision::FileStored(Box::new(long_path)));
    assert_eq!(long_path.to_bytes(), Err(RecordError::Limit));
    let bytes = vec![b' '; limits::RECORD_BYTES_MAX as usize + 1];
    assert_eq!(read(&bytes), Err(RecordError::Limit));
}

/// Whatever a package may declare fits into its first record.
#[test]
fn the_largest_declarations_can_be_recorded() {
    let Decision::PackageCreated(mut created) = decisions().remove(0) else { panic!("created") };
    let quoted = "\"".repeat((limits::PACKAGE_METADATA_BYTES_MAX - 20) / 2);
    created.declared.metadata = json!({"a": quoted}).as_object().cloned();
    crate::package::metadata::check(&created.name, &created.declared).unwrap();
    let record = record(Decision::PackageCreated(created));
    assert_eq!(read(&record.to_bytes().unwrap()), Ok(record));
}

#[test]
fn a_summary_tells_the_weakest_lock() {
    let mut locks = locks();
    locks.add(&lock("2026-01-01T00:00:00Z", false), false);
    let compliance = lock("2027-01-01T00:00:00Z", false);
    locks.add(&LockReceipt { mode: Some(LockMode::Compliance), ..compliance }, true);
    assert_eq!((locks.objects, locks.locked, locks.held), (4, 3, 1));
    assert_eq!(locks.mode, Some(LockMode::Governance));
    assert_eq!(locks.retain_until, Some(time("2027-01-01T00:00:00Z")), "what falls short is none");
    assert_eq!(locks.advisory, 0);
}

#[test]
fn what_only_strongroom_keeps_is_counted_as_that_and_not_as_locked() {
    let ours = |lock| LockReceipt { enforced_by: EnforcedBy::Strongroom, ..lock };
    let mut locks = LockSummary::default();
    let date = "2027-01-01T00:00:00Z";
    locks.add(&ours(lock(date, false)), true);
    let bit_alone = LockReceipt { mode: None, retain_until: None, ..lock(date, true) };
    locks.add(&ours(bit_alone), true);
    assert_eq!((locks.objects, locks.locked, locks.advisory, locks.held), (2, 0, 2, 1));
    assert_eq!((locks.mode, locks.retain_until), (Some(LockMode::Governance), Some(time(date))));
    locks.add(&ours(lock(date, true)), false);
    assert_eq!((locks.objects, locks.advisory, locks.held), (3, 2, 2), "it falls short");
}
