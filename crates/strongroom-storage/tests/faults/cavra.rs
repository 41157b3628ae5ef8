//! A CAVRA directory is many objects: pushed half-way, pushed again, tampered with, pulled, audited.

use std::collections::BTreeMap;
use std::future::pending;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use strongroom_core::Sha256Digest;
use strongroom_core::bundle::cavra::{CavraFile, VerifiedCavra};
use strongroom_core::observed::Observed;
use strongroom_core::receipt::Status;
use strongroom_core::record::{self, Record};
use strongroom_core::retention::LockMode;
use strongroom_core::upload::{Upload, UploadStatus};
use strongroom_storage::evidence::audit::{AuditRequest, Sample, audit};
use strongroom_storage::evidence::pull::pull;
use strongroom_storage::evidence::reindex::reindex;
use strongroom_storage::evidence::retention::{Expected, locked_versions};
use strongroom_storage::evidence::{
    BundleState, CavraOutcome, CavraPush, ListQuery, Listing, PullRequest, show_retention,
};
use strongroom_storage::{ObjectKey, VersionId};
use strongroom_testkit::s3::Op;

use super::*;

const RETAIN_UNTIL: &str = "2090-01-01T00:00:00+00:00";
pub(crate) const OBJECTS: usize = 4;

/// An unsigned directory of four files, whose policy asks for a lock and a hold.
fn write_directory(root: &Path) {
    let policy = json!({
        "schema_version": "cavra.evidence.retention.v1", "session_id": "s-1",
        "created_at": "2026-01-01T00:00:00Z", "retention_days": 23376, "retain_until": RETAIN_UNTIL,
        "legal_hold": true,
    });
    let files: [(&str, Vec<u8>); 3] = [
        ("evidence.json", json!({"session_id": "s-1"}).to_string().into()),
        ("logs/big.bin", random_bytes(BIG_BYTES, 11)),
        ("retention-policy.json", policy.to_string().into()),
    ];
    let mut listed = Vec::new();
    for (path, bytes) in files {
        let location = root.join(path);
        fs::create_dir_all(location.parent().unwrap()).unwrap();
        fs::write(location, &bytes).unwrap();
        let sha256 = Sha256Digest::of(&bytes).to_hex();
        listed.push(json!({"path": path, "sha256": sha256, "bytes": bytes.len()}));
    }
    let manifest = json!({
        "schema_version": "cavra.evidence.bundle.v1", "product": "CAVRA", "signer": "ci",
        "created_at": "2026-01-01T00:00:00Z", "files": listed,
    });
    fs::write(root.join("manifest.json"), manifest.to_string()).unwrap();
}

impl Vault {
    pub(crate) fn directory(&self) -> PathBuf {
        let root = self.folder.path().join("cavra");
        if !root.exists() {
            write_directory(&root);
        }
        root
    }

    pub(crate) fn verified(&self) -> Arc<VerifiedCavra> {
        Arc::new(VerifiedCavra::verify(&self.directory(), &NoProgress).unwrap())
    }

    pub(crate) async fn push_directory(&self) -> Result<CavraOutcome, EvidenceError> {
        self.push_directory_with(request()).await
    }

    pub(crate) async fn push_directory_with(
        &self,
        request: PushRequest,
    ) -> Result<CavraOutcome, EvidenceError> {
        let (store, clock) = (self.store().await, Clock::system());
        let push = CavraPush::prepare(&*store, self.verified(), request, &clock).await?;
        push.execute(&NoProgress).await
    }

    /// The versions of the files whose locks are told for the directory.
    pub(crate) async fn locked_files(&self) -> Vec<Option<VersionId>> {
        let bundle = self.verified();
        let digest =
            |file: &CavraFile| (layout::cavra_object(bundle.id(), &file.path), file.sha256);
        let files: BTreeMap<_, _> = bundle.files().iter().map(digest).collect();
        let expected = Expected::Files(bundle.id(), &files);
        let locked = locked_versions(&*self.store().await, expected).await.unwrap();
        locked.into_iter().map(|one| one.version_id.map(VersionId)).collect()
    }

    pub(crate) async fn pushed(&self) -> Upload {
        let outcome = self.push_directory().await.unwrap();
        assert!(outcome.shortfall.is_none(), "{:?}", outcome.shortfall);
        outcome.upload
    }

    pub(crate) fn object_key(&self, path: &str) -> String {
        format!("team/{}", layout::cavra_object(self.verified().id(), path))
    }

    /// What is kept under `records/`, oldest first.
    pub(crate) fn records(&self) -> Vec<Upload> {
        let bucket = self.bucket();
        let keys = bucket.keys_under("team/records/").into_iter();
        keys.map(|key| match record::read(&bucket.object(&key).unwrap()).unwrap() {
            Record::Upload(upload) => *upload,
            other => panic!("{other:?}"),
        })
        .collect()
    }

