//! The bytes of an upload: bounded in time between two pieces, and held against what is stored already.

use std::time::Duration;

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

/// The same body, which ends with an error where nothing came for so long.
pub(super) fn unless_idle(body: FileBody, idle_max: Duration) -> FileBody {
    stream::unfold(Some(body), move |body| async move {
        let mut body = body?;
        match timeout(idle_max, body.next()).await {
            Ok(None) => None,
            Ok(Some(Ok(piece))) => Some((Ok(piece), Some(body))),
            Ok(Some(Err(error))) => Some((Err(error), None)),
            Err(_) => {
                let idle = StorageError::new(
                    StorageErrorKind::BodyFailed,
                    "nothing came of the body for too long",
                );
                Some((Err(idle), None))
            }
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
            return Err(ServiceError::new(
                ErrorKind::TooLarge,
                format!("the body is larger than the limit of {size_bytes_max} bytes"),
            ));
        }
        hasher.update(&piece);
    }
    Ok(Expected { size_bytes, sha256: hasher.finish() })
}
