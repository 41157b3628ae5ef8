//! What a plan says is what a push does: key for key, byte for byte.

use std::collections::BTreeSet;

use strongroom_core::Sha256Digest;
use strongroom_core::storage_plan::document::{PlannedObject, StoragePlan, Undecided};
use strongroom_storage::evidence::{Push, PushOutcome, PushSource};
use strongroom_testkit::s3::Op;

use super::*;

async fn push(desk: &Desk, source: PushSource, request: PushRequest) -> PushOutcome {
    let clock = Clock::system();
    let store = desk.store().await;
    let push = Push::prepare(&*store, source, request, &clock).await.unwrap();
    push.execute(Arc::new(NoProgress)).await.unwrap()
}

/// Whether a key of the bucket is that of a planned object.
fn is_of(object: &PlannedObject, key: &str) -> bool {
    match (object.key.split_once('{'), object.key.rsplit_once('}')) {
        (Some((start, _)), Some((_, end))) => key.starts_with(start) && key.ends_with(end),
        _ => object.key == key,
    }
}

/// Every object in the bucket is planned, with its bytes and its lock; and every planned one is there.
fn assert_it_is_what_was_planned(desk: &Desk, plan: &StoragePlan) {
    let bucket = desk.server.bucket("evidence");
    let mut left: BTreeSet<String> = bucket.keys().into_iter().collect();
    for object in &plan.objects {
        let key = left.iter().find(|key| is_of(object, key)).expect(&object.key).clone();
        left.remove(&key);
        let version = bucket.versions(&key).pop().unwrap();
        let bytes = version.bytes.unwrap();
        if let Some(sha256) = object.sha256 {
            assert_eq!(Sha256Digest::of(&bytes), sha256, "{key}");
        }
        let most = object.size_bytes_at_most();
        assert!(object.size_bytes.is_none_or(|size| size == bytes.len() as u64), "{key}");
        assert!(bytes.len() as u64 <= most, "{key}: {} of at most {most}", bytes.len());
        let mode = object.retention.map(|retention| retention.mode);
        assert_eq!(version.retention.map(|retention| retention.mode), mode, "{key}");
        assert_eq!(version.legal_hold, object.legal_hold, "{key}");
    }
    assert_eq!(left, BTreeSet::new(), "nothing else was written");
}

#[tokio::test]
async fn a_push_of_an_archive_writes_what_was_planned_and_nothing_else() {
    let desk = Desk::with(dressed(BucketSettings::locked())).await;
    let mut request = plain();
    request.push.run_id = Some("nightly".to_owned());
    request.push.legal_hold = true;
    let plan = desk.plan(&request).await.plan;
    assert_eq!(desk.server.requests().len(), 0, "planning asks no store");
    push(&desk, PushSource::Archive(desk.archive()), request.push).await;
    assert_it_is_what_was_planned(&desk, &plan);
    assert_eq!(plan.bundle.run_ids, ["run-1", "nightly"]);
}

#[tokio::test]
async fn a_push_of_files_writes_what_was_planned_and_nothing_else() {
    let desk = Desk::with(dressed(BucketSettings::locked())).await;
    let store = desk.store().await;
    let settings = desk.settings_of(desk.server.owner());
    let source = PlanSource::Files(Box::new(files(&desk.folder, retention(30))));
    let mut request = plain();
    request.push.retention_days = None;
    let plan = planned(&*store, &settings, source, &request).await.plan;
    let archive = &plan.objects[3];
    assert_eq!(archive.decided_at_push, [Undecided::Sha256, Undecided::SizeBytes]);
    assert_eq!(plan.lock.retention.unwrap().days, Some(30), "as the manifest asks");
    let source = PushSource::Plan(Box::new(files(&desk.folder, retention(30))));
    push(&desk, source, request.push).await;
    assert_it_is_what_was_planned(&desk, &plan);
}

#[tokio::test]
async fn the_estimate_reckons_with_no_fewer_requests_than_a_push_sends() {
    let desk = Desk::with(dressed(BucketSettings::locked())).await;
    let mut request = plain();
    request.push.legal_hold = true;
    let quantities = desk.plan(&request).await.plan.costs.quantities;
    push(&desk, PushSource::Archive(desk.archive()), request.push).await;
    let is_write =
        |op: Op| matches!(op, Op::PutObject | Op::PutObjectRetention | Op::PutObjectLegalHold);
    let sent = desk.server.requests();
    let writes = sent.iter().filter(|request| is_write(request.op)).count() as u64;
    assert!(quantities.write_requests >= writes, "{} of {writes}", quantities.write_requests);
    let reads = sent.len() as u64 - writes;
    assert!(quantities.read_requests >= reads, "{} of {reads}", quantities.read_requests);
}

