use strongroom_core::bundle::Refusal;

use crate::support::{
    MARK, gzip, header, manifest, manifest_member, member, padded, refusal_of_tar, seal, tar,
    verify,
};

/// A tar archive whose manifest lists `a`, and where `parts` stand in its place.
fn in_place_of_a(parts: &[u8]) -> Vec<u8> {
    tar(&[&manifest_member(&manifest(&[("a", b"1")])), parts])
}

/// The header of `a`, changed by `change` and sealed again.
fn changed(change: impl Fn(&mut [u8; 512])) -> Vec<u8> {
    let mut block = header(b"files/a", 1, b'0');
    change(&mut block);
    seal(&mut block);
    in_place_of_a(&[&block[..], &padded(b"1")].concat())
}

#[test]
fn the_header_that_these_tests_change_is_right() {
    assert!(verify(gzip(&changed(|_| ())).as_slice()).is_ok());
}

#[test]
fn links_devices_and_what_readers_disagree_about_are_a_security_refusal() {
    for kind in *b"12346xgLKSVMNDA" {
        let tar = changed(|block| {
            block[156] = kind;
            block[157..157 + MARK.len()].copy_from_slice(MARK.as_bytes());
        });
        assert_eq!(refusal_of_tar(&tar), Refusal::Security, "type {}", char::from(kind));
    }
}

#[test]
fn the_same_members_where_the_archive_should_end_are_a_security_refusal() {
    for kind in *b"12346xgLKS" {
        let extra = header(b"files/EVIL", 0, kind);
        let parts = [&member("files/a", b"1")[..], &extra].concat();
        assert_eq!(refusal_of_tar(&in_place_of_a(&parts)), Refusal::Security);
    }
}

#[test]
fn a_directory_and_a_pre_posix_file_are_a_format_refusal() {
    for kind in *b"5\0" {
        assert_eq!(refusal_of_tar(&changed(|block| block[156] = kind)), Refusal::Format);
    }
}

#[test]
fn unsafe_names_are_a_security_refusal() {
    let names: [&[u8]; 9] = [
        b"/EVIL",
        b"../EVIL",
        b"files/../EVIL",
        b"files/./EVIL",
        b"files//EVIL",
        b"files/",
        b"",
        b"files/EVIL\xff",
        b"files/EVIL\xc3",
    ];
    for name in names {
        let block = header(name, 1, b'0');
        let tar = in_place_of_a(&[&block[..], &padded(b"1")].concat());
        assert_eq!(refusal_of_tar(&tar), Refusal::Security, "{}", name.escape_ascii());
    }
}

#[test]
fn a_prefix_field_that_climbs_is_a_security_refusal() {
    let tar = changed(|block| block[345..347].copy_from_slice(b".."));
    assert_eq!(refusal_of_tar(&tar), Refusal::Security);
}

#[test]
fn a_size_that_is_negative_or_no_number_is_a_security_refusal() {
    let sizes: [[u8; 12]; 5] = [
        [0xff; 12],
        [0x80, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        *b"-0000000001\0",
        *b"EVIL0000000\0",
        [0; 12],
    ];
    for size in sizes {
        let tar = changed(|block| block[124..136].copy_from_slice(&size));
        assert_eq!(refusal_of_tar(&tar), Refusal::Security, "{size:?}");
    }
}

#[test]
fn a_size_in_base_256_where_octal_would_do_is_a_format_refusal() {
    let tar = changed(|block| {
        block[124..136].copy_from_slice(&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    });
    assert_eq!(refusal_of_tar(&tar), Refusal::Format);
}

#[test]
fn any_other_header_value_is_a_format_refusal() {
    let values: [(usize, &[u8]); 12] = [
        (100, b"0000755\0"),
        (108, b"0001750\0"),
        (116, b"0001750\0"),
        (124, b"          1\0"),
        (136, b"14717450000\0"),
        (157, b"EVIL"),
        (257, b"ustar  \0"),
        (265, b"EVIL"),
        (297, b"EVIL"),
        (329, b"0000001\0"),
        (337, b"\0\0\0\0\0\0\0\0"),
        (500, b"EVIL"),
    ];
    for (at, value) in values {
        let tar = changed(|block| block[at..at + value.len()].copy_from_slice(value));
        assert_eq!(refusal_of_tar(&tar), Refusal::Format, "at {at}");
    }
}

#[test]
fn a_wrong_checksum_is_a_format_refusal() {
    let mut block = header(b"files/a", 1, b'0');
    block[150] ^= 1;
    let tar = in_place_of_a(&[&block[..], &padded(b"1")].concat());
    assert_eq!(refusal_of_tar(&tar), Refusal::Format);
}

#[test]
fn a_checksum_in_another_spelling_is_a_format_refusal() {
    let mut block = header(b"files/a", 1, b'0');
    block[154..156].copy_from_slice(b" \0");
    let tar = in_place_of_a(&[&block[..], &padded(b"1")].concat());
    assert_eq!(refusal_of_tar(&tar), Refusal::Format);
}

#[test]
fn a_manifest_that_is_missing_or_not_first_is_a_format_refusal() {
    let file = member("files/a", b"1");
    let manifest = manifest_member(&manifest(&[("a", b"1")]));
    for parts in [&[][..], &[&file], &[&file, &manifest], &[&member("./EVIL.json", b"{}")]] {
        let parts: Vec<&[u8]> = parts.iter().map(|part: &&Vec<u8>| part.as_slice()).collect();
        let class = refusal_of_tar(&tar(&parts));
        assert!(matches!(class, Refusal::Format | Refusal::Security));
    }
}

#[test]
fn a_manifest_under_another_header_is_a_format_refusal() {
    let bytes = crate::support::canonical(&manifest(&[]));
    let mut block = header(b"manifest.json", bytes.len() as u64, b'0');
    block[136..148].copy_from_slice(b"14717450000\0");
    seal(&mut block);
    assert_eq!(refusal_of_tar(&tar(&[&block, &padded(&bytes)])), Refusal::Format);
}
