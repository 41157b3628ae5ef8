//! Reading an object as a stream: ranges side by side, delivered in order, all of one version. A
//! connection that breaks is resumed where it broke.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use http::header::RANGE;
use http::{Method, StatusCode};
use tokio::task::JoinHandle;

use super::error::unanswered;
use super::request::{Request, header, stalled};
use super::{S3Storage, object};
use crate::exchange::payload::Movement;
use crate::exchange::retry;
use crate::{
    ObjectInfo, ObjectKey, ObjectReader, Storage as _, StorageError, StorageErrorKind, VersionId,
};

/// Bytes of one request.
const RANGE_BYTES: u64 = 4 << 20;
/// Ranges that are fetched ahead while one is being delivered.
const RANGES_AHEAD: usize = 4;
/// How often in a row a range is resumed without much having come.
const FRUITLESS_RESUMES_MAX: u32 = 3;
/// Bytes that make a try worth another: a store that breaks off after every few bytes is not read
/// to the end in a million requests.
const FRUITFUL_BYTES: u64 = 64 << 10;

type Piece = Result<Bytes, StorageError>;

/// See [`crate::Storage::read`].
pub(super) async fn read(
    store: &S3Storage,
    key: &ObjectKey,
    version: Option<&VersionId>,
    range: Option<Range<u64>>,
) -> Result<ObjectReader, StorageError> {
    let asks_for_all = range.is_none();
    let asked = range.unwrap_or(0..u64::MAX);
    if asked.is_empty() {
        return Err(no_byte());
    }
    let object =
        Object { store: store.clone(), whole_key: store.whole_key(key), version: version.cloned() };
    let first = asked.start..asked.end.min(asked.start.saturating_add(RANGE_BYTES));
    let response = match store.client.open(&object.request(Some(&first))).await {
        Ok(response) => response,
        Err(failure) if is_past_the_end(&failure) && asks_for_all => {
            // An empty object has no range at all.
            store.client.open(&object.request(None)).await?
        }
        Err(failure) if is_past_the_end(&failure) => return Err(no_byte()),
        Err(failure) => return Err(failure.into()),
    };
    store.observations.saw_bucket();
    let mut info = object::info(response.headers())?;
    let end = asked.end.min(info.size_bytes);
    let is_ranged = response.status() == StatusCode::PARTIAL_CONTENT;
    if is_ranged {
        check_range(&response, asked.start)?;
        // The checksum in an answer to a range may be that of a part.
        info.checksum = None;
    } else if asked.start > 0 {
        return Err(StorageError::new(
            StorageErrorKind::Unsupported,
            "the store does not give a range of an object",
        ));
    }
    let pinned = Pinned::new(object, &info);
    let first_end = if is_ranged { first.end.min(end) } else { end };
    let body = RangeBody::new(pinned.clone(), response, asked.start..first_end);
    let reading = Reading {
        pinned,
        current: Some(body),
        arrived: VecDeque::new(),
        ahead: VecDeque::new(),
        next: first_end,
        end,
    };
    Ok(ObjectReader { info, stream: reading.into_stream() })
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

    /// A whole range, as the pieces in which it came.
    async fn fetch(self, range: Range<u64>) -> Result<Vec<Bytes>, StorageError> {
        let response = self.open(&range).await?;
        let mut body = RangeBody::new(self, response, range);
        let mut pieces = Vec::new();
        while let Some(piece) = body.next().await? {
            pieces.push(piece);
        }
        Ok(pieces)
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

/// A range that is fetched ahead. Dropping it ends the transfer.
struct Fetch(JoinHandle<Result<Vec<Bytes>, StorageError>>);

impl Drop for Fetch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A reading on its way. What is held in memory is the ranges ahead.
struct Reading {
    pinned: Pinned,
    /// The first range, which is passed on as it comes.
    current: Option<RangeBody>,
    arrived: VecDeque<Bytes>,
    ahead: VecDeque<Fetch>,
    next: u64,
    end: u64,
}

impl Reading {
    fn into_stream(self) -> BoxStream<'static, Piece> {
        stream::unfold(Some(self), |reading| async {
            let mut reading = reading?;
            match reading.piece().await {
                Ok(Some(piece)) => Some((Ok(piece), Some(reading))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        })
        .boxed()
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, StorageError> {
        loop {
            self.fetch_ahead();
            if let Some(piece) = self.arrived.pop_front() {
                return Ok(Some(piece));
            }
            if let Some(body) = &mut self.current {
                if let Some(piece) = body.next().await? {
                    return Ok(Some(piece));
                }
                self.current = None;
                continue;
            }
            let Some(mut fetch) = self.ahead.pop_front() else { return Ok(None) };
            let pieces = (&mut fetch.0).await.map_err(|error| {
                StorageError::new(StorageErrorKind::Io, "a transfer ended").with_source(error)
            })??;
            self.arrived = pieces.into();
        }
    }

    fn fetch_ahead(&mut self) {
        while self.ahead.len() < RANGES_AHEAD && self.next < self.end {
            let range = self.next..self.end.min(self.next + RANGE_BYTES);
            self.next = range.end;
            self.ahead.push_back(Fetch(tokio::spawn(self.pinned.clone().fetch(range))));
        }
    }
}
