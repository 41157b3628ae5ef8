//! S3, and what speaks like it. A thin client of our own (`docs/adr/0001-own-s3-client.md`): one
//! signer, one retry policy, one reader of errors, and nothing between us and the headers.
//!
//! | module | what |
//! |---|---|
//! | `connect` `address` `credentials` | from settings to a signed request |
//! | `request` `error` | one exchange: signed, sent, understood (`crate::exchange` has the rest) |
//! | `raw` | one exchange that need not succeed, for the analysis |
//! | `create` `put` `multipart` `probe` | the writes, and what is observed on the way |
//! | `object` `read` `list` | the reads |
//! | `link` | links that others read a version by |
//! | `lock` | retention, legal holds, bucket defaults |
//! | `status` | what the store says of itself |

mod address;
mod connect;
mod create;
mod credentials;
mod error;
mod link;
mod list;
mod lock;
mod multipart;
mod object;
mod observations;
mod probe;
mod put;
pub(crate) mod raw;
mod read;
pub(crate) mod request;
mod restore;
mod settings;
mod status;
pub(crate) mod sweep;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::Method;
use jiff::Timestamp;
use strongroom_core::observed::Observed;
use strongroom_core::receipt::EnforcedBy;
use strongroom_core::retention::Retention;

use self::observations::Observations;
use self::request::{Client, Request};
use crate::link::{Link, LinkAsk};
use crate::open::ServerSideEncryption;
use crate::status::{BucketSettings, StoreStatus};
use crate::{
    AskedOfWrites, Body, BucketLocks, CreateOptions, Created, ListPage, ListRequest, ObjectInfo,
    ObjectKey, ObjectReader, ObjectVersion, RestoreAsk, SeenLock, Storage, StorageError,
    StorageErrorKind, VersionId,
};

/// A bucket, and a prefix in it.
#[derive(Clone)]
pub struct S3Storage {
    client: Arc<Client>,
    /// What each write asks for.
    encryption: Option<ServerSideEncryption>,
    storage_class: Option<String>,
    /// What the store was seen to do, since it was connected.
    observations: Arc<Observations>,
}

impl fmt::Debug for S3Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Storage").field("url", &self.url()).finish_non_exhaustive()
    }
}

#[async_trait]
impl Storage for S3Storage {
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

    fn asked_of_writes(&self) -> AskedOfWrites {
        let (encryption, kms_key_id) = match &self.encryption {
            None => (None, None),
            Some(ServerSideEncryption::Aes256) => (Some("AES256".to_owned()), None),
            Some(ServerSideEncryption::Kms { key_id }) => {
                (Some("aws:kms".to_owned()), key_id.clone())
            }
        };
        AskedOfWrites { storage_class: self.storage_class.clone(), encryption, kms_key_id }
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
        probe::create_only(self, key, body).await
    }

    async fn head(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
    ) -> Result<ObjectInfo, StorageError> {
        object::head(self, key, version).await
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

    async fn list_with_deleted(
        &self,
        request: &ListRequest,
    ) -> Result<Observed<ListPage>, StorageError> {
        list::list_with_deleted(self, request).await
    }

    async fn versions(
        &self,
        key: &ObjectKey,
    ) -> Result<Observed<Vec<ObjectVersion>>, StorageError> {
        list::versions(self, key).await
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
        let seen = lock::bucket_lock(self).await?;
        Ok(BucketLocks {
            takes_locks: seen.clone().map(|lock| lock.is_enabled),
            default_retention: seen.map(|lock| lock.default),
        })
    }

    async fn bucket_settings(&self) -> BucketSettings {
        Box::pin(settings::settings(self)).await
    }

    async fn status(&self) -> StoreStatus {
        Box::pin(status::status(self)).await
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
        let request =
            Request::object(Method::DELETE, &self.whole_key(key)).query_if("versionId", version);
        match self.client.send(&request).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.kind() == StorageErrorKind::NotFound => Ok(()),
            Err(failure) => Err(failure.into()),
        }
    }
}
