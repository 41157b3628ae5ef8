//! What the store says of one object.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::header::{CONTENT_LENGTH, ETAG, LAST_MODIFIED, RANGE};
use http::{HeaderMap, Method, StatusCode};
use strongroom_core::Sha256Digest;
use strongroom_core::receipt::Encryption;

use super::S3Storage;
use super::error::{Failure, unexplained_head, unread};
use super::request::{Answer, Request, header};
use super::restore;
use crate::exchange::dates;
use crate::{
    ObjectInfo, ObjectKey, Storage as _, StorageError, StorageErrorKind, StoredChecksum, VersionId,
};

/// Stored with each object: a UUID of the write, so that a write whose answer was lost can be told
/// from somebody else's.
pub(super) const WRITE_ID: &str = "strongroom-write-id";

const METADATA_PREFIX: &str = "x-amz-meta-";

/// See [`crate::Storage::head`].
pub(super) async fn head(
    store: &S3Storage,
    key: &ObjectKey,
    version: Option<&VersionId>,
) -> Result<ObjectInfo, StorageError> {
    let whole_key = store.whole_key(key);
    match ask(store, &whole_key, version).await {
        Ok(answer) => info(&answer.headers),
        Err(failure) => Err(unread(explain(store, &whole_key, version, failure).await, version)),
    }
}

/// Asks about an object.
pub(super) async fn ask(
    store: &S3Storage,
    whole_key: &str,
    version: Option<&VersionId>,
) -> Result<Answer, Failure> {
    let request = Request::object(Method::HEAD, whole_key)
        .query_if("versionId", version)
        .fixed_header("x-amz-checksum-mode", "ENABLED");
    let answer = store.client.send(&request).await?;
    store.observations.saw_bucket();
    Ok(answer)
}

/// A refused HEAD has no body that could say why. A GET of one byte, refused, does.
async fn explain(
    store: &S3Storage,
    whole_key: &str,
    version: Option<&VersionId>,
    failure: Failure,
) -> StorageError {
    let Some(refusal) = failure.refusal() else { return failure.into() };
    let is_plain = refusal.status == StatusCode::NOT_FOUND && store.observations.bucket();
    if is_plain || refusal.status.is_server_error() {
        return failure.into();
    }
    let request = Request::object(Method::GET, whole_key)
        .query_if("versionId", version)
        .fixed_header(RANGE.as_str(), "bytes=0-0");
    match store.client.open(&request).await {
        Err(explained) if explained.kind() == StorageErrorKind::PermissionDenied => {
            unexplained_head()
        }
        Err(explained) if explained.refusal().is_some_and(|refusal| refusal.code.is_some()) => {
            if explained.is(&["NoSuchKey"]) {
                store.observations.saw_bucket();
            }
            explained.into()
        }
        _ if failure.kind() == StorageErrorKind::PermissionDenied => unexplained_head(),
        _ => failure.into(),
    }
}

/// Reads the headers of an answer to HEAD or GET.
pub(super) fn info(headers: &HeaderMap) -> Result<ObjectInfo, StorageError> {
    let size_bytes = match header(headers, "content-range") {
        Some(range) => range.rsplit_once('/').and_then(|(_, size)| size.parse().ok()),
        None => header(headers, CONTENT_LENGTH.as_str()).and_then(|size| size.parse().ok()),
    };
    let size_bytes = size_bytes.ok_or_else(|| {
        StorageError::new(StorageErrorKind::Malformed, "the store does not tell the object's size")
    })?;
    Ok(ObjectInfo {
        size_bytes,
        version: version(headers),
        etag: etag(headers),
        last_modified: header(headers, LAST_MODIFIED.as_str()).and_then(dates::parse),
        checksum: stored_checksum(headers),
        metadata: metadata(headers),
        encryption: header(headers, "x-amz-server-side-encryption").map(|algorithm| Encryption {
            algorithm: algorithm.to_owned(),
            kms_key_id: header(headers, "x-amz-server-side-encryption-aws-kms-key-id")
                .map(str::to_owned),
        }),
        storage_class: header(headers, "x-amz-storage-class").map(str::to_owned),
        retrieval: restore::retrieval(headers),
    })
}

