//! The content of files as it streams by: text is looked into for secrets, the rest is passed over.
//!
//! A file is told apart by stretches of [`BLOCK_BYTES`]: one is taken for text if at most a sixteenth of its
//! first [`SAMPLE_BYTES`] are control characters that text does not hold. A zero between two values is none. Of random or compressed bytes a
//! ninth are, so that such a stretch costs a look at a sixteenth of it and nothing more. Text is gathered into
//! a window; windows overlap by as much as the longest secret. Memory: one window, whatever the file.

mod utf16;
mod window;

use super::place::Spot;
use crate::secrets::SecretKind;
use utf16::{Decoder, Endianness};
use window::Window;

/// Bytes that are taken for text or not, together.
const BLOCK_BYTES: usize = 4 << 10;
/// Bytes that decide it.
const SAMPLE_BYTES: usize = 256;
/// One control character in so many bytes is still text.
const CONTROL_SHARE_MAX: usize = 16;

/// One zero in so many bytes may separate values.
const ZERO_SHARE_MAX: usize = 4;

/// What the content of the files turned out to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct LookedAt {
    /// Files.
    pub files: u64,
    /// Of them, those in which nothing was taken for text.
    pub files_without_text: u64,
    /// Of them, archives and compressed files by their first bytes: what is inside was not looked at.
    pub archives: u64,
    /// Bytes that were looked into.
    pub text_bytes: u64,
    /// Bytes that were taken for something else than text.
    pub other_bytes: u64,
}

