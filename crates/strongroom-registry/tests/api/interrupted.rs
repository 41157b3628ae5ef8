//! A store in whose n-th call something happens: it fails before it is done, or after, so that only its answer is lost;
//! or somebody does something meanwhile.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::BoxFuture;
use jiff::Timestamp;
use strongroom_core::observed::Observed;
use strongroom_core::receipt::EnforcedBy;
use strongroom_core::retention::Retention;
use strongroom_storage::status::{BucketSettings, StoreStatus};
use strongroom_storage::{
    Body, BucketLocks, CreateOptions, Created, ListPage, ListRequest, ObjectInfo, ObjectKey,
    ObjectReader, ObjectVersion, SeenLock, Storage, StorageError, StorageErrorKind, VersionId,
};

/// What happens.
#[derive(Clone)]
pub enum What {
    /// The call is not done, and fails.
    FailsBefore,
    /// The call is done, and its answer is lost.
    AnswerLost,
    /// Somebody does this first.
    Meanwhile(Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>),
}

/// Passes everything on, but for one call.
pub struct Interrupted {
    inner: Arc<dyn Storage>,
    /// Calls until it happens, and what.
    plan: Mutex<Option<(usize, What)>>,
}

impl std::fmt::Debug for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.fmt(f)
    }
}

impl Interrupted {
    pub fn new(inner: Arc<dyn Storage>) -> Arc<Self> {
        Arc::new(Self { inner, plan: Mutex::new(None) })
    }

    /// Has it happen in the n-th call from now, counted from 1; once.
    pub fn plan(&self, nth: usize, what: What) {
        *self.plan.lock().unwrap() = Some((nth, what));
    }

    /// Whether it happened. Nothing happens any more.
    pub fn happened(&self) -> bool {
        self.plan.lock().unwrap().take().is_none()
    }

    fn now_happens(&self) -> Option<What> {
        let mut plan = self.plan.lock().unwrap();
        let (left, what) = plan.take()?;
        if left == 1 {
            return Some(what);
        }
        *plan = Some((left - 1, what));
        None
    }

    async fn pass<T>(
        &self,
        call: impl Future<Output = Result<T, StorageError>>,
    ) -> Result<T, StorageError> {
        match self.now_happens() {
            None => call.await,
            Some(What::FailsBefore) => Err(lost()),
            Some(What::AnswerLost) => {
                call.await?;
                Err(lost())
            }
            Some(What::Meanwhile(what)) => {
                what().await;
                call.await
            }
        }
    }
}

fn lost() -> StorageError {
    StorageError::new(StorageErrorKind::Unreachable, "the connection was lost")
}

#[async_trait]
impl Storage for Interrupted {
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

    async fn bucket_settings(&self) -> BucketSettings {
        self.inner.bucket_settings().await
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
