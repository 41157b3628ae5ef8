//! The tar form of a native bundle, byte for byte (POSIX.1-2017 pax, "ustar Interchange Format").
//!
//! | field | value |
//! |---|---|
//! | name | the member's path; past 100 bytes, as many whole characters as fit |
//! | mode, uid, gid, mtime | `0000644`, `0000000`, `0000000`, `00000000000`, each with a zero byte |
//! | size | 11 octal digits and a zero byte; from 8 GiB on, `0x80` and big-endian base 256 |
//! | chksum | 6 octal digits, a zero byte, a space |
//! | typeflag | `0` |
//! | magic, version | `ustar`, zero byte, `00` |
//! | devmajor, devminor | `0000000` and a zero byte |
//! | linkname, uname, gname, prefix | empty |
//!
//! A path over 100 bytes is preceded by one extended header: typeflag `x`, name `PaxHeader`, and a
//! single record `LEN path=PATH\n`. Contents are padded with zeros to 512 bytes. The archive ends
//! with exactly two blocks of zeros.
//!
//! The whole header is a function of path and size, so a reader that has the manifest compares
//! bytes, and looks into a header only to say what is wrong with it.

use std::ops::Range;

use super::{BundleError, Refusal};

/// Everything is aligned to this many bytes.
pub(super) const BLOCK_BYTES: usize = 512;
/// What follows the last member.
pub(super) const END_BYTES: usize = 2 * BLOCK_BYTES;
/// The path of the first member.
pub(super) const MANIFEST_PATH: &str = "manifest.json";
/// The folder of every other member.
pub(super) const FILES_FOLDER: &str = "files/";

const NAME: Range<usize> = 0..100;
const MODE: Range<usize> = 100..108;
const UID: Range<usize> = 108..116;
const GID: Range<usize> = 116..124;
const SIZE: Range<usize> = 124..136;
const MTIME: Range<usize> = 136..148;
const CHECKSUM: Range<usize> = 148..156;
const TYPE: usize = 156;
const MAGIC: Range<usize> = 257..265;
const DEVICE_MAJOR: Range<usize> = 329..337;
const DEVICE_MINOR: Range<usize> = 337..345;
const PREFIX: Range<usize> = 345..500;

const TYPE_FILE: u8 = b'0';
const TYPE_EXTENDED: u8 = b'x';
const EXTENDED_NAME: &str = "PaxHeader";
/// The first size that 11 octal digits cannot hold.
const BASE_256_FROM: u64 = 8 << 30;

/// One block of a tar archive.
pub(super) type Block = [u8; BLOCK_BYTES];

/// The zeros after `size_bytes` of content.
pub(super) fn padding_bytes(size_bytes: u64) -> usize {
    // Less than 512, so it fits.
    (size_bytes.next_multiple_of(BLOCK_BYTES as u64) - size_bytes) as usize
}

/// Everything that precedes the content of the member `path` of `size_bytes`.
pub(super) fn headers(path: &str, size_bytes: u64) -> Vec<u8> {
    let mut headers = Vec::with_capacity(BLOCK_BYTES);
    if path.len() > NAME.len() {
        let record = extended_record(path);
        headers.extend(header(EXTENDED_NAME, record.len() as u64, TYPE_EXTENDED));
        headers.extend(record.as_bytes());
        headers.resize(headers.len() + padding_bytes(record.len() as u64), 0);
    }
    headers.extend(header(path, size_bytes, TYPE_FILE));
    headers
}

/// The record `LEN path=PATH\n`, where LEN counts the whole record.
fn extended_record(path: &str) -> String {
    let rest_bytes = " path=\n".len() + path.len();
    let mut size = rest_bytes + 1;
    while size != rest_bytes + size.to_string().len() {
        size = rest_bytes + size.to_string().len();
    }
    format!("{size} path={path}\n")
}

