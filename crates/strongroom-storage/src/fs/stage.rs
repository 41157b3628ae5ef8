//! Files that are being written: out of sight, on the same file system, each locked by its writer.
//!
//! A staged file whose lock is free has no living writer, whatever the clock says and whoever wrote
//! it: the kernel gives the lock back when a process dies. So what crashes leave behind is cleaned
//! without a guess.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::disk::{Disk, EntryKind, Folder, OpenFile};
use super::failure::{failed, is_absent};
use super::tree::{Chain, make_stage_folder};
use crate::{Clock, StorageError, StorageErrorKind};

/// How often another process may clean up a staged file in the moment before it is locked.
const BEGIN_ATTEMPTS: usize = 16;

/// A file that is being written. Goes when it is dropped; what was linked elsewhere stays.
#[derive(Debug)]
pub(super) struct StagedFile {
    disk: Disk,
    folder: Arc<Chain>,
    name: String,
    file: OpenFile,
    moved: bool,
}

impl StagedFile {
    /// A new, empty file, which can later be read by all and written by nobody.
    pub(super) fn begin(disk: &Disk, root: &Path, clock: &Clock) -> Result<Self, StorageError> {
        Self::begin_in(disk, &Arc::new(make_stage_folder(disk, root)?), clock)
    }

    /// Another one, in the same folder.
    pub(super) fn begin_beside(&self, clock: &Clock) -> Result<Self, StorageError> {
        Self::begin_in(&self.disk, &self.folder, clock)
    }

    fn begin_in(disk: &Disk, folder: &Arc<Chain>, clock: &Clock) -> Result<Self, StorageError> {
        for _ in 0..BEGIN_ATTEMPTS {
            let staged = Self::create(disk, folder, clock)?;
            if staged.is_ours().map_err(|cause| failed("staging a file", cause))? {
                return Ok(staged);
            }
        }
        Err(StorageError::new(StorageErrorKind::Io, "staged files are taken away by others"))
    }

    fn create(disk: &Disk, folder: &Arc<Chain>, clock: &Clock) -> Result<Self, StorageError> {
        let folder = Arc::clone(folder);
        let name = clock.new_id().to_string();
        let file = disk
            .create_file(folder.last(), &name, 0o444)
            .map_err(|cause| failed("staging a file", cause))?;
        Ok(Self { disk: disk.clone(), folder, name, file, moved: false })
    }

    /// Locks the file; someone who was quicker may be taking it for a dead one and removing it.
    fn is_ours(&self) -> io::Result<bool> {
        Ok(self.disk.try_lock(&self.file)? && self.disk.links(&self.file)? > 0)
    }

    /// Appends bytes.
    pub(super) fn write(&self, bytes: &[u8]) -> Result<(), StorageError> {
        self.disk.write(&self.file, bytes).map_err(|cause| failed("writing to the store", cause))
    }

    /// Reads what was written there. Fewer bytes than asked for are fewer than were written.
    pub(super) fn read(&self, offset: u64, size_bytes: usize) -> Result<Vec<u8>, StorageError> {
        let read = self.disk.read(&self.file, offset, size_bytes);
        read.map_err(|cause| failed("reading back what was written", cause))
    }

    /// Dates the file, and makes what was written durable.
    pub(super) fn finish(&self, at: Timestamp) -> Result<(), StorageError> {
        let doing = "making a file durable";
        self.disk.set_modified(&self.file, at).map_err(|cause| failed(doing, cause))?;
        self.sync()
    }

    /// Makes durable what was written so far.
    pub(super) fn sync(&self) -> Result<(), StorageError> {
        self.disk.sync_file(&self.file).map_err(|cause| failed("making a file durable", cause))
    }

    /// Gives the file its place, where nothing is.
    pub(super) fn link(&self, folder: &Folder, name: &str) -> io::Result<()> {
        self.disk.link((self.folder.last(), &self.name), (folder, name))
    }

    /// Gives the file its place, instead of whatever is there.
    pub(super) fn replace(mut self, folder: &Folder, name: &str) -> io::Result<()> {
        self.disk.rename((self.folder.last(), &self.name), (folder, name))?;
        self.moved = true;
        Ok(())
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        if self.moved {
            return;
        }
        if let Err(cause) = self.disk.unlink(self.folder.last(), &self.name) {
            tracing::warn!(%cause, "a staged file stays until the next clean-up");
        }
    }
}

/// Removes what writers left behind when they died. Failures are told and otherwise ignored: the
/// next process tries again.
pub(super) fn clean_up(disk: &Disk, root: &Path) {
    let cleaned = make_stage_folder(disk, root).map_err(|failed| failed.to_string());
    let removed = cleaned.and_then(|folder| {
        let folder = folder.last();
        disk.list_folder(folder, |name, kind| {
            if kind == EntryKind::File {
                remove_abandoned(disk, folder, name)?;
            }
            Ok(ControlFlow::Continue(()))
        })
        .map_err(|cause| cause.to_string())
    });
    if let Err(cause) = removed {
        tracing::warn!(%cause, "staged files of dead writers were not cleaned up");
    }
}

fn remove_abandoned(disk: &Disk, folder: &Folder, name: &str) -> io::Result<()> {
    let file = match disk.open_file(folder, name) {
        Err(cause) if is_absent(&cause) => return Ok(()),
        opened => opened?,
    };
    if !disk.try_lock(&file)? {
        return Ok(());
    }
    match disk.unlink(folder, name) {
        Err(cause) if is_absent(&cause) => Ok(()),
        unlinked => unlinked,
    }
}
