//! What an audit came to.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use strongroom_core::observed::Observed;

use super::cost::Cost;
use super::cursor::Cursor;
use super::finding::{Class, Finding, Problem};

/// The schema that [`AuditReport`] is printed under.
pub const AUDIT_SCHEMA: &str = "strongroom.audit/v1";

/// Findings that a report names; more are only counted.
pub const FINDINGS_NAMED_MAX: usize = 10_000;

/// What an audit came to. It says what was looked at, and what was not.
#[derive(Debug, Clone, Serialize)]
pub struct AuditReport {
    /// Always [`AUDIT_SCHEMA`].
    pub schema: &'static str,
    /// The store's URL, without credentials.
    pub store: String,
    /// Where the store answered. Absent where there is no server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The run whose bundles were looked at; absent of a whole store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// Which part of the bundles was looked at, as `n/m`; absent of all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<String>,
    /// Whether every byte was read.
    pub read_data: bool,
    /// Whether signatures were verified.
    pub signatures_verified: bool,
    /// The store's clock at the beginning: what locks were held against.
    pub started_at: Timestamp,
    /// Locks that end before this were told; absent where nobody asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiring_before: Option<Timestamp>,
    /// Where an earlier audit had come to, which this one went on from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resumed_after: Option<Cursor>,
    /// Whether keys under a delete marker were listed too: otherwise what is deleted altogether,
    /// with its records and references, is not seen.
    pub deleted_listed: Observed<bool>,
    /// Whether it came to its end.
    pub complete: bool,
    /// How far it came, where it did not come to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume_after: Option<Cursor>,
    /// What was looked at.
    pub looked_at: LookedAt,
    /// What was asked of the store.
    pub cost: Cost,
    /// How many findings there are of each kind.
    pub counts: BTreeMap<&'static str, u64>,
    /// Findings beyond [`FINDINGS_NAMED_MAX`], which are counted and not named.
    pub findings_unnamed: u64,
    /// What was found, in the order in which it was.
    pub findings: Vec<Finding>,
    #[serde(skip)]
    worst: Option<Class>,
}

/// What an audit looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct LookedAt {
    /// Bundle ids of which something is there.
    pub bundles: u64,
    /// Records that were read.
    pub records: u64,
    /// Locks that were held against a promise.
    pub locks: u64,
    /// Of these, locks that (in part) could not be seen.
    pub locks_unobserved: u64,
    /// Bundles of which every byte was read.
    pub bundles_read: u64,
    /// Signatures that were verified.
    pub signatures: u64,
    /// References that were looked at.
    pub references: u64,
}

impl AuditReport {
    pub(super) fn new(store: String, endpoint: Option<String>, started_at: Timestamp) -> Self {
        Self {
            schema: AUDIT_SCHEMA,
            store,
            endpoint,
            run_id: None,
            sample: None,
            read_data: false,
            signatures_verified: false,
            started_at,
            expiring_before: None,
            resumed_after: None,
            deleted_listed: Observed::Observed(true),
            complete: false,
            resume_after: None,
            looked_at: LookedAt::default(),
            cost: Cost::default(),
            counts: BTreeMap::new(),
            findings_unnamed: 0,
            findings: Vec::new(),
            worst: None,
        }
    }

    /// The same report, of an audit that goes on where an earlier one had come to.
    pub(super) fn going_on(mut self, after: Option<Cursor>) -> Self {
        self.resumed_after = after;
        self.worst = after.and_then(|cursor| cursor.worst());
        self
    }

    /// The weight of the worst finding, also of the audit that this one went on from; `None` where there
    /// is none.
    pub fn worst(&self) -> Option<Class> {
        self.worst
    }

    /// The same report, whose findings were told elsewhere.
    pub fn without_findings(&self) -> Self {
        let mut report = self.clone();
        report.findings.clear();
        report
    }

    /// How many findings there are.
    pub fn findings_total(&self) -> u64 {
        self.findings.len() as u64 + self.findings_unnamed
    }

    pub(super) fn add(&mut self, finding: Finding) {
        *self.counts.entry(finding.problem.kind()).or_default() += 1;
        self.worst = self.worst.max(Some(finding.class));
        if self.findings.len() < FINDINGS_NAMED_MAX {
            self.findings.push(finding);
        } else {
            self.findings_unnamed += 1;
        }
    }
}

impl AuditReport {
    /// Counts findings that there is no room to name.
    pub(super) fn add_unnamed(&mut self, problem: &Problem, number: u64) {
        if number > 0 {
            *self.counts.entry(problem.kind()).or_default() += number;
            self.worst = self.worst.max(Some(problem.class()));
            self.findings_unnamed += number;
        }
    }
}

impl LookedAt {
    /// Adds what one more bundle came to.
    pub(super) fn add(&mut self, other: Self) {
        self.bundles += other.bundles;
        self.records += other.records;
        self.locks += other.locks;
        self.locks_unobserved += other.locks_unobserved;
        self.bundles_read += other.bundles_read;
        self.signatures += other.signatures;
        self.references += other.references;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_decides_and_what_is_too_many_to_name_is_counted() {
        let now = "2026-11-21T12:00:00Z".parse().unwrap();
        let mut report = AuditReport::new("memory://".to_owned(), None, now);
        assert_eq!(report.worst(), None);
        for _ in 0..=FINDINGS_NAMED_MAX {
            report.add(Problem::ForeignObject.at(None, Vec::new()));
        }
        assert_eq!(report.worst(), Some(Class::Other));
        let reason = "a digest does not match".to_owned();
        report.add(Problem::BytesWrong { reason, intact_version: None }.at(None, Vec::new()));
        report.add(Problem::LockLapsed { retain_until: now }.at(None, Vec::new()));
        assert_eq!(report.worst(), Some(Class::Bytes));
        assert_eq!((report.findings.len(), report.findings_unnamed), (FINDINGS_NAMED_MAX, 3));
        assert_eq!((report.counts["foreign_object"], report.counts["bytes_wrong"]), (10_001, 1));
    }
}
