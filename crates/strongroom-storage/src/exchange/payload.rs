//! A body to send, and what is known of it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::{Bytes, BytesMut};
use futures::stream;
use md5::Digest as _;
use strongroom_core::Sha256Digest;
use strongroom_core::digest::Sha256Hasher;
use tokio::time::Instant;

/// Smaller pieces are joined, so that a body of single bytes costs no more than its bytes.
const PIECE_BYTES_MIN: usize = 16 << 10;
/// Larger pieces go out in slices, each of which counts as movement.
const SLICE_BYTES: usize = 128 << 10;

/// Bytes to send, in pieces that are never copied together.
#[derive(Debug, Clone)]
pub(crate) struct Payload {
    pieces: Vec<Bytes>,
    pub(crate) size_bytes: u64,
    pub(crate) sha256: Sha256Digest,
}

impl Payload {
    /// No bytes.
    pub(crate) fn empty() -> Self {
        Self { pieces: Vec::new(), size_bytes: 0, sha256: Sha256Digest::of(b"") }
    }

    /// A few bytes, hashed here and now.
    pub(crate) fn small(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self {
            size_bytes: bytes.len() as u64,
            sha256: Sha256Digest::of(&bytes),
            pieces: vec![bytes],
        }
    }

    /// The same bytes under a digest that is wrong, for probes.
    pub(crate) fn with_wrong_sha256(mut self) -> Self {
        self.sha256 = Sha256Digest::of(self.sha256.as_bytes());
        self
    }

    /// The value of `x-amz-checksum-sha256`.
    pub(crate) fn sha256_base64(&self) -> String {
        BASE64.encode(self.sha256.as_bytes())
    }

    /// The value of `Content-MD5`.
    pub(crate) fn md5_base64(&self) -> String {
        let mut md5 = md5::Md5::new();
        for piece in &self.pieces {
            md5.update(piece);
        }
        BASE64.encode(md5.finalize())
    }

    /// The body of a request. Each slice that is taken counts as movement.
    pub(crate) fn body(&self, movement: &Movement) -> reqwest::Body {
        if self.size_bytes <= SLICE_BYTES as u64
            && let [piece] = self.pieces.as_slice()
        {
            return piece.clone().into();
        }
        let movement = movement.clone();
        let slices = self.pieces.clone().into_iter().flat_map(|piece| {
            (0..piece.len())
                .step_by(SLICE_BYTES)
                .map(move |at| piece.slice(at..piece.len().min(at + SLICE_BYTES)))
        });
        reqwest::Body::wrap_stream(stream::iter(slices.map(move |slice| {
            movement.mark();
            Ok::<_, std::convert::Infallible>(slice)
        })))
    }
}

/// Pieces on their way to become a [`Payload`].
#[derive(Debug, Default)]
pub(crate) struct PartBuffer {
    pieces: Vec<Bytes>,
    small: BytesMut,
    size_bytes: u64,
}

impl PartBuffer {
    /// The bytes so far.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Takes the next piece.
    pub(crate) fn push(&mut self, piece: Bytes) {
        self.size_bytes += piece.len() as u64;
        if piece.len() < PIECE_BYTES_MIN {
            self.small.extend_from_slice(&piece);
            if self.small.len() >= PIECE_BYTES_MIN {
                self.pieces.push(self.small.split().freeze());
            }
        } else {
            if !self.small.is_empty() {
                self.pieces.push(self.small.split().freeze());
            }
            self.pieces.push(piece);
        }
    }

    /// Takes everything, and leaves an empty buffer.
    pub(crate) fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    /// Hashes the bytes. This takes milliseconds for each part: not for an async thread.
    pub(crate) fn hash(mut self) -> Payload {
        if !self.small.is_empty() {
            self.pieces.push(self.small.freeze());
        }
        let mut hasher = Sha256Hasher::new();
        for piece in &self.pieces {
            hasher.update(piece);
        }
        Payload { pieces: self.pieces, size_bytes: self.size_bytes, sha256: hasher.finish() }
    }
}

/// When something last moved in an exchange with the store.
#[derive(Debug, Clone)]
pub(crate) struct Movement(Arc<Mutex<Instant>>);

impl Movement {
    /// The exchange begins.
    pub(crate) fn begin() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    /// Something moved.
    pub(crate) fn mark(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// For how long nothing has moved.
    pub(crate) fn idle(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// What `exchange` gives, or `None` once nothing has moved for as long as `stall`.
    pub(crate) async fn watch<T>(
        &self,
        stall: Duration,
        exchange: impl Future<Output = T>,
    ) -> Option<T> {
        let mut exchange = std::pin::pin!(exchange);
        loop {
            let left = stall.checked_sub(self.idle()).filter(|left| !left.is_zero())?;
            if let Ok(done) = tokio::time::timeout(left, &mut exchange).await {
                return Some(done);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_any_size_hash_like_the_whole() {
        let bytes: Vec<u8> = (0..100_000_u32).map(|n| n as u8).collect();
        let whole = Bytes::from(bytes.clone());
        for piece_bytes in [1, 1_000, PIECE_BYTES_MIN, 50_000, 100_000] {
            let mut buffer = PartBuffer::default();
            for at in (0..whole.len()).step_by(piece_bytes) {
                buffer.push(whole.slice(at..whole.len().min(at + piece_bytes)));
            }
            assert_eq!(buffer.size_bytes(), 100_000);
            let payload = buffer.hash();
            assert_eq!(payload.sha256, Sha256Digest::of(&bytes));
            assert_eq!(payload.pieces.concat(), bytes, "in order");
            assert!(payload.pieces.len() <= 7, "{piece_bytes}: {}", payload.pieces.len());
            assert_eq!(payload.md5_base64(), Payload::small(bytes.clone()).md5_base64());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_moves_may_take_its_time() {
        let movement = Movement::begin();
        let slow = async {
            for _ in 0..10 {
                tokio::time::sleep(Duration::from_secs(8)).await;
                movement.mark();
            }
        };
        assert!(movement.watch(Duration::from_secs(10), slow).await.is_some());
        let stuck = std::future::pending::<()>();
        assert!(movement.watch(Duration::from_secs(10), stuck).await.is_none());
    }
}
