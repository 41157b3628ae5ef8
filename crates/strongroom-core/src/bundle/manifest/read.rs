//! Reading a native manifest, field by field, without a tree of the whole.

use jiff::Timestamp;

use super::{Manifest, ManifestFile, Producer, RetentionRequest, SCHEMA, Schema, check_count};
use super::{check_name, check_size, path};
use crate::bundle::{BundleError, Refusal};
use crate::canonical::{JsonLimits, Parser};
use crate::{Sha256Digest, limits};

pub(super) fn manifest(bytes: &[u8]) -> Result<Manifest, BundleError> {
    check_size(bytes.len() as u64)?;
    let mut parser = Parser::canonical(bytes, JsonLimits::NATIVE)?;
    let mut schema = None;
    let mut files = None;
    let mut manifest = Manifest {
        schema: Schema,
        producer: None,
        subject: None,
        run_id: None,
        created_at: None,
        retention: None,
        metadata: None,
        files: Vec::new(),
    };
    parser.object(|parser, name| {
        match name {
            "schema" => schema = Some(parser.string()?.into_owned()),
            "producer" => manifest.producer = Some(producer(parser)?),
            "subject" => manifest.subject = Some(parser.string()?.into_owned()),
            "run_id" => manifest.run_id = Some(parser.string()?.into_owned()),
            "created_at" => manifest.created_at = Some(timestamp(parser)?),
            "retention" => manifest.retention = Some(retention(parser)?),
            "metadata" => manifest.metadata = Some(metadata(parser)?),
            "files" => files = Some(files_of(parser)?),
            _ => parser.skip()?,
        }
        Ok::<(), BundleError>(())
    })?;
    parser.end()?;
    check_schema(schema.as_deref())?;
    manifest.files = files.ok_or_else(|| missing("files"))?;
    manifest.check()?;
    Ok(manifest)
}

/// Names the version that is there only if it is one of ours: other text is not repeated.
pub(super) fn check_schema(schema: Option<&str>) -> Result<(), BundleError> {
    let Some(schema) = schema else { return Err(missing("schema")) };
    if schema == SCHEMA {
        return Ok(());
    }
    let version = schema
        .strip_prefix("strongroom.bundle/v")
        .filter(|digits| digits.len() <= 9 && digits.bytes().all(|byte| byte.is_ascii_digit()));
    let message = match version {
        Some(version) if !version.is_empty() => format!(
            "the manifest is of schema strongroom.bundle/v{version}; this version reads {SCHEMA}"
        ),
        _ => format!("the manifest is of an unknown schema; this version reads {SCHEMA}"),
    };
    Err(BundleError::new(Refusal::Format, message))
}

fn producer(parser: &mut Parser<'_>) -> Result<Producer, BundleError> {
    let mut name = None;
    let mut version = None;
    parser.object(|parser, field| {
        match field {
            "name" => name = Some(parser.string()?.into_owned()),
            "version" => version = Some(parser.string()?.into_owned()),
            _ => parser.skip()?,
        }
        Ok::<(), BundleError>(())
    })?;
    Ok(Producer { name: name.ok_or_else(|| missing("producer.name"))?, version })
}

fn retention(parser: &mut Parser<'_>) -> Result<RetentionRequest, BundleError> {
    let mut retention = RetentionRequest::default();
    parser.object(|parser, field| {
        match field {
            "class" => retention.class = Some(parser.string()?.into_owned()),
            "days" => retention.days = Some(days(parser.unsigned()?)),
            "legal_hold" => retention.legal_hold = Some(parser.boolean()?),
            _ => parser.skip()?,
        }
        Ok::<(), BundleError>(())
    })?;
    Ok(retention)
}

/// Days that no `u32` holds are over [`limits::LOCK_DAYS_MAX`] all the same.
fn days(days: u64) -> u32 {
    u32::try_from(days).unwrap_or(u32::MAX)
}

fn metadata(
    parser: &mut Parser<'_>,
) -> Result<serde_json::Map<String, serde_json::Value>, BundleError> {
    let mut metadata = serde_json::Map::new();
    parser.object(|parser, name| {
        metadata.insert(name.to_owned(), parser.value()?);
        Ok::<(), BundleError>(())
    })?;
    Ok(metadata)
}

fn files_of(parser: &mut Parser<'_>) -> Result<Vec<ManifestFile>, BundleError> {
    let mut files = Vec::new();
    parser.array(|parser| {
        check_count(files.len() + 1)?;
        files.push(file(parser)?);
        Ok::<(), BundleError>(())
    })?;
    files.shrink_to_fit();
    Ok(files)
}

fn file(parser: &mut Parser<'_>) -> Result<ManifestFile, BundleError> {
    let mut inner_path = None;
    let mut size_bytes = None;
    let mut sha256 = None;
    let mut media_type = None;
    parser.object(|parser, field| {
        match field {
            "path" => {
                let text = parser.string()?;
                // Before it is kept: 100,000 paths of 1 MiB each are no way to fill the memory.
                path::check(&text)?;
                inner_path = Some(text.into_owned());
            }
            "size_bytes" => size_bytes = Some(parser.unsigned()?),
            "sha256" => sha256 = Some(digest(&parser.string()?)?),
            "media_type" => {
                let text = parser.string()?;
                check_name("media_type", &text)?;
                media_type = Some(text.into_owned());
            }
            _ => parser.skip()?,
        }
        Ok::<(), BundleError>(())
    })?;
    Ok(ManifestFile {
        path: inner_path.ok_or_else(|| missing("files[].path"))?,
        size_bytes: size_bytes.ok_or_else(|| missing("files[].size_bytes"))?,
        sha256: sha256.ok_or_else(|| missing("files[].sha256"))?,
        media_type,
    })
}

fn digest(text: &str) -> Result<Sha256Digest, BundleError> {
    text.parse().map_err(|error: crate::digest::InvalidDigest| {
        BundleError::new(Refusal::Format, error.to_string())
    })
}

/// RFC 3339 section 5.6: a date, `T`, a time and an offset.
fn timestamp(parser: &mut Parser<'_>) -> Result<Timestamp, BundleError> {
    let text = parser.string()?;
    let parsed = (text.len() <= limits::NAME_BYTES_MAX && text.as_bytes().get(10) == Some(&b'T'))
        .then(|| text.parse().ok())
        .flatten();
    parsed
        .ok_or_else(|| BundleError::new(Refusal::Format, "created_at is not an RFC 3339 timestamp"))
}

fn missing(field: &str) -> BundleError {
    BundleError::new(Refusal::Format, format!("the manifest has no field {field}"))
}
