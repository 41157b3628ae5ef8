use std::io::{Read, Write};

use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};

use strongroom_core::bundle::{ReadLimits, Refusal, UnverifiedBundle};

use crate::support::{MARK, bundle_tar, gzip, refusal, verify};

fn archive() -> Vec<u8> {
    gzip(&bundle_tar(&[("a.txt", b"some text")]))
}

#[test]
fn a_second_gzip_member_is_a_format_refusal() {
    for second in [gzip(b""), gzip(MARK.as_bytes()), archive()] {
        assert_eq!(refusal([archive(), second].concat().as_slice()), Refusal::Format);
    }
}

#[test]
fn a_tar_archive_in_two_gzip_members_is_a_format_refusal() {
    let tar = bundle_tar(&[("a.txt", b"some text")]);
    for cut in [512, 1024, tar.len() - 512] {
        let archive = [gzip(&tar[..cut]), gzip(&tar[cut..])].concat();
        assert_eq!(refusal(archive.as_slice()), Refusal::Format, "cut at {cut}");
    }
}

#[test]
fn bytes_after_the_member_are_a_format_refusal() {
    for trailing in [&b"\0"[..], &[0; 10_000], MARK.as_bytes(), &[0x1f], &[0; 1 << 20]] {
        assert_eq!(refusal([&archive(), trailing].concat().as_slice()), Refusal::Format);
    }
}

#[test]
fn a_trailer_that_does_not_match_is_an_integrity_refusal() {
    let archive = archive();
    for at in archive.len() - 8..archive.len() {
        let mut damaged = archive.clone();
        damaged[at] ^= 0x10;
        assert_eq!(refusal(damaged.as_slice()), Refusal::Integrity, "byte {at}");
    }
}

#[test]
fn any_flipped_bit_is_refused_or_inflates_to_the_same_bytes() {
    let tar = bundle_tar(&[("a.txt", b"some text")]);
    let archive = gzip(&tar);
    let right = verify(archive.as_slice()).unwrap();
    let mut unnoticed = 0;
    for at in 0..archive.len() {
        for bit in 0..8 {
            let mut damaged = archive.clone();
            damaged[at] ^= 1 << bit;
            // A header's time, or a distance inside a run of zeros: another spelling, not damage.
            if let Ok(verified) = verify(damaged.as_slice()) {
                let mut inflated = Vec::new();
                GzDecoder::new(damaged.as_slice()).read_to_end(&mut inflated).unwrap();
                assert_eq!(inflated, tar, "bit {bit} of byte {at}");
                assert_eq!(verified.id(), right.id());
                assert_ne!(verified.archive_sha256(), right.archive_sha256());
                unnoticed += 1;
            }
        }
    }
    assert!(unnoticed < 8 * 10, "{unnoticed} bits were not noticed");
}

#[test]
fn what_is_no_gzip_is_a_format_refusal() {
    let tar = bundle_tar(&[]);
    for bytes in [&b""[..], b"PK\x03\x04 not this", &tar, &[0x1f, 0x8b, 7, 0, 0, 0, 0, 0, 0, 0]] {
        assert_eq!(refusal(bytes), Refusal::Format);
    }
    let mut reserved_flag = archive();
    reserved_flag[3] = 0x20;
    assert_eq!(refusal(reserved_flag.as_slice()), Refusal::Format);
    let garbage = [&archive()[..10], &[0xff; 64]].concat();
    assert_eq!(refusal(garbage.as_slice()), Refusal::Format);
}

#[test]
fn a_header_with_name_comment_and_extra_field_is_the_same_bundle() {
    let mut encoder = GzBuilder::new()
        .mtime(1_700_000_000)
        .operating_system(3)
        .filename("bundle.tar")
        .comment("made elsewhere")
        .extra(vec![1; 300])
        .write(Vec::new(), Compression::best());
    encoder.write_all(&bundle_tar(&[("a.txt", b"some text")])).unwrap();
    let elsewhere = encoder.finish().unwrap();

    assert_eq!(
        verify(elsewhere.as_slice()).unwrap().id(),
        verify(archive().as_slice()).unwrap().id()
    );
}

#[test]
fn a_header_checksum_is_checked() {
    let plain = archive();
    let mut header = plain[..10].to_vec();
    header[3] = 0b10;
    let crc = crc32fast::hash(&header).to_le_bytes();
    let with = |checksum: [u8; 2]| [&header[..], &checksum, &plain[10..]].concat();

    assert!(verify(with([crc[0], crc[1]]).as_slice()).is_ok());
    assert_eq!(refusal(with([crc[0], !crc[1]]).as_slice()), Refusal::Integrity);
}

#[test]
fn a_header_text_without_end_is_a_limit_refusal() {
    let endless = [&[0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3][..], &[b'x'; 100_000]].concat();
    assert_eq!(refusal(endless.as_slice()), Refusal::Limit);
}

#[test]
fn an_archive_over_the_limit_is_a_limit_refusal() {
    let archive = archive();
    let size = archive.len() as u64;
    let open = |max| UnverifiedBundle::open(&archive[..], &ReadLimits { archive_bytes_max: max });

    assert!(open(size).is_ok());
    assert_eq!(open(size - 1).unwrap_err().refusal(), Refusal::Limit);
}
