//! A CAVRA directory: its bytes by its own rules, its signature by ours.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde::Serialize;
use strongroom_core::bundle::cavra::{
    self, CavraFile, CavraRetention, CavraSignature, HmacSecret, MANIFEST, SecretRefused,
    VerifiedCavra,
};
use strongroom_core::limits::CAVRA_SECRET_BYTES_MAX;
use strongroom_core::signing::demand::SignatureReport;
use strongroom_core::{BundleId, layout};
use strongroom_storage::Storage;
use strongroom_storage::evidence::retention::{Expected, locked_versions};

use super::{MinimumRetention, kept_for, refuse_short, signatures};
use crate::cli::{HmacArgs, VerifyArgs};
use crate::commands::Context;
use crate::commands::push::verified_directory;
use crate::commands::secret_input::{Place, SecretLimit};
use crate::commands::signing::{self, Trusting};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Block, Console, count, size, styled, time};

/// The schema that a verified directory is printed under.
const SCHEMA: &str = "strongroom.cavra-verification/v1";
const SECRET_LIMIT: SecretLimit =
    SecretLimit { name: "CAVRA_SECRET_BYTES_MAX", bytes_max: CAVRA_SECRET_BYTES_MAX };

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    /// Always `verified`: anything else is an error.
    result: &'static str,
    format: &'static str,
    bundle_id: BundleId,
    session_id: &'a str,
    product: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    claimed_signer: Option<&'a str>,
    claimed_created_at: Timestamp,
    content_size_bytes: u64,
    files: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    absent_documents: Vec<&'static str>,
    signature: SignatureShown<'a>,
    #[serde(flatten)]
    signatures: SignatureReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    retention: Option<RetentionShown<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum_retention: Option<MinimumRetention>,
}

/// What the manifest carries as its signature.
#[derive(Serialize)]
struct SignatureShown<'a> {
    algorithm: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    claimed_key_id: Option<&'a str>,
    /// Of HS256: whether the secret that was given made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    made_with_secret: Option<MadeWithSecret>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum MadeWithSecret {
    Yes,
    No,
    /// No secret was given.
    Unchecked,
}

#[derive(Serialize)]
struct RetentionShown<'a> {
    #[serde(flatten)]
    policy: &'a CavraRetention,
    /// Whether the days that it claims are the days between its dates.
    #[serde(skip_serializing_if = "Option::is_none")]
    days_agree: Option<bool>,
}

/// Whether the path is a directory with a manifest: then it is a CAVRA directory, or it is refused.
pub(super) async fn is_one(path: &Path) -> Result<bool> {
    let manifest = path.join(MANIFEST);
    let looking = tokio::task::spawn_blocking(move || manifest.symlink_metadata().is_ok());
    looking.await.context("the directory was not looked at")
}

/// A secret is of no use with anything else.
pub(super) fn refuse_secret(args: &HmacArgs) -> Result<(), Failure> {
    if args.hmac_key_file.is_none() && args.hmac_key_env.is_none() {
        return Ok(());
    }
    Err(Failure::usage("a shared secret was given, and this is no CAVRA directory")
        .with_help("other bundles are signed with keys: name a --trust-root"))
}

