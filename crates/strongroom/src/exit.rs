//! Exit codes: one table, and one function from an error to its row.

use strongroom_core::bundle::{BundleError, Refusal};
use strongroom_core::signing::SignatureError;
use strongroom_core::signing::key::KeyError;
use strongroom_core::signing::timestamp::TimestampError;
use strongroom_core::signing::trust::TrustError;
use strongroom_registry::db::{DbError, DbErrorKind};
use strongroom_registry::error::{ErrorKind, ServiceError as RegistryError};
use strongroom_storage::evidence::{EvidenceError, EvidenceErrorKind};
use strongroom_storage::service::ServiceErrorKind;
use strongroom_storage::signer::{SignerError, SignerErrorKind};
use strongroom_storage::tsa::TsaError;
use strongroom_storage::{StorageError, StorageErrorKind};

use crate::failure::Failure;

/// How the program ends. The numbers are public contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Exit {
    /// Done, also when the bundle was there already.
    Done,
    /// Failed, or unreadable: nothing is said of the content.
    Failed,
    /// Wrong usage or configuration.
    Usage,
    /// A rule of integrity, format or safety is broken.
    Integrity,
    /// Signature or trust.
    Trust,
    /// Retention or policy not met.
    Policy,
    /// Something else is there.
    Conflict,
    /// Not found.
    NotFound,
    /// Not authenticated or not allowed.
    Denied,
    /// The store is unsafe for what was asked.
    UnsafeStore,
    /// Refused by a limit.
    Limit,
    /// Unreachable.
    Unreachable,
    /// Findings at or above `--fail-on`.
    Findings,
    /// Partly done.
    Partial,
    /// Interrupted.
    Interrupted,
}

impl Exit {
    /// Every row of the table.
    pub const ALL: [Self; 15] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::Integrity,
        Self::Trust,
        Self::Policy,
        Self::Conflict,
        Self::NotFound,
        Self::Denied,
        Self::UnsafeStore,
        Self::Limit,
        Self::Unreachable,
        Self::Findings,
        Self::Partial,
        Self::Interrupted,
    ];

    /// The process's exit code.
    pub fn code(self) -> u8 {
        self.row().0
    }

    /// The stable name in JSON errors.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// What it means, for people.
    pub fn meaning(self) -> &'static str {
        self.row().2
    }

    fn row(self) -> (u8, &'static str, &'static str) {
        match self {
            Self::Done => (0, "done", "done, also when it was stored already"),
            Self::Failed => (1, "failed", "failed, or unreadable: nothing is said of the content"),
            Self::Usage => (2, "usage", "wrong usage or configuration"),
            Self::Integrity => (3, "integrity", "a rule of integrity, format or safety is broken"),
            Self::Trust => (4, "trust", "signature or trust"),
            Self::Policy => (5, "policy", "retention or policy not met"),
            Self::Conflict => (6, "conflict", "conflict: something else is there"),
            Self::NotFound => (7, "not_found", "not found"),
            Self::Denied => (8, "denied", "not authenticated or not allowed"),
            Self::UnsafeStore => (9, "unsafe_store", "the store is unsafe for what was asked"),
            Self::Limit => (10, "limit", "refused by a limit: not looked at"),
            Self::Unreachable => (11, "unreachable", "unreachable: worth trying again"),
            Self::Findings => (12, "findings", "findings at or above --fail-on"),
            Self::Partial => (13, "partial", "partly done: the output says which"),
            Self::Interrupted => (130, "interrupted", "interrupted"),
        }
    }
}

/// The exit that an error stands for: the outermost cause that has a meaning decides.
pub fn exit_of(error: &anyhow::Error) -> Exit {
    error.chain().find_map(meaning_of).unwrap_or(Exit::Failed)
}

