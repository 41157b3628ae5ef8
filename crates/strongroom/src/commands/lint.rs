//! `strongroom evidence lint`

mod baseline;
mod configuration;
mod document;
mod human;
mod rules;
mod sarif;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use strongroom_core::bundle::{ReadLimits, UnverifiedBundle, cavra};
use strongroom_core::lint::{self, Asked, Lint, Regime, Report, Severity};
use strongroom_core::signing::demand::SourcedSignature;
use strongroom_core::signing::statement::SignedBundle;

use self::configuration::Configuration;
use self::document::{Document, Linted};
use super::report_file::ReportFile;
use super::signing::Trusting;
use super::{Context, named, source};
use crate::cli::{FailOn, Format, LintArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::Waiting;
use crate::output::count;
use crate::progress::Bar;

/// Verifies a bundle, and looks for what should be mended before it is kept.
pub async fn run(mut args: LintArgs, context: &Context) -> Result<()> {
    if args.rules {
        return rules::list(&context.console);
    }
    if let Some(id) = &args.explain {
        return rules::explain(id, &context.console);
    }
    let path = args.bundle.take().unwrap_or_else(|| PathBuf::from("-"));
    let trusting = Trusting::read(&args.trust, context)?;
    let configuration = match &args.lint_config {
        Some(path) => configuration::read(path)?,
        None => Configuration::default(),
    };
    let fail_on = args.fail_on.or(configuration.fail_on).unwrap_or(FailOn::Error);
    let regime = args.regime.as_deref().and_then(Regime::named).or(configuration.regime);
    let asked = Asked {
        settings: configuration.settings,
        baseline: args.baseline.as_deref().map(baseline::read).transpose()?.unwrap_or_default(),
        regime,
        now: context.clock.now(),
    };
    // Places that cannot be written are told before minutes are spent.
    let output = args.output.as_deref().map(ReportFile::begin).transpose()?;
    let new_baseline = args.write_baseline.as_deref().map(ReportFile::begin).transpose()?;
    let (linted, report) = linted(&path, &args, asked, &trusting, context).await?;
    if let Some(file) = new_baseline {
        file.finish(&baseline::written(&report)?)?;
    }
    let document = Document::new(&linted, &report, regime, fail_on);
    let printed = match output {
        Some(file) => {
            file.finish(rendered(&document, &linted, &report, context)?.as_bytes())?;
            context.console.print(&human::report(&document, &report, &context.console))
        }
        None => match context.console.format() {
            Format::Sarif => {
                let log = sarif::log(&linted, &report);
                context.console.result(|_| String::new(), &log)
            }
            _ => context
                .console
                .result(|console| human::report(&document, &report, console), &document),
        },
    };
    fail(&report, fail_on)?;
    printed
}

/// The report as a file holds it.
fn rendered(
    document: &Document<'_>,
    linted: &Linted,
    report: &Report,
    context: &Context,
) -> Result<String> {
    Ok(match context.console.format() {
        Format::Human | Format::Markdown => human::plain(document, report, &context.console),
        Format::Json => format!("{}\n", serde_json::to_string_pretty(document)?),
        Format::Ndjson => format!("{}\n", serde_json::to_string(document)?),
        Format::Sarif => {
            format!("{}\n", serde_json::to_string_pretty(&sarif::log(linted, report))?)
        }
    })
}

async fn linted(
    path: &Path,
    args: &LintArgs,
    asked: Asked,
    trusting: &Trusting,
    context: &Context,
) -> Result<(Linted, Report)> {
    if is_a_directory(path).await? {
        return linted_directory(path, args, asked, trusting, context).await;
    }
    let bundle = source::open(path).await?;
    let limits = args
        .max_archive_bytes
        .map_or_else(ReadLimits::default, |archive_bytes_max| ReadLimits { archive_bytes_max });
    let bar = Bar::new(context.console.shows_progress(), "linting", bundle.size_bytes);
    let progress = bar.progress();
    let waiting = Waiting::default();
    let reader = waiting.guard(bundle.reader);
    let linting = tokio::task::spawn_blocking(move || {
        UnverifiedBundle::open(reader, &limits)
            .and_then(|bundle| lint::archive(bundle, asked, &*progress))
    });
    let (verified, lint) =
        linting.await.context("the linting ended before its work")?.with_context(|| named(path))?;
    drop(bar);
    let report = finish(lint, Vec::new(), &verified.signed(), args, trusting)?;
    Ok((Linted { bundle_id: verified.id(), format: verified.format().name() }, report))
}

async fn linted_directory(
    path: &Path,
    args: &LintArgs,
    asked: Asked,
    trusting: &Trusting,
    context: &Context,
) -> Result<(Linted, Report)> {
    let bar = Bar::new(context.console.shows_progress(), "linting", None);
    let (directory, progress) = (path.to_owned(), bar.progress());
    let linting =
        tokio::task::spawn_blocking(move || lint::directory(&directory, asked, &*progress));
    let (verified, lint) =
        linting.await.context("the linting ended before its work")?.with_context(|| named(path))?;
    drop(bar);
    let own = cavra::judge(verified.manifest(), trusting.demand(), cavra::MANIFEST.to_owned());
    let signed = verified.manifest().signed();
    let report = finish(lint, own.into_iter().collect(), &signed, args, trusting)?;
    Ok((Linted { bundle_id: verified.id(), format: cavra::FORMAT }, report))
}

/// Adds the signatures: those in the bundle itself, and those that were named.
fn finish(
    lint: Lint,
    mut signatures: Vec<SourcedSignature>,
    signed: &SignedBundle,
    args: &LintArgs,
    trusting: &Trusting,
) -> Result<Report> {
    for path in &args.signature {
        signatures.push(trusting.check_file(path, signed)?);
    }
    Ok(lint.finish(&trusting.demand().conclude(signatures)))
}

async fn is_a_directory(path: &Path) -> Result<bool> {
    let path = path.to_owned();
    let looking = tokio::task::spawn_blocking(move || path.is_dir());
    looking.await.context("the bundle was not looked at")
}

/// How the program ends.
fn fail(report: &Report, fail_on: FailOn) -> Result<()> {
    let Some(severity) = fail_on.severity().filter(|severity| report.reaches(*severity)) else {
        return Ok(());
    };
    let findings = count(report.counts.at_least(severity), "finding", "findings");
    let which = match severity {
        Severity::Error => format!("{findings} of severity error"),
        severity => format!("{findings} of severity {severity} or above"),
    };
    Err(Failure::new(Exit::Findings, which)
        .with_help("`strongroom evidence lint --explain ID` says why a rule matters and what to do")
        .into())
}
