//! What a job does.

use std::fmt;
use std::str::FromStr;

/// A kind of job. A package has at most one live job of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobKind {
    /// Verifies and locks every object of a package, and makes it evidence.
    Finalize,
    /// Brings later dates, holds and releases to every object of a package, and reads them back.
    ApplyRetention,
    /// Deletes every object of a package whose time has come.
    DeletePackage,
    /// Deletes what uploads left behind that were given up, and the bytes of abandoned packages.
    CleanUp,
    /// Asks the store for the archived objects of a package.
    Restore,
    /// Stores files of a folder of the server's in an open package.
    IngestLocalFiles,
}

impl JobKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Finalize,
        Self::ApplyRetention,
        Self::DeletePackage,
        Self::CleanUp,
        Self::Restore,
        Self::IngestLocalFiles,
    ];

    /// The name in rows, documents and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Finalize => "finalize",
            Self::ApplyRetention => "apply-retention",
            Self::DeletePackage => "delete-package",
            Self::CleanUp => "clean-up",
            Self::Restore => "restore",
            Self::IngestLocalFiles => "ingest-local-files",
        }
    }
}

impl fmt::Display for JobKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name of no kind: a job of a newer version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the job is of a kind that this version does not know")]
pub struct UnknownKind;

impl FromStr for JobKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownKind)
    }
}
