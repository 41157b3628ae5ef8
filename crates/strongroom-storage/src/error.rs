//! What went wrong with a store. The kind alone decides exit code and retry.

use std::borrow::Cow;
use std::error::Error;

/// The meaning of a store's failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StorageErrorKind {
    /// No such object, or no such version of it.
    NotFound,
    /// No such bucket, container or directory.
    StoreNotFound,
    /// A create found something under the key. *What* is there is not known yet: verify it.
    AlreadyExists,
    /// The store knows who asks and refuses. S3 answers the same for a locked version.
    PermissionDenied,
    /// The store does not know who asks: a wrong or missing key, an expired token.
    Unauthenticated,
    /// A lock refuses: Strongroom's own (`file://`, `memory://`), or one that the store names as its
    /// reason (Azure).
    Locked,
    /// The store has the object in an archive tier, and no copy of it that can be read: restore it.
    Archived,
    /// The store has no such operation.
    Unsupported,
    /// No such host, connection refused, connection lost.
    Unreachable,
    /// The TLS handshake failed: an unknown CA, a wrong name, plain HTTP where TLS was expected.
    Tls,
    /// No answer in time. Of a write it is not known whether it took place.
    TimedOut,
    /// The store asks for patience, again and again (503 SlowDown, 429).
    Throttled,
    /// The store failed (5xx), again and again.
    ServerFault,
    /// The bucket lives in another region than the one that was signed for.
    WrongRegion,
    /// The store refuses because of the difference between its clock and ours.
    ClockSkew,
    /// Bytes or digests do not match: refused by the store, or seen by us.
    Integrity,
    /// No space left, or a quota reached.
    NoSpace,
    /// A key, prefix or name that cannot be.
    InvalidKey,
    /// Settings that cannot work: a URL, an endpoint, a CA file.
    Configuration,
    /// The store refused the request as it stands (400): it does not take what was asked.
    InvalidRequest,
    /// An answer that cannot be understood.
    Malformed,
    /// Beyond a named limit.
    Limit,
    /// The body to upload ended with an error of its own; nothing was stored.
    BodyFailed,
    /// A local file could not be read or written.
    Io,
}

impl StorageErrorKind {
    /// Whether the same request may succeed if it is sent again later.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Unreachable | Self::TimedOut | Self::Throttled | Self::ServerFault)
    }
}

/// A store's failure: its meaning, a sentence, what a person can do, and the cause for logs.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct StorageError {
    kind: StorageErrorKind,
    message: Cow<'static, str>,
    guidance: Option<Cow<'static, str>>,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl StorageError {
    /// A failure. `message` is lower case, without full stop, and holds no secret.
    pub fn new(kind: StorageErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
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
    pub fn kind(&self) -> StorageErrorKind {
        self.kind
    }

    /// What a person can do, if anything.
    pub fn guidance(&self) -> Option<&str> {
        self.guidance.as_deref()
    }
}
