//! For how long the versions that hold a bundle are locked, counted from when they were stored.

use jiff::Timestamp;
use serde::Serialize;
use strongroom_core::BundleId;
use strongroom_core::observed::Unobserved;
use strongroom_core::retention::{Period, Retention};

use super::super::EvidenceError;
use super::super::guarded::{self, ObjectRole};
use crate::Storage;

/// One version that holds the bundle, and its dated lock as read back just now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LockedVersion {
    /// The whole key, prefix included.
    pub key: String,
    /// The version, where the store has versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// When it was stored, by the store's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored_at: Option<Timestamp>,
    /// The lock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
    /// Why it was not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unobserved: Option<Unobserved>,
}

impl LockedVersion {
    /// Whether the lock holds for at least `days` from storing. Dates count to the second, as locks do.
    pub fn covers(&self, days: u32) -> bool {
        let (Some(stored_at), Some(held)) = (self.stored_at, self.retention) else { return false };
        Period::Days(days)
            .after(stored_at)
            .is_ok_and(|needed| held.retain_until.as_second() >= needed.as_second())
    }
}

/// The versions that hold a bundle, with their locks.
pub async fn locked_versions(
    store: &dyn Storage,
    id: BundleId,
) -> Result<Vec<LockedVersion>, EvidenceError> {
    let mut objects = guarded::find(store, id).await?.objects;
    objects.retain(|object| object.role == ObjectRole::Bundle);
    let seen = guarded::locks_of(store, &objects).await?;
    let mut versions = Vec::new();
    for (object, seen) in objects.iter().zip(seen) {
        let Some(seen) = seen else { continue };
        let info = store.head(&object.key, object.version.as_ref()).await?;
        versions.push(LockedVersion {
            key: store.whole_key(&object.key),
            version_id: object.version.as_ref().map(|version| version.0.clone()),
            stored_at: info.last_modified,
            retention: seen.certain().retention,
            unobserved: seen.retention.reason(),
        });
    }
    Ok(versions)
}
