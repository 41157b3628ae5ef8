//! Reading a blob as a stream, all of one version. A connection that breaks is resumed where it
//! broke.

use std::ops::Range;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use http::header::{IF_MATCH, RANGE};
use http::{Method, StatusCode};

use super::request::{Request, stalled, unanswered};
use super::{AzureStorage, blob};
use crate::exchange::payload::Movement;
use crate::exchange::retry::FIRST_STALL;
use crate::{
    ObjectInfo, ObjectKey, ObjectReader, Storage as _, StorageError, StorageErrorKind, VersionId,
    ranges,
};

/// How often in a row a body is resumed without a single byte having come.
const FRUITLESS_RESUMES_MAX: u32 = 3;

/// See [`crate::Storage::read`].
pub(super) async fn read(
    store: &AzureStorage,
    key: &ObjectKey,
    version: Option<&VersionId>,
    range: Option<Range<u64>>,
) -> Result<ObjectReader, StorageError> {
    if let Some(range) = &range {
        // A range without a byte cannot be written down as a header.
        ranges::inside(Some(range.clone()), u64::MAX)?;
    }
    let mut blob =
        Blob { store: store.clone(), whole_key: store.whole_key(key), version: version.cloned() };
    let response = match store.client.open(&blob.request(range.as_ref(), None)?).await {
        Ok(response) => response,
        Err(failure)
            if failure
                .refusal()
                .is_some_and(|refusal| refusal.status == StatusCode::RANGE_NOT_SATISFIABLE) =>
        {
            return Err(StorageError::new(
                StorageErrorKind::InvalidRequest,
                "the range holds no byte of the object",
            )
            .with_source(StorageError::from(failure)));
        }
        Err(failure) => return Err(failure.into()),
    };
    let info = blob::info(response.headers())?;
    let left = ranges::inside(range.clone(), info.size_bytes)?;
    if range.is_some() && response.status() != StatusCode::PARTIAL_CONTENT {
        return Err(StorageError::new(
            StorageErrorKind::Unsupported,
            "the store does not give a range of a blob",
        ));
    }
    if let Some(version) = &info.version {
        blob.version = Some(version.clone());
    }
    let body = BlobBody {
        blob,
        info: info.clone(),
        response,
        left,
        movement: Movement::begin(),
        fruitless_resumes: 0,
    };
    Ok(ObjectReader { info, stream: body.into_stream() })
}

/// What is read.
struct Blob {
    store: AzureStorage,
    whole_key: String,
    version: Option<VersionId>,
}

impl Blob {
    fn request(
        &self,
        range: Option<&Range<u64>>,
        etag: Option<&str>,
    ) -> Result<Request, StorageError> {
        let mut request = Request::blob(Method::GET, &self.whole_key)
            .query_if("versionid", self.version.as_ref().map(|version| &version.0));
        if let Some(range) = range {
            let bytes = format!("bytes={}-{}", range.start, range.end - 1);
            request = request.header(RANGE.as_str(), &bytes)?;
        }
        match etag {
            Some(etag) => request.header(IF_MATCH.as_str(), &format!("\"{etag}\"")),
            None => Ok(request),
        }
    }
}

/// The body of a blob, on its way.
struct BlobBody {
    blob: Blob,
    info: ObjectInfo,
    response: reqwest::Response,
    left: Range<u64>,
    movement: Movement,
    fruitless_resumes: u32,
}

impl BlobBody {
    fn into_stream(self) -> BoxStream<'static, Result<Bytes, StorageError>> {
        stream::try_unfold(self, |mut body| async {
            Ok(body.next().await?.map(|piece| (piece, body)))
        })
        .boxed()
    }

    /// The next piece, or `None` once every byte came.
    async fn next(&mut self) -> Result<Option<Bytes>, StorageError> {
        while !self.left.is_empty() {
            self.movement.mark();
            let chunk = self.movement.watch(FIRST_STALL, self.response.chunk()).await;
            let broken = match chunk {
                Some(Ok(Some(mut piece))) if !piece.is_empty() => {
                    let wanted = self.left.end - self.left.start;
                    piece.truncate(usize::try_from(wanted).unwrap_or(usize::MAX));
                    self.left.start += piece.len() as u64;
                    self.fruitless_resumes = 0;
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
            self.fruitless_resumes += 1;
            let is_slow = broken.kind() == StorageErrorKind::TimedOut;
            if self.fruitless_resumes > FRUITLESS_RESUMES_MAX || is_slow {
                return Err(broken);
            }
            self.resume().await?;
        }
        Ok(None)
    }

    async fn resume(&mut self) -> Result<(), StorageError> {
        let replaced = || {
            StorageError::new(
                StorageErrorKind::Integrity,
                "the object was replaced while it was being read",
            )
            .with_guidance("read it again")
        };
        let request = self.blob.request(Some(&self.left), self.info.etag.as_deref())?;
        let response = match self.blob.store.client.open(&request).await {
            // `If-Match`, which is refused in the same way as `If-None-Match`.
            Err(failure) if failure.kind() == StorageErrorKind::AlreadyExists => {
                return Err(replaced());
            }
            opened => opened?,
        };
        let info = blob::info(response.headers())?;
        if info.etag != self.info.etag || info.size_bytes != self.info.size_bytes {
            return Err(replaced());
        }
        self.response = response;
        Ok(())
    }
}
