use strongroom_core::bundle::{Declarations, Refusal};
use strongroom_core::limits::NAME_BYTES_MAX;
use strongroom_core::receipt::{EnforcedBy, Integrity, LockHow, Receipt, Status};
use strongroom_core::retention::LockMode;
use strongroom_storage::evidence::{EvidenceErrorKind, PushRequest, PushSource};
use strongroom_storage::fs::FsStorage;

use super::*;

#[tokio::test]
async fn a_directory_becomes_a_bundle_its_references_and_a_record() {
    let desk = Desk::new();
    let declarations = Declarations { subject: Some("svc/api".to_owned()), ..of_run("ci 7") };
    let outcome = desk.push(plan_source(desk.plan("a", declarations))).await.unwrap();

    let id = outcome.receipt.bundle_id;
    let keys = desk.keys().await;
    let record = keys.iter().find(|key| key.starts_with("records/")).unwrap();
    assert_eq!(
        keys.iter().filter(|key| *key != record).cloned().collect::<Vec<_>>(),
        [
            format!("bundles/{id}.tar.gz"),
            format!("index/2026-11-21/{id}.ref"),
            format!("runs/ci%207/{id}.ref"),
            format!("subjects/svc%2Fapi/{id}.ref"),
        ]
    );
    assert_eq!(desk.bytes_of(&keys[1]).await, id.to_string().as_bytes());
    let kept: Receipt = serde_json::from_slice(&desk.bytes_of(record).await).unwrap();
    assert_eq!(kept, outcome.receipt);
    assert_eq!(kept.status, Status::Stored);
    assert_eq!(kept.integrity, Integrity::ReadBack);
    assert_eq!(kept.run_ids, ["ci 7"]);
}

#[tokio::test]
async fn the_same_push_again_finds_it_and_adds_nothing() {
    let desk = Desk::new();
    let first = desk.push(plan_source(desk.plan("a", of_run("r")))).await.unwrap();
    let keys = desk.keys().await;

    let again = desk.push(plan_source(desk.plan("a", of_run("r")))).await.unwrap();

    assert_eq!(again.receipt.status, Status::AlreadyStored);
    assert_eq!(again.receipt.bundle_id, first.receipt.bundle_id);
    assert_eq!(desk.keys().await, keys);
}

#[tokio::test]
async fn a_recompressed_archive_is_the_same_bundle() {
    let desk = Desk::new();
    let stored = desk.push(plan_source(desk.plan("a", of_run("r")))).await.unwrap();
    let archive = desk.archive("a", of_run("r"));
    recompress(&archive);

    let again = desk.push(PushSource::Archive(archive)).await.unwrap();

    assert_eq!(again.receipt.status, Status::AlreadyStored);
    // The receipt names the archive that is stored, not the one that was pushed.
    assert_eq!(again.receipt.archive_sha256, stored.receipt.archive_sha256);
}

fn recompress(archive: &std::path::Path) {
    use std::io::Read as _;
    let mut tar = Vec::new();
    let bytes = fs::read(archive).unwrap();
    flate2::read::GzDecoder::new(bytes.as_slice()).read_to_end(&mut tar).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut encoder, &tar).unwrap();
    let recompressed = encoder.finish().unwrap();
    assert_ne!(recompressed, bytes);
    fs::write(archive, recompressed).unwrap();
}

#[tokio::test]
async fn a_run_named_by_the_push_is_added_to_the_bundles_own() {
    let desk = Desk::new();
    let request = PushRequest { run_id: Some("nightly".to_owned()), ..request() };
    let source = plan_source(desk.plan("a", of_run("ci")));
    let receipt = desk.push_with(source, request).await.unwrap().receipt;

    assert_eq!(receipt.run_ids, ["ci", "nightly"]);
    for run_id in ["ci", "nightly"] {
        let query = ListQuery { run_id: Some(run_id.to_owned()), ..ListQuery::default() };
        assert_eq!(desk.list(query).await.len(), 1, "{run_id}");
    }
}

