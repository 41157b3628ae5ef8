//! What the store enforces, found out by requests that must be refused and leave nothing behind.

use bytes::Bytes;
use http::Method;
use http::header::CONTENT_TYPE;
use strongroom_core::observed::{Observed, Unobserved};

use super::create::Write;
use super::error::Failure;
use super::multipart::Upload;
use super::object;
use super::observations::{Checks, WriteKind};
use super::request::Request;
use super::{S3Storage, status};
use crate::exchange::payload::Payload;
use crate::status::Versioning;
use crate::{ObjectKey, Storage as _, StorageError, StorageErrorKind};

/// Whether the store checks what it is sent, by two parts that are deliberately wrong, in an upload
/// of their own that is aborted: Ceph refuses to complete an upload that holds a part which the
/// completion does not list. Parts are no objects, so nothing is left behind, not even under a
/// default retention. `None` where the store did not answer either way.
pub(super) async fn checks(write: &Write<'_>) -> Option<Checks> {
    let store = write.store;
    if let Some(checks) = store.observations.checks() {
        return Some(checks);
    }
    let mut upload = Upload::begin_probe(write).await.ok()?;
    let checks = send_wrong_parts(store, &upload).await;
    upload.abort().await;
    checks.inspect(|checks| store.observations.saw_checks(*checks))
}

async fn send_wrong_parts(store: &S3Storage, upload: &Upload) -> Option<Checks> {
    let part = || upload.request(Method::PUT).query("partNumber", 1);
    let wrong_checksum = Payload::small(&b"?"[..]).with_wrong_sha256().sha256_base64();
    let request = part()
        .header("x-amz-checksum-sha256", &wrong_checksum)
        .ok()?
        .with_payload(Payload::small(&b"?"[..]));
    let checksum = is_refused(store, &request).await?;
    let request = part().with_payload(Payload::small(&b"?"[..]).with_wrong_sha256());
    let payload = is_refused(store, &request).await?;
    Some(Checks { checksum, payload })
}

async fn is_refused(store: &S3Storage, request: &Request) -> Option<bool> {
    match store.client.send(request).await {
        Ok(_) => Some(false),
        // Some servers sign over the body that they received instead of comparing digests.
        Err(failure) if failure.is(&["SignatureDoesNotMatch"]) => Some(true),
        Err(failure) if failure.kind() == StorageErrorKind::Integrity => Some(true),
        Err(_) => None,
    }
}

/// See [`crate::Storage::probe_create_only`].
///
/// A conditional PUT with a wrong Content-MD5 is refused in any case: for the condition (412) or
/// for the digest (400). Where the digest comes first, a right one is sent, but only where that
/// cannot add a version; the body and the description are those that are there already.
pub(super) async fn create_only(
    store: &S3Storage,
    key: &ObjectKey,
    body: &Bytes,
) -> Result<Observed<bool>, StorageError> {
    let whole_key = store.whole_key(key);
    let head = object::ask(store, &whole_key, None).await?;
    let payload = Payload::small(body.clone());
    let mut request = Request::object(Method::PUT, &whole_key)
        .fixed_header("if-none-match", "*")
        .with_payload(payload.clone());
    for (name, value) in object::info(&head.headers)?.metadata {
        request = request.header(&object::metadata_header(&name), &value)?;
    }
    if let Some(content_type) = head.header(CONTENT_TYPE.as_str()) {
        request = request.header(CONTENT_TYPE.as_str(), content_type)?;
    }
    let wrong = request.clone().header("content-md5", &wrong_md5(&payload))?;
    let refused = store.client.send(&wrong).await.map(drop);
    if !matches!(&refused, Err(failure) if failure.kind() == StorageErrorKind::Integrity) {
        return judge(store, refused);
    }
    let versioning = status::versioning(store).await?;
    if versioning != Observed::Observed(Versioning::Disabled) {
        return Ok(Observed::Unobserved(Unobserved::NotProbed));
    }
    let right = request.header("content-md5", &payload.md5_base64())?;
    judge(store, store.client.send(&right).await.map(drop))
}

/// The Content-MD5 of other bytes.
pub(super) fn wrong_md5(payload: &Payload) -> String {
    Payload::small(payload.md5_base64()).md5_base64()
}

fn judge(store: &S3Storage, answer: Result<(), Failure>) -> Result<Observed<bool>, StorageError> {
    match answer {
        Ok(()) => Ok(Observed::Observed(false)),
        Err(failure) if failure.kind() == StorageErrorKind::AlreadyExists => {
            store.observations.saw_create_refused(WriteKind::Put);
            Ok(Observed::Observed(true))
        }
        Err(failure) if failure.refusal().is_some_and(|refusal| refusal.is_not_implemented()) => {
            Ok(Observed::Observed(false))
        }
        Err(failure) => match failure.kind() {
            StorageErrorKind::PermissionDenied => {
                Ok(Observed::Unobserved(Unobserved::PermissionDenied))
            }
            _ if failure.refusal().is_some() => Ok(Observed::Unobserved(Unobserved::Error)),
            _ => Err(failure.into()),
        },
    }
}
