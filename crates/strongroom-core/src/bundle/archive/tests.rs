use std::fs;
use std::io::Cursor;
use std::path::Path;

use super::*;
use crate::bundle::{BundlePlan, CollectOptions, Declarations, NoProgress, collect};

fn plan_of(folder: &Path) -> BundlePlan {
    fs::create_dir(folder.join("logs")).unwrap();
    fs::write(folder.join("logs/run.log"), "line\n".repeat(200_000)).unwrap();
    fs::write(folder.join("empty"), "").unwrap();
    fs::write(folder.join("x".repeat(200)), "long name").unwrap();
    let files = collect(&[folder.to_owned()], &CollectOptions::default()).unwrap();
    BundlePlan::prepare(files, Declarations::default(), &NoProgress).unwrap()
}

#[test]
fn bodies_from_elsewhere_make_the_archive_of_the_directory_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan_of(folder.path());
    let mut of_directory = Vec::new();
    let expected = plan.write(&mut of_directory, &NoProgress).unwrap();

    let mut asked = Vec::new();
    let mut archive = Vec::new();
    let open = |file: &ManifestFile| {
        asked.push(file.path.clone());
        fs::read(folder.path().join(&file.path)).map(Cursor::new)
    };
    let written = write_bundle(plan.manifest_bytes(), open, &mut archive, &NoProgress).unwrap();

    assert_eq!(written, expected);
    assert!(archive == of_directory, "the archives differ");
    assert_eq!(written.id, plan.id());
    let listed: Vec<_> = plan.manifest().files.iter().map(|file| file.path.clone()).collect();
    assert_eq!(asked, listed);
}

#[test]
fn a_body_that_is_not_what_the_manifest_lists_is_an_integrity_refusal() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan_of(folder.path());
    let shorter = |mut bytes: Vec<u8>| {
        bytes.pop();
        bytes
    };
    let longer = |mut bytes: Vec<u8>| {
        bytes.push(7);
        bytes
    };
    let other = |mut bytes: Vec<u8>| {
        bytes[0] ^= 1;
        bytes
    };
    for change in [&shorter as &(dyn Fn(Vec<u8>) -> Vec<u8> + Sync), &longer, &other] {
        let open = |file: &ManifestFile| {
            let bytes = fs::read(folder.path().join(&file.path))?;
            let is_log = file.path == "logs/run.log";
            Ok(Cursor::new(if is_log { change(bytes) } else { bytes }))
        };
        let refused =
            write_bundle(plan.manifest_bytes(), open, io::sink(), &NoProgress).unwrap_err();
        assert_eq!(refused.refusal(), Refusal::Integrity, "{refused}");
        assert!(refused.to_string().starts_with("file 2 "), "{refused}");
    }
}

#[test]
fn a_body_for_an_empty_file_must_be_empty() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan_of(folder.path());
    let open = |file: &ManifestFile| match file.size_bytes {
        0 => Ok(Cursor::new(vec![7])),
        _ => fs::read(folder.path().join(&file.path)).map(Cursor::new),
    };
    let refused = write_bundle(plan.manifest_bytes(), open, io::sink(), &NoProgress).unwrap_err();
    assert_eq!(refused.refusal(), Refusal::Integrity, "{refused}");
}

#[test]
fn a_reader_that_fails_is_unreadable_and_says_nothing_of_the_content() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let plan = plan_of(folder.path());
    let bytes = plan.manifest_bytes();
    let closed = |_: &ManifestFile| Err::<Broken, _>(io::ErrorKind::NotFound.into());
    let refused = write_bundle(bytes, closed, io::sink(), &NoProgress).unwrap_err();
    assert_eq!(refused.refusal(), Refusal::Unreadable, "{refused}");
    let refused = write_bundle(bytes, |_| Ok(Broken), io::sink(), &NoProgress).unwrap_err();
    assert_eq!(refused.refusal(), Refusal::Unreadable, "{refused}");
}

#[test]
fn bytes_that_are_no_manifest_make_no_archive() {
    let open = |_: &ManifestFile| Ok(io::empty());
    let mut archive = Vec::new();
    let refused = write_bundle(b"{}", open, &mut archive, &NoProgress).unwrap_err();
    assert_eq!(refused.refusal(), Refusal::Format, "{refused}");
    assert!(archive.is_empty());
}
