//! The bytes of a record become a [`PackageRecord`]. Unknown fields of a known version are ignored; unknown
//! versions and kinds are refused.

use serde_json::Value;

use super::{MALFORMED, PACKAGE_RECORD_SCHEMA, PackageRecord, RecordError};
use crate::canonical::{self, JsonError, JsonLimits};
use crate::limits::RECORD_BYTES_MAX;
use crate::record::unknown_schema;

/// The kinds of [`super::Decision`], by the names that they are written under.
pub(super) const KINDS: [&str; 14] = [
    "package_created",
    "package_changed",
    "file_stored",
    "package_finalized",
    "retention_extended",
    "hold_placed",
    "hold_released",
    "deletion_requested",
    "deletion_cancelled",
    "deletion_blocked",
    "package_abandoned",
    "package_deleted",
    "finalize_failed",
    "decision_not_taken",
];

/// Reads a record of a package, which must be RFC 8785 form.
pub fn read(bytes: &[u8]) -> Result<PackageRecord, RecordError> {
    if bytes.len() as u64 > RECORD_BYTES_MAX {
        return Err(RecordError::Limit);
    }
    let document =
        canonical::parse_canonical(bytes, JsonLimits::NATIVE).map_err(|error| match error {
            JsonError::Limit { .. } => RecordError::Limit,
            _ => RecordError::NotARecord,
        })?;
    let schema = document.get("schema").and_then(Value::as_str).ok_or(RecordError::NotARecord)?;
    if schema != PACKAGE_RECORD_SCHEMA {
        return Err(unknown_schema(schema, &[PACKAGE_RECORD_SCHEMA]));
    }
    let kind = document.get("kind").and_then(Value::as_str).unwrap_or_default();
    if !KINDS.contains(&kind) {
        return Err(RecordError::Unknown(format!(
            "a record of {PACKAGE_RECORD_SCHEMA} and of a kind that this version does not know"
        )));
    }
    let record: PackageRecord = serde_json::from_value(document).map_err(|_| MALFORMED)?;
    record.check()?;
    Ok(record)
}
