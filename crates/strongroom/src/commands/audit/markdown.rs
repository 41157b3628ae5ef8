//! An audit as a page of Markdown, for a change record or a wiki.

use std::fmt::Write as _;

use strongroom_storage::evidence::audit::{AuditReport, Class, Finding};

use crate::output::markdown::code;
use crate::output::{size, time};

/// The page. Ends with what an audit does not look at.
pub fn page(report: &AuditReport) -> String {
    let mut page = String::from("# Audit of evidence\n\n");
    facts(report, &mut page);
    counts(report, &mut page);
    findings(report, &mut page);
    page.push_str(NOT_LOOKED_AT);
    page
}

const NOT_LOOKED_AT: &str = "
## Not looked at

- Whether the store keeps its locks: an audit reads them and attacks nothing.
- Whether records are genuine: whoever may write beside the evidence can plant them.
- Signatures.
- A bundle of which nothing is left: no archive, no record, no reference and no delete marker.
- Locks that no record promises, such as those of the records themselves.
";

fn facts(report: &AuditReport, page: &mut String) {
    let mut row = |name: &str, value: String| {
        let _ = writeln!(page, "| {name} | {value} |");
    };
    row("fact", "value".to_owned());
    row("---", "---".to_owned());
    row("store", code(&report.store));
    if let Some(endpoint) = &report.endpoint {
        row("endpoint", code(endpoint));
    }
    if let Some(run_id) = &report.run_id {
        row("run", code(run_id));
    }
    if let Some(sample) = &report.sample {
        row("sample", code(sample));
    }
    row("started (the store's clock)", time(report.started_at));
    row("came to its end", if report.complete { "yes" } else { "no" }.to_owned());
    if let Some(cursor) = &report.resumed_after {
        row("went on after", code(&cursor.to_string()));
    }
    if let Some(cursor) = &report.resume_after {
        row("goes on with", code(&format!("--resume-after {cursor}")));
    }
    row("bundles", report.looked_at.bundles.to_string());
    let bytes = match report.read_data {
        true => format!("{} in {} archives", size(report.cost.bundle_bytes), report.cost.bundles),
        false => "not read".to_owned(),
    };
    row("bytes read", bytes);
    row("records read", report.looked_at.records.to_string());
    let unseen = report.looked_at.locks_unobserved;
    row("locks", format!("{} asked for, {unseen} not observed", report.looked_at.locks));
    if let Some(before) = report.expiring_before {
        row("locks told that end before", time(before));
    }
    let signatures = match report.signatures_verified {
        true => format!("{} verified", report.looked_at.signatures),
        false => "not verified".to_owned(),
    };
    row("signatures", signatures);
    row("references", report.looked_at.references.to_string());
    if let Some(reason) = report.deleted_listed.reason() {
        row("keys under a delete marker", format!("not listed: {reason}"));
    }
    row("**findings**", format!("**{}**", report.findings_total()));
}

fn counts(report: &AuditReport, page: &mut String) {
    if report.counts.is_empty() {
        return;
    }
    page.push_str("\n| finding | how many |\n| --- | --- |\n");
    for (kind, number) in &report.counts {
        let _ = writeln!(page, "| {} | {number} |", kind.replace('_', " "));
    }
}

fn findings(report: &AuditReport, page: &mut String) {
    if report.findings.is_empty() {
        return;
    }
    page.push_str("\n## Findings\n\n");
    for class in [Class::Bytes, Class::Lock, Class::Signature, Class::Other] {
        for finding in report.findings.iter().filter(|finding| finding.class == class) {
            add(finding, page);
        }
    }
    if report.findings_unnamed > 0 {
        let _ = writeln!(page, "- {} more, which are only counted", report.findings_unnamed);
    }
}

fn add(finding: &Finding, page: &mut String) {
    let kind = finding.problem.kind().replace('_', " ");
    let id = finding.bundle_id.map(|id| format!(" {}", code(&id.to_string()))).unwrap_or_default();
    let _ = writeln!(page, "- **{kind}**{id}: {}", plain(&finding.problem.to_string()));
    for key in &finding.keys {
        let _ = writeln!(page, "  - {}", code(key));
    }
    if let Some(version) = &finding.version_id {
        let _ = writeln!(page, "  - version {}", code(version));
    }
}

/// Our own words, which hold no mark of Markdown but these.
fn plain(text: &str) -> String {
    text.replace('|', "\\|").replace('*', "\\*").replace('<', "&lt;")
}
