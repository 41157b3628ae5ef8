//! `strongroom evidence audit`

mod markdown;
mod shown;

use anyhow::Result;
use serde::Serialize;
use strongroom_storage::evidence::audit::{
    AuditOutcome, AuditReport, AuditRequest, Class, CutShort, Estimate, Sample, audit, estimate,
};

use super::Context;
use super::report_file::ReportFile;
use super::signing::Trusting;
use crate::cli::{AuditArgs, Format};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Console, count, size};
use crate::progress::Part;

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    report: &'a AuditReport,
    /// What it was to cost, where that was told first.
    #[serde(skip_serializing_if = "Option::is_none")]
    estimate: Option<&'a Estimate>,
}

/// Looks at what a store holds.
pub async fn run(args: AuditArgs, context: &Context) -> Result<()> {
    let console = &context.console;
    let trusting = Trusting::read(&args.trust, context)?;
    let store = context.store_to_read().await?;
    let request = AuditRequest {
        run_id: args.run_id,
        sample: args.sample.unwrap_or(Sample::ALL),
        read_data: args.read_data,
        expiring_within: args.expiring_within.map(|length| length.0),
        resume_after: args.resume_after,
        demand: trusting.asks().then(|| trusting.demand().clone()),
    };
    if args.dry_run {
        let estimate = estimate(&*store, &request).await?;
        return console.result(|console| shown::estimate(&estimate, console), &estimate);
    }
    // A report that could not be kept is not worth waiting for.
    let markdown = match args.markdown.as_deref() {
        Some(path) => Some(ReportFile::begin(path)?),
        None => None,
    };
    let estimate = match request.read_data {
        true => Some(estimate(&*store, &request).await?),
        false => None,
    };
    if let Some(estimate) = &estimate {
        console.note(told_first(estimate));
    }
    let mut lines = Lines::new(console);
    let total_bytes = estimate.as_ref().map(|estimate| estimate.cost.bundle_bytes);
    let bar = Part::new(console.shows_progress(), "auditing", total_bytes);
    let stop = context.winding_down.wanted();
    let outcome = audit(&*store, &request, stop, |report, progressed| {
        bar.set(report.looked_at.bundles, progressed.fraction, progressed.bundle_bytes);
        lines.print(report);
    });
    let AuditOutcome { report, cut_short } = Box::pin(outcome).await?;
    drop(bar);
    if let Some(file) = markdown {
        file.finish(markdown::page(&report).as_bytes())?;
    }
    let document = Document { report: &report, estimate: estimate.as_ref() };
    let printed = match console.format() {
        Format::Ndjson => lines.finish(&document),
        Format::Human | Format::Json | Format::Sarif | Format::Markdown => {
            console.result(|console| shown::report(&report, console), &document)
        }
    };
    if let Some(cursor) = &report.resume_after {
        console.warning(format!(
            "the audit did not come to its end: --resume-after {cursor} goes on from there"
        ));
    }
    // Where a finding decides the exit code, the store's own error is told all the same.
    if let Some(CutShort::Failed(error)) = &cut_short
        && is_grave(&report)
    {
        console.warning(error);
    }
    fail(&report, cut_short)?;
    printed
}

fn told_first(estimate: &Estimate) -> String {
    format!(
        "reading {} in {}{}, with about {}; --sample reads a part, --dry-run only tells",
        size(estimate.cost.bundle_bytes),
        count(estimate.cost.bundles, "archive", "archives"),
        match estimate.cost.directory_files {
            0 => String::new(),
            files => format!(" and {} of CAVRA directories", count(files, "file", "files")),
        },
        count(estimate.s3_requests, "request", "requests"),
    )
}

fn is_grave(report: &AuditReport) -> bool {
    matches!(report.worst(), Some(Class::Bytes | Class::Lock | Class::Signature))
}

/// How the program ends, by what weighs most.
fn fail(report: &AuditReport, cut_short: Option<CutShort>) -> Result<()> {
    // Wrong bytes and broken locks are told by the exit code even where the audit did not come to its
    // end: whoever goes on from there would not hear of them again.
    let is_grave = is_grave(report);
    match cut_short {
        Some(CutShort::Interrupted) if !is_grave => {
            let help = "running the same command with --resume-after finishes it";
            return Err(Failure::new(Exit::Interrupted, "interrupted").with_help(help).into());
        }
        Some(CutShort::Failed(error)) if !is_grave => return Err(error.into()),
        _ => {}
    }
    let Some(worst) = report.worst() else { return Ok(()) };
    let findings = match report.findings_total() {
        0 => "an earlier part of this audit had findings".to_owned(),
        findings => count(findings, "finding", "findings"),
    };
    Err(match worst {
        Class::Bytes => Failure::new(
            Exit::Integrity,
            format!("{findings}: stored bytes are not the evidence that they should be"),
        )
        .with_help("`evidence pull --bundle-id` finds an earlier version where one is intact"),
        Class::Lock => Failure::new(
            Exit::Policy,
            format!(
                "{findings}: a lock is not what was promised, has lapsed, or was not observed, or \
                 nobody can read what was promised"
            ),
        )
        .with_help("`evidence store-status` says what the store does about locks"),
        Class::Signature => Failure::new(
            Exit::Trust,
            format!("{findings}: the signatures of a bundle are not enough"),
        )
        .with_help("sign it anew with `evidence sign`, or give the trust roots of its signers"),
        Class::Other => Failure::new(Exit::Findings, format!("{findings} to look into")).with_help(
            "the output says what each of them is; `evidence reindex` writes missing references",
        ),
    }
    .into())
}

/// Findings as lines of ndjson, as they come. The report is the last line.
struct Lines<'a> {
    console: &'a Console,
    printed: usize,
    outcome: Result<()>,
}

impl<'a> Lines<'a> {
    fn new(console: &'a Console) -> Self {
        Self { console, printed: 0, outcome: Ok(()) }
    }

    fn print(&mut self, report: &AuditReport) {
        if self.console.format() != Format::Ndjson || self.outcome.is_err() {
            return;
        }
        let mut new = report.findings[self.printed..].iter();
        self.outcome = new.try_for_each(|finding| self.console.print_line_of(finding));
        self.printed = report.findings.len();
    }

    fn finish(mut self, document: &Document<'_>) -> Result<()> {
        self.print(document.report);
        self.outcome?;
        let report = &document.report.without_findings();
        self.console.print_line_of(&Document { report, ..*document })
    }
}
