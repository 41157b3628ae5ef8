//! `manifest.json` of `strongroom.bundle/v1`: what a bundle holds and what its producer declares.
//!
//! Its bytes are RFC 8785 canonical JSON and their SHA-256 is the bundle's id, so that the id covers
//! every byte of content and every field, those of later writers included.

mod read;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{BundleError, Refusal, path};
use crate::canonical::JsonError;
use crate::{Sha256Digest, canonical, limits};

/// The one schema that is written, and the only native one that is read.
pub const SCHEMA: &str = "strongroom.bundle/v1";

/// A native manifest. A field that does not apply is absent, never null.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Manifest {
    schema: Schema,
    /// Who or what made the content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub producer: Option<Producer>,
    /// What the evidence is about; at most [`limits::NAME_BYTES_MAX`] bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The run that made the content; at most [`limits::NAME_BYTES_MAX`] bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// When the content was made, as declared; never from a clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// How long the producer asks for it to be kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<RetentionRequest>,
    /// Open JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
    /// Every file, sorted by path bytes; at most [`limits::FILES_MAX`].
    pub files: Vec<ManifestFile>,
}

/// Who or what made the content of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Producer {
    /// Its name; at most [`limits::NAME_BYTES_MAX`] bytes.
    pub name: String,
    /// Its version; at most [`limits::NAME_BYTES_MAX`] bytes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version: Option<String>,
}

/// What a producer asks of whoever stores the bundle.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionRequest {
    /// The name of a retention class; a class without days asks for no lock.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub class: Option<String>,
    /// Days from storing; 1 to [`limits::LOCK_DAYS_MAX`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub days: Option<u32>,
    /// Whether it shall be kept until somebody lifts the hold.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub legal_hold: Option<bool>,
}

/// One file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ManifestFile {
    /// Its path inside the bundle, relative; at most [`limits::PATH_BYTES_MAX`] bytes.
    pub path: String,
    /// Its length; at most [`limits::FILE_BYTES_MAX`].
    pub size_bytes: u64,
    /// The digest of its bytes.
    pub sha256: Sha256Digest,
    /// Its media type, only where somebody declared one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
}

/// What a person or a program declares about a bundle; part of its id.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Declarations {
    /// See [`Manifest::producer`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub producer: Option<Producer>,
    /// See [`Manifest::subject`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subject: Option<String>,
    /// See [`Manifest::run_id`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub run_id: Option<String>,
    /// See [`Manifest::created_at`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub created_at: Option<Timestamp>,
    /// See [`Manifest::retention`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retention: Option<RetentionRequest>,
    /// See [`Manifest::metadata`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub metadata: Option<Map<String, Value>>,
}

/// Always [`SCHEMA`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Schema;

impl Serialize for Schema {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(SCHEMA)
    }
}

impl Manifest {
    /// The manifest of `files`, which are sorted here, with what was declared about them.
    ///
    /// Refuses by the same rules as reading does.
    pub fn new(mut files: Vec<ManifestFile>, declared: Declarations) -> Result<Self, BundleError> {
        files.sort_unstable_by(|left, right| left.path.cmp(&right.path));
        let manifest = Self {
            schema: Schema,
            producer: declared.producer,
            subject: declared.subject,
            run_id: declared.run_id,
            created_at: declared.created_at,
            retention: declared.retention,
            metadata: declared.metadata,
            files,
        };
        manifest.check()?;
        Ok(manifest)
    }

