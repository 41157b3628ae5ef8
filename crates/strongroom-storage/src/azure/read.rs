//! Reading a blob as a stream, all of one version.

use std::ops::Range;

use http::header::{IF_MATCH, RANGE};
use http::{HeaderMap, Method, StatusCode};

use super::request::Request;
use super::{AzureStorage, blob};
use crate::exchange::body::{RangeBody, Reopen};
use crate::{
    ObjectInfo, ObjectKey, ObjectReader, Storage as _, StorageError, StorageErrorKind, VersionId,
    ranges,
};

/// See [`crate::Storage::read`].
pub(super) async fn read(
    store: &AzureStorage,
    key: &ObjectKey,
    version: Option<&VersionId>,
    range: Option<Range<u64>>,
) -> Result<ObjectReader, StorageError> {
    if range.as_ref().is_some_and(Range::is_empty) {
        // It cannot be written down as a header.
        return Err(ranges::no_byte());
    }
    let mut blob = Blob {
        store: store.clone(),
        whole_key: store.whole_key(key),
        version: version.cloned(),
        etag: None,
    };
    let response = match store.client.open(&blob.request(range.as_ref())?).await {
        Ok(response) => response,
        Err(failure)
            if failure
                .refusal()
                .is_some_and(|refusal| refusal.status == StatusCode::RANGE_NOT_SATISFIABLE) =>
        {
            return Err(ranges::no_byte().with_source(StorageError::from(failure)));
        }
        Err(failure) => return Err(failure.into()),
    };
    let info = blob::info(response.headers())?;
    if let Some(version) = &info.version {
        blob.version = Some(version.clone());
    }
    blob.etag.clone_from(&info.etag);
    let body = RangeBody::new(blob, &info, response, range)?;
    Ok(ObjectReader { info, stream: body.into_stream() })
}

/// What is read.
struct Blob {
    store: AzureStorage,
    whole_key: String,
    version: Option<VersionId>,
    /// Known once the first answer is there.
    etag: Option<String>,
}

impl Blob {
    fn request(&self, range: Option<&Range<u64>>) -> Result<Request, StorageError> {
        let mut request = Request::blob(Method::GET, &self.whole_key)
            .query_if("versionid", self.version.as_ref().map(|version| &version.0));
        if let Some(range) = range {
            let bytes = format!("bytes={}-{}", range.start, range.end - 1);
            request = request.header(RANGE.as_str(), &bytes)?;
        }
        match &self.etag {
            Some(etag) => request.header(IF_MATCH.as_str(), &format!("\"{etag}\"")),
            None => Ok(request),
        }
    }
}

impl Reopen for Blob {
    async fn open(&self, left: &Range<u64>) -> Result<reqwest::Response, StorageError> {
        match self.store.client.open(&self.request(Some(left))?).await {
            // `If-Match`, which is refused in the same way as `If-None-Match`.
            Err(failure) if failure.kind() == StorageErrorKind::AlreadyExists => {
                Err(ranges::replaced())
            }
            opened => Ok(opened?),
        }
    }

    fn info(&self, headers: &HeaderMap) -> Result<ObjectInfo, StorageError> {
        blob::info(headers)
    }
}
