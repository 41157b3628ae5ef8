//! What each storage backend says of itself, just now.

use super::Registry;
use crate::auth::{Action, Principal, Resource, authorize};
use crate::documents::{BackendDocument, BackendPage};
use crate::error::ServiceError;

impl Registry {
    /// Asks every backend. Leaves nothing behind.
    pub async fn backend_status(&self, who: &Principal) -> Result<BackendPage, ServiceError> {
        authorize(who, Action::ReadBackends, Resource::Registry)?;
        let mut backends = Vec::new();
        for backend in self.backends().all() {
            let status = backend.store.status().await;
            backends.push(BackendDocument {
                backend_id: backend.id.clone(),
                url: backend.store.url().to_owned(),
                endpoint: backend.store.endpoint().map(str::to_owned),
                takes_new_packages: backend.id == self.backends().for_new_packages().id,
                status: serde_json::to_value(status).map_err(ServiceError::internal)?,
            });
        }
        Ok(BackendPage { backends })
    }
}