    /// Reads the bytes of a `manifest.json`, which must be RFC 8785 form.
    ///
    /// Fields that this version does not know are skipped: they count in the id all the same.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BundleError> {
        read::manifest(bytes)
    }

    /// Refuses a manifest of another schema than [`SCHEMA`], naming both.
    pub(super) fn check_schema(schema: Option<&str>) -> Result<(), BundleError> {
        read::check_schema(schema)
    }

    /// The bytes of `manifest.json`. Reading these back gives an equal manifest.
    pub fn to_bytes(&self) -> Result<Vec<u8>, BundleError> {
        let bytes = canonical::to_vec(self)?;
        check_size(bytes.len() as u64)?;
        if let Some(metadata) = &self.metadata {
            let kept = canonical::to_vec(metadata)?;
            canonical::parse(&kept, canonical::JsonLimits::NATIVE)?;
        }
        Ok(bytes)
    }

    /// The sum of every file's length.
    pub fn content_size_bytes(&self) -> u64 {
        // No overflow: 100,000 files of 5 TiB are less than 2^59 bytes.
        self.files.iter().map(|file| file.size_bytes).sum()
    }

    fn check(&self) -> Result<(), BundleError> {
        if let Some(producer) = &self.producer {
            check_name("producer.name", &producer.name)?;
            producer
                .version
                .as_deref()
                .map_or(Ok(()), |text| check_name("producer.version", text))?;
        }
        self.subject.as_deref().map_or(Ok(()), |text| check_name("subject", text))?;
        self.run_id.as_deref().map_or(Ok(()), |text| check_name("run_id", text))?;
        if let Some(retention) = &self.retention {
            retention.check()?;
        }
        check_count(self.files.len())?;
        for file in &self.files {
            file.check()?;
        }
        path::check_all(self.files.iter().map(|file| file.path.as_str()))
    }
}

impl RetentionRequest {
    fn check(&self) -> Result<(), BundleError> {
        self.class.as_deref().map_or(Ok(()), |text| check_name("retention.class", text))?;
        match self.days {
            Some(0) => Err(BundleError::new(Refusal::Format, "retention.days is less than one")),
            Some(days) if days > limits::LOCK_DAYS_MAX => {
                Err(over("retention.days", "LOCK_DAYS_MAX", limits::LOCK_DAYS_MAX.into()))
            }
            _ => Ok(()),
        }
    }
}

impl ManifestFile {
    fn check(&self) -> Result<(), BundleError> {
        path::check(&self.path)?;
        self.media_type.as_deref().map_or(Ok(()), |text| check_name("media_type", text))?;
        if self.size_bytes > limits::FILE_BYTES_MAX {
            return Err(over("the size of a file", "FILE_BYTES_MAX", limits::FILE_BYTES_MAX));
        }
        Ok(())
    }
}

/// Refuses a `manifest.json` of too many bytes.
pub(super) fn check_size(size_bytes: u64) -> Result<(), BundleError> {
    if size_bytes > limits::MANIFEST_BYTES_MAX {
        return Err(over("manifest.json", "MANIFEST_BYTES_MAX", limits::MANIFEST_BYTES_MAX));
    }
    Ok(())
}

/// Refuses too many files.
pub(super) fn check_count(files: usize) -> Result<(), BundleError> {
    if files > limits::FILES_MAX {
        return Err(over("the number of files", "FILES_MAX", limits::FILES_MAX as u64));
    }
    Ok(())
}

/// `field` is over the limit of this name.
pub(super) fn over(field: &str, limit: &str, max: u64) -> BundleError {
    BundleError::new(Refusal::Limit, format!("{field} is over the limit {limit}: {max}"))
}

/// A short text for people and for keys: not empty, not long, no control characters.
pub(crate) fn check_name(field: &'static str, text: &str) -> Result<(), BundleError> {
    if text.is_empty() {
        return Err(BundleError::new(Refusal::Format, format!("{field} is empty")));
    }
    if text.len() > limits::NAME_BYTES_MAX {
        return Err(over(field, "NAME_BYTES_MAX", limits::NAME_BYTES_MAX as u64));
    }
    if text.chars().any(char::is_control) {
        let message = format!("{field} holds a control character");
        return Err(BundleError::new(Refusal::Format, message));
    }
    Ok(())
}

impl From<JsonError> for BundleError {
    fn from(error: JsonError) -> Self {
        let refusal = match error {
            JsonError::Limit { .. } => Refusal::Limit,
            _ => Refusal::Format,
        };
        Self::new(refusal, error.to_string())
    }
}
