//! Azure Blob Storage: blobs with their immutability policies and legal holds. None of it was run
//! against Azure itself: Azurite shows the data path, and a server in the testkit, made after the REST
//! reference, the locks.
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
//! | `versions` `delete` | what was there before, and taking away |
//! | `link` | links that others read a version by |
//! | `lock` | policies and holds of one blob |
//! | `container` `status` | what the store says of itself |

mod address;
mod blob;
mod blocks;
mod connect;
mod container;
mod create;
mod delete;
mod error;
mod link;
mod list;
mod lock;
mod read;
mod request;
mod restore;
mod status;
mod versions;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use strongroom_core::observed::Observed;
use strongroom_core::receipt::EnforcedBy;
use strongroom_core::retention::Retention;

use self::request::Client;
use crate::link::{Link, LinkAsk};
use crate::status::{BucketSettings, StoreStatus};
use crate::{
    AskedOfWrites, Body, BucketLocks, CreateOptions, Created, ListPage, ListRequest, ObjectInfo,
    ObjectKey, ObjectReader, ObjectVersion, RestoreAsk, SeenLock, Storage, StorageError,
    StorageErrorKind, VersionId,
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
    /// The container has version-level immutability, which cannot be turned off again.
    takes_locks: AtomicBool,
}

impl fmt::Debug for AzureStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AzureStorage").field("url", &self.url()).finish_non_exhaustive()
    }
}

/// What it means that a lock is asked for where single blobs cannot have one.
fn no_locks() -> StorageError {
    StorageError::new(
        StorageErrorKind::Unsupported,
        "single blobs cannot be locked here: the container has no version-level immutability",
    )
    .with_guidance(
        "enable version-level immutability on the container, or store without a lock; Azurite and \
         accounts with a hierarchical namespace do not have it",
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
        EnforcedBy::Store
    }

    /// The service encrypts everything by itself: only a scope is asked for.
    fn asked_of_writes(&self) -> AskedOfWrites {
        AskedOfWrites {
            storage_class: self.access_tier.clone(),
            encryption: self.encryption_scope.as_ref().map(|_| "aws:kms".to_owned()),
            kms_key_id: self.encryption_scope.clone(),
        }
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
        key: &ObjectKey,
    ) -> Result<Observed<Vec<ObjectVersion>>, StorageError> {
        versions::versions(self, key).await
    }

    async fn lock(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
    ) -> Result<SeenLock, StorageError> {
        lock::lock(self, key, version).await
    }

    async fn set_retention(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
        retention: Retention,
    ) -> Result<(), StorageError> {
        lock::set_retention(self, key, version, retention).await
    }

    async fn set_legal_hold(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
        on: bool,
    ) -> Result<(), StorageError> {
        lock::set_legal_hold(self, key, version, on).await
    }

    async fn bucket_locks(&self) -> Result<BucketLocks, StorageError> {
        container::bucket_locks(self).await
    }

    async fn bucket_settings(&self) -> BucketSettings {
        status::settings(self).await
    }

    async fn status(&self) -> StoreStatus {
        status::status(self).await
    }

    async fn restore(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
        ask: &RestoreAsk,
    ) -> Result<(), StorageError> {
        restore::restore(self, key, version, ask).await
    }

    async fn link(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
        ask: &LinkAsk,
    ) -> Result<Link, StorageError> {
        link::link(self, key, version, ask).await
    }

    async fn delete(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
    ) -> Result<(), StorageError> {
        delete::delete(self, key, version).await
    }
}
