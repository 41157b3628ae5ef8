//! `strongroom evidence sign` and `strongroom evidence attest`

use std::path::Path;

use anyhow::Result;
use serde::Serialize;
use serde_json::{Map, Value};
use strongroom_core::canonical::{self, JsonLimits};
use strongroom_core::limits::ATTESTATION_BYTES_MAX;
use strongroom_core::signing::key::KeyId;
use strongroom_core::signing::statement::{EVIDENCE, Statement};
use strongroom_core::{BundleId, Sha256Digest};
use strongroom_storage::evidence::signature::{Attached, Attachment};

use super::key_source;
use super::made::{MadeBy, sign_statement};
use crate::bounded_file;
use crate::cli::{AttestArgs, SignArgs, SignatureToArgs};
use crate::commands::report_file::ReportFile;
use crate::commands::{Context, lock_acceptance, receipt, verify};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Block, Console, styled};

/// The schema that a signature is printed under.
const SCHEMA: &str = "strongroom.signed/v1";

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    bundle_id: BundleId,
    predicate_type: String,
    key_id: KeyId,
    sha256: Sha256Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attached: Option<Attached>,
}

/// Signs a bundle.
pub async fn sign(args: SignArgs, context: &Context) -> Result<()> {
    let file = begin(&args.to)?;
    let Some(signer) = MadeBy::read(&args.signer, context).await? else {
        return Err(Failure::usage("neither who signs nor a private key is named")
            .with_help("`--signer NAME --private-key FILE`; `strongroom keys generate` makes a key")
            .into());
    };
    let bundle = verify::signed(&args.bundle, context).await?;
    let (bytes, key_id) = signer.sign_evidence(&bundle, context).await?;
    let made = Made { predicate_type: EVIDENCE.to_owned(), bytes, key_id };
    keep(bundle.id, made, file, &args.to, context).await
}

/// Says something else of a bundle, and signs that.
pub async fn attest(args: AttestArgs, context: &Context) -> Result<()> {
    if args.predicate_type == EVIDENCE {
        return Err(Failure::usage(
            "this type is that of a signature, which says who stands for a bundle",
        )
        .with_help("`strongroom evidence sign` makes one; an attestation has a type of its own")
        .into());
    }
    let file = begin(&args.to)?;
    let key = key_source::required(&args.key, context).await?;
    let predicate = read_predicate(&args.predicate)?;
    let bundle = verify::signed(&args.bundle, context).await?;
    let subjects = bundle.subjects();
    let statement = Statement { subjects, predicate_type: args.predicate_type, predicate };
    let (bytes, key_id) = sign_statement(&*key, &statement, &args.key).await?;
    let made = Made { predicate_type: statement.predicate_type, bytes, key_id };
    keep(bundle.id, made, file, &args.to, context).await
}

/// A signature that was made, and is nowhere yet.
struct Made {
    predicate_type: String,
    bytes: Vec<u8>,
    key_id: KeyId,
}

async fn keep(
    bundle_id: BundleId,
    made: Made,
    file: Option<ReportFile>,
    to: &SignatureToArgs,
    context: &Context,
) -> Result<()> {
    let mut document = Document {
        schema: SCHEMA,
        bundle_id,
        predicate_type: made.predicate_type,
        key_id: made.key_id,
        sha256: Sha256Digest::of(&made.bytes),
        path: to.output.as_deref().map(|path| path.display().to_string()),
        attached: None,
    };
    match file {
        Some(file) => file.finish(&made.bytes)?,
        None => document.attached = Some(attach(bundle_id, made.bytes, to, context).await?),
    }
    context.console.result(|console| human(&document, console), &document)
}

/// Begins the file that the signature goes to, if it goes to one, before the work.
fn begin(to: &SignatureToArgs) -> Result<Option<ReportFile>> {
    let Some(path) = &to.output else { return Ok(None) };
    if path.exists() && !to.force {
        return Err(Failure::new(Exit::Conflict, format!("{} is there", path.display()))
            .with_help("choose another --output, or replace it with --force")
            .into());
    }
    ReportFile::begin(path).map(Some)
}

async fn attach(
    id: BundleId,
    bytes: Vec<u8>,
    to: &SignatureToArgs,
    context: &Context,
) -> Result<Attached> {
    let store = context.store_to_read().await?;
    let attachment = Attachment::prepare(&*store, id, bytes).await?;
    let lock = attachment.beyond_undoing();
    let by = store.locks_enforced_by();
    lock_acceptance::ask_for_change(lock, "the signature", by, to.yes_lock_until, &context.console)
        .await?;
    Ok(attachment.execute().await?)
}

fn read_predicate(path: &Path) -> Result<Map<String, Value>> {
    let named = || path.display().to_string();
    let bytes = bounded_file::read(path, "ATTESTATION_BYTES_MAX", ATTESTATION_BYTES_MAX)?;
    match canonical::parse(&bytes, JsonLimits::NATIVE) {
        Ok(Value::Object(predicate)) => Ok(predicate),
        Ok(_) => Err(Failure::usage(format!("{}: not a JSON object", named())).into()),
        Err(error) => Err(Failure::usage(format!("{}: {error}", named())).into()),
    }
}

fn human(document: &Document, console: &Console) -> String {
    let good = console.palette().good;
    let headline = format!("{} {}", styled(good, "signed"), document.bundle_id);
    let mut block = Block::new(headline)
        .row("says", &document.predicate_type)
        .row("key", document.key_id.to_string())
        .row_if_any("file", document.path.as_deref());
    if let Some(attached) = &document.attached {
        block = block
            .row("kept at", &attached.key)
            .row_if_any("version", attached.version_id.as_deref());
        block = receipt::lock(block, &attached.lock, console);
        if attached.already_stored {
            block = block.row("", "the very same signature was there already");
        }
    }
    block.render(console)
}
