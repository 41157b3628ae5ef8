//! `strongroom trust-root distribute`

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde::Serialize;
use strongroom_core::signing::key::KeyId;
use strongroom_core::signing::trust::distribution;
use strongroom_core::{Sha256Digest, layout};
use strongroom_storage::{ObjectKey, Storage, trust_roots};

use super::file::{ReadFile, begin, could_not_be_written};
use crate::cli::DistributeArgs;
use crate::commands::Context;
use crate::commands::signing::MadeBy;
use crate::output::{Block, Console, count, safe, styled};

/// The schema that a hand-out is printed under.
const SCHEMA: &str = "strongroom.trust-root-distribution/v1";
const JSON: &str = "application/json";
const SIGSTORE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    /// What whoever takes the file compares.
    sha256: Sha256Digest,
    keys: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<Signed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<String>,
    /// What is in the store, as it was read back.
    stored: Vec<Stored>,
    /// What was written into the directory.
    files: Vec<String>,
}

#[derive(Serialize)]
struct Signed {
    sha256: Sha256Digest,
    key_id: KeyId,
    signer: String,
    signed_at: Timestamp,
}

#[derive(Serialize)]
struct Stored {
    status: &'static str,
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<String>,
}

/// One file to hand out.
struct Part {
    key: String,
    bytes: Vec<u8>,
    content_type: &'static str,
}

/// Hands a file of trust roots out.
pub async fn run(args: DistributeArgs, context: &Context) -> Result<()> {
    let read = ReadFile::read(&args.file).await?;
    let sha256 = read.sha256();
    let signature = sign(&args, sha256, context).await?;
    let mut parts = Vec::new();
    if let Some((file, signed)) = &signature {
        let key = layout::trust_roots_signature(sha256, signed.sha256);
        parts.push(Part { key, bytes: file.clone(), content_type: SIGSTORE });
    }
    // Last: who finds the file finds its signature too.
    let key = layout::trust_roots(sha256);
    parts.push(Part { key, bytes: read.bytes.clone(), content_type: JSON });
    let mut document = Document {
        schema: SCHEMA,
        sha256,
        keys: read.file.roots.len(),
        signature: signature.map(|(_, signed)| signed),
        store: None,
        stored: Vec::new(),
        files: Vec::new(),
    };
    if let Some(directory) = &args.output {
        for part in &parts {
            document.files.push(write(directory, part)?);
        }
    }
    if let Some(store) = store(&args, context).await? {
        document.store = Some(store.url().to_owned());
        for part in parts {
            let key = ObjectKey::new(part.key)?;
            let kept = trust_roots::keep(&*store, &key, part.bytes.into(), part.content_type);
            let kept = kept.await?;
            let status = if kept.already_there { "already_stored" } else { "stored" };
            document.stored.push(Stored { status, key: kept.key, version_id: kept.version_id });
        }
    }
    context.console.result(|console| human(&document, console), &document)
}

/// With `--output`, the store is used only where the command itself names one.
async fn store(args: &DistributeArgs, context: &Context) -> Result<Option<Arc<dyn Storage>>> {
    match args.output.is_some() && !context.is_store_named_by_flag() {
        true => Ok(None),
        false => Ok(Some(context.store().await?)),
    }
}

async fn sign(
    args: &DistributeArgs,
    file: Sha256Digest,
    context: &Context,
) -> Result<Option<(Vec<u8>, Signed)>> {
    let Some(by) = MadeBy::read(&args.signer, context).await? else {
        context.console.note("no private key is named: the file goes out unsigned");
        return Ok(None);
    };
    let signed_at = context.now_to_the_second();
    let signer = by.signer().to_owned();
    let statement = distribution::statement(file, &signer, signed_at)?;
    let (bytes, key_id) = by.sign(&statement).await?;
    let sha256 = Sha256Digest::of(&bytes);
    Ok(Some((bytes, Signed { sha256, key_id, signer, signed_at })))
}

/// Writes a part under its key into a directory. The name says the digest, so what is there is the same.
fn write(directory: &Path, part: &Part) -> Result<String> {
    let name = part.key.strip_prefix(layout::TRUST_ROOTS).unwrap_or(&part.key);
    let path = directory.join(name.replace('/', "."));
    fs::create_dir_all(directory)
        .with_context(|| format!("{} could not be made", directory.display()))?;
    begin(&path, &part.bytes)?.place(true).with_context(|| could_not_be_written(&path))?;
    Ok(path.display().to_string())
}

fn human(document: &Document, console: &Console) -> String {
    let palette = console.palette();
    let headline = format!("{} {}", styled(palette.good, "handed out"), document.sha256);
    let mut block = Block::new(headline).row("holds", count(document.keys as u64, "key", "keys"));
    block = match &document.signature {
        Some(signed) => block.row("signed", format!("by {} with {}", signed.signer, signed.key_id)),
        None => block.styled_row(palette.warning, "signed", "no"),
    };
    block = block.row_if_any("store", document.store.as_deref());
    for stored in &document.stored {
        let was_there = if stored.status == "stored" { "" } else { " (was there already)" };
        block = block.row("key", format!("{}{was_there}", stored.key));
    }
    for file in &document.files {
        block = block.row("file", file);
    }
    let mut text = block.render(console);
    text.push_str("\nTell whoever takes it the digest by another way, to compare it:\n");
    let verify = format!("strongroom trust-root verify FILE --sha256 {}", document.sha256);
    text.push_str(&format!("  {}\n", safe(&verify)));
    text
}
