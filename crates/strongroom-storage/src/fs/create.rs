//! Creating an object: staged, made durable, and only then linked into place.
//!
//! The order is the point. Whatever happens between two steps, a reader finds nothing under the key
//! or the whole object with its sidecar:
//! 1. the bytes go into a staged file, which is synced;
//! 2. the sidecar goes into another, which is synced;
//! 3. under the key's lock, the sidecar is renamed into place, and its folders are synced;
//! 4. the staged file is linked into place, which fails where something is there;
//! 5. the object's folders are synced, new ones too. Only now the object counts as stored.
//!
//! A crash between 3 and 4 leaves a sidecar without an object: nobody sees it, and the next create
//! of the key replaces it.

use std::io;
use std::sync::{Arc, OnceLock};
use std::thread::{self, ScopedJoinHandle};
use std::time::Instant;

use bytes::Bytes;
use strongroom_core::Sha256Digest;
use strongroom_core::digest::Sha256Hasher;
use strongroom_core::receipt::{CreateOnly, Integrity};
use tokio::sync::{mpsc, oneshot};

use super::disk::EntryKind;
use super::failure::{failed, is_absent};
use super::names::Names;
use super::sidecar::{SIDECAR_SCHEMA, Sidecar};
use super::stage::{StagedFile, clean_up};
use super::tree::{Chain, make_chain, open_chain, sidecar_folders};
use super::{Directory, etag};
use crate::counted::CountedBody;
use crate::{
    Body, CreateOptions, Created, ObjectInfo, ObjectKey, StorageError, StorageErrorKind, advisory,
};

/// Pieces that wait to be written: more, and the producer waits.
const PIECES_WAITING_MAX: usize = 4;

/// Bytes that may wait for the disk before it is told to write.
const SYNC_EVERY_BYTES: u64 = 64 << 20;

/// What the writing thread is told.
enum Message {
    Piece(Bytes),
    Finish { size_bytes: u64 },
}

/// Where the digest of a body will be, by the time that it has ended.
type BodyDigest = Arc<OnceLock<Sha256Digest>>;

impl Directory {
    /// Stores `body` under `key` if nothing is there. `look_first` saves staging the body when
    /// something is; the link decides in any case.
    pub(super) async fn create(
        self: &Arc<Self>,
        key: &ObjectKey,
        body: Body,
        options: &CreateOptions,
        look_first: bool,
    ) -> Result<Created, StorageError> {
        advisory::check_new_lock(&options.lock, self.clock.now())?;
        let (pieces, waiting) = mpsc::channel(PIECES_WAITING_MAX);
        let (outcome, written) = oneshot::channel();
        let digest = body.digest.clone();
        let mut body = CountedBody::new(body);
        let is_whole = read_ahead(&mut body, &pieces).await?;
        let write = Write {
            directory: Arc::clone(self),
            key: key.clone(),
            options: options.clone(),
            look_first,
        };
        tokio::task::spawn_blocking(move || {
            let result = write.run(waiting, digest, || outcome.is_closed());
            // Nobody waits any more: then nothing was stored, or it was a moment too late.
            let _ = outcome.send(result);
        });

        let fed = if is_whole { Ok(()) } else { feed(&mut body, pieces).await };
        let written = written.await.unwrap_or_else(|_| Err(stopped()));
        // Where the body failed, the writer only saw it end early.
        fed.and(written)
    }
}

