//! Who did what, when.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use strongroom_core::Sha256Digest;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::words;

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditEventDocument {
    /// Its id.
    pub event_id: Uuid,
    /// What happened: `package_created`, `file_uploaded`, `hold_placed`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who did it, by a random id; absent where the registry did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub principal_id: Option<Uuid>,
    /// The package.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub package_id: Option<Uuid>,
    /// The file.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub file_id: Option<Uuid>,
    /// The digest of the record in the bucket that says the same.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<words::Sha256>)]
    pub record_sha256: Option<Sha256Digest>,
    /// More of it.
    #[schema(value_type = Object)]
    pub details: Value,
}

/// One page of events, the newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditPage {
    /// The events.
    pub events: Vec<AuditEventDocument>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<String>,
}

/// Which events.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Only events of this type.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    /// Only what this principal did.
    #[serde(default)]
    pub principal_id: Option<Uuid>,
    /// Only events at this time or later.
    #[serde(default)]
    #[param(value_type = Option<String>, format = DateTime)]
    pub from: Option<Timestamp>,
    /// Only events before this time.
    #[serde(default)]
    #[param(value_type = Option<String>, format = DateTime)]
    pub before: Option<Timestamp>,
    /// Events of the page.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next` of the page before.
    #[serde(default)]
    #[param(pattern = "^[0-9a-fA-F]{48}$")]
    pub cursor: Option<String>,
}
