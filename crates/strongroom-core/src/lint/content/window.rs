//! The text that is looked into, a window at a time.

use super::Found;
use crate::limits::{SECRET_BYTES_MAX, SECRET_LOOKBEHIND_BYTES};
use crate::lint::place::Spot;
use crate::secrets::SecretFinder;

/// Bytes that are looked into at once.
const WINDOW_BYTES: usize = 64 << 10;

/// A place in the window, and which line and character that is, less one.
type Known = (usize, u64, u64);

/// A stretch of text, and how far it was looked into.
#[derive(Debug, Default)]
pub(super) struct Window {
    bytes: Vec<u8>,
    /// Where in `bytes` nothing was looked for yet.
    fresh: usize,
    /// Where `bytes` begins in the file.
    offset: u64,
    /// Which line and character that is, less one.
    line: u64,
    column: u64,
    /// Whether something was left out before, so that lines cannot be told.
    has_gap: bool,
}

impl Window {
    /// Another file.
    pub(super) fn begin(&mut self) {
        self.bytes.clear();
        (self.fresh, self.offset, self.line, self.column) = (0, 0, 0, 0);
        self.has_gap = false;
    }

    /// More text, which stands at `offset` in the file and follows what was pushed before unless that was
    /// left.
    pub(super) fn push(&mut self, text: &[u8], offset: u64, found: Found<'_>) {
        if self.bytes.is_empty() {
            self.offset = offset;
        }
        self.bytes.extend_from_slice(text);
        if self.bytes.len() >= self.fresh + WINDOW_BYTES + SECRET_BYTES_MAX {
            self.look(self.bytes.len() - SECRET_BYTES_MAX, found);
        }
    }

    /// What follows is no text. `tail` is its beginning, in which a secret may end.
    pub(super) fn leave_text(&mut self, tail: &[u8], found: Found<'_>) {
        let end = self.bytes.len();
        if end > 0 {
            self.bytes.extend_from_slice(tail);
            self.look(end, found);
        }
        self.bytes.clear();
        self.fresh = 0;
        self.has_gap = true;
    }

    /// Nothing follows.
    pub(super) fn close(&mut self, found: Found<'_>) {
        self.look(self.bytes.len(), found);
        self.bytes.clear();
        self.fresh = 0;
    }

    /// Looks for everything that begins before `end`, and forgets what is not needed any more.
    fn look(&mut self, end: usize, found: Found<'_>) {
        if self.fresh >= end {
            return;
        }
        let mut hits = Vec::new();
        SecretFinder::shared()
            .find(&self.bytes, self.fresh..end, |one| hits.push((one.start, one.kind)));
        hits.sort_by_key(|(start, _)| *start);
        // Each place is counted from the one before it: they are in order.
        let mut known = (0, self.line, self.column);
        for (start, kind) in hits {
            known = self.after(known, start);
            found(kind, self.spot(known));
        }
        let forgotten = end.saturating_sub(SECRET_LOOKBEHIND_BYTES);
        (_, self.line, self.column) = self.after((0, self.line, self.column), forgotten);
        self.offset += forgotten as u64;
        self.bytes.drain(..forgotten);
        self.fresh = end - forgotten;
    }

    fn spot(&self, (at, line, column): Known) -> Spot {
        match self.has_gap {
            true => Spot::Bytes { byte_offset: self.offset + at as u64 },
            false => Spot::Text { line: line + 1, column: column + 1 },
        }
    }

    /// Line and column of a place that is not before one of which they are known.
    fn after(&self, (from, line, column): Known, at: usize) -> Known {
        let between = &self.bytes[from..at];
        let lines = memchr::memchr_iter(b'\n', between).count() as u64;
        let (column, last) = match memchr::memrchr(b'\n', between) {
            Some(end) => (0, &between[end + 1..]),
            None => (column, between),
        };
        // Bytes that continue a character of UTF-8 begin with the bits 10.
        let characters = last.iter().filter(|byte| **byte & 0xc0 != 0x80).count() as u64;
        (at, line + lines, column + characters)
    }
}
