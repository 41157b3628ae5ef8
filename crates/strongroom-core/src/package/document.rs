//! `package.json` (`strongroom.package/v1`): what the registry knows of a package *as of its finalizing*, with
//! the manifest embedded. Readable without the registry and without whoever made the package.
//!
//! Later holds, extensions and moves are records beside it; this document never changes.

mod read;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::class::RetentionRule;
use super::record::{LockSummary, StorageFacts};
use super::retrieval::RetrievalTier;
use super::signature::ManifestSignature;
use crate::bundle::{BundleError, Manifest, Refusal};
use crate::limits::PACKAGE_DOCUMENT_BYTES_MAX;
use crate::receipt::{Encryption, Integrity, LockReceipt};
use crate::{BundleId, Sha256Digest, canonical};

/// The schema that [`PackageDocument`] is written under.
pub const PACKAGE_SCHEMA: &str = "strongroom.package/v1";

/// A finalized package.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PackageDocument {
    /// Always [`PACKAGE_SCHEMA`].
    pub schema: String,
    /// The package.
    pub package_id: Uuid,
    /// Whose it is: a slug.
    pub tenant: String,
    /// What people call it.
    pub name: String,
    /// Its identity: the SHA-256 of the bytes of `manifest`.
    pub bundle_id: BundleId,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When every object was verified and locked as its rule asks.
    pub finalized_at: Timestamp,
    /// Where its bytes are.
    pub storage: StorageFacts,
    /// For how long it is kept, and by what.
    pub retention: RetentionSummary,
    /// The registry's signature of the manifest; absent where it made none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<ManifestSignature>,
    /// Every file with its place, in the order of the manifest.
    pub files: Vec<DocumentFile>,
    /// The manifest, as it is in `manifest.json`.
    pub manifest: Manifest,
}

/// For how long a package is kept, and by what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionSummary {
    /// The rule of its class when it was begun.
    pub rule: RetentionRule,
    /// Its date; absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_at: Option<Timestamp>,
    /// How its date moved, in order.
    pub extensions: Vec<Extension>,
    /// The holds that kept it.
    pub holds: Vec<ActiveHold>,
    /// The locks of all its objects, as read back.
    pub locks: LockSummary,
}

/// A date that was moved later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// When it was decided.
    pub at: Timestamp,
    /// By whom: the random id of a principal.
    pub by: Uuid,
    /// The date until then.
    pub previous: Timestamp,
    /// The date from then on.
    pub new: Timestamp,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

/// A hold that was not given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveHold {
    /// The hold.
    pub hold_id: Uuid,
    /// When it was placed.
    pub at: Timestamp,
    /// By whom: the random id of a principal. Absent where the registry itself did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<Uuid>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

/// One file, and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentFile {
    /// The file.
    pub file_id: Uuid,
    /// Its path in the package.
    pub path: String,
    /// Its length.
    pub size_bytes: u64,
    /// The digest of its bytes.
    pub sha256: Sha256Digest,
    /// The media type that came with its upload; what the producer declared is in the manifest.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub media_type: Option<String>,
    /// When it was acknowledged.
    pub created_at: Timestamp,
    /// Where it is.
    pub location: DocumentLocation,
}

/// Where a file is, as seen when its package was finalized.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentLocation {
    /// The backend's name in the registry.
    pub backend: String,
    /// The whole key, prefix included.
    pub key: String,
    /// The version, where the store has versions.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version_id: Option<String>,
    /// Storage class as the store reported it; absent where it reported none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub storage_class: Option<String>,
    /// How soon the bytes can be read.
    pub retrieval_tier: RetrievalTier,
    /// How the stored bytes are known to be those that were sent.
    pub integrity: Integrity,
    /// When the stored version was last read and found to be these bytes.
    pub verified_at: Timestamp,
    /// Encryption at rest as the store reported it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub encryption: Option<Encryption>,
    /// The lock as read back.
    pub lock: LockReceipt,
}

impl PackageDocument {
    /// The bytes of `package.json`: RFC 8785, without a trailing newline. Refuses what
    /// [`from_bytes`](Self::from_bytes) would refuse.
    pub fn to_bytes(&self) -> Result<Vec<u8>, BundleError> {
        self.check(Sha256Digest::of(&self.manifest.to_bytes()?))?;
        let bytes = canonical::to_vec(self)?;
        check_size(bytes.len())?;
        Ok(bytes)
    }

    /// Reads the bytes of a `package.json`, which must be RFC 8785 form: its own files must be those of the
    /// manifest, and its id that of the manifest's very bytes.
    ///
    /// Unknown fields are ignored; another version is refused, and both are named.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BundleError> {
        check_size(bytes.len())?;
        read::document(bytes)
    }

    /// Holds the document against its manifest, whose bytes have this digest.
    fn check(&self, manifest_sha256: Sha256Digest) -> Result<(), BundleError> {
        if self.bundle_id.0 != manifest_sha256 {
            return Err(integrity("the package's id is not that of the manifest in it"));
        }
        let listed = &self.manifest.files;
        let are_the_same = self.files.len() == listed.len()
            && self.files.iter().zip(listed).all(|(file, listed)| {
                file.path == listed.path
                    && file.size_bytes == listed.size_bytes
                    && file.sha256 == listed.sha256
            });
        if !are_the_same {
            return Err(integrity("the package's files are not those of the manifest in it"));
        }
        Ok(())
    }
}

fn check_size(size_bytes: usize) -> Result<(), BundleError> {
    if size_bytes as u64 > PACKAGE_DOCUMENT_BYTES_MAX {
        let message = format!(
            "package.json is over the limit PACKAGE_DOCUMENT_BYTES_MAX: {PACKAGE_DOCUMENT_BYTES_MAX}"
        );
        return Err(BundleError::new(Refusal::Limit, message));
    }
    Ok(())
}

fn integrity(message: &'static str) -> BundleError {
    BundleError::new(Refusal::Integrity, message)
}

#[cfg(test)]
mod tests;
