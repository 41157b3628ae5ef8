//! The kinds of difference that somebody can refuse.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A kind of difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A file of the base is not in the candidate, under any name.
    Removed,
    /// A file has other bytes, or another media type.
    Changed,
    /// A file of the candidate is not in the base, under any name.
    Added,
    /// A file has another name.
    Renamed,
    /// The subject, the producer, the format or a key of the metadata differs. The run and the time differ
    /// between any two runs, and do not count.
    MetadataChanged,
    /// The candidate asks to be kept for less, or for what cannot be told from less.
    RetentionWeaker,
    /// The candidate asks for another retention.
    RetentionChanged,
    /// Others signed.
    SignerChanged,
    /// Any of these.
    Any,
}

/// Whether there is a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// There is.
    Yes,
    /// There is none.
    No,
    /// Nobody looked.
    Unobserved,
}

impl Kind {
    /// Every kind but [`Any`](Self::Any).
    pub const EACH: [Self; 8] = [
        Self::Removed,
        Self::Changed,
        Self::Added,
        Self::Renamed,
        Self::MetadataChanged,
        Self::RetentionWeaker,
        Self::RetentionChanged,
        Self::SignerChanged,
    ];

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::Changed => "changed",
            Self::Added => "added",
            Self::Renamed => "renamed",
            Self::MetadataChanged => "metadata-changed",
            Self::RetentionWeaker => "retention-weaker",
            Self::RetentionChanged => "retention-changed",
            Self::SignerChanged => "signer-changed",
            Self::Any => "any",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A text that names no kind of difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a kind of difference is removed, changed, added, renamed, metadata-changed, retention-weaker, \
     retention-changed, signer-changed or any"
)]
pub struct UnknownKind;

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        let mut all = Self::EACH.into_iter().chain([Self::Any]);
        all.find(|kind| kind.name() == text).ok_or(UnknownKind)
    }
}
