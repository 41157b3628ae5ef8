//! Two bundles that are verified side by side: what is told when one of them is refused.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::{self, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use strongroom_core::bundle::{BundleError, NoProgress, ReadLimits, Refusal, UnverifiedBundle};
use strongroom_core::diff::files::FileChanges;
use strongroom_core::diff::read::{Opened, Side, verify_both};

use support::{bundle_tar, gzip};

type Reader = Box<dyn Read + Send>;

fn opened(archive: Reader) -> Opened<Reader> {
    Opened::Archive(Box::new(UnverifiedBundle::open(archive, &ReadLimits::default()).unwrap()))
}

fn archive(content: &[u8]) -> Vec<u8> {
    gzip(&bundle_tar(&[("a.txt", content), ("z.bin", &noise())]))
}

/// More than is read while the manifest is, however well it is compressed.
fn noise() -> Vec<u8> {
    (0..1_u32 << 18).flat_map(|at| at.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

/// An archive of which the end does not come until somebody wants it no more.
struct Endless {
    archive: Cursor<Vec<u8>>,
    is_wanted_no_more: Arc<AtomicBool>,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let half = self.archive.get_ref().len() as u64 / 2;
        if self.archive.position() < half {
            return self.archive.read(buffer);
        }
        while !self.is_wanted_no_more.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
        Err(io::Error::other("nobody wants it"))
    }
}

fn compare(
    base: Reader,
    candidate: Reader,
    wanted_no_more: &AtomicBool,
) -> Result<FileChanges, (Side, BundleError)> {
    let stop = || wanted_no_more.store(true, Ordering::Relaxed);
    let both = verify_both(opened(base), opened(candidate), &NoProgress, &stop)?;
    Ok(both.files)
}

#[test]
fn the_one_that_is_refused_is_told_and_the_other_is_not_waited_for() {
    let right = archive(b"right\n");
    let cut = right[..right.len() - 100].to_vec();
    for refused in [Side::Base, Side::Candidate] {
        let is_wanted_no_more = Arc::new(AtomicBool::new(false));
        let endless: Reader = Box::new(Endless {
            archive: Cursor::new(right.clone()),
            is_wanted_no_more: Arc::clone(&is_wanted_no_more),
        });
        let cut: Reader = Box::new(Cursor::new(cut.clone()));
        let (base, candidate) = match refused {
            Side::Base => (cut, endless),
            Side::Candidate => (endless, cut),
        };
        let (side, error) = compare(base, candidate, &is_wanted_no_more).unwrap_err();
        assert_eq!((side, error.refusal()), (refused, Refusal::Format), "{error}");
    }
}

#[test]
fn two_that_verify_are_looked_into() {
    let reader = |content: &[u8]| -> Reader { Box::new(Cursor::new(archive(content))) };
    let files = compare(reader(b"1\n"), reader(b"2\n"), &AtomicBool::new(false)).unwrap();
    assert_eq!((files.unchanged, files.changed.len()), (1, 1));
    assert!(files.changed[0].inside.is_some());
}
