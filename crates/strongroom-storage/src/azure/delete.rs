//! Deletion. An account that keeps versions deletes only earlier ones by their name, so the current
//! one is made an earlier one first.
//! <https://learn.microsoft.com/rest/api/storageservices/delete-blob>

use http::Method;
use http::header::IF_MATCH;

use super::error::Failure;
use super::request::{Answer, Request};
use super::{AzureStorage, blob};
use crate::{ObjectKey, Storage as _, StorageError, StorageErrorKind, VersionId};

/// How the service refuses to delete the current version by its name, whether it is locked or not.
const IS_CURRENT: &str = "OperationNotAllowedOnRootBlob";

/// See [`crate::Storage::delete`].
pub(super) async fn delete(
    store: &AzureStorage,
    key: &ObjectKey,
    version: Option<&VersionId>,
) -> Result<(), StorageError> {
    let whole_key = store.whole_key(key);
    let request = Request::blob(Method::DELETE, &whole_key)
        .query_if("versionid", version.map(|version| &version.0));
    let mut answer = store.client.send(&request).await;
    if let (Err(failure), Some(version)) = (&answer, version)
        && failure.is(&[IS_CURRENT])
    {
        // Without this a lock would not be asked at all: a refusal is to be the lock's own.
        make_earlier(store, &whole_key, version).await?;
        answer = store.client.send(&request).await;
    }
    settle(answer)
}

/// Deletes the blob, which keeps its current version as an earlier one. Only if that is `version`: a
/// newer one that somebody wrote meanwhile stays on top.
async fn make_earlier(
    store: &AzureStorage,
    whole_key: &str,
    version: &VersionId,
) -> Result<(), StorageError> {
    let current = blob::ask(store, whole_key, Some(version)).await?;
    let etag = blob::etag(&current.headers).ok_or_else(|| {
        StorageError::new(StorageErrorKind::Malformed, "the store's answer has no entity tag")
    })?;
    let request = Request::blob(Method::DELETE, whole_key)
        .header(IF_MATCH.as_str(), &format!("\"{etag}\""))?;
    match store.client.send(&request).await {
        // `If-Match`, which is refused in the same way as `If-None-Match`.
        Err(failure) if failure.kind() == StorageErrorKind::AlreadyExists => Ok(()),
        answer => settle(answer),
    }
}

fn settle(answer: Result<Answer, Failure>) -> Result<(), StorageError> {
    match answer {
        Ok(_) => Ok(()),
        Err(failure) if failure.kind() == StorageErrorKind::NotFound => Ok(()),
        Err(failure) => Err(failure.into()),
    }
}
