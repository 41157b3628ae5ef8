//! A body cut into parts. What came of one that broke off is kept: clients of the protocol go on from there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream;
use strongroom_storage::StorageError;
use tokio::sync::Mutex;

use super::super::file_body::FileBody;

/// How a body ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// Where its sender ended it.
    Well,
    /// Before that.
    BrokenOff(StorageError),
    /// More came than there was room for.
    TooLong,
}

/// A body on its way into parts.
pub(super) struct Incoming {
    body: FileBody,
    /// What came and is in no part yet.
    next: Bytes,
    /// How many bytes there is room for.
    room_bytes: u64,
    ended: Option<Ended>,
}

/// Several may hold it: a store that writes a part, and whoever asks for the next one.
pub(super) type SharedIncoming = Arc<Mutex<Incoming>>;

impl Incoming {
    pub(super) fn new(body: FileBody, room_bytes: u64) -> SharedIncoming {
        Arc::new(Mutex::new(Self { body, next: Bytes::new(), room_bytes, ended: None }))
    }

    /// Waits for a byte that there is room for; tells whether one came.
    pub(super) async fn has_more(&mut self) -> bool {
        while self.next.is_empty() && self.ended.is_none() {
            match self.body.next().await {
                Some(Ok(bytes)) => self.next = bytes,
                Some(Err(error)) => self.ended = Some(Ended::BrokenOff(error)),
                None => self.ended = Some(Ended::Well),
            }
        }
        if self.next.is_empty() {
            return false;
        }
        if self.room_bytes == 0 {
            self.next = Bytes::new();
            self.ended = Some(Ended::TooLong);
        }
        self.room_bytes > 0
    }

    /// How it ended, once nothing more comes.
    pub(super) fn ended(&mut self) -> Ended {
        self.ended.take().unwrap_or(Ended::Well)
    }

    async fn take(&mut self, bytes_max: u64) -> Option<Bytes> {
        if !self.has_more().await {
            return None;
        }
        let most = usize::try_from(bytes_max.min(self.room_bytes)).unwrap_or(usize::MAX);
        let piece = self.next.split_to(self.next.len().min(most));
        self.room_bytes -= piece.len() as u64;
        Some(piece)
    }
}

/// The next bytes as a body of their own: at most so many, and none that comes later than this after the first.
pub(super) fn part(incoming: SharedIncoming, bytes_max: u64, time_max: Duration) -> FileBody {
    let began = Instant::now();
    stream::unfold((incoming, bytes_max), move |(incoming, left_bytes)| async move {
        if left_bytes == 0 || began.elapsed() > time_max {
            return None;
        }
        let piece = incoming.lock().await.take(left_bytes).await?;
        let left_bytes = left_bytes - piece.len() as u64;
        Some((Ok(piece), (incoming, left_bytes)))
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use strongroom_storage::StorageErrorKind;

    use super::*;

    const LONG: Duration = Duration::from_secs(3_600);

    fn body(pieces: &[&'static str], breaks_off: bool) -> FileBody {
        let broken = StorageError::new(StorageErrorKind::BodyFailed, "gone");
        let pieces = pieces.iter().map(|piece| Ok(Bytes::from_static(piece.as_bytes())));
        stream::iter(pieces.chain(breaks_off.then_some(Err(broken))).collect::<Vec<_>>()).boxed()
    }

    /// The parts that a body comes to, and how it ended.
    async fn cut(body: FileBody, part_bytes: u64, room_bytes: u64) -> (Vec<String>, Ended) {
        let incoming = Incoming::new(body, room_bytes);
        let mut parts = Vec::new();
        while incoming.lock().await.has_more().await {
            let pieces: Vec<_> = part(Arc::clone(&incoming), part_bytes, LONG).collect().await;
            let bytes: Vec<u8> = pieces.into_iter().flat_map(|piece| piece.unwrap()).collect();
            parts.push(String::from_utf8(bytes).unwrap());
        }
        let ended = incoming.lock().await.ended();
        (parts, ended)
    }

    #[tokio::test]
    async fn a_body_is_cut_into_parts_of_the_size_that_they_may_have() {
        let (parts, ended) = cut(body(&["abc", "", "defgh", "i"], false), 4, 100).await;
        assert_eq!(parts, ["abcd", "efgh", "i"]);
        assert!(matches!(ended, Ended::Well));
        assert!(cut(body(&["", ""], false), 4, 100).await.0.is_empty(), "no part without a byte");
    }

    #[tokio::test]
    async fn what_came_before_a_body_broke_off_is_a_part() {
        let (parts, ended) = cut(body(&["abc", "de"], true), 4, 100).await;
        assert_eq!(parts, ["abcd", "e"]);
        assert!(matches!(ended, Ended::BrokenOff(_)));
    }

    #[tokio::test]
    async fn of_a_body_that_is_too_long_no_byte_is_taken_that_there_is_no_room_for() {
        let (parts, ended) = cut(body(&["abcdef", "ghi"], false), 4, 6).await;
        assert_eq!(parts, ["abcd", "ef"]);
        assert!(matches!(ended, Ended::TooLong));
        assert!(matches!(cut(body(&["abcdef"], false), 4, 6).await.1, Ended::Well));
    }

    #[tokio::test]
    async fn a_part_that_takes_too_long_ends_with_what_it_has() {
        let incoming = Incoming::new(body(&["a", "b"], false), 100);
        let none: Vec<_> = part(Arc::clone(&incoming), 4, Duration::ZERO).collect().await;
        assert!(none.is_empty());
        assert!(incoming.lock().await.has_more().await, "the next part gets it");
    }
}
