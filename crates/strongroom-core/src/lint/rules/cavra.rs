//! `cavra.…`: weaknesses of the format.

use crate::bundle::cavra::{CavraSignature, MANIFEST, VerifiedCavra};
use crate::lint::finding::Findings;
use crate::lint::place::Place;
use crate::lint::rule::Rule;
use crate::lint::severity::Severity;

const SHARED_SECRET: &str = "cavra.shared-secret";
const DIGEST_AS_SIGNATURE: &str = "cavra.digest-as-signature";
const ABSENT_DOCUMENTS: &str = "cavra.absent-documents";
const NO_SIGNER: &str = "cavra.no-signer";

/// The rules of this family.
pub(in crate::lint) const RULES: &[Rule] = &[
    Rule::new(
        SHARED_SECRET,
        Severity::Warning,
        "The manifest is signed with a shared secret (HS256)",
        "Whoever can check such a signature can make one, so it proves to no third party who signed. Sign with Ed25519, or add a signature \
         of your own with `strongroom evidence sign`.",
    ),
    Rule::new(
        DIGEST_AS_SIGNATURE,
        Severity::Error,
        "What the manifest calls a signature is a plain SHA-256",
        "Anybody can write it, after any change. It protects from accidents and from nobody, while tools show the bundle as \
         signed. Sign with Ed25519, or add a signature of your own with `strongroom evidence sign`.",
    ),
    Rule::new(
        ABSENT_DOCUMENTS,
        Severity::Warning,
        "Documents of the format that the manifest does not list",
        "CAVRA's own tool writes six documents beside the manifest. Without them a reader misses the attestation, the mapping to controls \
         or the policy of retention. Make the bundle again with all of them, unless they were left out on purpose.",
    ),
    Rule::new(
        NO_SIGNER,
        Severity::Note,
        "The manifest names no signer",
        "The field `signer` is absent or no text, so that a person cannot tell whom to ask for the key. It would be a claim only: the \
         trust roots decide who signed. Make the bundle again with the signer named.",
    ),
];

/// Looks at what is weak in a directory that verified.
pub(in crate::lint) fn check(bundle: &VerifiedCavra, findings: &mut Findings) {
    let manifest = || Place::File { path: MANIFEST.to_owned(), spot: None };
    match bundle.signature() {
        CavraSignature::Hs256(_) => {
            findings.add(
                SHARED_SECRET,
                manifest(),
                None,
                "whoever can check the signature can make one",
            );
        }
        CavraSignature::Digest => {
            findings.add(DIGEST_AS_SIGNATURE, manifest(), None, "a SHA-256 is no signature");
        }
        CavraSignature::None | CavraSignature::Ed25519(_) => {}
    }
    let absent = bundle.absent_documents();
    if !absent.is_empty() {
        let message = format!("not listed: {}", absent.join(", "));
        findings.add(ABSENT_DOCUMENTS, manifest(), None, message);
    }
    if bundle.claimed_signer().is_none() {
        findings.add(NO_SIGNER, manifest(), None, "no signer is named");
    }
}
