//! One change of a key at a time, among threads and among processes.

use std::array;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use strongroom_core::Sha256Digest;

use super::disk::{Disk, OpenFile};
use super::failure::failed;
use super::names::OWN_FOLDER;
use super::tree::make_chain;
use crate::{ObjectKey, StorageError, StorageErrorKind};

const LOCKS: &str = "locks";
/// Keys share so many locks.
const LOCKS_COUNT: usize = 64;

/// How long another process may hold a key's lock before it is given up on. It holds it for a few
/// syncs.
const KEY_LOCK_WAIT: Duration = Duration::from_secs(15);
const KEY_LOCK_POLL: Duration = Duration::from_millis(5);

/// The locks of one store. A thread waits for the others of its process in line, and only then for other processes,
/// which can be asked but not waited for.
#[derive(Debug)]
pub(super) struct KeyLocks([Mutex<Option<OpenFile>>; LOCKS_COUNT]);

/// A key that is locked, until this is dropped or the process dies.
#[derive(Debug)]
pub(super) struct KeyLock<'a> {
    disk: &'a Disk,
    /// The file stays open for the next one.
    file: MutexGuard<'a, Option<OpenFile>>,
}

impl Default for KeyLocks {
    fn default() -> Self {
        Self(array::from_fn(|_| Mutex::new(None)))
    }
}

impl KeyLocks {
    /// Waits for the lock.
    pub(super) fn take<'a>(
        &'a self,
        disk: &'a Disk,
        root: &Path,
        key: &ObjectKey,
    ) -> Result<KeyLock<'a>, StorageError> {
        let digest = Sha256Digest::of(key.as_str().as_bytes());
        let shard = usize::from(digest.as_bytes()[0]) % LOCKS_COUNT;
        let file = self.0[shard].lock().unwrap_or_else(PoisonError::into_inner);
        let mut lock = KeyLock { disk, file };
        let give_up = Instant::now() + KEY_LOCK_WAIT;
        while !lock.try_take(root, shard)? {
            if Instant::now() >= give_up {
                return Err(StorageError::new(
                    StorageErrorKind::TimedOut,
                    "another process keeps the store's key locked",
                )
                .with_guidance("look for a stopped process that has the store's directory open"));
            }
            std::thread::sleep(KEY_LOCK_POLL);
        }
        Ok(lock)
    }
}

impl KeyLock<'_> {
    fn try_take(&mut self, root: &Path, shard: usize) -> Result<bool, StorageError> {
        let doing = "locking a key";
        // Somebody may have removed the file: then others lock another one.
        let is_there = match self.file.as_ref() {
            Some(file) => self.disk.links(file).map_err(|cause| failed(doing, cause))? > 0,
            None => false,
        };
        if !is_there {
            let folder = make_chain(self.disk, root, &[OWN_FOLDER, LOCKS].map(str::to_owned))?;
            let opened = self.disk.open_lock_file(folder.last(), &format!("{shard:02x}"));
            *self.file = Some(opened.map_err(|cause| failed(doing, cause))?);
        }
        match self.file.as_ref() {
            Some(file) => self.disk.try_lock(file).map_err(|cause| failed(doing, cause)),
            None => Ok(false),
        }
    }
}

impl Drop for KeyLock<'_> {
    fn drop(&mut self) {
        // A file that cannot be unlocked is closed, which unlocks it.
        if let Some(file) = self.file.take()
            && self.disk.unlock(&file).is_ok()
        {
            *self.file = Some(file);
        }
    }
}
