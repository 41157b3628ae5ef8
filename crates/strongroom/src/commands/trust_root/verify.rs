//! `strongroom trust-root verify`

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde::Serialize;
use strongroom_core::Sha256Digest;
use strongroom_core::limits::ATTESTATION_BYTES_MAX;
use strongroom_core::signing::SignatureFile;
use strongroom_core::signing::key::KeyId;
use strongroom_core::signing::trust::distribution;

use super::document::{Listed, form, table};
use super::file::{self, ReadFile};
use crate::cli::TrustRootVerifyArgs;
use crate::commands::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Block, Console, count, styled, time};

/// The schema that a checked file is printed under.
const SCHEMA: &str = "strongroom.trust-root-verification/v1";

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    path: String,
    sha256: Sha256Digest,
    form: &'static str,
    /// Whether the digest was compared with what the caller knows.
    digest_compared: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<Vouched>,
    trust_roots: Vec<Listed>,
}

/// A signature that hands the file out.
#[derive(Serialize)]
struct Vouched {
    key_id: KeyId,
    signer: String,
    signed_at: Timestamp,
}

/// Checks a file of trust roots.
pub async fn run(args: TrustRootVerifyArgs, context: &Context) -> Result<()> {
    let read = ReadFile::read(&args.file).await?;
    let sha256 = read.sha256();
    if args.sha256.is_some_and(|expected| expected != sha256) {
        let message = format!("{} is another file: its digest is {sha256}", args.file.display());
        return Err(Failure::new(Exit::Integrity, message).into());
    }
    let document = Document {
        schema: SCHEMA,
        path: args.file.display().to_string(),
        sha256,
        form: form(&read),
        digest_compared: args.sha256.is_some(),
        signature: signature(&args, sha256).await?,
        trust_roots: Listed::all(&read, context.now_to_the_second()),
    };
    context.console.result(|console| human(&document, console), &document)
}

async fn signature(args: &TrustRootVerifyArgs, file: Sha256Digest) -> Result<Option<Vouched>> {
    let (Some(path), Some(key)) = (&args.signature, &args.public_key) else { return Ok(None) };
    let key = file::public_key(key).await?;
    let bytes = file::read_bounded(path, "ATTESTATION_BYTES_MAX", ATTESTATION_BYTES_MAX).await?;
    let signed = SignatureFile::read(&bytes).with_context(|| path.display().to_string())?;
    let named = path.display();
    let refused = |why: &str| Failure::new(Exit::Trust, format!("{named}: {why}"));
    let said =
        signed.verify(&key).map_err(|_| refused("another key made it, or of other bytes"))?;
    let said = said.with_context(|| path.display().to_string())?;
    let said = distribution::said_of(&said, file)
        .ok_or_else(|| refused("a good signature, but not under this file of trust roots"))?;
    Ok(Some(Vouched { key_id: key.id(), signer: said.signer, signed_at: said.signed_at }))
}

fn human(document: &Document, console: &Console) -> String {
    let palette = console.palette();
    let roots = count(document.trust_roots.len() as u64, "key", "keys");
    let block = Block::new(format!("{} {}", styled(palette.good, "well formed"), document.sha256))
        .row("holds", format!("{roots} ({})", document.form))
        .row("checked", "each key id and algorithm against its key, each window");
    let block = match document.digest_compared {
        true => block.styled_row(palette.good, "digest", "the one that was given"),
        false => block,
    };
    let block = match &document.signature {
        Some(vouched) => block
            .styled_row(palette.good, "signature", format!("valid, by {}", vouched.key_id))
            .row(
                "",
                format!("{} at {}, by their own word", vouched.signer, time(vouched.signed_at)),
            ),
        None if document.digest_compared => block,
        None => block.styled_row(
            palette.warning,
            "vouched for",
            "by nobody: compare its digest with what its owner tells you (--sha256), or check a \
             signature",
        ),
    };
    format!("{}\n{}", block.render(console), table(&document.trust_roots, console))
}
