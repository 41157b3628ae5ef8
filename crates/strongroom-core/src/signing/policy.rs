//! Whether signatures are enough: pure decisions over what was checked.
//!
//! A signing time is a claim unless something trusted says it. A trusted time says that the signature was
//! there *by* then; the earliest one counts. What a key's state makes of that:
//!
//! | key | trusted time | no trusted time |
//! |---|---|---|
//! | active, in its window now | valid if it lies in the window | valid, unless the claimed time lies outside |
//! | active, after its window, or retired | valid if it lies in the window | no trusted time; valid with the claimed time where that is accepted |
//! | active, before its window | valid if it lies in the window | out of window |
//! | revoked at a time | valid if it lies before that time and in the window | revoked |
//! | revoked without a time | revoked | revoked |
//!
//! A revocation counts whatever moment a decision is asked for.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use super::key::KeyId;
use super::statement::EVIDENCE;
use super::trust::{KeyStatus, TrustRoot, TrustRoots};

/// A moment by which something trusted saw the signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrustedTime {
    /// The moment.
    pub time: Timestamp,
    /// Who says so.
    pub by: TimeSource,
}

/// What vouches for a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "source", rename_all = "snake_case")]
pub enum TimeSource {
    /// A time-stamp authority (RFC 3161).
    TimestampAuthority {
        /// The subject of its certificate.
        authority: String,
    },
    /// The store keeps the signature under a COMPLIANCE lock, as read back, since this time.
    ComplianceLock {
        /// The store's URL.
        store: String,
    },
}

/// Which time a valid signature is valid by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "basis", rename_all = "snake_case")]
pub enum TimeBasis {
    /// A trusted one.
    Trusted(TrustedTime),
    /// The key is good at the moment of the decision.
    Now,
    /// The signer's own word, which the caller accepts.
    Claimed {
        /// The time.
        time: Timestamp,
    },
}

/// What a signature is worth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SignatureState {
    /// A key that is believed made it, at a time for which it is.
    Valid {
        /// By which time.
        time: TimeBasis,
    },
    /// No trust root was given, so nobody looked.
    Unchecked,
    /// By a key that is none of the trust roots', or none of those that were asked for.
    Untrusted,
    /// The key that it names did not make it of these bytes, or it is no signature file.
    Invalid,
    /// It is about another bundle.
    OtherSubject,
    /// Made outside the time for which its key is good.
    OutOfWindow,
    /// Its key is good no more, and only its own word says that it is older.
    NoTrustedTime,
    /// Its key is revoked, and nothing trusted says that it is older.
    Revoked,
}

impl SignatureState {
    /// The stable name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Valid { .. } => "valid",
            Self::Unchecked => "unchecked",
            Self::Untrusted => "untrusted",
            Self::Invalid => "invalid",
            Self::OtherSubject => "other_subject",
            Self::OutOfWindow => "out_of_window",
            Self::NoTrustedTime => "no_trusted_time",
            Self::Revoked => "revoked",
        }
    }

    /// Whether it counts.
    pub fn is_valid(&self) -> bool {
        matches!(self, Self::Valid { .. })
    }
}

/// When a signature was made, as far as anybody says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SigningTimes {
    /// By the signer's own word.
    pub claimed: Option<Timestamp>,
    /// By what is trusted.
    pub trusted: Vec<TrustedTime>,
}

/// How times are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The moment of the decision.
    pub now: Timestamp,
    /// Whether a signer's own word will do for a key that is good no more. Never for a revoked one.
    pub accept_claimed_time: bool,
}

/// What a signature that `root`'s key really made is worth.
pub fn judge(root: &TrustRoot, times: &SigningTimes, moment: Moment) -> SignatureState {
    let earliest = times.trusted.iter().min_by_key(|trusted| trusted.time);
    let by_trusted = |trusted: &TrustedTime| match root.window.contains(trusted.time) {
        true => SignatureState::Valid { time: TimeBasis::Trusted(trusted.clone()) },
        false => SignatureState::OutOfWindow,
    };
    match (root.status, earliest) {
        (KeyStatus::Revoked, Some(trusted))
            if root.revoked_at.is_some_and(|at| trusted.time < at) =>
        {
            by_trusted(trusted)
        }
        (KeyStatus::Revoked, _) => SignatureState::Revoked,
        (_, Some(trusted)) => by_trusted(trusted),
        (status, None) => by_claim(root, status, times.claimed, moment),
    }
}

