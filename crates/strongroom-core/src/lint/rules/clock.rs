//! `clock.…`: times that cannot be right.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::assay::Events;
use crate::bundle::Manifest;
use crate::bundle::cavra::VerifiedCavra;
use crate::limits::CLOCK_SKEW_SECONDS_MAX;
use crate::lint::finding::Findings;
use crate::lint::place::Place;
use crate::lint::rule::Rule;
use crate::lint::severity::Severity;

const IN_FUTURE: &str = "clock.in-future";
const NEVER_SET: &str = "clock.never-set";
const ENDED_BEFORE_STARTED: &str = "clock.ended-before-started";
const RETAINED_UNTIL_PAST: &str = "clock.retained-until-past";
const OUT_OF_ORDER: &str = "clock.events-out-of-order";

/// The rules of this family.
pub(in crate::lint) const RULES: &[Rule] = &[
    Rule::new(
        IN_FUTURE,
        Severity::Error,
        "A time that is still to come",
        "Evidence cannot have been made later than now. The clock of the machine that made it was wrong, or the time was \
         made up; either way an auditor will not believe the other times in it. Correct the clock, and make it again.",
    ),
    Rule::new(
        NEVER_SET,
        Severity::Warning,
        "A time from before the year 2000",
        "Machines whose clock was never set, and SOURCE_DATE_EPOCH=0, give times like 1970 or 1980. Declare the time at which \
         the evidence was made, or none.",
    ),
    Rule::new(
        ENDED_BEFORE_STARTED,
        Severity::Error,
        "A run that ended before it started",
        "Two times in the metadata contradict each other, so that neither can be relied on: machines with different clocks, \
         or fields that were mixed up. Correct what writes them, and bundle again.",
    ),
    Rule::new(
        RETAINED_UNTIL_PAST,
        Severity::Error,
        "A bundle that is to be kept until a time before it was made",
        "The policy ended before the evidence was there, so it asks for nothing. Correct the policy where it is made.",
    ),
    Rule::new(
        OUT_OF_ORDER,
        Severity::Warning,
        "Events whose times run backwards",
        "The sequence of the events is right and their times are not: the clock was set back while they were recorded, or they \
         come from machines with different clocks. Their order can be relied on, how long anything took cannot.",
    ),
];

/// The fields in which runs say when they began and ended.
const STARTED: [&str; 5] = ["started_at", "start_time", "started", "begin_time", "startedOn"];
const ENDED: [&str; 7] =
    ["ended_at", "finished_at", "completed_at", "end_time", "ended", "finished", "finishedOn"];
/// The first moment of the year 2000.
const CLOCKS_ARE_SET_AFTER: i64 = 946_684_800;

/// Looks at the times of a native manifest.
pub(in crate::lint) fn check(manifest: &Manifest, now: Timestamp, findings: &mut Findings) {
    if let Some(time) = manifest.created_at {
        check_time(time, now, Place::pointer("/created_at"), "created_at", findings);
    }
    let Some(metadata) = &manifest.metadata else { return };
    let time_of = |names: &[&'static str]| {
        names.iter().find_map(|name| {
            let time = metadata.get(*name).and_then(Value::as_str)?.parse::<Timestamp>().ok()?;
            Some((*name, time))
        })
    };
    let (started, ended) = (time_of(&STARTED), time_of(&ENDED));
    for (name, time) in [started, ended].into_iter().flatten() {
        check_time(time, now, Place::pointer(&format!("/metadata/{name}")), name, findings);
    }
    if let (Some((first, started)), Some((last, ended))) = (started, ended)
        && ended < started
    {
        let message = format!("{last} is before {first}");
        findings.add(
            ENDED_BEFORE_STARTED,
            Place::pointer(&format!("/metadata/{last}")),
            None,
            message,
        );
    }
}

/// Looks at the times of a CAVRA directory.
pub(in crate::lint) fn check_directory(
    bundle: &VerifiedCavra,
    now: Timestamp,
    findings: &mut Findings,
) {
    let manifest = || Place::File { path: crate::bundle::cavra::MANIFEST.to_owned(), spot: None };
    check_time(bundle.created_at(), now, manifest(), "created_at", findings);
    let Some(policy) = bundle.retention() else { return };
    let place =
        || Place::File { path: crate::bundle::cavra::RETENTION_POLICY.to_owned(), spot: None };
    check_time(policy.created_at, now, place(), "created_at", findings);
    if let Some(until) = policy.retain_until
        && until <= bundle.created_at().max(policy.created_at)
    {
        findings.add(RETAINED_UNTIL_PAST, place(), None, "retain_until is not after created_at");
    }
}

/// Looks at the times of Assay's events.
pub(in crate::lint) fn check_events(events: &Events, now: Timestamp, findings: &mut Findings) {
    let place =
        || Place::File { path: crate::bundle::AssayManifest::EVENTS_PATH.to_owned(), spot: None };
    if let Some(latest) = events.latest {
        check_time(latest, now, place(), "the time of an event", findings);
    }
    if events.backwards > 0 {
        let message = format!("{} of the events are earlier than the one before", events.backwards);
        findings.add(OUT_OF_ORDER, place(), None, message);
    }
}

fn check_time(time: Timestamp, now: Timestamp, place: Place, what: &str, findings: &mut Findings) {
    // A bound of minutes fits in a duration.
    let skew = SignedDuration::from_secs(CLOCK_SKEW_SECONDS_MAX as i64);
    if time.duration_since(now) > skew {
        findings.add(IN_FUTURE, place, None, format!("{what} is later than now"));
    } else if time.as_second() < CLOCKS_ARE_SET_AFTER {
        findings.add(NEVER_SET, place, None, format!("{what} is before the year 2000"));
    }
}
