//! One gzip member (RFC 1952), compressed on every core.
//!
//! The input is cut into blocks. Each is compressed by itself, with the 32 KiB before it as its
//! dictionary, and ends on a byte boundary (a sync flush), so that the pieces in their order are
//! one deflate stream; the CRCs are combined. (The method of pigz, Mark Adler.) The cuts follow
//! from the content alone, so one version of this crate writes the same bytes on any machine.
//!
//! Block `n` belongs to worker `n` modulo the number of workers: order needs no bookkeeping, and
//! buffers go round in a circle, so memory does not grow with the input.

use std::io::Write;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use flate2::{Compress, Compression, FlushCompress, Status};

use super::plan::threads;
use super::{BundleError, Refusal};
use crate::Sha256Digest;
use crate::digest::Sha256Hasher;

const BLOCK_BYTES: usize = 256 << 10;
/// What deflate can look back (RFC 1951 section 2).
const DICTIONARY_BYTES: usize = 32 << 10;
/// Blocks that wait for each worker.
const BLOCKS_WAITING: usize = 2;
const THREADS_MAX: usize = 8;
/// On a gigabyte of logs, JSON, sources and binaries zlib-rs makes 557 MB with this, 551 with 6 in
/// twice the time, 568 with 2 in a tenth less.
const LEVEL: u32 = 3;

/// Content whose bytes are this evenly spread is tried out before time is spent on it.
const ENTROPY_BITS_MIN: f64 = 7.9;
const ENTROPY_SAMPLE_BYTES: usize = 64 << 10;
const TRIAL_BYTES: usize = 32 << 10;
/// Not 1: zlib-rs 0.6.8 panics there when the output is full.
const TRIAL_LEVEL: u32 = 2;

/// Deflate, no flags, no time, no hint of the level, system 255: unknown (RFC 1952 section 2.3).
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
const TRAILER_BYTES: u64 = 8;

/// The most that a stored block holds (RFC 1951 section 3.2.4), and what it adds.
const STORED_BYTES_MAX: usize = 65_535;
const STORED_HEADER_BYTES: usize = 5;

/// What a member over `input_bytes` cannot exceed: every block of it stored.
pub(super) fn member_size_bytes_max(input_bytes: u64) -> u64 {
    let blocks = input_bytes / BLOCK_BYTES as u64 + 1;
    let overhead_bytes = (stored_size_bytes(BLOCK_BYTES) - BLOCK_BYTES) as u64;
    HEADER.len() as u64 + input_bytes + blocks * overhead_bytes + TRAILER_BYTES
}

/// A block of input behind its dictionary.
struct Block {
    bytes: Vec<u8>,
    dictionary_bytes: usize,
    last: bool,
}

impl Block {
    fn content(&self) -> &[u8] {
        &self.bytes[self.dictionary_bytes..]
    }
}

/// A block of output.
struct Piece {
    bytes: Vec<u8>,
    crc: crc32fast::Hasher,
    /// Goes back to the sink.
    block: Block,
}

/// Takes the input, in any portions.
pub(super) struct BlockSink<'a> {
    /// Room for a dictionary and a block; filled up to `filled`.
    bytes: Vec<u8>,
    filled: usize,
    dictionary_bytes: usize,
    blocks: usize,
    workers: &'a [SyncSender<Block>],
    used: Receiver<Vec<u8>>,
}

