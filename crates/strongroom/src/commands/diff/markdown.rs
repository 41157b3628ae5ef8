//! The differences as a page of Markdown, for the summary of a job. What others wrote stays in code spans,
//! in blocks and in `<code>`, none of which it can leave.

use std::fmt::Write as _;

use strongroom_core::diff::files::ChangedFile;

use super::inside::{ShownLine, Sign, lines_of, lines_of_metadata};
use super::{Document, words};
use crate::output::markdown::{block, code, html_code};
use crate::output::{count, size};

/// Bytes of a page: a GitHub summary is 1 MiB at most.
const PAGE_BYTES_MAX: usize = 512 << 10;

/// The page.
pub fn page(document: &Document) -> String {
    let verdict = words::verdict(document);
    let mut page = format!("## Evidence: {verdict}\n\n");
    facts(document, &mut page);
    if let Some(baseline) = &document.baseline {
        let _ = writeln!(page, "\nThe base was chosen: {}.", code(&words::baseline(baseline)));
    }
    files(document, &mut page);
    let metadata = lines_of_metadata(&document.diff.declared);
    if !metadata.is_empty() {
        page.push_str("\n### Metadata\n\n");
        page.push_str(&block("diff", &in_a_block(&metadata)));
    }
    let mut left_out = 0;
    for file in &document.diff.files.changed {
        let details = details(file);
        match page.len() + details.len() > PAGE_BYTES_MAX {
            true => left_out += 1,
            false => page.push_str(&details),
        }
    }
    if left_out > 0 {
        let files = count(left_out, "changed file is", "changed files are");
        let _ = writeln!(page, "\nThe insides of {files} left out: the page would be too long.");
    }
    page
}

fn facts(document: &Document, page: &mut String) {
    let diff = &document.diff;
    let (base, candidate) = (&document.base, &document.candidate);
    page.push_str("| | base | candidate |\n| --- | --- | --- |\n");
    let mut both = |name: &str, was: String, is: String| {
        let _ = writeln!(page, "| {name} | {was} | {is} |");
    };
    both("bundle", code(&base.bundle_id.to_string()), code(&candidate.bundle_id.to_string()));
    both("from", code(&words::origin(base)), code(&words::origin(candidate)));
    both(
        "content",
        content(base.files, base.content_size_bytes),
        content(candidate.files, candidate.content_size_bytes),
    );
    for change in &diff.declared.fields {
        let (was, is) = words::field(change);
        both(change.field.words(), code(&was), code(&is));
    }
    let failed: Vec<&str> = document.failed.iter().map(|kind| kind.name()).collect();
    page.push('\n');
    let _ = writeln!(page, "* files: {}", words::files(document));
    let _ = writeln!(page, "* retention: {}", code_after(&words::retention(&diff.retention)));
    let _ = writeln!(page, "* signers: {}", code_after(&words::signers(&diff.signers)));
    if !failed.is_empty() {
        let _ = writeln!(page, "* **fails on: {}**", failed.join(", "));
    }
}

fn content(files: u64, bytes: u64) -> String {
    format!("{}, {}", count(files, "file", "files"), size(bytes))
}

/// A judgement of ours, and after its colon what others wrote.
fn code_after(text: &str) -> String {
    match text.split_once(": ") {
        Some((judgement, told)) => format!("**{judgement}** {}", in_a_list(told)),
        None => in_a_list(text),
    }
}

/// Outside of a table a bar needs no escape, and would show it.
fn in_a_list(text: &str) -> String {
    code(text).replace("\\|", "|")
}

fn files(document: &Document, page: &mut String) {
    let files = &document.diff.files;
    if files.is_none() {
        return;
    }
    page.push_str("\n### Files\n\n| | file | size |\n| --- | --- | --- |\n");
    let removed = files
        .removed
        .iter()
        .map(|file| ("removed", code(&words::shown(&file.path)), size(file.facts.size_bytes)));
    let changed = files.changed.iter().map(|file| {
        let (was, is) = (size(file.base.size_bytes), size(file.candidate.size_bytes));
        (
            "changed",
            code(&words::shown(&file.path)),
            if was == is { is } else { format!("{was} → {is}") },
        )
    });
    let added = files
        .added
        .iter()
        .map(|file| ("added", code(&words::shown(&file.path)), size(file.facts.size_bytes)));
    let renamed = files.renamed.iter().map(|file| {
        let path =
            format!("{} → {}", code(&words::shown(&file.from)), code(&words::shown(&file.to)));
        ("renamed", path, size(file.facts.size_bytes))
    });
    let total = removed.len() + changed.len() + added.len() + renamed.len();
    for (change, path, bytes) in
        removed.chain(changed).chain(added).chain(renamed).take(words::FILES_NAMED_MAX)
    {
        let _ = writeln!(page, "| {change} | {path} | {bytes} |");
    }
    if total > words::FILES_NAMED_MAX {
        let more = count((total - words::FILES_NAMED_MAX) as u64, "file", "files");
        let _ = writeln!(page, "\nAnd {more} more.");
    }
}

fn details(file: &ChangedFile) -> String {
    let Some((what, lines)) = file.inside.as_ref().map(lines_of) else { return String::new() };
    let path = html_code(&words::shown(&file.path));
    match lines.is_empty() {
        true => format!("\n{path}: {what}\n"),
        false => format!(
            "\n<details><summary>{path}: {what}</summary>\n\n{}\n</details>\n",
            block("diff", &in_a_block(&lines))
        ),
    }
}

fn in_a_block(lines: &[ShownLine]) -> Vec<String> {
    let line = |line: &ShownLine| match line.sign {
        // Never begins with a sign: a place is a number of ours or begins with a slash.
        Sign::Place => line.text.clone(),
        Sign::Same => format!(" {}", line.text),
        Sign::Was => format!("-{}", line.text),
        Sign::Is => format!("+{}", line.text),
        Sign::Other => format!("! {}", line.text),
        Sign::Note => format!("  … {}", line.text),
    };
    lines.iter().map(line).collect()
}
