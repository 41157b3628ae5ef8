//! Changing the lock of an object, and deleting it: under the key's lock, so that no two changes
//! meet. Locks here are advisory: Strongroom keeps them, and anything else can delete the file.

use std::io;

use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::retention::{Lock, Retention};

use super::Directory;
use super::failure::{failed, is_absent};
use super::names::Names;
use super::read::Found;
use super::sidecar::{SIDECAR_SCHEMA, Sidecar};
use super::stage::StagedFile;
use super::tree::{Chain, make_chain, open_chain, sidecar_folders};
use crate::{ObjectKey, SeenLock, StorageError, StorageErrorKind, advisory};

impl Directory {
    /// The lock in the sidecar; none for a file that somebody else put there.
    pub(super) fn lock_of(&self, key: &ObjectKey) -> Result<SeenLock, StorageError> {
        match self.find(key)?.sidecar {
            Ok(sidecar) => {
                let lock = sidecar.map(|sidecar| sidecar.lock).unwrap_or_default();
                Ok(SeenLock {
                    retention: Observed::Observed(lock.retention),
                    legal_hold: Observed::Observed(lock.legal_hold),
                    read_at: Some(self.clock.now()),
                })
            }
            Err(refused) if refused.kind() == StorageErrorKind::PermissionDenied => {
                Ok(SeenLock::unobserved(Unobserved::PermissionDenied))
            }
            Err(cause) => {
                tracing::warn!(%cause, "a lock cannot be read");
                Ok(SeenLock::unobserved(Unobserved::Error))
            }
        }
    }

    /// Sets the dated part of a lock.
    pub(super) fn set_retention(
        &self,
        key: &ObjectKey,
        retention: Retention,
    ) -> Result<(), StorageError> {
        let now = self.clock.now();
        self.change_lock(key, |lock| {
            advisory::check_retention(lock, retention, now)?;
            lock.retention = Some(retention);
            Ok(())
        })
    }

    /// Sets or clears the hold of a lock.
    pub(super) fn set_legal_hold(&self, key: &ObjectKey, on: bool) -> Result<(), StorageError> {
        self.change_lock(key, |lock| {
            lock.legal_hold = on;
            Ok(())
        })
    }

    fn change_lock(
        &self,
        key: &ObjectKey,
        change: impl FnOnce(&mut Lock) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        // Looked at before the lock, so that a missing store is not made just to say so.
        self.find(key)?;
        let _locked = self.key_locks.take(&self.disk, &self.root, key)?;
        let found = self.find(key)?;
        let mut sidecar = match found.sidecar? {
            Some(sidecar) => sidecar,
            None => self.adopt(key, found.stat.size_bytes),
        };
        change(&mut sidecar.lock)?;

        let names = Names::of(key.as_str());
        let staged = StagedFile::begin(&self.disk, &self.root, &self.clock)?;
        staged.write(&sidecar.to_bytes()?)?;
        staged.finish(self.clock.now())?;
        let sidecars = make_chain(&self.disk, &self.root, &sidecar_folders(&names.folders))?;
        let doing = "storing a sidecar";
        staged.replace(sidecars.last(), &names.file).map_err(|cause| failed(doing, cause))?;
        sidecars.sync(&self.disk, &self.durable).map_err(|cause| failed(doing, cause))
    }

    /// The sidecar of a file that somebody else put there.
    fn adopt(&self, key: &ObjectKey, size_bytes: u64) -> Sidecar {
        Sidecar {
            schema: SIDECAR_SCHEMA.to_owned(),
            key: key.as_str().to_owned(),
            size_bytes,
            sha256: None,
            content_type: None,
            metadata: Default::default(),
            lock: Lock::NONE,
            stored_at: self.clock.now(),
        }
    }

    /// Deletes an object that is not locked. What is absent is no error; a lock that cannot be read
    /// is.
    pub(super) fn delete(&self, key: &ObjectKey) -> Result<(), StorageError> {
        if self.find_present(key)?.is_none() {
            return Ok(());
        }
        let _locked = self.key_locks.take(&self.disk, &self.root, key)?;
        let Some(found) = self.find_present(key)? else { return Ok(()) };
        let lock = found.sidecar?.map(|sidecar| sidecar.lock).unwrap_or_default();
        advisory::check_delete(&lock, self.clock.now())?;

        let names = Names::of(key.as_str());
        // The object first: a sidecar alone is not seen, an object alone has lost its lock.
        for folders in [names.folders.clone(), sidecar_folders(&names.folders)] {
            if let Some(chain) = open_chain(&self.disk, &self.root, &folders)? {
                self.unlink(&chain, &names.file)
                    .map_err(|cause| failed("deleting an object", cause))?;
            }
        }
        Ok(())
    }

    fn find_present(&self, key: &ObjectKey) -> Result<Option<Found>, StorageError> {
        match self.find(key) {
            Err(absent) if absent.kind() == StorageErrorKind::NotFound => Ok(None),
            found => found.map(Some),
        }
    }

    fn unlink(&self, chain: &Chain, name: &str) -> io::Result<()> {
        match self.disk.unlink(chain.last(), name) {
            Err(cause) if is_absent(&cause) => Ok(()),
            unlinked => unlinked.and_then(|()| self.disk.sync_folder(chain.last())),
        }
    }
}
