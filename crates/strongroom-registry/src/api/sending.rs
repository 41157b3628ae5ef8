//! Bytes on their way to a client. What they come from (a store's answer, the thread that makes an archive) is given
//! back when the client takes nothing for too long, whatever the protocol: one that stands still does not ask its
//! body for anything, so nothing could end it from within.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use strongroom_storage::keep::KeepError;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::service::Registry;

/// Bytes of one piece. Each has the time of [`RequestLimits::idle_reader`](crate::config::RequestLimits) to be taken.
const PIECE_BYTES_MAX: usize = 64 << 10;
/// Pieces that wait to be taken: so that the next are made while the last are sent.
const PIECES_WAITING_MAX: usize = 2;

/// What crosses to the connection. A channel that closes without [`Piece::End`] is a body that broke off.
enum Piece {
    Bytes(Bytes),
    End,
}

/// A download was not sent to its end.
#[derive(Debug, thiserror::Error)]
#[error("the download was broken off")]
struct BrokenOff;

/// A body whose bytes are counted as they go, and which ends with an error where they did, or where nobody takes them.
pub(super) fn sent(
    registry: Arc<Registry>,
    bytes: BoxStream<'static, Result<Bytes, KeepError>>,
) -> Body {
    let (sender, receiver) = mpsc::channel(PIECES_WAITING_MAX);
    tokio::spawn(feed(registry, bytes, sender));
    Body::from_stream(stream::unfold(Some(receiver), |receiver| async move {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(Piece::Bytes(bytes)) => Some((Ok(bytes), Some(receiver))),
            Some(Piece::End) => None,
            None => Some((Err(BrokenOff), None)),
        }
    }))
}

async fn feed(
    registry: Arc<Registry>,
    mut bytes: BoxStream<'static, Result<Bytes, KeepError>>,
    sender: mpsc::Sender<Piece>,
) {
    let idle_max = registry.settings().limits.idle_reader.unsigned_abs();
    loop {
        let next = tokio::select! {
            next = bytes.next() => next,
            () = sender.closed() => return,
        };
        match next {
            None => {
                hand_over(&sender, Piece::End, idle_max).await;
                return;
            }
            Some(Err(error)) => {
                tracing::warn!(%error, "a download was broken off");
                return;
            }
            Some(Ok(mut bytes)) => {
                while !bytes.is_empty() {
                    let piece = bytes.split_to(bytes.len().min(PIECE_BYTES_MAX));
                    let piece_bytes = piece.len() as u64;
                    if !hand_over(&sender, Piece::Bytes(piece), idle_max).await {
                        return;
                    }
                    registry.metrics().sent(piece_bytes);
                }
            }
        }
    }
}

/// Tells whether the piece was taken in time.
async fn hand_over(sender: &mpsc::Sender<Piece>, piece: Piece, idle_max: Duration) -> bool {
    match timeout(idle_max, sender.send(piece)).await {
        Ok(sent) => sent.is_ok(),
        Err(_) => {
            tracing::info!("a download was given up: nothing of it was taken for too long");
            false
        }
    }
}
