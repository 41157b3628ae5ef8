//! Everything under a folder, every version and every open upload of it: for cleaning up.

use http::Method;
use strongroom_core::limits::LIST_PAGE_ENTRIES_MAX;

use super::S3Storage;
use super::list::{NEXT_VERSION, decode, is_url_encoded, malformed, next_marker};
use super::request::Request;
use crate::exchange::xml::Element;
use crate::{StorageError, StorageErrorKind, VersionId};

/// Pages that are read: more than the analysis ever leaves.
const PAGES_MAX: usize = 20;

/// What was found, up to a limit.
#[derive(Debug)]
pub(crate) struct Found<T> {
    pub(crate) all: Vec<T>,
    /// Whether there is more than was read.
    pub(crate) is_cut_short: bool,
}

/// One version of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remnant {
    /// Relative to the store's prefix.
    pub(crate) key: String,
    /// `None` on a store without versions.
    pub(crate) version: Option<VersionId>,
}

/// An upload that was begun and neither completed nor aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenUpload {
    key: String,
    id: String,
}

impl OpenUpload {
    /// Relative to the store's prefix.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }
}

impl S3Storage {
    /// Every version under `folder` (relative to the store's prefix), delete markers included.
    /// `Unsupported` where the store does not list versions.
    pub(crate) async fn remnants(&self, folder: &str) -> Result<Found<Remnant>, StorageError> {
        let own_prefix = self.client.address.prefix();
        let whole = format!("{own_prefix}{folder}");
        let mut remnants = Vec::new();
        let mut marker: Option<(String, Option<String>)> = None;
        for _ in 0..PAGES_MAX {
            let mut request = Request::bucket(Method::GET)
                .query("versions", "")
                .query("prefix", &whole)
                .query("max-keys", LIST_PAGE_ENTRIES_MAX)
                .query("encoding-type", "url");
            if let Some((key, version)) = &marker {
                request = request
                    .query("key-marker", key)
                    .query_if("version-id-marker", version.as_ref());
            }
            let root = self.client.send(&request).await?.xml()?;
            if root.name != "ListVersionsResult" && !root.name.starts_with("ListVersions") {
                return Err(StorageError::new(
                    StorageErrorKind::Unsupported,
                    "the store does not list versions",
                ));
            }
            let is_encoded = is_url_encoded(&root);
            for entry in &root.children {
                if !matches!(entry.name.as_str(), "Version" | "DeleteMarker") {
                    continue;
                }
                let key = key_of(entry, is_encoded, own_prefix)?;
                let version = entry.text_of("VersionId").map(|id| VersionId(id.to_owned()));
                remnants.push(Remnant { key, version });
            }
            marker = next_marker(&root, NEXT_VERSION)?;
            if marker.is_none() {
                return Ok(Found { all: remnants, is_cut_short: false });
            }
        }
        Ok(Found { all: remnants, is_cut_short: true })
    }

    /// Removes a remnant, also under a key that no [`ObjectKey`](crate::ObjectKey) has.
    pub(crate) async fn remove_remnant(&self, remnant: &Remnant) -> Result<(), StorageError> {
        let whole_key = format!("{}{}", self.client.address.prefix(), remnant.key);
        let request = Request::object(Method::DELETE, &whole_key)
            .query_if("versionId", remnant.version.as_ref());
        self.client.send(&request).await.map(drop).map_err(StorageError::from)
    }

    /// The open uploads under `folder`.
    pub(crate) async fn open_uploads(
        &self,
        folder: &str,
    ) -> Result<Found<OpenUpload>, StorageError> {
        let own_prefix = self.client.address.prefix();
        let mut uploads = Vec::new();
        let mut marker: Option<(String, Option<String>)> = None;
        for _ in 0..PAGES_MAX {
            let mut request = Request::bucket(Method::GET)
                .query("uploads", "")
                .query("prefix", format!("{own_prefix}{folder}"))
                .query("encoding-type", "url");
            if let Some((key, upload)) = &marker {
                request =
                    request.query("key-marker", key).query_if("upload-id-marker", upload.as_ref());
            }
            let root = self.client.send(&request).await?.xml()?;
            let is_encoded = is_url_encoded(&root);
            for entry in root.children.iter().filter(|entry| entry.name == "Upload") {
                let key = key_of(entry, is_encoded, own_prefix)?;
                let id = entry.text_of("UploadId").ok_or_else(malformed)?.to_owned();
                // Some stores do not look at the prefix.
                if key.starts_with(folder) {
                    uploads.push(OpenUpload { key, id });
                }
            }
            marker = next_marker(&root, "NextUploadIdMarker")?;
            if marker.is_none() {
                return Ok(Found { all: uploads, is_cut_short: false });
            }
        }
        Ok(Found { all: uploads, is_cut_short: true })
    }

    /// Aborts an upload.
    pub(crate) async fn abort_upload(&self, upload: &OpenUpload) -> Result<(), StorageError> {
        let whole_key = format!("{}{}", self.client.address.prefix(), upload.key);
        let request = Request::object(Method::DELETE, &whole_key).query("uploadId", &upload.id);
        match self.client.send(&request).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.is(&["NoSuchUpload"]) => Ok(()),
            Err(failure) => Err(failure.into()),
        }
    }
}

fn key_of(entry: &Element, is_encoded: bool, own_prefix: &str) -> Result<String, StorageError> {
    let key = entry.key_of("Key").and_then(|key| decode(key, is_encoded)).ok_or_else(malformed)?;
    // Uploads of others, on a store that does not look at the prefix.
    Ok(key.strip_prefix(own_prefix).map_or(key.clone(), str::to_owned))
}
