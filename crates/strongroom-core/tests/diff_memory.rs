//! Two bundles of any length take little memory to hold side by side. A test binary of its own with a
//! single test, because the peak is of the whole process.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(target_os = "linux")]

mod support;

use std::io::Read;

use flate2::Compression;
use flate2::read::GzEncoder;
use serde_json::json;
use strongroom_core::Sha256Digest;
use strongroom_core::bundle::{NoProgress, ReadLimits, UnverifiedBundle};
use strongroom_core::diff::files::FileChanges;
use strongroom_core::diff::inside::{Inside, NotLookedAt};
use strongroom_core::diff::read::{Opened, verify_both};
use strongroom_core::limits::{DIFF_CONTENT_BYTES_MAX, DIFF_FILE_BYTES_MAX};

use support::{header, manifest_member};

/// What is kept of both, what comparing one file takes, and what two verifications take.
const PEAK_KIB_MAX: u64 = 112 << 10;
const FILES: usize = 40;

/// An archive of many files, each as long as a comparison looks into, and of nothing but this line.
fn archive(line: &str) -> Box<dyn Read + Send> {
    let content = line.repeat(usize::try_from(DIFF_FILE_BYTES_MAX).unwrap() / line.len());
    let (size_bytes, sha256) = (content.len() as u64, Sha256Digest::of(content.as_bytes()));
    let path = |at: usize| format!("{at:05}.json");
    let list = |at| json!({"path": path(at), "size_bytes": size_bytes, "sha256": sha256});
    let files: Vec<_> = (0..FILES).map(list).collect();
    let manifest = manifest_member(&json!({"schema": "strongroom.bundle/v1", "files": files}));
    let mut tar: Box<dyn Read + Send> = Box::new(std::io::Cursor::new(manifest));
    let content: &'static str = content.leak();
    for at in 0..FILES {
        let block = header(format!("files/{}", path(at)).as_bytes(), size_bytes, b'0');
        let end = vec![0; content.len().next_multiple_of(512) - content.len()];
        let member = std::io::Cursor::new(block).chain(content.as_bytes());
        tar = Box::new(tar.chain(member).chain(std::io::Cursor::new(end)));
    }
    Box::new(GzEncoder::new(tar.chain(&[0; 1024][..]), Compression::fast()))
}

fn compared(base: &str, candidate: &str) -> FileChanges {
    let open = |line| {
        let bundle = UnverifiedBundle::open(archive(line), &ReadLimits::default()).unwrap();
        Opened::Archive(Box::new(bundle))
    };
    verify_both(open(base), open(candidate), &NoProgress, &|| {}).unwrap().files
}

/// The most memory that this process ever had.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn memory_is_bounded_however_much_changed() {
    // Lines of text, and JSON that takes much memory for its length.
    let before = peak_kib();
    for (base, candidate) in
        [("a line of the one\n", "a line of the other\n"), ("[[],[]]\n", "[{},[]]\n")]
    {
        let files = compared(base, candidate);
        let reason = Inside::NotLookedAt { reason: NotLookedAt::ContentLimit };
        let beyond = files.changed.iter().filter(|file| file.inside.as_ref() == Some(&reason));
        let kept = usize::try_from(DIFF_CONTENT_BYTES_MAX / DIFF_FILE_BYTES_MAX).unwrap() / 2;
        assert_eq!((files.changed.len(), beyond.count()), (FILES, FILES - kept));
    }
    assert!(peak_kib() < PEAK_KIB_MAX, "{} KiB, {before} KiB before", peak_kib());
}
