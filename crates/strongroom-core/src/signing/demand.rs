//! Everything that is asked of the signatures under one bundle, and what came of it.

use jiff::Timestamp;
use serde::Serialize;

use super::SignatureFile;
use super::check::{self, CheckedSignature, Vouched};
use super::policy::{Moment, Policy, TimeSource, TrustedTime, Unmet};
use super::statement::SignedBundle;
use super::timestamp::Authorities;
use crate::bundle::cavra::CavraNames;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Demand {
    /// Whom to believe, and how many of them.
    pub policy: Policy,
    /// As of when, and by which times.
    pub moment: Moment,
    /// Who is believed to tell the time; nobody where it is absent.
    pub authorities: Option<Authorities>,
    /// What CAVRA documents among the trust roots call their keys.
    pub cavra_names: CavraNames,
}

/// One signature, and where it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourcedSignature {
    /// The file, or the whole key in a store.
    pub source: String,
    /// The version, of one in a store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// What it is worth.
    #[serde(flatten)]
    pub checked: CheckedSignature,
}

/// In a word, what the signatures come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SignatureStatus {
    /// None were given, and none are asked for.
    NotChecked,
    /// There are some, and nobody said whom to believe.
    Unchecked,
    /// They were held against trust roots, and nothing is asked of them.
    NotAsked,
    /// They are enough.
    Met,
    /// They are not.
    Unmet,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignatureReport {
    /// In a word.
    #[serde(rename = "signatures_status")]
    pub status: SignatureStatus,
    /// Every signature that was looked at, but for what was passed over.
    pub signatures: Vec<SourcedSignature>,
    /// Files in a store that a limit left out and that would change nothing: worth nothing for the bundle, or the same
    /// once more.
    #[serde(skip_serializing_if = "is_zero")]
    pub signatures_passed_over: u64,
    /// Valid ones, by as many keys, that are needed.
    pub signatures_needed: usize,
    /// What is missing.
    pub signatures_unmet: Vec<Unmet>,
    /// The moment of the decision, where there was one.
    #[serde(rename = "signatures_decided_as_of", skip_serializing_if = "Option::is_none")]
    pub decided_as_of: Option<Timestamp>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl SignatureReport {
    /// Nothing was looked at, and nothing is asked.
    pub fn none() -> Self {
        Self {
            status: SignatureStatus::NotChecked,
            signatures: Vec::new(),
            signatures_passed_over: 0,
            signatures_needed: 0,
            signatures_unmet: Vec::new(),
            decided_as_of: None,
        }
    }
}

impl Demand {
    /// Looks at the bytes of one signature file. `stored` is the time that a store's lock vouches for.
    pub fn check(
        &self,
        bytes: &[u8],
        bundle: &SignedBundle,
        stored: Option<TrustedTime>,
    ) -> CheckedSignature {
        let file = match SignatureFile::read(bytes) {
            Ok(file) => file,
            Err(error) => return CheckedSignature::refused(&error),
        };
        let mut vouched = Vouched { times: stored.into_iter().collect(), refused: Vec::new() };
        for token in &file.timestamps {
            match self.stamped(token, &file.signature) {
                Ok(time) => vouched.times.push(time),
                Err(reason) => vouched.refused.push(reason),
            }
        }
        check::check(&file, bundle, vouched, &self.policy, self.moment)
    }

    /// The moment by which an authority that is believed saw the signature: the latest that it may mean.
    fn stamped(&self, token: &[u8], signature: &[u8]) -> Result<TrustedTime, String> {
        let Some(authorities) = &self.authorities else {
            return Err("no time-stamp authority is believed".to_owned());
        };
        let stamped = authorities.verify(token, signature).map_err(|error| error.to_string())?;
        let time = stamped.latest();
        Ok(TrustedTime {
            time,
            by: TimeSource::TimestampAuthority { authority: stamped.authority },
        })
    }

    /// Whether they are enough.
    pub fn conclude(&self, signatures: Vec<SourcedSignature>) -> SignatureReport {
        // A signature that is in the bundle itself, as CAVRA has it, is under no other statement.
        let counts = |sourced: &&SourcedSignature| {
            sourced.checked.predicate_type.as_deref().is_none_or(|kind| self.policy.counts(kind))
        };
        let judged: Vec<_> =
            signatures.iter().filter(counts).map(|sourced| sourced.checked.judged()).collect();
        let unmet = self.policy.unmet(&judged);
        let is_asked = self.policy.needed() > 0 || !self.policy.signers.is_empty();
        let status = match (unmet.is_empty(), is_asked, signatures.is_empty()) {
            (false, ..) => SignatureStatus::Unmet,
            (true, true, _) => SignatureStatus::Met,
            (true, false, true) => SignatureStatus::NotChecked,
            (true, false, false) if self.policy.trust.is_some() => SignatureStatus::NotAsked,
            (true, false, false) => SignatureStatus::Unchecked,
        };
        let is_decided = !signatures.is_empty() && self.policy.trust.is_some();
        SignatureReport {
            status,
            signatures,
            signatures_passed_over: 0,
            signatures_needed: self.policy.needed(),
            signatures_unmet: unmet,
            decided_as_of: is_decided.then_some(self.moment.now),
        }
    }
}
