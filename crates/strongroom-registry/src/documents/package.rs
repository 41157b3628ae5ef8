//! Packages: what a producer declares, and what the registry knows besides.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use strongroom_core::package::{LockState, PackageStatus, RetentionClass};
use strongroom_core::signing::key::KeyId;
use strongroom_core::{BundleId, Sha256Digest};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::retention::DeletionDocument;
use super::words;

/// Who made the content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProducerDocument {
    /// The tool or team.
    #[schema(min_length = 1, max_length = 256)]
    pub name: String,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(max_length = 256)]
    pub version: Option<String>,
}

/// How long a producer wants a package kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetentionAsk {
    /// The class, which says how long at least.
    #[schema(value_type = words::RetentionClass)]
    pub class: RetentionClass,
    /// Days, counted from the creation. They lengthen what the class keeps, and never shorten it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(minimum = 1, maximum = 36500)]
    pub days: Option<u32>,
    /// Whether a legal hold is asked for.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub legal_hold: bool,
}

/// A package to be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({
    "producer": { "name": "ci", "version": "2.1" },
    "subject": "shop/cart",
    "run_id": "run-7",
    "retention": { "class": "release-evidence", "days": 3650 },
    "metadata": { "repo_slug": "shop/cart", "attempt": 1 },
})))]
pub struct NewPackage {
    /// For people. The subject, or the producer's name, where none is given.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(max_length = 256)]
    pub name: Option<String>,
    /// Who made the content.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub producer: Option<ProducerDocument>,
    /// What the content is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(max_length = 256)]
    pub subject: Option<String>,
    /// The run that it comes from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(max_length = 256)]
    pub run_id: Option<String>,
    /// When the content was made, where that is declared; part of the identity then.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub created_at: Option<Timestamp>,
    /// How long to keep it. Where nothing is asked for, the class `raw-evidence` decides, and the manifest says
    /// nothing of it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retention: Option<RetentionAsk>,
    /// Anything else, as JSON. Secrets are refused.
    #[serde(skip_serializing_if = "Map::is_empty", default)]
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
}

/// A package.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PackageDocument {
    /// Its id.
    pub package_id: Uuid,
    /// For people.
    pub name: String,
    /// Who made the content.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub producer: Option<ProducerDocument>,
    /// What the content is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subject: Option<String>,
    /// The run that it comes from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub run_id: Option<String>,
    /// Where it is in its life.
    #[schema(value_type = words::PackageStatus)]
    pub status: PackageStatus,
    /// How long it is kept.
    #[schema(value_type = words::RetentionClass)]
    pub retention_class: RetentionClass,
    /// The days that the producer asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retention_days: Option<u32>,
    /// The first moment at which it may go. Absent where it has no date.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// Legal holds that are on it now.
    pub active_holds: u64,
    /// How far its locks have reached the store.
    #[schema(value_type = words::LockState)]
    pub lock_state: LockState,
    /// The id of its bundle, once it is finalized: what `strongroom evidence bundle` of the same files gives.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<words::Sha256>)]
    pub bundle_id: Option<BundleId>,
    /// The registry's signature of its manifest. Absent where it made none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub signature: Option<SignatureDocument>,
    /// Files that are stored. Absent in a list, where the package is open: they are not counted there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub files_count: Option<u64>,
    /// Bytes of these.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub size_bytes: Option<u64>,
    /// The storage backend that has the bytes.
    pub backend_id: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Who made it, by a random id.
    pub created_by: Uuid,
    /// When the content was made, where that was declared.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub declared_created_at: Option<Timestamp>,
    /// When it was complete, verified and locked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub finalized_at: Option<Timestamp>,
    /// Its deletion, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub deletion: Option<DeletionDocument>,
    /// When a person last took a deletion of it back. After its date the registry asks for none by itself any more.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub deletion_cancelled_at: Option<Timestamp>,
    /// Anything else that was declared.
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
    /// Raised by each change; the `ETag`.
    pub version: i64,
}

/// The signature of a package's manifest. Whose the key is, a trust root says, and not the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignatureDocument {
    /// The digest of the signature file.
    #[schema(value_type = words::Sha256)]
    pub sha256: Sha256Digest,
    /// The key that made it: the SHA-256 of its SubjectPublicKeyInfo.
    #[schema(value_type = words::Sha256)]
    pub key_id: KeyId,
}

/// One page of packages, the newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PackagePage {
    /// The packages.
    pub packages: Vec<PackageDocument>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<String>,
}

/// What to find. Each filter narrows; several hold together.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PackageQuery {
    /// Only packages of this producer.
    #[serde(default)]
    #[param(min_length = 1, max_length = 1024)]
    pub producer: Option<String>,
    /// Only packages about this subject.
    #[serde(default)]
    #[param(min_length = 1, max_length = 1024)]
    pub subject: Option<String>,
    /// Only packages of this run.
    #[serde(default)]
    #[param(min_length = 1, max_length = 1024)]
    pub run_id: Option<String>,
    /// Only packages of this retention class.
    #[serde(default)]
    #[param(value_type = Option<words::RetentionClass>)]
    pub class: Option<RetentionClass>,
    /// Only packages in this state.
    #[serde(default)]
    #[param(value_type = Option<words::PackageStatus>)]
    pub status: Option<PackageStatus>,
    /// Only packages made at this time or later.
    #[serde(default)]
    #[param(value_type = Option<String>, format = DateTime)]
    pub created_from: Option<Timestamp>,
    /// Only packages made before this time.
    #[serde(default)]
    #[param(value_type = Option<String>, format = DateTime)]
    pub created_before: Option<Timestamp>,
    /// Only packages whose metadata has this: `KEY=VALUE`, of a key of the outermost object whose value is a text, a number,
    /// `true`, `false`, or a list that holds it. Up to three such parameters, all of which hold.
    #[serde(default)]
    #[param(inline, value_type = Vec<words::MetadataPair>, max_items = 3)]
    pub metadata: Vec<String>,
    /// Only packages whose name, producer, subject, run or metadata have all of these words.
    #[serde(default)]
    #[param(min_length = 1, max_length = 1024)]
    pub text: Option<String>,
    /// Packages of the page.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next` of the page before.
    #[serde(default)]
    #[param(pattern = "^[0-9a-fA-F]{48}$")]
    pub cursor: Option<String>,
}
