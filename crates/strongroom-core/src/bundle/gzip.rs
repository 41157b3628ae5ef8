//! One gzip member (RFC 1952), inflated as it streams: its trailer checked, nothing after it.
//!
//! Recompressed bytes are the same bundle, so a header's time, level and system are free; its
//! texts are bounded.

use flate2::{Decompress, FlushDecompress, Status};

use super::source::{Chunks, Fill, read_full};
use super::{BundleError, Refusal};
use crate::limits;

const FLAG_HEADER_CRC: u8 = 1 << 1;
const FLAG_EXTRA: u8 = 1 << 2;
const FLAG_NAME: u8 = 1 << 3;
const FLAG_COMMENT: u8 = 1 << 4;
const FLAGS_RESERVED: u8 = 0b1110_0000;

/// Inflates what `input` lends.
pub(super) struct Inflater<I> {
    input: I,
    inflate: Decompress,
    crc: crc32fast::Hasher,
    inflated_bytes_max: u64,
    header_bytes: u64,
    ended: bool,
    trailer_read: bool,
}

impl<I: Chunks> Inflater<I> {
    /// Reads the header.
    pub(super) fn open(mut input: I) -> Result<Self, BundleError> {
        let header_bytes = read_header(&mut input)?;
        Ok(Self {
            input,
            inflate: Decompress::new(false),
            crc: crc32fast::Hasher::new(),
            inflated_bytes_max: u64::MAX,
            header_bytes,
            ended: false,
            trailer_read: false,
        })
    }

    /// Bounds what may come out.
    pub(super) fn limit(&mut self, inflated_bytes_max: u64) {
        self.inflated_bytes_max = inflated_bytes_max;
    }

    pub(super) fn input_mut(&mut self) -> &mut I {
        &mut self.input
    }

    /// Takes the rest of the input from elsewhere.
    pub(super) fn map_input<J>(
        self,
        map: impl FnOnce(I) -> Result<J, BundleError>,
    ) -> Result<Inflater<J>, BundleError> {
        Ok(Inflater {
            input: map(self.input)?,
            inflate: self.inflate,
            crc: self.crc,
            inflated_bytes_max: self.inflated_bytes_max,
            header_bytes: self.header_bytes,
            ended: self.ended,
            trailer_read: self.trailer_read,
        })
    }

    pub(super) fn into_input(self) -> I {
        self.input
    }

    fn check_limits(&self) -> Result<(), BundleError> {
        let inflated = self.inflate.total_out();
        let read = self.inflate.total_in() + self.header_bytes;
        if inflated > self.inflated_bytes_max {
            let max = self.inflated_bytes_max;
            let message = format!("the archive inflates to more than the limit of {max} bytes");
            return Err(BundleError::new(Refusal::Limit, message));
        }
        if inflated > limits::DECOMPRESSION_GRACE_BYTES
            && inflated / limits::DECOMPRESSION_RATIO_MAX > read
        {
            let max = limits::DECOMPRESSION_RATIO_MAX;
            let message = format!("over the limit DECOMPRESSION_RATIO_MAX: {max}");
            return Err(BundleError::new(Refusal::Limit, message));
        }
        Ok(())
    }

    /// The trailer, and nothing after it.
    fn read_trailer(&mut self) -> Result<(), BundleError> {
        let mut trailer = [0; 8];
        if read_full(&mut self.input, &mut trailer)? < trailer.len() {
            return Err(truncated());
        }
        let [c0, c1, c2, c3, s0, s1, s2, s3] = trailer;
        let size = u32::from_le_bytes([s0, s1, s2, s3]);
        // RFC 1952 section 2.3.1: the length modulo 2^32.
        let size_matches = u64::from(size) == self.inflate.total_out() & u64::from(u32::MAX);
        if u32::from_le_bytes([c0, c1, c2, c3]) != self.crc.clone().finalize() || !size_matches {
            return Err(BundleError::new(
                Refusal::Integrity,
                "the gzip trailer does not match the content",
            ));
        }
        let rest = self.input.chunk()?;
        if rest.starts_with(&[0x1f, 0x8b]) {
            return Err(BundleError::new(Refusal::Format, "a second gzip member"));
        }
        if !rest.is_empty() {
            return Err(BundleError::new(Refusal::Format, "bytes after the end of the archive"));
        }
        Ok(())
    }
}

