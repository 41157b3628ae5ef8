//! Who did what, when.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use strongroom_core::Sha256Digest;
use utoipa::ToSchema;
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
