//! `strongroom evidence verify`

mod cavra;

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;
use strongroom_core::bundle::{
    BundleFormat, BundleManifest, ReadLimits, UnverifiedBundle, VerifiedBundle,
};
use strongroom_core::signing::demand::{SignatureReport, SourcedSignature};
use strongroom_core::signing::statement::SignedBundle;
use strongroom_core::{BundleId, Sha256Digest};
use strongroom_storage::Storage;
use strongroom_storage::evidence::retention::{Expected, LockedVersion, locked_versions};
use strongroom_storage::evidence::signature;

use super::push::verified_directory;
use super::signing::{self, Trusting};
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
    #[serde(flatten)]
    signatures: SignatureReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum_retention: Option<MinimumRetention>,
}

/// For how long the bundle is kept, as far as that was asked.
#[derive(Serialize)]
struct MinimumRetention {
    /// What is needed.
    days: u32,
    /// What the manifest declares.
    #[serde(skip_serializing_if = "Option::is_none")]
    declared_days: Option<u32>,
    /// The locks in the store, as read back; absent where no store was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    locked: Option<Vec<LockedVersion>>,
    is_met: bool,
}

/// Checks every byte of a bundle against its manifest; then its signatures, and for how long it is kept,
/// where that is asked.
pub async fn run(args: VerifyArgs, context: &Context) -> Result<()> {
    if cavra::is_one(&args.bundle).await? {
        return cavra::run(args, context).await;
    }
    cavra::refuse_secret(&args.hmac)?;
    let trusting = Trusting::read(&args.trust, context)?;
    let bundle = verified(&args.bundle, args.max_archive_bytes, context).await?;
    if let Some(wanted) = args.bundle_id
        && wanted != bundle.id()
    {
        return Err(Failure::new(
            Exit::Integrity,
            format!("a valid bundle, but not the one that was asked for: it is {}", bundle.id()),
        )
        .into());
    }
    // Verifying needs no network: a store is asked only where the command itself names one.
    let store = match context.is_store_named_by_flag() {
        true => Some(context.store_to_read().await?),
        false => None,
    };
    let mut document = document(&bundle);
    let (found, passed_over) =
        signatures(&args, &bundle.signed(), &trusting, store.as_deref(), context).await?;
    document.signatures = trusting.demand().conclude(found);
    document.signatures.signatures_passed_over = passed_over;
    if let Some(days) = args.minimum_retention_days {
        document.minimum_retention = Some(minimum(days, &bundle, store.as_deref()).await?);
    }
    let printed = context.console.result(|console| human(&document, console), &document);
    signing::refuse_no_signature(&args.signature, &document.signatures)?;
    signing::refuse_unmet(&document.signatures)?;
    refuse_short(document.minimum_retention.as_ref())?;
    printed
}

/// Reads a bundle and checks every byte of it.
pub async fn verified(
    path: &Path,
    archive_bytes_max: Option<u64>,
    context: &Context,
) -> Result<VerifiedBundle> {
    let bundle = source::open(path).await?;
    let limits = archive_bytes_max
        .map_or_else(ReadLimits::default, |archive_bytes_max| ReadLimits { archive_bytes_max });
    let bar = Bar::new(context.console.shows_progress(), "verifying", bundle.size_bytes);
    let progress = bar.progress();
    let waiting = Waiting::default();
    let reader = waiting.guard(bundle.reader);
    let verifying = tokio::task::spawn_blocking(move || {
        UnverifiedBundle::open(reader, &limits).and_then(|bundle| bundle.verify(&*progress))
    });
    let verified = verifying.await.context("the verification ended before its work")?;
    verified.with_context(|| named(path))
}

/// Reads an archive or a CAVRA directory, checks every byte of it, and answers what a statement about it
/// is about.
pub async fn signed(path: &Path, context: &Context) -> Result<SignedBundle> {
    match cavra::is_one(path).await? {
        true => Ok(verified_directory(path, context).await?.manifest().signed()),
        false => Ok(verified(path, None, context).await?.signed()),
    }
}

