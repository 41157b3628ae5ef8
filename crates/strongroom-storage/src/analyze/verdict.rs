//! What a check comes to.

use std::fmt;

use serde::{Deserialize, Serialize};
use strongroom_core::observed::Unobserved;

use crate::{StorageError, StorageErrorKind};

/// What the store does about an attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The attack was refused, or changed nothing: seen.
    Enforced,
    /// Refused, unless one uses a right that these credentials hold.
    GovernanceOnly,
    /// The attack succeeded: seen.
    NotEnforced,
    /// Not seen either way.
    Unobserved,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Enforced => "enforced",
            Self::GovernanceOnly => "governance only",
            Self::NotEnforced => "not enforced",
            Self::Unobserved => "unobserved",
        })
    }
}

/// How bad it is where a check fails. The order is of weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// A weakness that something else makes up for.
    Low,
    /// A weakness that takes a mistake, or a right that should not be there, to do harm.
    Medium,
    /// Evidence can be changed or lost by whoever may write.
    High,
    /// What is locked is not safe.
    Critical,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        })
    }
}

/// How much of the analysis is run. Each depth holds the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Depth {
    /// What takes a few requests.
    Quick,
    /// Races too.
    Standard,
    /// Also what takes time: waiting until a lock runs out.
    Full,
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) verdict: Verdict,
    /// In words that are the same in each run that sees the same.
    pub(super) observed: String,
}

/// Why nothing was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stop {
    pub(super) reason: Unobserved,
    pub(super) observed: String,
}

/// What came of a check.
pub(super) type Outcome = Result<Seen, Stop>;

/// The store holds.
pub(super) fn enforced(observed: impl Into<String>) -> Outcome {
    Ok(Seen { verdict: Verdict::Enforced, observed: observed.into() })
}

/// It does not.
pub(super) fn not_enforced(observed: impl Into<String>) -> Outcome {
    Ok(Seen { verdict: Verdict::NotEnforced, observed: observed.into() })
}

/// It does, as long as nobody uses a right that these credentials hold.
pub(super) fn governance_only(observed: impl Into<String>) -> Outcome {
    Ok(Seen { verdict: Verdict::GovernanceOnly, observed: observed.into() })
}

/// `held` decides.
pub(super) fn judge(held: bool, observed: impl Into<String>) -> Outcome {
    if held { enforced(observed) } else { not_enforced(observed) }
}

/// Nothing was seen.
pub(super) fn stop<T>(reason: Unobserved, observed: impl Into<String>) -> Result<T, Stop> {
    Err(Stop { reason, observed: observed.into() })
}

impl From<StorageError> for Stop {
    fn from(error: StorageError) -> Self {
        let reason = match error.kind() {
            StorageErrorKind::PermissionDenied => Unobserved::PermissionDenied,
            StorageErrorKind::Unsupported => Unobserved::UnsupportedBackend,
            _ => Unobserved::Error,
        };
        Self { reason, observed: error.to_string() }
    }
}
