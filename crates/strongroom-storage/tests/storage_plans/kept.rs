//! A push that keeps to a plan: nothing is written that it does not say.

use strongroom_core::retention::LockMode;
use strongroom_core::storage_plan::document::PlannedRetention;
use strongroom_storage::StorageErrorKind;
use strongroom_storage::evidence::storage_plan::PlanInForce;
use strongroom_storage::evidence::{
    EvidenceError, EvidenceErrorKind, Push, PushOutcome, PushSource,
};
use strongroom_storage::memory::MemoryStorage;

use super::*;

async fn push(
    store: &dyn Storage,
    source: PushSource,
    plan: &[u8],
) -> Result<PushOutcome, EvidenceError> {
    let request = PlanInForce::read(plan)?.request();
    let clock = Clock::system();
    let push = Push::prepare(store, source, request, &clock).await?;
    push.execute(Arc::new(NoProgress)).await
}

/// The push must be refused for its plan, and must have written nothing.
async fn refused(desk: &Desk, plan: &[u8]) -> String {
    let source = PushSource::Archive(desk.archive());
    let error = push(&*desk.store().await, source, plan).await.unwrap_err();
    assert_eq!(error.kind(), EvidenceErrorKind::PlanNotMet, "{error}");
    assert_eq!(desk.server.bucket("evidence").keys(), [""; 0]);
    error.to_string()
}

/// The plan with a change, sealed again: as somebody would who means it.
fn resealed(plan: &StoragePlan, change: impl FnOnce(&mut StoragePlan)) -> Vec<u8> {
    let mut plan = plan.clone();
    change(&mut plan);
    bytes_of(&plan.sealed().unwrap())
}

#[tokio::test]
async fn a_push_that_keeps_to_its_plan_names_it_in_the_receipt() {
    let desk = Desk::with(good()).await;
    let bytes = bytes_of(&desk.plan(&strict()).await.plan);
    let source = PushSource::Archive(desk.archive());
    let outcome = push(&*desk.store().await, source, &bytes).await.unwrap();
    let receipt = outcome.receipt;
    assert_eq!(receipt.plan_sha256, Some(strongroom_core::Sha256Digest::of(&bytes)));
    assert_eq!(receipt.lock.mode, Some(LockMode::Compliance));
    let records = desk.server.bucket("evidence").keys_under("team/records/");
    let record = desk.server.bucket("evidence").object(&records[0]).unwrap();
    assert!(String::from_utf8_lossy(&record).contains("plan_sha256"));
}

#[tokio::test]
async fn the_same_push_again_keeps_to_the_plan_too() {
    let desk = Desk::with(good()).await;
    let bytes = bytes_of(&desk.plan(&strict()).await.plan);
    let store = desk.store().await;
    for _ in 0..2 {
        let source = PushSource::Archive(desk.archive());
        let outcome = push(&*store, source, &bytes).await.unwrap();
        assert!(outcome.shortfall.is_none(), "{:?}", outcome.shortfall);
    }
}

#[tokio::test]
async fn a_plan_that_was_edited_is_refused() {
    let desk = Desk::with(good()).await;
    let bytes = bytes_of(&desk.plan(&strict()).await.plan);
    let text = String::from_utf8(bytes.clone()).unwrap();
    let edits = [
        ("\"compliance\"", "\"governance\""),
        ("2555", "1"),
        ("\"legal_hold\": false", "\"legal_hold\": true"),
        ("team/bundles", "evil/bundles"),
        ("s3://evidence/team", "s3://elsewhere/team"),
        ("\"wanted\": \"on\"", "\"wanted\": \"on\", \"more\": 1"),
    ];
    for (from, to) in edits {
        assert!(text.contains(from), "{from}");
        let error = PlanInForce::read(text.replace(from, to).as_bytes()).unwrap_err();
        assert_eq!(error.kind(), EvidenceErrorKind::PlanBroken, "{from}");
    }
    for broken in [&b"{}"[..], b"[1]", b"not JSON", &bytes[..bytes.len() / 2]] {
        assert_eq!(PlanInForce::read(broken).unwrap_err().kind(), EvidenceErrorKind::PlanBroken);
    }
    let next = text.replace("storage-plan/v1", "storage-plan/v2");
    let error = PlanInForce::read(next.as_bytes()).unwrap_err();
    assert!(error.to_string().contains("another version"), "{error}");
    // Spaces are nobody's change.
    let compact: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(PlanInForce::read(compact.to_string().as_bytes()).is_ok());
}

