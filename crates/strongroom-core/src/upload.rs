//! What a push of several objects left: one row an object, as read back. Printed, and kept as a record.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::receipt::{CreateOnly, Encryption, Integrity, LockReceipt, Status};
use crate::{BundleId, Sha256Digest};

/// The schema that [`Upload`] is written under.
pub const UPLOAD_SCHEMA: &str = "strongroom.upload/v1";

/// Proof of the objects of one bundle that is not one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// Always [`UPLOAD_SCHEMA`].
    pub schema: String,
    /// The identity of the bundle.
    pub bundle_id: BundleId,
    /// What kind of bundle it is.
    pub format: UploadFormat,
    /// Every run that the bundle was stored for: its own, and what the push named.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub run_ids: Vec<String>,
    /// The digest of the storage plan that the push kept to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub plan_sha256: Option<Sha256Digest>,
    /// The store's URL, without credentials.
    pub store: String,
    /// Where the store answered: scheme, host and port. Absent where there is no server.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub endpoint: Option<String>,
    /// Whether all of it is there.
    pub status: UploadStatus,
    /// How many objects the bundle has.
    pub objects_total: usize,
    /// The objects that are there.
    pub objects: Vec<UploadedObject>,
}

/// What kind of bundle is kept as several objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum UploadFormat {
    /// A CAVRA v1 directory.
    #[serde(rename = "cavra/v1")]
    Cavra,
}

/// Whether all objects of a bundle are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UploadStatus {
    /// This push wrote at least one, and now all are there.
    Stored,
    /// All were there, and were verified.
    AlreadyStored,
    /// Some are not there: the same push again goes on.
    PartlyDone,
}

/// One object, as it was seen in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadedObject {
    /// Its path in the bundle.
    pub path: String,
    /// The digest of its bytes, which are those in the store.
    pub sha256: Sha256Digest,
    /// Their number.
    pub size_bytes: u64,
    /// The whole key, prefix included.
    pub key: String,
    /// The version that holds it, where the store has versions.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version_id: Option<String>,
    /// How many other versions of this key were seen; absent where versions could not be listed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub other_versions: Option<u64>,
    /// The store's entity tag, if it gave one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub etag: Option<String>,
    /// What is known of the stored bytes.
    pub integrity: Integrity,
    /// How "only if nothing is there" was kept.
    pub create_only: CreateOnly,
    /// The lock as read back.
    pub lock: LockReceipt,
    /// Encryption at rest as the store reported it for this object.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub encryption: Option<Encryption>,
    /// The store's clock when the object was written; absent where the store does not tell.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stored_at: Option<Timestamp>,
    /// Whether this push wrote the object or found it there and verified it.
    pub status: Status,
}
