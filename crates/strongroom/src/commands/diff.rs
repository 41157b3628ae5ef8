//! `strongroom evidence diff`

mod human;
mod inside;
mod markdown;
mod side;
mod signatures;
mod words;

use anyhow::{Context as _, Result};
use serde::Serialize;
use strongroom_core::bundle::cavra::MANIFEST;
use strongroom_core::diff::BundleDiff;
use strongroom_core::diff::kind::{Answer, Kind};
use strongroom_core::diff::read::{BothVerified, Side, Verified, verify_both};
use strongroom_core::diff::signers::SignerChange;
use strongroom_core::{BundleId, Sha256Digest};
use strongroom_storage::evidence::Baseline;

use self::side::{Located, Origin, Places};
use self::signatures::Signatures;
use super::Context;
use super::report_file::ReportFile;
use super::signing::{self, Trusting};
use crate::cli::{DiffArgs, Format, Reference};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Console;
use crate::progress::Bar;

/// The schema that differences are printed under.
const SCHEMA: &str = "strongroom.diff/v1";

/// What is printed.
#[derive(Serialize)]
struct Document {
    schema: &'static str,
    base: SideShown,
    candidate: SideShown,
    /// Why this base, where it was looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<Baseline>,
    /// Whether nothing differs that [`Kind::Any`] counts.
    is_same: bool,
    #[serde(flatten)]
    diff: BundleDiff,
    /// The kinds that were not to be.
    fail_on: Vec<Kind>,
    /// Those of them that are, or that nobody can rule out.
    failed: Vec<Kind>,
}

/// One of the two, verified.
#[derive(Serialize)]
struct SideShown {
    bundle_id: BundleId,
    format: &'static str,
    #[serde(flatten)]
    origin: Origin,
    #[serde(skip_serializing_if = "Option::is_none")]
    archive_sha256: Option<Sha256Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    archive_size_bytes: Option<u64>,
    content_size_bytes: u64,
    files: u64,
}

/// Says what differs between two bundles.
pub async fn run(args: DiffArgs, context: &Context) -> Result<()> {
    let (base, candidate) = sides(&args)?;
    refuse_what_nobody_looks_at(&args, &base, &candidate, context)?;
    let trusting = Trusting::read(&args.trust, context)?;
    // A report that could not be kept is not worth waiting for.
    let report = args.output.as_deref().map(ReportFile::begin).transpose()?;
    let store = match is_store_in_use(&base, &candidate, context) {
        true => Some(context.store_to_read().await?),
        false => None,
    };
    let mut places = Places::new(store.as_deref(), context);
    let candidate = places.candidate(&candidate).await?;
    let (base, baseline) = places.base(&base, &candidate, &args.good_status).await?;
    let (base_origin, candidate_origin) = (base.origin.clone(), candidate.origin.clone());
    let both = verify(base, candidate, &places, context).await?;
    drop(places);

    let looking =
        |bundle, files| Signatures::of(bundle, files, &trusting, store.as_deref(), context);
    let base = looking(&both.base, &args.base_signature).await?;
    let candidate = looking(&both.candidate, &args.candidate_signature).await?;
    let signers = SignerChange::between(base.seen(&trusting), candidate.seen(&trusting));
    let (was, is) = (both.base.described(), both.candidate.described());
    let diff = BundleDiff::new(both.files, &was, &is, signers);
    let failed = args.fail_on.iter().filter(|kind| diff.has(**kind) != Answer::No).copied();
    let document = Document {
        schema: SCHEMA,
        base: shown(&both.base, base_origin),
        candidate: shown(&both.candidate, candidate_origin),
        baseline: baseline.map(words::without_secrets),
        is_same: diff.has(Kind::Any) == Answer::No,
        failed: failed.collect(),
        fail_on: args.fail_on,
        diff,
    };
    let printed = print(&document, report, &context.console);
    for (side, named) in [(&base, &args.base_signature), (&candidate, &args.candidate_signature)] {
        signing::refuse_no_signature(named, &side.report)?;
        signing::refuse_unmet(&side.report)?;
    }
    refuse_failed(&document)?;
    printed
}

