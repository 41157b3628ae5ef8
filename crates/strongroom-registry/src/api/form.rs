//! A form of files (RFC 7578), bounded between its files. Whoever takes a form apart keeps the head of a part until
//! it is whole, looks for its end from its beginning, and takes whatever is there: so a head has to end soon, and
//! what comes is handed on little by little.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use tokio::time::timeout;

use super::problem::ApiError;
use crate::error::{ErrorKind, ServiceError};
use crate::service::Registry;

/// Bytes between two files of a form: the end of one and the head of the next.
const FORM_HEAD_BYTES_MAX: u64 = 16 << 10;
/// Bytes of one piece of a head.
const HEAD_PIECE_BYTES: usize = 1 << 10;
/// Not a count: what comes belongs to a file.
const IN_FILE: u64 = u64::MAX;

/// A form, file by file.
pub struct Form {
    parts: Multipart,
    heads: Heads,
}

impl FromRequest<Arc<Registry>> for Form {
    type Rejection = ApiError;

    async fn from_request(request: Request, registry: &Arc<Registry>) -> Result<Self, ApiError> {
        let heads = Heads::default();
        let bounded = heads.clone();
        let request = request.map(|body| Body::from_stream(Bounded::new(body, bounded)));
        let parts = Multipart::from_request(request, registry).await.map_err(|error| {
            ApiError(
                ServiceError::new(
                    ErrorKind::Invalid,
                    "the body is not declared to be a form of files",
                )
                .with_guidance("send it with Content-Type: multipart/form-data")
                .with_source(error),
            )
        })?;
        Ok(Self { parts, heads })
    }
}

impl Form {
    /// The next file, whose head has to come within this time.
    pub async fn next(&mut self, idle_max: Duration) -> Result<Option<Field<'_>>, ApiError> {
        self.heads.begin();
        let next = timeout(idle_max, self.parts.next_field()).await.map_err(|_| {
            ApiError(ServiceError::new(ErrorKind::Invalid, "nothing came of the form for too long"))
        })?;
        match next {
            Ok(field) => {
                self.heads.end();
                Ok(field)
            }
            Err(_) if self.heads.is_too_long() => Err(ApiError(ServiceError::new(
                ErrorKind::TooLarge,
                format!(
                    "the head of a part of the form is larger than the limit of {FORM_HEAD_BYTES_MAX} bytes"
                ),
            ))),
            Err(error) => Err(no_form(&error)),
        }
    }
}

/// The error itself quotes what was sent: only its kind is told, also to the log.
fn no_form(error: &MultipartError) -> ApiError {
    let kind = std::io::Error::other(format!("the form cannot be read: {}", error.status()));
    ApiError(
        ServiceError::new(ErrorKind::Invalid, "the body is not the form that it is declared to be")
            .with_source(kind),
    )
}

/// Where a form is: between its files, and for how many bytes; or within one.
#[derive(Debug, Clone, Default)]
struct Heads(Arc<AtomicU64>);

impl Heads {
    fn begin(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    fn end(&self) {
        self.0.store(IN_FILE, Ordering::Relaxed);
    }

    fn count(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|count| *count != IN_FILE)
    }

    fn is_too_long(&self) -> bool {
        self.count().is_some_and(|count| count >= FORM_HEAD_BYTES_MAX)
    }
}

/// A head that does not end.
#[derive(Debug, thiserror::Error)]
#[error("the head of a part of the form does not end")]
struct Endless;

/// The body of a form, which breaks off where a head is too long.
struct Bounded {
    body: BodyDataStream,
    heads: Heads,
    rest: Bytes,
    /// A piece was handed on just now. The next one is, too, once it was looked at.
    is_waiting: bool,
}

impl Bounded {
    fn new(body: Body, heads: Heads) -> Self {
        Self { body: body.into_data_stream(), heads, rest: Bytes::new(), is_waiting: false }
    }
}

impl Stream for Bounded {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.is_waiting) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.heads.is_too_long() {
            return Poll::Ready(Some(Err(axum::Error::new(Endless))));
        }
        if self.rest.is_empty() {
            match ready!(self.body.poll_next_unpin(context)) {
                Some(Ok(piece)) => self.rest = piece,
                ended => return Poll::Ready(ended),
            }
        }
        let piece = match self.heads.count() {
            None => std::mem::take(&mut self.rest),
            Some(count) => {
                let length = self.rest.len().min(HEAD_PIECE_BYTES);
                self.heads.0.store(count + length as u64, Ordering::Relaxed);
                self.rest.split_to(length)
            }
        };
        self.is_waiting = true;
        Poll::Ready(Some(Ok(piece)))
    }
}
