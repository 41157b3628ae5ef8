//! What goes wrong in the command line itself, and how any error is shown.

use std::borrow::Cow;
use std::fmt;
use std::io;

use serde::Serialize;
use strongroom_core::bundle::BundleError;
use strongroom_core::signing::SignatureError;
use strongroom_core::signing::key::KeyError;
use strongroom_core::signing::timestamp::TimestampError;
use strongroom_core::signing::trust::TrustError;
use strongroom_registry::db::DbError;
use strongroom_registry::error::ServiceError as RegistryError;
use strongroom_storage::evidence::{EvidenceError, EvidenceErrorKind};
use strongroom_storage::signer::SignerError;
use strongroom_storage::tsa::TsaError;
use strongroom_storage::{StorageError, StorageErrorKind};

use crate::exit::{Exit, exit_of};

/// The schema that [`ErrorDocument`] is printed under.
pub const ERROR_SCHEMA: &str = "strongroom.error/v1";

/// A failure of the command line: how to exit, a sentence, what a person can do.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    exit: Exit,
    message: Cow<'static, str>,
    help: Option<Cow<'static, str>>,
}

impl Failure {
    /// A failure. `message` is lower case, without full stop.
    pub fn new(exit: Exit, message: impl Into<Cow<'static, str>>) -> Self {
        Self { exit, message: message.into(), help: None }
    }

    /// Wrong usage or configuration.
    pub fn usage(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Adds one line that says what a person can do.
    pub fn with_help(mut self, help: impl Into<Cow<'static, str>>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same failure, of which is told what it is about.
    pub fn about(mut self, what: impl fmt::Display) -> Self {
        self.message = format!("{what}: {}", self.message).into();
        self
    }

    /// What a person can do, if anything.
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// How to exit.
    pub fn exit(&self) -> Exit {
        self.exit
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// An error as a JSON document on standard error.
#[derive(Debug, Serialize)]
pub struct ErrorDocument {
    schema: &'static str,
    exit_code: u8,
    kind: &'static str,
    /// What went wrong, in one sentence.
    pub message: String,
    /// What a person can do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl ErrorDocument {
    /// What `error` says.
    pub fn of(error: &anyhow::Error) -> Self {
        let exit = exit_of(error);
        let help = error.chain().find_map(help_of);
        Self::new(exit, message_of(error), help)
    }

    /// An error that is only a text.
    pub fn new(exit: Exit, message: String, help: Option<String>) -> Self {
        Self { schema: ERROR_SCHEMA, exit_code: exit.code(), kind: exit.name(), message, help }
    }
}

/// The error and those of its causes that people can do something with: contexts of our own, and
/// what the operating system said. Whatever else libraries say is for logs.
fn message_of(error: &anyhow::Error) -> String {
    let mut message = error.to_string();
    for cause in error.chain().skip(1) {
        let of_the_system =
            cause.downcast_ref::<io::Error>().is_some_and(|error| error.raw_os_error().is_some());
        if !of_the_system && !is_ours(cause) {
            continue;
        }
        let cause = cause.to_string();
        if !message.contains(&cause) {
            message.push_str(": ");
            message.push_str(&cause);
        }
    }
    message
}

fn is_ours(cause: &(dyn std::error::Error + 'static)) -> bool {
    cause.is::<Failure>()
        || cause.is::<EvidenceError>()
        || cause.is::<StorageError>()
        || cause.is::<BundleError>()
        || cause.is::<KeyError>()
        || cause.is::<SignatureError>()
        || cause.is::<TrustError>()
        || cause.is::<SignerError>()
        || cause.is::<TsaError>()
        || cause.is::<TimestampError>()
        || cause.is::<DbError>()
        || cause.is::<RegistryError>()
}

fn help_of(cause: &(dyn std::error::Error + 'static)) -> Option<String> {
    if let Some(failure) = cause.downcast_ref::<Failure>() {
        return failure.help.as_ref().map(ToString::to_string);
    }
    if let Some(error) = cause.downcast_ref::<EvidenceError>() {
        return error.guidance().map(ToOwned::to_owned);
    }
    if let Some(error) = cause.downcast_ref::<DbError>() {
        return error.guidance().map(ToOwned::to_owned);
    }
    if let Some(error) = cause.downcast_ref::<RegistryError>() {
        return error.guidance().map(ToOwned::to_owned);
    }
    if let Some(error) = cause.downcast_ref::<BundleError>() {
        return error.guidance().map(ToOwned::to_owned);
    }
    if let Some(error) = cause.downcast_ref::<KeyError>() {
        return error.guidance().map(ToOwned::to_owned);
    }
    if let Some(error) = cause.downcast_ref::<SignerError>() {
        return error.guidance().map(ToOwned::to_owned);
    }
    if let Some(error) = cause.downcast_ref::<TsaError>() {
        return error.guidance().map(ToOwned::to_owned);
    }
    if let Some(error) = cause.downcast_ref::<TimestampError>() {
        return error.guidance().map(ToOwned::to_owned);
    }
    cause.downcast_ref::<StorageError>()?.guidance().map(ToOwned::to_owned)
}

/// Whether the error is about the store, or about what it holds, and so does not make sense without
/// its name.
pub fn is_about_the_store(error: &anyhow::Error) -> bool {
    let meaning = error.chain().find_map(|cause| {
        if cause.is::<Failure>() {
            return Some(false);
        }
        if let Some(error) = cause.downcast_ref::<EvidenceError>() {
            return Some(match error.kind() {
                EvidenceErrorKind::Store(kind) => is_of_a_store_in_use(kind),
                kind => matches!(
                    kind,
                    EvidenceErrorKind::NotFound
                        | EvidenceErrorKind::Conflict
                        | EvidenceErrorKind::RetentionNotMet
                        | EvidenceErrorKind::LockUnobserved
                ),
            });
        }
        Some(is_of_a_store_in_use(cause.downcast_ref::<StorageError>()?.kind()))
    });
    meaning.unwrap_or(false)
}

/// Not of the settings, which name their own place, nor of the bytes on their way to it.
fn is_of_a_store_in_use(kind: StorageErrorKind) -> bool {
    !matches!(kind, StorageErrorKind::Configuration | StorageErrorKind::BodyFailed)
}

/// Whether the reader of standard output went away, as `head` does: no failure of ours.
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.is::<ClosedPipe>())
}

/// Standard output has no reader any more.
#[derive(Debug)]
pub struct ClosedPipe;

impl fmt::Display for ClosedPipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("standard output was closed")
    }
}

impl std::error::Error for ClosedPipe {}

/// A failure to write to standard output.
pub fn output_failed(error: io::Error) -> anyhow::Error {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return anyhow::Error::new(ClosedPipe);
    }
    anyhow::Error::new(error).context("standard output could not be written")
}

#[cfg(test)]
mod tests {
    use strongroom_core::bundle::Refusal;