fn header(path: &str, size_bytes: u64, kind: u8) -> Block {
    let mut block = [0; BLOCK_BYTES];
    let name = &path[..path.floor_char_boundary(NAME.len())];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[MODE].copy_from_slice(b"0000644\0");
    block[UID].copy_from_slice(b"0000000\0");
    block[GID].copy_from_slice(b"0000000\0");
    if size_bytes < BASE_256_FROM {
        block[SIZE].copy_from_slice(format!("{size_bytes:011o}\0").as_bytes());
    } else {
        block[SIZE.start] = 0x80;
        block[SIZE.end - 8..SIZE.end].copy_from_slice(&size_bytes.to_be_bytes());
    }
    block[MTIME].copy_from_slice(b"00000000000\0");
    block[TYPE] = kind;
    block[MAGIC].copy_from_slice(b"ustar\x0000");
    block[DEVICE_MAJOR].copy_from_slice(b"0000000\0");
    block[DEVICE_MINOR].copy_from_slice(b"0000000\0");
    let checksum = format!("{:06o}\0 ", checksum_of(&block));
    block[CHECKSUM].copy_from_slice(checksum.as_bytes());
    block
}

/// The sum of all bytes, those of the checksum itself taken as spaces.
fn checksum_of(block: &Block) -> u64 {
    let sum = |range: &[u8]| range.iter().map(|byte| u64::from(*byte)).sum::<u64>();
    sum(block) - sum(&block[CHECKSUM]) + CHECKSUM.len() as u64 * u64::from(b' ')
}

/// Says what is wrong with `found`, which is not `expected`: the same bytes that [`headers`] gives
/// for the member that belongs here. `found` may be shorter where the archive ends.
pub(super) fn refuse_headers(expected: &[u8], found: &[u8], position: &str) -> BundleError {
    let refuse = |refusal, what: &str| BundleError::new(refusal, format!("{position}: {what}"));
    let mut pairs = expected.chunks(BLOCK_BYTES).zip(found.chunks(BLOCK_BYTES)).enumerate();
    let Some((at, (expected_block, block))) = pairs.find(|(_, (left, right))| left != right) else {
        return refuse(Refusal::Format, "the archive is truncated");
    };
    let Ok(block) = Block::try_from(block) else {
        return refuse(Refusal::Format, "the archive is truncated");
    };
    let extended = expected[TYPE] == TYPE_EXTENDED;
    if extended && at == 0 && block[TYPE] == TYPE_EXTENDED && checksum_matches(&block) {
        return refuse_record(found, &refuse);
    }
    if extended && at > 0 && at < expected.len() / BLOCK_BYTES - 1 {
        return refuse_record(found, &refuse);
    }
    let Some(member) = Member::of(&block) else {
        return match block.iter().all(|byte| *byte == 0) {
            true => refuse(Refusal::Integrity, "a file that the manifest lists is missing"),
            false => refuse(Refusal::Format, "a header checksum does not match"),
        };
    };
    if let Err((refusal, what)) = member.check() {
        return refuse(refusal, what);
    }
    if expected_block[NAME] != block[NAME] {
        return refuse(Refusal::Integrity, "not the file that the manifest lists here");
    }
    let expected_size = Block::try_from(expected_block).ok().and_then(|block| size_of(&block));
    if member.size_bytes != expected_size {
        return refuse(Refusal::Integrity, "not of the size that the manifest lists");
    }
    refuse(Refusal::Format, "a header value other than the format's own")
}

/// An extended header that is not the expected one: of another path, or something else altogether.
fn refuse_record(found: &[u8], refuse: &dyn Fn(Refusal, &str) -> BundleError) -> BundleError {
    let size = found
        .first_chunk::<BLOCK_BYTES>()
        .and_then(size_of)
        .and_then(|size| usize::try_from(size).ok());
    let plain = size.is_some_and(|size| {
        let record = &found[BLOCK_BYTES.min(found.len())..];
        let digits = size.to_string();
        record.strip_prefix(digits.as_bytes()).is_some_and(|rest| rest.starts_with(b" path="))
            && (record.len() < size
                || record[..size].iter().position(|byte| *byte == b'\n') == Some(size - 1))
    });
    if plain {
        refuse(Refusal::Integrity, "not the file that the manifest lists here")
    } else {
        refuse(Refusal::Security, "an extended header other than one path")
    }
}

