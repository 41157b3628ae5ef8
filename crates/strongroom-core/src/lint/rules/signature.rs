//! `signature.…`: what the signatures that were shown come to.

use crate::lint::finding::Findings;
use crate::lint::place::Place;
use crate::lint::rule::Rule;
use crate::lint::severity::Severity;
use crate::signing::demand::{SignatureReport, SignatureStatus};
use crate::signing::policy::SignatureState;

const NONE_SHOWN: &str = "signature.none-shown";
const UNCHECKED: &str = "signature.unchecked";
const NOT_VALID: &str = "signature.not-valid";
const NOT_ENOUGH: &str = "signature.not-enough";

/// The rules of this family.
pub(in crate::lint) const RULES: &[Rule] = &[
    Rule::new(
        NONE_SHOWN,
        Severity::Warning,
        "No signature was shown",
        "Nothing says who stands for this evidence, and whoever can replace a bundle can replace it with another one that \
         verifies. Only what `--signature` names was looked at, and what a CAVRA manifest carries: signatures in a store are not \
         seen here. Sign it with `strongroom evidence sign`.",
    ),
    Rule::new(
        UNCHECKED,
        Severity::Warning,
        "A signature was shown, and nobody said whom to believe",
        "Anybody can make a key and sign with it, so that a signature is worth nothing until its key is one that you \
         believe. Name the keys with `--trust-root`.",
    ),
    Rule::new(
        NOT_VALID,
        Severity::Error,
        "A signature that was shown is not valid",
        "It is about another bundle, by a key that is not believed, of a revoked key, or no signature at all; `strongroom \
         evidence verify` with the same flags says which. Sign the bundle anew, or name the trust roots of its signer.",
    ),
    Rule::new(
        NOT_ENOUGH,
        Severity::Error,
        "The signatures are not those that were asked for",
        "`--require-signatures` or `--require-signer` asks for more than the valid signatures that were shown; `strongroom \
         evidence verify` with the same flags says what is missing.",
    ),
];

/// Looks at what the signatures come to.
pub(in crate::lint) fn check(report: &SignatureReport, findings: &mut Findings) {
    let mut add = |id, message: String| findings.add(id, Place::Bundle, None, message);
    if report.signatures.is_empty() {
        add(NONE_SHOWN, "no signature was shown, so none was looked at".to_owned());
    }
    for (at, signature) in report.signatures.iter().enumerate() {
        let number = at + 1;
        match &signature.checked.state {
            SignatureState::Valid { .. } => {}
            SignatureState::Unchecked => {
                add(UNCHECKED, format!("signature {number} is unchecked: no trust root was given"));
            }
            state => add(NOT_VALID, format!("signature {number} is not valid: {}", state.name())),
        }
    }
    if report.status == SignatureStatus::Unmet {
        add(NOT_ENOUGH, "the signatures are not enough".to_owned());
    }
}
