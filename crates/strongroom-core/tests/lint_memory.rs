//! Linting takes little memory, whatever the files hold. A test binary of its own with a single test, because
//! the peak is of the whole process.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(target_os = "linux")]

mod support;

use std::io::Read;

use flate2::Compression;
use flate2::read::GzEncoder;
use jiff::Timestamp;
use serde_json::json;
use strongroom_core::bundle::{NoProgress, ReadLimits, UnverifiedBundle};
use strongroom_core::digest::Sha256Hasher;
use strongroom_core::lint::{self, Asked, Report};
use strongroom_core::signing::demand::SignatureReport;

use support::{header, manifest_member};

const PEAK_KIB_MAX: u64 = 48 << 10;

/// The most memory that this process ever had.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// A bundle of one file, which holds `unit` so many times.
fn linted(unit: &[u8], times: u64) -> Report {
    let size = unit.len() as u64 * times;
    let mut hasher = Sha256Hasher::new();
    (0..times).for_each(|_| hasher.update(unit));
    let file = json!({"path": "log", "size_bytes": size, "sha256": hasher.finish()});
    let first = manifest_member(&json!({"schema": "strongroom.bundle/v1", "files": [file]}));
    let block = header(b"files/log", size, b'0');
    let end = vec![0; usize::try_from(size.next_multiple_of(512) - size).unwrap() + 1024];
    let content = support::Repeated::new(unit, times);
    let tar = first.chain(&block[..]).chain(content).chain(&end[..]);
    let archive = GzEncoder::new(tar, Compression::fast());
    let bundle = UnverifiedBundle::open(archive, &ReadLimits::default()).unwrap();
    let (_, lint) = lint::archive(bundle, Asked::at(Timestamp::UNIX_EPOCH), &NoProgress).unwrap();
    lint.finish(&SignatureReport::none())
}

#[test]
fn memory_is_bounded_whatever_the_files_hold() {
    let token = ["npm", "_", "q7Zr2Lk9Wd4Xs8Bn3Vc6Mf1Hj5Tg0PyAuEoR"].concat();

    let secrets = format!("{token} \n").repeat(1 << 10);
    let report = linted(secrets.as_bytes(), 1 << 7);
    assert_eq!(report.counts.error, 1 << 17, "each of them is counted");
    assert_eq!(report.counts.error - report.unlisted.error, 100, "and some are named");
    assert!(peak_kib() < PEAK_KIB_MAX, "secrets: {} KiB", peak_kib());

    let endless = "a line that never ends, and says nothing: 0123456789 ".repeat(1 << 10);
    assert_eq!(linted(endless.as_bytes(), 1 << 10).counts.error, 0);
    assert!(peak_kib() < PEAK_KIB_MAX, "a line of 50 MiB: {} KiB", peak_kib());

    let keywords =
        "eyJhbGciOiJIUzI1NiJ9.eyJ password https:// token: -----BEGIN sig= AZDO\n".repeat(100);
    linted(keywords.as_bytes(), 1 << 6);
    assert!(peak_kib() < PEAK_KIB_MAX, "keywords: {} KiB", peak_kib());
}
