//! A body on its way into parts.

use bytes::Bytes;

use super::payload::PartBuffer;
use crate::counted::CountedBody;
use crate::{Body, StorageError};

/// Parts that travel at the same time, while one more is filled. With the size of a part
/// ([`crate::SINGLE_WRITE_BYTES_MAX`]) this is what an upload holds in memory; stores take their time
/// with each part, so fewer would leave the line idle.
pub(crate) const PARTS_IN_FLIGHT_MAX: usize = 3;

/// A body, taken in parts.
pub(crate) struct Source {
    body: CountedBody,
    carried: Option<Bytes>,
    pub(crate) ended: bool,
}

impl Source {
    pub(crate) fn new(body: Body) -> Self {
        Self { body: CountedBody::new(body), carried: None, ended: false }
    }

    /// Fills a part until it is full *and* more is known to follow, or until the body has ended.
    /// May be dropped and called again.
    pub(crate) async fn fill(
        &mut self,
        part: &mut PartBuffer,
        part_bytes: u64,
    ) -> Result<(), StorageError> {
        while !self.ended {
            let piece = match self.carried.take() {
                Some(piece) => Some(piece),
                None => self.body.next().await?,
            };
            let Some(mut piece) = piece else {
                self.ended = true;
                break;
            };
            let room = usize::try_from(part_bytes - part.size_bytes()).unwrap_or(usize::MAX);
            if piece.len() > room {
                self.carried = Some(piece.split_off(room));
            }
            if !piece.is_empty() {
                part.push(piece);
            }
            if self.carried.is_some() {
                break;
            }
        }
        Ok(())
    }

    /// How many bytes were taken.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.body.size_bytes()
    }
}

#[cfg(test)]
mod tests {
    use futures::{StreamExt as _, stream};
    use strongroom_core::Sha256Digest;

    use super::*;

    fn source(pieces: Vec<Result<Bytes, StorageError>>, size_bytes_max: u64) -> Source {
        Source::new(Body::new(stream::iter(pieces).boxed(), size_bytes_max))
    }

    fn bytes(text: &'static str) -> Result<Bytes, StorageError> {
        Ok(Bytes::from_static(text.as_bytes()))
    }

    #[tokio::test]
    async fn a_body_is_cut_into_parts_and_its_end_is_seen_at_once() {
        let mut source = source(vec![bytes("abcde"), bytes(""), bytes("f"), bytes("gh")], 8);
        let mut parts = Vec::new();
        while !source.ended {
            let mut part = PartBuffer::default();
            source.fill(&mut part, 4).await.unwrap();
            parts.push(part.hash().sha256);
        }
        assert_eq!(parts, [Sha256Digest::of(b"abcd"), Sha256Digest::of(b"efgh")]);
        assert_eq!(source.size_bytes(), 8);
    }
}
