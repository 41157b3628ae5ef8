//! A store of which each call is a step: it can fail, lose its answer, or never come back.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream;
use jiff::Timestamp;
use strongroom_core::observed::Observed;
use strongroom_core::receipt::EnforcedBy;
use strongroom_core::retention::Retention;
use strongroom_storage::status::{BucketSettings, StoreStatus};
use strongroom_storage::{
    AskedOfWrites, Body, BucketLocks, CreateOptions, Created, Link, LinkAsk, ListPage, ListRequest,
    ObjectInfo, ObjectKey, ObjectReader, ObjectVersion, RestoreAsk, SeenLock, Storage,
    StorageError, StorageErrorKind, VersionId,
};

use crate::steps::{Step, Steps, What};

/// Characters of a UUID as it stands in keys.
const UUID_LENGTH: usize = 36;

/// Passes everything on, each call as a step.
#[derive(Debug)]
pub struct SteppedStore {
    inner: Arc<dyn Storage>,
    steps: Arc<Steps>,
}

impl SteppedStore {
    /// A store whose steps nobody else counts.
    pub fn new(inner: Arc<dyn Storage>) -> Arc<Self> {
        Self::counted_by(inner, Steps::new())
    }

    /// A store whose steps are counted with others.
    pub fn counted_by(inner: Arc<dyn Storage>, steps: Arc<Steps>) -> Arc<Self> {
        Arc::new(Self { inner, steps })
    }

    /// What counts its steps.
    pub fn steps(&self) -> &Steps {
        &self.steps
    }

    async fn ask<T>(
        &self,
        name: String,
        call: impl Future<Output = Result<T, StorageError>>,
    ) -> Result<T, StorageError> {
        self.steps.take(Step::asks(name), call, lost).await
    }

    async fn change<T>(
        &self,
        verb: &str,
        key: &ObjectKey,
        call: impl Future<Output = Result<T, StorageError>>,
    ) -> Result<T, StorageError> {
        self.steps.take(Step::changes(named(verb, key.as_str())), call, lost).await
    }
}

fn lost() -> StorageError {
    StorageError::new(StorageErrorKind::Unreachable, "the connection was lost")
}

/// What is done with a key, without what is another one each time.
fn named(verb: &str, key: &str) -> String {
    let parts = key.split('/').map(|part| match part.split_once('.') {
        Some((id, end)) if id.len() == UUID_LENGTH => format!("{{id}}.{end}"),
        None if part.len() == UUID_LENGTH => "{id}".to_owned(),
        _ => part.to_owned(),
    });
    format!("store: {verb} {}", parts.collect::<Vec<_>>().join("/"))
}

/// The first piece of a body; then `stop` runs, which does not end.
fn cut(body: Body, steps: Arc<Steps>) -> Body {
    let Body { stream, size_bytes_max, digest } = body;
    let rest = stream::once(async move { steps.stop().await });
    Body { stream: stream.take(1).chain(rest).boxed(), size_bytes_max, digest }
}

#[async_trait]
impl Storage for SteppedStore {
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

    fn asked_of_writes(&self) -> AskedOfWrites {
        self.inner.asked_of_writes()
    }

    async fn now(&self) -> Result<Timestamp, StorageError> {
        self.ask("store: its clock".to_owned(), self.inner.now()).await
    }

    async fn create(
        &self,
        key: &ObjectKey,
        body: Body,
        options: &CreateOptions,
    ) -> Result<Created, StorageError> {
        match self.steps.begin(Step::changes(named("create", key.as_str()))) {
            None => self.inner.create(key, body, options).await,
            Some(What::StopsInside) => {
                let body = cut(body, Arc::clone(&self.steps));
                self.inner.create(key, body, options).await
            }
            Some(what) => {
                self.steps.go_wrong(what, self.inner.create(key, body, options), lost).await
            }
        }
    }

    async fn probe_create_only(
        &self,
        key: &ObjectKey,
        body: &Bytes,
    ) -> Result<Observed<bool>, StorageError> {
        self.change("probe create of", key, self.inner.probe_create_only(key, body)).await
    }

    async fn head(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
    ) -> Result<ObjectInfo, StorageError> {
        self.ask(named("head", key.as_str()), self.inner.head(key, version)).await
    }

    async fn read(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
        range: Option<Range<u64>>,
    ) -> Result<ObjectReader, StorageError> {
        self.ask(named("read", key.as_str()), self.inner.read(key, version, range)).await
    }

    async fn list(&self, request: &ListRequest) -> Result<ListPage, StorageError> {
        self.ask(named("list", &request.prefix), self.inner.list(request)).await
    }

    async fn list_with_deleted(
        &self,
        request: &ListRequest,
    ) -> Result<Observed<ListPage>, StorageError> {
        let name = named("list with deleted", &request.prefix);
        self.ask(name, self.inner.list_with_deleted(request)).await
    }

    async fn versions(
        &self,
        key: &ObjectKey,
    ) -> Result<Observed<Vec<ObjectVersion>>, StorageError> {
        self.ask(named("versions of", key.as_str()), self.inner.versions(key)).await
    }

    async fn lock(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
    ) -> Result<SeenLock, StorageError> {
        self.ask(named("lock of", key.as_str()), self.inner.lock(key, version)).await
    }

    async fn set_retention(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
        retention: Retention,
    ) -> Result<(), StorageError> {
        let call = self.inner.set_retention(key, version, retention);
        self.change("set retention of", key, call).await
    }

    async fn set_legal_hold(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
        on: bool,
    ) -> Result<(), StorageError> {
        let verb = if on { "set legal hold of" } else { "clear legal hold of" };
        self.change(verb, key, self.inner.set_legal_hold(key, version, on)).await
    }

    async fn restore(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
        ask: &RestoreAsk,
    ) -> Result<(), StorageError> {
        self.change("restore of", key, self.inner.restore(key, version, ask)).await
    }

    async fn link(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
        ask: &LinkAsk,
    ) -> Result<Link, StorageError> {
        let name = named("link to", key.as_str());
        self.ask(name, self.inner.link(key, version, ask)).await
    }

    async fn bucket_locks(&self) -> Result<BucketLocks, StorageError> {
        self.ask("store: what it does about locks".to_owned(), self.inner.bucket_locks()).await
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
        self.change("delete", key, self.inner.delete(key, version)).await
    }
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn a_step_is_named_by_what_its_key_is_not_by_its_ids() {
        let id = "0199a1b2-0000-7000-8000-000000000000";
        let file = named("create", &format!("packages/{id}/files/{id}"));
        assert_eq!(file, "store: create packages/{id}/files/{id}");
        let record = named("read", &format!("packages/{id}/records/{id}.json"));
        assert_eq!(record, "store: read packages/{id}/records/{id}.json");
        assert_eq!(named("list", "packages/"), "store: list packages/");
    }
}
