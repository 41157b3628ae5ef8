//! A version, or a part of it, for somebody else.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};

use super::checked::{CheckedBody, Wrong};
use super::error::corrupt;
use super::{Expected, KeepError};
use crate::{ObjectInfo, ObjectKey, Storage, StorageError, VersionId};

/// A version being read.
pub struct VerifyingReader {
    /// What the store says of the whole object.
    pub info: ObjectInfo,
    /// The bytes, in order. Of a whole object they end with an error in place of the last piece where
    /// the object is not what it should be.
    pub stream: BoxStream<'static, Result<Bytes, KeepError>>,
}

impl fmt::Debug for VerifyingReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingReader").field("info", &self.info).finish_non_exhaustive()
    }
}

/// Reads a version, or the bytes in `range`. An object of another size is refused (`Corrupt`) before
/// anything is handed out. A part of an object cannot be held against the digest of the whole: of a
/// range only the store says that its bytes are right.
pub async fn read(
    store: &dyn Storage,
    key: &ObjectKey,
    version: Option<&VersionId>,
    range: Option<Range<u64>>,
    expected: Expected,
) -> Result<VerifyingReader, KeepError> {
    let is_whole =
        range.as_ref().is_none_or(|range| range.start == 0 && range.end >= expected.size_bytes);
    // An empty object has no range that could be asked for.
    let object = store.read(key, version, range.filter(|_| !is_whole)).await?;
    if object.info.size_bytes != expected.size_bytes {
        return Err(corrupt("the stored object is not of the size that it was stored with"));
    }
    let stream = match is_whole {
        true => verifying(object.stream, expected),
        false => object.stream.map(|piece| piece.map_err(KeepError::from)).boxed(),
    };
    Ok(VerifyingReader { info: object.info, stream })
}

/// The same bytes, the last of them only when all are right.
fn verifying(
    stream: BoxStream<'static, Result<Bytes, StorageError>>,
    expected: Expected,
) -> BoxStream<'static, Result<Bytes, KeepError>> {
    let body = CheckedBody::new(stream, expected.into());
    stream::unfold(Some(body), |state| async move {
        let mut body = state?;
        match body.next().await {
            Ok(Some(piece)) => Some((Ok(piece), Some(body))),
            Ok(None) => None,
            Err(Wrong::Broken(error)) => Some((Err(error.into()), None)),
            Err(_) => Some((Err(other_bytes()), None)),
        }
    })
    .boxed()
}

fn other_bytes() -> KeepError {
    corrupt("the store gives back other bytes than were stored")
}
