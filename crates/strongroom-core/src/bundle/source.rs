//! Bytes on their way from an archive to its checks: hashed as they are read, and, where there is
//! more than one thing to do with them, read ahead on a thread of their own.
//!
//! Buffers go round in a circle between two stages, so memory is a few buffers a stage whatever
//! the length of the archive.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

use super::{BundleError, Refusal};
use crate::Sha256Digest;
use crate::digest::Sha256Hasher;

/// Puts bytes into somebody's buffer.
pub(super) trait Fill {
    /// Fills `buffer` from its start; less than the whole only at the end. Returns how many bytes.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, BundleError>;
}

/// Lends out the bytes that it holds.
pub(super) trait Chunks {
    /// The next bytes; empty only at the end.
    fn chunk(&mut self) -> Result<&[u8], BundleError>;
    /// Steps over `count` bytes of the chunk last lent.
    fn consume(&mut self, count: usize);
}

/// The archive as it lies in a file or arrives from a store, hashed and counted.
pub(super) struct ArchiveSource<R> {
    archive: R,
    hasher: Sha256Hasher,
    size_bytes: u64,
    size_bytes_max: u64,
}

impl<R: Read> ArchiveSource<R> {
    pub(super) fn new(archive: R, size_bytes_max: u64) -> Self {
        Self { archive, hasher: Sha256Hasher::new(), size_bytes: 0, size_bytes_max }
    }

    /// Lowers the bound, once it is known what the archive is.
    pub(super) fn limit(&mut self, size_bytes_max: u64) {
        self.size_bytes_max = self.size_bytes_max.min(size_bytes_max);
    }

    /// The digest and the length of everything that was read.
    pub(super) fn finish(self) -> (Sha256Digest, u64) {
        (self.hasher.finish(), self.size_bytes)
    }
}

impl<R: Read> Fill for ArchiveSource<R> {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, BundleError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.archive.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(BundleError::new(
                        Refusal::Unreadable,
                        "the archive could not be read to its end",
                    )
                    .with_source(error));
                }
            }
        }
        self.size_bytes += filled as u64;
        if self.size_bytes > self.size_bytes_max {
            let max = self.size_bytes_max;
            let message = format!("the archive is over the limit of {max} bytes");
            return Err(BundleError::new(Refusal::Limit, message));
        }
        self.hasher.update(&buffer[..filled]);
        Ok(filled)
    }
}

/// A stage with one buffer, on the thread of whoever asks.
pub(super) struct Buffered<S> {
    source: S,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl<S: Fill> Buffered<S> {
    pub(super) fn new(source: S, buffer_bytes: usize) -> Self {
        Self { source, buffer: vec![0; buffer_bytes], start: 0, end: 0 }
    }

    pub(super) fn source_mut(&mut self) -> &mut S {
        &mut self.source
    }

    /// The stage itself, and what it had read that nobody asked for yet.
    pub(super) fn into_parts(mut self) -> (S, Vec<u8>) {
        self.buffer.truncate(self.end);
        self.buffer.drain(..self.start);
        (self.source, self.buffer)
    }
}

impl<S: Fill> Chunks for Buffered<S> {
    fn chunk(&mut self) -> Result<&[u8], BundleError> {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
            self.end = self.source.fill(&mut self.buffer)?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn consume(&mut self, count: usize) {
        self.start += count;
    }
}

/// A stage on a thread of its own, some buffers ahead of whoever asks.
pub(super) struct Ahead<'scope, S> {
    full: Receiver<Result<Vec<u8>, BundleError>>,
    empty: SyncSender<Vec<u8>>,
    thread: ScopedJoinHandle<'scope, S>,
    current: Vec<u8>,
    start: usize,
    ended: bool,
}

impl<'scope, S: Fill + Send + 'scope> Ahead<'scope, S> {
    /// Starts the stage's thread. `first` is lent out before anything that it reads.
    pub(super) fn start<'env>(
        scope: &'scope Scope<'scope, 'env>,
        name: &'static str,
        mut source: S,
        first: Vec<u8>,
        buffers: usize,
        buffer_bytes: usize,
    ) -> Result<Self, BundleError> {
        let (full_sender, full) = sync_channel(buffers);
        let (empty, empty_receiver) = sync_channel::<Vec<u8>>(buffers + 1);
        for _ in 0..buffers {
            // Room for all of them, and the receiver is right here: this cannot fail.
            let _ = empty.try_send(Vec::new());
        }
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn_scoped(scope, move || {
                // Ends when the asking side is gone, or with the first end or error.
                while let Ok(mut buffer) = empty_receiver.recv() {
                    buffer.resize(buffer_bytes, 0);
                    let filled = source.fill(&mut buffer);
                    let last = !matches!(filled, Ok(count) if count > 0);
                    let sent = full_sender.send(filled.map(|count| {
                        buffer.truncate(count);
                        buffer
                    }));
                    if last || sent.is_err() {
                        break;
                    }
                }
                source
            })
            .map_err(|error| {
                BundleError::new(Refusal::Unreadable, "a thread could not be started")
                    .with_source(error)
            })?;
        Ok(Self { full, empty, thread, current: first, start: 0, ended: false })
    }

    /// Waits for the thread and gives the stage back. To be called once the end was seen.
    pub(super) fn finish(self) -> Result<S, BundleError> {
        drop(self.empty);
        drop(self.full);
        self.thread.join().map_err(|_| thread_lost())
    }
}

impl<S> Chunks for Ahead<'_, S> {
    fn chunk(&mut self) -> Result<&[u8], BundleError> {
        if self.start == self.current.len() && !self.ended {
            let used = std::mem::take(&mut self.current);
            self.start = 0;
            // The thread may be gone already, with its last buffer still on the way.
            let _ = self.empty.try_send(used);
            self.current = self.full.recv().map_err(|_| thread_lost())??;
            self.ended = self.current.is_empty();
        }
        Ok(&self.current[self.start..])
    }

    fn consume(&mut self, count: usize) {
        self.start += count;
    }
}

fn thread_lost() -> BundleError {
    BundleError::new(Refusal::Unreadable, "a reading thread ended before its work was done")
}

/// Reads exactly `bytes.len()` bytes, or fewer at the end; returns how many.
pub(super) fn read_full(source: &mut impl Chunks, bytes: &mut [u8]) -> Result<usize, BundleError> {
    let mut filled = 0;
    while filled < bytes.len() {
        let chunk = source.chunk()?;
        if chunk.is_empty() {
            break;
        }
        let count = chunk.len().min(bytes.len() - filled);
        bytes[filled..filled + count].copy_from_slice(&chunk[..count]);
        source.consume(count);
        filled += count;
    }
    Ok(filled)
}
