//! The report as a document.

use serde::Serialize;
use strongroom_core::BundleId;
use strongroom_core::lint::{
    Counts, Finding, Fingerprint, LookedAt, Place, Regime, Report, Severity, Suppressed,
};

use crate::cli::FailOn;

/// The schema that a report is printed under.
const SCHEMA: &str = "strongroom.lint/v1";

/// The bundle that was looked at.
pub struct Linted {
    pub bundle_id: BundleId,
    pub format: &'static str,
}

/// What is printed.
#[derive(Serialize)]
pub struct Document<'a> {
    schema: &'static str,
    /// Always `verified`: of anything else nothing is told.
    result: &'static str,
    pub format: &'static str,
    pub bundle_id: BundleId,
    looked_at: LookedAt,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regime: Option<RegimeShown>,
    fail_on: &'static str,
    counts: Counts,
    /// Those of `counts` that are not in `findings`, being over a limit.
    unlisted: Counts,
    suppressed: Suppressed,
    findings: Vec<FindingShown<'a>>,
}

#[derive(Serialize)]
pub struct RegimeShown {
    pub name: &'static str,
    days: u32,
    clause: &'static str,
    period: &'static str,
}

/// One finding.
#[derive(Serialize)]
pub struct FindingShown<'a> {
    rule: &'a str,
    severity: Severity,
    message: &'a str,
    place: &'a Place,
    fingerprint: Fingerprint,
}

impl<'a> Document<'a> {
    /// The document of a report.
    pub fn new(
        linted: &Linted,
        report: &'a Report,
        regime: Option<&'static Regime>,
        fail_on: FailOn,
    ) -> Self {
        Self {
            schema: SCHEMA,
            result: "verified",
            format: linted.format,
            bundle_id: linted.bundle_id,
            looked_at: report.looked_at,
            regime: regime.map(|regime| RegimeShown {
                name: regime.name,
                days: regime.days,
                clause: regime.clause,
                period: regime.period,
            }),
            fail_on: fail_on.name(),
            counts: report.counts,
            unlisted: report.unlisted,
            suppressed: report.suppressed,
            findings: report.findings.iter().map(FindingShown::new).collect(),
        }
    }
}

impl<'a> FindingShown<'a> {
    /// One finding as a program reads it.
    pub fn new(finding: &'a Finding) -> Self {
        Self {
            rule: &finding.rule.id,
            severity: finding.severity,
            message: &finding.message,
            place: &finding.place,
            fingerprint: finding.fingerprint,
        }
    }
}
