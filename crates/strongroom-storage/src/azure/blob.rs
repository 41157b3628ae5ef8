//! What the store says of one blob.

use std::collections::BTreeMap;

use http::header::{CONTENT_LENGTH, ETAG, LAST_MODIFIED};
use http::{HeaderMap, Method, StatusCode};
use strongroom_core::receipt::Encryption;

use super::AzureStorage;
use super::error::Failure;
use super::request::{Answer, Request, header};
use super::restore;
use crate::exchange::dates;
use crate::{ObjectInfo, ObjectKey, Storage as _, StorageError, StorageErrorKind, VersionId};

/// Stored with each blob: a UUID of the write, so that a write whose answer was lost can be told
/// from somebody else's.
pub(super) const WRITE_ID: &str = "strongroom-write-id";

const METADATA_PREFIX: &str = "x-ms-meta-";

/// See [`crate::Storage::head`].
pub(super) async fn head(
    store: &AzureStorage,
    key: &ObjectKey,
    version: Option<&VersionId>,
) -> Result<ObjectInfo, StorageError> {
    match ask(store, &store.whole_key(key), version).await {
        Ok(answer) => info(&answer.headers),
        Err(failure) => Err(failure.into()),
    }
}

/// Asks about a blob.
pub(super) async fn ask(
    store: &AzureStorage,
    whole_key: &str,
    version: Option<&VersionId>,
) -> Result<Answer, Failure> {
    let request = Request::blob(Method::HEAD, whole_key)
        .query_if("versionid", version.map(|version| &version.0));
    match store.client.send(&request).await {
        // A version's name that cannot be is refused with a 400.
        Err(failure) if version.is_some() && is_bad_request(&failure) => {
            Err(StorageError::new(StorageErrorKind::NotFound, "the store has no such version")
                .into())
        }
        answered => answered,
    }
}

fn is_bad_request(failure: &Failure) -> bool {
    failure.refusal().is_some_and(|refusal| refusal.status == StatusCode::BAD_REQUEST)
}

/// Reads the headers of an answer to HEAD or GET.
pub(super) fn info(headers: &HeaderMap) -> Result<ObjectInfo, StorageError> {
    let size_bytes = match header(headers, "content-range") {
        Some(range) => range.rsplit_once('/').and_then(|(_, size)| size.parse().ok()),
        None => header(headers, CONTENT_LENGTH.as_str()).and_then(|size| size.parse().ok()),
    };
    let size_bytes = size_bytes.ok_or_else(|| {
        StorageError::new(StorageErrorKind::Malformed, "the store does not tell the blob's size")
    })?;
    Ok(ObjectInfo {
        size_bytes,
        version: version(headers),
        etag: etag(headers),
        last_modified: header(headers, LAST_MODIFIED.as_str()).and_then(dates::parse),
        // Azure keeps no SHA-256.
        checksum: None,
        metadata: metadata(headers),
        encryption: encryption(headers),
        storage_class: header(headers, "x-ms-access-tier").map(str::to_owned),
        retrieval: restore::retrieval(headers),
    })
}

/// The version in an answer, where the account keeps versions.
pub(super) fn version(headers: &HeaderMap) -> Option<VersionId> {
    header(headers, "x-ms-version-id").map(|version| VersionId(version.to_owned()))
}

/// The entity tag in an answer, without its quotes.
pub(super) fn etag(headers: &HeaderMap) -> Option<String> {
    header(headers, ETAG.as_str())
        .map(|etag| etag.trim_matches('"').to_owned())
        .filter(|etag| !etag.is_empty())
}

fn encryption(headers: &HeaderMap) -> Option<Encryption> {
    let is_encrypted = header(headers, "x-ms-server-encrypted") == Some("true");
    is_encrypted.then(|| Encryption {
        // The only algorithm of Azure's storage service encryption.
        algorithm: "AES256".to_owned(),
        kms_key_id: header(headers, "x-ms-encryption-scope").map(str::to_owned),
    })
}

/// Names of metadata are C# identifiers at Azure, which have `_` where ours have `-`.
fn metadata(headers: &HeaderMap) -> BTreeMap<String, String> {
    headers
        .iter()
        .filter_map(|(name, value)| {
            let name = name.as_str().strip_prefix(METADATA_PREFIX)?.replace('_', "-");
            Some((name, value.to_str().ok()?.to_owned()))
        })
        .collect()
}

/// The header that stores a piece of metadata.
pub(super) fn metadata_header(name: &str) -> String {
    format!("{METADATA_PREFIX}{}", name.replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_what_the_blob_is() {
        let name = |name: String| http::HeaderName::try_from(name).unwrap();
        let headers: HeaderMap = [
            ("content-length".to_owned(), "10"),
            ("content-range".to_owned(), "bytes 0-9/4000"),
            ("etag".to_owned(), "\"0x8D\""),
            ("last-modified".to_owned(), "Sat, 21 Nov 2026 12:00:00 GMT"),
            (metadata_header(WRITE_ID), "w"),
            ("x-ms-server-encrypted".to_owned(), "true"),
            ("x-ms-encryption-scope".to_owned(), "scope"),
            ("x-ms-access-tier".to_owned(), "Cool"),
        ]
        .map(|(header, value)| (name(header), value.parse().unwrap()))
        .into_iter()
        .collect();
        let info = info(&headers).unwrap();
        assert_eq!((info.size_bytes, info.etag.as_deref()), (4_000, Some("0x8D")));
        assert_eq!(info.metadata[WRITE_ID], "w");
        assert_eq!(info.encryption.unwrap().kms_key_id.as_deref(), Some("scope"));
        assert_eq!(info.storage_class.as_deref(), Some("Cool"));
        assert!(info.last_modified.is_some());
    }
}
