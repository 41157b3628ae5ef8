//! Whoever may write can plant records and put objects under any key: no CAVRA directory, and no archive,
//! is lost by that, and everything else is looked at all the same.

use std::future::pending;

use strongroom_core::Sha256Digest;
use strongroom_core::upload::{Upload, UploadedObject};
use strongroom_storage::evidence::audit::{AuditRequest, Sample, audit};
use strongroom_storage::evidence::pull::{PullRequest, pull, pull_run};
use strongroom_storage::evidence::reindex::reindex;
use strongroom_storage::evidence::{ObjectState, show_retention};
use uuid::Uuid;

use super::cavra::OBJECTS;
use super::cavra_locks::{LATER, files_of, held_files};
use super::extensions::{asked, extend};
use super::holds::place;
use super::*;

impl Vault {
    /// The kinds of what an audit finds, with the keys that each is about, in the order of the keys.
    async fn audit_finds(&self, read_data: bool) -> Vec<(&'static str, String)> {
        let request = AuditRequest {
            run_id: None,
            sample: Sample::ALL,
            read_data,
            expiring_within: None,
            resume_after: None,
            demand: None,
        };
        let outcome = audit(&*self.store().await, &request, pending(), |_, _| ()).await.unwrap();
        assert!(outcome.cut_short.is_none() && outcome.report.complete);
        let findings = outcome.report.findings.into_iter();
        let mut found: Vec<_> = findings
            .flat_map(|one| one.keys.into_iter().map(move |key| (one.problem.kind(), key)))
            .collect();
        found.sort_by(|one, other| one.1.cmp(&other.1));
        found
    }

    /// A directory of whose push the store kept no record.
    async fn pushed_without_a_record(&self) -> Upload {
        let fault = self.server.faults().on(Op::PutObject).key_contains("records/").answer(403);
        let upload = self.push_directory().await.unwrap().upload;
        assert!(fault.fired() > 0 && self.bucket().keys_under("team/records/").is_empty());
        self.server.faults().clear();
        upload
    }

    /// Puts a record of a push where ours are.
    fn plant(&self, upload: &Upload) {
        let key = format!("team/{}", layout::record(upload.bundle_id, Uuid::from_u128(17)));
        self.bucket().put(&key, serde_json::to_vec(upload).unwrap());
    }
}

/// A row of a record, about another path.
fn row_about(row: &UploadedObject, upload: &Upload, path: &str) -> UploadedObject {
    let key = format!("team/{}", layout::cavra_object(upload.bundle_id, path));
    UploadedObject { path: path.to_owned(), key, version_id: None, ..row.clone() }
}

#[tokio::test]
async fn what_is_no_key_of_ours_ends_no_audit() {
    let vault = Vault::new(BucketSettings::locked()).await;
    let upload = vault.pushed().await;
    let bucket = vault.bucket();
    let folder = ["a\u{1}b", "logs/"].map(|path| vault.object_key(path));
    folder.iter().for_each(|key| bucket.put(key, "x"));
    bucket.put(&vault.object_key("logs//x"), "x");
    bucket.delete(&vault.object_key("logs//x"));
    let long = "x".repeat(1_024);
    let paths = ["a//b", "a/", "../x", "a\u{1}b", &long];
    let rows = paths.map(|path| row_about(&upload.objects[0], &upload, path));
    vault.plant(&Upload { objects: rows.to_vec(), ..upload.clone() });

    let mut expected: Vec<_> = folder.into_iter().map(|key| ("foreign_object", key)).collect();
    expected.extend(rows.into_iter().map(|row| ("promise_elsewhere", row.key)));
    expected.sort_by(|one, other| one.1.cmp(&other.1));
    for read_data in [false, true] {
        let mut found = vault.audit_finds(read_data).await;
        found.sort_by(|one, other| (&one.1, one.0).cmp(&(&other.1, other.0)));
        expected.sort_by(|one, other| (&one.1, one.0).cmp(&(&other.1, other.0)));
        assert_eq!(found, expected);
    }
    let store = vault.store().await;
    let report = show_retention(&*store, upload.bundle_id).await.unwrap();
    assert!(report.objects.len() > OBJECTS);
    let placed = place(&*store, upload.bundle_id, "case 17").await.unwrap();
    assert_eq!((files_of(&placed), held_files(&vault)), (OBJECTS, OBJECTS));
    assert_eq!(reindex(&*store, |_| ()).await.unwrap().other_objects, 2);
}

