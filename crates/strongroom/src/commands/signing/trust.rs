//! Whom the caller believes, and how that is told.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use strongroom_core::bundle::cavra::{CavraNames, CavraTrust};
use strongroom_core::limits::{
    ATTESTATION_BYTES_MAX, TIMESTAMP_AUTHORITIES_BYTES_MAX, TRUST_ROOTS_BYTES_MAX,
};
use strongroom_core::signing::demand::{
    Demand, SignatureReport, SignatureStatus, SourcedSignature,
};
use strongroom_core::signing::key::KeyId;
use strongroom_core::signing::policy::{
    Moment, Policy, SignatureState, TimeBasis, TimeSource, Unmet,
};
use strongroom_core::signing::statement::{EVIDENCE, SignedBundle};
use strongroom_core::signing::timestamp::Authorities;
use strongroom_core::signing::trust::TrustError;

use crate::cli::TrustArgs;
use crate::commands::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Block, Console, count, styled, time};

/// Signatures that are not valid and are shown to a reader; machine output has them all.
const OTHERS_SHOWN_MAX: u64 = 20;

/// What is asked of signatures, read from the flags.
#[derive(Debug)]
pub struct Trusting {
    demand: Demand,
    tsa_roots: Option<Vec<u8>>,
}

impl Trusting {
    /// Reads the trust roots that the flags name.
    pub fn read(args: &TrustArgs, context: &Context) -> Result<Self> {
        let mut trust: Option<CavraTrust> = None;
        for path in &args.trust_root {
            let bytes = read_file(path, TRUST_ROOTS_BYTES_MAX, "TRUST_ROOTS_BYTES_MAX")?;
            let roots = CavraTrust::read(&bytes).map_err(|error| refused(path, error))?;
            match &mut trust {
                Some(known) => known.join(roots).map_err(|error| refused(path, error))?,
                None => trust = Some(roots),
            }
        }
        let tsa_roots = read_all(&args.tsa_root)?;
        let authorities = tsa_roots.as_deref().map(Authorities::from_pem).transpose()?;
        let (trust, cavra_names) = match trust {
            Some(CavraTrust { roots, names }) => (Some(roots), names),
            None => (None, CavraNames::default()),
        };
        let now = args.at.map_or_else(|| context.clock.now(), |at| at.0);
        let demand = Demand {
            policy: Policy {
                key_ids: key_ids(&args.key_id, &cavra_names)?,
                trust,
                signatures_min: args.require_signatures,
                signers: args.require_signer.iter().cloned().collect(),
                predicate_types: args.predicate_type.iter().cloned().collect(),
            },
            moment: Moment { now, accept_claimed_time: args.accept_claimed_time },
            authorities,
            cavra_names,
        };
        Ok(Self { demand, tsa_roots })
    }

    /// The certificates of the time-stamp authorities that are believed, as PEM.
    pub fn tsa_roots(&self) -> Option<&[u8]> {
        self.tsa_roots.as_deref()
    }

    /// Whether the flags ask anything of signatures.
    pub fn asks(&self) -> bool {
        let policy = &self.demand.policy;
        policy.trust.is_some() || policy.needed() > 0 || !policy.signers.is_empty()
    }

    /// What is asked.
    pub fn demand(&self) -> &Demand {
        &self.demand
    }

    /// A signature in a file.
    pub fn check_file(&self, path: &Path, bundle: &SignedBundle) -> Result<SourcedSignature> {
        let bytes = read_file(path, ATTESTATION_BYTES_MAX, "ATTESTATION_BYTES_MAX")?;
        let checked = self.demand.check(&bytes, bundle, None);
        Ok(SourcedSignature { source: path.display().to_string(), version_id: None, checked })
    }
}

/// Several files of PEM, one after another.
fn read_all(paths: &[std::path::PathBuf]) -> Result<Option<Vec<u8>>> {
    let mut all = None;
    for path in paths {
        let bytes = read_file(
            path,
            TIMESTAMP_AUTHORITIES_BYTES_MAX as u64,
            "TIMESTAMP_AUTHORITIES_BYTES_MAX",
        )?;
        let all = all.get_or_insert_with(Vec::new);
        all.extend(bytes);
        all.push(b'\n');
    }
    Ok(all)
}

/// Keys by their ids, or by the names that CAVRA trust roots give them.
fn key_ids(texts: &[String], names: &CavraNames) -> Result<BTreeSet<KeyId>, Failure> {
    let key_id = |text: &String| {
        let id = text.parse().ok().or_else(|| names.key_named(text));
        id.ok_or_else(|| {
            Failure::usage("--key-id is no key id, and no trust root gives a key this name")
                .with_help("a key id is sha256: and 64 hexadecimal digits")
        })
    };
    texts.iter().map(key_id).collect()
}

fn read_file(path: &Path, bytes_max: u64, limit: &str) -> Result<Vec<u8>> {
    let named = || format!("{} could not be read", path.display());
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(named)?;
    file.take(bytes_max + 1).read_to_end(&mut bytes).with_context(named)?;
    if bytes.len() as u64 > bytes_max {
        let message = format!("{} is longer than the limit {limit}", path.display());
        return Err(Failure::new(Exit::Limit, message).into());
    }
    Ok(bytes)
}

fn refused(path: &Path, error: TrustError) -> anyhow::Error {
    anyhow::Error::new(error).context(path.display().to_string())
}

