//! What a store was seen to hold after a write. A receipt says only what was read back.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::observed::Unobserved;
use crate::package::named::named;
use crate::retention::LockMode;
use crate::{BundleId, Sha256Digest};

/// The schema that [`Receipt`] is written under.
pub const RECEIPT_SCHEMA: &str = "strongroom.receipt/v1";

/// Proof of one stored object: printed by `evidence push`, and kept as a record in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Always [`RECEIPT_SCHEMA`].
    pub schema: String,
    /// The identity of the bundle.
    pub bundle_id: BundleId,
    /// Every run that the bundle was stored for: its own, and what the push named.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub run_ids: Vec<String>,
    /// The digest of the storage plan that the push kept to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub plan_sha256: Option<Sha256Digest>,
    /// SHA-256 of the archive *as stored*: of a recompressed copy it differs from the one pushed.
    pub archive_sha256: Sha256Digest,
    /// The store's URL, without credentials.
    pub store: String,
    /// Where the store answered: scheme, host and port. Absent where there is no server.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub endpoint: Option<String>,
    /// The whole key, prefix included.
    pub key: String,
    /// The version that holds the bundle, where the store has versions.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version_id: Option<String>,
    /// How many other versions of this key were seen; absent where versions could not be listed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub other_versions: Option<u64>,
    /// The store's entity tag, if it gave one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub etag: Option<String>,
    /// Bytes of the stored archive.
    pub size_bytes: u64,
    /// What is known of the stored bytes.
    pub integrity: Integrity,
    /// How "only if nothing is there" was kept.
    pub create_only: CreateOnly,
    /// The lock as read back.
    pub lock: LockReceipt,
    /// Encryption at rest as the store reported it for this object.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub encryption: Option<Encryption>,
    /// Storage class as the store reported it; absent where it reported none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub storage_class: Option<String>,
    /// The store's clock when the object was written; absent where the store does not tell.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stored_at: Option<Timestamp>,
    /// Whether this push wrote the object or found it there and verified it.
    pub status: Status,
}

named! {
    /// How the stored bytes are known to be the bytes that were sent.
    pub enum Integrity: "what vouches for bytes" {
        /// The store refused a wrong SHA-256 and reports ours for the whole object.
        StoreSha256 = "store_sha256",
        /// The store refused a wrong SHA-256 and reports the composite of our parts' digests.
        Composite = "composite",
        /// The store refused a body that does not match its signed digest, for every request.
        PayloadSigned = "payload_signed",
        /// The object was read back and hashed.
        ReadBack = "read_back",
        /// Nothing was observed.
        Unobserved = "unobserved",
    }
}

named! {
    /// How "only if nothing is there" was kept for this write.
    pub enum CreateOnly: "what keeps a key from being written twice" {
        /// The store refused a second write of this kind in this bucket.
        Enforced = "enforced",
        /// Looked first, wrote, and counted the versions after: a race is detected, not prevented.
        Checked = "checked",
        /// The store refuses conditional writes.
        Unsupported = "unsupported",
    }
}

/// The lock of one version, as read back from the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockReceipt {
    /// Mode as read back; absent when there is no retention, or when it is unobserved.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mode: Option<LockMode>,
    /// Date as read back.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retain_until: Option<Timestamp>,
    /// Hold as read back; absent when it is unobserved.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub legal_hold: Option<bool>,
    /// Whether a hold was on before this push; absent when nobody asked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub legal_hold_was_set_before: Option<bool>,
    /// Whose business it is to refuse a deletion.
    pub enforced_by: EnforcedBy,
    /// How the lock came to be.
    pub how: LockHow,
    /// For how long the object was there without its lock, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unlocked_ms: Option<u64>,
    /// When the lock was read back (the store's clock); absent when it was not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub read_back_at: Option<Timestamp>,
    /// Why (part of) the lock was not observed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unobserved: Option<Unobserved>,
}

/// Whose business it is to refuse a deletion. That it does refuse was not observed: a push does not
/// attack what it stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnforcedBy {
    /// The store.
    Store,
    /// Strongroom only: advisory, anything else can delete.
    Strongroom,
    /// Nobody: there is no lock.
    None,
}

/// How a lock came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockHow {
    /// In the request that wrote the object.
    InWrite,
    /// By a request of its own, after the write.
    AfterWrite,
    /// By the bucket's default retention.
    BucketDefault,
    /// It was there before this push.
    AlreadyThere,
    /// There is none.
    None,
}

/// Encryption at rest as reported for one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encryption {
    /// The store's own name for the algorithm (`AES256`, `aws:kms`).
    pub algorithm: String,
    /// The key, where the store names one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub kms_key_id: Option<String>,
}

/// What a push did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// This push wrote the object.
    Stored,
    /// The object was there, and was verified.
    AlreadyStored,
}
