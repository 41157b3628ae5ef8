//! Settings become a store. Nothing is sent yet: the first operation finds out what answers.
//!
//! Credentials: the account and its key given outright, or the chain of `object_store`: bearer
//! token, account key, workload identity, client secret, SAS, Azure CLI, managed identity, under
//! the names that the Azure tools use in the environment.

use std::sync::Arc;
use std::time::Duration;

use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use reqsign_core::{Context, OsEnv};

use super::AzureStorage;
use super::address::Address;
use super::link::AccountKey;
use super::request::Client;
use crate::open::{ServerSideEncryption, StoreSettings};
use crate::{Clock, StorageError, StorageErrorKind, exchange};

/// How long one question to a metadata or token service may take.
const SERVICE_TIMEOUT: Duration = Duration::from_secs(3);

impl AzureStorage {
    /// Prepares the way to the container in `settings`. `Configuration` when they cannot work.
    pub async fn connect(settings: &StoreSettings, clock: Clock) -> Result<Self, StorageError> {
        let environment = environment();
        let account = environment.get_config_value(&AzureConfigKey::AccountName);
        let address = Address::new(settings, account)?;
        let encryption_scope = encryption_scope(settings)?;
        let public_address = address.public(settings)?;
        let account_key = account_key(&environment, settings);
        let credentials = credentials(environment, settings, &address)?;
        let http = exchange::client(settings.ca_file.as_deref()).await?;
        Ok(Self {
            client: Arc::new(Client {
                http,
                credentials,
                account_key,
                address,
                public_address,
                clock,
            }),
            encryption_scope,
            access_tier: settings.storage_class.clone(),
            observations: Arc::default(),
        })
    }
}

/// What the environment says: the names that `object_store` knows, and those of the Azure CLI.
fn environment() -> MicrosoftAzureBuilder {
    let variables = Context::new().with_env(OsEnv);
    let mut environment = MicrosoftAzureBuilder::from_env();
    for (name, key) in [
        ("AZURE_STORAGE_ACCOUNT", AzureConfigKey::AccountName),
        ("AZURE_STORAGE_KEY", AzureConfigKey::AccessKey),
    ] {
        if let (None, Some(value)) = (environment.get_config_value(&key), variables.env_var(name)) {
            environment = environment.with_config(key, value);
        }
    }
    environment
}

/// Azure encrypts everything with keys of its own; other keys hang on an encryption scope.
fn encryption_scope(settings: &StoreSettings) -> Result<Option<String>, StorageError> {
    match &settings.encryption {
        None | Some(ServerSideEncryption::Aes256) => Ok(None),
        Some(ServerSideEncryption::Kms { key_id: Some(scope) }) => Ok(Some(scope.clone())),
        Some(ServerSideEncryption::Kms { key_id: None }) => Err(StorageError::new(
            StorageErrorKind::Configuration,
            "a key of one's own has no default on Azure",
        )
        .with_guidance("name an encryption scope of the storage account as the key")),
    }
}

/// The account's key, if one is named. Whether it is what signs requests is for the chain of credentials to say.
fn account_key(
    environment: &MicrosoftAzureBuilder,
    settings: &StoreSettings,
) -> Option<AccountKey> {
    let named = match &settings.credentials {
        Some(given) => Some(given.secret_key.0.clone()),
        None => environment.get_config_value(&AzureConfigKey::AccessKey),
    };
    AccountKey::parse(&named?)
}

fn credentials(
    environment: MicrosoftAzureBuilder,
    settings: &StoreSettings,
    address: &Address,
) -> Result<object_store::azure::AzureCredentialProvider, StorageError> {
    let options =
        ClientOptions::new().with_connect_timeout(SERVICE_TIMEOUT).with_timeout(SERVICE_TIMEOUT);
    let retry = RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: 1,
        retry_timeout: SERVICE_TIMEOUT,
    };
    let builder = match &settings.credentials {
        Some(given) => MicrosoftAzureBuilder::new().with_access_key(&given.secret_key.0),
        None => environment,
    };
    let built = builder
        .with_account(&address.account)
        // Only the credentials are asked of what is built; the container's name plays no part.
        .with_container_name("credentials")
        .with_client_options(options)
        .with_retry(retry)
        .build();
    let store = built.map_err(|cause| {
        StorageError::new(
            StorageErrorKind::Configuration,
            "the credentials for the storage account cannot be used",
        )
        .with_guidance("check the account key (base64), the SAS, or the names of the identity")
        .with_source(cause)
    })?;
    Ok(store.credentials().clone())
}
