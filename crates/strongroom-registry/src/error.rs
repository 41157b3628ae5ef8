//! What went wrong with a request of the registry's. The kind alone decides the HTTP status, the problem's
//! type and whether to try again; the message is for whoever asked, the source for the log only.

use std::borrow::Cow;
use std::error::Error;
use std::time::Duration;

use strongroom_core::package::metadata::DeclarationRefused;
use strongroom_storage::keep::{KeepError, KeepErrorKind};
use strongroom_storage::{StorageError, StorageErrorKind};

use crate::db::{DbError, DbErrorKind};

/// The meaning of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request cannot be understood: a field, a cursor, a header.
    Invalid,
    /// Understood, and refused for what it says: a value that cannot be.
    Unprocessable,
    /// Understood, and refused by a rule: a secret in metadata, a schema that does not match, a date that is not later.
    PolicyNotMet,
    /// A body that is not what its length or its digest says. Nothing was stored.
    BodyMismatch,
    /// No token, or one that is unknown, expired or revoked.
    Unauthenticated,
    /// Known, and not allowed.
    Forbidden,
    /// Not there, or not to be seen by who asks: the two are never told apart.
    NotFound,
    /// Nothing is there that takes this method.
    MethodNotAllowed,
    /// A body of a media type that is not taken there.
    UnsupportedMediaType,
    /// Another version of a protocol than the one that is spoken there.
    ProtocolVersion,
    /// Something else is there already.
    Conflict,
    /// Not in this state of the package.
    WrongState,
    /// A hold, a lock or a date forbids it.
    Retained,
    /// `If-Match` names another version.
    PreconditionFailed,
    /// An idempotency key that was used for something else.
    KeyReused,
    /// Beyond a named limit.
    TooLarge,
    /// A range of bytes that the file has not.
    RangeNotSatisfiable,
    /// The bytes are in an archive tier: ask for them to be restored first.
    NotImmediatelyAvailable,
    /// All bytes of an upload are there and are being made a file; try again.
    BeingStored,
    /// Too much at once; try again.
    Busy,
    /// The store, or the key that signs, cannot be reached or does not answer; try again.
    StoreUnavailable,
    /// The store, or the key that signs, refused, or is not set up for what was asked.
    StoreRefused,
    /// What the store holds is not what was stored.
    Corrupt,
    /// A defect of ours, or of the database.
    Internal,
}

impl ErrorKind {
    /// Every kind, for tables and tests.
    pub const ALL: [Self; 24] = [
        Self::Invalid,
        Self::Unprocessable,
        Self::PolicyNotMet,
        Self::BodyMismatch,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::UnsupportedMediaType,
        Self::ProtocolVersion,
        Self::Conflict,
        Self::WrongState,
        Self::Retained,
        Self::PreconditionFailed,
        Self::KeyReused,
        Self::TooLarge,
        Self::RangeNotSatisfiable,
        Self::NotImmediatelyAvailable,
        Self::BeingStored,
        Self::Busy,
        Self::StoreUnavailable,
        Self::StoreRefused,
        Self::Corrupt,
        Self::Internal,
    ];

    /// The stable end of the problem's `type` (RFC 9457 section 3.1.1).
    pub fn slug(self) -> &'static str {
        match self {
            Self::Invalid => "invalid-request",
            Self::Unprocessable => "unprocessable",
            Self::PolicyNotMet => "policy-not-met",
            Self::BodyMismatch => "body-mismatch",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::UnsupportedMediaType => "unsupported-media-type",
            Self::ProtocolVersion => "unsupported-protocol-version",
            Self::Conflict => "conflict",
            Self::WrongState => "wrong-state",
            Self::Retained => "retained",
            Self::PreconditionFailed => "precondition-failed",
            Self::KeyReused => "idempotency-key-reused",
            Self::TooLarge => "too-large",
            Self::RangeNotSatisfiable => "range-not-satisfiable",
            Self::NotImmediatelyAvailable => "not-immediately-available",
            Self::BeingStored => "being-stored",
            Self::Busy => "busy",
            Self::StoreUnavailable => "store-unavailable",
            Self::StoreRefused => "store-refused",
            Self::Corrupt => "corrupt",
            Self::Internal => "internal",
        }
    }

    /// When the same request may succeed; none where it will not, whenever it is sent.
    pub fn retry_after(self) -> Option<Duration> {
        match self {
            Self::BeingStored | Self::Busy | Self::StoreUnavailable => Some(Duration::from_secs(5)),
            // A store takes minutes to days for what lies in an archive.
            Self::NotImmediatelyAvailable => Some(Duration::from_hours(1)),
            _ => None,
        }
    }

    /// Whether the same request may succeed so soon that it is worth waiting for.
    pub fn is_transient(self) -> bool {
        self.retry_after().is_some_and(|wait| wait < Duration::from_mins(1))
    }
}