#[tokio::test]
async fn the_locks_of_what_no_record_tells_of_are_shown_whatever_lies_beside_it() {
    let vault = Vault::new(BucketSettings::locked()).await;
    let id = vault.pushed_without_a_record().await.bundle_id;
    vault.bucket().put(&vault.object_key("logs/"), "");
    let report = show_retention(&*vault.store().await, id).await.unwrap();
    assert_eq!(report.objects.len(), OBJECTS);
}

#[tokio::test]
async fn garbage_under_the_keys_of_an_archive_takes_no_directory_away() {
    let vault = Vault::new(BucketSettings::locked()).await;
    let id = vault.pushed().await.bundle_id;
    let assay = ["a", "b"].map(|seed| layout::assay_bundle(id, Sha256Digest::of(seed.as_bytes())));
    let mut garbage: Vec<String> = assay.iter().map(|key| format!("team/{key}")).collect();
    garbage.push(bundle_key(id));
    let store = vault.store().await;
    for count in 1..=garbage.len() {
        vault.bucket().put(&garbage[count - 1], "garbage");
        let out = vault.folder.path().join(format!("pulled-{count}"));
        let request = PullRequest { id, archive_sha256: None, out, overwrite: false, demand: None };
        assert_eq!(pull(&*store, &request, &no_progress()).await.unwrap().bundle_id, id);
        let into = vault.folder.path().join(format!("run-{count}"));
        fs::create_dir(&into).unwrap();
        let run = pull_run(&*store, "s-1", &into, None, &no_progress()).await.unwrap();
        assert!(run.pulled.iter().all(|pulled| pulled.path.is_dir()), "{:?}", run.pulled);
        let report = reindex(&*store, |_| ()).await.unwrap();
        let seen = (report.bundles, report.other_objects, report.unreadable);
        assert_eq!(seen, (1, count as u64, 0));
        assert_eq!(vault.audit_finds(false).await.len(), count);
        let mut foreign = garbage[..count].to_vec();
        foreign.sort();
        let foreign: Vec<_> = foreign.into_iter().map(|key| ("foreign_object", key)).collect();
        assert_eq!(vault.audit_finds(true).await, foreign);
    }
    let placed = place(&*store, id, "case 17").await.unwrap();
    assert!(placed.warnings.is_empty() && placed.shortfall.is_none(), "{:?}", placed.warnings);
    assert_eq!((files_of(&placed), held_files(&vault)), (OBJECTS, OBJECTS));
    let extended = extend(&*store, asked(id, LATER.parse().unwrap())).await.unwrap();
    assert_eq!(files_of(&extended), OBJECTS);
}

#[tokio::test]
async fn an_archive_that_is_refused_is_told_as_that_where_no_directory_proves_itself() {
    let vault = Vault::new(BucketSettings::locked()).await;
    let id = vault.verified().id();
    vault.bucket().put(&bundle_key(id), "garbage");
    let out = vault.folder.path().join("pulled");
    let request = PullRequest { id, archive_sha256: None, out, overwrite: false, demand: None };
    let store = vault.store().await;
    let alone = pull(&*store, &request, &no_progress()).await.unwrap_err().to_string();
    vault.bucket().put(&vault.object_key("manifest.json"), "{}");
    let both = pull(&*store, &request, &no_progress()).await.unwrap_err().to_string();
    assert_eq!(alone, both);
}