fn meaning_of(cause: &(dyn std::error::Error + 'static)) -> Option<Exit> {
    if let Some(failure) = cause.downcast_ref::<Failure>() {
        return Some(failure.exit());
    }
    if let Some(error) = cause.downcast_ref::<EvidenceError>() {
        return Some(of_evidence(error.kind()));
    }
    if let Some(error) = cause.downcast_ref::<StorageError>() {
        return Some(of_storage(error.kind()));
    }
    if let Some(error) = cause.downcast_ref::<KeyError>() {
        return Some(of_key(*error));
    }
    if let Some(error) = cause.downcast_ref::<SignatureError>() {
        return Some(match error {
            SignatureError::Limit(_) => Exit::Limit,
            _ => Exit::Integrity,
        });
    }
    if let Some(error) = cause.downcast_ref::<TrustError>() {
        return Some(of_trust(*error));
    }
    if let Some(error) = cause.downcast_ref::<SignerError>() {
        return Some(of_signer(error.kind()));
    }
    if let Some(error) = cause.downcast_ref::<TsaError>() {
        return Some(of_tsa(error));
    }
    if let Some(error) = cause.downcast_ref::<TimestampError>() {
        return Some(of_timestamp(error));
    }
    if let Some(error) = cause.downcast_ref::<DbError>() {
        return Some(of_database(error.kind()));
    }
    if let Some(error) = cause.downcast_ref::<RegistryError>() {
        return Some(of_registry(error.kind()));
    }
    cause.downcast_ref::<BundleError>().map(|error| of_refusal(error.refusal()))
}

/// The exit for a database that failed.
fn of_database(kind: DbErrorKind) -> Exit {
    match kind {
        DbErrorKind::Configuration | DbErrorKind::NewerSchema | DbErrorKind::NotMigrated => {
            Exit::Usage
        }
        DbErrorKind::Unreachable | DbErrorKind::Busy | DbErrorKind::Stale => Exit::Unreachable,
        DbErrorKind::Conflict => Exit::Conflict,
        DbErrorKind::Refused => Exit::Limit,
        DbErrorKind::Malformed => Exit::Integrity,
        DbErrorKind::NoSpace | DbErrorKind::Closed | DbErrorKind::Failed => Exit::Failed,
    }
}

/// The exit for what a registry answers.
pub fn of_registry(kind: ErrorKind) -> Exit {
    match kind {
        ErrorKind::Invalid
        | ErrorKind::Unprocessable
        | ErrorKind::RangeNotSatisfiable
        | ErrorKind::MethodNotAllowed
        | ErrorKind::UnsupportedMediaType
        | ErrorKind::ProtocolVersion
        | ErrorKind::KeyReused => Exit::Usage,
        ErrorKind::BodyMismatch | ErrorKind::Corrupt => Exit::Integrity,
        ErrorKind::Unauthenticated | ErrorKind::Forbidden => Exit::Denied,
        ErrorKind::NotFound => Exit::NotFound,
        ErrorKind::Conflict | ErrorKind::WrongState | ErrorKind::PreconditionFailed => {
            Exit::Conflict
        }
        ErrorKind::PolicyNotMet | ErrorKind::Retained => Exit::Policy,
        ErrorKind::TooLarge => Exit::Limit,
        ErrorKind::NotImmediatelyAvailable
        | ErrorKind::BeingStored
        | ErrorKind::Busy
        | ErrorKind::StoreUnavailable => Exit::Unreachable,
        ErrorKind::StoreRefused => Exit::UnsafeStore,
        ErrorKind::Internal => Exit::Failed,
    }
}

/// The exit for a refused key: its form, or how it was asked for.
fn of_key(error: KeyError) -> Exit {
    match error {
        KeyError::NotPem(_) | KeyError::NotPkcs8 | KeyError::Unsupported => Exit::Integrity,
        KeyError::OtherKind { .. } | KeyError::PassphraseMissing | KeyError::NotDecrypted => {
            Exit::Usage
        }
        KeyError::NotMade => Exit::Failed,
    }
}

/// The exit for a refused trust root.
fn of_trust(error: TrustError) -> Exit {
    match error {
        TrustError::NotATrustRoot
        | TrustError::UnknownVersion
        | TrustError::Field(_)
        | TrustError::NotOfItsKey(_)
        | TrustError::SameName
        | TrustError::OwnersDiffer
        | TrustError::Twice => Exit::Integrity,
        TrustError::Key(error) => of_key(error),
        TrustError::Limit(_) => Exit::Limit,
        TrustError::Absent => Exit::NotFound,
        TrustError::Revoked => Exit::Conflict,
        TrustError::BeforeItsTime => Exit::Usage,
    }
}

/// The exit for a key that did not sign.
fn of_signer(kind: SignerErrorKind) -> Exit {
    match kind {
        SignerErrorKind::Configuration => Exit::Usage,
        SignerErrorKind::NotFound => Exit::NotFound,
        SignerErrorKind::Denied => Exit::Denied,
        SignerErrorKind::Unreachable => Exit::Unreachable,
        SignerErrorKind::Failed => Exit::Failed,
        SignerErrorKind::BadSignature => Exit::Trust,
        SignerErrorKind::Limit => Exit::Limit,
    }
}

/// The exit for a time stamp that was not had.
fn of_tsa(error: &TsaError) -> Exit {
    match error {
        TsaError::Answer(error) => of_timestamp(error),
        TsaError::Service(error) => of_service(error.kind()),
    }
}

/// The exit for a service that did not give what was asked for.
pub fn of_service(kind: ServiceErrorKind) -> Exit {
    match kind {
        ServiceErrorKind::Configuration => Exit::Usage,
        ServiceErrorKind::Unreachable => Exit::Unreachable,
        ServiceErrorKind::Denied => Exit::Denied,
        ServiceErrorKind::NotFound => Exit::NotFound,
        ServiceErrorKind::Failed | ServiceErrorKind::Malformed => Exit::Failed,
        ServiceErrorKind::Limit => Exit::Limit,
    }
}

/// The exit for a refused time stamp, or a refused file of authorities.
fn of_timestamp(error: &TimestampError) -> Exit {
    match error {
        TimestampError::Authorities(_) => Exit::Integrity,
        TimestampError::Limit(_) => Exit::Limit,
        TimestampError::Refused { .. } => Exit::Failed,
        _ => Exit::Trust,
    }
}

/// The exit for a failed operation on evidence.
fn of_evidence(kind: EvidenceErrorKind) -> Exit {
    match kind {
        EvidenceErrorKind::Store(kind) => of_storage(kind),
        EvidenceErrorKind::Bundle(refusal) => of_refusal(refusal),
        EvidenceErrorKind::RetentionNotMet | EvidenceErrorKind::LockUnobserved => Exit::Policy,
        EvidenceErrorKind::PlanNotMet | EvidenceErrorKind::NoBaseline => Exit::Policy,
        EvidenceErrorKind::PlanBroken => Exit::Integrity,
        EvidenceErrorKind::SignaturesNotMet => Exit::Trust,
        EvidenceErrorKind::Conflict | EvidenceErrorKind::LocalFileExists => Exit::Conflict,
        EvidenceErrorKind::NotFound => Exit::NotFound,
        EvidenceErrorKind::LocalFile => Exit::Failed,
        EvidenceErrorKind::PartlyDone => Exit::Partial,
    }
}

/// The exit for a refused bundle.
fn of_refusal(refusal: Refusal) -> Exit {
    match refusal {
        Refusal::Integrity | Refusal::Format | Refusal::Security => Exit::Integrity,
        Refusal::Limit => Exit::Limit,
        Refusal::Unreadable => Exit::Failed,
    }
}

/// The exit for a failed store.
fn of_storage(kind: StorageErrorKind) -> Exit {
    match kind {
        StorageErrorKind::NotFound | StorageErrorKind::StoreNotFound => Exit::NotFound,
        StorageErrorKind::AlreadyExists => Exit::Conflict,
        StorageErrorKind::PermissionDenied
        | StorageErrorKind::Unauthenticated
        | StorageErrorKind::ClockSkew => Exit::Denied,
        StorageErrorKind::Locked => Exit::Policy,
        StorageErrorKind::Unsupported => Exit::UnsafeStore,
        StorageErrorKind::Unreachable
        | StorageErrorKind::TimedOut
        | StorageErrorKind::Throttled
        | StorageErrorKind::ServerFault => Exit::Unreachable,
        // A handshake that fails will fail again: what is configured and what is there differ.
        StorageErrorKind::Tls
        | StorageErrorKind::WrongRegion
        | StorageErrorKind::InvalidKey
        | StorageErrorKind::Configuration => Exit::Usage,
        StorageErrorKind::Integrity => Exit::Integrity,
        StorageErrorKind::Limit => Exit::Limit,
        StorageErrorKind::NoSpace
        | StorageErrorKind::Archived
        | StorageErrorKind::InvalidRequest
        | StorageErrorKind::Malformed
        | StorageErrorKind::BodyFailed
        | StorageErrorKind::Io => Exit::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_the_published_ones() {
        let codes: Vec<u8> = Exit::ALL.iter().map(|exit| exit.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 130]);
    }

    #[test]
    fn a_refused_bundle_exits_by_its_class() {
        let table = [
            (Refusal::Integrity, 3),
            (Refusal::Format, 3),
            (Refusal::Security, 3),
            (Refusal::Limit, 10),
            (Refusal::Unreadable, 1),
        ];
        for (refusal, code) in table {
            let error = anyhow::Error::new(BundleError::new(refusal, "refused"));
            assert_eq!(exit_of(&error).code(), code, "{refusal:?}");
            let wrapped = EvidenceError::from(BundleError::new(refusal, "refused"));
            assert_eq!(exit_of(&anyhow::Error::new(wrapped)).code(), code, "{refusal:?}");
        }
    }

    #[test]
    fn a_failed_store_exits_by_its_kind() {
        use StorageErrorKind as Kind;
        let table = [
            (Kind::NotFound, 7),
            (Kind::StoreNotFound, 7),
            (Kind::AlreadyExists, 6),
            (Kind::PermissionDenied, 8),
            (Kind::Unauthenticated, 8),
            (Kind::Locked, 5),
            (Kind::Unsupported, 9),
            (Kind::Unreachable, 11),
            (Kind::Tls, 2),
            (Kind::TimedOut, 11),
            (Kind::Throttled, 11),
            (Kind::ServerFault, 11),
            (Kind::WrongRegion, 2),
            (Kind::ClockSkew, 8),
            (Kind::Integrity, 3),
            (Kind::NoSpace, 1),
            (Kind::InvalidKey, 2),
            (Kind::Configuration, 2),
            (Kind::Archived, 1),
            (Kind::InvalidRequest, 1),
            (Kind::Malformed, 1),
            (Kind::Limit, 10),
            (Kind::BodyFailed, 1),
            (Kind::Io, 1),
        ];
        for (kind, code) in table {
            let error = anyhow::Error::new(StorageError::new(kind, "failed"));
            assert_eq!(exit_of(&error).code(), code, "{kind:?}");
            let wrapped = EvidenceError::from(StorageError::new(kind, "failed"));
            assert_eq!(exit_of(&anyhow::Error::new(wrapped)).code(), code, "{kind:?}");
        }
    }

    #[test]
    fn a_failed_operation_exits_by_its_kind() {
        let table = [
            (EvidenceErrorKind::RetentionNotMet, 5),
            (EvidenceErrorKind::LockUnobserved, 5),
            (EvidenceErrorKind::SignaturesNotMet, 4),
            (EvidenceErrorKind::Conflict, 6),
            (EvidenceErrorKind::NotFound, 7),
            (EvidenceErrorKind::NoBaseline, 5),
            (EvidenceErrorKind::LocalFile, 1),
            (EvidenceErrorKind::PartlyDone, 13),
        ];
        for (kind, code) in table {
            let error = anyhow::Error::new(EvidenceError::new(kind, "failed"));
            assert_eq!(exit_of(&error).code(), code, "{kind:?}");
        }
    }

    #[test]
    fn every_worth_trying_again_exits_11() {
        let kinds = [
            StorageErrorKind::Unreachable,
            StorageErrorKind::TimedOut,
            StorageErrorKind::Throttled,
            StorageErrorKind::ServerFault,
        ];
        assert!(kinds.iter().all(|kind| kind.is_transient()));
    }

    #[test]
    fn the_outermost_meaning_decides_and_none_means_failed() {
        let inner = StorageError::new(StorageErrorKind::NotFound, "no such object");
        let partly = EvidenceError::new(EvidenceErrorKind::PartlyDone, "partly").with_source(inner);
        assert_eq!(exit_of(&anyhow::Error::new(partly)), Exit::Partial);
        assert_eq!(exit_of(&anyhow::anyhow!("something")), Exit::Failed);
        let usage = anyhow::Error::new(Failure::usage("wrong")).context("while doing so");
        assert_eq!(exit_of(&usage), Exit::Usage);
    }
}
