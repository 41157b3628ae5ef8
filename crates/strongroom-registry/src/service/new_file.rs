//! What an upload says of itself, and whether that is taken.

use strongroom_core::Sha256Digest;
use strongroom_core::package::manifest::PackagePath;
use strongroom_core::package::metadata::{DeclarationRefused, check_text};

use super::names::check_name;
use crate::error::ServiceError;

/// A file to be stored, as its headers tell of it.
#[derive(Debug, Clone, Default)]
pub struct NewFile {
    /// Its path in the package.
    pub path: String,
    /// The media type that its producer declares: part of the manifest.
    pub media_type: Option<String>,
    /// The media type that the upload came with, which declares nothing.
    pub content_type: Option<String>,
    /// How many bytes will come, where that is told.
    pub size_bytes: Option<u64>,
    /// Their digest, where that is told.
    pub sha256: Option<Sha256Digest>,
}

/// Checks what an upload says of itself, before anything of it is kept.
pub(crate) fn check(new: &NewFile) -> Result<PackagePath, ServiceError> {
    let path = PackagePath::new(new.path.as_str()).map_err(DeclarationRefused::from)?;
    check_text("path", path.as_str())?;
    for (field, text) in
        [("media_type", new.media_type.as_deref()), ("content_type", new.content_type.as_deref())]
    {
        let Some(text) = text else { continue };
        check_name(field, text)?;
        check_text(field, text)?;
    }
    Ok(path)
}
