//! The fields of a CAVRA document, by type. Errors name the field, which is ours, never its text.

use std::fmt;

use jiff::Timestamp;

use super::json::{self, Json};
use crate::bundle::manifest::{check_name, over};
use crate::bundle::{BundleError, Refusal};
use crate::{Sha256Digest, rfc3339};

/// Reads a document of at most `max` bytes, which must be one JSON object of this schema.
pub(super) fn document(
    bytes: &[u8],
    what: Limited,
    schema: &'static str,
) -> Result<Json, BundleError> {
    let value = object(bytes, what)?;
    if Fields(&value).text("schema_version")? != schema {
        let name = what.name;
        return Err(BundleError::new(
            Refusal::Format,
            format!("{name} is of an unknown schema_version; this version reads {schema}"),
        ));
    }
    Ok(value)
}

/// Reads a document of at most `max` bytes, which must be one JSON object.
pub(super) fn object(bytes: &[u8], what: Limited) -> Result<Json, BundleError> {
    what.check(bytes.len() as u64)?;
    let value = json::parse(bytes).map_err(|error| {
        let refused = BundleError::from(error);
        BundleError::new(refused.refusal(), format!("{}: {refused}", what.name))
    })?;
    match value.as_object() {
        Some(_) => Ok(value),
        None => Err(BundleError::new(Refusal::Format, format!("{} is no JSON object", what.name))),
    }
}

/// A document, and the limit on its bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limited {
    pub(super) name: &'static str,
    pub(super) limit: &'static str,
    pub(super) bytes_max: u64,
}

impl Limited {
    /// Refuses a document of too many bytes.
    pub(super) fn check(&self, size_bytes: u64) -> Result<(), BundleError> {
        if size_bytes > self.bytes_max {
            return Err(over(self.name, self.limit, self.bytes_max));
        }
        Ok(())
    }
}

/// The fields of one JSON object.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a Json);

impl<'a> Fields<'a> {
    /// The value of a field; `None` where it is absent or null.
    pub(super) fn optional(&self, name: &'static str) -> Option<&'a Json> {
        self.0.get(name).filter(|value| **value != Json::Null)
    }

    pub(super) fn required(&self, name: &'static str) -> Result<&'a Json, BundleError> {
        self.optional(name).ok_or_else(|| malformed(name, "missing"))
    }

    pub(super) fn text(&self, name: &'static str) -> Result<&'a str, BundleError> {
        text_of(name, self.required(name)?)
    }

    /// A short text for people and for keys.
    pub(super) fn name(&self, name: &'static str) -> Result<String, BundleError> {
        self.optional_name(name)?.ok_or_else(|| malformed(name, "missing"))
    }

    pub(super) fn optional_name(&self, name: &'static str) -> Result<Option<String>, BundleError> {
        let Some(value) = self.optional(name) else { return Ok(None) };
        let text = text_of(name, value)?;
        check_name(name, text)?;
        Ok(Some(text.to_owned()))
    }

    pub(super) fn unsigned(&self, name: &'static str) -> Result<u64, BundleError> {
        self.required(name)?.as_u64().ok_or_else(|| malformed(name, "not a count"))
    }

    /// 64 lower-case hexadecimal digits, without a prefix.
    pub(super) fn sha256(&self, name: &'static str) -> Result<Sha256Digest, BundleError> {
        Sha256Digest::from_hex(self.text(name)?)
            .map_err(|_| malformed(name, "not a SHA-256 in hex"))
    }

    pub(super) fn timestamp(&self, name: &'static str) -> Result<Timestamp, BundleError> {
        self.optional_timestamp(name)?.ok_or_else(|| malformed(name, "missing"))
    }

    /// RFC 3339 section 5.6, read narrowly.
    pub(super) fn optional_timestamp(
        &self,
        name: &'static str,
    ) -> Result<Option<Timestamp>, BundleError> {
        let Some(value) = self.optional(name) else { return Ok(None) };
        let text = text_of(name, value)?;
        let parsed = rfc3339::parse(text);
        parsed.map(Some).ok_or_else(|| malformed(name, "not an RFC 3339 timestamp"))
    }
}

fn text_of<'a>(name: &'static str, value: &'a Json) -> Result<&'a str, BundleError> {
    value.as_str().ok_or_else(|| malformed(name, "not a string"))
}

/// A field that is not as CAVRA 1 has it.
pub(super) fn malformed(field: &'static str, what: impl fmt::Display) -> BundleError {
    BundleError::new(Refusal::Format, format!("CAVRA field {field}: {what}"))
}
