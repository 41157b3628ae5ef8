//! How much a finding weighs.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// How much a finding weighs; what comes later weighs more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Note,
    /// Likely to be regretted.
    Warning,
    /// Not to be kept like this.
    Error,
}

impl Severity {
    /// From the heaviest to the lightest.
    pub const ALL: [Self; 3] = [Self::Error, Self::Warning, Self::Note];

    /// The stable name. SARIF's levels have the same.
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a severity is error, warning or note")]
pub struct UnknownSeverity;

impl FromStr for Severity {
    type Err = UnknownSeverity;

    fn from_str(text: &str) -> Result<Self, UnknownSeverity> {
        Self::ALL.into_iter().find(|severity| severity.name() == text).ok_or(UnknownSeverity)
    }
}

/// How many findings there are of each severity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Of [`Severity::Error`].
    pub error: u64,
    /// Of [`Severity::Warning`].
    pub warning: u64,
    /// Of [`Severity::Note`].
    pub note: u64,
}

impl Counts {
    /// One more.
    pub fn add(&mut self, severity: Severity) {
        match severity {
            Severity::Error => self.error += 1,
            Severity::Warning => self.warning += 1,
            Severity::Note => self.note += 1,
        }
    }

    /// How many are of this severity.
    pub fn of(&self, severity: Severity) -> u64 {
        match severity {
            Severity::Error => self.error,
            Severity::Warning => self.warning,
            Severity::Note => self.note,
        }
    }

    /// How many are of this severity or weigh more.
    pub fn at_least(&self, severity: Severity) -> u64 {
        Severity::ALL.into_iter().filter(|each| *each >= severity).map(|each| self.of(each)).sum()
    }

    /// How many there are.
    pub fn total(&self) -> u64 {
        self.at_least(Severity::Note)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_are_in_order_and_not_by_their_letters() {
        assert!(Severity::Error > Severity::Warning && Severity::Warning > Severity::Note);
        let heaviest = [Severity::Warning, Severity::Error, Severity::Note].into_iter().max();
        assert_eq!(heaviest, Some(Severity::Error));
        for severity in Severity::ALL {
            assert_eq!(severity.name().parse(), Ok(severity));
        }
        assert_eq!("Error".parse::<Severity>(), Err(UnknownSeverity));
    }

    #[test]
    fn counts_add_up_from_a_severity_upwards() {
        let mut counts = Counts::default();
        [Severity::Error, Severity::Note, Severity::Note]
            .into_iter()
            .for_each(|each| counts.add(each));
        assert_eq!((counts.total(), counts.at_least(Severity::Warning)), (3, 1));
    }
}