/// Checks every byte of the directory; then its signatures, and for how long it is to be kept, where that
/// is asked.
pub(super) async fn run(args: VerifyArgs, context: &Context) -> Result<()> {
    let trusting = Trusting::read(&args.trust, context)?;
    let secret = read_secret(&args.hmac, context).await?;
    let bundle = verified_directory(&args.bundle, context).await?;
    if args.bundle_id.is_some_and(|wanted| wanted != bundle.id()) {
        let message =
            format!("a valid bundle, but not the one that was asked for: it is {}", bundle.id());
        return Err(Failure::new(Exit::Integrity, message).into());
    }
    // Verifying needs no network: a store is asked only where the command itself names one.
    let store = match context.is_store_named_by_flag() {
        true => Some(context.store_to_read().await?),
        false => None,
    };
    let mut document = document(&bundle, secret.as_ref());
    let demand = trusting.demand();
    let own = cavra::judge(bundle.manifest(), demand, MANIFEST.to_owned());
    let signed = bundle.manifest().signed();
    let (beside, passed_over) =
        signatures(&args, &signed, &trusting, store.as_deref(), context).await?;
    document.signatures = demand.conclude(own.into_iter().chain(beside).collect());
    document.signatures.signatures_passed_over = passed_over;
    if let Some(days) = args.minimum_retention_days {
        document.minimum_retention = Some(minimum(days, &bundle, store.as_deref()).await?);
    }
    let printed = context.console.result(|console| human(&document, console), &document);
    refuse_other_secret(&document.signature, secret.is_some())?;
    signing::refuse_no_signature(&args.signature, &document.signatures)?;
    signing::refuse_unmet(&document.signatures)?;
    refuse_short(document.minimum_retention.as_ref())?;
    printed
}

async fn read_secret(args: &HmacArgs, context: &Context) -> Result<Option<HmacSecret>> {
    let named = [
        ("hmac_key_file", args.hmac_key_file.as_deref().map(Place::at)),
        ("hmac_key_env", args.hmac_key_env.clone().map(Place::Variable)),
    ];
    let Some(place) = Place::one_of("shared secret", named, &context.matches)? else {
        return Ok(None);
    };
    let mut secret = place.read(SECRET_LIMIT, context).await?;
    if secret.is_open_to_others {
        place.warn_of_others("a shared secret", context);
    }
    if secret.bytes.ends_with(b"\n") {
        secret.bytes.pop();
    }
    let taken = HmacSecret::new(secret.bytes).map_err(|refused| {
        let failure = Failure::new(
            if refused == SecretRefused::Limit { Exit::Limit } else { Exit::Usage },
            format!("{place}: {refused}"),
        );
        match refused {
            SecretRefused::Pem => failure.with_help("name a public key with --trust-root"),
            _ => failure,
        }
    })?;
    Ok(Some(taken))
}

fn document<'a>(bundle: &'a VerifiedCavra, secret: Option<&HmacSecret>) -> Document<'a> {
    let signature = bundle.signature();
    let made_with_secret = match (signature, secret) {
        (CavraSignature::Hs256(_), None) => Some(MadeWithSecret::Unchecked),
        (_, secret) => {
            secret.and_then(|secret| bundle.was_made_with(secret)).map(|made| match made {
                true => MadeWithSecret::Yes,
                false => MadeWithSecret::No,
            })
        }
    };
    let claimed_key_id = match signature {
        CavraSignature::Ed25519(claim) => Some(claim.key_id.as_str()),
        _ => None,
    };
    Document {
        schema: SCHEMA,
        result: "verified",
        format: cavra::FORMAT,
        bundle_id: bundle.id(),
        session_id: bundle.session_id(),
        product: bundle.product(),
        claimed_signer: bundle.claimed_signer(),
        claimed_created_at: bundle.created_at(),
        content_size_bytes: bundle.content_size_bytes(),
        // The manifest is not among them, as in other formats.
        files: bundle.files().len().saturating_sub(1) as u64,
        absent_documents: bundle.absent_documents(),
        signature: SignatureShown { algorithm: signature.name(), claimed_key_id, made_with_secret },
        signatures: SignatureReport::none(),
        retention: bundle
            .retention()
            .map(|policy| RetentionShown { policy, days_agree: policy.days_agree() }),
        minimum_retention: None,
    }
}

