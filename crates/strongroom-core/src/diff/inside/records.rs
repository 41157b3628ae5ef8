//! Records, one JSON value a line.

use std::ops::Range;

use serde::Serialize;
use serde_json::Value;

use super::json::{self, ValueChanges};
use super::lines::{lines_of, stretches};
use super::room::Room;
use super::shown::{Secrets, Shown};
use crate::canonical::{self, JsonLimits};
use crate::limits::{DIFF_RECORDS_MAX, DIFF_VALUES_MAX};
use crate::secrets::Names;

/// What changed in a file of records.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RecordDiff {
    /// Records of the base that are gone.
    pub records_removed: u64,
    /// Records that came.
    pub records_added: u64,
    /// Records that have other values.
    pub records_changed: u64,
    /// Records that have the same values, in another spelling.
    pub records_respelled: u64,
    /// Which, as far as they are named; those that are spelled otherwise are not.
    pub records: Vec<RecordChange>,
    /// How many more there are.
    pub records_unnamed: u64,
}

/// A record that was added, removed or changed. Lines are counted from one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RecordChange {
    /// Its line in the base; absent where it was added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_line: Option<u64>,
    /// Its line in the candidate; absent where it was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidate_line: Option<u64>,
    /// What it was, of one that was removed, or that is no JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<Shown>,
    /// What it is, of one that was added, or that is no JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidate: Option<Shown>,
    /// What changed in it.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub values: Option<ValueChanges>,
}

/// A file of records, and what must not be shown of it.
struct Side<'a> {
    text: &'a str,
    lines: Vec<Range<usize>>,
    secrets: Secrets,
}

impl<'a> Side<'a> {
    fn of(text: &'a str) -> Self {
        Self { text, lines: lines_of(text), secrets: Secrets::of(text) }
    }

    fn records(&self) -> Vec<&'a str> {
        (0..self.lines.len()).map(|at| self.record(at)).collect()
    }

    fn record(&self, at: usize) -> &'a str {
        self.text[self.lines[at].clone()].trim_end_matches(['\r', '\n'])
    }

    /// The record as it is spelled; as its values where only they tell that one of them is a secret.
    fn shown(&self, at: usize) -> Shown {
        let start = self.lines[at].start;
        let by_value = self.value(at).map(|value| Shown::of_value(&mut Names::none(), &value));
        match by_value.filter(|shown| shown.is_redacted) {
            Some(shown) => shown,
            None => self.secrets.shown(self.text, start..start + self.record(at).len()),
        }
    }

    /// The record as JSON; nothing where it is none, or where a key of several records goes on, which no
    /// value by itself shows.
    fn value(&self, at: usize) -> Option<Value> {
        match self.secrets.goes_on_at(self.lines[at].start) {
            true => None,
            false => canonical::parse(self.record(at).as_bytes(), JsonLimits::NATIVE).ok(),
        }
    }
}

/// Holds two files of records side by side; nothing where there are too many.
pub(in crate::diff) fn between(base: &str, candidate: &str, room: &mut Room) -> Option<RecordDiff> {
    let (base, candidate) = (Side::of(base), Side::of(candidate));
    let mut diff = RecordDiff::default();
    for stretch in stretches(&base.records(), &candidate.records(), room)? {
        if stretch.base.len() == stretch.candidate.len() {
            for (left, right) in stretch.base.zip(stretch.candidate) {
                let change = changed(&base, left, &candidate, right, room);
                diff.take_pair(change, room);
            }
            continue;
        }
        for at in stretch.base {
            diff.records_removed += 1;
            let change =
                || RecordChange { base: Some(base.shown(at)), ..RecordChange::at(Some(at), None) };
            diff.name(change, room);
        }
        for at in stretch.candidate {
            diff.records_added += 1;
            let change = || RecordChange {
                candidate: Some(candidate.shown(at)),
                ..RecordChange::at(None, Some(at))
            };
            diff.name(change, room);
        }
    }
    Some(diff)
}

fn changed(
    base: &Side<'_>,
    left: usize,
    candidate: &Side<'_>,
    right: usize,
    room: &mut Room,
) -> RecordChange {
    let change = RecordChange::at(Some(left), Some(right));
    match base.value(left).zip(candidate.value(right)) {
        Some((was, is)) => {
            let values = json::between(&was, &is, room.at_most(DIFF_VALUES_MAX), room);
            RecordChange { values: Some(values), ..change }
        }
        None => RecordChange {
            base: Some(base.shown(left)),
            candidate: Some(candidate.shown(right)),
            ..change
        },
    }
}

impl RecordChange {
    fn at(base: Option<usize>, candidate: Option<usize>) -> Self {
        let line = |at: usize| at as u64 + 1;
        Self { base_line: base.map(line), candidate_line: candidate.map(line), ..Self::default() }
    }
}

impl RecordDiff {
    fn take_pair(&mut self, change: RecordChange, room: &mut Room) {
        if change.values.as_ref().is_some_and(ValueChanges::is_none) {
            self.records_respelled += 1;
            return;
        }
        self.records_changed += 1;
        self.name(|| change, room);
    }

    fn name(&mut self, change: impl FnOnce() -> RecordChange, room: &mut Room) {
        if self.records.len() == DIFF_RECORDS_MAX || room.is_used_up() {
            self.records_unnamed += 1;
            return;
        }
        let change = change();
        room.take_shown(1 + change.values.as_ref().map_or(0, |values| values.changes.len()));
        self.records.push(change);
    }
}
