//! Cleaning up: every version of every key that was written, as far as the store lets go of it.

use strongroom_core::observed::Observed;

use super::report::Leftover;
use super::run::{Run, told};
use crate::{ObjectKey, StorageErrorKind, VersionId};

impl Run<'_> {
    /// Deletes what this run wrote, and tells what stays.
    pub(super) async fn clean_up(&self) -> Vec<Leftover> {
        let mut leftovers = Vec::new();
        for key in self.written() {
            let versions = match self.store.versions(&key).await {
                Ok(Observed::Observed(versions)) => {
                    versions.into_iter().map(|listed| Some(listed.version)).collect()
                }
                // Without versions the object itself; where they cannot be listed, a marker on top.
                Ok(Observed::Unobserved(_)) | Err(_) => vec![None],
            };
            for version in versions {
                leftovers.extend(self.delete(&key, version).await);
            }
        }
        leftovers
    }

    async fn delete(&self, key: &ObjectKey, version: Option<VersionId>) -> Option<Leftover> {
        let refused = match self.store.delete(key, version.as_ref()).await {
            Ok(()) => return None,
            // A key that the store cannot hold was never written.
            Err(refused) if refused.kind() == StorageErrorKind::InvalidKey => return None,
            Err(refused) => refused,
        };
        let lock = self.store.lock(key, version.as_ref()).await;
        let retention = lock.ok().and_then(|lock| lock.certain().retention);
        Some(Leftover {
            key: self.store.whole_key(key),
            version_id: version.map(|version| version.0),
            locked_until: retention.map(|retention| retention.retain_until),
            reason: told(&refused),
        })
    }
}
