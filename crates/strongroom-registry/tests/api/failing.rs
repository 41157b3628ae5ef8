//! A store of which one call fails, or never comes back: so each of a flow's calls can be its last.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use strongroom_core::observed::Observed;
use strongroom_core::receipt::EnforcedBy;
use strongroom_core::retention::Retention;
use strongroom_storage::status::StoreStatus;
use strongroom_storage::{
    Body, BucketLocks, CreateOptions, Created, ListPage, ListRequest, ObjectInfo, ObjectKey,
    ObjectReader, ObjectVersion, SeenLock, Storage, StorageError, StorageErrorKind, VersionId,
};
use tokio::sync::Notify;

/// What happens at the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// It fails, and nothing was done.
    FailsBefore,
    /// It is done, and its answer is lost.
    AnswerLost,
    /// Nothing was done, and nothing ever comes back.
    StopsBefore,
    /// It is done, and nothing ever comes back.
    StopsAfter,
}

impl What {
    pub const ALL: [Self; 4] =
        [Self::FailsBefore, Self::AnswerLost, Self::StopsBefore, Self::StopsAfter];
}

/// Passes everything on, but for one call once it is armed.
#[derive(Debug)]
pub struct Failing {
    inner: Arc<dyn Storage>,
    what: What,
    /// Which call it is, counted from the arming; none while it is zero.
    at: AtomicUsize,
    calls: AtomicUsize,
    stopped: Notify,
}

impl Failing {
    pub fn new(inner: Arc<dyn Storage>, what: What) -> Arc<Self> {
        let (at, calls, stopped) = (AtomicUsize::new(0), AtomicUsize::new(0), Notify::new());
        Arc::new(Self { inner, what, at, calls, stopped })
    }

    /// The `at`th call from now on.
    pub fn arm(&self, at: usize) {
        self.calls.store(0, Ordering::SeqCst);
        self.at.store(at, Ordering::SeqCst);
    }

    /// Goes wrong no more; tells whether it did.
    pub fn disarm(&self) -> bool {
        let at = self.at.swap(0, Ordering::SeqCst);
        self.calls.load(Ordering::SeqCst) >= at
    }

    /// Waits until a call came that never comes back.
    pub async fn stopped(&self) {
        self.stopped.notified().await;
    }

    async fn pass<T>(
        &self,
        call: impl Future<Output = Result<T, StorageError>>,
    ) -> Result<T, StorageError> {
        let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let is_it = number == self.at.load(Ordering::SeqCst);
        match self.what {
            What::FailsBefore if is_it => Err(lost()),
            What::StopsBefore if is_it => self.stop().await,
            What::AnswerLost if is_it => {
                call.await?;
                Err(lost())
            }
            What::StopsAfter if is_it => {
                call.await?;
                self.stop().await
            }
            _ => call.await,
        }
    }

    async fn stop<T>(&self) -> T {
        self.stopped.notify_one();
        std::future::pending().await
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