fn by_claim(
    root: &TrustRoot,
    status: KeyStatus,
    claimed: Option<Timestamp>,
    moment: Moment,
) -> SignatureState {
    let claims_another_time =
        claimed.is_some_and(|at| !root.window.contains(at) || at > moment.now);
    if root.window.is_after(moment.now) || claims_another_time {
        return SignatureState::OutOfWindow;
    }
    if status == KeyStatus::Active && root.window.contains(moment.now) {
        return SignatureState::Valid { time: TimeBasis::Now };
    }
    match claimed {
        Some(time) if moment.accept_claimed_time => {
            SignatureState::Valid { time: TimeBasis::Claimed { time } }
        }
        _ => SignatureState::NoTrustedTime,
    }
}

/// What is asked of the signatures under a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    /// The keys that are believed; `None` where nobody said.
    pub trust: Option<TrustRoots>,
    /// Of these, the only ones that count; all of them where none is named.
    pub key_ids: BTreeSet<KeyId>,
    /// Valid signatures, by as many keys; one where trust roots are given and nothing is said.
    pub signatures_min: Option<usize>,
    /// Owners of trust roots, each of whom must have signed.
    pub signers: BTreeSet<String>,
    /// Statements that count besides [`EVIDENCE`]: whoever attests that they
    /// reject a bundle does not stand for it.
    pub predicate_types: BTreeSet<String>,
}

/// One signature that was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The key that made it, where that was checked.
    pub key_id: Option<KeyId>,
    /// Whose key that is.
    pub owner: Option<String>,
    /// What it is worth.
    pub state: SignatureState,
}

/// What is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "unmet", rename_all = "snake_case")]
pub enum Unmet {
    /// Too few keys made valid signatures.
    Signatures {
        /// How many are needed.
        needed: usize,
        /// How many did.
        valid: usize,
    },
    /// Somebody who had to sign did not.
    Signer {
        /// Who.
        owner: String,
    },
}

/// The words that a person reads.
impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signatures { needed, valid } => write!(f, "{needed} valid needed, {valid} there"),
            Self::Signer { owner } => write!(f, "{owner} did not sign"),
        }
    }
}

impl Policy {
    /// Whether a trust root's key counts.
    pub fn admits(&self, key: KeyId) -> bool {
        self.key_ids.is_empty() || self.key_ids.contains(&key)
    }

    /// Whether a statement of this kind counts.
    pub fn counts(&self, predicate_type: &str) -> bool {
        predicate_type == EVIDENCE || self.predicate_types.contains(predicate_type)
    }

    /// Valid signatures, by as many keys, that are needed.
    pub fn needed(&self) -> usize {
        let unless_said = usize::from(self.trust.is_some() || !self.key_ids.is_empty());
        self.signatures_min.unwrap_or(unless_said)
    }

    /// What is missing; nothing where the signatures are enough.
    pub fn unmet(&self, signatures: &[Judged]) -> Vec<Unmet> {
        let valid = || signatures.iter().filter(|judged| judged.state.is_valid());
        // A key that signs twice is one signer.
        let keys: BTreeSet<KeyId> = valid().filter_map(|judged| judged.key_id).collect();
        let needed = self.needed();
        let too_few =
            (keys.len() < needed).then_some(Unmet::Signatures { needed, valid: keys.len() });
        let owners: BTreeSet<&str> = valid().filter_map(|judged| judged.owner.as_deref()).collect();
        let absent = self.signers.iter().filter(|owner| !owners.contains(owner.as_str()));
        too_few
            .into_iter()
            .chain(absent.map(|owner| Unmet::Signer { owner: owner.clone() }))
            .collect()
    }
}

#[cfg(test)]
mod tests;
