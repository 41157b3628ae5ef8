//! An audit as a person reads it.

use strongroom_core::observed::{Observed, Unobserved};
use strongroom_storage::evidence::audit::{AuditReport, Class, Estimate, Finding};

use crate::output::{Block, Console, count, safe, size, size_and_bytes, styled, time};

/// Findings that are shown; `--format json` has more.
const FINDINGS_SHOWN_MAX: usize = 100;

/// A report: what was looked at, then what was found.
pub fn report(report: &AuditReport, console: &Console) -> String {
    let mut text = summary(report, console).render(console);
    for finding in report.findings.iter().take(FINDINGS_SHOWN_MAX) {
        text.push_str(&one(finding, console));
    }
    let shown = report.findings.len().min(FINDINGS_SHOWN_MAX) as u64;
    if report.findings_total() > shown {
        let more = count(report.findings_total() - shown, "more finding", "more findings");
        text.push_str(&format!("{more}: --format json names them\n"));
    }
    text
}

fn summary(report: &AuditReport, console: &Console) -> Block {
    let palette = console.palette();
    let looked_at = &report.looked_at;
    let bundles = count(looked_at.bundles, "bundle", "bundles");
    let verdict = match report.findings_total() {
        0 => styled(palette.good, "no findings"),
        total => styled(style_of(report.worst(), console), count(total, "finding", "findings")),
    };
    let part = if report.complete { "audited" } else { "audited in part" };
    let bytes = match report.read_data {
        true => format!(
            "{} read, in {}",
            size(report.cost.bundle_bytes),
            count(report.cost.bundles, "archive", "archives")
        ),
        false => "not read: --read-data does".to_owned(),
    };
    let signatures = match report.signatures_verified {
        true => format!("{} verified", grouped(looked_at.signatures)),
        false => "not verified: no trust root was given".to_owned(),
    };
    let locks = match (looked_at.locks, looked_at.locks_unobserved) {
        (0, _) => "none promised".to_owned(),
        (locks, 0) => format!("{} held against what is promised", grouped(locks)),
        (locks, unseen) => {
            format!("{} asked for, of which {} not observed", grouped(locks), grouped(unseen))
        }
    };
    Block::new(format!("{part} {bundles}: {verdict}"))
        .row("store", &report.store)
        .row_if_any("run", report.run_id.as_deref())
        .row_if_any("sample", report.sample.as_deref())
        .row("bytes", bytes)
        .row("locks", locks)
        .row_if_any(
            "ending",
            report.expiring_before.map(|before| format!("told before {}", time(before))),
        )
        .row("records", format!("{} read", grouped(looked_at.records)))
        .row("signatures", signatures)
        .row("references", grouped(looked_at.references))
        .row_if_any("deleted", deleted(&report.deleted_listed))
        .row_if_any(
            "requests",
            report
                .endpoint
                .as_ref()
                .map(|_| format!("about {}", grouped(report.cost.s3_requests()))),
        )
}

/// Where a store has no versions there is nothing under a delete marker.
fn deleted(listed: &Observed<bool>) -> Option<String> {
    let reason = listed.reason().filter(|reason| *reason != Unobserved::UnsupportedBackend)?;
    Some(format!("what is under a delete marker was not listed: {reason}"))
}

fn one(finding: &Finding, console: &Console) -> String {
    let kind = finding.problem.kind().replace('_', " ");
    let of = finding.bundle_id.map(|id| format!(" {id}")).unwrap_or_default();
    let headline = format!("{}{of}", styled(style_of(Some(finding.class), console), kind));
    let mut block = Block::new(headline).row("what", finding.problem.to_string());
    let mut label = "key";
    for key in &finding.keys {
        block = block.row(label, safe(key));
        label = "";
    }
    block.row_if_any("version", finding.version_id.as_deref()).render(console)
}

fn style_of(class: Option<Class>, console: &Console) -> anstyle::Style {
    match class {
        Some(Class::Bytes | Class::Lock | Class::Signature) => console.palette().bad,
        Some(Class::Other) | None => console.palette().warning,
    }
}

/// What an audit would cost.
pub fn estimate(estimate: &Estimate, console: &Console) -> String {
    let cost = &estimate.cost;
    let bundles = count(estimate.bundles, "bundle", "bundles");
    let bytes = match cost.bundle_bytes {
        0 => format!("none of {}", size_and_bytes(estimate.archive_bytes)),
        _ => size_and_bytes(cost.bundle_bytes),
    };
    Block::new(format!("would audit {bundles}"))
        .row("store", &estimate.store)
        .row("reads", bytes)
        .row("requests", format!("about {}", grouped(estimate.s3_requests)))
        .row("of which", format!("{} pages of listings", grouped(cost.list_pages)))
        .row("", format!("{} records", grouped(cost.records)))
        .row("", format!("{} locks, two requests each", grouped(cost.locks)))
        .row("", format!("{} archives", grouped(cost.bundles)))
        .row_if_any("", directory_files(cost.directory_files))
        .render(console)
}

fn directory_files(files: u64) -> Option<String> {
    (files > 0).then(|| format!("{} files of CAVRA directories", grouped(files)))
}

fn grouped(number: u64) -> String {
    count(number, "", "").trim_end().to_owned()
}
