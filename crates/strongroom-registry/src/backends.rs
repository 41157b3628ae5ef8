//! Where bytes are kept: each store under a short name, which stands in rows and records.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use strongroom_storage::Storage;

use crate::error::ServiceError;

/// The backend of a registry that has no other.
pub const DEFAULT_BACKEND: &str = "default";

/// A store, and the name that rows and records know it by.
#[derive(Clone)]
pub struct Backend {
    /// The name.
    pub id: String,
    /// The store.
    pub store: Arc<dyn Storage>,
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backend").field("id", &self.id).field("url", &self.store.url()).finish()
    }
}

/// Every backend of a registry.
#[derive(Debug, Clone)]
pub struct Backends {
    for_new_packages: Backend,
    by_id: BTreeMap<String, Backend>,
}

impl Backends {
    /// One store for everything.
    pub fn single(store: Arc<dyn Storage>) -> Self {
        let backend = Backend { id: DEFAULT_BACKEND.to_owned(), store };
        let by_id = BTreeMap::from([(backend.id.clone(), backend.clone())]);
        Self { for_new_packages: backend, by_id }
    }

    /// Where the next package goes. The answer is written on its row, so that nothing of it ever moves by a
    /// change of settings.
    pub fn for_new_packages(&self) -> &Backend {
        &self.for_new_packages
    }

    /// The backend that a row names.
    pub fn get(&self, id: &str) -> Result<&Backend, ServiceError> {
        self.by_id.get(id).ok_or_else(|| {
            ServiceError::internal(std::io::Error::other(
                "a row names a storage backend that is not configured",
            ))
        })
    }

    /// Every backend, by name.
    pub fn all(&self) -> impl Iterator<Item = &Backend> {
        self.by_id.values()
    }
}
