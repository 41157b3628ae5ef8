//! The signatures that come with a bundle: enough of them before it appears, and kept beside it.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use strongroom_core::Sha256Digest;
use strongroom_core::signing::demand::{Demand, SignatureReport, SourcedSignature};
use strongroom_core::signing::policy::Unmet;
use strongroom_core::signing::statement::SignedBundle;

use super::failed;
use crate::Storage;
use crate::evidence::signature::{LookedAt, StoredSignatures, of_bundle};
use crate::evidence::{EvidenceError, EvidenceErrorKind};
use crate::new_file::NewFile;

/// Signatures that an error names.
const SIGNATURES_TOLD_MAX: usize = 10;

/// Signatures that were enough, and are not written yet.
pub(in crate::evidence) struct Fetched {
    pub(super) report: SignatureReport,
    files: Vec<Bytes>,
}

/// Reads the signatures of a bundle, and refuses where they are not enough.
pub(super) async fn fetch(
    store: &dyn Storage,
    bundle: &SignedBundle,
    demand: &Demand,
) -> Result<Fetched, EvidenceError> {
    fetch_beside(store, bundle, demand, None).await
}

/// The same of a bundle that carries a signature itself.
pub(in crate::evidence) async fn fetch_beside(
    store: &dyn Storage,
    bundle: &SignedBundle,
    demand: &Demand,
    its_own: Option<SourcedSignature>,
) -> Result<Fetched, EvidenceError> {
    let stored = of_bundle(store, bundle.id, demand, std::slice::from_ref(bundle)).await?;
    let detached = stored.signatures.iter().filter_map(|one| one.sourced(0));
    let checked = its_own.into_iter().chain(detached).collect();
    let mut report = demand.conclude(checked);
    report.signatures_passed_over = stored.passed_over;
    if !report.signatures_unmet.is_empty() {
        return Err(not_enough(&report, &stored));
    }
    let signatures = stored.signatures.into_iter().filter(LookedAt::is_signature);
    let files = signatures.filter_map(|one| one.stored.bytes.ok()).collect();
    Ok(Fetched { report, files })
}

fn not_enough(report: &SignatureReport, stored: &StoredSignatures) -> EvidenceError {
    let missing: Vec<String> = report.signatures_unmet.iter().map(Unmet::to_string).collect();
    let untold = report.signatures.len().saturating_sub(SIGNATURES_TOLD_MAX);
    let more = match (stored.cut_short, untold as u64 + stored.passed_over) {
        (Some(limit), _) => format!("; and more than the limit {limit} allows"),
        (None, 0) => String::new(),
        (None, more) => format!("; and {more} more"),
    };
    let states: Vec<String> = report
        .signatures
        .iter()
        .take(SIGNATURES_TOLD_MAX)
        .map(|signature| format!("{} {}", signature.checked.state.name(), signature.source))
        .collect();
    let seen = if states.is_empty() { "none".to_owned() } else { states.join(", ") };
    let message = format!(
        "the signatures in the store are not enough: {}; seen: {seen}{more}",
        missing.join("; ")
    );
    EvidenceError::new(EvidenceErrorKind::SignaturesNotMet, message).with_guidance(
        "nothing was written; pull without a trust root, and look with `evidence verify`",
    )
}

impl Fetched {
    /// Writes them beside the bundle, each under its digest. One that is there is the same.
    pub(super) fn keep_beside(&self, out: &Path) -> Result<Vec<PathBuf>, EvidenceError> {
        let mut paths = Vec::new();
        for bytes in &self.files {
            let mut name = out.file_name().unwrap_or_default().to_owned();
            name.push(format!(".{}.sigstore.json", Sha256Digest::of(bytes).to_hex()));
            let path = out.with_file_name(name);
            let write = || {
                let file = NewFile::create(&path)?;
                file.writer()?.write_all(bytes)?;
                file.place(true)
            };
            write().map_err(|error| failed(&path, "could not be written", error))?;
            paths.push(path);
        }
        Ok(paths)
    }
}