/// Says what is wrong with `block`, which should have been the first of the two that end the archive.
pub(super) fn refuse_extra(block: &Block, position: &str) -> BundleError {
    let (refusal, what) = match Member::of(block) {
        None => (Refusal::Format, "neither a member nor the end of the archive"),
        Some(member) => match member.check() {
            Err(wrong) => wrong,
            Ok(()) => (Refusal::Integrity, "a member that the manifest does not list"),
        },
    };
    BundleError::new(refusal, format!("{position}: {what}"))
}

/// The values of a header by any tar's rules, to name what is wrong with it, and for formats that
/// are freer than ours.
pub(super) struct Member {
    pub(super) name: Vec<u8>,
    kind: u8,
    /// Absent where it is no number, or a negative one.
    pub(super) size_bytes: Option<u64>,
}

impl Member {
    /// Reads a header whose checksum matches.
    pub(super) fn of(block: &Block) -> Option<Self> {
        if !checksum_matches(block) {
            return None;
        }
        let mut name = Vec::new();
        // Old GNU headers keep times where ustar has the prefix.
        if &block[MAGIC] == b"ustar\x0000" && block[PREFIX.start] != 0 {
            name.extend(until_zero(&block[PREFIX]));
            name.push(b'/');
        }
        name.extend(until_zero(&block[NAME]));
        Some(Self { name, kind: block[TYPE], size_bytes: size_of(block) })
    }

    /// What makes this member one that no bundle holds, whatever its manifest says.
    pub(super) fn check(&self) -> Result<(), (Refusal, &'static str)> {
        match self.kind {
            TYPE_FILE | b'\0' => {}
            b'1' | b'2' => return Err((Refusal::Security, "a link")),
            b'3' | b'4' | b'6' => return Err((Refusal::Security, "a device or a pipe")),
            b'x' | b'g' => return Err((Refusal::Security, "an extended header")),
            b'L' | b'K' => return Err((Refusal::Security, "a GNU long name")),
            b'S' => return Err((Refusal::Security, "a sparse file")),
            b'5' => return Err((Refusal::Format, "a directory")),
            _ => return Err((Refusal::Security, "a member of an unknown type")),
        }
        let safe =
            std::str::from_utf8(&self.name).is_ok_and(|name| super::path::check(name).is_ok());
        if !safe {
            return Err((Refusal::Security, "an unsafe path"));
        }
        if self.size_bytes.is_none() {
            return Err((Refusal::Security, "a size that is negative or no number"));
        }
        Ok(())
    }
}

fn until_zero(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn checksum_matches(block: &Block) -> bool {
    octal(&block[CHECKSUM]) == Some(checksum_of(block))
}

fn size_of(block: &Block) -> Option<u64> {
    let field = &block[SIZE];
    if field[0] & 0x80 == 0 {
        return octal(field);
    }
    // Base 256, big-endian, negative where the second bit is set.
    let (high, low) = field.split_at(field.len() - 8);
    let fits = high[0] == 0x80 && high[1..].iter().all(|byte| *byte == 0);
    fits.then(|| low.iter().fold(0, |size, byte| size << 8 | u64::from(*byte)))
}

/// Octal digits, with spaces before and spaces or zero bytes after.
fn octal(field: &[u8]) -> Option<u64> {
    let digits = field.trim_ascii_start();
    let end = digits.iter().position(|byte| matches!(byte, 0 | b' ')).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at(end);
    if digits.is_empty() || rest.iter().any(|byte| !matches!(byte, 0 | b' ')) {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, digit| match digit {
        b'0'..=b'7' => Some(value * 8 + u64::from(digit - b'0')),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
