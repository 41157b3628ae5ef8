use serde_json::json;
use strongroom_core::bundle::Refusal;

use crate::support::{bundle_tar, listed, manifest, manifest_member, member, refusal_of_tar, tar};

#[test]
fn a_flipped_byte_of_content_is_an_integrity_refusal() {
    let content = b"the evidence";
    let right = bundle_tar(&[("a.txt", content)]);
    let start = right.windows(content.len()).position(|window| window == content).unwrap();
    for at in start..start + content.len() {
        let mut damaged = right.clone();
        damaged[at] ^= 1;
        assert_eq!(refusal_of_tar(&damaged), Refusal::Integrity);
    }
}

#[test]
fn a_file_that_is_missing_extra_or_elsewhere_is_an_integrity_refusal() {
    let (a, b) = (member("files/a", b"1"), member("files/b", b"2"));
    let both = manifest_member(&manifest(&[("a", b"1"), ("b", b"2")]));
    let only_a = manifest_member(&manifest(&[("a", b"1")]));
    for parts in [
        [&both[..], &a, b""],
        [&both, &b, b""],
        [&both, b"", b""],
        [&both, &b, &a],
        [&both, &a, &a],
        [&only_a, &a, &b],
        [&only_a, &a, &a],
        [&only_a, &a, &only_a],
    ] {
        assert_eq!(refusal_of_tar(&tar(&parts)), Refusal::Integrity);
    }
    assert!(crate::support::verify(&crate::support::gzip(&tar(&[&both, &a, &b]))[..]).is_ok());
}

#[test]
fn a_size_other_than_the_manifest_lists_is_an_integrity_refusal() {
    for (listed_size, content) in [(4_u64, &b"12345"[..]), (6, b"12345"), (0, b"1"), (1, b"")] {
        let mut file = listed("a", content);
        file["size_bytes"] = json!(listed_size);
        let manifest = json!({"schema": "strongroom.bundle/v1", "files": [file]});
        let parts = [&manifest_member(&manifest)[..], &member("files/a", content)];
        assert_eq!(refusal_of_tar(&tar(&parts)), Refusal::Integrity, "{listed_size}");
    }
}

#[test]
fn a_digest_of_other_content_is_an_integrity_refusal() {
    let parts = [&manifest_member(&manifest(&[("a", b"12345")]))[..], &member("files/a", b"54321")];
    assert_eq!(refusal_of_tar(&tar(&parts)), Refusal::Integrity);
}

#[test]
fn padding_that_is_not_zero_is_a_format_refusal() {
    let right = bundle_tar(&[("a.txt", b"text")]);
    let last_of_padding = right.len() - 1024 - 1;
    let after_manifest = 512 + usize::try_from(manifest_size(&right)).unwrap();
    for at in [last_of_padding, after_manifest] {
        let mut damaged = right.clone();
        damaged[at] = 1;
        assert_eq!(refusal_of_tar(&damaged), Refusal::Format, "byte {at}");
    }
}

#[test]
fn anything_but_two_zero_blocks_at_the_end_is_a_format_refusal() {
    let right = bundle_tar(&[("a.txt", b"text")]);
    let one_block = &right[..right.len() - 512];
    let mut second_not_zero = right.clone();
    *second_not_zero.last_mut().unwrap() = 1;
    for wrong in [
        one_block.to_vec(),
        second_not_zero,
        [&right[..], &[0; 512]].concat(),
        [&right[..], &[0; 10_240]].concat(),
        [&right[..], b"x"].concat(),
        [one_block, &member("files/b", b"EVIL"), &[0; 1024]].concat(),
    ] {
        assert_eq!(refusal_of_tar(&wrong), Refusal::Format);
    }
}

fn manifest_size(tar: &[u8]) -> u64 {
    u64::from_str_radix(std::str::from_utf8(&tar[124..135]).unwrap(), 8).unwrap()
}