#[tokio::test]
async fn a_plan_whose_objects_are_not_those_of_the_push_is_refused_however_it_is_sealed() {
    let desk = Desk::with(good()).await;
    let plan = desk.plan(&strict()).await.plan;
    type Change = fn(&mut StoragePlan);
    let table: [(Change, &str); 8] = [
        (|plan| plan.objects[3].key.push('x'), "another key"),
        (|plan| plan.objects[0].key = plan.objects[0].key.replace("run-1", "run-2"), "another key"),
        (|plan| drop(plan.objects.remove(0)), "other objects"),
        (|plan| plan.objects[3].retention = None, "another lock"),
        (|plan| plan.objects[4].legal_hold = true, "another lock"),
        (
            |plan| {
                let mode = LockMode::Governance;
                plan.lock.retention = Some(PlannedRetention { mode, days: Some(1), until: None });
            },
            "another lock",
        ),
        (|plan| plan.lock.legal_hold = true, "another lock"),
        (
            |plan| plan.objects[3].sha256 = Some(strongroom_core::Sha256Digest::of(b"other")),
            "other bytes",
        ),
    ];
    for (change, says) in table {
        let said = refused(&desk, &resealed(&plan, change)).await;
        assert!(said.contains(says), "{said}");
    }
}

#[tokio::test]
async fn a_plan_for_another_bundle_or_another_place_is_refused() {
    let desk = Desk::with(good()).await;
    let plan = desk.plan(&strict()).await.plan;
    let other_store = resealed(&plan, |plan| plan.target.store = "s3://evidence/other".to_owned());
    assert!(refused(&desk, &other_store).await.contains("another store"));
    let other_server =
        resealed(&plan, |plan| plan.target.endpoint = Some("https://s3.example.org".to_owned()));
    assert!(refused(&desk, &other_server).await.contains("another store"));

    let source = PushSource::Plan(Box::new(files(&desk.folder, retention(7))));
    let error = push(&*desk.store().await, source, &bytes_of(&plan)).await.unwrap_err();
    assert!(error.to_string().contains("another bundle"), "{error}");
    assert_eq!(desk.server.bucket("evidence").keys(), [""; 0]);
}

