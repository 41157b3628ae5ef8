//! The bytes of an upload: bounded in time between two pieces, and held against what is stored already.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use strongroom_core::digest::Sha256Hasher;
use strongroom_storage::keep::Expected;
use strongroom_storage::{StorageError, StorageErrorKind};
use tokio::time::timeout;

use crate::error::{ErrorKind, ServiceError};

/// The bytes of an upload, in pieces of any size.
pub type FileBody = BoxStream<'static, Result<Bytes, StorageError>>;

/// A body has to bring so many bytes within the time that it may be idle, or to end.
pub const PACE_BYTES: u64 = 16 << 10;

/// How far a body is on the way to its next [`PACE_BYTES`].
struct Pace {
    body: FileBody,
    idle_max: Duration,
    /// What was waited for them so far. Only the waiting counts: a slow store is no fault of the client's.
    waited: Duration,
    came_bytes: u64,
}

impl Pace {
    async fn next(&mut self) -> Option<Result<Bytes, StorageError>> {
        let asked_at = Instant::now();
        let left = self.idle_max.saturating_sub(self.waited);
        let Ok(piece) = timeout(left, self.body.next()).await else {
            return Some(Err(StorageError::new(
                StorageErrorKind::BodyFailed,
                "too little came of the body for too long",
            )));
        };
        self.waited += asked_at.elapsed();
        self.came_bytes +=
            piece.as_ref().map_or(0, |piece| piece.as_ref().map_or(0, Bytes::len)) as u64;
        if self.came_bytes >= PACE_BYTES {
            (self.waited, self.came_bytes) = (Duration::ZERO, 0);
        }
        piece
    }
}

/// The same body, which ends with an error where less than [`PACE_BYTES`] came for so long.
pub(super) fn unless_idle(body: FileBody, idle_max: Duration) -> FileBody {
    let pace = Pace { body, idle_max, waited: Duration::ZERO, came_bytes: 0 };
    stream::unfold(Some(pace), |pace| async move {
        let mut pace = pace?;
        match pace.next().await? {
            Ok(piece) => Some((Ok(piece), Some(pace))),
            Err(error) => Some((Err(error), None)),
        }
    })
    .boxed()
}

/// What a body is, read to its end and kept nowhere. A longer one than this is refused.
pub(super) async fn measure(
    mut body: FileBody,
    size_bytes_max: u64,
) -> Result<Expected, ServiceError> {
    let (mut hasher, mut size_bytes) = (Sha256Hasher::new(), 0_u64);
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|error| {
            ServiceError::new(ErrorKind::BodyMismatch, "the body broke off").with_source(error)
        })?;
        size_bytes = size_bytes.saturating_add(piece.len() as u64);
        if size_bytes > size_bytes_max {
            return Err(ServiceError::body_too_large(size_bytes_max));
        }
        hasher.update(&piece);
    }
    Ok(Expected { size_bytes, sha256: hasher.finish() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body without end: pieces of this size, one after each of these waits.
    fn endless(piece_bytes: usize, wait: Duration) -> FileBody {
        stream::unfold((), move |()| async move {
            tokio::time::sleep(wait).await;
            Some((Ok(Bytes::from(vec![0; piece_bytes])), ()))
        })
        .boxed()
    }

    #[tokio::test]
    async fn a_body_that_comes_byte_by_byte_is_not_waited_for_without_end() {
        let trickle = endless(1, Duration::from_millis(5));
        let refused = measure(unless_idle(trickle, Duration::from_millis(50)), u64::MAX).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::BodyMismatch);
    }

    #[tokio::test]
    async fn a_body_that_keeps_its_pace_may_take_longer_than_it_may_be_idle() {
        let steady = endless(PACE_BYTES as usize, Duration::from_millis(100));
        let steady = unless_idle(steady, Duration::from_secs(1)).take(15).boxed();
        assert_eq!(measure(steady, u64::MAX).await.unwrap().size_bytes, 15 * PACE_BYTES);
    }
}