/// Looks into one file after another.
#[derive(Debug, Default)]
pub(super) struct ContentScanner {
    looked_at: LookedAt,
    at: u64,
    text_bytes: u64,
    sample: Vec<u8>,
    block: Block,
    encoding: Encoding,
    window: Window,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Block {
    #[default]
    Undecided,
    Text,
    Other,
}

#[derive(Debug, Default)]
enum Encoding {
    #[default]
    Bytes,
    Utf16(Decoder),
}

/// Told of each secret, with its place.
pub(super) type Found<'a> = &'a mut dyn FnMut(&'static SecretKind, Spot);

impl ContentScanner {
    pub(super) fn looked_at(&self) -> LookedAt {
        self.looked_at
    }

    /// A file begins.
    pub(super) fn begin(&mut self) {
        self.at = 0;
        self.text_bytes = 0;
        self.sample.clear();
        self.block = Block::Undecided;
        self.encoding = Encoding::Bytes;
        self.window.begin();
    }

    /// The next bytes of the file, wherever they are cut.
    pub(super) fn take(&mut self, mut piece: &[u8], found: Found<'_>) {
        while !piece.is_empty() {
            // Less than BLOCK_BYTES, so it fits.
            let in_block = (self.at % BLOCK_BYTES as u64) as usize;
            let count = match self.block {
                Block::Undecided if self.sample.is_empty() && piece.len() >= SAMPLE_BYTES => {
                    self.decide(&piece[..SAMPLE_BYTES], found);
                    0
                }
                Block::Undecided => {
                    let count = piece.len().min(SAMPLE_BYTES - self.sample.len());
                    self.sample.extend_from_slice(&piece[..count]);
                    self.at += count as u64;
                    if self.sample.len() == SAMPLE_BYTES {
                        self.decide_sample(found);
                    }
                    count
                }
                decided => {
                    let count = piece.len().min(BLOCK_BYTES - in_block);
                    self.at += count as u64;
                    if decided == Block::Text {
                        self.text(&piece[..count], found);
                    }
                    if in_block + count == BLOCK_BYTES {
                        self.block = Block::Undecided;
                    }
                    count
                }
            };
            piece = &piece[count..];
        }
    }

    /// The file is at its end.
    pub(super) fn end(&mut self, found: Found<'_>) {
        if !self.sample.is_empty() {
            self.decide_sample(found);
        }
        self.window.close(found);
        self.looked_at.files += 1;
        self.looked_at.text_bytes += self.text_bytes;
        self.looked_at.other_bytes += self.at - self.text_bytes;
        if self.text_bytes == 0 && self.at > 0 {
            self.looked_at.files_without_text += 1;
        }
    }

    /// Decides on the bytes that were kept for it.
    fn decide_sample(&mut self, found: Found<'_>) {
        let sample = std::mem::take(&mut self.sample);
        self.at -= sample.len() as u64;
        self.decide(&sample, found);
        self.at += sample.len() as u64;
        if self.block == Block::Text {
            self.text(&sample, found);
        }
        self.sample = sample;
        self.sample.clear();
    }

    /// Decides what the block is that begins with this sample, of which nothing was taken yet.
    fn decide(&mut self, sample: &[u8], found: Found<'_>) {
        if self.at == 0 {
            self.looked_at.archives += u64::from(is_an_archive(sample));
            if let Some(endianness) = Endianness::of(sample) {
                self.encoding = Encoding::Utf16(Decoder::new(endianness));
            }
        }
        let is_utf16 = matches!(self.encoding, Encoding::Utf16(_));
        if is_utf16 || is_text(sample) {
            self.block = Block::Text;
            return;
        }
        self.block = Block::Other;
        // A secret that began in text may end here.
        self.window.leave_text(sample, found);
    }

    fn text(&mut self, bytes: &[u8], found: Found<'_>) {
        self.text_bytes += bytes.len() as u64;
        // The end of these bytes, from which their beginning follows.
        let offset = self.at.saturating_sub(bytes.len() as u64);
        match &mut self.encoding {
            Encoding::Bytes => self.window.push(bytes, offset, found),
            Encoding::Utf16(decoder) => {
                let decoded = decoder.decode(bytes);
                self.window.push(&decoded, offset, found);
            }
        }
    }
}

/// Whether these bytes begin a stretch of text, of whatever encoding that keeps ASCII.
fn is_text(sample: &[u8]) -> bool {
    // Sums of comparisons that fit a byte, which the compiler turns into one for many bytes at once.
    let count = |bytes: &[u8]| bytes.iter().map(|byte| u8::from(is_control(*byte))).sum::<u8>();
    let controls: u16 = sample.chunks(128).map(|bytes| u16::from(count(bytes))).sum();
    let most = sample.len() / CONTROL_SHARE_MAX;
    usize::from(controls) <= most
        && usize::from(controls) + zeros_that_separate_nothing(sample) <= most
}

/// Control characters but zero, tab, line feed, vertical tab, form feed, carriage return, backspace and
/// escape.
const fn is_control(byte: u8) -> bool {
    (byte != 0) & (byte < 0x08) | ((byte > 0x0d) & (byte < 0x20) & (byte != 0x1b)) | (byte == 0x7f)
}

/// A zero ends each value of an environment and each name of a list (`env -0`, `find -print0`): between
/// other bytes it is no control character, as long as what it separates is longer than it.
fn zeros_that_separate_nothing(sample: &[u8]) -> usize {
    let zeros = || memchr::memchr_iter(0, sample);
    let is_alone = |at: &usize| {
        let is_printable = |byte: Option<&u8>| byte.is_none_or(|byte| *byte >= 0x20);
        *at > 0 && is_printable(sample.get(at - 1)) && is_printable(sample.get(at + 1))
    };
    match zeros().count() * ZERO_SHARE_MAX > sample.len() {
        true => zeros().count(),
        false => zeros().filter(|at| !is_alone(at)).count(),
    }
}

/// Archives and compressed files by how they begin.
fn is_an_archive(start: &[u8]) -> bool {
    const BEGINNINGS: [&[u8]; 9] = [
        b"\x1f\x8b",
        b"PK\x03\x04",
        b"PK\x05\x06",
        b"\x28\xb5\x2f\xfd",
        b"\xfd7zXZ\0",
        b"BZh",
        b"7z\xbc\xaf\x27\x1c",
        b"\x04\x22\x4d\x18",
        b"Rar!\x1a\x07",
    ];
    BEGINNINGS.iter().any(|beginning| start.starts_with(beginning))
}

#[cfg(test)]
mod tests;
