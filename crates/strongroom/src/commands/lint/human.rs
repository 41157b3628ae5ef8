//! The report for people: what weighs most first, what is alike together.

use strongroom_core::lint::{Finding, LookedAt, Place, Report, Severity, Spot};

use super::document::Document;
use crate::output::{Block, Console, count, fold, safe, size, styled};

/// Places that are shown of one kind of finding.
const PLACES_MAX: usize = 10;
/// Where everything but the severity begins: after the longest of them.
const INDENT: usize = 9;

/// The report as a terminal shows it.
pub fn report(document: &Document<'_>, report: &Report, console: &Console) -> String {
    let palette = console.palette();
    let verdict = match report.counts.total() {
        0 => styled(palette.good, "nothing found"),
        _ => styled(palette.strong, "looked over"),
    };
    let mut block = Block::new(format!("{verdict} {}", document.bundle_id))
        .row("format", format!("{}, verified", document.format))
        .row("content", looked_at(&report.looked_at));
    if let Some(regime) = &document.regime {
        block = block.row("regime", regime.name);
    }
    let mut text = block.render(console);
    for alike in report.findings.chunk_by(is_alike) {
        text.push('\n');
        text.push_str(&group(alike, console));
    }
    if report.counts.total() + report.suppressed.baseline + report.suppressed.allowed > 0 {
        text.push_str(&format!("\n{}\n", summary(report)));
    }
    text
}

/// The report without colours, for a file.
pub fn plain(document: &Document<'_>, report: &Report, console: &Console) -> String {
    self::report(document, report, &console.plain())
}

fn is_alike(one: &Finding, other: &Finding) -> bool {
    one.rule.id == other.rule.id && one.severity == other.severity && one.message == other.message
}

fn looked_at(looked_at: &LookedAt) -> String {
    let files = count(looked_at.files, "file", "files");
    let mut text = format!("{files}, {} of text", size(looked_at.text_bytes));
    if looked_at.other_bytes > 0 {
        text.push_str(&format!(
            "; {} are no text and were passed over",
            size(looked_at.other_bytes)
        ));
    }
    text
}

fn group(findings: &[Finding], console: &Console) -> String {
    let Some(first) = findings.first() else { return String::new() };
    let palette = console.palette();
    let style = match first.severity {
        Severity::Error => palette.bad,
        Severity::Warning => palette.warning,
        Severity::Note => palette.faint,
    };
    let severity = styled(style, format!("{:<INDENT$}", first.severity.name()));
    let mut text = format!("{severity}{}\n", styled(palette.strong, &first.rule.id));
    let indent = " ".repeat(INDENT);
    for line in fold(&safe(&first.message), console.columns().saturating_sub(INDENT)) {
        text.push_str(&format!("{indent}{line}\n"));
    }
    for finding in findings.iter().take(PLACES_MAX) {
        if let Some(place) = place(&finding.place) {
            text.push_str(&format!("{indent}{} {}\n", styled(palette.faint, "at"), safe(&place)));
        }
    }
    if findings.len() > PLACES_MAX {
        let more = count((findings.len() - PLACES_MAX) as u64, "more place", "more places");
        text.push_str(&format!("{indent}and {more}; `--format json` names them\n"));
    }
    text
}

fn place(place: &Place) -> Option<String> {
    match place {
        Place::Bundle => None,
        Place::Field { field } => Some(format!("manifest.json {field}")),
        Place::Name { path } => Some(path.clone()),
        Place::File { path, spot } => Some(match spot {
            Some(Spot::Text { line, column }) => format!("{path}:{line}:{column}"),
            Some(Spot::Bytes { byte_offset }) => format!("{path}, byte {byte_offset}"),
            None => path.clone(),
        }),
    }
}

fn summary(report: &Report) -> String {
    let counts = &report.counts;
    let named = [
        (counts.error, "error", "errors"),
        (counts.warning, "warning", "warnings"),
        (counts.note, "note", "notes"),
    ];
    let named: Vec<String> = named
        .into_iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, one, many)| count(number, one, many))
        .collect();
    let mut text = match named.is_empty() {
        true => "nothing found".to_owned(),
        false => named.join(", "),
    };
    if report.unlisted.total() > 0 {
        let more = count(report.unlisted.total(), "finding", "findings");
        text.push_str(&format!("; {more} of them over a limit and not listed"));
    }
    if report.suppressed.baseline > 0 {
        text.push_str(&format!("; {} in the baseline", report.suppressed.baseline));
    }
    if report.suppressed.allowed > 0 {
        text.push_str(&format!("; {} allowed", report.suppressed.allowed));
    }
    text
}
