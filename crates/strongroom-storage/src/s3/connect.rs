//! Settings become a store. Nothing is sent yet: the first operation finds out what answers.

use std::sync::Arc;

use super::S3Storage;
use super::address::Address;
use super::credentials;
use super::observations::Observations;
use super::request::Client;
use crate::exchange;
use crate::open::StoreSettings;
use crate::{Clock, StorageError};

impl S3Storage {
    /// Prepares the way to the bucket in `settings`. `Configuration` when they cannot work.
    pub async fn connect(settings: &StoreSettings, clock: Clock) -> Result<Self, StorageError> {
        let context = credentials::context()?;
        let address = Address::new(settings, || {
            ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().find_map(|name| context.env_var(name))
        })?;
        let public_address = address.public(settings)?;
        let http = exchange::client(settings.ca_file.as_deref()).await?;
        let of_a_profile = settings.credentials.is_none() && settings.profile.is_some();
        let signer = credentials::signer(settings, &address.region, context);
        Ok(Self {
            client: Arc::new(Client {
                http,
                signer,
                of_a_profile,
                address,
                public_address,
                clock,
                witness: None,
            }),
            encryption: settings.encryption.clone(),
            storage_class: settings.storage_class.clone(),
            observations: Arc::new(Observations::default()),
        })
    }
}
