//! What a run of the suite saw.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use super::run::Departure;

/// The schema that a [`Report`] is printed under.
pub const REPORT_SCHEMA: &str = "strongroom.conformance/v1";

/// What a run of the suite saw.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Always [`REPORT_SCHEMA`].
    pub schema: &'static str,
    /// The store's URL, without credentials.
    pub store: String,
    /// When the run began, by the local clock.
    pub started_at: Timestamp,
    /// What every key of the run starts with; absent when nothing was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Every case, in the order in which they ran.
    pub cases: Vec<CaseReport>,
    /// What could not be deleted.
    pub leftovers: Vec<Leftover>,
}

/// One case.
#[derive(Debug, Clone, Serialize)]
pub struct CaseReport {
    /// Its name: `group.case`.
    pub name: &'static str,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What came of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The store does what the contract says.
    Passed,
    /// It does not.
    Finding {
        /// The name of what was found, the same in every run.
        id: &'static str,
        /// What was seen this time.
        seen: String,
    },
    /// Nothing was looked at.
    Skipped {
        /// Why.
        reason: &'static str,
    },
}

/// Something that the suite wrote and could not delete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Leftover {
    /// The whole key.
    pub key: String,
    /// The version, where the store has versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// Until when it is locked, as far as the store told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked_until: Option<Timestamp>,
    /// Why it stays.
    pub reason: String,
}

impl Report {
    pub(super) fn new(store: &str, started_at: Timestamp) -> Self {
        Self {
            schema: REPORT_SCHEMA,
            store: store.to_owned(),
            started_at,
            prefix: None,
            cases: Vec::new(),
            leftovers: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, name: &'static str, outcome: Outcome) {
        self.cases.push(CaseReport { name, outcome });
    }

    pub(super) fn skip_all(
        &mut self,
        names: impl Iterator<Item = &'static str>,
        reason: &'static str,
    ) {
        names.for_each(|name| self.add(name, Outcome::Skipped { reason }));
    }

    /// Every case that found something, with what it found.
    pub fn findings(&self) -> impl Iterator<Item = (&'static str, &'static str, &str)> {
        self.cases.iter().filter_map(|case| match &case.outcome {
            Outcome::Finding { id, seen } => Some((case.name, *id, seen.as_str())),
            Outcome::Passed | Outcome::Skipped { .. } => None,
        })
    }
}

impl From<Result<(), Departure>> for Outcome {
    fn from(result: Result<(), Departure>) -> Self {
        match result {
            Ok(()) => Self::Passed,
            Err(Departure::Finding { id, seen }) => Self::Finding { id, seen },
            Err(Departure::Skipped(reason)) => Self::Skipped { reason },
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("passed"),
            Self::Finding { id, .. } => write!(f, "finding: {id}"),
            Self::Skipped { reason } => write!(f, "skipped: {reason}"),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "store: {}", self.store)?;
        for case in &self.cases {
            writeln!(f, "{:<40} {}", case.name, case.outcome)?;
            if let Outcome::Finding { seen, .. } = &case.outcome {
                writeln!(f, "{:<40} seen: {seen}", "")?;
            }
        }
        for leftover in &self.leftovers {
            let version = leftover.version_id.as_deref().unwrap_or("-");
            write!(f, "left behind: {} version {version}", leftover.key)?;
            match leftover.locked_until {
                Some(until) => writeln!(f, " (locked until {until})")?,
                None => writeln!(f, " ({})", leftover.reason)?,
            }
        }
        Ok(())
    }
}
