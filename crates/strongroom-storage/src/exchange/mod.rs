//! What the stores that are reached over HTTP share: the client, bodies, patience, and what it means
//! that there is no answer. What a store says is read by each backend for itself.

pub(crate) mod body;
pub(crate) mod dates;
pub(crate) mod lost;
pub(crate) mod payload;
pub(crate) mod retry;
pub(crate) mod source;
pub(crate) mod witness;
pub(crate) mod xml;

use std::path::Path;
use std::time::Duration;

use crate::{StorageError, StorageErrorKind};

/// How long a connection, DNS and TLS included, may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection is kept for the next request. Servers close theirs after a minute or so.
const IDLE_CONNECTION_TIMEOUT: Duration = Duration::from_secs(20);

/// A client for one store or service. A `ca_file` adds to the certificates that the system trusts.
pub(crate) async fn client(ca_file: Option<&Path>) -> Result<reqwest::Client, StorageError> {
    let mut http = reqwest::Client::builder()
        .user_agent(concat!("strongroom/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_CONNECTION_TIMEOUT)
        // A signed request belongs to one host: redirects become errors with guidance.
        .redirect(reqwest::redirect::Policy::none())
        // All retries are ours.
        .retry(reqwest::retry::never())
        // One connection for each part in flight; HTTP/2 would squeeze them all through one.
        .http1_only();
    if let Some(ca_file) = ca_file {
        let pem = tokio::fs::read(ca_file).await.map_err(|error| {
            StorageError::new(StorageErrorKind::Configuration, "the CA file cannot be read")
                .with_guidance("name a file of PEM certificates that this user may read")
                .with_source(error)
        })?;
        let certificates = reqwest::Certificate::from_pem_bundle(&pem)
            .ok()
            .filter(|certificates| !certificates.is_empty())
            .ok_or_else(|| {
                StorageError::new(
                    StorageErrorKind::Configuration,
                    "the CA file holds no PEM certificate",
                )
                .with_guidance("name a file that begins with -----BEGIN CERTIFICATE-----")
            })?;
        http = http.tls_certs_merge(certificates);
    }
    http.build().map_err(no_client)
}

/// No client can be made: the system's certificates are unreadable, or the CA file's are.
fn no_client(cause: reqwest::Error) -> StorageError {
    StorageError::new(StorageErrorKind::Configuration, "no https client can be made")
        .with_guidance("check that the system has CA certificates, and the CA file")
        .with_source(cause)
}
