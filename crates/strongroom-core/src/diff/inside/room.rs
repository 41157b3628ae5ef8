//! How much more may be done and shown, of all files together.

use crate::limits::{DIFF_PAIRS_ALL_MAX, DIFF_PAIRS_MAX, DIFF_SHOWN_MAX};

/// What is left of the bounds that all files share.
#[derive(Debug)]
pub(in crate::diff) struct Room {
    shown: usize,
    pairs: u64,
}

impl Default for Room {
    fn default() -> Self {
        Self { shown: DIFF_SHOWN_MAX, pairs: DIFF_PAIRS_ALL_MAX }
    }
}

impl Room {
    /// Whether nothing more is shown.
    pub(in crate::diff) fn is_used_up(&self) -> bool {
        self.shown == 0
    }

    /// The smaller of `most` and how many more lines, values and records are shown.
    pub(in crate::diff) fn at_most(&self, most: usize) -> usize {
        self.shown.min(most)
    }

    /// Takes as many as were shown, or all that is left.
    pub(in crate::diff) fn take_shown(&mut self, shown: usize) {
        self.shown = self.shown.saturating_sub(shown);
    }

    /// Whether so many may be held against so many; if so, that is taken.
    pub(super) fn take_pairs(&mut self, base: usize, candidate: usize) -> bool {
        let pairs = (base as u64).saturating_mul(candidate as u64);
        if pairs > DIFF_PAIRS_MAX.min(self.pairs) {
            return false;
        }
        self.pairs -= pairs;
        true
    }
}