#[tokio::test]
async fn two_runs_of_one_session_share_no_key() {
    let desk = Desk::with(dressed(BucketSettings::locked())).await;
    let store = desk.store().await;
    let settings = desk.settings_of(desk.server.owner());
    let mut keys = BTreeSet::new();
    for days in [1, 2] {
        let source = PlanSource::Files(Box::new(files(&desk.folder, retention(days))));
        let plan = planned(&*store, &settings, source, &plain()).await.plan;
        for object in plan.objects {
            assert!(object.key.starts_with("team/"), "{}", object.key);
            assert!(keys.insert(object.key.clone()), "{}", object.key);
        }
    }
}

#[tokio::test]
async fn a_signature_beside_the_bundle_has_its_key_and_the_bundles_lock() {
    let desk = Desk::with(dressed(BucketSettings::locked())).await;
    let mut request = plain();
    request.signatures = vec![(Sha256Digest::of(b"signature"), 9)];
    let plan = desk.plan(&request).await.plan;
    let signature = plan.objects.last().unwrap();
    let id = plan.bundle.bundle_id;
    let digest = Sha256Digest::of(b"signature").to_hex();
    assert_eq!(signature.key, format!("team/attestations/{id}/{digest}.sigstore.json"));
    assert_eq!(signature.retention, plan.lock.retention);
}

#[tokio::test]
async fn what_a_push_would_refuse_whatever_the_store_says_is_not_planned() {
    let desk = Desk::with(good()).await;
    let mut past = plain();
    past.push.retain_until = Some("2020-01-01T00:00:00Z".parse().unwrap());
    let store = desk.store().await;
    let settings = desk.settings_of(desk.server.owner());
    let source = || PlanSource::Archive(desk.archive());
    let clock = Clock::system();
    let refused = plan(&*store, &settings, source(), &past, &clock, Arc::new(NoProgress)).await;
    assert!(refused.unwrap_err().to_string().contains("not in the store's future"));
    let broken = desk.folder.path().join("broken.tar.gz");
    let mut bytes = std::fs::read(desk.archive()).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&broken, bytes).unwrap();
    let source = PlanSource::Archive(broken);
    assert!(
        plan(&*store, &settings, source, &plain(), &clock, Arc::new(NoProgress)).await.is_err()
    );
}

#[tokio::test]
async fn the_upload_policy_is_enough_to_push_and_no_right_in_it_is_idle() {
    use strongroom_testkit::s3::Right;
    let desk = Desk::with(dressed(BucketSettings::locked())).await;
    let mut request = plain();
    request.push.legal_hold = true;
    let planned = desk.plan(&request).await;
    let (_, upload) =
        planned.policies.iter().find(|(path, _)| path.ends_with("upload.json")).unwrap();
    let policy: serde_json::Value = serde_json::from_slice(upload).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    let allowed: Vec<&str> = statements
        .iter()
        .filter(|one| one["Effect"] == "Allow")
        .flat_map(|one| one["Action"].as_array().unwrap())
        .filter_map(|action| action.as_str())
        .collect();
    let right_of = |action: &str| match action {
        "s3:GetObject" => Right::Read,
        "s3:GetObjectVersion" => Right::ReadVersions,
        "s3:PutObject" => Right::Write,
        "s3:AbortMultipartUpload" => Right::Abort,
        "s3:GetObjectRetention" | "s3:GetObjectLegalHold" => Right::ReadLocks,
        "s3:GetBucketObjectLockConfiguration" => Right::ReadLocks,
        "s3:PutObjectRetention" | "s3:PutObjectLegalHold" => Right::WriteLocks,
        other => panic!("{other} is no right that a push needs"),
    };
    let rights: Vec<Right> = allowed.iter().map(|action| right_of(action)).collect();
    let uploader = User::new("uploader", "uploaders-secret").with_only(&rights);
    let builder = S3Server::builder().bucket("evidence", dressed(BucketSettings::locked()));
    let desk = Desk::on(builder.user(uploader.clone()).tls()).await;
    let store = desk.store_of(&uploader).await;
    let clock = Clock::system();
    let source = PushSource::Archive(desk.archive());
    let push = Push::prepare(&*store, source, request.push, &clock).await.unwrap();
    let outcome = push.execute(Arc::new(NoProgress)).await.unwrap();
    assert!(outcome.shortfall.is_none(), "{:?}", outcome.shortfall);
    assert_eq!(outcome.receipt.lock.legal_hold, Some(true));
}
