//! A signature file held against a bundle, the trust roots and a moment.

use jiff::Timestamp;
use serde::Serialize;

use super::key::KeyId;
use super::policy::{self, Judged, Moment, Policy, SignatureState, SigningTimes, TrustedTime};
use super::statement::{EVIDENCE, EvidencePredicate, SignedBundle, Statement};
use super::trust::TrustRoot;
use super::{SignatureError, SignatureFile};

/// A signature that was looked at: what it is worth, and what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckedSignature {
    /// What it is worth.
    #[serde(flatten)]
    pub state: SignatureState,
    /// The key that it names; checked where the state says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<KeyId>,
    /// Whose key that is, by the trust roots.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What kind of statement it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predicate_type: Option<String>,
    /// Who signed, by their own word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claimed_signer: Option<String>,
    /// When, by their own word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claimed_time: Option<Timestamp>,
    /// When, by what is trusted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trusted_times: Vec<TrustedTime>,
    /// Why a time stamp in it does not count, in our words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub timestamps_refused: Vec<String>,
    /// Why it is invalid, in our words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What is known of a signature besides its file.
#[derive(Debug, Clone, Default)]
pub struct Vouched {
    /// Times that something trusted vouches for.
    pub times: Vec<TrustedTime>,
    /// Why time stamps in the file do not count, in our words.
    pub refused: Vec<String>,
}

/// Holds a signature file against a bundle.
pub fn check(
    file: &SignatureFile,
    bundle: &SignedBundle,
    vouched: Vouched,
    policy: &Policy,
    moment: Moment,
) -> CheckedSignature {
    let claimed = file.unchecked_statement();
    let mut checked = CheckedSignature::unreadable(None);
    checked.key_id = file.claimed_key();
    checked.trusted_times = vouched.times;
    checked.timestamps_refused = vouched.refused;
    checked.describe(claimed.as_ref().ok());
    let root = policy.trust.as_ref().map(|trust| checked.key_id.and_then(|id| trust.get(id)));
    (checked.state, checked.reason) = match root {
        None => (SignatureState::Unchecked, None),
        Some(None) => (SignatureState::Untrusted, None),
        Some(Some(root)) => {
            checked.owner = Some(root.owner.clone());
            of_known_key(file, root, bundle, &checked, policy, moment)
        }
    };
    checked
}

fn of_known_key(
    file: &SignatureFile,
    root: &TrustRoot,
    bundle: &SignedBundle,
    checked: &CheckedSignature,
    policy: &Policy,
    moment: Moment,
) -> (SignatureState, Option<String>) {
    let invalid = |reason: String| (SignatureState::Invalid, Some(reason));
    let statement = match file.verify(&root.public_key) {
        Err(bad) => return invalid(bad.to_string()),
        Ok(Err(error)) => return invalid(error.to_string()),
        Ok(Ok(statement)) => statement,
    };
    if statement.predicate_type == EVIDENCE && statement.evidence().is_none() {
        return invalid(
            "it does not say by whom and when, as `evidence sign` writes it".to_owned(),
        );
    }
    if !statement.covers(bundle) {
        return (SignatureState::OtherSubject, None);
    }
    if !policy.admits(root.key_id()) {
        return (SignatureState::Untrusted, None);
    }
    let times =
        SigningTimes { claimed: checked.claimed_time, trusted: checked.trusted_times.clone() };
    (policy::judge(root, &times, moment), None)
}

impl CheckedSignature {
    /// A file that is no signature file, or could not be had.
    pub fn unreadable(reason: Option<String>) -> Self {
        Self {
            state: SignatureState::Invalid,
            key_id: None,
            owner: None,
            predicate_type: None,
            claimed_signer: None,
            claimed_time: None,
            trusted_times: Vec::new(),
            timestamps_refused: Vec::new(),
            reason,
        }
    }

    /// The same of a file that was refused.
    pub fn refused(error: &SignatureError) -> Self {
        Self::unreadable(Some(error.to_string()))
    }

    /// What the policy counts.
    pub fn judged(&self) -> Judged {
        Judged { key_id: self.key_id, owner: self.owner.clone(), state: self.state.clone() }
    }

