//! A blocking producer of bytes as the body of an upload, and an object as a blocking reader.
//!
//! Both directions go through a channel of a few pieces, so that a slow side holds the other back
//! and memory stays bounded.

use std::io::{self, Read, Write};

use bytes::{Buf as _, Bytes, BytesMut};
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use tokio::sync::{mpsc, oneshot};

use crate::{Body, StorageError, StorageErrorKind};

/// Bytes of one piece on the way between a blocking thread and the network.
const PIECE_BYTES: usize = 256 << 10;
/// Pieces that may wait in a channel.
const PIECES_WAITING_MAX: usize = 4;

/// What crosses the channel to an upload. A channel that closes without [`Piece::End`] is a producer
/// that died, never the end of the body.
enum Piece {
    Bytes(Bytes),
    End,
}

/// The producer's side of an upload's body. Dropped without [`finish`](Self::finish), it fails the
/// upload.
pub(crate) struct BodyWriter {
    sender: mpsc::Sender<Piece>,
    waiting: BytesMut,
}

/// What holds a body's end back until everything that must be there before the object is there.
/// Dropped unopened, it fails the upload.
pub(crate) struct Gate(oneshot::Sender<()>);

impl Gate {
    /// Lets the body end, and so the upload complete.
    pub(crate) fn open(self) {
        // An upload that is gone by now has its own error to tell.
        let _ = self.0.send(());
    }
}

/// A body, the writer that fills it from a blocking thread, and the gate before its end.
pub(crate) fn body_channel(size_bytes_max: u64) -> (BodyWriter, Gate, Body) {
    let (sender, receiver) = mpsc::channel(PIECES_WAITING_MAX);
    let (gate, opened) = oneshot::channel();
    let stream = stream::unfold(Some((receiver, opened)), |state| async move {
        let (mut receiver, opened) = state?;
        match receiver.recv().await {
            Some(Piece::Bytes(bytes)) => Some((Ok(bytes), Some((receiver, opened)))),
            Some(Piece::End) => match opened.await {
                Ok(()) => None,
                Err(_) => Some((Err(body_failed()), None)),
            },
            None => Some((Err(body_failed()), None)),
        }
    });
    let writer = BodyWriter { sender, waiting: BytesMut::new() };
    (writer, Gate(gate), Body::new(stream.boxed(), size_bytes_max))
}

fn body_failed() -> StorageError {
    StorageError::new(StorageErrorKind::BodyFailed, "what was to be stored could not be read")
}

impl BodyWriter {
    /// Ends the body: the upload may complete now.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.send_waiting()?;
        self.send(Piece::End)
    }

    fn send_waiting(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let piece = self.waiting.split().freeze();
        self.send(Piece::Bytes(piece))
    }

    fn send(&self, piece: Piece) -> io::Result<()> {
        self.sender.blocking_send(piece).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for BodyWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.waiting.capacity() == 0 {
            self.waiting.reserve(PIECE_BYTES);
        }
        let taken = bytes.len().min(PIECE_BYTES - self.waiting.len());
        self.waiting.extend_from_slice(&bytes[..taken]);
        if self.waiting.len() == PIECE_BYTES {
            self.send_waiting()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A reader that copies what it hands out to a writer: what is verified is what is sent.
pub(crate) struct Tee<R, W> {
    reader: R,
    writer: W,
}

impl<R: Read, W: Write> Tee<R, W> {
    pub(crate) fn new(reader: R, writer: W) -> Self {
        Self { reader, writer }
    }

    pub(crate) fn into_writer(self) -> W {
        self.writer
    }
}

impl<R: Read, W: Write> Read for Tee<R, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.writer.write_all(&buffer[..read])?;
        Ok(read)
    }
}

/// An object's stream, read by a blocking thread.
pub(crate) struct StreamReader {
    receiver: mpsc::Receiver<Result<Bytes, StorageError>>,
    current: Bytes,
    failure: Option<StorageError>,
}

/// A reader for a blocking thread, and the future that feeds it. Await both together.
pub(crate) fn stream_reader(
    mut stream: BoxStream<'static, Result<Bytes, StorageError>>,
) -> (StreamReader, impl Future<Output = ()> + Send) {
    let (sender, receiver) = mpsc::channel(PIECES_WAITING_MAX);
    let feed = async move {
        while let Some(piece) = stream.next().await {
            let failed = piece.is_err();
            if sender.send(piece).await.is_err() || failed {
                return;
            }
        }
    };
    (StreamReader { receiver, current: Bytes::new(), failure: None }, feed)
}

impl StreamReader {
    /// The store's failure that ended the stream, if one did.
    pub(crate) fn take_failure(&mut self) -> Option<StorageError> {
        self.failure.take()
    }
}

impl Read for StreamReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.receiver.blocking_recv() {
                Some(Ok(bytes)) => self.current = bytes,
                Some(Err(error)) => {
                    let told = io::Error::other(error.to_string());
                    self.failure = Some(error);
                    return Err(told);
                }
                None => return Ok(0),
            }
        }
        let taken = buffer.len().min(self.current.len());
        self.current.copy_to_slice(&mut buffer[..taken]);
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn collect(body: Body) -> Result<usize, StorageErrorKind> {
        let mut length = 0;
        let mut stream = body.stream;
        while let Some(piece) = stream.next().await {
            length += piece.map_err(|error| error.kind())?.len();
        }
        Ok(length)
    }

    fn fill(
        mut writer: BodyWriter,
        bytes: usize,
        finish: bool,
    ) -> tokio::task::JoinHandle<io::Result<()>> {
        tokio::task::spawn_blocking(move || {
            writer.write_all(&vec![7; bytes])?;
            if finish { writer.finish() } else { Ok(()) }
        })
    }

    #[tokio::test]
    async fn a_finished_body_arrives_whole_once_its_gate_is_open() {
        let (writer, gate, body) = body_channel(3 << 20);
        let producer = fill(writer, 3 << 20, true);
        gate.open();
        assert_eq!(collect(body).await, Ok(3 << 20));
        producer.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_gate_that_never_opens_fails_the_body() {
        let (writer, gate, body) = body_channel(10);
        let producer = fill(writer, 10, true);
        drop(gate);
        assert_eq!(collect(body).await, Err(StorageErrorKind::BodyFailed));
        producer.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_producer_that_dies_fails_the_body() {
        let (writer, gate, body) = body_channel(10);
        let producer = fill(writer, 10, false);
        gate.open();
        assert_eq!(collect(body).await, Err(StorageErrorKind::BodyFailed));
        producer.await.unwrap().unwrap();
    }
}
