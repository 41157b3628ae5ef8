//! Reading an object as a stream, all of one version. A connection that breaks is resumed where it
//! broke.

use std::ops::Range;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use http::header::RANGE;
use http::{Method, StatusCode};

use super::error::unanswered;
use super::request::{Request, header, stalled};
use super::{S3Storage, object};
use crate::exchange::payload::Movement;
use crate::exchange::retry;
use crate::{
    ObjectInfo, ObjectKey, ObjectReader, Storage as _, StorageError, StorageErrorKind, VersionId,
    ranges,
};

/// How often in a row a range is resumed without much having come.
const FRUITLESS_RESUMES_MAX: u32 = 3;
/// Bytes that make a try worth another: a store that breaks off after every few bytes is not read
/// to the end in a million requests.
const FRUITFUL_BYTES: u64 = 64 << 10;

/// See [`crate::Storage::read`].
pub(super) async fn read(
    store: &S3Storage,
    key: &ObjectKey,
    version: Option<&VersionId>,
    range: Option<Range<u64>>,
) -> Result<ObjectReader, StorageError> {
    if range.as_ref().is_some_and(Range::is_empty) {
        return Err(no_byte());
    }
    let object =
        Object { store: store.clone(), whole_key: store.whole_key(key), version: version.cloned() };
    let response = match store.client.open(&object.request(range.as_ref())).await {
        Ok(response) => response,
        Err(failure) if is_past_the_end(&failure) => return Err(no_byte()),
        Err(failure) => return Err(failure.into()),
    };
    store.observations.saw_bucket();
    let mut info = object::info(response.headers())?;
    let left = ranges::inside(range.clone(), info.size_bytes)?;
    if range.is_some() {
        if response.status() != StatusCode::PARTIAL_CONTENT {
            return Err(StorageError::new(
                StorageErrorKind::Unsupported,
                "the store does not give a range of an object",
            ));
        }
        check_range(&response, left.start)?;
        // The checksum in an answer to a range may be that of a part.
        info.checksum = None;
    }
    let body = RangeBody::new(Pinned::new(object, &info), response, left);
    Ok(ObjectReader { info, stream: body.into_stream() })
}

fn no_byte() -> StorageError {
    StorageError::new(StorageErrorKind::InvalidRequest, "the range holds no byte of the object")
}

fn is_past_the_end(failure: &super::error::Failure) -> bool {
    failure.refusal().is_some_and(|refusal| refusal.status == StatusCode::RANGE_NOT_SATISFIABLE)
}

fn check_range(response: &reqwest::Response, start: u64) -> Result<(), StorageError> {
    let answered = header(response.headers(), "content-range")
        .and_then(|range| range.strip_prefix("bytes ")?.split_once('-')?.0.parse::<u64>().ok());
    if answered == Some(start) {
        return Ok(());
    }
    Err(StorageError::new(
        StorageErrorKind::Malformed,
        "the store answers with another range than was asked for",
    ))
}

/// What is read.
#[derive(Clone)]
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

/// An object of which every further answer must be the same version. Where there are no version
/// ids, the entity tag and the size in each answer tell: `If-Match` wants its tag quoted on some
/// stores and bare on others.
#[derive(Clone)]
struct Pinned {
    object: Object,
    etag: Option<String>,
    size_bytes: u64,
}

impl Pinned {
    fn new(mut object: Object, info: &ObjectInfo) -> Self {
        if let Some(version) = &info.version {
            object.version = Some(version.clone());
        }
        Self { object, etag: info.etag.clone(), size_bytes: info.size_bytes }
    }

    async fn open(&self, range: &Range<u64>) -> Result<reqwest::Response, StorageError> {
        let client = &self.object.store.client;
        let response = client.open(&self.object.request(Some(range))).await?;
        check_range(&response, range.start)?;
        let info = object::info(response.headers())?;
        if info.etag != self.etag || info.size_bytes != self.size_bytes {
            return Err(StorageError::new(
                StorageErrorKind::Integrity,
                "the object was replaced while it was being read",
            )
            .with_guidance("read it again"));
        }
        Ok(response)
    }
}

/// The body of an answer to a range.
struct RangeBody {
    pinned: Pinned,
    response: reqwest::Response,
    left: Range<u64>,
    movement: Movement,
    /// Bytes that came since the last resume.
    came_bytes: u64,
    fruitless_resumes: u32,
}

impl RangeBody {
    fn new(pinned: Pinned, response: reqwest::Response, range: Range<u64>) -> Self {
        let movement = Movement::begin();
        Self { pinned, response, left: range, movement, came_bytes: 0, fruitless_resumes: 0 }
    }

    fn into_stream(self) -> BoxStream<'static, Result<Bytes, StorageError>> {
        stream::try_unfold(self, |mut body| async {
            Ok(body.next().await?.map(|piece| (piece, body)))
        })
        .boxed()
    }

    /// The next piece, or `None` once every byte of the range came.
    async fn next(&mut self) -> Result<Option<Bytes>, StorageError> {
        while !self.left.is_empty() {
            self.movement.mark();
            let chunk = self.movement.watch(retry::FIRST_STALL, self.response.chunk()).await;
            let broken = match chunk {
                Some(Ok(Some(mut piece))) if !piece.is_empty() => {
                    let wanted = self.left.end - self.left.start;
                    piece.truncate(usize::try_from(wanted).unwrap_or(usize::MAX));
                    self.left.start += piece.len() as u64;
                    self.came_bytes += piece.len() as u64;
                    return Ok(Some(piece));
                }
                Some(Ok(Some(_))) => continue,
                Some(Ok(None)) => StorageError::new(
                    StorageErrorKind::Unreachable,
                    "the store ended the body too early",
                ),
                Some(Err(error)) => unanswered(error).into(),
                None => stalled().into(),
            };
            let was_fruitful = self.came_bytes >= FRUITFUL_BYTES;
            self.fruitless_resumes = if was_fruitful { 0 } else { self.fruitless_resumes + 1 };
            self.came_bytes = 0;
            if self.fruitless_resumes > FRUITLESS_RESUMES_MAX
                || broken.kind() == StorageErrorKind::TimedOut
            {
                return Err(broken);
            }
            self.response = self.pinned.open(&self.left).await?;
        }
        Ok(None)
    }
}
