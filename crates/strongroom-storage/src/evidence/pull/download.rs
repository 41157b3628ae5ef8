//! An object into a file: ranges side by side, each written where it belongs, and verified from the
//! file right behind them. What is held in memory is a few pieces on their way to the file.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use bytes::Bytes;
use futures::{StreamExt as _, TryFutureExt as _, TryStreamExt as _, stream};
use strongroom_core::bundle::Progress;
use tokio::sync::{mpsc, watch};

use super::failed;
use super::landing::Landing;
use crate::evidence::EvidenceError;
use crate::evidence::stored::{StoredBundle, Wanted, panicked, verify_archive};
use crate::{
    ObjectInfo, ObjectKey, ObjectReader, Storage, StorageError, StorageErrorKind, VersionId,
};

/// Bytes of one request.
const RANGE_BYTES: u64 = 16 << 20;
/// Ranges on their way at the same time.
const RANGES_AT_ONCE: usize = 4;
/// How far a range may begin ahead of what is verified: near enough to be found in the page cache,
/// and not much to have fetched in vain where the archive is refused.
const AHEAD_BYTES_MAX: u64 = 8 * RANGE_BYTES;
/// Bytes after which what came is made durable while more comes: the disk writes while the network
/// reads, and little is left to wait for at the end.
const BYTES_BETWEEN_SYNCS: u64 = 32 << 20;
/// Pieces that may wait to be written.
const PIECES_WAITING_MAX: usize = 8;

/// A file that is filled, and the name that it is to have.
pub(super) struct LocalCopy<'a> {
    pub(super) file: File,
    pub(super) path: &'a Path,
}

/// Reads one version of `key` into the copy, whose file is empty, and verifies it there. What the file
/// holds after an error is worthless. `progress` counts bytes of content.
pub(super) async fn download_verified(
    store: &dyn Storage,
    key: &ObjectKey,
    version: Option<&VersionId>,
    wanted: Wanted,
    copy: LocalCopy<'_>,
    progress: Arc<dyn Progress>,
) -> Result<StoredBundle, EvidenceError> {
    let (first, range_bytes) = open_first(store, key, version).await?;
    let info = first.info.clone();
    let landing = AbandonOnDrop(Arc::new(Landing::new(copy.file, info.size_bytes)));
    let (pieces, waiting) = mpsc::channel(PIECES_WAITING_MAX);
    let (much_came, syncs) = sync_channel(1);
    let writing = {
        let landing = Arc::clone(&landing.0);
        tokio::task::spawn_blocking(move || write_pieces(&landing, waiting, &much_came))
    };
    let syncing = {
        let landing = Arc::clone(&landing.0);
        tokio::task::spawn_blocking(move || sync_now_and_then(&landing, &syncs))
    };
    let verifying = {
        let archive = landing.0.reader();
        tokio::task::spawn_blocking(move || verify_archive(archive, wanted, &*progress))
    };
    let object = Object { store, key, info: &info, range_bytes };
    // Side by side: where the file fails, the ranges would otherwise wait for a verifier that waits
    // for the file.
    let read_until = landing.0.read_until();
    let copy_path = copy.path;
    let filling = async {
        tokio::try_join!(
            object.fetch_all(first, pieces, &read_until).map_err(EvidenceError::from),
            async {
                writing
                    .await
                    .map_err(panicked)?
                    .map_err(|error| failed(copy_path, "could not be written", error))
            },
            async {
                syncing
                    .await
                    .map_err(panicked)?
                    .map_err(|error| failed(copy_path, "could not be made durable", error))
            },
        )
    };
    tokio::pin!(filling, verifying);
    let bundle = tokio::select! {
        filled = &mut filling => {
            filled?;
            verifying.await.map_err(panicked)??
        }
        verified = &mut verifying => {
            // A refusal ends the transfer.
            let bundle = verified.map_err(panicked)??;
            filling.await?;
            bundle
        }
    };
    Ok(StoredBundle { bundle, info: info.clone() })
}

/// Lets nobody wait for what will not come, however the transfer ends.
struct AbandonOnDrop(Arc<Landing>);

impl Drop for AbandonOnDrop {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// A piece of the object, and where it belongs.
type Piece = (u64, Bytes);

fn write_pieces(
    landing: &Landing,
    mut pieces: mpsc::Receiver<Piece>,
    much_came: &SyncSender<()>,
) -> io::Result<()> {
    let mut unsynced_bytes = 0;
    while let Some((at, piece)) = pieces.blocking_recv() {
        landing.write(&piece, at)?;
        unsynced_bytes += piece.len() as u64;
        if unsynced_bytes >= BYTES_BETWEEN_SYNCS {
            unsynced_bytes = 0;
            // One that waits already will do for this too.
            let _ = much_came.try_send(());
        }
    }
    Ok(())
}

/// A disk tells of an error once: whoever makes the file durable in the end may not hear of it again.
fn sync_now_and_then(landing: &Landing, syncs: &Receiver<()>) -> io::Result<()> {
    while let Ok(()) = syncs.recv() {
        landing.sync()?;
    }
    Ok(())
}

/// Opens the first range, which tells what the object is; also how many bytes each range has.
async fn open_first(
    store: &dyn Storage,
    key: &ObjectKey,
    version: Option<&VersionId>,
) -> Result<(ObjectReader, u64), StorageError> {
    match store.read(key, version, Some(0..RANGE_BYTES)).await {
        // An empty object has no range at all, and some stores give none of any object.
        Err(error)
            if matches!(
                error.kind(),
                StorageErrorKind::InvalidRequest | StorageErrorKind::Unsupported
            ) =>
        {
            Ok((store.read(key, version, None).await?, u64::MAX))
        }
        opened => Ok((opened?, RANGE_BYTES)),
    }
}

/// The object of which every range must come.
struct Object<'a> {
    store: &'a dyn Storage,
    key: &'a ObjectKey,
    info: &'a ObjectInfo,
    range_bytes: u64,
}

