//! `strongroom evidence bundle`

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Serialize;
use strongroom_core::bundle::{
    BundleError, BundlePlan, CollectOptions, Declarations, Refusal, WrittenBundle, collect,
};
use strongroom_core::receipt::Receipt;
use strongroom_core::signing::key::KeyId;
use strongroom_core::signing::statement::SignedBundle;
use strongroom_core::{BundleId, Sha256Digest};
use strongroom_storage::Storage;
use strongroom_storage::evidence::signature::Attachment;
use strongroom_storage::new_file::{NewFile, directory_of};

use super::declarations::{OfTheBundle, declared};
use super::placing::{Placed, place};
use super::push::{self, Asked};
use super::report_file::ReportFile;
use super::signing::MadeBy;
use super::{Context, receipt};
use crate::cli::BundleArgs;
use crate::failure::Failure;
use crate::interrupt::Waiting;
use crate::output::{Block, Console, count, size, size_and_bytes, styled};
use crate::progress::Bar;

/// The schema that a new bundle is printed under.
const SCHEMA: &str = "strongroom.bundled/v1";
/// What the name of a bundle ends with.
const SUFFIX: &str = ".strongroom.tar.gz";
/// What is added to the name of a bundle for its signature.
pub const SIGNATURE_SUFFIX: &str = ".sigstore.json";

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    bundle_id: BundleId,
    path: String,
    archive_sha256: Sha256Digest,
    archive_size_bytes: u64,
    content_size_bytes: u64,
    files: u64,
    /// Whether the same bytes were there already.
    already_there: bool,
    /// The signature, where one was made: it is beside the bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<Signed>,
    /// The receipt, where the bundle was pushed too.
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<Receipt>,
}

/// A signature that was made with the bundle.
#[derive(Serialize)]
struct Signed {
    path: String,
    key_id: KeyId,
    #[serde(skip)]
    bytes: Vec<u8>,
}

/// Makes a bundle; pushes it where `push.auto_push` says so.
pub async fn run(args: BundleArgs, context: &Context) -> Result<()> {
    let push_settings = context.config.push()?;
    let output = output_path(&args)?;
    refuse_output_among_inputs(&output, &args.inputs)?;
    // What cannot be pushed is better known before the work than after it.
    let signer = MadeBy::read(&args.signer, context).await?;
    let store = if push_settings.auto_push { Some(context.store().await?) } else { None };
    let of_the_bundle = OfTheBundle { run_id: args.run_id.clone(), legal_hold: args.legal_hold };
    let declarations = declared(&args.declarations, of_the_bundle, context)?;
    let options = CollectOptions { follow_symlinks: args.declarations.follow_symlinks };
    let plan = plan(args.inputs.clone(), options, declarations, context).await?;
    let (content_size_bytes, files) =
        (plan.content_size_bytes(), plan.manifest().files.len() as u64);
    let (written, placed) = write(plan, &output, args.force, context).await?;
    let mut document = Document {
        schema: SCHEMA,
        bundle_id: written.id,
        path: output.display().to_string(),
        archive_sha256: written.archive_sha256,
        archive_size_bytes: written.archive_size_bytes,
        content_size_bytes,
        files,
        already_there: placed == Placed::AlreadyThere,
        signature: match signer {
            Some(signer) => Some(sign(&signer, &written, &output, context).await?),
            None => None,
        },
        receipt: None,
    };
    let Some(store) = store else {
        return context.console.result(|console| human(&document, console), &document);
    };
    let asked = Asked::by_the_configuration(&push_settings, args.yes_lock_until);
    let pushed = push::push_archive(&*store, &output, asked, context).await;
    let shortfall = match pushed {
        Ok(outcome) => {
            document.receipt = Some(outcome.receipt);
            let attached = attach(&*store, &document).await;
            outcome.shortfall.map(anyhow::Error::new).or(attached.err())
        }
        Err(error) => Some(error),
    };
    let printed = context.console.result(|console| human(&document, console), &document);
    match shortfall {
        Some(error) => Err(error),
        None => printed,
    }
}

/// Signs what was written: its manifest, and the archive as it is here.
async fn sign(
    signer: &MadeBy,
    written: &WrittenBundle,
    output: &Path,
    context: &Context,
) -> Result<Signed> {
    let archive = Some(written.archive_sha256);
    let bundle = SignedBundle { id: written.id, archive, id_covers_bytes: true };
    let (bytes, key_id) = signer.sign_evidence(&bundle, context).await?;
    let mut path = output.as_os_str().to_owned();
    path.push(SIGNATURE_SUFFIX);
    let path = PathBuf::from(path);
    ReportFile::begin(&path)?.finish(&bytes)?;
    Ok(Signed { path: path.display().to_string(), key_id, bytes })
}

