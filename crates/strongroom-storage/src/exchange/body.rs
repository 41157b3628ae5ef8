//! The body of an answer, as a stream. One that breaks off is resumed where it broke, of the same
//! object or not at all.

use std::ops::Range;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use http::{HeaderMap, StatusCode};

use super::lost;
use super::payload::Movement;
use super::retry::FIRST_STALL;
use crate::{ObjectInfo, StorageError, StorageErrorKind, ranges};

/// How often in a row a body is resumed without much having come.
const FRUITLESS_RESUMES_MAX: u32 = 3;
/// Bytes that make a try worth another: a store that breaks off after every few bytes is not read
/// to the end in a million requests.
const FRUITFUL_BYTES: u64 = 64 << 10;

/// An object that can be asked for what is left of it.
pub(crate) trait Reopen: Send + Sync + 'static {
    /// Asks for a range, which is never empty. What comes back may be another object still.
    fn open(
        &self,
        left: &Range<u64>,
    ) -> impl Future<Output = Result<reqwest::Response, StorageError>> + Send;

    /// What the store says of the object in an answer to a range.
    fn info(&self, headers: &HeaderMap) -> Result<ObjectInfo, StorageError>;
}

/// The bytes of an object that are on their way.
pub(crate) struct RangeBody<R> {
    object: R,
    etag: Option<String>,
    size_bytes: u64,
    response: reqwest::Response,
    left: Range<u64>,
    movement: Movement,
    /// Bytes that came since the last resume.
    came_bytes: u64,
    fruitless_resumes: u32,
}

impl<R: Reopen> RangeBody<R> {
    /// Takes the first answer, to a request for `asked` or for the whole. Every further answer must
    /// be the same object: the entity tag and the size tell, where `object` pins no version.
    pub(crate) fn new(
        object: R,
        info: &ObjectInfo,
        response: reqwest::Response,
        asked: Option<Range<u64>>,
    ) -> Result<Self, StorageError> {
        let is_range = asked.is_some();
        let left = ranges::inside(asked, info.size_bytes)?;
        if is_range {
            check_range(&response, left.start)?;
        }
        Ok(Self {
            object,
            etag: info.etag.clone(),
            size_bytes: info.size_bytes,
            response,
            left,
            movement: Movement::begin(),
            came_bytes: 0,
            fruitless_resumes: 0,
        })
    }

    /// The bytes, in order.
    pub(crate) fn into_stream(self) -> BoxStream<'static, Result<Bytes, StorageError>> {
        stream::try_unfold(self, |mut body| async {
            Ok(body.next().await?.map(|piece| (piece, body)))
        })
        .boxed()
    }

    /// The next piece, or `None` once every byte of the range came.
    async fn next(&mut self) -> Result<Option<Bytes>, StorageError> {
        while !self.left.is_empty() {
            self.movement.mark();
            let chunk = self.movement.watch(FIRST_STALL, self.response.chunk()).await;
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
                Some(Err(error)) => lost::meaning(error),
                None => lost::stalled(),
            };
            self.resume_after(broken).await?;
        }
        Ok(None)
    }

    /// Asks for what is left, unless enough was asked in vain.
    async fn resume_after(&mut self, broken: StorageError) -> Result<(), StorageError> {
        let was_fruitful = self.came_bytes >= FRUITFUL_BYTES;
        self.fruitless_resumes = if was_fruitful { 0 } else { self.fruitless_resumes + 1 };
        self.came_bytes = 0;
        if self.fruitless_resumes > FRUITLESS_RESUMES_MAX
            || broken.kind() == StorageErrorKind::TimedOut
        {
            return Err(broken);
        }
        let response = self.object.open(&self.left).await?;
        check_range(&response, self.left.start)?;
        let info = self.object.info(response.headers())?;
        if info.etag != self.etag || info.size_bytes != self.size_bytes {
            return Err(ranges::replaced());
        }
        self.response = response;
        Ok(())
    }
}

/// An answer to a range must be that range: bytes of another place would be put into this one.
fn check_range(response: &reqwest::Response, start: u64) -> Result<(), StorageError> {
    if response.status() != StatusCode::PARTIAL_CONTENT {
        return Err(StorageError::new(
            StorageErrorKind::Unsupported,
            "the store does not give a range of an object",
        ));
    }
    let range = response.headers().get(http::header::CONTENT_RANGE);
    let answered = range
        .and_then(|range| range.to_str().ok()?.strip_prefix("bytes ")?.split_once('-'))
        .and_then(|(start, _)| start.parse::<u64>().ok());
    if answered == Some(start) {
        return Ok(());
    }
    Err(StorageError::new(
        StorageErrorKind::Malformed,
        "the store answers with another range than was asked for",
    ))
}