impl<I: Chunks> Fill for Inflater<I> {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, BundleError> {
        let mut filled = 0;
        while filled < buffer.len() && !self.ended {
            let input = self.input.chunk()?;
            if input.is_empty() {
                return Err(truncated());
            }
            let (in_before, out_before) = (self.inflate.total_in(), self.inflate.total_out());
            let status = self
                .inflate
                .decompress(input, &mut buffer[filled..], FlushDecompress::None)
                .map_err(|_| BundleError::new(Refusal::Format, "not a valid deflate stream"))?;
            // Both are at most the lengths of the slices given.
            let consumed = (self.inflate.total_in() - in_before) as usize;
            let produced = (self.inflate.total_out() - out_before) as usize;
            self.input.consume(consumed);
            filled += produced;
            self.check_limits()?;
            if status == Status::StreamEnd {
                self.ended = true;
            } else if consumed == 0 && produced == 0 {
                return Err(BundleError::new(Refusal::Format, "not a valid deflate stream"));
            }
        }
        self.crc.update(&buffer[..filled]);
        if self.ended && !self.trailer_read {
            self.trailer_read = true;
            self.read_trailer()?;
        }
        Ok(filled)
    }
}

/// Reads a member's header (RFC 1952 section 2.3); returns its length.
fn read_header(input: &mut impl Chunks) -> Result<u64, BundleError> {
    let mut header = HeaderReader { input, crc: crc32fast::Hasher::new(), size_bytes: 0 };
    let [id1, id2, method, flags, ..] = header.bytes::<10>()?;
    if (id1, id2) != (0x1f, 0x8b) {
        return Err(BundleError::new(Refusal::Format, "not a gzip archive"));
    }
    if method != 8 || flags & FLAGS_RESERVED != 0 {
        return Err(BundleError::new(Refusal::Format, "a gzip header that RFC 1952 does not know"));
    }
    if flags & FLAG_EXTRA != 0 {
        for _ in 0..u16::from_le_bytes(header.bytes()?) {
            header.bytes::<1>()?;
        }
    }
    if flags & FLAG_NAME != 0 {
        header.text()?;
    }
    if flags & FLAG_COMMENT != 0 {
        header.text()?;
    }
    if flags & FLAG_HEADER_CRC != 0 {
        let [low, high, ..] = header.crc.clone().finalize().to_le_bytes();
        if header.bytes()? != [low, high] {
            return Err(BundleError::new(
                Refusal::Integrity,
                "the gzip header does not match its checksum",
            ));
        }
    }
    Ok(header.size_bytes)
}

struct HeaderReader<'a, I> {
    input: &'a mut I,
    crc: crc32fast::Hasher,
    size_bytes: u64,
}

impl<I: Chunks> HeaderReader<'_, I> {
    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], BundleError> {
        let mut bytes = [0; N];
        if read_full(self.input, &mut bytes)? < N {
            return Err(truncated());
        }
        self.crc.update(&bytes);
        self.size_bytes += N as u64;
        Ok(bytes)
    }

    /// A text that ends with a zero byte.
    fn text(&mut self) -> Result<(), BundleError> {
        for _ in 0..=limits::GZIP_TEXT_BYTES_MAX {
            if self.bytes::<1>()? == [0] {
                return Ok(());
            }
        }
        let max = limits::GZIP_TEXT_BYTES_MAX;
        let message = format!("a gzip header text is over the limit GZIP_TEXT_BYTES_MAX: {max}");
        Err(BundleError::new(Refusal::Limit, message))
    }
}

/// The archive ends inside its one gzip member.
fn truncated() -> BundleError {
    BundleError::new(Refusal::Format, "the archive is truncated")
}
