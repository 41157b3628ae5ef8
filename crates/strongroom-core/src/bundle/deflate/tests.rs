use std::io::Read;

use flate2::bufread::GzDecoder;

use super::*;

fn compressed(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let (sha256, size_bytes) = write_member(&mut out, |sink| sink.put(content)).unwrap();
    assert_eq!(sha256, Sha256Digest::of(&out));
    assert_eq!(size_bytes, out.len() as u64);
    assert!(size_bytes <= member_size_bytes_max(content.len() as u64));
    out
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

#[test]
fn any_length_around_the_cuts_is_one_member_that_inflates_to_the_same() {
    let text = "a line of a log, and another one\n".repeat(30_000).into_bytes();
    let noise = noise(text.len());
    for content in [&text, &noise] {
        for length in [0, 1, 511, DICTIONARY_BYTES, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1]
            .into_iter()
            .chain([BLOCK_BYTES + DICTIONARY_BYTES, 2 * BLOCK_BYTES, 3 * BLOCK_BYTES + 7])
        {
            let archive = compressed(&content[..length]);
            let mut decoder = GzDecoder::new(archive.as_slice());
            let mut inflated = Vec::new();
            decoder.read_to_end(&mut inflated).unwrap();
            assert!(inflated == content[..length], "{length} bytes");
            assert!(decoder.into_inner().is_empty(), "one member: {length} bytes");
        }
    }
}

#[test]
fn what_repeats_across_a_cut_is_found_again() {
    let page = noise(16 << 10);
    let content = page.repeat(64);
    let archive = compressed(&content);
    assert!(archive.len() < 2 * page.len(), "{} bytes", archive.len());
}

#[test]
fn what_does_not_compress_is_stored_with_five_bytes_for_each_65535() {
    let content = noise(BLOCK_BYTES);
    let archive = compressed(&content);
    let overhead_bytes = HEADER.len() + 5 * STORED_HEADER_BYTES + 8;
    assert_eq!(archive.len(), content.len() + overhead_bytes);
}

#[test]
fn what_is_only_evenly_spread_is_compressed() {
    let content: Vec<u8> = (0..BLOCK_BYTES).map(|at| at as u8).collect();
    assert!(compressed(&content).len() < content.len() / 20);
}

#[test]
fn the_reason_of_the_producer_is_the_one_reported() {
    let refused = write_member(std::io::sink(), |sink| {
        sink.put(&noise(3 * BLOCK_BYTES))?;
        Err(BundleError::new(Refusal::Integrity, "it changed"))
    });
    assert_eq!(refused.unwrap_err().to_string(), "it changed");
}