/// What the covered policy asks for, by its dates, must be enough; and every object's lock, where a store
/// is named.
async fn minimum(
    days: u32,
    bundle: &VerifiedCavra,
    store: Option<&dyn Storage>,
) -> Result<MinimumRetention> {
    let by_dates = bundle.retention().and_then(|policy| policy.days);
    let declared_days = by_dates.map(|days| u32::try_from(days).unwrap_or(u32::MAX));
    let digest_of = |file: &CavraFile| (layout::cavra_object(bundle.id(), &file.path), file.sha256);
    let files: BTreeMap<_, _> = bundle.files().iter().map(digest_of).collect();
    let expected = Expected::Files(bundle.id(), &files);
    let locked = match store {
        Some(store) => Some(locked_versions(store, expected).await?),
        None => None,
    };
    let is_locked = locked.as_ref().map(|locked| {
        locked.len() >= bundle.files().len() && locked.iter().all(|one| one.covers(days))
    });
    let is_met = match (declared_days, is_locked) {
        (Some(declared), is_locked) => declared >= days && is_locked.unwrap_or(true),
        (None, is_locked) => is_locked.unwrap_or(false),
    };
    Ok(MinimumRetention { days, declared_days, locked, is_met })
}

/// Who gives a secret asks for an HS256 signature that it made.
fn refuse_other_secret(signature: &SignatureShown<'_>, is_given: bool) -> Result<(), Failure> {
    let message = match signature.made_with_secret {
        _ if !is_given => return Ok(()),
        Some(MadeWithSecret::Yes) => return Ok(()),
        Some(_) => "the signature was not made with this secret",
        None => "a shared secret was given, and the manifest is not signed with HS256",
    };
    Err(Failure::new(Exit::Trust, message))
}

fn human(document: &Document<'_>, console: &Console) -> String {
    let palette = console.palette();
    let verdict = styled(palette.good, "verified");
    let files = count(document.files, "file", "files");
    let mut block = Block::new(format!("{verdict} {}", document.bundle_id))
        .row("format", document.format)
        .row("session", document.session_id)
        .row("content", format!("{files}, {}", size(document.content_size_bytes)))
        .row(
            "checked",
            "every byte against the manifest, whose SHA-256 is the id; nothing else is there",
        );
    if !document.absent_documents.is_empty() {
        let absent = document.absent_documents.join(", ");
        block = block.styled_row(palette.warning, "not listed", absent);
    }
    let signature = signature_in_words(&document.signature);
    block = match document.signature.made_with_secret {
        Some(MadeWithSecret::Yes) => block.styled_row(palette.good, "signature", signature),
        _ => block.row("signature", signature),
    };
    block = signing::rows(block, &document.signatures, console);
    if let Some(RetentionShown { policy, days_agree }) = &document.retention {
        let until = match (policy.retain_until, policy.days) {
            (Some(until), Some(days)) => {
                format!("until {}, {}", time(until), count(days, "day", "days"))
            }
            _ => "no date".to_owned(),
        };
        let hold = if policy.legal_hold { ", and a legal hold" } else { "" };
        block = block.row("retention", format!("{until}{hold}"));
        if *days_agree == Some(false) {
            let lie = "retention_days says otherwise: the date counts";
            block = block.styled_row(palette.warning, "", lie);
        }
    }
    if let Some(minimum) = &document.minimum_retention {
        block = block.row("kept for", kept_for(minimum));
    }
    block.render(console)
}

fn signature_in_words(signature: &SignatureShown<'_>) -> String {
    match (signature.algorithm, signature.made_with_secret) {
        ("none", _) => "none".to_owned(),
        ("SHA256", _) => "none: a SHA-256, which anybody can write".to_owned(),
        (name, Some(MadeWithSecret::Yes)) => format!("{name}, made with the secret that was given"),
        (name, Some(MadeWithSecret::No)) => {
            format!("{name}, not made with the secret that was given")
        }
        (name, Some(MadeWithSecret::Unchecked)) => {
            format!("{name}, unchecked: name the secret with --hmac-key-file")
        }
        (name, None) => match signature.claimed_key_id {
            Some(key) => format!("{name}, which says by key {}", key.escape_debug()),
            None => name.to_owned(),
        },
    }
}
