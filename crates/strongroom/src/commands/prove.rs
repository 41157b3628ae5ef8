//! `strongroom evidence prove`

use anyhow::Result;
use serde::Serialize;
use strongroom_core::Sha256Digest;
use strongroom_storage::evidence::prove::{Proof, ProveRequest, prove};

use super::Context;
use super::signing::{Trusting, refuse_unmet};
use crate::cli::ProveArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Block, Console, count, size, styled, time};
use crate::progress::Bar;

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    proof: &'a Proof,
    /// The folder.
    path: String,
    /// The digest of its list of files: give it to whoever gets the folder, by another way.
    sums_sha256: Sha256Digest,
}

/// Gathers what an auditor needs.
pub async fn run(args: ProveArgs, context: &Context) -> Result<()> {
    let trusting = Trusting::read(&args.trust, context)?;
    let store = context.store_to_read().await?;
    let request = ProveRequest {
        of: args.of,
        out: args.output.clone(),
        demand: trusting.demand().clone(),
        tsa_roots: trusting.tsa_roots().map(<[u8]>::to_vec),
    };
    let bar = Bar::new(context.console.shows_progress(), "gathering", None);
    let proven = Box::pin(prove(&*store, &request, &bar.progress())).await;
    drop(bar);
    let proven = proven?;
    let document = Document {
        proof: &proven.proof,
        path: args.output.display().to_string(),
        sums_sha256: proven.sums_sha256,
    };
    let printed = context.console.result(|console| human(&document, console), &document);
    for bundle in &proven.proof.bundles {
        refuse_unmet(&bundle.checked)?;
    }
    if !proven.proof.is_whole {
        let missing = count(proven.proof.missing.len() as u64, "thing", "things");
        return Err(Failure::new(Exit::Partial, format!("{missing} could not be had"))
            .with_help("the folder says which, and why; the rest of it is complete")
            .into());
    }
    printed
}

fn human(document: &Document<'_>, console: &Console) -> String {
    let palette = console.palette();
    let proof = document.proof;
    let bundles = count(proof.bundles.len() as u64, "bundle", "bundles");
    let bytes = proof.bundles.iter().map(|bundle| bundle.size_bytes).sum();
    let signatures: Vec<_> =
        proof.bundles.iter().flat_map(|bundle| &bundle.checked.signatures).collect();
    let valid = signatures.iter().filter(|one| one.checked.state.is_valid()).count();
    let number = count(signatures.len() as u64, "signature", "signatures");
    let signed = match &proof.trust_roots {
        _ if signatures.is_empty() => "no signatures".to_owned(),
        Some(_) => format!("{number}, {valid} of them valid"),
        None => format!("{number}, unchecked: no --trust-root was given"),
    };
    let headline = styled(if proof.is_whole { palette.good } else { palette.warning }, "gathered");
    let mut block = Block::new(format!("{headline} {}", document.path))
        .row("holds", format!("{bundles}, {}", size(bytes)))
        .row("", signed)
        .row("", format!("locks as read back at {}", time(proof.gathered_at)));
    for missing in &proof.missing {
        block = block.row("missing", format!("{} of {}", missing.what, missing.bundle_id));
        block = block.row("", &missing.reason);
    }
    block
        .row("digest", document.sums_sha256.to_string())
        .row("", "of its SHA256SUMS: give it to whoever gets the folder, by another way")
        .row("to check", format!("{}/check", document.path.trim_end_matches('/')))
        .render(console)
}
