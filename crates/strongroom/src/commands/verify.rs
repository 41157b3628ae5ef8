//! `strongroom evidence verify`

use anyhow::{Context as _, Result};
use serde::Serialize;
use strongroom_core::bundle::{BundleFormat, ReadLimits, UnverifiedBundle, VerifiedBundle};
use strongroom_core::{BundleId, Sha256Digest};

use super::{Context, named, source};
use crate::cli::VerifyArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::Waiting;
use crate::output::{Block, Console, count, size, size_and_bytes, styled};
use crate::progress::Bar;

/// The schema that a verification is printed under.
const SCHEMA: &str = "strongroom.verification/v1";

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    /// Always `verified`: anything else is an error.
    result: &'static str,
    format: &'static str,
    bundle_id: BundleId,
    archive_sha256: Sha256Digest,
    archive_size_bytes: u64,
    content_size_bytes: u64,
    files: u64,
    /// Always `not_checked`: this command looks at content and identity.
    signatures: &'static str,
}

/// Checks every byte of a bundle against its manifest.
pub async fn run(args: VerifyArgs, context: &Context) -> Result<()> {
    let bundle = source::open(&args.bundle).await?;
    let limits = args
        .max_archive_bytes
        .map_or_else(ReadLimits::default, |archive_bytes_max| ReadLimits { archive_bytes_max });
    let bar = Bar::new(context.console.shows_progress(), "verifying", bundle.size_bytes);
    let progress = bar.progress();
    let waiting = Waiting::default();
    let reader = waiting.guard(bundle.reader);
    let verifying = tokio::task::spawn_blocking(move || {
        UnverifiedBundle::open(reader, &limits).and_then(|bundle| bundle.verify(&*progress))
    });
    let verified = verifying.await.context("the verification ended before its work")?;
    let verified = verified.with_context(|| named(&args.bundle))?;
    drop(bar);
    if let Some(wanted) = args.bundle_id
        && wanted != verified.id()
    {
        return Err(Failure::new(
            Exit::Integrity,
            format!("a valid bundle, but not the one that was asked for: it is {}", verified.id()),
        )
        .into());
    }
    let document = document(&verified);
    context.console.result(|console| human(&document, console), &document)
}

fn document(bundle: &VerifiedBundle) -> Document {
    Document {
        schema: SCHEMA,
        result: "verified",
        format: format_name(bundle.format()),
        bundle_id: bundle.id(),
        archive_sha256: bundle.archive_sha256(),
        archive_size_bytes: bundle.archive_size_bytes(),
        content_size_bytes: bundle.content_size_bytes(),
        files: bundle.files() as u64,
        signatures: "not_checked",
    }
}

fn human(document: &Document, console: &Console) -> String {
    let verdict = styled(console.palette().good, "verified");
    let files = count(document.files, "file", "files");
    let checked = if document.format == format_name(BundleFormat::Native) {
        "every byte against the manifest, whose SHA-256 is the id"
    } else {
        "every byte by the format's own rules, and the id against the events"
    };
    Block::new(format!("{verdict} {}", document.bundle_id))
        .row("format", document.format)
        .row("content", format!("{files}, {}", size(document.content_size_bytes)))
        .row("archive", size_and_bytes(document.archive_size_bytes))
        .row("", document.archive_sha256.to_string())
        .row("checked", checked)
        .row("signatures", "not checked")
        .render(console)
}

/// The stable name of a format.
pub fn format_name(format: BundleFormat) -> &'static str {
    match format {
        BundleFormat::Native => "strongroom.bundle/v1",
        BundleFormat::Assay => "assay/v1",
    }
}
