//! For how long the versions that hold a bundle are locked, counted from when they were stored.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use jiff::Timestamp;
use serde::Serialize;
use strongroom_core::digest::Sha256Hasher;
use strongroom_core::observed::Unobserved;
use strongroom_core::retention::{Period, Retention};
use strongroom_core::signing::statement::SignedBundle;
use strongroom_core::{BundleId, Sha256Digest};

use super::super::EvidenceError;
use super::super::guarded::{self, GuardedObject, ObjectRole};
use super::super::stored::{Wanted, leaves_other_versions, verify_in_place};
use crate::{ObjectInfo, Storage, StoredChecksum};

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

/// What an object must be to count.
#[derive(Debug, Clone, Copy)]
pub enum Expected<'a> {
    /// An archive of this bundle.
    Archive(&'a SignedBundle),
    /// Each key's object has this digest: the files of a directory.
    Files(BundleId, &'a BTreeMap<String, Sha256Digest>),
}

/// The versions that hold a bundle, with their locks. Each is proven: by the store's own SHA-256 where that
/// is the right one, else by reading it. A record alone may name anything.
pub async fn locked_versions(
    store: &dyn Storage,
    expected: Expected<'_>,
) -> Result<Vec<LockedVersion>, EvidenceError> {
    let id = match expected {
        Expected::Archive(bundle) => bundle.id,
        Expected::Files(id, _) => id,
    };
    let mut objects = guarded::find(store, id).await?.objects;
    objects.retain(|object| object.role == ObjectRole::Bundle);
    let seen = guarded::locks_of(store, &objects).await?;
    let mut versions = Vec::new();
    for (object, seen) in objects.iter().zip(seen) {
        let Some(seen) = seen else { continue };
        let info = store.head(&object.key, object.version.as_ref()).await?;
        let is_proven = match expected {
            Expected::Archive(bundle) => is_archive_of(store, object, &info, bundle).await?,
            Expected::Files(_, files) => match files.get(object.key.as_str()) {
                Some(digest) => has_digest(store, object, &info, *digest).await?,
                None => false,
            },
        };
        if !is_proven {
            continue;
        }
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

async fn is_archive_of(
    store: &dyn Storage,
    object: &GuardedObject,
    info: &ObjectInfo,
    bundle: &SignedBundle,
) -> Result<bool, EvidenceError> {
    let archive = bundle.archive.map(StoredChecksum::Sha256);
    if archive.is_some() && info.checksum == archive {
        return Ok(true);
    }
    // An id that does not cover the bytes is proven by the archive's digest only.
    let archive_sha256 = bundle.archive.filter(|_| !bundle.id_covers_bytes);
    let wanted = Wanted { id: bundle.id, archive_sha256 };
    match verify_in_place(store, &object.key, object.version.as_ref(), wanted).await {
        Ok(_) => Ok(true),
        Err(error) if leaves_other_versions(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn has_digest(
    store: &dyn Storage,
    object: &GuardedObject,
    info: &ObjectInfo,
    digest: Sha256Digest,
) -> Result<bool, EvidenceError> {
    if info.checksum == Some(StoredChecksum::Sha256(digest)) {
        return Ok(true);
    }
    let mut bytes = store.read(&object.key, object.version.as_ref(), None).await?.stream;
    let mut hasher = Sha256Hasher::new();
    while let Some(piece) = bytes.next().await {
        hasher.update(&piece?);
    }
    Ok(hasher.finish() == digest)
}
