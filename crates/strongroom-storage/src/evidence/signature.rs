//! Detached signatures beside stored evidence: attached at any time, and read back to be checked.
//!
//! A signature is kept create-only under its own digest, under the lock that its bundle was read back to
//! have. Where that is a COMPLIANCE lock that the store enforces, when it was stored is a time that can be
//! trusted: nobody could put another object in its place since.

mod read;
mod sift;

use bytes::Bytes;
use serde::Serialize;
use strongroom_core::receipt::{EnforcedBy, LockReceipt};
use strongroom_core::retention::{Lock, LockMode, Retention};
use strongroom_core::{BundleId, Sha256Digest, layout, limits};

use super::guarded::{self, ObjectRole};
use super::protect::{self, Origin, Protected};
use super::{EvidenceError, EvidenceErrorKind};
use crate::{CreateOptions, ObjectKey, Storage, StorageErrorKind};

pub use self::read::{NoBytes, StoredSignature, of_bundle};
pub use self::sift::{LookedAt, StoredSignatures};

/// The media type that signatures are stored under.
const CONTENT_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// A signature about to be attached to a stored bundle. Nothing is written yet.
pub struct Attachment<'a> {
    store: &'a dyn Storage,
    id: BundleId,
    bytes: Bytes,
    target: Lock,
}

/// A signature that is in the store.
#[derive(Debug, Clone, Serialize)]
pub struct Attached {
    /// The bundle.
    pub bundle_id: BundleId,
    /// The digest of the file.
    pub sha256: Sha256Digest,
    /// The whole key, prefix included.
    pub key: String,
    /// The version, where the store has versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// Whether the very same signature was there.
    pub already_stored: bool,
    /// Its lock, as read back.
    pub lock: LockReceipt,
}

impl<'a> Attachment<'a> {
    /// Finds the bundle and the lock that it is under. Writes nothing.
    pub async fn prepare(
        store: &'a dyn Storage,
        id: BundleId,
        bytes: Vec<u8>,
    ) -> Result<Self, EvidenceError> {
        if bytes.len() as u64 > limits::ATTESTATION_BYTES_MAX {
            return Err(EvidenceError::new(
                EvidenceErrorKind::Store(StorageErrorKind::Limit),
                "the signature is longer than the limit ATTESTATION_BYTES_MAX",
            ));
        }
        let mut guarded = guarded::find(store, id).await?;
        guarded.objects.retain(|object| object.role == ObjectRole::Bundle);
        let seen = guarded::locks_of(store, &guarded.objects).await?;
        let target = seen
            .iter()
            .flatten()
            .map(crate::SeenLock::certain)
            .fold(Lock::NONE, |target, lock| target.join(lock));
        Ok(Self { store, id, bytes: bytes.into(), target })
    }

    /// The lock that nobody could undo, if this would bring one: accept its date first.
    pub fn beyond_undoing(&self) -> Option<Retention> {
        self.target.retention.filter(|retention| retention.mode == LockMode::Compliance)
    }

    /// Stores it, locks it like the bundle, and reads both back.
    pub async fn execute(&self) -> Result<Attached, EvidenceError> {
        let sha256 = Sha256Digest::of(&self.bytes);
        let key = ObjectKey::new(layout::attestation(self.id, sha256))?;
        let to_send = self.lock_to_send().await?;
        let options = CreateOptions {
            content_type: Some(CONTENT_TYPE),
            lock: to_send,
            ..CreateOptions::default()
        };
        let created = match self.store.create(&key, self.bytes.clone().into(), &options).await {
            Ok(created) => Some(created),
            Err(error) if error.kind() == StorageErrorKind::AlreadyExists => None,
            Err(error) => return Err(error.into()),
        };
        let (version, origin) = match &created {
            Some(created) => {
                let (lock_in_write, visible_from) = (created.lock_in_write, created.visible_from);
                (created.version.clone(), Origin::Written { lock_in_write, visible_from })
            }
            None => (self.already_there(&key).await?, Origin::Found),
        };
        let object = Protected {
            key: &key,
            version: version.as_ref(),
            origin,
            bucket_lacks_locks: self.target.is_none(),
        };
        let protection = protect::protect(self.store, &object, &self.target).await?;
        let attached = Attached {
            bundle_id: self.id,
            sha256,
            key: self.store.whole_key(&key),
            version_id: version.map(|version| version.0),
            already_stored: created.is_none(),
            lock: protection.receipt,
        };
        match protect::covers(&attached.lock, &self.target) || self.target.is_none() {
            true => Ok(attached),
            false => Err(EvidenceError::new(
                EvidenceErrorKind::RetentionNotMet,
                format!(
                    "the signature is stored, but it was not seen to be locked like its bundle: {}",
                    attached.key
                ),
            )
            .with_guidance("`evidence retention extend` locks a bundle with its signatures")),
        }
    }

    /// A date that has passed is no lock to ask for.
    async fn lock_to_send(&self) -> Result<Lock, EvidenceError> {
        let Some(retention) = self.target.retention else { return Ok(self.target) };
        let now = self.store.now().await?;
        Ok(match retention.retain_until > now {
            true => self.target,
            false => Lock { retention: None, ..self.target },
        })
    }

    /// The version that is there must be this signature.
    async fn already_there(
        &self,
        key: &ObjectKey,
    ) -> Result<Option<crate::VersionId>, EvidenceError> {
        let object = self.store.read(key, None, None).await?;
        let version = object.info.version.clone();
        let bytes = object.collect(limits::ATTESTATION_BYTES_MAX).await?;
        match bytes == self.bytes {
            true => Ok(version),
            false => Err(EvidenceError::new(
                EvidenceErrorKind::Conflict,
                format!(
                    "something else is under the signature's key: {}",
                    self.store.whole_key(key)
                ),
            )
            .with_guidance("somebody wrote there; keep the signature in a file with -o")),
        }
    }
}

/// Whether a lock makes the time of storing one to trust: nobody can delete the version, and the store
/// keeps it so.
fn vouches_for_time(lock: &Lock, by: EnforcedBy) -> bool {
    by == EnforcedBy::Store
        && lock.retention.is_some_and(|retention| retention.mode == LockMode::Compliance)
}