impl Object<'_> {
    async fn fetch_all(
        &self,
        first: ObjectReader,
        pieces: mpsc::Sender<Piece>,
        read_until: &watch::Receiver<u64>,
    ) -> Result<(), StorageError> {
        let mut first = Some(first);
        let ranges = ranges(self.info.size_bytes, self.range_bytes).map(|range| {
            let (opened, pieces, read_until) = (first.take(), pieces.clone(), read_until.clone());
            async move {
                let reader = match opened {
                    Some(reader) => reader,
                    None => self.open(&range, read_until).await?,
                };
                fetch(reader, range, pieces).await
            }
        });
        stream::iter(ranges).buffer_unordered(RANGES_AT_ONCE).try_collect().await
    }

    /// Opens a range once what is verified has come near it.
    async fn open(
        &self,
        range: &Range<u64>,
        mut read_until: watch::Receiver<u64>,
    ) -> Result<ObjectReader, StorageError> {
        let is_near = |read: &u64| range.start < read.saturating_add(AHEAD_BYTES_MAX);
        // The landing, and with it the sender, outlives this.
        let _ = read_until.wait_for(is_near).await;
        let version = self.info.version.as_ref();
        let reader = self.store.read(self.key, version, Some(range.clone())).await?;
        if reader.info.etag != self.info.etag || reader.info.size_bytes != self.info.size_bytes {
            return Err(crate::ranges::replaced());
        }
        Ok(reader)
    }
}

/// The ranges that make up an object, in order.
fn ranges(size_bytes: u64, range_bytes: u64) -> impl Iterator<Item = Range<u64>> {
    let mut next = 0_u64;
    std::iter::from_fn(move || {
        let range = next..size_bytes.min(next.saturating_add(range_bytes));
        next = range.end;
        (!range.is_empty()).then_some(range)
    })
}

async fn fetch(
    mut reader: ObjectReader,
    range: Range<u64>,
    pieces: mpsc::Sender<Piece>,
) -> Result<(), StorageError> {
    let mut at = range.start;
    while let Some(piece) = reader.stream.next().await {
        let piece = piece?;
        let length = piece.len() as u64;
        if length > range.end - at {
            return Err(wrong_length());
        }
        // Without a writer the transfer is over, for a reason that the writer tells.
        if pieces.send((at, piece)).await.is_err() {
            return Ok(());
        }
        at += length;
    }
    if at < range.end { Err(wrong_length()) } else { Ok(()) }
}

fn wrong_length() -> StorageError {
    StorageError::new(StorageErrorKind::Malformed, "the store answers another range than was asked")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use strongroom_core::bundle::NoProgress;
    use strongroom_core::{BundleId, Sha256Digest};

    use super::*;
    use crate::evidence::EvidenceErrorKind;
    use crate::memory::MemoryStorage;
    use crate::{Body, Clock, CreateOptions};

    #[tokio::test]
    async fn a_file_that_cannot_be_written_ends_the_transfer_however_much_is_to_come() {
        let size_bytes = AHEAD_BYTES_MAX + 2 * RANGE_BYTES;
        let (store, key) = (MemoryStorage::new(Clock::system()), ObjectKey::new("a").unwrap());
        let body = Body::from(Bytes::from(vec![0; size_bytes as usize]));
        store.create(&key, body, &CreateOptions::default()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("read-only");
        std::fs::write(&path, "").unwrap();

        let wanted = Wanted { id: BundleId(Sha256Digest::of(b"")), archive_sha256: None };
        let copy = LocalCopy { file: File::open(&path).unwrap(), path: &path };
        let downloading = download_verified(&store, &key, None, wanted, copy, Arc::new(NoProgress));
        let ended = tokio::time::timeout(Duration::from_secs(60), downloading).await;

        let refused = ended.expect("the transfer hangs").unwrap_err();
        assert_eq!(refused.kind(), EvidenceErrorKind::LocalFile, "{refused}");
    }

    #[test]
    fn ranges_cover_an_object_once() {
        let size = 2 * RANGE_BYTES + 5;
        let found: Vec<_> = ranges(size, RANGE_BYTES).collect();
        assert_eq!(found, [0..RANGE_BYTES, RANGE_BYTES..2 * RANGE_BYTES, 2 * RANGE_BYTES..size]);
        assert_eq!(ranges(0, RANGE_BYTES).count(), 0);
        assert_eq!(ranges(RANGE_BYTES, RANGE_BYTES).count(), 1);
        assert_eq!(ranges(size, u64::MAX).count(), 1);
    }
}