    use super::*;

    #[test]
    fn a_cause_that_the_message_repeats_is_said_once() {
        let inner = StorageError::new(StorageErrorKind::NotFound, "no such object")
            .with_guidance("look elsewhere");
        let document = ErrorDocument::of(&anyhow::Error::new(EvidenceError::from(inner)));
        assert_eq!(document.message, "no such object");
        assert_eq!(document.help.as_deref(), Some("look elsewhere"));
        assert_eq!(document.exit_code, 7);
    }

    #[test]
    fn what_the_system_said_is_told_and_what_a_library_said_is_not() {
        let denied = io::Error::from_raw_os_error(13);
        let inner = StorageError::new(StorageErrorKind::Io, "the file could not be read")
            .with_source(denied);
        let message = ErrorDocument::of(&anyhow::Error::new(inner)).message;
        assert!(message.starts_with("the file could not be read: "), "{message}");
        let inner = StorageError::new(StorageErrorKind::Unreachable, "no connection")
            .with_source("https://host/?X-Amz-Signature=0123");
        assert_eq!(ErrorDocument::of(&anyhow::Error::new(inner)).message, "no connection");
    }

    #[test]
    fn only_errors_about_a_store_take_its_name() {
        let of_storage = |kind| anyhow::Error::new(StorageError::new(kind, "failed"));
        assert!(is_about_the_store(&of_storage(StorageErrorKind::StoreNotFound)));
        assert!(is_about_the_store(&of_storage(StorageErrorKind::Unreachable)));
        assert!(!is_about_the_store(&of_storage(StorageErrorKind::Configuration)));
        let of_evidence = |kind| anyhow::Error::new(EvidenceError::new(kind, "failed"));
        assert!(is_about_the_store(&of_evidence(EvidenceErrorKind::NotFound)));
        assert!(is_about_the_store(&of_evidence(EvidenceErrorKind::Conflict)));
        assert!(!is_about_the_store(&of_evidence(EvidenceErrorKind::LocalFileExists)));
        assert!(!is_about_the_store(&of_evidence(EvidenceErrorKind::Bundle(Refusal::Format))));
        assert!(!is_about_the_store(&Failure::usage("wrong").into()));
    }

    #[test]
    fn only_a_closed_pipe_is_no_failure() {
        assert!(is_closed_pipe(&output_failed(io::ErrorKind::BrokenPipe.into())));
        assert!(!is_closed_pipe(&output_failed(io::ErrorKind::StorageFull.into())));
    }
}
