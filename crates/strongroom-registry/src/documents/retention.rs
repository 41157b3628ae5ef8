//! Extensions, legal holds and deletion.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::words;

/// Keep it longer: by a date, or by days from now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({ "days": 365, "reason": "the audit of this year" })))]
pub struct ExtensionAsk {
    /// The new date.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// Days from now, in place of a date.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(minimum = 1, maximum = 36500)]
    pub days: Option<u32>,
    /// Why.
    #[schema(min_length = 1, max_length = 4096)]
    pub reason: String,
}

/// An extension that was written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExtensionDocument {
    /// Its id, which is also that of its record in the bucket.
    pub extension_id: Uuid,
    /// The package.
    pub package_id: Uuid,
    /// The date before.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub previous_expires_at: Option<Timestamp>,
    /// The date from now on.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// The job that brings it to the store, object by object. Absent where nothing is locked yet.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub job_id: Option<Uuid>,
}

/// A legal hold to be placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({ "reason": "matter 2026-114" })))]
pub struct HoldAsk {
    /// Why: the matter that it is held for.
    #[schema(min_length = 1, max_length = 4096)]
    pub reason: String,
}

/// The release of a hold.
pub type HoldReleaseAsk = ReasonAsk;

/// Why something is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({ "reason": "settled" })))]
pub struct ReasonAsk {
    /// Why.
    #[schema(min_length = 1, max_length = 4096)]
    pub reason: String,
}

/// A legal hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HoldDocument {
    /// Its id, which is also that of its record in the bucket.
    pub hold_id: Uuid,
    /// The package.
    pub package_id: Uuid,
    /// Why.
    pub reason: String,
    /// Who placed it, by a random id; absent where the registry did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub placed_by: Option<Uuid>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub placed_at: Timestamp,
    /// Who released it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub released_by: Option<Uuid>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub released_at: Option<Timestamp>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub release_reason: Option<String>,
    /// How far it, or its release, has reached the store.
    #[schema(value_type = words::HoldReach)]
    pub reach: String,
    /// A release that waits for a second person.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub release_awaits_approval: bool,
}

/// The holds of a package, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HoldPage {
    /// The holds.
    pub holds: Vec<HoldDocument>,
}

/// Archived bytes to be made readable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreAsk {
    /// For how many days a copy is to be there; 7 unless it is said. Azure moves the blob for good instead.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(minimum = 1, maximum = 365)]
    pub days: Option<u32>,
}

/// A restore, and how near the files of the package are as far as the registry knows now. The job looks at every object,
/// also at the registry's own documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RestoreDocument {
    /// The package.
    pub package_id: Uuid,
    /// The job that asks the store, object by object.
    pub job_id: Uuid,
    /// Files of which the store said that a copy is there, until a date that is still to come.
    pub available: u64,
    /// Files that are known to be archived; the registry looks again and again whether the store has brought them.
    pub awaited: u64,
    /// Files of which it is not known: they could be read when the store was last asked, which may be long ago, or the
    /// time of their copy is over.
    pub unobserved: u64,
}

/// A deletion to be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({ "reason": "made by mistake", "early": true })))]
pub struct DeletionAsk {
    /// Why.
    #[schema(min_length = 1, max_length = 4096)]
    pub reason: String,
    /// Before its date. What a lock in the store holds stays all the same.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub early: bool,
}

/// A deletion that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeletionDocument {
    /// When it was asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub requested_at: Option<Timestamp>,
    /// Who asked, by a random id; absent where the sweeper did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub requested_by: Option<Uuid>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// Whether it is before the package's date.
    pub early: bool,
    /// Looks of the sweeper that it still waits for, and can be cancelled in.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub grace_ticks_left: Option<u32>,
    /// It waits for a second person.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub awaits_approval: bool,
}
