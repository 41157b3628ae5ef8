//! The differences, for people: what kind, then which files, then what is inside them.

use std::fmt::Write as _;

use anstyle::Style;
use strongroom_core::diff::files::{ChangedFile, FileChanges};
use strongroom_core::diff::retention::Judgement;
use strongroom_core::diff::signers::SignerJudgement;

use super::inside::{ShownLine, Sign, lines_of, lines_of_metadata};
use super::{Document, words};
use crate::output::{Block, Console, count, size, styled};

/// The whole page.
pub fn page(document: &Document, console: &Console) -> String {
    let mut page = head(document, console);
    files(&document.diff.files, console, &mut page);
    metadata(document, console, &mut page);
    for file in &document.diff.files.changed {
        inside(file, console, &mut page);
    }
    page
}

fn head(document: &Document, console: &Console) -> String {
    let palette = console.palette();
    let diff = &document.diff;
    let style = match (document.is_same, document.failed.is_empty()) {
        (true, _) => palette.good,
        (false, true) => palette.warning,
        (false, false) => palette.bad,
    };
    let verdict = styled(style, words::verdict(document));
    let (base, candidate) = (&document.base, &document.candidate);
    let mut block = Block::new(verdict)
        .row("base", base.bundle_id.to_string())
        .row("", words::origin(base))
        .row_if_any("", document.baseline.as_ref().map(words::baseline))
        .row("candidate", candidate.bundle_id.to_string())
        .row("", words::origin(candidate))
        .row("files", words::files(document));
    for change in &diff.declared.fields {
        let (was, is) = words::field(change);
        block = block.row(change.field.words(), format!("{was} -> {is}"));
    }
    let retention = match diff.retention.judgement {
        Judgement::Weaker | Judgement::Incomparable => palette.bad,
        Judgement::Stronger | Judgement::Same => Style::new(),
    };
    let signers = match diff.signers.judgement {
        SignerJudgement::Changed => palette.bad,
        SignerJudgement::Same | SignerJudgement::Unobserved => Style::new(),
    };
    let failed: Vec<&str> = document.failed.iter().map(|kind| kind.name()).collect();
    let failed = (!failed.is_empty()).then(|| failed.join(", "));
    block = block.styled_row(retention, "retention", words::retention(&diff.retention)).styled_row(
        signers,
        "signers",
        words::signers(&diff.signers),
    );
    if let Some(failed) = failed {
        block = block.styled_row(palette.bad, "fails on", failed);
    }
    block.render(console)
}

fn files(files: &FileChanges, console: &Console, page: &mut String) {
    if files.is_none() {
        return;
    }
    let palette = console.palette();
    let _ = writeln!(page, "\n{}", styled(palette.strong, "Files"));
    let named = |sign: &'static str, style: Style| {
        move |path: &str, bytes: String| (sign, style, words::shown(path), bytes)
    };
    let (gone, came) = (named("-", palette.bad), named("+", palette.good));
    let other = named("~", palette.warning);
    let removed = files.removed.iter().map(|file| gone(&file.path, size(file.facts.size_bytes)));
    let changed = files.changed.iter().map(|file| other(&file.path, sizes(file)));
    let added = files.added.iter().map(|file| came(&file.path, size(file.facts.size_bytes)));
    let renamed = files.renamed.iter().map(|file| {
        let path = format!("{} -> {}", words::shown(&file.from), words::shown(&file.to));
        (">", Style::new(), path, size(file.facts.size_bytes))
    });
    rows(removed, console, page);
    rows(changed, console, page);
    rows(added, console, page);
    rows(renamed, console, page);
}

type Row = (&'static str, Style, String, String);

fn rows(rows: impl ExactSizeIterator<Item = Row>, console: &Console, page: &mut String) {
    let more = rows.len().saturating_sub(words::FILES_NAMED_MAX);
    for (sign, style, path, bytes) in rows.take(words::FILES_NAMED_MAX) {
        // The size goes to the right edge where there is room for it, and else right after the path.
        let used = 4 + path.chars().count() + 2 + bytes.chars().count();
        let gap = " ".repeat(console.columns().saturating_sub(used) + 2);
        let bytes = styled(console.palette().faint, bytes);
        let _ = writeln!(page, "  {} {path}{gap}{bytes}", styled(style, sign));
    }
    if more > 0 {
        let more = count(more as u64, "file", "files");
        let _ = writeln!(page, "    and {more} more, which --format json names");
    }
}

fn sizes(file: &ChangedFile) -> String {
    let (was, is) = (size(file.base.size_bytes), size(file.candidate.size_bytes));
    if was == is { is } else { format!("{was} -> {is}") }
}

fn metadata(document: &Document, console: &Console, page: &mut String) {
    let lines = lines_of_metadata(&document.diff.declared);
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(page, "\n{}", styled(console.palette().strong, "Metadata"));
    lines.iter().for_each(|line| add(line, console, page));
}

fn inside(file: &ChangedFile, console: &Console, page: &mut String) {
    let Some((what, lines)) = file.inside.as_ref().map(lines_of) else { return };
    let palette = console.palette();
    let path = styled(palette.strong, words::shown(&file.path));
    let _ = writeln!(page, "\n{path}  {}", styled(palette.faint, what));
    lines.iter().for_each(|line| add(line, console, page));
}

fn add(line: &ShownLine, console: &Console, page: &mut String) {
    let palette = console.palette();
    let (style, sign) = match line.sign {
        Sign::Place => (palette.faint, ""),
        Sign::Same => (Style::new(), "  "),
        Sign::Was => (palette.bad, "- "),
        Sign::Is => (palette.good, "+ "),
        Sign::Other => (palette.warning, "~ "),
        Sign::Note => (palette.faint, "  … "),
    };
    let text = format!("{sign}{}", line.text);
    let _ = writeln!(page, "  {}", styled(style, text.trim_end()));
}
