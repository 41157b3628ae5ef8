//! Reading an object as a stream, all of one version.

use std::ops::Range;

use http::header::RANGE;
use http::{HeaderMap, Method, StatusCode};

use super::error::unread;
use super::request::Request;
use super::{S3Storage, object};
use crate::exchange::body::{RangeBody, Reopen};
use crate::{ObjectInfo, ObjectKey, ObjectReader, Storage as _, StorageError, VersionId, ranges};

/// See [`crate::Storage::read`].
pub(super) async fn read(
    store: &S3Storage,
    key: &ObjectKey,
    version: Option<&VersionId>,
    range: Option<Range<u64>>,
) -> Result<ObjectReader, StorageError> {
    if range.as_ref().is_some_and(Range::is_empty) {
        return Err(ranges::no_byte());
    }
    let mut object =
        Object { store: store.clone(), whole_key: store.whole_key(key), version: version.cloned() };
    let response = match store.client.open(&object.request(range.as_ref())).await {
        Ok(response) => response,
        Err(failure) if is_past_the_end(&failure) => return Err(ranges::no_byte()),
        Err(failure) => return Err(unread(failure.into(), version)),
    };
    store.observations.saw_bucket();
    let mut info = object::info(response.headers())?;
    if range.is_some() {
        // The checksum in an answer to a range may be that of a part.
        info.checksum = None;
    }
    if let Some(version) = &info.version {
        object.version = Some(version.clone());
    }
    let body = RangeBody::new(object, &info, response, range)?;
    Ok(ObjectReader { info, stream: body.into_stream() })
}

fn is_past_the_end(failure: &super::error::Failure) -> bool {
    failure.refusal().is_some_and(|refusal| refusal.status == StatusCode::RANGE_NOT_SATISFIABLE)
}

/// What is read. Without a version nothing pins it: `If-Match` wants its tag quoted on some stores
/// and bare on others.
struct Object {
    store: S3Storage,
    whole_key: String,
    version: Option<VersionId>,
}

impl Object {
    fn request(&self, range: Option<&Range<u64>>) -> Request {
        let request = Request::object(Method::GET, &self.whole_key)
            .query_if("versionId", self.version.as_ref());
        match range {
            // Digits and ASCII signs always make a header.
            Some(range) => request
                .clone()
                .header(RANGE.as_str(), &format!("bytes={}-{}", range.start, range.end - 1))
                .unwrap_or(request),
            None => request,
        }
    }
}

impl Reopen for Object {
    async fn open(&self, left: &Range<u64>) -> Result<reqwest::Response, StorageError> {
        let opened = self.store.client.open(&self.request(Some(left))).await;
        opened.map_err(|failure| unread(failure.into(), self.version.as_ref()))
    }

    fn info(&self, headers: &HeaderMap) -> Result<ObjectInfo, StorageError> {
        object::info(headers)
    }
}
