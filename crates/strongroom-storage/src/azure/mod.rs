//! Azure Blob Storage: the data path. Blobs are created, read, listed and deleted here; immutability
//! policies and legal holds are neither set nor read, and nothing is claimed of them.
//!
//! Requests are our own, like those of `s3` and for the same reasons
//! (`docs/adr/0005-azure-own-requests.md`); `object_store` gives the credentials and signs.
//!
//! | module | what |
//! |---|---|
//! | `connect` `address` | from settings to a signed request |
//! | `request` `error` | one exchange: signed, sent, understood (`crate::exchange` has the rest) |
//! | `create` `blocks` | the writes, and what is observed on the way |
//! | `blob` `read` `list` | the reads |
//! | `status` | what the store says of itself |

mod address;
mod blob;
mod blocks;
mod connect;
mod create;
mod error;
mod list;
mod read;
mod request;
mod status;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use async_trait::async_trait;
use bytes::Bytes;
use http::Method;
use jiff::Timestamp;
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::receipt::EnforcedBy;
use strongroom_core::retention::Retention;

use self::request::{Client, Request};
use crate::status::StoreStatus;
use crate::{
    Body, BucketLocks, CreateOptions, Created, ListPage, ListRequest, ObjectInfo, ObjectKey,
    ObjectReader, ObjectVersion, SeenLock, Storage, StorageError, StorageErrorKind, VersionId,
};

/// A container, and a prefix in it.
#[derive(Clone)]
pub struct AzureStorage {
    client: Arc<Client>,
    /// The encryption scope that each write asks for.
    encryption_scope: Option<String>,
    /// The access tier that each write asks for.
    access_tier: Option<String>,
    observations: Arc<Observations>,
}

/// What the store was seen to do, since it was connected.
#[derive(Debug, Default)]
struct Observations {
    /// It refused to put a blob in the place of another.
    put_refused: AtomicBool,
    /// It refused to commit a list of blocks in the place of another blob.
    commit_refused: AtomicBool,
}

impl fmt::Debug for AzureStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AzureStorage").field("url", &self.url()).finish_non_exhaustive()
    }
}

/// What it means that a lock is asked for.
fn no_locks() -> StorageError {
    StorageError::new(
        StorageErrorKind::Unsupported,
        "locks are not set on Azure: only blobs are read and written there",
    )
    .with_guidance(
        "set an immutability policy on the container yourself, and store without a lock; nothing \
         is claimed of it",
    )
}

#[async_trait]
impl Storage for AzureStorage {
    fn url(&self) -> &str {
        &self.client.address.url
    }

    fn endpoint(&self) -> Option<&str> {
        Some(&self.client.address.endpoint)
    }

    fn whole_key(&self, key: &ObjectKey) -> String {
        self.client.address.whole_key(key)
    }

    fn locks_enforced_by(&self) -> EnforcedBy {
        EnforcedBy::None
    }

    async fn now(&self) -> Result<Timestamp, StorageError> {
        status::now(self).await
    }

    async fn create(
        &self,
        key: &ObjectKey,
        body: Body,
        options: &CreateOptions,
    ) -> Result<Created, StorageError> {
        create::create(self, key, body, options).await
    }

    async fn probe_create_only(
        &self,
        key: &ObjectKey,
        body: &Bytes,
    ) -> Result<Observed<bool>, StorageError> {
        create::probe(self, key, body).await
    }

    async fn head(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
    ) -> Result<ObjectInfo, StorageError> {
        blob::head(self, key, version).await
    }

    async fn read(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
        range: Option<Range<u64>>,
    ) -> Result<ObjectReader, StorageError> {
        read::read(self, key, version, range).await
    }

    async fn list(&self, request: &ListRequest) -> Result<ListPage, StorageError> {
        list::list(self, request).await
    }

    async fn versions(
        &self,
        _key: &ObjectKey,
    ) -> Result<Observed<Vec<ObjectVersion>>, StorageError> {
        Ok(Observed::Unobserved(Unobserved::UnsupportedBackend))
    }

    async fn lock(
        &self,
        _key: &ObjectKey,
        _version: Option<&VersionId>,
    ) -> Result<SeenLock, StorageError> {
        Ok(SeenLock::unobserved(Unobserved::UnsupportedBackend))
    }

    async fn set_retention(
        &self,
        _key: &ObjectKey,
        _version: Option<&VersionId>,
        _retention: Retention,
    ) -> Result<(), StorageError> {
        Err(no_locks())
    }

    async fn set_legal_hold(
        &self,
        _key: &ObjectKey,
        _version: Option<&VersionId>,
        _on: bool,
    ) -> Result<(), StorageError> {
        Err(no_locks())
    }

    async fn bucket_locks(&self) -> Result<BucketLocks, StorageError> {
        Ok(BucketLocks {
            takes_locks: Observed::Unobserved(Unobserved::UnsupportedBackend),
            default_retention: status::default_retention(self).await?,
        })
    }

    async fn status(&self) -> StoreStatus {
        status::status(self).await
    }

    async fn delete(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
    ) -> Result<(), StorageError> {
        let request = Request::blob(Method::DELETE, &self.whole_key(key))
            .query_if("versionid", version.map(|version| &version.0));
        match self.client.send(&request).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.kind() == StorageErrorKind::NotFound => Ok(()),
            Err(failure) => Err(failure.into()),
        }
    }
}