/// Which is the base, and which the candidate.
fn sides(args: &DiffArgs) -> Result<(Reference, Reference), Failure> {
    let (base, candidate) = match (args.bundles.as_slice(), &args.baseline) {
        ([base, candidate], None) => (base.clone(), candidate.clone()),
        ([candidate], Some(base)) => (base.clone(), candidate.clone()),
        ([_], None) => {
            return Err(Failure::usage("one bundle is named, and nothing to hold it against")
                .with_help("name BASE and CANDIDATE, or --baseline run:latest"));
        }
        _ => {
            return Err(Failure::usage("the base is named twice")
                .with_help("with --baseline the candidate is named alone"));
        }
    };
    if candidate == Reference::Latest {
        return Err(Failure::usage("run:latest is found for a candidate, and is none itself")
            .with_help("name the candidate by its file, its id or its run"));
    }
    let standard_input = Reference::Path("-".into());
    if base == standard_input && candidate == standard_input {
        return Err(Failure::usage("standard input holds one bundle, and two are needed"));
    }
    Ok((base, candidate))
}

fn is_store_in_use(base: &Reference, candidate: &Reference, context: &Context) -> bool {
    base.is_stored() || candidate.is_stored() || context.is_store_named_by_flag()
}

/// Who signed cannot be held against each other where nobody looks; better said before minutes are spent.
fn refuse_what_nobody_looks_at(
    args: &DiffArgs,
    base: &Reference,
    candidate: &Reference,
    context: &Context,
) -> Result<(), Failure> {
    let is_directory = |side: &Reference| matches!(side, Reference::Path(path) if path.is_dir());
    let is_seen = |side: &Reference, given: &[_]| !given.is_empty() || is_directory(side);
    let all_seen =
        is_seen(base, &args.base_signature) && is_seen(candidate, &args.candidate_signature);
    if !args.fail_on.contains(&Kind::SignerChanged)
        || all_seen
        || is_store_in_use(base, candidate, context)
    {
        return Ok(());
    }
    Err(Failure::usage("--fail-on signer-changed needs the signatures of both bundles").with_help(
        "name them with --base-signature and --candidate-signature, or the --store that holds them",
    ))
}

/// Verifies both, side by side.
async fn verify(
    base: Located,
    candidate: Located,
    places: &Places<'_>,
    context: &Context,
) -> Result<BothVerified> {
    let total_bytes = base.opened.claimed_bytes() + candidate.opened.claimed_bytes();
    let bar = Bar::new(context.console.shows_progress(), "verifying", Some(total_bytes));
    let (progress, wanted) = (bar.progress(), places.wanted());
    let verifying = tokio::task::spawn_blocking(move || {
        verify_both(base.opened, candidate.opened, &*progress, &|| wanted.end()).map_err(
            |(side, error)| match side {
                Side::Base => (base.name, error),
                Side::Candidate => (candidate.name, error),
            },
        )
    });
    let verified = verifying.await.context("the verification ended before its work")?;
    verified.map_err(|(name, error)| anyhow::Error::new(error).context(name))
}

fn shown(bundle: &Verified, origin: Origin) -> SideShown {
    let format = bundle.described().format;
    match bundle {
        Verified::Archive(archive) => SideShown {
            bundle_id: archive.id(),
            format,
            origin,
            archive_sha256: Some(archive.archive_sha256()),
            archive_size_bytes: Some(archive.archive_size_bytes()),
            content_size_bytes: archive.content_size_bytes(),
            files: archive.files() as u64,
        },
        Verified::Directory(directory) => {
            let listed = || directory.files().iter().filter(|file| file.path != MANIFEST);
            SideShown {
                bundle_id: directory.id(),
                format,
                origin,
                archive_sha256: None,
                archive_size_bytes: None,
                content_size_bytes: listed().map(|file| file.size_bytes).sum(),
                files: listed().count() as u64,
            }
        }
    }
}

fn print(document: &Document, report: Option<ReportFile>, console: &Console) -> Result<()> {
    let text = match console.format() {
        Format::Human => human::page(document, console),
        Format::Markdown => markdown::page(document),
        Format::Json | Format::Sarif => format!("{}\n", serde_json::to_string_pretty(document)?),
        Format::Ndjson => format!("{}\n", serde_json::to_string(document)?),
    };
    match report {
        Some(file) => file.finish(text.as_bytes()),
        None => console.print(&text),
    }
}

/// Ends the program where something differs that was not to.
fn refuse_failed(document: &Document) -> Result<(), Failure> {
    if document.failed.is_empty() {
        return Ok(());
    }
    let words: Vec<&str> = document.failed.iter().map(|kind| kind.name()).collect();
    let message = format!("the candidate differs in what --fail-on names: {}", words.join(", "));
    let signers_unobserved = document.failed.contains(&Kind::SignerChanged)
        && document.diff.signers.answer() == Answer::Unobserved;
    let help = match signers_unobserved {
        true => "the signers of one of them are unobserved: that rules no change out",
        false => "the output says what differs",
    };
    Err(Failure::new(Exit::Findings, message).with_help(help))
}
