//! What was seen, or why it was not. There is no third case, and no default.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::package::named::named_enum;

/// A value that was read from a store just now, or the reason why it was not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Observed<T> {
    /// The store answered this.
    Observed(T),
    /// Nothing is known, and why.
    Unobserved(Unobserved),
}

named_enum! {
    /// Why something was not observed.
    pub enum Unobserved: "a reason why something was not observed" {
        /// The backend or the store has no such thing or no way to ask for it.
        UnsupportedBackend = "unsupported_backend",
        /// Nothing asked.
        NotProbed = "not_probed",
        /// The store refused to tell these credentials.
        PermissionDenied = "permission_denied",
        /// Asking would have left something locked behind.
        WouldLock = "would_lock",
        /// The store answered with an error, or something that cannot be read.
        Error = "error",
    }
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
