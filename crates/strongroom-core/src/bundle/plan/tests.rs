use std::fs;

use super::*;
use crate::bundle::{
    CollectOptions, NoProgress, ReadLimits, UnverifiedBundle, VerifiedBundle, collect,
};

fn verify(archive: &[u8]) -> Result<VerifiedBundle, BundleError> {
    UnverifiedBundle::open(archive, &ReadLimits::default())?.verify(&NoProgress)
}

fn plan_of(folder: &Path) -> BundlePlan {
    let files = collect(&[folder.to_owned()], &CollectOptions::default()).unwrap();
    BundlePlan::prepare(files, Declarations::default(), &NoProgress).unwrap()
}

#[test]
fn what_is_written_verifies_under_the_planned_id() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("logs")).unwrap();
    fs::write(folder.path().join("logs/run.log"), "line\n".repeat(200_000)).unwrap();
    fs::write(folder.path().join(".hidden"), "").unwrap();
    fs::write(folder.path().join("x".repeat(200)), "long").unwrap();

    let plan = plan_of(folder.path());
    let mut archive = Vec::new();
    let written = plan.write(&mut archive, &NoProgress).unwrap();
    let verified = verify(&archive).unwrap();

    assert_eq!(verified.id(), plan.id());
    assert_eq!(verified.archive_sha256(), written.archive_sha256);
    assert_eq!(verified.archive_size_bytes(), archive.len() as u64);
    assert_eq!(verified.content_size_bytes(), 1_000_004);
    assert_eq!(verified.files(), 3);
    assert!(archive.len() as u64 <= plan.archive_size_bytes_max());
}

#[test]
fn a_file_that_changes_between_the_passes_is_an_integrity_refusal() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.json");
    for changed in ["{\"ok\": true }", "longer than it was before"] {
        fs::write(&file, "{\"ok\": false}").unwrap();
        let plan = plan_of(folder.path());
        fs::write(&file, changed).unwrap();

        let refused = plan.write(std::io::sink(), &NoProgress).unwrap_err();

        assert_eq!(refused.refusal(), Refusal::Integrity, "{refused}");
        assert!(refused.to_string().contains("report.json"), "{refused}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_or_a_pipe_that_takes_a_files_place_is_neither_followed_nor_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::NamedTempFile::new().unwrap();
    fs::write(outside.path(), "same size").unwrap();
    let file = folder.path().join("report");
    let as_a_link = |place: &Path| std::os::unix::fs::symlink(outside.path(), place).unwrap();
    let as_a_pipe = |place: &Path| {
        let made = std::process::Command::new("mkfifo").arg(place).status().unwrap();
        assert!(made.success());
    };
    for put in [&as_a_link as &dyn Fn(&Path), &as_a_pipe] {
        fs::write(&file, "same size").unwrap();
        let plan = plan_of(folder.path());
        fs::remove_file(&file).unwrap();
        put(&file);

        let refused = plan.write(io::sink(), &NoProgress).unwrap_err();

        assert_eq!(refused.refusal(), Refusal::Integrity, "{refused}");
        fs::remove_file(&file).unwrap();
    }
}

#[test]
fn a_full_disk_ends_the_writing_as_unreadable() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("big"), vec![7; 5 << 20]).unwrap();

    let refused = plan_of(folder.path()).write(Full, &NoProgress).unwrap_err();

    assert_eq!(refused.refusal(), Refusal::Unreadable);
}
