use std::io::{self, Read};

use strongroom_core::bundle::Refusal;

use crate::support::{bundle_tar, gzip, refusal, refusal_of_tar, verify};

const FILES: &[(&str, &[u8])] = &[("a.txt", b"some text"), ("b/c.bin", &[7; 1500])];

#[test]
fn an_archive_cut_anywhere_is_a_format_refusal() {
    let archive = gzip(&bundle_tar(FILES));
    verify(archive.as_slice()).unwrap();
    for length in 0..archive.len() {
        assert_eq!(refusal(&archive[..length]), Refusal::Format, "{length} bytes");
    }
}

#[test]
fn a_tar_archive_cut_anywhere_is_a_format_refusal() {
    let tar = bundle_tar(FILES);
    for length in (0..tar.len()).step_by(64) {
        assert_eq!(refusal_of_tar(&tar[..length]), Refusal::Format, "{length} bytes");
    }
}

#[test]
fn an_archive_that_cannot_be_read_to_its_end_is_unreadable() {
    struct Failing<'a>(&'a [u8]);
    impl Read for Failing<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(io::Error::other("the disk is gone")),
                count => Ok(count),
            }
        }
    }
    let archive = gzip(&bundle_tar(&[("noise", &noise(400_000))]));
    for length in [0, 5, 100, archive.len() / 2, archive.len() - 1, archive.len()] {
        assert_eq!(refusal(Failing(&archive[..length])), Refusal::Unreadable, "{length} bytes");
    }
}

#[test]
fn an_archive_that_arrives_byte_by_byte_verifies() {
    struct Slow<'a>(&'a [u8]);
    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let one = buffer.len().min(1);
            self.0.read(&mut buffer[..one])
        }
    }
    let archive = gzip(&bundle_tar(FILES));
    assert_eq!(verify(Slow(&archive)).unwrap(), verify(archive.as_slice()).unwrap());
}

/// Bytes that do not compress.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 1_u64;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    })
    .take(count)
    .collect()
}
