//! Settings become a store. Nothing is sent yet: the first operation finds out what answers.

use std::sync::Arc;
use std::time::Duration;

use super::S3Storage;
use super::address::Address;
use super::observations::Observations;
use super::request::Client;
use super::{credentials, error};
use crate::open::StoreSettings;
use crate::{Clock, StorageError, StorageErrorKind};

/// How long a connection, DNS and TLS included, may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection is kept for the next request. Servers close theirs after a minute or so.
const IDLE_CONNECTION_TIMEOUT: Duration = Duration::from_secs(20);

impl S3Storage {
    /// Prepares the way to the bucket in `settings`. `Configuration` when they cannot work.
    pub async fn connect(settings: &StoreSettings, clock: Clock) -> Result<Self, StorageError> {
        let context = credentials::context()?;
        let address = Address::new(settings, || {
            ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().find_map(|name| context.env_var(name))
        })?;
        let http = http_client(settings).await?;
        let signer = credentials::signer(settings, &address.region, context);
        Ok(Self {
            client: Arc::new(Client { http, signer, address, clock }),
            encryption: settings.encryption.clone(),
            storage_class: settings.storage_class.clone(),
            observations: Arc::new(Observations::default()),
        })
    }
}

async fn http_client(settings: &StoreSettings) -> Result<reqwest::Client, StorageError> {
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
    if let Some(ca_file) = &settings.ca_file {
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
    http.build().map_err(error::no_client)
}
