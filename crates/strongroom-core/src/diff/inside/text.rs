//! Text, line by line.

use std::ops::Range;

use serde::Serialize;

use super::lines::{Stretch, lines_of, stretches};
use super::room::Room;
use super::shown::{Secrets, Shown};
use crate::limits::{DIFF_HUNKS_MAX, DIFF_LINES_MAX};

/// Unchanged lines that are shown before and after changed ones.
const CONTEXT_LINES: usize = 3;

/// What changed in a text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TextDiff {
    /// Lines of the base that are gone.
    pub lines_removed: u64,
    /// Lines that came.
    pub lines_added: u64,
    /// Where, as far as that is shown.
    pub hunks: Vec<Hunk>,
    /// How many more stretches there are.
    pub hunks_unnamed: u64,
}

/// Changed lines that are near each other, and unchanged ones around them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hunk {
    /// The number of its first line in the base; lines are counted from one.
    pub base_line: u64,
    /// How many lines of the base it is about.
    pub base_lines: u64,
    /// The number of its first line in the candidate.
    pub candidate_line: u64,
    /// How many lines of the candidate it is about.
    pub candidate_lines: u64,
    /// The lines, as far as they are shown.
    pub lines: Vec<Line>,
    /// How many more it has.
    pub lines_unnamed: u64,
}

/// A line, without the line feed that ends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What became of it.
    pub change: LineChange,
    /// Its text.
    #[serde(flatten)]
    pub shown: Shown,
    /// Whether it is the last one, and no line feed ends it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_unended: bool,
}

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LineChange {
    /// It is in both.
    Context,
    /// It is in the base only.
    Removed,
    /// It is in the candidate only.
    Added,
}

/// A text, its lines, and what must not be shown of it.
struct Side<'a> {
    text: &'a str,
    lines: Vec<Range<usize>>,
    secrets: Secrets,
}

impl<'a> Side<'a> {
    fn of(text: &'a str) -> Self {
        Self { text, lines: lines_of(text), secrets: Secrets::of(text) }
    }

    fn texts(&self) -> Vec<&'a str> {
        self.lines.iter().map(|line| &self.text[line.clone()]).collect()
    }

    fn line(&self, at: usize, change: LineChange) -> Line {
        let range = self.lines[at].clone();
        let is_unended = !self.text[range.clone()].ends_with('\n');
        let end = if is_unended { range.end } else { range.end - 1 };
        Line { change, shown: self.secrets.shown(self.text, range.start..end), is_unended }
    }
}

/// Holds two texts side by side; nothing where there are too many lines.
pub(in crate::diff) fn between(base: &str, candidate: &str, room: &mut Room) -> Option<TextDiff> {
    let (base, candidate) = (Side::of(base), Side::of(candidate));
    let stretches = stretches(&base.texts(), &candidate.texts(), room)?;
    let mut diff = TextDiff::default();
    for stretch in &stretches {
        diff.lines_removed += stretch.base.len() as u64;
        diff.lines_added += stretch.candidate.len() as u64;
    }
    let mut lines_left = room.at_most(DIFF_LINES_MAX);
    let is_near =
        |one: &Stretch, next: &Stretch| next.base.start - one.base.end <= 2 * CONTEXT_LINES;
    for near in stretches.chunk_by(is_near) {
        if diff.hunks.len() == DIFF_HUNKS_MAX || lines_left == 0 {
            diff.hunks_unnamed += 1;
            continue;
        }
        let hunk = hunk(near, &base, &candidate, lines_left);
        lines_left -= hunk.lines.len();
        room.take_shown(hunk.lines.len());
        diff.hunks.push(hunk);
    }
    Some(diff)
}

fn hunk(near: &[Stretch], base: &Side<'_>, candidate: &Side<'_>, lines_max: usize) -> Hunk {
    // `chunk_by` gives no empty chunk.
    let (first, last) = (&near[0], &near[near.len() - 1]);
    let before = CONTEXT_LINES.min(first.base.start);
    let after = CONTEXT_LINES.min(base.lines.len() - last.base.end);
    let (base_from, base_to) = (first.base.start - before, last.base.end + after);
    let (from, to) = (first.candidate.start - before, last.candidate.end + after);
    let mut lines = Vec::new();
    let mut total = 0;
    let mut add = |side: &Side<'_>, range: Range<usize>, change| {
        total += range.len() as u64;
        let room = lines_max - lines.len();
        lines.extend(range.take(room).map(|at| side.line(at, change)));
    };
    let mut at = base_from;
    for stretch in near {
        add(base, at..stretch.base.start, LineChange::Context);
        add(base, stretch.base.clone(), LineChange::Removed);
        add(candidate, stretch.candidate.clone(), LineChange::Added);
        at = stretch.base.end;
    }
    add(base, at..base_to, LineChange::Context);
    Hunk {
        base_line: base_from as u64 + 1,
        base_lines: (base_to - base_from) as u64,
        candidate_line: from as u64 + 1,
        candidate_lines: (to - from) as u64,
        lines_unnamed: total - lines.len() as u64,
        lines,
    }
}