impl BlockSink<'_> {
    /// Room for at least one byte more.
    pub(super) fn space(&mut self) -> Result<&mut [u8], BundleError> {
        if self.filled == self.dictionary_bytes + BLOCK_BYTES {
            self.send(false)?;
        }
        let end = self.dictionary_bytes + BLOCK_BYTES;
        Ok(&mut self.bytes[self.filled..end])
    }

    /// The first `count` bytes of the space given are input.
    pub(super) fn advance(&mut self, count: usize) {
        self.filled += count;
    }

    /// Takes all of `bytes`.
    pub(super) fn put(&mut self, mut bytes: &[u8]) -> Result<(), BundleError> {
        while !bytes.is_empty() {
            let space = self.space()?;
            let count = space.len().min(bytes.len());
            space[..count].copy_from_slice(&bytes[..count]);
            self.advance(count);
            bytes = &bytes[count..];
        }
        Ok(())
    }

    /// Hands the block to its worker and starts the next.
    fn send(&mut self, last: bool) -> Result<(), BundleError> {
        let mut next = self.used.try_recv().unwrap_or_default();
        next.resize(DICTIONARY_BYTES + BLOCK_BYTES, 0);
        let next_dictionary = self.filled.min(DICTIONARY_BYTES);
        next[..next_dictionary]
            .copy_from_slice(&self.bytes[self.filled - next_dictionary..self.filled]);
        let mut bytes = std::mem::replace(&mut self.bytes, next);
        bytes.truncate(self.filled);
        let block = Block { bytes, dictionary_bytes: self.dictionary_bytes, last };
        self.dictionary_bytes = next_dictionary;
        self.filled = next_dictionary;
        let worker = &self.workers[self.blocks % self.workers.len()];
        self.blocks += 1;
        // The other side goes only when writing failed, which is what will be reported.
        worker.send(block).map_err(|_| stopped())
    }
}

