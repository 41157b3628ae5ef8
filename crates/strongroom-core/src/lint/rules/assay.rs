//! `assay.…`: weaknesses of the format, and what events say of themselves.

use jiff::Timestamp;

use crate::bundle::AssayEvent;
use crate::lint::finding::Findings;
use crate::lint::place::Place;
use crate::lint::rule::Rule;
use crate::lint::severity::Severity;

const ID_COVERS_LESS: &str = "assay.id-covers-less";
const DECLARES_SECRETS: &str = "assay.declares-secrets";
const DECLARES_PERSONAL_DATA: &str = "assay.declares-personal-data";
const NO_REVISION: &str = "assay.no-revision";

/// The rules of this family.
pub(in crate::lint) const RULES: &[Rule] = &[
    Rule::new(
        ID_COVERS_LESS,
        Severity::Note,
        "The id of an Assay bundle does not cover all of it",
        "Two archives with other times, another producer or another run have the same id, so that the id alone does not say which \
         of them is meant. Keep the SHA-256 of the archive with it: a receipt and a signature of Strongroom have both. Bundling \
         the files natively gives an id that covers everything.",
    ),
    Rule::new(
        DECLARES_SECRETS,
        Severity::Error,
        "Events say that they hold secrets",
        "What recorded them set `assaysecrets`: it knows, or suspects, that there are secrets in their data. Find out which, revoke them, \
         and record again with them taken out: a bundle that is locked cannot be corrected.",
    ),
    Rule::new(
        DECLARES_PERSONAL_DATA,
        Severity::Warning,
        "Events say that they hold personal data",
        "What recorded them set `assaypii`. A bundle that is locked cannot be erased before its date: make sure that there is a ground \
         for keeping the data that long, or record again with them taken out.",
    ),
    Rule::new(
        NO_REVISION,
        Severity::Note,
        "Events do not say which revision of the producer made them",
        "`assaygit` is empty or says `unknown`, so that nobody can tell which code recorded them. Build the producer from a \
         repository, or pass it the revision.",
    ),
];

/// What is gathered of the events on the way.
#[derive(Debug)]
pub(in crate::lint) struct Events {
    secrets: u64,
    personal_data: u64,
    no_revision: u64,
    last: Option<Timestamp>,
    pub(super) latest: Option<Timestamp>,
    pub(super) backwards: u64,
}

impl Events {
    pub(in crate::lint) fn new() -> Self {
        Self {
            secrets: 0,
            personal_data: 0,
            no_revision: 0,
            last: None,
            latest: None,
            backwards: 0,
        }
    }

    pub(in crate::lint) fn take(&mut self, event: &AssayEvent<'_>) {
        self.secrets += u64::from(event.declares_secrets);
        self.personal_data += u64::from(event.declares_personal_data);
        self.no_revision += u64::from(matches!(event.git, "" | "unknown" | "none"));
        self.backwards += u64::from(self.last.is_some_and(|last| event.time < last));
        self.last = Some(event.time);
        self.latest = self.latest.max(Some(event.time));
    }
}

/// Looks at what the events say of themselves.
pub(in crate::lint) fn check(events: &Events, findings: &mut Findings) {
    let place =
        || Place::File { path: crate::bundle::AssayManifest::EVENTS_PATH.to_owned(), spot: None };
    let message = "the id does not cover time, producer, run and source";
    findings.add(ID_COVERS_LESS, Place::pointer("/bundle_id"), None, message);
    let told = [
        (DECLARES_SECRETS, events.secrets, "say that they hold secrets"),
        (DECLARES_PERSONAL_DATA, events.personal_data, "say that they hold personal data"),
        (NO_REVISION, events.no_revision, "do not say which revision of the producer made them"),
    ];
    for (id, count, what) in told.into_iter().filter(|(_, count, _)| *count > 0) {
        findings.add(id, place(), None, format!("{count} of the events {what}"));
    }
}
