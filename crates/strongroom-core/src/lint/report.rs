//! What came of it.

use super::content::LookedAt;
use super::finding::{Finding, Suppressed};
use super::severity::{Counts, Severity};

/// What was found in a bundle that verifies, the heaviest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// At most [`LINT_FINDINGS_MAX`](crate::limits::LINT_FINDINGS_MAX).
    pub findings: Vec<Finding>,
    /// How many there are, those that are not listed too.
    pub counts: Counts,
    /// How many are not listed, being over a limit.
    pub unlisted: Counts,
    /// How many are not told of, being known or allowed.
    pub suppressed: Suppressed,
    /// What was looked at.
    pub looked_at: LookedAt,
}

impl Report {
    /// Whether anything is found of this severity or above.
    pub fn reaches(&self, severity: Severity) -> bool {
        self.counts.at_least(severity) > 0
    }
}
