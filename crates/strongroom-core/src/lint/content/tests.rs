use super::*;

/// A token that no scanner of repositories sees here.
fn token() -> String {
    ["npm", "_", "q7Zr2Lk9Wd4Xs8Bn3Vc6Mf1Hj5Tg0PyAuEoR"].concat()
}

/// What is found in a file that comes in pieces of `piece_bytes`.
fn found_in(content: &[u8], piece_bytes: usize) -> (Vec<(&'static str, Spot)>, LookedAt) {
    let mut scanner = ContentScanner::default();
    let mut found = Vec::new();
    scanner.begin();
    for piece in content.chunks(piece_bytes) {
        scanner.take(piece, &mut |kind, spot| found.push((kind.id, spot)));
    }
    scanner.end(&mut |kind, spot| found.push((kind.id, spot)));
    (found, scanner.looked_at())
}

/// Bytes that nobody takes for text: the same on every machine.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x1234_5678_9abc_def1_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(next).take(count).collect()
}

#[test]
fn a_secret_is_found_wherever_the_pieces_are_cut() {
    let content = format!("first\nsecond é {} third\n", token());
    for piece_bytes in 1..content.len() + 1 {
        let (found, _) = found_in(content.as_bytes(), piece_bytes);
        assert_eq!(found, [("npm-token", Spot::Text { line: 2, column: 10 })], "{piece_bytes}");
    }
}

#[test]
fn a_secret_across_the_border_of_two_windows_is_found_once_with_its_line() {
    let window = (64 << 10) + crate::limits::SECRET_BYTES_MAX;
    let secret = token();
    for before in
        [window - 60, window - 20, window - 1, window, (64 << 10) - 20, 64 << 10, 200 << 10]
    {
        let line = "a line of a log that says nothing much\n";
        let mut content = line.repeat(before / line.len() + 1);
        content.truncate(before - 1);
        content.push(' ');
        content.push_str(&secret);
        content.push('\n');
        content.push_str(&line.repeat(4_000));
        let lines = content[..before].matches('\n').count() as u64 + 1;
        let column = (before - content[..before].rfind('\n').unwrap_or(0)) as u64;
        for piece_bytes in [1 << 10, 10_007, 256 << 10] {
            let (found, _) = found_in(content.as_bytes(), piece_bytes);
            assert_eq!(
                found,
                [("npm-token", Spot::Text { line: lines, column })],
                "{before} {piece_bytes}"
            );
        }
    }
}

#[test]
fn a_line_without_an_end_is_no_trouble() {
    let mut content = "x ".repeat(400 << 10);
    content.push_str(&token());
    let (found, _) = found_in(content.as_bytes(), 64 << 10);
    assert_eq!(found, [("npm-token", Spot::Text { line: 1, column: (800 << 10) + 1 })]);
}

#[test]
fn noise_is_passed_over_and_text_between_it_is_not() {
    let (found, looked_at) = found_in(&noise(4 << 20), 256 << 10);
    assert!(found.is_empty());
    assert!(looked_at.text_bytes < (4 << 20) / 20, "{looked_at:?}");
    let mut content = noise(BLOCK_BYTES);
    content.extend(format!("some text, and {}\n", token()).bytes());
    content.resize(2 * BLOCK_BYTES, b' ');
    content.extend(noise(BLOCK_BYTES));
    let (found, looked_at) = found_in(&content, 10_000);
    assert_eq!(found, [("npm-token", Spot::Bytes { byte_offset: BLOCK_BYTES as u64 + 15 })]);
    assert_eq!(
        (looked_at.text_bytes, looked_at.other_bytes),
        (BLOCK_BYTES as u64, 2 * BLOCK_BYTES as u64)
    );
}

#[test]
fn a_secret_that_ends_where_noise_begins_is_found() {
    let secret = token();
    let mut content = vec![b' '; BLOCK_BYTES - 10];
    content.extend(secret.bytes().chain([0]));
    content.extend(noise(BLOCK_BYTES));
    let (found, _) = found_in(&content, 4_000);
    assert_eq!(found, [("npm-token", Spot::Text { line: 1, column: BLOCK_BYTES as u64 - 9 })]);
}

#[test]
fn zeros_between_values_do_not_hide_them() {
    let content = format!("HOME=/root\0SHELL=/bin/sh\0NPM={}\0LANG=C.UTF-8\0", token());
    assert_eq!(found_in(content.as_bytes(), 1_000).0.len(), 1);
    // So many short ones that zeros are an eighth of all.
    let content = format!("{}NPM={}\0", "A=1\0LANG=C\0B=23\0".repeat(50), token());
    assert_eq!(found_in(content.as_bytes(), 1_000).0.len(), 1);
}

#[test]
fn numbers_in_bytes_are_no_text() {
    let numbers: Vec<u8> = (32_u32..2_000).flat_map(u32::to_le_bytes).collect();
    let short: Vec<u8> =
        [1; BLOCK_BYTES].into_iter().chain((32_u16..126).flat_map(u16::to_le_bytes)).collect();
    for content in [numbers, short, vec![0; 10_000]] {
        assert_eq!(found_in(&content, 1_000).1.text_bytes, 0);
    }
}

#[test]
fn utf16_is_looked_into_with_and_without_a_mark() {
    let text = format!("first line\r\nthe value is {} here\r\n", token()).repeat(100);
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let marked = [&[0xfe, 0xff], &big[..]].concat();
    for (content, column) in [(little, 14), (big, 14), (marked, 14)] {
        let (found, _) = found_in(&content, 999);
        assert_eq!(found.len(), 100);
        assert_eq!(found[0], ("npm-token", Spot::Text { line: 2, column }));
    }
}

#[test]
fn archives_are_counted_and_small_and_empty_files_are_no_trouble() {
    let (_, looked_at) = found_in(b"PK\x03\x04\x14\0\0\0\x08\0", 3);
    assert_eq!((looked_at.archives, looked_at.files_without_text), (1, 1));
    let (_, looked_at) = found_in(b"", 1);
    assert_eq!((looked_at.files, looked_at.files_without_text), (1, 0));
    let (_, looked_at) = found_in(b"a", 1);
    assert_eq!((looked_at.text_bytes, looked_at.files_without_text), (1, 0));
}
