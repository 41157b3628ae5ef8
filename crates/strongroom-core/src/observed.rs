//! What was seen, or why it was not. There is no third case, and no default.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A value that was read from a store just now, or the reason why it was not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Observed<T> {
    /// The store answered this.
    Observed(T),
    /// Nothing is known, and why.
    Unobserved(Unobserved),
}

/// Why something was not observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unobserved {
    /// The backend or the store has no such thing or no way to ask for it.
    UnsupportedBackend,
    /// Nothing asked.
    NotProbed,
    /// The store refused to tell these credentials.
    PermissionDenied,
    /// Asking would have left something locked behind.
    WouldLock,
    /// The store answered with an error, or something that cannot be read.
    Error,
}

impl<T> Observed<T> {
    /// The value, if it was observed.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Observed(value) => Some(value),
            Self::Unobserved(_) => None,
        }
    }

    /// The reason, if it was not observed.
    pub fn reason(&self) -> Option<Unobserved> {
        match self {
            Self::Observed(_) => None,
            Self::Unobserved(reason) => Some(*reason),
        }
    }

    /// The same observation, seen through `f`.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Observed<U> {
        match self {
            Self::Observed(value) => Observed::Observed(f(value)),
            Self::Unobserved(reason) => Observed::Unobserved(reason),
        }
    }
}

impl fmt::Display for Unobserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnsupportedBackend => "not supported by this store",
            Self::NotProbed => "not probed",
            Self::PermissionDenied => "permission denied",
            Self::WouldLock => "asking would leave a locked object behind",
            Self::Error => "the store answered with an error",
        })
    }
}
