//! `metadata.…`: what a bundle says of itself, or leaves out.

use crate::bundle::{Manifest, Producer};
use crate::lint::finding::Findings;
use crate::lint::place::Place;
use crate::lint::rule::Rule;
use crate::lint::severity::Severity;

const NO_SUBJECT: &str = "metadata.no-subject";
const NO_RUN_ID: &str = "metadata.no-run-id";
const NO_PRODUCER: &str = "metadata.no-producer";
const NO_PRODUCER_VERSION: &str = "metadata.no-producer-version";
const NO_CREATED_AT: &str = "metadata.no-created-at";
const NO_RECOMMENDED: &str = "metadata.no-recommended-keys";
const PLACEHOLDER: &str = "metadata.placeholder";

/// The rules of this family.
pub(in crate::lint) const RULES: &[Rule] = &[
    Rule::new(
        NO_SUBJECT,
        Severity::Warning,
        "The manifest does not say what the evidence is about",
        "Years later somebody looks for the evidence about a release, a model or a system, and finds it by its \
         subject. Bundle again with `--subject`, such as the name of the repository or of the system.",
    ),
    Rule::new(
        NO_RUN_ID,
        Severity::Warning,
        "The manifest names no run",
        "Without a run id nothing leads from the build, the test or the assessment to its evidence. Bundle again \
         with `--run-id`, such as the number that the build service gives a run.",
    ),
    Rule::new(
        NO_PRODUCER,
        Severity::Warning,
        "The manifest does not say what made the evidence",
        "Whoever judges evidence asks what made it, since a tool's version decides what its results mean. Bundle \
         again with `--producer NAME@VERSION`.",
    ),
    Rule::new(
        NO_PRODUCER_VERSION,
        Severity::Note,
        "The producer has no version",
        "The same tool finds other things in another version, so that a result without the version cannot be \
         repeated. Bundle again with `--producer NAME@VERSION`.",
    ),
    Rule::new(
        NO_CREATED_AT,
        Severity::Note,
        "The manifest does not say when the evidence was made",
        "Without it the only time is that of storing, which may be much later. Bundle again with `--created-at`, or \
         set SOURCE_DATE_EPOCH. It is a claim: only a time stamp or a lock proves a time.",
    ),
    Rule::new(
        NO_RECOMMENDED,
        Severity::Note,
        "The metadata has none of the recommended keys",
        "Searches, comparisons and registries read these keys: repo_slug, run_id, assessment_id, \
         target_profile_ref, assessment_profile_ref, source_commits, tool_versions, environment, result_status, \
         report_paths. Bundle again with `--metadata KEY=VALUE` for those that apply.",
    ),
    Rule::new(
        PLACEHOLDER,
        Severity::Warning,
        "A field holds a placeholder",
        "A subject, run or producer that is called `test` or `unknown` tells nobody anything and collides with every other \
         of that name. Bundle again with the real one: most likely a variable was not set.",
    ),
];

/// The keys that others read.
const RECOMMENDED: [&str; 10] = [
    "repo_slug",
    "run_id",
    "assessment_id",
    "target_profile_ref",
    "assessment_profile_ref",
    "source_commits",
    "tool_versions",
    "environment",
    "result_status",
    "report_paths",
];

/// What stands where nobody knew better, in lower case.
const PLACEHOLDERS: [&str; 21] = [
    "test",
    "testing",
    "unknown",
    "none",
    "null",
    "nil",
    "undefined",
    "n/a",
    "na",
    "tbd",
    "todo",
    "foo",
    "bar",
    "example",
    "default",
    "-",
    "?",
    "x",
    "0",
    "changeme",
    "placeholder",
];

/// Looks at what a native manifest declares.
pub(in crate::lint) fn check(manifest: &Manifest, findings: &mut Findings) {
    let mut missing = |id, field, what: &str| {
        findings.add(id, Place::pointer(field), None, what);
    };
    if manifest.subject.is_none() {
        missing(NO_SUBJECT, "/subject", "no subject is declared");
    }
    if manifest.run_id.is_none() {
        missing(NO_RUN_ID, "/run_id", "no run is declared");
    }
    if manifest.created_at.is_none() {
        missing(NO_CREATED_AT, "/created_at", "no time of making is declared");
    }
    let metadata = manifest.metadata.as_ref();
    if !RECOMMENDED.iter().any(|key| metadata.is_some_and(|metadata| metadata.contains_key(*key))) {
        missing(NO_RECOMMENDED, "/metadata", "none of the recommended keys is declared");
    }
    check_producer(manifest.producer.as_ref(), findings);
    for (text, field) in [(&manifest.subject, "/subject"), (&manifest.run_id, "/run_id")] {
        if let Some(text) = text {
            check_placeholder(text, field, findings);
        }
    }
}

/// Looks at who made it.
pub(in crate::lint) fn check_producer(producer: Option<&Producer>, findings: &mut Findings) {
    let Some(producer) = producer else {
        findings.add(NO_PRODUCER, Place::pointer("/producer"), None, "no producer is declared");
        return;
    };
    check_placeholder(&producer.name, "/producer/name", findings);
    match producer.version.as_deref() {
        Some(version) => check_placeholder(version, "/producer/version", findings),
        None => {
            let place = Place::pointer("/producer/version");
            findings.add(NO_PRODUCER_VERSION, place, None, "the producer has no version");
        }
    }
}

/// Looks whether a text stands for another one.
pub(in crate::lint) fn check_placeholder(text: &str, field: &str, findings: &mut Findings) {
    let text = text.trim().to_lowercase();
    let is_unfilled = text.starts_with("${") || text.starts_with("{{") || text.starts_with("$(");
    if is_unfilled || PLACEHOLDERS.contains(&text.as_str()) {
        findings.add(PLACEHOLDER, Place::pointer(field), None, "the field holds a placeholder");
    }
}
