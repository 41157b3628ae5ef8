//! A body on its way into a store: counted and bounded as it passes.

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;

use crate::{Body, StorageError, StorageErrorKind};

/// A [`Body`] that is counted while it is read, and refused once it is too long.
pub(crate) struct CountedBody {
    stream: BoxStream<'static, Result<Bytes, StorageError>>,
    size_bytes_max: u64,
    size_bytes: u64,
}

impl CountedBody {
    pub(crate) fn new(body: Body) -> Self {
        Self { stream: body.stream, size_bytes_max: body.size_bytes_max, size_bytes: 0 }
    }

    /// The next piece that is not empty; `None` at the end.
    ///
    /// Whatever the stream fails with becomes `BodyFailed`, with that failure as its source.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, StorageError> {
        loop {
            let piece = match self.stream.next().await {
                None => return Ok(None),
                Some(Err(failure)) => return Err(body_failed(failure)),
                Some(Ok(piece)) if piece.is_empty() => continue,
                Some(Ok(piece)) => piece,
            };
            self.size_bytes = self.size_bytes.saturating_add(piece.len() as u64);
            if self.size_bytes > self.size_bytes_max {
                return Err(StorageError::new(
                    StorageErrorKind::Limit,
                    format!("the body is longer than the {} bytes announced", self.size_bytes_max),
                ));
            }
            return Ok(Some(piece));
        }
    }

    /// Bytes so far.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }
}

fn body_failed(failure: StorageError) -> StorageError {
    if failure.kind() == StorageErrorKind::BodyFailed {
        return failure;
    }
    StorageError::new(StorageErrorKind::BodyFailed, "the body to store ended with an error")
        .with_source(failure)
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    fn body(pieces: Vec<Result<Bytes, StorageError>>, size_bytes_max: u64) -> CountedBody {
        CountedBody::new(Body::new(stream::iter(pieces).boxed(), size_bytes_max))
    }

    #[tokio::test]
    async fn pieces_are_counted_as_one() {
        let pieces = ["ab", "", "c"].map(|piece| Ok(Bytes::from(piece)));
        let mut counted = body(pieces.into(), 3);
        while counted.next().await.expect("a piece").is_some() {}
        assert_eq!(counted.size_bytes(), 3);
    }

    #[tokio::test]
    async fn a_body_longer_than_announced_is_refused() {
        let mut counted = body(vec![Ok(Bytes::from("abcd"))], 3);
        assert_eq!(counted.next().await.expect_err("too long").kind(), StorageErrorKind::Limit);
    }

    #[tokio::test]
    async fn a_failure_of_the_stream_is_the_source_of_body_failed() {
        let failure = StorageError::new(StorageErrorKind::Io, "the file changed");
        let mut counted = body(vec![Err(failure)], 3);
        let refused = counted.next().await.expect_err("failed");
        assert_eq!(refused.kind(), StorageErrorKind::BodyFailed);
        let source = std::error::Error::source(&refused).expect("a source");
        assert_eq!(source.to_string(), "the file changed");
    }
}
