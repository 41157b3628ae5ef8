//! What went wrong with one object of a registry. The kind alone decides status and retry.

use std::borrow::Cow;
use std::error::Error;

use crate::{StorageError, StorageErrorKind, VersionId};

/// The meaning of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeepErrorKind {
    /// The store failed or refused.
    Store(StorageErrorKind),
    /// The body is not of the digest that was declared.
    WrongDigest,
    /// The body is shorter or longer than was declared.
    WrongLength,
    /// The body is longer than what is accepted.
    TooLong,
    /// The body broke off: whoever sends it failed.
    BodyBroken,
    /// Something else is under the key.
    Conflict,
    /// The store holds, or gives back, other bytes than those that were stored.
    Corrupt,
    /// The store cannot hold the lock that goes out with the write.
    LockImpossible,
    /// The store answered a deletion well, and the version is there all the same.
    NotDeleted,
    /// Whoever asked for it may not do it any more: it was not done.
    CalledOff,
    /// Which versions there are was not observed, so what would have to be deleted is not known.
    VersionsUnobserved,
    /// The archive of a bundle could not be made of the objects given for it.
    Bundle(strongroom_core::bundle::Refusal),
}

/// What a failed write left in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Left {
    /// Nothing of this write; of an earlier one nothing is said.
    Nothing,
    /// It is not known: the answer was lost, or something was there before. The same write again finds
    /// out.
    Unknown,
    /// The object, whole; not all of it was observed. The same write again looks at it.
    Object(Option<VersionId>),
}

/// A failure: its meaning, a sentence, what a person can do, what is left behind, and the cause for
/// logs.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct KeepError {
    kind: KeepErrorKind,
    message: Cow<'static, str>,
    guidance: Option<Cow<'static, str>>,
    left: Left,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl KeepError {
    /// A failure that leaves nothing. `message` is lower case, without full stop, and holds no
    /// untrusted text.
    pub fn new(kind: KeepErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into(), guidance: None, left: Left::Nothing, source: None }
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

    /// Says what a write left behind.
    pub(super) fn with_left(mut self, left: Left) -> Self {
        self.left = left;
        self
    }

    /// The meaning.
    pub fn kind(&self) -> KeepErrorKind {
        self.kind
    }

    /// What a person can do, if anything.
    pub fn guidance(&self) -> Option<&str> {
        self.guidance.as_deref()
    }

    /// Of a write: what it left in the store.
    pub fn left(&self) -> &Left {
        &self.left
    }

    /// Whether the same again may succeed later, without anybody's doing.
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, KeepErrorKind::Store(kind) if kind.is_transient())
    }
}

impl From<StorageError> for KeepError {
    fn from(error: StorageError) -> Self {
        let guidance = error.guidance().map(|guidance| Cow::Owned(guidance.to_owned()));
        Self {
            kind: KeepErrorKind::Store(error.kind()),
            message: error.to_string().into(),
            guidance,
            left: Left::Nothing,
            source: Some(Box::new(error)),
        }
    }
}

/// The store gives back something else than what was stored.
pub(super) fn corrupt(message: &'static str) -> KeepError {
    KeepError::new(KeepErrorKind::Corrupt, message)
        .with_guidance("the store, or something between, changes data: do not rely on this copy")
}
