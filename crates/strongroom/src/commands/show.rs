//! `strongroom evidence show`

use anyhow::{Context as _, Result};
use serde::Serialize;
use serde_json::{Value, json};
use strongroom_core::BundleId;
use strongroom_core::bundle::{
    AssayManifest, BundleManifest, Manifest, Producer, ReadLimits, RetentionRequest,
    UnverifiedBundle,
};

use super::{Context, named, source};
use crate::cli::ShowArgs;
use crate::interrupt::Waiting;
use crate::output::{Block, Console, count, safe, size, styled, time};

/// The schema that a bundle's own words are printed under.
const SCHEMA: &str = "strongroom.bundle-claims/v1";

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    format: &'static str,
    /// What the bundle says it is.
    bundle_id: BundleId,
    /// Always `false`: only the manifest was read.
    verified: bool,
    manifest: Value,
}

/// Shows what a bundle says of itself.
pub async fn run(args: ShowArgs, context: &Context) -> Result<()> {
    let bundle = source::open(&args.bundle).await?;
    let waiting = Waiting::default();
    let reader = waiting.guard(bundle.reader);
    let opening = tokio::task::spawn_blocking(move || {
        let opened = UnverifiedBundle::open(reader, &ReadLimits::default())?;
        Ok::<_, strongroom_core::bundle::BundleError>((
            opened.format().name(),
            opened.claimed_id(),
            opened.manifest().clone(),
        ))
    });
    let (format, bundle_id, manifest) = opening
        .await
        .context("the reading ended before its work")?
        .with_context(|| named(&args.bundle))?;
    let document = Document {
        schema: SCHEMA,
        format,
        bundle_id,
        verified: false,
        manifest: match &manifest {
            BundleManifest::Native(native) => serde_json::to_value(native)?,
            BundleManifest::Assay(assay) => assay_document(assay),
        },
    };
    context.console.result(|console| human(&document, &manifest, args.files, console), &document)
}

fn assay_document(assay: &AssayManifest) -> Value {
    json!({
        "producer": assay.producer,
        "run_id": assay.run_id,
        "event_count": assay.event_count,
        "run_root": assay.run_root,
        "events_size_bytes": assay.events_size_bytes,
        "events_sha256": assay.events_sha256,
    })
}

fn human(
    document: &Document,
    manifest: &BundleManifest,
    with_files: bool,
    console: &Console,
) -> String {
    let palette = console.palette();
    let verdict = styled(palette.warning, "not verified");
    let block = Block::new(format!("{verdict} {}", document.bundle_id))
        .row("format", document.format)
        .row_if_any("producer", manifest.producer().map(producer))
        .row_if_any("subject", manifest.subject())
        .row_if_any("run", manifest.run_id());
    let mut text = match manifest {
        BundleManifest::Native(native) => native_rows(block, native),
        BundleManifest::Assay(assay) => block.row(
            "content",
            format!(
                "{}, {}",
                count(assay.event_count, "event", "events"),
                size(assay.events_size_bytes)
            ),
        ),
    }
    .row("", "")
    .render(console);
    text.truncate(text.trim_end().len());
    text.push('\n');
    if with_files && let BundleManifest::Native(native) = manifest {
        text.push('\n');
        text.push_str(&files(native, console));
    }
    text.push_str(&styled(
        palette.faint,
        "\nThis is what the bundle says of itself. `strongroom evidence verify` checks it.\n",
    ));
    text
}

fn native_rows(mut block: Block, manifest: &Manifest) -> Block {
    block = block
        .row_if_any("created", manifest.created_at.map(time))
        .row_if_any("retention", manifest.retention.as_ref().map(retention));
    let mut label = "metadata";
    for (key, value) in manifest.metadata.iter().flatten() {
        let value = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        block = block.row(label, format!("{key}={value}"));
        label = "";
    }
    let files = count(manifest.files.len() as u64, "file", "files");
    block.row("content", format!("{files}, {}", size(manifest.content_size_bytes())))
}

fn producer(producer: &Producer) -> String {
    match &producer.version {
        Some(version) => format!("{} {version}", producer.name),
        None => producer.name.clone(),
    }
}

fn retention(retention: &RetentionRequest) -> String {
    let class = retention.class.clone();
    let days = retention.days.map(|days| count(u64::from(days), "day", "days"));
    let hold = retention.legal_hold.filter(|hold| *hold).map(|_| "legal hold".to_owned());
    [class, days, hold].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn files(manifest: &Manifest, console: &Console) -> String {
    let mut text = String::new();
    for file in &manifest.files {
        let digest = styled(console.palette().faint, file.sha256.to_hex());
        text.push_str(&format!("{:>10}  {}\n", size(file.size_bytes), safe(&file.path)));
        text.push_str(&format!("{:>10}  {digest}\n", ""));
    }
    text
}
