//! Reading `package.json` file by file: a tree of the whole would be many times its size.

use serde::de::DeserializeOwned;

use super::{DocumentFile, PACKAGE_SCHEMA, PackageDocument};
use crate::Sha256Digest;
use crate::bundle::{BundleError, Manifest, Refusal};
use crate::canonical::{self, JsonLimits, Parser};
use crate::limits::FILES_MAX;

pub(super) fn document(bytes: &[u8]) -> Result<PackageDocument, BundleError> {
    let mut parser = Parser::canonical(bytes, JsonLimits::NATIVE)?;
    let mut schema = None;
    let mut fields = serde_json::Map::new();
    let mut files = None;
    let mut manifest = None;
    parser.object(|parser, name| {
        match name {
            "schema" => schema = Some(parser.string()?.into_owned()),
            "files" => files = Some(files_of(parser)?),
            "manifest" => manifest = Some(parser.raw()?),
            "package_id" | "tenant" | "name" | "bundle_id" | "created_at" | "finalized_at"
            | "storage" | "retention" | "signature" => {
                fields.insert(name.to_owned(), parser.value()?);
            }
            _ => parser.skip()?,
        }
        Ok::<(), BundleError>(())
    })?;
    parser.end()?;
    check_schema(schema.as_deref())?;
    let manifest = manifest.ok_or_else(malformed)?.as_bytes();
    let document = PackageDocument {
        schema: PACKAGE_SCHEMA.to_owned(),
        package_id: field(&mut fields, "package_id")?,
        tenant: field(&mut fields, "tenant")?,
        name: field(&mut fields, "name")?,
        bundle_id: field(&mut fields, "bundle_id")?,
        created_at: field(&mut fields, "created_at")?,
        finalized_at: field(&mut fields, "finalized_at")?,
        storage: field(&mut fields, "storage")?,
        retention: field(&mut fields, "retention")?,
        signature: match fields.contains_key("signature") {
            true => Some(field(&mut fields, "signature")?),
            false => None,
        },
        files: files.ok_or_else(malformed)?,
        manifest: Manifest::from_bytes(manifest)?,
    };
    document.check(Sha256Digest::of(manifest))?;
    Ok(document)
}

fn files_of(parser: &mut Parser<'_>) -> Result<Vec<DocumentFile>, BundleError> {
    let mut files = Vec::new();
    parser.array(|parser| {
        if files.len() == FILES_MAX {
            let message = format!("the number of files is over the limit FILES_MAX: {FILES_MAX}");
            return Err(BundleError::new(Refusal::Limit, message));
        }
        let file = canonical::parse(parser.raw()?.as_bytes(), JsonLimits::NATIVE)?;
        files.push(serde_json::from_value(file).map_err(|_| malformed())?);
        Ok(())
    })?;
    Ok(files)
}

fn field<T: DeserializeOwned>(
    fields: &mut serde_json::Map<String, serde_json::Value>,
    name: &str,
) -> Result<T, BundleError> {
    let value = fields.remove(name).ok_or_else(malformed)?;
    serde_json::from_value(value).map_err(|_| malformed())
}

/// Names the version that is there only if it is one of ours: other text is not repeated.
fn check_schema(schema: Option<&str>) -> Result<(), BundleError> {
    let Some(schema) = schema else { return Err(malformed()) };
    if schema == PACKAGE_SCHEMA {
        return Ok(());
    }
    let version =
        schema.strip_prefix("strongroom.package/v").and_then(|version| version.parse::<u32>().ok());
    let message = match version {
        Some(version) => format!(
            "the document is of schema strongroom.package/v{version}; this version reads \
             {PACKAGE_SCHEMA}"
        ),
        None => {
            format!("the document is of an unknown schema; this version reads {PACKAGE_SCHEMA}")
        }
    };
    Err(BundleError::new(Refusal::Format, message))
}

fn malformed() -> BundleError {
    BundleError::new(
        Refusal::Format,
        format!("a document of {PACKAGE_SCHEMA} whose fields are not those of that version"),
    )
}
