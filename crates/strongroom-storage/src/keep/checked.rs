//! A body that ends well only when it is right.
//!
//! Its last piece is held back until everything before it, and it, were counted and hashed. Of a body
//! that is not what it should be an error comes in place of that piece: a store then keeps nothing of
//! it, and a reader who was promised a length is left without its end.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use strongroom_core::Sha256Digest;
use strongroom_core::digest::Sha256Hasher;

use super::Expected;

/// What is known of a body beforehand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Promise {
    pub(super) size_bytes: Option<u64>,
    pub(super) sha256: Option<Sha256Digest>,
    pub(super) limit: Option<Limit>,
}

/// No more than this is taken, whatever was declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limit {
    pub(super) size_bytes_max: u64,
    /// Whether more would be taken, had the length been declared.
    pub(super) is_of_undeclared: bool,
}

impl From<Expected> for Promise {
    fn from(expected: Expected) -> Self {
        let Expected { size_bytes, sha256 } = expected;
        Self { size_bytes: Some(size_bytes), sha256: Some(sha256), limit: None }
    }
}

/// Why a body is refused.
#[derive(Debug)]
pub(super) enum Wrong<E> {
    Digest,
    Length,
    TooLong(Limit),
    /// The stream itself failed.
    Broken(E),
}

/// A body being counted and hashed.
pub(super) struct CheckedBody<E> {
    stream: BoxStream<'static, Result<Bytes, E>>,
    promise: Promise,
    hasher: Sha256Hasher,
    size_bytes: u64,
    held_back: Option<Bytes>,
    /// What the whole body is, once it ended well.
    ended: Option<Expected>,
    digest: Arc<OnceLock<Sha256Digest>>,
}

impl<E> CheckedBody<E> {
    pub(super) fn new(stream: BoxStream<'static, Result<Bytes, E>>, promise: Promise) -> Self {
        Self {
            stream,
            promise,
            hasher: Sha256Hasher::new(),
            size_bytes: 0,
            held_back: None,
            ended: None,
            digest: Arc::default(),
        }
    }

    /// What the body was found to be; `None` before it ended well.
    pub(super) fn ended(&self) -> Option<Expected> {
        self.ended
    }

    /// Where its digest will be, before its last piece goes on.
    pub(super) fn digest(&self) -> Arc<OnceLock<Sha256Digest>> {
        Arc::clone(&self.digest)
    }

    /// The next piece that may go on; `None` at the end of a body that is right. Not to be asked again
    /// after an error.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Wrong<E>> {
        while self.ended.is_none() {
            let piece = match self.stream.next().await {
                None => return self.end().map(|()| self.held_back.take()),
                Some(Err(error)) => return Err(Wrong::Broken(error)),
                Some(Ok(piece)) if piece.is_empty() => continue,
                Some(Ok(piece)) => piece,
            };
            self.size_bytes = self.size_bytes.saturating_add(piece.len() as u64);
            self.check_not_longer()?;
            self.hasher.update(&piece);
            if let Some(before) = self.held_back.replace(piece) {
                return Ok(Some(before));
            }
        }
        Ok(None)
    }

    /// Reads what is left, for what it is alone.
    pub(super) async fn drain(&mut self) -> Result<Expected, Wrong<E>> {
        loop {
            match (self.next().await?, self.ended) {
                (None, Some(ended)) => return Ok(ended),
                (None, None) => return Err(Wrong::Length),
                (Some(_), _) => {}
            }
        }
    }

    fn check_not_longer(&self) -> Result<(), Wrong<E>> {
        match (self.promise.limit, self.promise.size_bytes) {
            (Some(limit), _) if self.size_bytes > limit.size_bytes_max => {
                Err(Wrong::TooLong(limit))
            }
            (_, Some(declared)) if self.size_bytes > declared => Err(Wrong::Length),
            _ => Ok(()),
        }
    }

    fn end(&mut self) -> Result<(), Wrong<E>> {
        if self.promise.size_bytes.is_some_and(|declared| declared != self.size_bytes) {
            return Err(Wrong::Length);
        }
        let sha256 = std::mem::take(&mut self.hasher).finish();
        if self.promise.sha256.is_some_and(|declared| declared != sha256) {
            return Err(Wrong::Digest);
        }
        // Nobody else sets it.
        let _ = self.digest.set(sha256);
        self.ended = Some(Expected { size_bytes: self.size_bytes, sha256 });
        Ok(())
    }
}
