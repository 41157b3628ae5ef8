//! Findings as they are collected: what is disabled, allowed or known is counted, what is too much too.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::place::Place;
use super::rule::{self, Rule};
use super::settings::Settings;
use super::severity::{Counts, Severity};
use crate::Sha256Digest;
use crate::limits::{LINT_FINDINGS_MAX, LINT_FINDINGS_PER_PLACE_MAX};

/// Bytes of a fingerprint.
const FINGERPRINT_BYTES: usize = 16;
/// What a fingerprint is of. Another way of making one has another name.
const FINGERPRINT_OF: &str = "strongroom.lint-fingerprint/v1";

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked for.
    pub rule: &'static Rule,
    /// How much it weighs.
    pub severity: Severity,
    /// Where it is.
    pub place: Place,
    /// What is there. Holds no text from the bundle but paths, and no secret.
    pub message: String,
    /// By what it is known again.
    pub fingerprint: Fingerprint,
}

/// By what a finding is known again, in the next bundle too: a digest of the rule, of the place without its
/// line, and of how many like it come before. A secret's value is not in it, so that nobody can try values
/// against a baseline; another secret in the same place has therefore the same fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; FINGERPRINT_BYTES]);

impl Fingerprint {
    /// How SARIF calls it (`partialFingerprints`): another way of making one has another name here too.
    pub const SARIF_NAME: &str = "strongroomLint/v1";

    fn of(rule: &Rule, place: &Place, before: u32) -> Self {
        let (kind, name) = place.identity();
        let text = format!("{FINGERPRINT_OF}\0{}\0{kind}\0{name}\0{before}", rule.id);
        let mut bytes = [0; FINGERPRINT_BYTES];
        bytes.copy_from_slice(&Sha256Digest::of(text.as_bytes()).as_bytes()[..FINGERPRINT_BYTES]);
        Self(bytes)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A text that is no fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint is 32 lower-case hexadecimal digits")]
pub struct InvalidFingerprint;

impl FromStr for Fingerprint {
    type Err = InvalidFingerprint;

    fn from_str(text: &str) -> Result<Self, InvalidFingerprint> {
        let mut bytes = [0; FINGERPRINT_BYTES];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| InvalidFingerprint)?;
        match Self(bytes) {
            fingerprint if fingerprint.to_string() == text => Ok(fingerprint),
            _ => Err(InvalidFingerprint),
        }
    }
}

/// What was found and is not told of one by one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Suppressed {
    /// In the baseline.
    pub baseline: u64,
    /// In a path where the configuration allows it.
    pub allowed: u64,
}

/// Findings on their way into a report.
#[derive(Debug)]
pub(super) struct Findings {
    settings: Settings,
    known: BTreeSet<Fingerprint>,
    pub(super) list: Vec<Finding>,
    pub(super) counts: Counts,
    pub(super) unlisted: Counts,
    pub(super) suppressed: Suppressed,
    /// How many there were of a rule in a place, by the fingerprint of the first.
    before: HashMap<Fingerprint, u32>,
}

impl Findings {
    pub(super) fn new(settings: Settings, known: BTreeSet<Fingerprint>) -> Self {
        Self {
            settings,
            known,
            list: Vec::new(),
            counts: Counts::default(),
            unlisted: Counts::default(),
            suppressed: Suppressed::default(),
            before: HashMap::new(),
        }
    }

    /// Takes a finding of the rule with this id. `path` is the real path of the file that it is about.
    pub(super) fn add(
        &mut self,
        id: &str,
        place: Place,
        path: Option<&str>,
        message: impl Into<String>,
    ) {
        let Some(rule) = rule::rule(id) else {
            debug_assert!(false, "there is no rule {id}");
            return;
        };
        let Some(severity) = self.settings.severity_of(rule) else { return };
        let first = Fingerprint::of(rule, &place, 0);
        let before = self.before.entry(first).or_default();
        let fingerprint = match *before {
            0 => first,
            before => Fingerprint::of(rule, &place, before),
        };
        *before += 1;
        let in_place = *before as usize;
        if path.is_some_and(|path| self.settings.allows(rule, path)) {
            self.suppressed.allowed += 1;
            return;
        }
        if self.known.contains(&fingerprint) {
            self.suppressed.baseline += 1;
            return;
        }
        self.counts.add(severity);
        if in_place > LINT_FINDINGS_PER_PLACE_MAX || self.list.len() >= LINT_FINDINGS_MAX {
            self.unlisted.add(severity);
            return;
        }
        self.list.push(Finding { rule, severity, place, message: message.into(), fingerprint });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings() -> Findings {
        Findings::new(Settings::default(), BTreeSet::new())
    }

    #[test]
    fn the_second_of_a_place_has_another_fingerprint_and_a_line_changes_none() {
        let mut all = findings();
        for line in [1, 9] {
            let spot = Some(super::super::place::Spot::Text { line, column: 1 });
            all.add("secret.npm-token", Place::File { path: "a".into(), spot }, Some("a"), "found");
        }
        let mut moved = findings();
        let spot = Some(super::super::place::Spot::Text { line: 7, column: 3 });
        moved.add("secret.npm-token", Place::File { path: "a".into(), spot }, Some("a"), "found");
        assert_ne!(all.list[0].fingerprint, all.list[1].fingerprint);
        assert_eq!(all.list[0].fingerprint, moved.list[0].fingerprint);
        let text = all.list[0].fingerprint.to_string();
        assert_eq!(text.parse(), Ok(all.list[0].fingerprint));
        assert_eq!(text.to_uppercase().parse::<Fingerprint>(), Err(InvalidFingerprint));
    }

    #[test]
    fn what_is_too_much_is_counted() {
        let mut all = findings();
        for _ in 0..LINT_FINDINGS_PER_PLACE_MAX + 5 {
            all.add("secret.npm-token", Place::Bundle, None, "found");
        }
        for number in 0..LINT_FINDINGS_MAX {
            all.add("secret.npm-token", Place::name(&number.to_string()), None, "found");
        }
        assert_eq!(all.list.len(), LINT_FINDINGS_MAX);
        assert_eq!(all.counts.error, (LINT_FINDINGS_MAX + LINT_FINDINGS_PER_PLACE_MAX + 5) as u64);
        assert_eq!(all.unlisted.error, (LINT_FINDINGS_PER_PLACE_MAX + 5) as u64);
    }
}
