//! Bodies to store, which follow from a seed and a size, so that none need be kept.

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use strongroom_core::Sha256Digest;
use strongroom_core::digest::Sha256Hasher;

use crate::{Body, SINGLE_WRITE_BYTES_MAX, StorageError, StorageErrorKind};

/// Bytes of a body that is stored in more than two parts.
pub(super) const LARGE_BYTES: u64 = 2 * SINGLE_WRITE_BYTES_MAX + (1 << 20);

const PIECE_BYTES: u64 = 256 << 10;

/// Every so many bytes their position is written into a body.
const STAMPED_BYTES: usize = 4 << 10;

/// The piece of a body that starts at `start`.
fn piece(seed: u8, start: u64, size_bytes: u64) -> Bytes {
    let end = size_bytes.min(start + PIECE_BYTES);
    let mut piece = vec![seed; (end - start) as usize];
    for (at, stamped) in (start..).step_by(STAMPED_BYTES).zip(piece.chunks_mut(STAMPED_BYTES)) {
        let position = at.to_le_bytes();
        let stamp = position.len().min(stamped.len());
        stamped[..stamp].copy_from_slice(&position[..stamp]);
    }
    piece.into()
}

fn starts(size_bytes: u64) -> impl Iterator<Item = u64> {
    (0..size_bytes).step_by(PIECE_BYTES as usize)
}

/// A body of `size_bytes`.
pub(super) fn body(seed: u8, size_bytes: u64) -> Body {
    let pieces = starts(size_bytes).map(move |start| Ok(piece(seed, start, size_bytes)));
    Body::new(stream::iter(pieces).boxed(), size_bytes)
}

/// The bytes of [`body`].
pub(super) fn bytes(seed: u8, size_bytes: u64) -> Bytes {
    let pieces: Vec<_> = starts(size_bytes).map(|start| piece(seed, start, size_bytes)).collect();
    pieces.concat().into()
}

/// The digest of [`body`].
pub(super) fn digest(seed: u8, size_bytes: u64) -> Sha256Digest {
    let mut hasher = Sha256Hasher::new();
    starts(size_bytes).for_each(|start| hasher.update(&piece(seed, start, size_bytes)));
    hasher.finish()
}

/// A body that announces more than `size_bytes`, and fails after them.
pub(super) fn body_that_fails(seed: u8, size_bytes: u64) -> Body {
    let failure = || StorageError::new(StorageErrorKind::Io, "this body fails on purpose");
    let whole = body(seed, size_bytes);
    let stream = whole.stream.chain(stream::once(async move { Err(failure()) })).boxed();
    Body::new(stream, size_bytes + PIECE_BYTES)
}

/// A body that announces more than `size_bytes`, and then never ends.
pub(super) fn endless(seed: u8, size_bytes: u64) -> Body {
    let whole = body(seed, size_bytes);
    Body::new(whole.stream.chain(stream::pending()).boxed(), size_bytes + PIECE_BYTES)
}
