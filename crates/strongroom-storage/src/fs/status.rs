//! What a directory says of itself as a store.

use rustix::fs::Access;
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::receipt::EnforcedBy;

use super::Directory;
use super::failure::{failed, is_absent};
use super::tree::nearest;
use crate::StorageErrorKind;
use crate::status::{STATUS_SCHEMA, StoreStatus, Versioning};

impl Directory {
    /// Looks without writing. A directory that is not there yet counts as readable, for it is
    /// empty, and as writable where it could be made.
    pub(super) fn status(&self) -> StoreStatus {
        let mut problems = Vec::new();
        let unsupported = Unobserved::UnsupportedBackend;
        StoreStatus {
            schema: STATUS_SCHEMA,
            store: self.url.clone(),
            backend: "file",
            reachable: Observed::Observed(nearest(&self.disk, &self.root).is_some()),
            readable: self.observe(Access::READ_OK | Access::EXEC_OK, &mut problems),
            writable: self.observe(Access::WRITE_OK | Access::EXEC_OK, &mut problems),
            versioning: Observed::Observed(Versioning::Disabled),
            object_lock: Observed::Unobserved(unsupported),
            default_retention: Observed::Observed(None),
            encryption: Observed::Unobserved(unsupported),
            public_access: Observed::Unobserved(unsupported),
            clock_skew_seconds: Observed::Observed(0),
            locks_enforced_by: EnforcedBy::Strongroom,
            problems,
        }
    }

    fn observe(&self, access: Access, problems: &mut Vec<String>) -> Observed<bool> {
        let allowed = match self.disk.open_root(&self.root) {
            Err(cause) if is_absent(&cause) => match nearest(&self.disk, &self.root) {
                Some(parent) if access.contains(Access::WRITE_OK) => {
                    self.disk.may_access(&parent, access)
                }
                _ => Ok(()),
            },
            opened => opened.and_then(|_| self.disk.may_access(&self.root, access)),
        };
        let Err(cause) = allowed else { return Observed::Observed(true) };
        let refused = failed("looking at the store's directory", cause);
        problems.push(refused.to_string());
        match refused.kind() {
            StorageErrorKind::PermissionDenied => Observed::Observed(false),
            _ => Observed::Unobserved(Unobserved::Error),
        }
    }
}
