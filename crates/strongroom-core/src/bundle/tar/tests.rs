use super::*;

#[test]
fn a_short_path_takes_one_block_with_these_very_bytes() {
    let bytes = headers("files/a.txt", 10);
    let mut expected = [0; 512];
    for (at, value) in [
        (0, &b"files/a.txt"[..]),
        (100, b"0000644\x000000000\x000000000\x00"),
        (124, b"00000000012\x0000000000000\x00011261\x00 0"),
        (257, b"ustar\x0000"),
        (329, b"0000000\x000000000\x00"),
    ] {
        expected[at..at + value.len()].copy_from_slice(value);
    }
    assert_eq!(bytes.escape_ascii().to_string(), expected.escape_ascii().to_string());
}

#[test]
fn a_path_of_100_bytes_needs_no_extended_header_and_one_of_101_does() {
    assert_eq!(headers(&"x".repeat(100), 0).len(), BLOCK_BYTES);
    assert_eq!(headers(&"x".repeat(101), 0).len(), 3 * BLOCK_BYTES);
}

#[test]
fn the_length_of_a_record_counts_its_own_digits() {
    for length in [101, 102, 985, 986, 987, 988, 989, 990, 991, 992, 993, 1_030] {
        let record = extended_record(&"x".repeat(length));
        let (size, _) = record.split_once(' ').unwrap();
        assert_eq!(size.parse(), Ok(record.len()), "{length}");
    }
}

#[test]
fn a_long_name_is_cut_between_characters() {
    let bytes = headers(&format!("{}é", "x".repeat(99)), 0);
    let name = &bytes[2 * BLOCK_BYTES..][NAME];
    assert_eq!(until_zero(name), "x".repeat(99).as_bytes());
}

#[test]
fn sizes_from_8_gib_on_are_in_base_256() {
    let size_field = |size| headers("a", size)[SIZE].to_vec();
    assert_eq!(size_field(BASE_256_FROM - 1), b"77777777777\0");
    assert_eq!(size_field(BASE_256_FROM), [0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0]);
    for size in [0, 1, BASE_256_FROM - 1, BASE_256_FROM, 5 << 40, u64::MAX] {
        assert_eq!(size_of(&header("a", size, TYPE_FILE)), Some(size));
    }
}

/// The third-party reader that most Rust programs use.
#[test]
fn another_reader_reads_the_same_values() {
    for (path, size) in [("a/b", 0), ("ü", 7), ("big", 9 << 30)] {
        let bytes = headers(path, size);
        let header = ::tar::Header::from_byte_slice(&bytes);
        assert_eq!(header.path_bytes().as_ref(), path.as_bytes());
        assert_eq!(header.entry_size().unwrap(), size);
        assert_eq!(header.mode().unwrap(), 0o644);
        assert_eq!(
            (header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap()),
            (0, 0, 0)
        );
        assert_eq!(u64::from(header.cksum().unwrap()), checksum_of(bytes[..].try_into().unwrap()));
    }
}
