//! Names of objects and of their versions.

use std::fmt;

use crate::{StorageError, StorageErrorKind};

/// The longest key, prefix included, that S3 takes, in bytes.
pub const KEY_BYTES_MAX: usize = 1_024;

/// The name of an object, relative to the store's prefix: UTF-8 segments joined by `/`, none of
/// them empty, `.` or `..`, no control characters, at most [`KEY_BYTES_MAX`] bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey(String);

impl ObjectKey {
    /// Checks and wraps a key.
    pub fn new(key: impl Into<String>) -> Result<Self, StorageError> {
        let key = key.into();
        let good_segments = key.split('/').all(|segment| !matches!(segment, "" | "." | ".."));
        if !good_segments || key.len() > KEY_BYTES_MAX || key.chars().any(char::is_control) {
            return Err(StorageError::new(
                StorageErrorKind::InvalidKey,
                "a key is 1 to 1,024 bytes of segments joined by `/`, none empty, `.` or `..`",
            ));
        }
        Ok(Self(key))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A store's name for one version of an object. Opaque.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VersionId(pub String);

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