#[tokio::test]
async fn a_push_that_would_ask_for_another_class_or_key_than_planned_is_refused_with_each_named() {
    use strongroom_storage::open::{ServerSideEncryption, StoreSettings};
    let desk = Desk::with(good()).await;
    let kms = |key: &str| Some(ServerSideEncryption::Kms { key_id: Some(key.to_owned()) });
    let settings_with = |change: &dyn Fn(&mut StoreSettings)| {
        let mut settings = desk.settings_of(desk.server.owner());
        settings.encryption = kms("arn:aws:kms:us-east-1:1:key/planned");
        settings.storage_class = Some("STANDARD_IA".to_owned());
        change(&mut settings);
        settings
    };
    let as_planned = settings_with(&|_| {});
    let store = open(&as_planned, Clock::system()).await.unwrap();
    let source = PlanSource::Archive(desk.archive());
    let plan = bytes_of(&planned(&*store, &as_planned, source, &strict()).await.plan);
    type Change<'a> = &'a dyn Fn(&mut StoreSettings);
    let other_key = |settings: &mut StoreSettings| settings.encryption = kms("another");
    let other_class = |settings: &mut StoreSettings| settings.storage_class = None;
    let neither = |settings: &mut StoreSettings| {
        settings.storage_class = Some("GLACIER".to_owned());
        settings.encryption = Some(ServerSideEncryption::Aes256);
    };
    let table: [(Change<'_>, &[&str]); 3] = [
        (&other_key, &["another KMS key"]),
        (&other_class, &["another storage class"]),
        (&neither, &["another storage class", "another encryption", "another KMS key"]),
    ];
    for (change, named) in table {
        let store = open(&settings_with(change), Clock::system()).await.unwrap();
        let error = push(&*store, PushSource::Archive(desk.archive()), &plan).await.unwrap_err();
        assert_eq!(error.kind(), EvidenceErrorKind::PlanNotMet, "{error}");
        assert_eq!(error.to_string().matches("another").count(), named.len(), "{error}");
        assert!(named.iter().all(|what| error.to_string().contains(what)), "{error}");
        assert_eq!(desk.server.bucket("evidence").keys(), [""; 0]);
    }
    assert!(push(&*store, PushSource::Archive(desk.archive()), &plan).await.is_ok());
}

#[tokio::test]
async fn nobody_is_told_to_pass_what_a_push_by_a_plan_refuses() {
    let desk = Desk::with(dressed(BucketSettings::versioned())).await;
    let bytes = bytes_of(&desk.plan(&plain()).await.plan);
    let source = || PushSource::Archive(desk.archive());
    let no_locks = push(&*desk.store().await, source(), &bytes).await.unwrap_err();

    let desk_of_denied = Desk::with(dressed(BucketSettings::locked())).await;
    let op = strongroom_testkit::s3::Op::GetObjectRetention;
    desk_of_denied.server.faults().on(op).from(1).answer(403);
    let bytes = bytes_of(&desk_of_denied.plan(&plain()).await.plan);
    let outcome = push(&*desk_of_denied.store().await, source(), &bytes).await.unwrap();
    let unobserved = outcome.shortfall.unwrap();

    for error in [no_locks, unobserved] {
        let guidance = error.guidance().unwrap();
        assert!(guidance.contains("by a plan") && !guidance.contains("--allow-"), "{guidance}");
    }
}

#[tokio::test]
async fn a_default_that_locks_for_longer_than_planned_is_refused_unless_the_plan_accepts_it() {
    let longer = dressed(BucketSettings::locked());
    let desk = Desk::with(longer.default_retention(LockMode::Governance, 365)).await;
    let plan = desk.plan(&plain()).await.plan;
    let said = refused(&desk, &bytes_of(&plan)).await;
    assert!(said.contains("default retention locks for longer"), "{said}");

    let mut request = plain();
    request.longer_default = LongerDefault::Accept;
    let accepting = bytes_of(&desk.plan(&request).await.plan);
    let source = PushSource::Archive(desk.archive());
    let outcome = push(&*desk.store().await, source, &accepting).await.unwrap();
    let until = outcome.receipt.lock.retain_until.unwrap();
    let now = Clock::system().now();
    assert!(until.duration_since(now).as_hours() > 364 * 24, "{until}");
}

#[tokio::test]
async fn a_default_of_a_stronger_mode_is_a_deviation_and_one_that_was_demanded_is_not() {
    let desk = Desk::with(good()).await;
    refused(&desk, &bytes_of(&desk.plan(&plain()).await.plan)).await;
    // COMPLIANCE for 30 days is what the strict plan demands of the bucket.
    let bytes = bytes_of(&desk.plan(&strict()).await.plan);
    let source = PushSource::Archive(desk.archive());
    assert!(push(&*desk.store().await, source, &bytes).await.is_ok());
}

#[tokio::test]
async fn a_default_that_may_not_be_read_is_refused() {
    let desk = Desk::with(good()).await;
    let bytes = bytes_of(&desk.plan(&strict()).await.plan);
    let op = strongroom_testkit::s3::Op::GetObjectLockConfiguration;
    desk.server.faults().on(op).answer(403);
    assert!(refused(&desk, &bytes).await.contains("not observed"));
}

#[tokio::test]
async fn a_bundle_whose_lock_falls_short_is_a_failure_whatever_is_configured() {
    let desk = Desk::with(dressed(BucketSettings::versioned())).await;
    let bytes = bytes_of(&desk.plan(&plain()).await.plan);
    let source = PushSource::Archive(desk.archive());
    let error = push(&*desk.store().await, source, &bytes).await.unwrap_err();
    assert_eq!(error.kind(), EvidenceErrorKind::RetentionNotMet, "{error}");
    assert_eq!(desk.server.bucket("evidence").keys(), [""; 0]);
}

#[tokio::test]
async fn an_archive_that_changed_since_it_was_planned_is_refused_before_anything_is_written() {
    let desk = Desk::with(good()).await;
    let bytes = bytes_of(&desk.plan(&strict()).await.plan);
    let path = desk.archive();
    let mut archive = std::fs::read(&path).unwrap();
    let middle = archive.len() / 2;
    archive[middle] ^= 1;
    std::fs::write(&path, archive).unwrap();
    let source = PushSource::Archive(path);
    assert!(push(&*desk.store().await, source, &bytes).await.is_err());
    assert_eq!(desk.server.bucket("evidence").keys(), [""; 0]);
}

#[tokio::test]
async fn a_plan_for_a_store_without_a_server_is_kept_there_only() {
    let folder = TempDir::new().unwrap();
    let store = MemoryStorage::new(Clock::system());
    let settings = StoreSettings { url: "memory://".to_owned(), ..StoreSettings::default() };
    let source = PlanSource::Files(Box::new(files(&folder, retention(30))));
    let mut request = plain();
    request.push.retention_days = None;
    let plan = planned(&store, &settings, source, &request).await.plan;
    assert_eq!((plan.settings.len(), plan.costs.rows.len(), plan.policies.len()), (0, 0, 0));
    let bytes = bytes_of(&plan);
    let source = || PushSource::Plan(Box::new(files(&folder, retention(30))));
    assert!(push(&store, source(), &bytes).await.is_ok());
    let desk = Desk::with(good()).await;
    let error = push(&*desk.store().await, source(), &bytes).await.unwrap_err();
    assert_ne!(error.kind(), EvidenceErrorKind::Store(StorageErrorKind::NotFound));
    assert!(error.to_string().contains("another store"), "{error}");
}
