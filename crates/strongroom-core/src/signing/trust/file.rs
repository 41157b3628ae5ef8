//! A file of trust roots: one of them, or a collection.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{
    BundleDocument, TRUST_ROOT_BUNDLE_SCHEMA, TRUST_ROOT_SCHEMA, TrustError, TrustRoot, TrustRoots,
};
use crate::canonical::{self, JsonError, JsonLimits};
use crate::limits::TRUST_ROOTS_BYTES_MAX;

/// What a file holds, and in which of the two forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustFile {
    /// Whether it is a collection; otherwise it is one root.
    pub is_collection: bool,
    /// Its roots.
    pub roots: TrustRoots,
}

impl TrustFile {
    /// Reads one trust root, or a collection. Refuses a root whose id, algorithm or window is not right,
    /// and the same key twice.
    pub fn read(bytes: &[u8]) -> Result<Self, TrustError> {
        if bytes.len() as u64 > TRUST_ROOTS_BYTES_MAX {
            return Err(TrustError::Limit("TRUST_ROOTS_BYTES_MAX"));
        }
        let document =
            canonical::parse(bytes, JsonLimits::NATIVE).map_err(|error| match error {
                JsonError::Limit { what, .. } => TrustError::Limit(what),
                _ => TrustError::NotATrustRoot,
            })?;
        let schema = document.get("schema").and_then(Value::as_str).unwrap_or_default();
        let (is_collection, documents) = match schema {
            TRUST_ROOT_SCHEMA => (false, vec![parsed(document)?]),
            TRUST_ROOT_BUNDLE_SCHEMA => (true, parsed::<BundleDocument>(document)?.trust_roots),
            _ if schema.starts_with("strongroom.trust-root") => {
                return Err(TrustError::UnknownVersion);
            }
            _ => return Err(TrustError::NotATrustRoot),
        };
        let mut roots = TrustRoots::default();
        for document in documents {
            roots.add(document.try_into()?)?;
        }
        Ok(Self { is_collection, roots })
    }

    /// The file, in the form that it had; a collection is of a moment.
    pub fn to_bytes(&self, created_at: Timestamp) -> Result<Vec<u8>, TrustError> {
        let mut roots = self.roots.iter();
        match (self.is_collection, roots.next(), roots.next()) {
            (false, Some(root), None) => TrustRoot::to_document(root),
            _ => self.roots.to_document(created_at),
        }
    }
}

fn parsed<T: for<'de> Deserialize<'de>>(document: Value) -> Result<T, TrustError> {
    serde_json::from_value(document).map_err(|_| TrustError::NotATrustRoot)
}