/// A failure of an operation of the registry's.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct ServiceError {
    kind: ErrorKind,
    message: Cow<'static, str>,
    guidance: Option<Cow<'static, str>>,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl ServiceError {
    /// A failure. `message` is lower case, without full stop, and repeats nothing that was sent.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into(), guidance: None, source: None }
    }

    /// The one answer to everything that is absent or hidden, so that a stranger learns nothing.
    pub fn not_found() -> Self {
        Self::new(ErrorKind::NotFound, "there is no such thing, or it is not yours to see")
    }

    /// A body of more bytes than these.
    pub(crate) fn body_too_large(bytes_max: u64) -> Self {
        let message = format!("the body is larger than the limit of {bytes_max} bytes");
        Self::new(ErrorKind::TooLarge, message)
    }

    /// Bytes that have to be brought first.
    pub(crate) fn archived() -> Self {
        Self::new(
            ErrorKind::NotImmediatelyAvailable,
            "the bytes lie in an archive tier of the store and cannot be read at once",
        )
        .with_guidance(
            "ask for a restore first (POST /api/v1/packages/ID/restore), and come again when it is done",
        )
    }

    /// Something that cannot be, or that only the log may tell of.
    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(ErrorKind::Internal, "the registry failed at this; its log says why")
            .with_source(source)
    }

    /// Adds one line that says what a person can do.
    pub fn with_guidance(mut self, guidance: impl Into<Cow<'static, str>>) -> Self {
        self.guidance = Some(guidance.into());
        self
    }

    /// Adds the cause, for the log.
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same failure, of which is told what it is about.
    pub(crate) fn about(mut self, what: impl std::fmt::Display) -> Self {
        self.message = format!("{what}: {}", self.message).into();
        self
    }

    /// The same with what a person can do in its message, where that is all that is kept of it.
    pub(crate) fn in_one_line(mut self) -> Self {
        if let Some(guidance) = self.guidance.take() {
            self.message = format!("{}; {guidance}", self.message).into();
        }
        self
    }

    /// The meaning.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What a person can do, if anything.
    pub fn guidance(&self) -> Option<&str> {
        self.guidance.as_deref()
    }
}

/// A store's failure as it looks from outside: who asks the registry has no business with its bucket, so of
/// the reason only the meaning is told.
impl From<StorageError> for ServiceError {
    fn from(error: StorageError) -> Self {
        let (kind, message) = match error.kind() {
            StorageErrorKind::Unreachable
            | StorageErrorKind::TimedOut
            | StorageErrorKind::Throttled
            | StorageErrorKind::ServerFault => {
                (ErrorKind::StoreUnavailable, "the store does not answer: try again")
            }
            StorageErrorKind::AlreadyExists => {
                (ErrorKind::Conflict, "something else is stored there already")
            }
            StorageErrorKind::Locked => (ErrorKind::Retained, "a lock in the store refuses"),
            StorageErrorKind::Integrity => {
                (ErrorKind::Corrupt, "the store does not hold what was stored")
            }
            StorageErrorKind::NotFound => (ErrorKind::Corrupt, "the store has lost it"),
            StorageErrorKind::Archived => return Self::archived().with_source(error),
            StorageErrorKind::NoSpace => (ErrorKind::StoreUnavailable, "the store is full"),
            StorageErrorKind::Limit => (ErrorKind::TooLarge, "it is larger than the store's limit"),
            StorageErrorKind::PermissionDenied
            | StorageErrorKind::Unauthenticated
            | StorageErrorKind::StoreNotFound
            | StorageErrorKind::Unsupported
            | StorageErrorKind::Tls
            | StorageErrorKind::WrongRegion
            | StorageErrorKind::ClockSkew
            | StorageErrorKind::InvalidKey
            | StorageErrorKind::Configuration
            | StorageErrorKind::InvalidRequest
            | StorageErrorKind::Malformed => {
                (ErrorKind::StoreRefused, "the store refuses; the operator can see why")
            }
            StorageErrorKind::BodyFailed => (ErrorKind::BodyMismatch, "the body broke off"),
            StorageErrorKind::Io => {
                (ErrorKind::Internal, "the registry could not read or write a local file")
            }
        };
        Self::new(kind, message).with_source(error)
    }
}

