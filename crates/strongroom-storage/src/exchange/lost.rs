//! What it means that there is no answer.

use std::error::Error;
use std::io;

use super::retry::FIRST_STALL;
use crate::{StorageError, StorageErrorKind as Kind};

/// Nothing moved for too long.
pub(crate) fn stalled() -> StorageError {
    StorageError::new(
        Kind::TimedOut,
        format!("the store did not answer within {} seconds", FIRST_STALL.as_secs()),
    )
    .with_guidance("try again later; look at the network and the store")
}

/// What a failed exchange means. The details of `error` go to the log only.
pub(crate) fn meaning(error: reqwest::Error) -> StorageError {
    let error = error.without_url();
    let chain = || std::iter::successors(error.source(), |cause| (*cause).source());
    let io_kind =
        chain().filter_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind).last();
    let (kind, message, guidance) = if error.is_builder() {
        (Kind::Configuration, "the request cannot be built", "check the endpoint and the key")
    } else if !error.is_connect() {
        (Kind::Unreachable, "the connection was lost", "try again later")
    } else if error.is_timeout() {
        (
            Kind::Unreachable,
            "the store does not take connections in time",
            "check the endpoint, its port, and the network between",
        )
    } else if chain().any(|cause| cause.to_string().starts_with("dns error")) {
        (
            Kind::Unreachable,
            "no such host",
            "check the endpoint's name; with virtual hosts the bucket is part of it: try path style",
        )
    } else if chain().any(is_tls) {
        tls(chain().map(|cause| cause.to_string()).last().unwrap_or_default().as_str())
    } else if io_kind == Some(io::ErrorKind::ConnectionRefused) {
        (
            Kind::Unreachable,
            "the connection was refused",
            "check the endpoint's port, and that the store is running",
        )
    } else {
        (Kind::Unreachable, "no connection to the store", "check the endpoint and the network")
    };
    StorageError::new(kind, message).with_guidance(guidance).with_source(error)
}

/// rustls reports through an `io::Error` of kind `InvalidData`; a server that hangs up on the
/// handshake shows as `UnexpectedEof`.
fn is_tls(cause: &(dyn Error + 'static)) -> bool {
    let text = cause.to_string();
    cause.downcast_ref::<io::Error>().is_some_and(|error| {
        error.kind() == io::ErrorKind::InvalidData || text.contains("tls handshake")
    }) || text.contains("peer certificate")
        // What answers is not TLS: plain http, most likely.
        || text.contains("corrupt message")
}

fn tls(cause: &str) -> (Kind, &'static str, &'static str) {
    let (message, guidance) = if cause.contains("UnknownIssuer") {
        (
            "the store's certificate comes from an authority that is not trusted",
            "name the private CA's certificate with `--store-ca`",
        )
    } else if cause.contains("not valid for name") || cause.contains("NotValidForName") {
        (
            "the store's certificate is for another name",
            "use the name in the certificate as the endpoint",
        )
    } else if cause.contains("xpired") {
        ("the store's certificate has expired", "renew it, or check this machine's clock")
    } else {
        (
            "no TLS connection to the store",
            "check that the endpoint speaks https on this port, and its certificate",
        )
    };
    (Kind::Tls, message, guidance)
}
