//! Many objects as the archive of one bundle.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::future::ready;
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use strongroom_core::bundle::{BundleError, NoProgress, Refusal, write_bundle};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::error::corrupt;
use super::{KeepError, KeepErrorKind};
use crate::blocking::{BodyWriter, StreamReader, body_channel, stream_reader};
use crate::{ObjectKey, Storage, StorageError, VersionId};

/// Objects that are opened before their turn: of small ones the store's answers take longer than their
/// bytes.
const OBJECTS_AHEAD: usize = 8;

/// Where one file of a bundle is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectOfBundle {
    /// Its key.
    pub key: ObjectKey,
    /// Its version, where the store has versions.
    pub version: Option<VersionId>,
}

/// Why an object ended an archive.
#[derive(Debug)]
pub enum ObjectRefused<'a> {
    /// The store did not open it.
    NotOpened(&'a StorageError),
    /// It is not the file that the manifest lists.
    OtherBytes,
}

/// The archive of a bundle (`strongroom.bundle/v1`, gzip) made of `manifest_bytes` and of the objects
/// that hold its files, in the order of the manifest, each asked for shortly before its turn. It is the archive that
/// `evidence bundle` makes of the same files, under the same id.
///
/// Ends with an error, never well, where an object is missing, cannot be read, or is not what the
/// manifest says of it. Nothing is asked of the store before the first piece is. It is made in bounded memory, on a
/// thread of its own, which waits for its consumer: on the shared ones, consumers that do not read would keep all
/// other work waiting. `held` is dropped when that thread has ended, such as a permit that bounds their number. A
/// consumer that goes away ends it. `refused` is told which objects could not be opened or were of other bytes, before
/// the archive ends with that error; it must not block.
pub fn bundle_stream(
    store: Arc<dyn Storage>,
    manifest_bytes: Bytes,
    objects: impl IntoIterator<Item = ObjectOfBundle, IntoIter: Send + 'static>,
    held: impl Send + 'static,
    refused: impl Fn(&ObjectOfBundle, ObjectRefused<'_>) + Send + Sync + 'static,
) -> BoxStream<'static, Result<Bytes, KeepError>> {
    let refused: Refused = Arc::new(refused);
    let objects: Waiting = Box::new(objects.into_iter());
    stream::once(async move { begin(store, manifest_bytes, objects, held, refused) })
        .flatten()
        .boxed()
}

fn begin(
    store: Arc<dyn Storage>,
    manifest_bytes: Bytes,
    objects: Waiting,
    held: impl Send + 'static,
    refused: Refused,
) -> BoxStream<'static, Result<Bytes, KeepError>> {
    let (writer, gate, body) = body_channel(u64::MAX);
    // Nothing but the archive itself holds its end back.
    gate.open();
    let objects = Objects {
        store,
        runtime: Handle::current(),
        waiting: objects,
        opened: VecDeque::new(),
        current: None,
        failure: Failure::default(),
        refused,
    };
    let (told, writing) = oneshot::channel();
    let thread = std::thread::Builder::new().name("bundle".to_owned()).spawn(move || {
        let written = objects.write(&manifest_bytes, writer);
        drop(held);
        // A consumer that is gone wants to know nothing.
        let _ = told.send(written);
    });
    if let Err(error) = thread {
        return stream::once(ready(Err(stopped().with_source(error)))).boxed();
    }
    stream::unfold(Some((body.stream, writing)), |state| async move {
        let (mut pieces, writing) = state?;
        let ended_well = match pieces.next().await {
            Some(Ok(piece)) => return Some((Ok(piece), Some((pieces, writing)))),
            Some(Err(_)) => false,
            None => true,
        };
        // What ended the archive is known to who wrote it.
        match writing.await {
            Ok(Ok(())) if ended_well => None,
            Ok(Err(error)) => Some((Err(error), None)),
            // A thread that panicked tells nothing.
            Ok(Ok(())) | Err(_) => Some((Err(stopped()), None)),
        }
    })
    .boxed()
}

/// Who is told of each object that ended an archive.
type Refused = Arc<dyn Fn(&ObjectOfBundle, ObjectRefused<'_>) + Send + Sync>;

/// Those whose turn comes later.
type Waiting = Box<dyn Iterator<Item = ObjectOfBundle> + Send>;

/// What the store said when an object could not be read.
type Failure = Arc<Mutex<Option<StorageError>>>;

/// The objects of one archive, opened in their order.
struct Objects {
    store: Arc<dyn Storage>,
    runtime: Handle,
    waiting: Waiting,
    opened: VecDeque<(ObjectOfBundle, StreamReader)>,
    /// The one that is written.
    current: Option<ObjectOfBundle>,
    failure: Failure,
    refused: Refused,
}

impl Objects {
    /// Writes the archive. Blocks.
    fn write(mut self, manifest_bytes: &[u8], mut writer: BodyWriter) -> Result<(), KeepError> {
        let failure = Arc::clone(&self.failure);
        let written =
            write_bundle(manifest_bytes, |_| self.next(), &mut writer, &NoProgress).map(|_| ());
        let failure = failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (written, failure) {
            (_, Some(failure)) => Err(failure.into()),
            (Err(error), None) => {
                if error.refusal() == Refusal::Integrity
                    && let Some(object) = &self.current
                {
                    (self.refused)(object, ObjectRefused::OtherBytes);
                }
                Err(refused(error))
            }
            (Ok(()), None) if !self.opened.is_empty() || self.waiting.next().is_some() => {
                Err(other_number())
            }
            (Ok(()), None) => writer.finish().map_err(|error| stopped().with_source(error)),
        }
    }

    /// The next object. Those after it are on their way.
    fn next(&mut self) -> io::Result<ObjectBody> {
        while self.opened.len() <= OBJECTS_AHEAD {
            let Some(object) = self.waiting.next() else { break };
            let reader = self.open(object.clone());
            self.opened.push_back((object, reader));
        }
        let (object, reader) = self.opened.pop_front().ok_or(io::ErrorKind::NotFound)?;
        self.current = Some(object);
        Ok(ObjectBody { reader, failure: Arc::clone(&self.failure) })
    }

    fn open(&self, object: ObjectOfBundle) -> StreamReader {
        let (store, refused) = (Arc::clone(&self.store), Arc::clone(&self.refused));
        let opening = async move {
            let opened = store.read(&object.key, object.version.as_ref(), None).await;
            opened
                .map(|opened| opened.stream)
                .inspect_err(|error| refused(&object, ObjectRefused::NotOpened(error)))
        };
        let (reader, feed) = stream_reader(stream::once(opening).try_flatten().boxed());
        self.runtime.spawn(feed);
        reader
    }
}

/// One object, read by a blocking thread.
struct ObjectBody {
    reader: StreamReader,
    failure: Failure,
}

impl Read for ObjectBody {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer);
        if let Some(failure) = self.reader.take_failure() {
            *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
        }
        read
    }
}

fn refused(error: BundleError) -> KeepError {
    match error.refusal() {
        Refusal::Integrity => corrupt("an object is not the file that the manifest lists"),
        refusal => KeepError::new(KeepErrorKind::Bundle(refusal), error.to_string()),
    }
    .with_source(error)
}

fn other_number() -> KeepError {
    KeepError::new(
        KeepErrorKind::Bundle(Refusal::Format),
        "the manifest does not list as many files as there are objects",
    )
}

fn stopped() -> KeepError {
    KeepError::new(
        KeepErrorKind::Bundle(Refusal::Unreadable),
        "the archive was not made to its end",
    )
}