/// The version in an answer. `null` names whatever is written without versions: it pins nothing.
pub(super) fn version(headers: &HeaderMap) -> Option<VersionId> {
    header(headers, "x-amz-version-id")
        .filter(|version| *version != "null")
        .map(|version| VersionId(version.to_owned()))
}

/// The entity tag in an answer, without its quotes.
pub(super) fn etag(headers: &HeaderMap) -> Option<String> {
    header(headers, ETAG.as_str())
        .map(|etag| etag.trim_matches('"').to_owned())
        .filter(|etag| !etag.is_empty())
}

/// The checksum in an answer. One that calls itself composite and does not say of how many parts is
/// of no use.
fn stored_checksum(headers: &HeaderMap) -> Option<StoredChecksum> {
    let checksum = header(headers, "x-amz-checksum-sha256").and_then(checksum)?;
    let is_composite = header(headers, "x-amz-checksum-type") == Some("COMPOSITE");
    match checksum {
        StoredChecksum::Sha256(_) if is_composite => None,
        checksum => Some(checksum),
    }
}

/// Reads `base64` of a whole object's SHA-256, or `base64-N` of the composite of N parts.
pub(super) fn checksum(text: &str) -> Option<StoredChecksum> {
    let digest = |text: &str| {
        let bytes: [u8; 32] = BASE64.decode(text).ok()?.try_into().ok()?;
        Some(Sha256Digest::from_bytes(bytes))
    };
    match text.rsplit_once('-') {
        Some((text, parts)) => Some(StoredChecksum::CompositeSha256 {
            digest: digest(text)?,
            parts: parts.parse().ok()?,
        }),
        None => digest(text).map(StoredChecksum::Sha256),
    }
}

fn metadata(headers: &HeaderMap) -> BTreeMap<String, String> {
    headers
        .iter()
        .filter_map(|(name, value)| {
            let name = name.as_str().strip_prefix(METADATA_PREFIX)?;
            Some((name.to_owned(), value.to_str().ok()?.to_owned()))
        })
        .collect()
}

/// The header that stores a piece of metadata.
pub(super) fn metadata_header(name: &str) -> String {
    format!("{METADATA_PREFIX}{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn an_answer_says_what_the_object_is() {
        let info = info(&headers(&[
            ("content-length", "12"),
            ("etag", "\"abc\""),
            ("x-amz-version-id", "v1"),
            ("x-amz-meta-strongroom-write-id", "w"),
            ("x-amz-server-side-encryption", "aws:kms"),
            ("x-amz-server-side-encryption-aws-kms-key-id", "k"),
            ("last-modified", "Sat, 21 Nov 2026 12:00:00 GMT"),
        ]))
        .unwrap();
        assert_eq!(info.size_bytes, 12);
        assert_eq!(info.etag.as_deref(), Some("abc"));
        assert_eq!(info.version, Some(VersionId("v1".to_owned())));
        assert_eq!(info.metadata[WRITE_ID], "w");
        assert_eq!(info.encryption.unwrap().kms_key_id.as_deref(), Some("k"));
        assert!(info.last_modified.is_some());
    }

    #[test]
    fn the_size_of_a_range_is_the_size_of_the_object() {
        let range = [("content-length", "10"), ("content-range", "bytes 0-9/4000")];
        assert_eq!(info(&headers(&range)).unwrap().size_bytes, 4_000);
        let unknown = [("content-length", "10"), ("content-range", "bytes 0-9/*")];
        assert_eq!(info(&headers(&unknown)).unwrap_err().kind(), StorageErrorKind::Malformed);
    }

    #[test]
    fn null_is_no_version_and_an_empty_tag_is_no_tag() {
        let headers = headers(&[("x-amz-version-id", "null"), ("etag", "\"\"")]);
        assert_eq!(version(&headers), None);
        assert_eq!(etag(&headers), None);
    }

    #[test]
    fn a_composite_checksum_is_told_from_a_whole_one() {
        let digest = Sha256Digest::of(b"hello");
        let text = BASE64.encode(digest.as_bytes());
        assert_eq!(checksum(&text), Some(StoredChecksum::Sha256(digest)));
        assert_eq!(
            checksum(&format!("{text}-3")),
            Some(StoredChecksum::CompositeSha256 { digest, parts: 3 })
        );
        for text in ["", "-", "aGVsbG8=", "!", "x-3"] {
            assert_eq!(checksum(text), None, "{text}");
        }
    }
}