#[tokio::test]
async fn garbage_where_a_directory_would_be_says_nothing_against_an_archive() {
    let vault = Vault::new(BucketSettings::locked()).await;
    let id = vault.push(vault.small()).await.unwrap().receipt.bundle_id;
    let garbage =
        ["logs/x", "manifest.json"].map(|path| format!("team/{}", layout::cavra_object(id, path)));
    let gone = format!("team/{}", layout::cavra_object(id, "gone"));
    garbage.iter().chain([&gone]).for_each(|key| vault.bucket().put(key, "garbage"));
    vault.bucket().delete(&gone);
    for read_data in [false, true] {
        let foreign = garbage.clone().map(|key| ("foreign_object", key));
        assert_eq!(vault.audit_finds(read_data).await, foreign);
    }
    let store = vault.store().await;
    let report = reindex(&*store, |_| ()).await.unwrap();
    assert_eq!((report.bundles, report.other_objects, report.unreadable), (1, 1, 0));
    let placed = place(&*store, id, "case 17").await.unwrap();
    assert!(placed.warnings.is_empty(), "{:?}", placed.warnings);
    assert_eq!(placed.objects[0].object.key, bundle_key(id));
}

#[tokio::test]
async fn a_planted_record_of_fewer_files_leaves_none_unlocked() {
    for genuine_is_there in [false, true] {
        let vault = Vault::new(BucketSettings::locked()).await;
        let upload = match genuine_is_there {
            true => {
                vault
                    .server
                    .faults()
                    .on(Op::PutObject)
                    .key_contains("retention-policy")
                    .answer(403);
                vault.push_directory().await.unwrap();
                vault.server.faults().clear();
                // The rest is pushed, and of that no record is kept.
                vault.server.faults().on(Op::PutObject).key_contains("records/").answer(403);
                let upload = vault.push_directory().await.unwrap().upload;
                vault.server.faults().clear();
                upload
            }
            false => vault.pushed_without_a_record().await,
        };
        let manifest = vec![upload.objects[OBJECTS - 1].clone()];
        vault.plant(&Upload { objects: manifest, objects_total: 1, ..upload.clone() });
        let extended =
            extend(&*vault.store().await, asked(upload.bundle_id, LATER.parse().unwrap())).await;
        let extended = extended.unwrap();
        assert!(extended.warnings.is_empty(), "{:?}", extended.warnings);
        for object in &upload.objects {
            let until = vault.bucket().versions(&object.key)[0].retention.unwrap().retain_until;
            assert_eq!(until, LATER.parse().unwrap(), "{} {genuine_is_there}", object.path);
        }
    }
}

#[tokio::test]
async fn a_planted_record_that_pins_another_version_keeps_the_true_one_from_nothing() {
    let vault = Vault::new(BucketSettings::locked()).await;
    let mut upload = vault.pushed_without_a_record().await;
    let whole = upload.clone();
    for (at, row) in upload.objects.iter_mut().enumerate() {
        vault.bucket().plant_over(&row.key, random_bytes(row.size_bytes as usize, at as u64));
        row.version_id = vault.bucket().versions(&row.key).last().map(|version| version.id.clone());
    }
    vault.plant(&upload);
    let store = vault.store().await;
    let asked = asked(whole.bundle_id, LATER.parse().unwrap());
    let extended = extend(&*store, asked).await.unwrap();
    for row in &whole.objects {
        let outcome = extended.objects.iter().find(|one| one.object.version_id == row.version_id);
        assert_eq!(outcome.unwrap().state, ObjectState::Changed, "{}", row.path);
    }
}

#[tokio::test]
async fn a_planted_record_of_a_directory_hides_no_archive_and_warns_of_none() {
    for has_receipt in [false, true] {
        let vault = Vault::new(BucketSettings::locked()).await;
        if !has_receipt {
            vault.server.faults().on(Op::PutObject).key_contains("records/").answer(403);
        }
        let pushed = vault.push(vault.small()).await;
        let id = vault.small().id();
        assert_eq!(pushed.is_ok_and(|pushed| pushed.shortfall.is_none()), has_receipt);
        vault.server.faults().clear();
        let template = Vault::new(BucketSettings::locked()).await.pushed().await;
        let rows = vec![row_about(&template.objects[0], &template, "x")];
        for objects in [Vec::new(), rows] {
            vault.plant(&Upload { bundle_id: id, objects_total: 300, objects, ..template.clone() });
            let placed = place(&*vault.store().await, id, "case 17").await.unwrap();
            assert!(placed.warnings.is_empty(), "{:?}", placed.warnings);
            assert_eq!(placed.objects[0].object.key, bundle_key(id));
        }
    }
}