/// A database's failure as it looks from outside.
impl From<DbError> for ServiceError {
    fn from(error: DbError) -> Self {
        let (kind, message) = match error.kind() {
            DbErrorKind::Busy | DbErrorKind::Unreachable | DbErrorKind::Closed => {
                (ErrorKind::Busy, "the registry is busy: try again")
            }
            DbErrorKind::Stale => (ErrorKind::Busy, "it was changed just now: try again"),
            DbErrorKind::Conflict => (ErrorKind::Conflict, "something else is there already"),
            // What a row does not take was not looked at before: a text with a NUL, a number without end.
            DbErrorKind::Refused => (ErrorKind::Unprocessable, "a value cannot be kept"),
            DbErrorKind::Configuration
            | DbErrorKind::NotMigrated
            | DbErrorKind::NewerSchema
            | DbErrorKind::Malformed
            | DbErrorKind::NoSpace
            | DbErrorKind::Failed => return Self::internal(error),
        };
        Self::new(kind, message).with_source(error)
    }
}

/// What became of an object's bytes, as whoever sent or asked for them is told.
impl From<KeepError> for ServiceError {
    fn from(error: KeepError) -> Self {
        let (kind, message) = match error.kind() {
            KeepErrorKind::Store(kind) => {
                return Self::from(StorageError::new(kind, error.to_string()).with_source(error));
            }
            KeepErrorKind::WrongDigest => {
                (ErrorKind::BodyMismatch, "the body is not of the digest that was declared")
            }
            KeepErrorKind::WrongLength => {
                (ErrorKind::BodyMismatch, "the body is not of the length that was declared")
            }
            // It names the limit, and what was not declared; nothing of what was sent.
            KeepErrorKind::TooLong => return Self::new(ErrorKind::TooLarge, error.to_string()),
            KeepErrorKind::BodyBroken => (ErrorKind::BodyMismatch, "the body broke off"),
            KeepErrorKind::Conflict => {
                (ErrorKind::Conflict, "something else is stored there already")
            }
            KeepErrorKind::Corrupt | KeepErrorKind::Bundle(_) => {
                (ErrorKind::Corrupt, "the store does not hold what was stored")
            }
            KeepErrorKind::LockImpossible => {
                (ErrorKind::StoreRefused, "the store cannot hold the lock that is asked for")
            }
            KeepErrorKind::CalledOff => {
                (ErrorKind::Busy, "the right to do it was over: another worker may have it now")
            }
            KeepErrorKind::NotDeleted | KeepErrorKind::VersionsUnobserved => {
                (ErrorKind::StoreRefused, "it was not observed that the object is gone")
            }
        };
        Self::new(kind, message).with_source(error)
    }
}

/// What was declared and is refused. The refusal names fields and kinds, never a value.
impl From<DeclarationRefused> for ServiceError {
    fn from(error: DeclarationRefused) -> Self {
        let guidance = error.guidance().map(str::to_owned);
        let kind = match error {
            DeclarationRefused::Rule(_) => ErrorKind::Unprocessable,
            DeclarationRefused::Secrets(_) => ErrorKind::PolicyNotMet,
        };
        let refused = Self::new(kind, error.to_string());
        match guidance {
            Some(guidance) => refused.with_guidance(guidance),
            None => refused,
        }
    }
}
