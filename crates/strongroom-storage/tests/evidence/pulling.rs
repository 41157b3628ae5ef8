use strongroom_core::Sha256Digest;
use strongroom_core::bundle::Refusal;
use strongroom_storage::evidence::pull::{PullRequest, pull, pull_run};
use strongroom_storage::evidence::{EvidenceErrorKind, Pulled};

use super::*;

impl Desk {
    async fn pull(&self, id: BundleId, out: &str) -> Result<Pulled, EvidenceError> {
        let out = self.folder.path().join(out);
        let request = PullRequest { id, archive_sha256: None, out, overwrite: false, demand: None };
        pull(&self.store, &request, &no_progress()).await
    }

    fn temporary_files(&self) -> usize {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        entries
            .filter(|entry| {
                entry.as_ref().unwrap().path().extension().is_some_and(|e| e == "partial")
            })
            .count()
    }
}

#[tokio::test]
async fn what_was_pushed_comes_back_byte_for_byte() {
    let desk = Desk::new();
    let id = desk.push_seed("a", "r").await;
    let pulled = desk.pull(id, "out.tar.gz").await.unwrap();
    let stored = desk.bytes_of(&format!("bundles/{id}.tar.gz")).await;
    assert_eq!(fs::read(&pulled.path).unwrap(), stored);
    assert_eq!(pulled.archive_sha256, Some(Sha256Digest::of(&stored)));
    assert_eq!(desk.temporary_files(), 0);
}

#[tokio::test]
async fn another_valid_bundle_under_the_key_is_refused() {
    let desk = Desk::new();
    let asked = desk.plan("asked", of_run("r")).id();
    let other = fs::read(desk.archive("other", of_run("r"))).unwrap();
    desk.put(&format!("bundles/{asked}.tar.gz"), &other).await;

    let error = desk.pull(asked, "out.tar.gz").await.unwrap_err();

    assert_eq!(error.kind(), EvidenceErrorKind::Bundle(Refusal::Integrity), "{error}");
    assert!(!desk.folder.path().join("out.tar.gz").exists());
    assert_eq!(desk.temporary_files(), 0);
}

#[tokio::test]
async fn an_absent_bundle_is_not_found() {
    let desk = Desk::new();
    let id = desk.plan("a", of_run("r")).id();
    let error = desk.pull(id, "out.tar.gz").await.unwrap_err();
    assert_eq!(error.kind(), EvidenceErrorKind::NotFound);
}

#[tokio::test]
async fn a_file_that_is_there_is_not_replaced() {
    let desk = Desk::new();
    let id = desk.push_seed("a", "r").await;
    fs::write(desk.folder.path().join("out.tar.gz"), "mine").unwrap();
    let error = desk.pull(id, "out.tar.gz").await.unwrap_err();
    assert_eq!(error.kind(), EvidenceErrorKind::LocalFileExists);
    assert_eq!(fs::read(desk.folder.path().join("out.tar.gz")).unwrap(), b"mine");
}

#[tokio::test]
async fn a_run_comes_whole_and_a_second_pull_confirms_what_is_there() {
    let desk = Desk::new();
    let ids = [desk.push_seed("a", "r").await, desk.push_seed("b", "r").await];
    let out = desk.folder.path().join("run");

    for _ in 0..2 {
        let run = pull_run(&desk.store, "r", &out, None, &no_progress()).await.unwrap();
        assert!(run.is_complete());
        let mut pulled: Vec<_> = run.pulled.iter().map(|pulled| pulled.bundle_id).collect();
        pulled.sort();
        let mut expected = ids.to_vec();
        expected.sort();
        assert_eq!(pulled, expected);
    }
}

#[tokio::test]
async fn a_run_with_a_pending_bundle_is_partial() {
    let desk = Desk::new();
    desk.push_seed("a", "r").await;
    let pending = desk.plan("b", of_run("r")).id();
    desk.put(&format!("runs/r/{pending}.ref"), b"").await;

    let out = desk.folder.path().join("run");
    let run = pull_run(&desk.store, "r", &out, None, &no_progress()).await.unwrap();

    assert_eq!(run.pulled.len(), 1);
    assert_eq!(run.missing.len(), 1);
    assert_eq!(run.missing[0].bundle_id, pending);
    assert_eq!(run.missing[0].error.kind(), EvidenceErrorKind::NotFound);
}

#[tokio::test]
async fn an_unknown_run_is_not_found() {
    let desk = Desk::new();
    let out = desk.folder.path().join("run");
    let error = pull_run(&desk.store, "nobody", &out, None, &no_progress()).await.unwrap_err();
    assert_eq!(error.kind(), EvidenceErrorKind::NotFound);
}
