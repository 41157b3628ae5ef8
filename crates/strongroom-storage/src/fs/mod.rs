//! `file://`: a directory as a store. Objects are files under their keys, so that other tools can
//! read them, and what other tools put there can be read, listed and verified.
//!
//! | module | what |
//! |---|---|
//! | `tree` `durable` | the folders; those that are known to survive a crash |
//! | `key_lock` | one change of a key at a time |
//! | `names` | how a key becomes names, and back |
//! | `create` `stage` | staged, synced, linked into place |
//! | `read` `list` `change` `status` | the other operations |
//! | `sidecar` | metadata and lock of an object |
//! | `disk` | the only place that touches the operating system |
//! | `failure` | what its errors mean |

mod change;
mod create;
mod disk;
#[cfg(test)]
mod durability;
mod durable;
mod failure;
mod key_lock;
mod list;
mod names;
mod read;
mod sidecar;
mod stage;
mod status;
mod tree;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use strongroom_core::Sha256Digest;
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::receipt::EnforcedBy;
use strongroom_core::retention::Retention;

use self::disk::Disk;
use self::durable::DurableFolders;
use self::key_lock::KeyLocks;
use crate::status::StoreStatus;
use crate::{
    Body, BucketLocks, Clock, CreateOptions, Created, ListPage, ListRequest, ObjectInfo, ObjectKey,
    ObjectReader, ObjectVersion, SeenLock, Storage, StorageError, StorageErrorKind, VersionId,
};

/// A directory as a store: create-only by hard links, durable by syncs, with locks that only
/// Strongroom keeps. One version a key.
#[derive(Debug, Clone)]
pub struct FsStorage(Arc<Directory>);

/// What every operation needs. Its methods block.
#[derive(Debug)]
struct Directory {
    root: PathBuf,
    url: String,
    disk: Disk,
    clock: Clock,
    /// Whether this process has removed what dead writers left behind.
    cleaned_up: Once,
    durable: DurableFolders,
    key_locks: KeyLocks,
}

impl FsStorage {
    /// The store in the directory `root`, which need not be there yet: the first create makes it.
    ///
    /// `Configuration` for a path that is not absolute.
    pub fn open(root: &Path, clock: Clock) -> Result<Self, StorageError> {
        Self::with_disk(root, clock, Disk::default())
    }

    fn with_disk(root: &Path, clock: Clock, disk: Disk) -> Result<Self, StorageError> {
        let (true, Some(path)) = (root.is_absolute(), root.to_str()) else {
            return Err(StorageError::new(
                StorageErrorKind::Configuration,
                "the path of a store is absolute, in UTF-8",
            ));
        };
        let url = format!("file://{path}");
        Ok(Self(Arc::new(Directory {
            root: root.to_owned(),
            url,
            disk,
            clock,
            cleaned_up: Once::new(),
            durable: DurableFolders::default(),
            key_locks: KeyLocks::default(),
        })))
    }
}

impl Directory {
    /// Runs `act` on a thread that may block.
    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        act: impl FnOnce(&Arc<Self>) -> T + Send + 'static,
    ) -> Result<T, StorageError> {
        let directory = Arc::clone(self);
        tokio::task::spawn_blocking(move || act(&directory)).await.map_err(|stopped| {
            StorageError::new(StorageErrorKind::Io, "an operation on files was stopped")
                .with_source(stopped)
        })
    }
}

fn etag(sha256: Sha256Digest) -> String {
    sha256.to_hex()
}

/// There are no versions here, so none has the name that was asked for.
fn without_version(version: Option<&VersionId>) -> Result<(), StorageError> {
    match version {
        None => Ok(()),
        Some(_) => Err(read::not_found()),
    }
}

#[async_trait]
impl Storage for FsStorage {
    fn url(&self) -> &str {
        &self.0.url
    }

    fn endpoint(&self) -> Option<&str> {
        None
    }

    fn whole_key(&self, key: &ObjectKey) -> String {
        key.as_str().to_owned()
    }

    fn locks_enforced_by(&self) -> EnforcedBy {
        EnforcedBy::Strongroom
    }

    async fn now(&self) -> Result<Timestamp, StorageError> {
        Ok(self.0.clock.now())
    }

    async fn create(
        &self,
        key: &ObjectKey,
        body: Body,
        options: &CreateOptions,
    ) -> Result<Created, StorageError> {
        self.0.create(key, body, options, true).await
    }

    async fn probe_create_only(
        &self,
        key: &ObjectKey,
        body: &Bytes,
    ) -> Result<Observed<bool>, StorageError> {
        self.head(key, None).await?;
        let options = CreateOptions::default();
        match self.0.create(key, body.clone().into(), &options, false).await {
            Err(refused) if refused.kind() == StorageErrorKind::AlreadyExists => {
                Ok(Observed::Observed(true))
            }
            Err(failed) => Err(failed),
            Ok(_) => Ok(Observed::Observed(false)),
        }
    }

    async fn head(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
    ) -> Result<ObjectInfo, StorageError> {
        without_version(version)?;
        let key = key.clone();
        self.0.blocking(move |directory| Ok(directory.find(&key)?.info())).await?
    }

    async fn read(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
        range: Option<Range<u64>>,
    ) -> Result<ObjectReader, StorageError> {
        without_version(version)?;
        let key = key.clone();
        self.0.blocking(move |directory| directory.open_reader(&key, range)).await?
    }

    async fn list(&self, request: &ListRequest) -> Result<ListPage, StorageError> {
        let request = request.clone();
        self.0.blocking(move |directory| directory.list(&request)).await?
    }

    async fn versions(
        &self,
        _key: &ObjectKey,
    ) -> Result<Observed<Vec<ObjectVersion>>, StorageError> {
        Ok(Observed::Unobserved(Unobserved::UnsupportedBackend))
    }

    async fn lock(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
    ) -> Result<SeenLock, StorageError> {
        without_version(version)?;
        let key = key.clone();
        self.0.blocking(move |directory| directory.lock_of(&key)).await?
    }

    async fn set_retention(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
        retention: Retention,
    ) -> Result<(), StorageError> {
        without_version(version)?;
        let key = key.clone();
        self.0.blocking(move |directory| directory.set_retention(&key, retention)).await?
    }

    async fn set_legal_hold(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
        on: bool,
    ) -> Result<(), StorageError> {
        without_version(version)?;
        let key = key.clone();
        self.0.blocking(move |directory| directory.set_legal_hold(&key, on)).await?
    }

    async fn bucket_locks(&self) -> Result<BucketLocks, StorageError> {
        Ok(BucketLocks {
            takes_locks: Observed::Observed(true),
            default_retention: Observed::Observed(None),
        })
    }

    async fn status(&self) -> StoreStatus {
        // What is looked at here takes no longer than a few calls.
        self.0.status()
    }

    async fn delete(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
    ) -> Result<(), StorageError> {
        if version.is_some() {
            return Ok(());
        }
        let key = key.clone();
        self.0.blocking(move |directory| directory.delete(&key)).await?
    }
}