/// Queues up the beginning of the body for a thread that is not there yet; tells whether that was all. A small body
/// is a thread's work without a wait.
async fn read_ahead(
    body: &mut CountedBody,
    pieces: &mpsc::Sender<Message>,
) -> Result<bool, StorageError> {
    // The last place is for the word that this was all.
    while pieces.capacity() > 1 {
        let piece = body.next().await?;
        let is_last = piece.is_none();
        let size_bytes = body.size_bytes();
        let message = piece.map_or(Message::Finish { size_bytes }, Message::Piece);
        // It is our own channel, and has room.
        let _ = pieces.try_send(message);
        if is_last {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Sends the body to the writing thread, whose own failure is found in its result.
async fn feed(body: &mut CountedBody, pieces: mpsc::Sender<Message>) -> Result<(), StorageError> {
    while let Some(piece) = body.next().await? {
        if pieces.send(Message::Piece(piece)).await.is_err() {
            return Ok(());
        }
    }
    let size_bytes = body.size_bytes();
    let _ = pieces.send(Message::Finish { size_bytes }).await;
    Ok(())
}

/// What is known of the bytes that were read back.
enum ReadBack {
    /// Each piece is what was written, and somebody else hashes that.
    Compared(BodyDigest),
    Hashed(Sha256Hasher),
}

impl ReadBack {
    fn new(digest: Option<BodyDigest>) -> Self {
        digest.map_or_else(|| Self::Hashed(Sha256Hasher::new()), Self::Compared)
    }

    fn take(&mut self, written: &[u8], read: &[u8]) -> Result<(), StorageError> {
        match self {
            Self::Hashed(hasher) => hasher.update(read),
            Self::Compared(_) if written == read => {}
            Self::Compared(_) => {
                return Err(StorageError::new(
                    StorageErrorKind::Integrity,
                    "the disk gives back other bytes than were written",
                ));
            }
        }
        Ok(())
    }

    /// The digest of what was read back, once the body has ended.
    fn finish(self) -> Result<Sha256Digest, StorageError> {
        match self {
            Self::Hashed(hasher) => Ok(hasher.finish()),
            Self::Compared(digest) => digest.get().copied().ok_or_else(stopped),
        }
    }
}

/// Writes what comes into the staged file, reads each piece back, and answers how much it was and the digest of
/// what was read. Meanwhile the disk is kept at work, so that the sync at the end finds little left to do.
fn fill(
    staged: &StagedFile,
    mut waiting: mpsc::Receiver<Message>,
    mut read_back: ReadBack,
) -> Result<(u64, Sha256Digest), StorageError> {
    thread::scope(|scope| {
        let mut syncing: Option<ScopedJoinHandle<'_, Result<(), StorageError>>> = None;
        let (mut written_bytes, mut unsynced_bytes) = (0, 0);
        let size_bytes = loop {
            let piece = match waiting.blocking_recv() {
                Some(Message::Piece(piece)) => piece,
                Some(Message::Finish { size_bytes }) => break size_bytes,
                None => return Err(stopped()),
            };
            staged.write(&piece)?;
            read_back.take(&piece, &staged.read(written_bytes, piece.len())?)?;
            written_bytes += piece.len() as u64;
            unsynced_bytes += piece.len() as u64;
            let is_idle = syncing.as_ref().is_none_or(ScopedJoinHandle::is_finished);
            if unsynced_bytes >= SYNC_EVERY_BYTES && is_idle {
                join(syncing.replace(scope.spawn(|| staged.sync())))?;
                unsynced_bytes = 0;
            }
        };
        join(syncing)?;
        Ok((size_bytes, read_back.finish()?))
    })
}

/// The kernel tells a failed write-back to one sync only: what it told must not be lost.
fn join(
    syncing: Option<ScopedJoinHandle<'_, Result<(), StorageError>>>,
) -> Result<(), StorageError> {
    syncing.map_or(Ok(()), |syncing| syncing.join().unwrap_or_else(|_| Err(stopped())))
}

/// One create, on a thread that may block.
struct Write {
    directory: Arc<Directory>,
    key: ObjectKey,
    options: CreateOptions,
    look_first: bool,
}

impl Write {
    fn run(
        &self,
        waiting: mpsc::Receiver<Message>,
        digest: Option<BodyDigest>,
        abandoned: impl Fn() -> bool,
    ) -> Result<Created, StorageError> {
        let Directory { disk, root, clock, cleaned_up, .. } = self.directory.as_ref();
        let names = Names::of(self.key.as_str());
        if self.look_first
            && let Some(chain) = open_chain(disk, root, &names.folders)?
        {
            self.refuse_what_is_there(&chain, &names)?;
        }
        cleaned_up.call_once(|| clean_up(disk, root));

        let staged = StagedFile::begin(disk, root, clock)?;
        let (size_bytes, sha256) = fill(&staged, waiting, ReadBack::new(digest))?;
        let stored_at = clock.now();
        staged.finish(stored_at)?;
        let sidecar = Sidecar {
            schema: SIDECAR_SCHEMA.to_owned(),
            key: self.key.as_str().to_owned(),
            size_bytes,
            sha256: Some(sha256),
            content_type: self.options.content_type.map(str::to_owned),
            metadata: self.options.metadata.clone(),
            lock: self.options.lock,
            stored_at,
        };
        let (visible_from, info) = self.commit(&names, &staged, &sidecar, abandoned)?;
        Ok(Created {
            version: None,
            etag: Some(etag(sha256)),
            size_bytes,
            integrity: Integrity::Unobserved,
            read_back: Some(sha256),
            create_only: CreateOnly::Enforced,
            lock_in_write: !self.options.lock.is_none(),
            visible_from,
            stored_at: Some(stored_at),
            info,
        })
    }

    /// Steps 2 to 5; answers the moment before the object became visible, and what is seen of it then. Where it
    /// cannot be looked at, the caller looks.
    fn commit(
        &self,
        names: &Names,
        staged: &StagedFile,
        sidecar: &Sidecar,
        abandoned: impl Fn() -> bool,
    ) -> Result<(Instant, Option<ObjectInfo>), StorageError> {
        let Directory { disk, root, clock, durable, key_locks, .. } = self.directory.as_ref();
        let staged_sidecar = staged.begin_beside(clock)?;
        staged_sidecar.write(&sidecar.to_bytes()?)?;
        staged_sidecar.finish(sidecar.stored_at)?;
        let objects = make_chain(disk, root, &names.folders)?;
        let sidecars = make_chain(disk, root, &sidecar_folders(&names.folders))?;

        let _locked = key_locks.take(disk, root, &self.key)?;
        self.refuse_what_is_there(&objects, names)?;
        staged_sidecar
            .replace(sidecars.last(), &names.file)
            .map_err(|cause| failed("storing a sidecar", cause))?;
        let visible_from = Instant::now();
        let linked = self.link(names, staged, &objects, &sidecars, abandoned);
        if linked.is_err()
            && let Err(cause) = disk.unlink(sidecars.last(), &names.file)
        {
            tracing::warn!(%cause, "a sidecar without an object stays");
        }
        linked?;
        objects.sync(disk, durable).map_err(|cause| failed("making an object durable", cause))?;
        let found = self.directory.find_in((&objects, &sidecars), names);
        Ok((visible_from, found.ok().map(|found| found.info())))
    }

    fn link(
        &self,
        names: &Names,
        staged: &StagedFile,
        objects: &Chain,
        sidecars: &Chain,
        abandoned: impl Fn() -> bool,
    ) -> Result<(), StorageError> {
        let Directory { disk, durable, .. } = self.directory.as_ref();
        sidecars.sync(disk, durable).map_err(|cause| failed("making a sidecar durable", cause))?;
        if abandoned() {
            return Err(stopped());
        }
        match staged.link(objects.last(), &names.file) {
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => Err(already_exists()),
            linked => linked.map_err(|cause| failed("storing an object", cause)),
        }
    }

    /// Refuses what is under the key already, and makes it durable first: whoever wrote it may have
    /// died before that, and the caller is about to call it stored.
    fn refuse_what_is_there(&self, chain: &Chain, names: &Names) -> Result<(), StorageError> {
        let Directory { disk, durable, .. } = self.directory.as_ref();
        let doing = "looking at what is under a key";
        let stat = match disk.stat_entry(chain.last(), &names.file) {
            Err(cause) if is_absent(&cause) => return Ok(()),
            stat => stat.map_err(|cause| failed(doing, cause))?,
        };
        match stat.kind {
            EntryKind::Folder => {
                return Err(StorageError::new(
                    StorageErrorKind::InvalidKey,
                    "a folder is where the object should be: in a directory no name is both",
                ));
            }
            EntryKind::Other => {}
            EntryKind::File => {
                let file = disk.open_file(chain.last(), &names.file);
                let synced = file.and_then(|file| disk.sync_file(&file));
                synced
                    .and_then(|()| chain.sync(disk, durable))
                    .map_err(|cause| failed(doing, cause))?;
            }
        }
        Err(already_exists())
    }
}

fn already_exists() -> StorageError {
    StorageError::new(StorageErrorKind::AlreadyExists, "something is there under this key")
}

fn stopped() -> StorageError {
    StorageError::new(StorageErrorKind::BodyFailed, "the create was given up by its caller")
}
