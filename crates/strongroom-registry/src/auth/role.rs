//! The five roles. A token has exactly one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What somebody is to the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Makes packages, and sees its own.
    Producer,
    /// Keeps the service running: sees every package's fields and every job, and brings archived bytes back.
    /// Reads no content and decides nothing about retention.
    Operator,
    /// Decides how long things are kept, what is held, and what goes.
    RecordsManager,
    /// Sees everything, changes nothing.
    Auditor,
    /// May do all of it, and says who else may.
    Admin,
}

impl Role {
    /// Every role, in the order of the documentation.
    pub const ALL: [Self; 5] =
        [Self::Producer, Self::Operator, Self::RecordsManager, Self::Auditor, Self::Admin];

    /// The name in documents, tokens and rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Producer => "producer",
            Self::Operator => "operator",
            Self::RecordsManager => "records-manager",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role is one of producer, operator, records-manager, auditor, admin")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(UnknownRole)
    }
}
