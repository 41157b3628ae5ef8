//! Why a bundle was refused. Messages never hold text from the bundle.

use std::borrow::Cow;
use std::error::Error;

/// The class of a refusal: it decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// A digest, a size or an identity does not match.
    Integrity,
    /// Not the shape that the format demands; a truncated or undecodable archive too.
    Format,
    /// Made to harm: paths that climb, links, devices, entries that readers disagree about.
    Security,
    /// Beyond a named limit: not looked at.
    Limit,
    /// The medium failed (I/O, permission): nothing is said of the content.
    Unreadable,
}

impl Refusal {
    /// The class's stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Integrity => "integrity",
            Self::Format => "format",
            Self::Security => "security",
            Self::Limit => "limit",
            Self::Unreadable => "unreadable",
        }
    }
}

/// A bundle, or the material for one, was refused.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct BundleError {
    refusal: Refusal,
    message: Cow<'static, str>,
    guidance: Option<Cow<'static, str>>,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl BundleError {
    /// A refusal. `message` is lower case, without full stop, and holds no text from the bundle:
    /// positions, counts, sizes, digests and the names of limits only.
    pub fn new(refusal: Refusal, message: impl Into<Cow<'static, str>>) -> Self {
        Self { refusal, message: message.into(), guidance: None, source: None }
    }

    /// Adds one line that says what a person can do.
    pub fn with_guidance(mut self, guidance: impl Into<Cow<'static, str>>) -> Self {
        self.guidance = Some(guidance.into());
        self
    }

    /// The same refusal with what caused it, for logs.
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What a person can do, if anything.
    pub fn guidance(&self) -> Option<&str> {
        self.guidance.as_deref()
    }

    /// The class of this refusal.
    pub fn refusal(&self) -> Refusal {
        self.refusal
    }
}
