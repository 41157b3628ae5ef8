//! A store of which one call fails: before it is done, or after, so that only its answer is lost.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use strongroom_core::observed::Observed;
use strongroom_core::receipt::EnforcedBy;
use strongroom_storage::status::StoreStatus;
use strongroom_storage::{
    Body, BucketLocks, CreateOptions, Created, ListPage, ObjectInfo, ObjectReader, ObjectVersion,
    SeenLock, VersionId,
};

use super::*;

/// When a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Before,
    AnswerLost,
}

/// Passes everything on, but for one call.
#[derive(Debug)]
pub(crate) struct Failing {
    inner: Arc<dyn Storage>,
    /// Which call fails, counted from 1.
    at: usize,
    when: When,
    calls: AtomicUsize,
}

impl Failing {
    pub(crate) fn new(inner: &Arc<dyn Storage>, at: usize, when: When) -> Self {
        Self { inner: Arc::clone(inner), at, when, calls: AtomicUsize::new(0) }
    }

    /// Whether so many calls came that one failed.
    pub(crate) fn failed(&self) -> bool {
        self.calls.load(Ordering::SeqCst) >= self.at
    }

    async fn pass<T>(
        &self,
        call: impl Future<Output = Result<T, StorageError>>,
    ) -> Result<T, StorageError> {
        let fails = self.calls.fetch_add(1, Ordering::SeqCst) + 1 == self.at;
        if fails && self.when == When::Before {
            return Err(lost());
        }
        let answer = call.await?;
        if fails { Err(lost()) } else { Ok(answer) }
    }
}

fn lost() -> StorageError {
    StorageError::new(StorageErrorKind::Unreachable, "the connection was lost")
}

#[async_trait]
impl Storage for Failing {
    fn url(&self) -> &str {
        self.inner.url()
    }

    fn endpoint(&self) -> Option<&str> {
        self.inner.endpoint()
    }

    fn whole_key(&self, key: &ObjectKey) -> String {
        self.inner.whole_key(key)
    }

    fn locks_enforced_by(&self) -> EnforcedBy {
        self.inner.locks_enforced_by()
    }

    async fn now(&self) -> Result<Timestamp, StorageError> {
        self.pass(self.inner.now()).await
    }

    async fn create(
        &self,
        key: &ObjectKey,
        body: Body,
        options: &CreateOptions,
    ) -> Result<Created, StorageError> {
        self.pass(self.inner.create(key, body, options)).await
    }

    async fn probe_create_only(
        &self,
        key: &ObjectKey,
        body: &Bytes,
    ) -> Result<Observed<bool>, StorageError> {
        self.pass(self.inner.probe_create_only(key, body)).await
    }

    async fn head(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
    ) -> Result<ObjectInfo, StorageError> {
        self.pass(self.inner.head(key, version)).await
    }

    async fn read(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
        range: Option<Range<u64>>,
    ) -> Result<ObjectReader, StorageError> {
        self.pass(self.inner.read(key, version, range)).await
    }

    async fn list(&self, request: &ListRequest) -> Result<ListPage, StorageError> {
        self.pass(self.inner.list(request)).await
    }

    async fn versions(
        &self,
        key: &ObjectKey,
    ) -> Result<Observed<Vec<ObjectVersion>>, StorageError> {
        self.pass(self.inner.versions(key)).await
    }

    async fn lock(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
    ) -> Result<SeenLock, StorageError> {
        self.pass(self.inner.lock(key, version)).await
    }

    async fn set_retention(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
        retention: Retention,
    ) -> Result<(), StorageError> {
        self.pass(self.inner.set_retention(key, version, retention)).await
    }

    async fn set_legal_hold(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
        on: bool,
    ) -> Result<(), StorageError> {
        self.pass(self.inner.set_legal_hold(key, version, on)).await
    }

    async fn bucket_locks(&self) -> Result<BucketLocks, StorageError> {
        self.pass(self.inner.bucket_locks()).await
    }

    async fn status(&self) -> StoreStatus {
        self.inner.status().await
    }

    async fn delete(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
    ) -> Result<(), StorageError> {
        self.pass(self.inner.delete(key, version)).await
    }
}
