//! What went wrong with an operation on evidence. The kind alone decides the exit code.

use std::borrow::Cow;
use std::error::Error;

use strongroom_core::bundle::{BundleError, Refusal};

use crate::{StorageError, StorageErrorKind};

/// The meaning of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EvidenceErrorKind {
    /// The store failed or refused.
    Store(StorageErrorKind),
    /// A bundle, here or in the store, was refused.
    Bundle(Refusal),
    /// The lock that was asked for is not there, or cannot be.
    RetentionNotMet,
    /// The lock was sent, but the store does not let these credentials read it back.
    LockUnobserved,
    /// The signatures are not what was asked of them.
    SignaturesNotMet,
    /// A storage plan is not one, or is not as it was made.
    PlanBroken,
    /// What would be done is not what the storage plan says.
    PlanNotMet,
    /// Something else is under the key, or one id stands for several archives.
    Conflict,
    /// No such bundle, or no such run.
    NotFound,
    /// There may be a bundle to compare with, and it cannot be told which, or had.
    NoBaseline,
    /// A local file could not be read or written.
    LocalFile,
    /// A local file of that name is there already, and is something else or was not looked at.
    LocalFileExists,
    /// Part of the work is done; the message says which.
    PartlyDone,
}

/// A failure: its meaning, a sentence, what a person can do, and the cause for logs.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct EvidenceError {
    kind: EvidenceErrorKind,
    message: Cow<'static, str>,
    guidance: Option<Cow<'static, str>>,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl EvidenceError {
    /// A failure. `message` is lower case, without full stop, and holds no text from a bundle.
    pub fn new(kind: EvidenceErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into(), guidance: None, source: None }
    }

    /// Adds one line that says what a person can do.
    pub fn with_guidance(mut self, guidance: impl Into<Cow<'static, str>>) -> Self {
        self.guidance = Some(guidance.into());
        self
    }

    /// Adds the cause, for logs.
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The meaning.
    pub fn kind(&self) -> EvidenceErrorKind {
        self.kind
    }

    /// What a person can do, if anything.
    pub fn guidance(&self) -> Option<&str> {
        self.guidance.as_deref()
    }
}

impl From<StorageError> for EvidenceError {
    fn from(error: StorageError) -> Self {
        let guidance = error.guidance().map(|guidance| Cow::Owned(guidance.to_owned()));
        Self {
            kind: EvidenceErrorKind::Store(error.kind()),
            message: error.to_string().into(),
            guidance,
            source: Some(Box::new(error)),
        }
    }
}

impl From<BundleError> for EvidenceError {
    fn from(error: BundleError) -> Self {
        let guidance = error.guidance().map(|guidance| Cow::Owned(guidance.to_owned()));
        Self {
            kind: EvidenceErrorKind::Bundle(error.refusal()),
            message: error.to_string().into(),
            guidance,
            source: Some(Box::new(error)),
        }
    }
}
