//! What an analysis saw: the document that is printed, kept, signed and compared.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::retention::DefaultRetention;

use super::requirement::{Requirement, RequirementReport};
use super::verdict::{Depth, Severity, Verdict};
use crate::status::{StoreStatus, Versioning};

/// The schema that a [`Report`] is written under.
pub const REPORT_SCHEMA: &str = "strongroom.store-analysis/v1";

/// What no analysis of this kind can show.
pub const NOT_PROVEN: [&str; 6] = [
    "that the bytes last: durability, bit rot and loss of hardware were not looked at",
    "what somebody with access to the store's own disks, database or administration can do",
    "what other credentials can do: these were used, and no others",
    "that it stays so: an upgrade or another configuration may change it; repeat it (`strongroom store watch`)",
    "that a lock of years ends or holds as one of seconds does: only short ones were set",
    "compliance with any rule: which clause a configuration meets is for its auditor to say",
];

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Always [`REPORT_SCHEMA`].
    pub schema: String,
    /// What ran: `strongroom` and its version.
    pub tool: String,
    /// The run: a UUID v7, and the folder that it wrote into.
    pub run: String,
    /// What repeats the run.
    pub seed: u64,
    /// How much of it was run.
    pub depth: Depth,
    /// The store's URL, without credentials.
    pub store: String,
    /// Where it answers.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub endpoint: Option<String>,
    /// `s3`, `azure`, `file` or `memory`.
    pub backend: String,
    /// When the run began and ended, by this machine's clock.
    pub started_at: Timestamp,
    /// See `started_at`.
    pub finished_at: Timestamp,
    /// What the bucket said of itself at the start.
    pub bucket: Bucket,
    /// What was agreed to.
    pub consent: ConsentReport,
    /// Whether it was interrupted before its last check.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub cut_short: bool,
    /// Requests that were sent, cleaning up included.
    pub requests: u64,
    /// The weakest of what follows.
    pub verdict: Verdict,
    /// Each purpose, and what it comes to.
    pub requirements: Vec<RequirementReport>,
    /// What the caller asked for (`--require`).
    pub required: Vec<Requirement>,
    /// Every check, in the order in which they ran.
    pub checks: Vec<CheckReport>,
    /// What this run and runs before it left behind.
    pub leftovers: Vec<Leftover>,
    /// What this does not show.
    pub not_proven: Vec<String>,
}

/// What a bucket says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// Whether it keeps versions.
    pub versioning: Observed<Versioning>,
    /// Whether it takes locks.
    pub object_lock: Observed<bool>,
    /// What it locks by itself.
    pub default_retention: Observed<Option<DefaultRetention>>,
}

impl From<&StoreStatus> for Bucket {
    fn from(status: &StoreStatus) -> Self {
        Self {
            versioning: status.versioning.clone(),
            object_lock: status.object_lock.clone(),
            default_retention: status.default_retention.clone(),
        }
    }
}

/// For how long something may stay locked because of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentReport {
    /// The longest lock that a check might set.
    pub max_lock_seconds: i64,
    /// Until when COMPLIANCE locks and a default retention were accepted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub accepted_until: Option<Date>,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckReport {
    /// `family.check`.
    pub id: String,
    /// What was attacked, or asked.
    pub attack: String,
    /// Every request that was sent for it and how it was answered, equal ones together.
    pub requests: Vec<String>,
    /// What a store does that keeps evidence.
    pub expected: String,
    /// What this one was seen to do.
    pub observed: String,
    /// What that comes to.
    pub verdict: Verdict,
    /// Why it was not observed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unobserved: Option<Unobserved>,
    /// How bad it is where it fails.
    pub severity: Severity,
    /// What that means.
    pub sentence: String,
    /// What can be done about it, where it did not hold.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub remedy: Option<String>,
}

/// Something that a run wrote and that is still there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftover {
    /// The run that wrote it.
    pub run: String,
    /// The whole key.
    pub key: String,
    /// The version, where the store has versions.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version_id: Option<String>,
    /// When it may go, as the store says.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub locked_until: Option<Timestamp>,
    /// Why it stays.
    pub reason: String,
}

impl Report {
    /// What came of a purpose.
    pub fn requirement(&self, requirement: Requirement) -> Option<&RequirementReport> {
        self.requirements.iter().find(|report| report.requirement == requirement)
    }

    /// What was asked for and is not met.
    pub fn unmet(&self) -> impl Iterator<Item = &RequirementReport> {
        self.requirements
            .iter()
            .filter(|report| self.required.contains(&report.requirement))
            .filter(|report| report.verdict != Verdict::Enforced)
    }

    /// The checks that did not hold, worst first.
    pub fn weaknesses(&self) -> Vec<&CheckReport> {
        let mut weak: Vec<&CheckReport> = self
            .checks
            .iter()
            .filter(|check| matches!(check.verdict, Verdict::NotEnforced | Verdict::GovernanceOnly))
            .collect();
        weak.sort_by_key(|check| std::cmp::Reverse(check.severity));
        weak
    }
}
