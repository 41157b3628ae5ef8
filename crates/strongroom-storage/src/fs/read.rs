//! Looking at an object and reading it.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::ready;
use futures::stream::BoxStream;
use futures::{StreamExt as _, stream};

use super::disk::{EntryKind, OpenFile, Stat};
use super::failure::{failed, is_absent};
use super::names::Names;
use super::sidecar::Sidecar;
use super::tree::{Chain, open_chain, sidecar_folders};
use super::{Directory, etag};
use crate::{
    ObjectInfo, ObjectKey, ObjectReader, Retrieval, StorageError, StorageErrorKind, ranges,
};

/// Bytes of one piece of a body.
const PIECE_BYTES: u64 = 128 << 10;
/// Pieces that are read before they are asked for.
const PIECES_READ_AHEAD: usize = 1;
/// How often an object may be deleted and created again while it is being opened.
const OPEN_ATTEMPTS: usize = 8;

/// An object that was found: its open file, and what belongs to it.
pub(super) struct Found {
    pub(super) file: OpenFile,
    pub(super) stat: Stat,
    /// `None` for a file that somebody else put there, or changed.
    pub(super) sidecar: Result<Option<Sidecar>, StorageError>,
}

impl Directory {
    /// Opens an object and reads its sidecar. `NotFound` where there is none.
    pub(super) fn find(&self, key: &ObjectKey) -> Result<Found, StorageError> {
        for _ in 0..OPEN_ATTEMPTS {
            let found = self.open_object(key)?;
            // A file that has lost its name was deleted meanwhile, and the sidecar may be that of
            // its successor.
            let links = self.disk.links(&found.file);
            if links.map_err(|cause| failed("looking at an object", cause))? > 0 {
                return Ok(found);
            }
        }
        Err(StorageError::new(StorageErrorKind::Io, "the object keeps being replaced"))
    }

    fn open_object(&self, key: &ObjectKey) -> Result<Found, StorageError> {
        let names = Names::of(key.as_str());
        let objects = open_chain(&self.disk, &self.root, &names.folders)?.ok_or_else(not_found)?;
        let (file, stat) = self.open_file_in(&objects, &names)?;
        let sidecars = open_chain(&self.disk, &self.root, &sidecar_folders(&names.folders));
        let sidecar = sidecars.and_then(|sidecars| match sidecars {
            Some(sidecars) => self.sidecar_in(&sidecars, &names, stat),
            None => Ok(None),
        });
        Ok(Found { file, stat, sidecar })
    }

    /// The same in folders that are open already, by somebody who has the key locked.
    pub(super) fn find_in(
        &self,
        (objects, sidecars): (&Chain, &Chain),
        names: &Names,
    ) -> Result<Found, StorageError> {
        let (file, stat) = self.open_file_in(objects, names)?;
        let sidecar = self.sidecar_in(sidecars, names, stat);
        Ok(Found { file, stat, sidecar })
    }

    fn open_file_in(
        &self,
        objects: &Chain,
        names: &Names,
    ) -> Result<(OpenFile, Stat), StorageError> {
        let file = match self.disk.open_file(objects.last(), &names.file) {
            Err(cause) if is_absent(&cause) => return Err(not_found()),
            opened => opened.map_err(|cause| failed("opening an object", cause))?,
        };
        let stat = self.disk.stat_file(&file);
        let stat = stat.map_err(|cause| failed("looking at an object", cause))?;
        match stat.kind {
            EntryKind::File => Ok((file, stat)),
            EntryKind::Folder => Err(not_found()),
            EntryKind::Other => {
                let message = "something that is not a file is where the object should be";
                Err(StorageError::new(StorageErrorKind::Io, message))
            }
        }
    }

    /// The sidecar under the object's names, if it speaks of a file of this size: otherwise
    /// somebody else has put another file there.
    fn sidecar_in(
        &self,
        sidecars: &Chain,
        names: &Names,
        stat: Stat,
    ) -> Result<Option<Sidecar>, StorageError> {
        let sidecar = Sidecar::read(&self.disk, sidecars.last(), &names.file)?;
        Ok(sidecar.filter(|sidecar| sidecar.size_bytes == stat.size_bytes))
    }

    /// Opens an object to be read.
    pub(super) fn open_reader(
        self: &Arc<Self>,
        key: &ObjectKey,
        range: Option<Range<u64>>,
    ) -> Result<ObjectReader, StorageError> {
        let found = self.find(key)?;
        let range = ranges::inside(range, found.stat.size_bytes)?;
        let info = found.info();
        Ok(ObjectReader { info, stream: pieces(Arc::clone(self), found.file, range) })
    }
}

impl Found {
    /// What is known of the object. A sidecar that cannot be read costs the metadata, which are
    /// hints, and not the object.
    pub(super) fn info(&self) -> ObjectInfo {
        let sidecar = self.sidecar.as_ref().ok().and_then(Option::as_ref);
        ObjectInfo {
            size_bytes: self.stat.size_bytes,
            version: None,
            etag: sidecar.and_then(|sidecar| sidecar.sha256).map(etag),
            last_modified: self.stat.modified,
            // The digest in the sidecar is of what came in; it says nothing of what is there now.
            checksum: None,
            metadata: sidecar.map(|sidecar| sidecar.metadata.clone()).unwrap_or_default(),
            encryption: None,
            storage_class: None,
            retrieval: Retrieval::Online,
        }
    }
}

/// The bytes of a range, piece by piece, each read on a thread that may block, and the next one while the last is
/// being made use of.
fn pieces(
    directory: Arc<Directory>,
    file: OpenFile,
    range: Range<u64>,
) -> BoxStream<'static, Result<Bytes, StorageError>> {
    let file = Arc::new(file);
    let starts = range.clone().step_by(PIECE_BYTES as usize);
    stream::iter(starts)
        .map(move |start| {
            let (directory, file) = (Arc::clone(&directory), Arc::clone(&file));
            let size_bytes = PIECE_BYTES.min(range.end - start) as usize;
            async move {
                let read = directory
                    .blocking(move |directory| directory.disk.read(&file, start, size_bytes));
                let bytes = read.await?.map_err(|cause| failed("reading an object", cause))?;
                if bytes.len() < size_bytes {
                    let message = "the object became shorter while it was read";
                    return Err(StorageError::new(StorageErrorKind::Integrity, message));
                }
                Ok(Bytes::from(bytes))
            }
        })
        .buffered(PIECES_READ_AHEAD + 1)
        .scan(false, |has_failed, piece| {
            let ends = std::mem::replace(has_failed, piece.is_err());
            ready((!ends).then_some(piece))
        })
        .boxed()
}

pub(super) fn not_found() -> StorageError {
    StorageError::new(StorageErrorKind::NotFound, "no such object")
}
