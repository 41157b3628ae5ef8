//! `store-status`: what a store says of itself, each item observed or not.

use serde::{Deserialize, Serialize};
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::receipt::{Encryption, EnforcedBy};
use strongroom_core::retention::DefaultRetention;

/// The schema that [`StoreStatus`] is printed under.
pub const STATUS_SCHEMA: &str = "strongroom.store-status/v1";

/// What a store says of itself.
#[derive(Debug, Clone, Serialize)]
pub struct StoreStatus {
    /// Always [`STATUS_SCHEMA`].
    pub schema: &'static str,
    /// The store's URL, without credentials.
    pub store: String,
    /// `s3`, `azure`, `file` or `memory`.
    pub backend: &'static str,
    /// Whether the store answered at all.
    pub reachable: Observed<bool>,
    /// Whether these credentials may read objects.
    pub readable: Observed<bool>,
    /// Whether these credentials may write objects (asked without writing).
    pub writable: Observed<bool>,
    /// Whether the bucket keeps versions.
    pub versioning: Observed<Versioning>,
    /// Whether Object Lock is configured on the bucket.
    pub object_lock: Observed<bool>,
    /// The retention that new versions get by themselves.
    pub default_retention: Observed<Option<DefaultRetention>>,
    /// Encryption that new objects get by themselves.
    pub encryption: Observed<Option<Encryption>>,
    /// Whether strangers may read.
    pub public_access: Observed<PublicAccess>,
    /// Local clock minus the store's, in seconds.
    pub clock_skew_seconds: Observed<i64>,
    /// Who refuses the deletion of a locked version.
    pub locks_enforced_by: EnforcedBy,
    /// Whatever failed on the way, in words.
    pub problems: Vec<String>,
}

/// How a bucket is set up, as far as it tells. To ask leaves nothing behind and writes nothing.
#[derive(Debug, Clone)]
pub struct BucketSettings {
    /// Whether the bucket keeps versions.
    pub versioning: Observed<Versioning>,
    /// Whether its versions can be locked.
    pub object_lock: Observed<bool>,
    /// The retention that new versions get by themselves.
    pub default_retention: Observed<Option<DefaultRetention>>,
    /// Encryption that new objects get by themselves.
    pub encryption: Observed<Option<Encryption>>,
    /// Whether strangers may read.
    pub public_access: Observed<PublicAccess>,
    /// Whether requests without TLS are denied to everybody.
    pub tls_only: Observed<bool>,
    /// After how many days parts of unfinished uploads are removed.
    pub unfinished_uploads_days: Observed<Option<u32>>,
}

impl BucketSettings {
    /// Nothing was told.
    pub fn unobserved(reason: Unobserved) -> Self {
        Self {
            versioning: Observed::Unobserved(reason),
            object_lock: Observed::Unobserved(reason),
            default_retention: Observed::Unobserved(reason),
            encryption: Observed::Unobserved(reason),
            public_access: Observed::Unobserved(reason),
            tls_only: Observed::Unobserved(reason),
            unfinished_uploads_days: Observed::Unobserved(reason),
        }
    }
}

/// The state of a bucket's versioning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Versioning {
    /// Each write makes a version.
    Enabled,
    /// Was enabled once; new writes overwrite the null version.
    Suspended,
    /// Never enabled: an overwrite loses what was there.
    Disabled,
}

/// Whether strangers may read a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PublicAccess {
    /// Public access is blocked by configuration.
    Blocked,
    /// Not public now, and nothing blocks it.
    NotPublic,
    /// A policy makes it public.
    Public,
}
