//! Who signed the one, and who the other.

use std::collections::BTreeSet;

use serde::Serialize;

use super::files::of_any_without_secrets;
use super::kind::Answer;
use crate::signing::demand::SourcedSignature;
use crate::signing::key::KeyId;
use crate::signing::policy::{Policy, SignatureState};

/// Somebody who signed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Signer {
    /// Whose key it is, by the trust roots.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The key that the signature names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<KeyId>,
    /// Who they say that they are.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "of_any_without_secrets")]
    pub claimed_signer: Option<String>,
    /// What the signature is worth, in a word.
    pub state: &'static str,
    /// Whether it counts: valid, or unchecked where nobody said whom to believe.
    pub counts: bool,
}

/// Who signed one bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SignersSeen {
    /// Everybody who was found.
    Observed(Vec<Signer>),
    /// Nobody looked, and why.
    Unobserved(&'static str),
}

/// In a word, how the signers of two bundles stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SignerJudgement {
    /// The same people, or nobody.
    Same,
    /// Others.
    Changed,
    /// Of one or both of them nobody looked.
    Unobserved,
}

/// How the signers changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignerChange {
    /// In a word.
    pub judgement: SignerJudgement,
    /// Who signed the base.
    pub base: SignersSeen,
    /// Who signed the candidate.
    pub candidate: SignersSeen,
}

impl SignersSeen {
    /// Everybody in these signatures, of the kinds of statement that the policy counts.
    pub fn of(signatures: &[SourcedSignature], policy: &Policy) -> Self {
        let counted = signatures.iter().map(|sourced| &sourced.checked).filter(|checked| {
            checked.predicate_type.as_deref().is_none_or(|kind| policy.counts(kind))
        });
        let signers: BTreeSet<Signer> = counted
            .map(|checked| Signer {
                owner: checked.owner.clone(),
                key_id: checked.key_id,
                claimed_signer: checked.claimed_signer.clone(),
                state: checked.state.name(),
                counts: checked.state.is_valid()
                    || (policy.trust.is_none()
                        && matches!(checked.state, SignatureState::Unchecked)),
            })
            .collect();
        Self::Observed(signers.into_iter().collect())
    }

    /// Everybody whose signature counts, each by what tells them best.
    fn who(&self) -> Option<BTreeSet<String>> {
        let Self::Observed(signers) = self else { return None };
        let counting = signers.iter().filter(|signer| signer.counts);
        Some(counting.map(Signer::who).collect())
    }
}

impl Signer {
    /// An owner may have several keys; without one it is the key that tells, and without that their word.
    fn who(&self) -> String {
        match (&self.owner, self.key_id, &self.claimed_signer) {
            (Some(owner), ..) => format!("owner {owner}"),
            (None, Some(key_id), _) => format!("key {key_id}"),
            (None, None, Some(claimed)) => format!("claim {claimed}"),
            (None, None, None) => String::new(),
        }
    }
}

impl SignerChange {
    /// Holds the signers of two bundles side by side.
    pub fn between(base: SignersSeen, candidate: SignersSeen) -> Self {
        let judgement = match (base.who(), candidate.who()) {
            (Some(left), Some(right)) if left == right => SignerJudgement::Same,
            (Some(_), Some(_)) => SignerJudgement::Changed,
            _ => SignerJudgement::Unobserved,
        };
        Self { judgement, base, candidate }
    }

    /// Whether others signed.
    pub fn answer(&self) -> Answer {
        match self.judgement {
            SignerJudgement::Same => Answer::No,
            SignerJudgement::Changed => Answer::Yes,
            SignerJudgement::Unobserved => Answer::Unobserved,
        }
    }
}
