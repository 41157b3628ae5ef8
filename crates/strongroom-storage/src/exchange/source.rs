//! A body on its way into parts.

use bytes::Bytes;
use strongroom_core::Sha256Digest;

use super::payload::PartBuffer;
use crate::measured::MeasuredBody;
use crate::{Body, StorageError};

/// A body, taken in parts.
pub(crate) struct Source {
    body: MeasuredBody,
    carried: Option<Bytes>,
    pub(crate) ended: bool,
}

impl Source {
    pub(crate) fn new(body: Body) -> Self {
        Self { body: MeasuredBody::new(body), carried: None, ended: false }
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

    /// Bytes that were taken, and their SHA-256.
    pub(crate) fn measured(&self) -> (u64, Sha256Digest) {
        (self.body.size_bytes(), self.body.sha256())
    }
}

#[cfg(test)]
mod tests {
    use futures::{StreamExt as _, stream};

    use super::*;

    fn source(pieces: Vec<Result<Bytes, StorageError>>, size_bytes_max: u64) -> Source {
        Source::new(Body { stream: stream::iter(pieces).boxed(), size_bytes_max })
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
        assert_eq!(source.measured(), (8, Sha256Digest::of(b"abcdefgh")));
    }
}