/// What the files and the store have, and how many files there were passed over.
async fn signatures(
    args: &VerifyArgs,
    signed: &SignedBundle,
    trusting: &Trusting,
    store: Option<&dyn Storage>,
    context: &Context,
) -> Result<(Vec<SourcedSignature>, u64)> {
    let (mut found, mut passed_over) = (Vec::new(), 0);
    for path in &args.signature {
        found.push(trusting.check_file(path, signed)?);
    }
    if let Some(store) = store {
        let bundles = std::slice::from_ref(signed);
        let stored = signature::of_bundle(store, signed.id, trusting.demand(), bundles).await?;
        found.extend(stored.signatures.iter().filter_map(|one| one.sourced(0)));
        if let Some(limit) = stored.cut_short {
            context.console.warning(format!(
                "the store has more signatures of this bundle than the limit {limit}: the rest was \
                 not looked at",
            ));
        }
        passed_over = stored.passed_over;
    }
    Ok((found, passed_over))
}

async fn minimum(
    days: u32,
    bundle: &VerifiedBundle,
    store: Option<&dyn Storage>,
) -> Result<MinimumRetention> {
    let declared_days = match bundle.manifest() {
        BundleManifest::Native(manifest) => {
            manifest.retention.as_ref().and_then(|retention| retention.days)
        }
        BundleManifest::Assay(_) => None,
    };
    let locked = match store {
        Some(store) => Some(locked_versions(store, Expected::Archive(&bundle.signed())).await?),
        None => None,
    };
    let is_locked = locked.as_ref().map(|locked| locked.iter().any(|one| one.covers(days)));
    // What is declared must be enough where it is declared; what is locked, where a store is named.
    let is_met = match (declared_days, is_locked) {
        (Some(declared), is_locked) => declared >= days && is_locked.unwrap_or(true),
        (None, is_locked) => is_locked.unwrap_or(false),
    };
    Ok(MinimumRetention { days, declared_days, locked, is_met })
}

fn refuse_short(minimum: Option<&MinimumRetention>) -> Result<()> {
    let Some(minimum) = minimum.filter(|minimum| !minimum.is_met) else { return Ok(()) };
    let needed = count(u64::from(minimum.days), "day", "days");
    let help = match (minimum.declared_days, &minimum.locked) {
        (None, None) => {
            "the bundle declares no days: name the --store that holds it, to read its lock back"
        }
        (Some(declared), _) if declared < minimum.days => "its own manifest declares fewer days",
        _ => "`evidence retention extend` locks it for longer",
    };
    let message = format!("the bundle is not seen to be kept for {needed}");
    Err(Failure::new(Exit::Policy, message).with_help(help).into())
}

fn document(bundle: &VerifiedBundle) -> Document {
    Document {
        schema: SCHEMA,
        result: "verified",
        format: bundle.format().name(),
        bundle_id: bundle.id(),
        archive_sha256: bundle.archive_sha256(),
        archive_size_bytes: bundle.archive_size_bytes(),
        content_size_bytes: bundle.content_size_bytes(),
        files: bundle.files() as u64,
        signatures: SignatureReport::none(),
        minimum_retention: None,
    }
}

fn human(document: &Document, console: &Console) -> String {
    let verdict = styled(console.palette().good, "verified");
    let files = count(document.files, "file", "files");
    let checked = if document.format == BundleFormat::Native.name() {
        "every byte against the manifest, whose SHA-256 is the id"
    } else {
        "every byte by the format's own rules, and the id against the events"
    };
    let block = Block::new(format!("{verdict} {}", document.bundle_id))
        .row("format", document.format)
        .row("content", format!("{files}, {}", size(document.content_size_bytes)))
        .row("archive", size_and_bytes(document.archive_size_bytes))
        .row("", document.archive_sha256.to_string())
        .row("checked", checked);
    let mut block = signing::rows(block, &document.signatures, console);
    if let Some(minimum) = &document.minimum_retention {
        block = block.row("kept for", kept_for(minimum));
    }
    block.render(console)
}

fn kept_for(minimum: &MinimumRetention) -> String {
    let needed = count(u64::from(minimum.days), "day", "days");
    let verdict = if minimum.is_met { "at least" } else { "NOT at least" };
    let declared = match minimum.declared_days {
        Some(days) => format!("{} declared", count(u64::from(days), "day", "days")),
        None => "none declared".to_owned(),
    };
    let locked = match &minimum.locked {
        None => "no store was asked".to_owned(),
        Some(locked) => {
            match locked.iter().filter_map(|one| one.retention).max_by_key(|r| r.retain_until) {
                Some(held) => format!("locked until {}", held.retain_until),
                None => "no lock was seen".to_owned(),
            }
        }
    };
    format!("{verdict} {needed}: {declared}, {locked}")
}
