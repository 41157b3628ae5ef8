//! An audit of CAVRA directories: every byte against the manifest, and the manifest against the id.

use std::future::pending;

use strongroom_core::upload::Upload;
use strongroom_storage::evidence::audit::{
    AuditReport, AuditRequest, Class, Problem, Sample, audit, estimate,
};

use super::cavra::OBJECTS;
use super::*;

fn request(read_data: bool) -> AuditRequest {
    AuditRequest {
        run_id: None,
        sample: Sample::ALL,
        read_data,
        expiring_within: None,
        resume_after: None,
        demand: None,
    }
}

impl Vault {
    async fn audit(&self, request: &AuditRequest) -> AuditReport {
        let outcome = audit(&*self.store().await, request, pending(), |_, _| ()).await.unwrap();
        assert!(outcome.cut_short.is_none());
        outcome.report
    }

    /// A directory in a bucket that keeps no versions and no locks.
    async fn with_a_plain_directory() -> (Self, Upload) {
        let vault = Self::new(BucketSettings::plain()).await;
        let unlocked = PushRequest { allow_unlocked: true, ..super::request() };
        let upload = vault.push_directory_with(unlocked).await.unwrap().upload;
        (vault, upload)
    }
}

/// The kinds of what was found, each with the key that it is about.
fn found(report: &AuditReport) -> Vec<(&'static str, &str)> {
    let findings = report.findings.iter();
    findings.map(|one| (one.problem.kind(), one.keys[0].as_str())).collect()
}

#[tokio::test]
async fn every_file_is_read_once_and_the_estimate_says_so_beforehand() {
    let vault = Vault::new(BucketSettings::locked()).await;
    let upload = vault.pushed().await;
    let bytes: u64 = upload.objects.iter().map(|object| object.size_bytes).sum();
    let told = estimate(&*vault.store().await, &request(true)).await.unwrap();
    vault.server.reset_requests();
    let report = vault.audit(&request(true)).await;
    assert_eq!(found(&report), []);
    let read = vault.server.requests();
    let read = read.iter().filter(|one| one.op == Op::GetObject && one.key.contains("/bundles/"));
    assert_eq!(read.count(), OBJECTS);
    assert_eq!((report.looked_at.bundles, report.looked_at.bundles_read), (1, 1));
    for cost in [told.cost, report.cost] {
        assert_eq!((cost.bundles, cost.directory_files), (0, OBJECTS as u64));
        assert_eq!(cost.bundle_bytes, bytes);
    }
    assert_eq!(told.archive_bytes, bytes);
    let fewer = estimate(&*vault.store().await, &request(false)).await.unwrap();
    assert_eq!(told.s3_requests - fewer.s3_requests, OBJECTS as u64);
    let of_run = AuditRequest { run_id: Some("s-1".to_owned()), ..request(true) };
    assert_eq!(vault.audit(&of_run).await.looked_at.bundles_read, 1);
}

#[tokio::test]
async fn a_byte_of_any_file_is_found_by_its_key_and_by_the_version_that_is_intact() {
    for at in 0..OBJECTS {
        let vault = Vault::new(BucketSettings::locked()).await;
        let upload = vault.pushed().await;
        let object = &upload.objects[at];
        let mut bytes = vault.bucket().object(&object.key).unwrap().to_vec();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        vault.bucket().plant_over(&object.key, bytes);
        let report = vault.audit(&request(true)).await;
        assert_eq!(found(&report), [("bytes_wrong", object.key.as_str())]);
        let Problem::BytesWrong { intact_version, .. } = &report.findings[0].problem else {
            panic!()
        };
        assert_eq!(*intact_version, object.version_id, "{}", object.path);
        assert_eq!((report.worst(), report.looked_at.bundles_read), (Some(Class::Bytes), 1));
        // Without reading it is told by what a listing shows.
        let report = vault.audit(&request(false)).await;
        assert_eq!(found(&report), [("object_replaced", object.key.as_str())]);
    }
}

#[tokio::test]
async fn what_is_lost_and_what_is_nobodys_is_told_once() {
    let (vault, upload) = Vault::with_a_plain_directory().await;
    let (lost, manifest) = (&upload.objects[0].key, &upload.objects[OBJECTS - 1].key);
    let foreign = vault.object_key("logs/~more.txt");
    vault.bucket().delete(lost);
    vault.bucket().put(&foreign, "x");
    let report = vault.audit(&request(true)).await;
    let mut expected = [("bundle_missing", lost.as_str()), ("foreign_object", foreign.as_str())];
    assert_eq!(found(&report), expected);
    assert_eq!(report.looked_at.bundles_read, 0);
    let rotten = &upload.objects[1].key;
    vault.bucket().put(rotten, "garbage");
    vault.bucket().put(manifest, "garbage");
    let report = vault.audit(&request(true)).await;
    expected[1] = ("bytes_wrong", manifest.as_str());
    assert_eq!(found(&report), expected, "nobody knows any more what the files should be");
    let intact = Problem::BytesWrong { reason: String::new(), intact_version: None };
    assert_eq!(report.findings[1].problem.kind(), intact.kind());
}

#[tokio::test]
async fn a_directory_without_its_manifest_or_without_references_is_found() {
    let vault = Vault::new(BucketSettings::locked()).await;
    let fault = vault.server.faults().on(Op::PutObject).key_contains("manifest.json").answer(403);
    vault.push_directory().await.unwrap();
    assert!(fault.fired() > 0);
    vault.server.faults().clear();
    let manifest = vault.object_key("manifest.json");
    for read_data in [false, true] {
        let report = vault.audit(&request(read_data)).await;
        assert_eq!(found(&report), [("bundle_missing", manifest.as_str())]);
    }
    let (vault, _) = Vault::with_a_plain_directory().await;
    for key in vault.bucket().keys().iter().filter(|key| key.ends_with(".ref")) {
        vault.bucket().delete(key);
    }
    let report = vault.audit(&request(true)).await;
    assert_eq!(found(&report), [("bundle_without_reference", manifest.as_str())]);
}

#[tokio::test]
async fn a_file_that_may_not_be_read_is_told_as_that_and_never_as_wrong() {
    let vault = Vault::new(BucketSettings::locked()).await;
    vault.pushed().await;
    vault.server.faults().on(Op::GetObject).key_contains("evidence.json").answer(403);
    let report = vault.audit(&request(true)).await;
    assert_eq!(found(&report), [("bytes_unread", vault.object_key("evidence.json").as_str())]);
    assert_eq!((report.worst(), report.looked_at.bundles_read), (Some(Class::Other), 0));
}