    async fn audit_kinds(&self) -> Vec<&'static str> {
        let request = AuditRequest {
            run_id: None,
            sample: Sample::ALL,
            read_data: false,
            expiring_within: None,
            resume_after: None,
            demand: None,
        };
        let outcome = audit(&*self.store().await, &request, pending(), |_, _| ()).await.unwrap();
        assert!(outcome.cut_short.is_none());
        outcome.report.findings.iter().map(|finding| finding.problem.kind()).collect()
    }
}

#[tokio::test]
async fn every_object_is_stored_under_the_lock_of_its_policy_and_is_on_record() {
    let vault = Vault::new(BucketSettings::locked()).await;
    let upload = vault.pushed().await;
    assert_eq!((upload.status, upload.objects.len()), (UploadStatus::Stored, OBJECTS));
    assert_eq!(upload.objects.last().unwrap().path, "manifest.json", "the manifest comes last");
    for object in &upload.objects {
        let version = &vault.bucket().versions(&object.key)[0];
        assert_eq!(object.version_id.as_deref(), Some(version.id.as_str()));
        assert_eq!(object.lock.mode, Some(LockMode::Governance), "{}", object.path);
        assert_eq!(object.lock.retain_until, Some(RETAIN_UNTIL.parse().unwrap()));
        assert_eq!(object.lock.legal_hold, Some(true));
        assert!(version.legal_hold, "{}", object.path);
        let stored = Sha256Digest::of(&vault.bucket().object(&object.key).unwrap());
        assert_eq!(stored, object.sha256, "{}", object.path);
    }
    assert_eq!(vault.records(), [upload]);
}

#[tokio::test]
async fn a_second_push_verifies_what_is_there_and_writes_nothing() {
    let vault = Vault::new(BucketSettings::locked()).await;
    let first = vault.pushed().await;
    let writes = vault.writes_of_bundles();
    let again = vault.pushed().await;
    assert_eq!(again.status, UploadStatus::AlreadyStored);
    assert!(again.objects.iter().all(|object| object.status == Status::AlreadyStored));
    assert_eq!(vault.writes_of_bundles(), writes);
    assert_eq!(vault.records(), [first], "nothing new is to be told");
}

#[tokio::test]
async fn a_push_that_fails_half_way_says_what_is_there_and_the_next_one_goes_on() {
    let vault = Vault::new(BucketSettings::locked()).await;
    let fault = vault.server.faults().on(Op::PutObject).key_contains("retention-policy.json");
    let fault = fault.answer(403);
    let outcome = vault.push_directory().await.unwrap();
    assert!(fault.fired() > 0);
    assert_eq!(outcome.shortfall.unwrap().kind(), EvidenceErrorKind::PartlyDone);
    assert_eq!(
        (outcome.upload.status, outcome.upload.objects.len()),
        (UploadStatus::PartlyDone, 2)
    );
    assert_eq!(vault.records(), [outcome.upload], "what is there is on record, with its locks");

    vault.server.faults().clear();
    let upload = vault.pushed().await;
    let statuses: Vec<_> = upload.objects.iter().map(|object| object.status).collect();
    use Status::{AlreadyStored, Stored};
    assert_eq!(statuses, [AlreadyStored, AlreadyStored, Stored, Stored]);
    assert_eq!(upload.status, UploadStatus::Stored);
    assert!(vault.audit_kinds().await.is_empty());
}

#[tokio::test]
async fn a_push_that_stored_nothing_fails_as_the_store_does() {
    let vault = Vault::new(BucketSettings::locked()).await;
    vault.server.faults().on(Op::PutObject).key_contains("evidence.json").answer(403);
    let failure = store_failure(vault.push_directory().await);
    assert_eq!(failure, StorageErrorKind::PermissionDenied);
    assert!(vault.records().is_empty());
}

#[tokio::test]
async fn an_object_that_is_there_is_never_taken_for_ours_by_its_name() {
    let vault = Vault::new(BucketSettings::plain()).await;
    let length = fs::metadata(vault.directory().join("evidence.json")).unwrap().len() as usize;
    vault.bucket().put(&vault.object_key("evidence.json"), random_bytes(length, 3));
    let mut request = request();
    request.allow_unlocked = true;
    let (store, clock) = (vault.store().await, Clock::system());
    let push = CavraPush::prepare(&*store, vault.verified(), request, &clock).await.unwrap();
    let refused = push.execute(&NoProgress).await.unwrap_err();
    assert_eq!(refused.kind(), EvidenceErrorKind::Conflict);
}

#[tokio::test]
async fn a_file_that_changed_since_it_was_verified_is_not_stored() {
    let vault = Vault::new(BucketSettings::locked()).await;
    let bundle = vault.verified();
    let location = vault.directory().join("evidence.json");
    let length = fs::metadata(&location).unwrap().len() as usize;
    fs::write(&location, random_bytes(length, 5)).unwrap();
    let (store, clock) = (vault.store().await, Clock::system());
    let push = CavraPush::prepare(&*store, Arc::clone(&bundle), request(), &clock).await.unwrap();
    let refused = push.execute(&NoProgress).await.unwrap_err();
    assert!(refused.to_string().contains("changed"), "{refused}");
    assert!(vault.bucket().keys_under("team/bundles/").is_empty());
}

