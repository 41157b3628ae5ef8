//! Two sequences side by side: which stretches of the one stand for which of the other.

use std::hash::Hash;
use std::ops::Range;

use imara_diff::{Algorithm, Diff, InternedInput, Interner};

use super::room::Room;

/// A stretch of the base that a stretch of the candidate stands for. Either may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Where in the base.
    pub(super) base: Range<usize>,
    /// Where in the candidate.
    pub(super) candidate: Range<usize>,
}

/// The stretches that differ, in order; nothing where that would take more than there is [`Room`] for.
///
/// Myers' algorithm with the heuristics of git and GNU diff. Both it and the histogram algorithm take as
/// many steps as there are pairs, for some sequences: hence the bound.
pub(super) fn stretches<T: Eq + Hash + Copy>(
    base: &[T],
    candidate: &[T],
    room: &mut Room,
) -> Option<Vec<Stretch>> {
    let same = |(left, right): &(&T, &T)| left == right;
    let first = base.iter().zip(candidate).take_while(same).count();
    let (left, right) = (&base[first..], &candidate[first..]);
    let last = left.iter().rev().zip(right.iter().rev()).take_while(same).count();
    let (left, right) = (&left[..left.len() - last], &right[..right.len() - last]);
    if !room.take_pairs(left.len(), right.len()) {
        return None;
    }
    let (before, after) = (Vec::with_capacity(left.len()), Vec::with_capacity(right.len()));
    let interner = Interner::new(left.len() + right.len());
    let mut input = InternedInput { before, after, interner };
    input.update_before(left.iter().copied());
    input.update_after(right.iter().copied());
    let mut diff = Diff::compute(Algorithm::Myers, &input);
    diff.postprocess_no_heuristic(&input);
    let place = |range: Range<u32>| first + range.start as usize..first + range.end as usize;
    let stretches =
        diff.hunks().map(|hunk| Stretch { base: place(hunk.before), candidate: place(hunk.after) });
    Some(stretches.collect())
}

/// Where the lines of a text are, each with the line feed that ends it.
pub(super) fn lines_of(text: &str) -> Vec<Range<usize>> {
    let mut lines = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        lines.push(start..start + line.len());
        start += line.len();
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{DIFF_PAIRS_ALL_MAX, DIFF_PAIRS_MAX};

    #[test]
    fn lines_cover_a_text_once() {
        assert_eq!(lines_of("a\n\nb"), [0..2, 2..3, 3..4]);
        assert!(lines_of("").is_empty());
        assert_eq!(lines_of("\n").as_slice(), std::slice::from_ref(&(0..1)));
    }

    fn compare(base: &[u64], candidate: &[u64]) -> Option<Vec<Stretch>> {
        stretches(base, candidate, &mut Room::default())
    }

    #[test]
    fn what_differs_is_told_and_nothing_else() {
        let expected = [Stretch { base: 1..2, candidate: 1..3 }];
        assert_eq!(compare(&[1, 2, 3], &[1, 7, 8, 3]).as_deref(), Some(&expected[..]));
        assert_eq!(compare(&[1, 1], &[1, 1, 1]).map(|found| found.len()), Some(1));
        assert_eq!(compare(&[1, 2], &[1, 2]), Some(vec![]));
    }

    #[test]
    fn what_both_begin_and_end_with_costs_nothing_and_the_rest_is_bounded() {
        let side = DIFF_PAIRS_MAX.isqrt();
        let around = 10 * side;
        let long = |middle: &[u64]| -> Vec<u64> {
            (0..around).chain(middle.iter().copied()).chain(0..around).collect()
        };
        assert!(compare(&long(&[1, 2]), &long(&[3])).is_some());
        let unlike = |start: u64, length: u64| -> Vec<u64> { (start..start + length).collect() };
        let (base, candidate) = (unlike(0, side), unlike(side, side));
        let mut room = Room::default();
        let mut compared = 0;
        while stretches(&base, &candidate, &mut room).is_some() {
            compared += 1;
        }
        assert_eq!(compared, DIFF_PAIRS_ALL_MAX / DIFF_PAIRS_MAX);
        assert_eq!(compare(&base, &unlike(side, side + 1)), None);
    }
}
