//! `retention.…`: for how long a bundle asks to be kept.

use crate::bundle::RetentionRequest;
use crate::bundle::cavra::CavraRetention;
use crate::lint::finding::Findings;
use crate::lint::place::Place;
use crate::lint::regime::Regime;
use crate::lint::rule::Rule;
use crate::lint::severity::Severity;

const NONE: &str = "retention.none";
const NO_DAYS: &str = "retention.no-days";
const BELOW_REGIME: &str = "retention.below-regime";
const DAYS_DISAGREE: &str = "retention.days-disagree";

/// The rules of this family.
pub(in crate::lint) const RULES: &[Rule] = &[
    Rule::new(
        NONE,
        Severity::Note,
        "The bundle does not say for how long it is to be kept",
        "Whoever stores it has to know by other means, and a push asks for no lock by itself. Bundle again with \
         `--retention-days`, or lock it when it is pushed with `--retain-until`.",
    ),
    Rule::new(
        NO_DAYS,
        Severity::Note,
        "The bundle names a class of retention and no days",
        "What a class comes to in days is for each registry to say, and a push without a registry asks for no lock. Bundle \
         again with `--retention-days`, or lock it when it is pushed with `--retain-until`.",
    ),
    Rule::new(
        BELOW_REGIME,
        Severity::Error,
        "The bundle asks to be kept for less than a named regime does",
        "The period that `--regime` names is longer than what the manifest declares, or nothing is declared. Bundle again \
         with `--retention-days`. What is declared is held against the number of days in the clause, and nothing else of the \
         regime; years and months are taken at their longest. Whether the regime applies, and what a store enforces, is \
         not looked at here.",
    ),
    Rule::new(
        DAYS_DISAGREE,
        Severity::Warning,
        "The days of a retention policy are not those between its dates",
        "A CAVRA policy states both days and a date. Strongroom goes by the date; other tools go by the days, and delete \
         earlier or later. Correct the policy where it is made.",
    ),
];

/// Looks at what an archive declares.
pub(in crate::lint) fn check(
    retention: Option<&RetentionRequest>,
    regime: Option<&Regime>,
    findings: &mut Findings,
) {
    let days = retention.and_then(|retention| retention.days).map(u64::from);
    let place = || Place::pointer("/retention");
    match (retention, days, regime) {
        (_, days, Some(regime)) => below(days, regime, place(), findings),
        (None, ..) => findings.add(NONE, place(), None, "no retention is declared"),
        (Some(retention), None, _) if retention.legal_hold == Some(true) => {}
        (Some(_), None, _) => {
            findings.add(NO_DAYS, place(), None, "no days of retention are declared")
        }
        (Some(_), Some(_), None) => {}
    }
}

/// Looks at what a CAVRA policy asks for.
pub(in crate::lint) fn check_policy(
    policy: Option<&CavraRetention>,
    regime: Option<&Regime>,
    findings: &mut Findings,
) {
    let place =
        || Place::File { path: crate::bundle::cavra::RETENTION_POLICY.to_owned(), spot: None };
    let days = policy.and_then(|policy| policy.days);
    match (policy, regime) {
        (_, Some(regime)) => below(days, regime, place(), findings),
        (None, None) => findings.add(
            NONE,
            Place::Bundle,
            None,
            "no retention policy is covered by the manifest",
        ),
        (Some(_), None) if days.is_none() => {
            findings.add(NO_DAYS, place(), None, "the policy names no date");
        }
        (Some(_), None) => {}
    }
    if policy.is_some_and(|policy| policy.days_agree() == Some(false)) {
        findings.add(DAYS_DISAGREE, place(), None, "retention_days is not what the dates come to");
    }
}

fn below(days: Option<u64>, regime: &Regime, place: Place, findings: &mut Findings) {
    let needed = regime.days;
    if days.is_some_and(|days| days >= u64::from(needed)) {
        return;
    }
    let declared = match days {
        Some(days) => format!("{days} days are declared"),
        None => "no days are declared".to_owned(),
    };
    let message = format!("{declared}, and {} asks for {needed} ({})", regime.name, regime.clause);
    findings.add(BELOW_REGIME, place, None, message);
}