/// Writes one gzip member of what `produce` puts into the sink; returns the digest and the length
/// of what was written.
pub(super) fn write_member(
    mut out: impl Write,
    produce: impl FnOnce(&mut BlockSink<'_>) -> Result<(), BundleError> + Send,
) -> Result<(Sha256Digest, u64), BundleError> {
    let workers = threads(THREADS_MAX);
    std::thread::scope(|scope| {
        let (used_sender, used) = sync_channel(workers * (BLOCKS_WAITING + 2));
        let mut inputs = Vec::new();
        let mut outputs = Vec::new();
        for _ in 0..workers {
            let (input, blocks) = sync_channel(BLOCKS_WAITING);
            let (pieces, output) = sync_channel(BLOCKS_WAITING);
            let (spare_sender, spare) = sync_channel(BLOCKS_WAITING + 2);
            scope.spawn(move || compress_blocks(&blocks, &pieces, &spare));
            inputs.push(input);
            outputs.push((output, spare_sender));
        }
        let producer = scope.spawn(move || {
            let mut sink = BlockSink {
                bytes: vec![0; DICTIONARY_BYTES + BLOCK_BYTES],
                filled: 0,
                dictionary_bytes: 0,
                blocks: 0,
                workers: &inputs,
                used,
            };
            produce(&mut sink)?;
            sink.send(true)
        });
        let written = write_pieces(&mut out, &outputs, &used_sender);
        // Ends the workers, and with them the producer, where writing failed.
        drop((outputs, used_sender));
        let produced = producer.join().unwrap_or_else(|_| Err(stopped()));
        match written {
            Ok(Some(written)) => produced.map(|()| written),
            // No last piece came: the producer knows why.
            Ok(None) => Err(produced.err().unwrap_or_else(stopped)),
            Err(error) => Err(error),
        }
    })
}

/// Writes the pieces in their order; `None` if the last one never came.
fn write_pieces(
    out: &mut impl Write,
    outputs: &[(Receiver<Piece>, SyncSender<Vec<u8>>)],
    used: &SyncSender<Vec<u8>>,
) -> Result<Option<(Sha256Digest, u64)>, BundleError> {
    let mut hasher = Sha256Hasher::new();
    let mut size_bytes = 0;
    let mut put = |bytes: &[u8]| {
        hasher.update(bytes);
        size_bytes += bytes.len() as u64;
        out.write_all(bytes).map_err(unwritable)
    };
    put(&HEADER)?;
    let mut crc = crc32fast::Hasher::new();
    for (output, spare) in outputs.iter().cycle() {
        let Ok(piece) = output.recv() else { return Ok(None) };
        put(&piece.bytes)?;
        crc.combine(&piece.crc);
        let last = piece.block.last;
        // Buffers that find no place in the circle are freed.
        let _ = spare.try_send(piece.bytes);
        let _ = used.try_send(piece.block.bytes);
        if last {
            break;
        }
    }
    // RFC 1952 section 2.3.1: the length modulo 2^32.
    let input_bytes = (crc.total_len() & u64::from(u32::MAX)) as u32;
    put(&crc.finalize().to_le_bytes())?;
    put(&input_bytes.to_le_bytes())?;
    out.flush().map_err(unwritable)?;
    Ok(Some((hasher.finish(), size_bytes)))
}

fn compress_blocks(
    blocks: &Receiver<Block>,
    pieces: &SyncSender<Piece>,
    spare: &Receiver<Vec<u8>>,
) {
    let mut deflate = Compress::new(Compression::new(LEVEL), false);
    let mut trial = Compress::new(Compression::new(TRIAL_LEVEL), false);
    while let Ok(block) = blocks.recv() {
        let mut crc = crc32fast::Hasher::new();
        crc.update(block.content());
        let mut bytes = spare.try_recv().unwrap_or_default();
        if is_dense(&mut trial, block.content(), &mut bytes) {
            store(block.content(), block.last, &mut bytes);
        } else {
            compress(&mut deflate, &block, &mut bytes);
        }
        if pieces.send(Piece { bytes, crc, block }).is_err() {
            break;
        }
    }
}

/// Whether content is compressed or encrypted already, so that another attempt would be for nothing.
/// Its bytes are spread evenly (Shannon's entropy of a sample), and a quick attempt saves nothing.
fn is_dense(trial: &mut Compress, content: &[u8], scratch: &mut Vec<u8>) -> bool {
    let sample = &content[..content.len().min(ENTROPY_SAMPLE_BYTES)];
    let mut counts = [0_u32; 256];
    for byte in sample {
        counts[usize::from(*byte)] += 1;
    }
    let entropy_bits = counts.iter().filter(|count| **count > 0).fold(0.0, |sum, count| {
        let share = f64::from(*count) / sample.len() as f64;
        sum - share * share.log2()
    });
    if entropy_bits < ENTROPY_BITS_MIN {
        return false;
    }
    let sample = &sample[..sample.len().min(TRIAL_BYTES)];
    scratch.clear();
    scratch.reserve(2 * sample.len());
    trial.reset();
    let attempt = trial.compress_vec(sample, scratch, FlushCompress::Finish);
    !matches!(attempt, Ok(Status::StreamEnd)) || scratch.len() > sample.len() / 100 * 99
}

/// Compresses one block, or stores it where that is shorter.
fn compress(deflate: &mut Compress, block: &Block, out: &mut Vec<u8>) {
    let content = block.content();
    let room_bytes = stored_size_bytes(content.len());
    out.clear();
    // More room than can be of use, so that the compressor never has to stop half way.
    out.reserve_exact(room_bytes + room_bytes / 8 + STORED_HEADER_BYTES);
    deflate.reset();
    let dictionary = &block.bytes[..block.dictionary_bytes];
    let ready = dictionary.is_empty() || deflate.set_dictionary(dictionary).is_ok();
    let flush = if block.last { FlushCompress::Finish } else { FlushCompress::Sync };
    let status = deflate.compress_vec(content, out, flush);
    let complete = deflate.total_in() == content.len() as u64
        && match status {
            Ok(Status::StreamEnd) => true,
            // A flush that fills the output to its end may not be complete.
            Ok(_) => !block.last && out.len() < out.capacity(),
            Err(_) => false,
        };
    if !ready || !complete || out.len() >= room_bytes {
        store(content, block.last, out);
    }
}

/// The length of `content_bytes` in stored blocks.
fn stored_size_bytes(content_bytes: usize) -> usize {
    let blocks = content_bytes.div_ceil(STORED_BYTES_MAX).max(1);
    content_bytes + blocks * STORED_HEADER_BYTES
}

/// RFC 1951 section 3.2.4. Starts and ends on a byte boundary.
fn store(content: &[u8], last: bool, out: &mut Vec<u8>) {
    out.clear();
    let mut rest = content;
    loop {
        let (piece, after) = rest.split_at(rest.len().min(STORED_BYTES_MAX));
        // At most 65,535, so it fits.
        let len = piece.len() as u16;
        out.push(u8::from(last && after.is_empty()));
        out.extend(len.to_le_bytes());
        out.extend((!len).to_le_bytes());
        out.extend_from_slice(piece);
        rest = after;
        if rest.is_empty() {
            return;
        }
    }
}

fn unwritable(error: std::io::Error) -> BundleError {
    BundleError::new(Refusal::Unreadable, "the archive could not be written").with_source(error)
}

fn stopped() -> BundleError {
    BundleError::new(Refusal::Unreadable, "writing the archive stopped early")
}

#[cfg(test)]
mod tests;