    fn describe(&mut self, statement: Option<&Statement>) {
        let Some(statement) = statement else { return };
        self.predicate_type = Some(statement.predicate_type.clone());
        if let Some(EvidencePredicate { signer, signed_at }) = statement.evidence() {
            self.claimed_signer = Some(signer);
            self.claimed_time = Some(signed_at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signing::key::{Algorithm, PrivateKey};
    use crate::signing::trust::{TrustRoots, Window};
    use crate::{BundleId, Sha256Digest};

    fn at(text: &str) -> Timestamp {
        format!("{text}T00:00:00Z").parse().unwrap()
    }

    fn bundle(seed: &[u8]) -> SignedBundle {
        let id = BundleId(Sha256Digest::of(seed));
        SignedBundle { id, archive: Some(Sha256Digest::of(b"archive")), id_covers_bytes: true }
    }

    fn sign(key: &PrivateKey) -> SignatureFile {
        let predicate = EvidencePredicate { signer: "ci".to_owned(), signed_at: at("2026-03-01") };
        let statement = Statement::of_evidence(&bundle(b"manifest"), &predicate).unwrap();
        let signature = key.sign(&SignatureFile::to_sign(&statement).unwrap());
        SignatureFile::new(&statement, key.public_key().id(), signature).unwrap()
    }

    fn trusting(key: &PrivateKey) -> Policy {
        let mut trust = TrustRoots::default();
        let public_key = key.public_key().clone();
        trust.add(TrustRoot::new(public_key, "security", Window::default()).unwrap()).unwrap();
        Policy { trust: Some(trust), ..Policy::default() }
    }

    fn state(file: &SignatureFile, bundle: &SignedBundle, policy: &Policy) -> &'static str {
        let moment = Moment { now: at("2026-11-22"), accept_claimed_time: false };
        check(file, bundle, Vouched::default(), policy, moment).state.name()
    }

    #[test]
    fn a_signature_counts_for_the_bundle_that_it_is_about_and_the_key_that_made_it() {
        for algorithm in [Algorithm::Ed25519, Algorithm::EcdsaP256] {
            let (key, other) = (
                PrivateKey::generate(algorithm).unwrap(),
                PrivateKey::generate(algorithm).unwrap(),
            );
            let (file, about) = (sign(&key), bundle(b"manifest"));
            assert_eq!(state(&file, &about, &Policy::default()), "unchecked");
            assert_eq!(state(&file, &about, &trusting(&key)), "valid");
            assert_eq!(state(&file, &about, &trusting(&other)), "untrusted");
            assert_eq!(
                state(&file, &bundle(b"x"), &trusting(&key)),
                "valid",
                "the archive is the same"
            );
            let archive = Some(Sha256Digest::of(b"another"));
            let elsewhere = SignedBundle { archive, ..bundle(b"another") };
            assert_eq!(state(&file, &elsewhere, &trusting(&key)), "other_subject");
            let only = Policy { key_ids: [other.public_key().id()].into(), ..trusting(&key) };
            assert_eq!(state(&file, &about, &only), "untrusted");

            let forged =
                SignatureFile { key_hint: key.public_key().id().to_string(), ..sign(&other) };
            assert_eq!(state(&forged, &about, &trusting(&key)), "invalid");
            let mut flipped = file.clone();
            flipped.payload[10] ^= 1;
            assert_eq!(state(&flipped, &about, &trusting(&key)), "invalid");
        }
    }

    /// Whoever attests something else under the type of a signature stands for nothing.
    #[test]
    fn a_statement_that_only_claims_to_be_a_signature_is_invalid() {
        let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
        let about = bundle(b"manifest");
        let predicates = [
            r#"{"verdict":"rejected"}"#,
            r#"{"signer":"ci"}"#,
            r#"{"signer":"","signed_at":"2026-03-01T00:00:00Z"}"#,
            r#"{"signer":"ci","signed_at":"2026-03-01 00:00:00Z"}"#,
            r#"{"signer":"ci","signed_at":1772323200}"#,
        ];
        for predicate in predicates {
            let statement = Statement {
                subjects: about.subjects(),
                predicate_type: EVIDENCE.to_owned(),
                predicate: serde_json::from_str(predicate).unwrap(),
            };
            let signature = key.sign(&SignatureFile::to_sign(&statement).unwrap());
            let file = SignatureFile::new(&statement, key.public_key().id(), signature).unwrap();
            assert_eq!(state(&file, &about, &trusting(&key)), "invalid", "{predicate}");
        }
    }

    #[test]
    fn who_signs_is_who_the_trust_root_says() {
        let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
        let moment = Moment { now: at("2026-11-22"), accept_claimed_time: false };
        let about = bundle(b"manifest");
        let checked = check(&sign(&key), &about, Vouched::default(), &trusting(&key), moment);
        assert_eq!(checked.owner.as_deref(), Some("security"));
        assert_eq!(checked.claimed_signer.as_deref(), Some("ci"));
        assert_eq!(checked.claimed_time, Some(at("2026-03-01")));
    }

    /// Other tools name a key by its digest in other letters.
    #[test]
    fn a_key_is_known_by_its_digest_however_it_is_written() {
        let key = PrivateKey::generate(Algorithm::EcdsaP256).unwrap();
        let digest = key.public_key().id().0;
        use base64::Engine as _;
        let in_base64 = base64::engine::general_purpose::STANDARD.encode(digest.as_bytes());
        for hint in [digest.to_string(), digest.to_hex(), in_base64] {
            let file = SignatureFile { key_hint: hint, ..sign(&key) };
            assert_eq!(state(&file, &bundle(b"manifest"), &trusting(&key)), "valid");
        }
    }
}