#[tokio::test]
async fn a_directory_is_pulled_as_it_was_whatever_was_put_on_top_of_it() {
    let vault = Vault::new(BucketSettings::locked()).await;
    let upload = vault.pushed().await;
    for path in ["manifest.json", "logs/big.bin"] {
        vault.bucket().plant_over(&vault.object_key(path), "garbage");
    }
    let out = vault.folder.path().join("pulled");
    let request = PullRequest {
        id: upload.bundle_id,
        archive_sha256: None,
        out: out.clone(),
        overwrite: false,
        demand: None,
    };
    let store = vault.store().await;
    let pulled = pull(&*store, &request, &no_progress()).await.unwrap();
    assert!(pulled.current_version_is_something_else);
    let verified = VerifiedCavra::verify(&out, &NoProgress).unwrap();
    assert_eq!(verified.id(), upload.bundle_id);

    let again = PullRequest { overwrite: true, ..request };
    let refused = pull(&*store, &again, &no_progress()).await.unwrap_err();
    assert_eq!(refused.kind(), EvidenceErrorKind::LocalFileExists, "a directory is never replaced");
    let names = fs::read_dir(vault.folder.path()).unwrap().count();
    assert_eq!(names, 2, "temporary directories stayed");
}

#[tokio::test]
async fn a_directory_is_listed_by_its_session_and_by_day_once_its_manifest_is_there() {
    let vault = Vault::new(BucketSettings::locked()).await;
    let fault = vault.server.faults().on(Op::PutObject).key_contains("manifest.json").answer(403);
    vault.push_directory().await.unwrap();
    assert!(fault.fired() > 0);
    let store = vault.store().await;
    let by_session = ListQuery { run_id: Some("s-1".to_owned()), ..ListQuery::default() };
    let state = || async {
        let mut listing = Listing::new(&*store, by_session.clone()).unwrap();
        listing.next_page().await.unwrap().unwrap().remove(0).state
    };
    assert!(matches!(state().await, BundleState::Pending));
    vault.server.faults().clear();
    vault.pushed().await;
    assert!(matches!(state().await, BundleState::Present { .. }));
    let mut by_day = Listing::new(&*store, ListQuery::default()).unwrap();
    assert_eq!(by_day.next_page().await.unwrap().unwrap().len(), 1);
}

#[tokio::test]
async fn lost_references_of_a_directory_come_back() {
    let vault = Vault::new(BucketSettings::plain()).await;
    let (store, clock) = (vault.store().await, Clock::system());
    let unlocked = PushRequest { allow_unlocked: true, ..request() };
    let push = CavraPush::prepare(&*store, vault.verified(), unlocked, &clock).await.unwrap();
    push.execute(&NoProgress).await.unwrap();
    let before = vault.bucket().keys();
    for key in before.iter().filter(|key| key.ends_with(".ref")) {
        vault.bucket().delete(key);
    }
    let report = reindex(&*store, |_| ()).await.unwrap();
    assert_eq!((report.bundles, report.other_objects, report.references_added), (1, 0, 2));
    assert_eq!(vault.bucket().keys(), before);
}

#[tokio::test]
async fn an_audit_misses_what_the_record_tells_of_and_sees_weaker_locks() {
    let vault = Vault::new(BucketSettings::locked()).await;
    let upload = vault.pushed().await;
    assert!(vault.audit_kinds().await.is_empty());
    let store = vault.store().await;
    let whole_key = vault.object_key("evidence.json");
    let key = ObjectKey::new(whole_key.strip_prefix("team/").unwrap()).unwrap();
    store.set_legal_hold(&key, None, false).await.unwrap();
    assert_eq!(vault.audit_kinds().await, ["lock_weaker"]);
    vault.bucket().delete(&vault.object_key("logs/big.bin"));
    let kinds = vault.audit_kinds().await;
    assert!(kinds.contains(&"delete_marker"), "{kinds:?}");
    let report = show_retention(&*store, upload.bundle_id).await.unwrap();
    let shown: Value = serde_json::to_value(&report).unwrap();
    assert!(shown["objects"].as_array().unwrap().len() >= OBJECTS, "{shown:#}");
}

#[tokio::test]
async fn a_store_that_does_not_tell_of_locks_is_told_of() {
    let vault = Vault::new(BucketSettings::locked()).await;
    vault.server.faults().on(Op::GetObjectRetention).answer(403);
    let outcome = vault.push_directory().await.unwrap();
    assert_eq!(outcome.shortfall.unwrap().kind(), EvidenceErrorKind::LockUnobserved);
    assert!(outcome.upload.objects.iter().all(|object| object.lock.unobserved.is_some()));
    let seen = vault.store().await.bucket_locks().await.unwrap();
    assert_eq!(seen.takes_locks, Observed::Observed(true));
}