/// Ends the program where a file that was `named` as a signature is none, and nobody was to look further.
/// Into a store anybody who may write can put one.
pub fn refuse_no_signature(named: &[PathBuf], report: &SignatureReport) -> Result<()> {
    let is_named = |source: &str| named.iter().any(|path| path.display().to_string() == source);
    let unread = report.signatures.iter().find(|signature| {
        report.status == SignatureStatus::Unchecked
            && signature.checked.state == SignatureState::Invalid
            && is_named(&signature.source)
    });
    let Some(SourcedSignature { source, checked, .. }) = unread else { return Ok(()) };
    let reason = checked.reason.as_deref().unwrap_or("it is no signature file");
    Err(Failure::new(Exit::Integrity, format!("{source}: {reason}")).into())
}

/// Ends the program where the signatures are not enough.
pub fn refuse_unmet(report: &SignatureReport) -> Result<()> {
    if report.signatures_unmet.is_empty() {
        return Ok(());
    }
    let words: Vec<String> = report.signatures_unmet.iter().map(Unmet::to_string).collect();
    let is_unchecked = |one: &SourcedSignature| one.checked.state == SignatureState::Unchecked;
    let help = match report.signatures.as_slice() {
        [] => "there is no signature: name one with --signature, or the --store that holds it",
        all if all.iter().any(is_unchecked) => "say whom to believe with --trust-root",
        _ => "the output says of each signature what it is worth",
    };
    let message = format!("the signatures are not enough: {}", words.join("; "));
    Err(Failure::new(Exit::Trust, message).with_help(help).into())
}

/// A row for each signature.
pub fn rows(mut block: Block, report: &SignatureReport, console: &Console) -> Block {
    let palette = console.palette();
    if report.signatures.is_empty() {
        return block.row("signatures", "none were looked at");
    }
    let (shown, left_out) = worth_showing(report);
    for (at, signature) in shown.into_iter().enumerate() {
        let checked = &signature.checked;
        let style = match &checked.state {
            SignatureState::Valid { .. } => palette.good,
            SignatureState::Unchecked => palette.warning,
            _ => palette.bad,
        };
        let by = checked.owner.as_deref().or(checked.claimed_signer.as_deref());
        let by = match (by, &checked.owner) {
            (Some(owner), Some(_)) => format!(" by {owner}"),
            (Some(claimed), None) => format!(", it says by {}", claimed.escape_debug()),
            (None, _) => String::new(),
        };
        let label = if at == 0 { "signatures" } else { "" };
        block = block.row(label, format!("{}{by}", styled(style, words(&checked.state))));
        if let Some(kind) = checked.predicate_type.as_deref().filter(|kind| *kind != EVIDENCE) {
            block = block.row("", format!("an attestation: {}", kind.escape_debug()));
        }
        if let Some(reason) = &checked.reason {
            block = block.row("", reason);
        }
        if let SignatureState::Valid { time } = &checked.state {
            block = block.row("", basis(time));
        }
        for refused in &checked.timestamps_refused {
            block = block.row("", format!("a time stamp does not count: {refused}"));
        }
        block = block.row("", &signature.source);
    }
    if left_out > 0 {
        let more = count(left_out, "file", "files");
        block =
            block.row("", format!("and {more} more, none of them a valid signature that is new"));
    }
    match report.decided_as_of {
        Some(moment) => block.row("as of", time(moment)),
        None => block,
    }
}

/// Every valid one, and of the others no more than somebody reads; and how many are left out.
fn worth_showing(report: &SignatureReport) -> (Vec<&SourcedSignature>, u64) {
    let (mut others, mut left_out) = (0, report.signatures_passed_over);
    let shown = report.signatures.iter().filter(|signature| {
        if signature.checked.state.is_valid() {
            return true;
        }
        others += 1;
        left_out += u64::from(others > OTHERS_SHOWN_MAX);
        others <= OTHERS_SHOWN_MAX
    });
    (shown.collect(), left_out)
}

fn words(state: &SignatureState) -> &'static str {
    match state {
        SignatureState::Valid { .. } => "valid",
        SignatureState::Unchecked => "unchecked (no --trust-root was given)",
        SignatureState::Untrusted => "untrusted (by a key that is none of the trust roots')",
        SignatureState::Invalid => "invalid",
        SignatureState::OtherSubject => "about another bundle",
        SignatureState::OutOfWindow => "out of window (made when its key was not good)",
        SignatureState::NoTrustedTime => {
            "no trusted time (its key is good no more, and only its own word says that it is older)"
        }
        SignatureState::Revoked => "revoked (nothing trusted says that it is older than that)",
    }
}

fn basis(basis: &TimeBasis) -> String {
    match basis {
        TimeBasis::Trusted(trusted) => {
            let by = match &trusted.by {
                TimeSource::TimestampAuthority { authority } => {
                    authority.escape_debug().to_string()
                }
                TimeSource::ComplianceLock { store } => format!("a COMPLIANCE lock in {store}"),
            };
            format!("was there by {}, says {by}", time(trusted.time))
        }
        TimeBasis::Now => "its key is good now".to_owned(),
        TimeBasis::Claimed { time: claimed } => {
            format!("made at {}, by its own word, which was accepted", time(*claimed))
        }
    }
}