/// The signature goes where the bundle went, under the lock that its push was acknowledged with.
async fn attach(store: &dyn Storage, document: &Document) -> Result<()> {
    let Some(signed) = &document.signature else { return Ok(()) };
    let attachment = Attachment::prepare(store, document.bundle_id, signed.bytes.clone()).await?;
    attachment.execute().await?;
    Ok(())
}

/// Hashes everything that will be bundled.
pub async fn plan(
    inputs: Vec<PathBuf>,
    options: CollectOptions,
    declarations: Declarations,
    context: &Context,
) -> Result<BundlePlan> {
    let shown = context.console.shows_progress();
    let planning = tokio::task::spawn_blocking(move || {
        let files = collect(&inputs, &options)?;
        let total = files.iter().map(|file| file.size_bytes).sum();
        let bar = Bar::new(shown, "hashing", Some(total));
        BundlePlan::prepare(files, declarations, &*bar.progress())
    });
    Ok(planning.await.context("the bundling ended before its work")??)
}

async fn write(
    plan: BundlePlan,
    output: &Path,
    replace: bool,
    context: &Context,
) -> Result<(WrittenBundle, Placed)> {
    let file = NewFile::create(output)
        .with_context(|| format!("{} cannot take a new file", directory_of(output).display()))?;
    let waiting = Waiting::default();
    let mut writer = BufWriter::with_capacity(1 << 18, waiting.guard(file.writer()?));
    let bar =
        Bar::new(context.console.shows_progress(), "writing", Some(plan.content_size_bytes()));
    let progress = bar.progress();
    let writing = tokio::task::spawn_blocking(move || {
        let written = plan.write(&mut writer, &*progress)?;
        writer.flush().map_err(|error| {
            BundleError::new(Refusal::Unreadable, "the bundle could not be written")
                .with_source(error)
        })?;
        Ok::<_, BundleError>(written)
    });
    let written = writing.await.context("the bundling ended before its work")??;
    drop(bar);
    let placed = place(file, output, written.archive_sha256, replace)?;
    Ok((written, placed))
}

/// `--output`, or the input's name, here.
fn output_path(args: &BundleArgs) -> Result<PathBuf, Failure> {
    if let Some(output) = &args.output {
        if output.is_dir() {
            return Err(Failure::usage("--output is a directory: name the file in it"));
        }
        return Ok(output.clone());
    }
    let [input] = args.inputs.as_slice() else {
        return Ok(PathBuf::from(format!("evidence{SUFFIX}")));
    };
    // `.` and `results/..` have a name only once they are resolved.
    let name = input
        .canonicalize()
        .ok()
        .and_then(|path| path.file_name().map(|name| name.to_string_lossy().into_owned()));
    Ok(PathBuf::from(format!("{}{SUFFIX}", name.as_deref().unwrap_or("evidence"))))
}

/// A bundle inside the directory that it is made of would be part of the next one, whose id would
/// then differ.
fn refuse_output_among_inputs(output: &Path, inputs: &[PathBuf]) -> Result<(), Failure> {
    let Ok(directory) = directory_of(output).canonicalize() else { return Ok(()) };
    let is_inside = inputs
        .iter()
        .filter(|input| input.is_dir())
        .any(|input| input.canonicalize().is_ok_and(|input| directory.starts_with(input)));
    if !is_inside {
        return Ok(());
    }
    let name = output.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    Err(Failure::usage("the bundle would be written into the directory that it is made of")
        .with_help(format!("write it elsewhere, such as --output ../{name}")))
}

fn human(document: &Document, console: &Console) -> String {
    let verb = if document.already_there { "bundled already" } else { "bundled" };
    let headline = format!("{} {}", styled(console.palette().good, verb), document.bundle_id);
    let files = count(document.files, "file", "files");
    let mut text = Block::new(headline)
        .row("file", &document.path)
        .row("content", format!("{files}, {}", size(document.content_size_bytes)))
        .row("archive", size_and_bytes(document.archive_size_bytes))
        .row("", document.archive_sha256.to_string())
        .row_if_any("signature", document.signature.as_ref().map(|signed| signed.path.as_str()))
        .render(console);
    if let Some(stored) = &document.receipt {
        text.push('\n');
        text.push_str(&receipt::human(stored, console));
    }
    text
}