#[tokio::test]
async fn a_damaged_archive_leaves_nothing_behind() {
    let desk = Desk::new();
    let archive = desk.archive("a", of_run("r"));
    let mut bytes = fs::read(&archive).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&archive, bytes).unwrap();

    let error = desk.push(PushSource::Archive(archive)).await.unwrap_err();

    assert!(matches!(error.kind(), EvidenceErrorKind::Bundle(_)), "{error}");
    assert_eq!(desk.keys().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_damaged_archive_of_a_stored_bundle_is_not_already_stored() {
    let desk = Desk::new();
    // Larger than what opening an archive reads, so that only verifying it finds the damage.
    let big = desk.folder.path().join("big.bin");
    strongroom_testkit::fixtures::write_random_file(&big, 2 << 20, 7).unwrap();
    let files = collect(&[big], &CollectOptions { follow_symlinks: false }).unwrap();
    let plan = BundlePlan::prepare(files, of_run("r"), &NoProgress).unwrap();
    let archive = desk.folder.path().join("big.tar.gz");
    let mut bytes = Vec::new();
    plan.write(&mut bytes, &NoProgress).unwrap();
    bytes.push(0);
    fs::write(&archive, bytes).unwrap();
    desk.push(plan_source(plan)).await.unwrap();

    let error = desk.push(PushSource::Archive(archive)).await.unwrap_err();

    assert_eq!(error.kind(), EvidenceErrorKind::Bundle(Refusal::Format), "{error}");
}

#[tokio::test]
async fn the_manifests_retention_becomes_a_lock_from_the_stores_clock() {
    let desk = Desk::new();
    let outcome = desk.push(plan_source(desk.plan("a", kept_for_days(30)))).await.unwrap();

    let lock = outcome.receipt.lock;
    assert_eq!(lock.mode, Some(LockMode::Governance));
    assert_eq!(lock.retain_until, Some("2026-12-21T12:00:00Z".parse().unwrap()));
    assert_eq!(lock.how, LockHow::InWrite);
    assert_eq!(lock.enforced_by, EnforcedBy::Strongroom);
    assert_eq!(lock.read_back_at, Some(NOON.parse().unwrap()));
}

#[tokio::test]
async fn an_advisory_compliance_lock_is_refused_before_anything_is_written() {
    let desk = Desk::new();
    let compliance = PushRequest { lock_mode: Some(LockMode::Compliance), ..request() };
    let plan = || plan_source(desk.plan("a", kept_for_days(30)));

    let error = desk.push_with(plan(), compliance.clone()).await.unwrap_err();
    assert_eq!(error.kind(), EvidenceErrorKind::RetentionNotMet);
    assert_eq!(desk.keys().await, Vec::<String>::new());

    let accepted = PushRequest { allow_advisory_lock: true, ..compliance };
    let receipt = desk.push_with(plan(), accepted).await.unwrap().receipt;
    assert_eq!(receipt.lock.mode, Some(LockMode::Compliance));
}

#[tokio::test]
async fn a_weaker_lock_that_is_there_is_strengthened_and_recorded() {
    let desk = Desk::new();
    let unlocked = desk.push(plan_source(desk.plan("a", of_run("r")))).await.unwrap();
    assert_eq!(unlocked.receipt.lock.how, LockHow::None);

    let asked = PushRequest {
        retain_until: Some("2027-01-01T00:00:00Z".parse().unwrap()),
        legal_hold: true,
        ..request()
    };
    let plan = || plan_source(desk.plan("a", of_run("r")));
    let strengthened = desk.push_with(plan(), asked.clone()).await.unwrap().receipt;

    assert_eq!(strengthened.status, Status::AlreadyStored);
    assert_eq!(strengthened.lock.how, LockHow::AfterWrite);
    assert_eq!(strengthened.lock.retain_until, asked.retain_until);
    assert_eq!(strengthened.lock.legal_hold, Some(true));
    assert_eq!(strengthened.lock.legal_hold_was_set_before, Some(false));
    assert_eq!(records(&desk).await, 2);

    let again = desk.push_with(plan(), asked).await.unwrap().receipt;
    assert_eq!(again.lock.how, LockHow::AlreadyThere);
    assert_eq!(again.lock.legal_hold_was_set_before, Some(true));
    assert_eq!(records(&desk).await, 2);
}

async fn records(desk: &Desk) -> usize {
    desk.keys().await.iter().filter(|key| key.starts_with("records/")).count()
}

#[tokio::test]
async fn a_shorter_lock_asked_for_later_lowers_nothing() {
    let desk = Desk::new();
    desk.push(plan_source(desk.plan("a", kept_for_days(365)))).await.unwrap();
    let shorter =
        PushRequest { retain_until: Some("2026-12-01T00:00:00Z".parse().unwrap()), ..request() };
    let source = plan_source(desk.plan("a", kept_for_days(365)));
    let receipt = desk.push_with(source, shorter).await.unwrap().receipt;
    assert_eq!(receipt.lock.retain_until, Some("2027-11-21T12:00:00Z".parse().unwrap()));
}

/// Pushes the same bundle under one lock and then under another; the second outcome.
async fn push_under(first: (LockMode, &str), second: (LockMode, &str)) -> PushOutcome {
    let desk = Desk::new();
    let asked = |(mode, until): (LockMode, &str)| PushRequest {
        lock_mode: Some(mode),
        retain_until: Some(until.parse().unwrap()),
        allow_advisory_lock: true,
        ..request()
    };
    let plan = || plan_source(desk.plan("a", of_run("r")));
    desk.push_with(plan(), asked(first)).await.unwrap();
    desk.push_with(plan(), asked(second)).await.unwrap()
}

#[tokio::test]
async fn a_compliance_lock_is_not_lengthened_by_asking_for_governance() {
    let held = (LockMode::Compliance, "2027-01-01T00:00:00Z");
    let outcome = push_under(held, (LockMode::Governance, "2040-01-01T00:00:00Z")).await;

    let shortfall = outcome.shortfall.unwrap();
    assert_eq!(shortfall.kind(), EvidenceErrorKind::RetentionNotMet);
    assert!(shortfall.guidance().unwrap().contains("--lock compliance"), "{shortfall}");
    assert_eq!(outcome.receipt.lock.retain_until, Some(held.1.parse().unwrap()));
    assert_eq!(outcome.receipt.lock.how, LockHow::AlreadyThere);
}

#[tokio::test]
async fn a_long_governance_lock_does_not_become_compliance_beyond_the_date_that_was_accepted() {
    let held = (LockMode::Governance, "2040-01-01T00:00:00Z");
    let outcome = push_under(held, (LockMode::Compliance, "2027-01-01T00:00:00Z")).await;

    assert_eq!(outcome.shortfall.unwrap().kind(), EvidenceErrorKind::RetentionNotMet);
    assert_eq!(outcome.receipt.lock.mode, Some(LockMode::Governance));
    assert_eq!(outcome.receipt.lock.retain_until, Some(held.1.parse().unwrap()));
}

#[tokio::test]
async fn a_compliance_lock_is_lengthened_by_asking_for_just_that() {
    let held = (LockMode::Compliance, "2027-01-01T00:00:00Z");
    let asked = (LockMode::Compliance, "2040-01-01T00:00:00Z");
    let outcome = push_under(held, asked).await;

    assert!(outcome.shortfall.is_none());
    assert_eq!(outcome.receipt.lock.retain_until, Some(asked.1.parse().unwrap()));
    assert_eq!(outcome.receipt.lock.how, LockHow::AfterWrite);
}

#[tokio::test]
async fn something_else_under_the_key_is_a_conflict() {
    let desk = Desk::new();
    let plan = desk.plan("a", of_run("r"));
    desk.put(&format!("bundles/{}.tar.gz", plan.id()), b"garbage").await;

    let error = desk.push(plan_source(plan)).await.unwrap_err();

    assert_eq!(error.kind(), EvidenceErrorKind::Conflict, "{error}");
}

#[tokio::test]
async fn a_push_that_was_cut_short_is_finished_by_the_next() {
    let desk = Desk::new();
    let plan = desk.plan("a", of_run("r"));
    let id = plan.id();
    // What a crash leaves: references of another day, no bundle.
    desk.put(&format!("index/2026-11-20/{id}.ref"), id.to_string().as_bytes()).await;
    desk.put(&format!("runs/r/{id}.ref"), id.to_string().as_bytes()).await;

    let outcome = desk.push(plan_source(plan)).await.unwrap();

    assert_eq!(outcome.receipt.status, Status::Stored);
    assert_eq!(desk.list(ListQuery::default()).await.len(), 1, "told once, on the day of storing");
}

#[tokio::test]
async fn the_longest_run_id_is_kept_and_found_in_a_directory_too() {
    let folder = TempDir::new().unwrap();
    let desk = Desk::new();
    let store = FsStorage::open(&folder.path().join("store"), desk.clock.clone()).unwrap();
    // 768 bytes once encoded: more than a name of a file may have.
    let run_id = "é".repeat(NAME_BYTES_MAX / 2);
    let source = plan_source(desk.plan("a", of_run(&run_id)));
    let push = Push::prepare(&store, source, request(), &desk.clock).await.unwrap();
    let receipt = push.execute(no_progress()).await.unwrap().receipt;

    let query = ListQuery { run_id: Some(run_id), ..ListQuery::default() };
    let rows = Listing::new(&store, query).unwrap().next_page().await.unwrap().unwrap();
    assert_eq!(rows[0].bundle_id, receipt.bundle_id);
}
