//! The store under analysis.

use std::sync::Arc;

use crate::exchange::witness::Witness;
use crate::open::{self, Location, StoreSettings};
use crate::s3::S3Storage;
use crate::{Clock, Storage, StorageError};

/// A store that can be analyzed: S3 by raw requests, everything else through its backend.
#[derive(Debug, Clone)]
pub enum Target {
    /// A store that speaks S3.
    S3(S3Storage),
    /// Any other.
    Other(Arc<dyn Storage>),
}

impl Target {
    /// Opens the store that `settings` name.
    pub async fn open(settings: &StoreSettings, clock: Clock) -> Result<Self, StorageError> {
        match Location::parse(&settings.url)? {
            Location::S3(_) => Ok(Self::S3(S3Storage::connect(settings, clock).await?)),
            _ => Ok(Self::Other(open::open(settings, clock).await?)),
        }
    }

    /// The store, as operations see it.
    pub fn store(&self) -> Arc<dyn Storage> {
        match self {
            Self::S3(store) => Arc::new(store.clone()),
            Self::Other(store) => Arc::clone(store),
        }
    }

    /// The same store, seen by a witness.
    pub(super) fn seen_by(&self, witness: &Arc<Witness>) -> Self {
        match self {
            Self::S3(store) => Self::S3(store.clone().with_witness(Arc::clone(witness))),
            Self::Other(store) => Self::Other(Arc::clone(store)),
        }
    }
}
