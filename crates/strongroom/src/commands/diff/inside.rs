//! What changed inside a file, as lines that both people's pages show: a sign, and a text that is harmless.

use strongroom_core::diff::declared::Declared;
use strongroom_core::diff::inside::Inside;
use strongroom_core::diff::inside::json::ValueChange;
use strongroom_core::diff::inside::records::{RecordChange, RecordDiff};
use strongroom_core::diff::inside::shown::Shown;
use strongroom_core::diff::inside::text::{Hunk, LineChange, TextDiff};

use crate::output::{count, visible};

/// What a line tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// Where what follows is.
    Place,
    /// What is the same in both.
    Same,
    /// What was.
    Was,
    /// What is.
    Is,
    /// What was and what is, on one line.
    Other,
    /// Something of ours: what is not shown.
    Note,
}

/// A value before and one after are on one line where they are short.
const SHORT_CHARACTERS_MAX: usize = 32;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownLine {
    pub sign: Sign,
    pub text: String,
}

impl ShownLine {
    fn new(sign: Sign, text: impl Into<String>) -> Self {
        Self { sign, text: text.into() }
    }
}

/// In a few words, what changed; and the lines that show it.
pub fn lines_of(inside: &Inside) -> (String, Vec<ShownLine>) {
    match inside {
        Inside::Json(values) if values.is_none() => {
            ("JSON: the same values, spelled otherwise".to_owned(), Vec::new())
        }
        Inside::Json(values) => {
            let total = values.changes.len() as u64 + values.changes_unnamed;
            let mut lines = Vec::new();
            values.changes.iter().for_each(|change| of_value(change, "", &mut lines));
            unnamed(values.changes_unnamed, "value", "values", &mut lines);
            (format!("JSON: {} changed", count(total, "value", "values")), lines)
        }
        Inside::Ndjson(records) => of_records(records),
        Inside::Text { lines, not_json } => of_text(lines, not_json.as_deref()),
        Inside::NotLookedAt { reason } => {
            (format!("not looked into: {}", reason.words()), Vec::new())
        }
    }
}

/// The lines that show what of the metadata changed.
pub fn lines_of_metadata(declared: &Declared) -> Vec<ShownLine> {
    let mut lines = Vec::new();
    declared.metadata.iter().for_each(|change| of_value(change, "", &mut lines));
    unnamed(declared.metadata_unnamed, "value", "values", &mut lines);
    lines
}

/// A text, and a mark where there is more of it.
pub fn text_of(shown: &Shown) -> String {
    let mut text = visible(&shown.text);
    if shown.is_cut {
        text.push_str(" …");
    }
    text
}

/// `before` stands before the place of every value.
fn of_value(change: &ValueChange, before: &str, lines: &mut Vec<ShownLine>) {
    let pointer = text_of(&change.pointer);
    let place = match (pointer.as_str(), &change.base_pointer) {
        ("", _) => format!("{before}(the whole document)"),
        (_, Some(from)) => format!("{before}{pointer} (was {})", text_of(from)),
        (_, None) => format!("{before}{pointer}"),
    };
    let is_short = |text: &String| text.chars().count() <= SHORT_CHARACTERS_MAX;
    match (change.base.as_ref().map(text_of), change.candidate.as_ref().map(text_of)) {
        (Some(was), Some(is)) if is_short(&was) && is_short(&is) => {
            lines.push(ShownLine::new(Sign::Other, format!("{place}  {was} -> {is}")));
        }
        (Some(was), Some(is)) => {
            lines.push(ShownLine::new(Sign::Place, place));
            lines.push(ShownLine::new(Sign::Was, was));
            lines.push(ShownLine::new(Sign::Is, is));
        }
        (Some(was), None) => lines.push(ShownLine::new(Sign::Was, format!("{place}  {was}"))),
        (None, Some(is)) => lines.push(ShownLine::new(Sign::Is, format!("{place}  {is}"))),
        (None, None) => {}
    }
}

fn of_records(diff: &RecordDiff) -> (String, Vec<ShownLine>) {
    let parts = [
        (diff.records_changed, "changed"),
        (diff.records_added, "added"),
        (diff.records_removed, "removed"),
        (diff.records_respelled, "spelled otherwise"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|part| part.0 > 0).map(|(n, what)| format!("{n} {what}")).collect();
    let mut lines = Vec::new();
    diff.records.iter().for_each(|record| of_record(record, &mut lines));
    unnamed(diff.records_unnamed, "record", "records", &mut lines);
    let what = match parts.is_empty() {
        true => "the same records, their lines ended otherwise".to_owned(),
        false => format!("records: {}", parts.join(", ")),
    };
    (what, lines)
}

fn of_record(record: &RecordChange, lines: &mut Vec<ShownLine>) {
    let place = match (record.base_line, record.candidate_line) {
        (Some(was), Some(is)) if was == is => format!("line {is}"),
        (Some(was), Some(is)) => format!("line {is} (was {was})"),
        (Some(was), None) => format!("line {was}"),
        (None, Some(is)) => format!("line {is}"),
        (None, None) => String::new(),
    };
    let (was, is) = (record.base.as_ref().map(text_of), record.candidate.as_ref().map(text_of));
    match (&record.values, was, is) {
        (Some(values), ..) => {
            let before = format!("{place}: ");
            values.changes.iter().for_each(|change| of_value(change, &before, lines));
            unnamed(values.changes_unnamed, "value", "values", lines);
        }
        (None, Some(was), Some(is)) => {
            lines.push(ShownLine::new(Sign::Place, place));
            lines.push(ShownLine::new(Sign::Was, was));
            lines.push(ShownLine::new(Sign::Is, is));
        }
        (None, Some(was), None) => lines.push(ShownLine::new(Sign::Was, format!("{place}: {was}"))),
        (None, None, Some(is)) => lines.push(ShownLine::new(Sign::Is, format!("{place}: {is}"))),
        (None, None, None) => {}
    }
}

fn of_text(diff: &TextDiff, not_json: Option<&str>) -> (String, Vec<ShownLine>) {
    let mut lines = Vec::new();
    if let Some(why) = not_json {
        lines.push(ShownLine::new(Sign::Note, format!("compared as text: {why}")));
    }
    diff.hunks.iter().for_each(|hunk| of_hunk(hunk, &mut lines));
    unnamed(diff.hunks_unnamed, "stretch of lines", "stretches of lines", &mut lines);
    let (added, removed) = (diff.lines_added, diff.lines_removed);
    (format!("text: {} added, {removed} removed", count(added, "line", "lines")), lines)
}

fn of_hunk(hunk: &Hunk, lines: &mut Vec<ShownLine>) {
    let place = format!(
        "@@ -{},{} +{},{} @@",
        hunk.base_line, hunk.base_lines, hunk.candidate_line, hunk.candidate_lines
    );
    lines.push(ShownLine::new(Sign::Place, place));
    for line in &hunk.lines {
        let sign = match line.change {
            LineChange::Context => Sign::Same,
            LineChange::Removed => Sign::Was,
            LineChange::Added => Sign::Is,
        };
        lines.push(ShownLine::new(sign, text_of(&line.shown)));
        if line.is_unended {
            lines.push(ShownLine::new(Sign::Note, "no line feed at the end"));
        }
    }
    unnamed(hunk.lines_unnamed, "line", "lines", lines);
}

fn unnamed(number: u64, one: &str, many: &str, lines: &mut Vec<ShownLine>) {
    if number > 0 {
        lines.push(ShownLine::new(Sign::Note, format!("{} more", count(number, one, many))));
    }
}
