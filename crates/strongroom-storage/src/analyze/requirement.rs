//! What a store must be seen to do for a purpose. Written out for people in `docs/STORAGE.md`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::report::CheckReport;
use super::verdict::Verdict;

/// A purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Requirement {
    /// A version under a COMPLIANCE lock cannot be deleted, lost by an overwrite, shortened or
    /// downgraded by these credentials.
    Worm,
    /// A version under a GOVERNANCE lock cannot be deleted, lost or shortened without the bypass.
    Governance,
    /// A second write under the same key is refused, whatever kind of write, also in a race.
    CreateOnly,
    /// What is stored and read is what was sent, whole.
    Integrity,
}

/// Checks of which one is enough.
type AnyOf = &'static [&'static str];

impl Requirement {
    /// Every purpose.
    pub const ALL: [Self; 4] = [Self::Worm, Self::Governance, Self::CreateOnly, Self::Integrity];

    /// What is needed: of each group one check, enforced.
    pub fn needs(self) -> &'static [AnyOf] {
        match self {
            Self::Worm => &[
                &["lock.in_put", "lock.after_the_fact"],
                &["compliance.delete_version"],
                &["compliance.delete_bypass"],
                &["compliance.delete_batch"],
                &["compliance.shorten"],
                &["compliance.shorten_bypass"],
                &["compliance.downgrade"],
                &["compliance.remove"],
                &["compliance.overwrite"],
                &["compliance.delete_marker"],
            ],
            Self::Governance => &[
                &["lock.in_put", "lock.after_the_fact"],
                &["governance.delete_version"],
                &["governance.delete_batch"],
                &["governance.shorten"],
                &["governance.overwrite"],
                &["governance.delete_marker"],
            ],
            Self::CreateOnly => &[
                &["create_only.put"],
                &["create_only.completion"],
                &["create_only.put_raced"],
                &["create_only.completion_raced"],
            ],
            Self::Integrity => &[
                &["integrity.sha256", "integrity.payload_hash"],
                &["parts.wrong_sha256", "parts.payload_hash"],
                &["integrity.truncated"],
                &["parts.foreign_etag"],
                &["parts.whole"],
                &["uploads.early_read"],
                &["uploads.half_put"],
                &["uploads.abort"],
                &["reads.during_overwrite"],
                &["reads.ranges"],
            ],
        }
    }

    /// Whether a check is one of those that are needed.
    pub fn names(self, id: &str) -> bool {
        self.needs().iter().any(|group| group.contains(&id))
    }

    /// What came of it.
    pub fn judge(self, checks: &[CheckReport]) -> RequirementReport {
        let verdict_of = |id: &str| {
            let check = checks.iter().find(|check| check.id == id);
            check.map_or(Verdict::Unobserved, |check| check.verdict)
        };
        let mut verdict = Verdict::Enforced;
        let mut unmet = Vec::new();
        for group in self.needs() {
            let seen = best(group.iter().map(|id| verdict_of(id)));
            if seen != Verdict::Enforced {
                unmet.extend(group.iter().map(|id| (*id).to_owned()));
            }
            verdict = weaker(verdict, seen);
        }
        RequirementReport { requirement: self, verdict, unmet }
    }
}

/// Of checks of which one is enough.
fn best(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    verdicts.max_by_key(|verdict| strength(*verdict)).unwrap_or(Verdict::Unobserved)
}

/// Of checks that are all needed.
pub(super) fn weaker(left: Verdict, right: Verdict) -> Verdict {
    if strength(right) < strength(left) { right } else { left }
}

/// What was seen to fail is worse than what was not seen.
fn strength(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::NotEnforced => 0,
        Verdict::Unobserved => 1,
        Verdict::GovernanceOnly => 2,
        Verdict::Enforced => 3,
    }
}

/// What came of one purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequirementReport {
    /// The purpose.
    pub requirement: Requirement,
    /// Enforced only where each check that it needs is.
    pub verdict: Verdict,
    /// The checks that are needed and not enforced.
    pub unmet: Vec<String>,
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Worm => "worm",
            Self::Governance => "governance",
            Self::CreateOnly => "create-only",
            Self::Integrity => "integrity",
        })
    }
}

/// A text that names no purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a requirement is `worm`, `governance`, `create-only` or `integrity`")]
pub struct UnknownRequirement;

impl FromStr for Requirement {
    type Err = UnknownRequirement;

    fn from_str(text: &str) -> Result<Self, UnknownRequirement> {
        Self::ALL.into_iter().find(|known| known.to_string() == text).ok_or(UnknownRequirement)
    }
}
