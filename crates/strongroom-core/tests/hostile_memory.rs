//! Archives of any length take little memory, to refuse and to verify. A test binary of its own with
//! a single test, because the peak is of the whole process.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(target_os = "linux")]

mod support;

use std::io::Read;

use flate2::Compression;
use flate2::read::GzEncoder;
use serde_json::json;
use strongroom_core::Sha256Digest;
use strongroom_core::bundle::Refusal;
use strongroom_core::digest::Sha256Hasher;

use support::{Repeated, bundle_tar, header, manifest_member, refusal, verify};

const PEAK_KIB_MAX: u64 = 32 << 10;
const GIB: u64 = 1 << 30;

fn repeated(unit: &[u8], times: u64) -> Repeated<'_> {
    Repeated::new(unit, times)
}

fn gzipped(tar: impl Read + Send) -> impl Read + Send {
    GzEncoder::new(tar, Compression::fast())
}

/// The most memory that this process ever had.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn memory_is_bounded_whatever_the_archive_says() {
    let empty = bundle_tar(&[]);
    let empty = &empty[..empty.len() - 1024];

    let members = header(b"files/EVIL", 0, b'0').repeat(1_000);
    let million = empty.chain(repeated(&members, 1_000));
    assert_eq!(refusal(gzipped(million)), Refusal::Integrity, "a million members");
    assert!(peak_kib() < PEAK_KIB_MAX, "a million members: {} KiB", peak_kib());

    let zeros = vec![0; 64 << 10];
    let bomb = GzEncoder::new(empty.chain(repeated(&zeros, 1 << 15)), Compression::best());
    assert_eq!(refusal(bomb), Refusal::Format, "2 GiB of zeros after the end");
    assert!(peak_kib() < PEAK_KIB_MAX, "zeros after the end: {} KiB", peak_kib());

    let listed = json!({"path": "EVIL", "size_bytes": GIB, "sha256": Sha256Digest::of(b"")});
    let manifest = json!({"schema": "strongroom.bundle/v1", "files": [listed]});
    let first = manifest_member(&manifest);
    let block = header(b"files/EVIL", GIB, b'0');
    let content = || repeated(&zeros, GIB / zeros.len() as u64);
    let bomb = GzEncoder::new(first.chain(&block[..]).chain(content()), Compression::best());
    assert_eq!(refusal(bomb), Refusal::Limit, "1 GiB of zeros in a listed file");
    assert!(peak_kib() < PEAK_KIB_MAX, "zeros in a file: {} KiB", peak_kib());

    let lines = "a line that repeats, but not as well as zeros do: 0123456789\n".repeat(1 << 10);
    let size = lines.len() as u64 * (1 << 10);
    let mut hasher = Sha256Hasher::new();
    (0..1 << 10).for_each(|_| hasher.update(lines.as_bytes()));
    let file = json!({"path": "log", "size_bytes": size, "sha256": hasher.finish()});
    let first = manifest_member(&json!({"schema": "strongroom.bundle/v1", "files": [file]}));
    let block = header(b"files/log", size, b'0');
    let end = vec![0; usize::try_from(size.next_multiple_of(512) - size).unwrap() + 1024];
    let right = first.chain(&block[..]).chain(repeated(lines.as_bytes(), 1 << 10)).chain(&end[..]);
    assert_eq!(verify(gzipped(right)).unwrap().content_size_bytes(), size);
    assert!(peak_kib() < PEAK_KIB_MAX, "a right archive: {} KiB", peak_kib());
}
