//! Asks the store for every archived object of a package, the registry's own documents among them, and reads back what
//! came of it.

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use strongroom_core::package::LocationStatus;
use strongroom_core::package::retrieval::RestoreEvent;
use strongroom_storage::{ObjectInfo, RestoreAsk, Retrieval, Storage};

use super::Attempt;
use super::objects::{FIRST, Object, PAGE_ROWS, documents};
use crate::db::{LocationRow, PackageRow};
use crate::error::ServiceError;
use crate::service::nearness::can_be_read;

/// What the job is told when it is queued.
#[derive(Debug, Deserialize)]
struct Payload {
    days: u32,
}

/// What is asked, and of which store.
struct Asking<'a> {
    attempt: &'a Attempt,
    package: &'a PackageRow,
    store: &'a dyn Storage,
    days: u32,
}

/// What a job saw of the objects.
#[derive(Debug, Default)]
struct Seen {
    available: u64,
    awaited: u64,
}

impl Seen {
    /// Takes what was seen of some objects: whether each can be read now.
    async fn of(
        &mut self,
        asked: Vec<BoxFuture<'_, Result<bool, ServiceError>>>,
        at_once: usize,
    ) -> Result<(), ServiceError> {
        let mut asked = stream::iter(asked).buffer_unordered(at_once);
        while let Some(can_be_read) = asked.next().await {
            match can_be_read? {
                true => self.available += 1,
                false => self.awaited += 1,
            }
        }
        Ok(())
    }
}

/// Runs the job.
pub(super) async fn perform(attempt: &Attempt) -> Result<Value, ServiceError> {
    let Payload { days } =
        serde_json::from_value(attempt.job().payload.clone()).map_err(ServiceError::internal)?;
    let registry = attempt.registry();
    let package = {
        let mut session = registry.db().read().await?;
        session.of(attempt.tenant()).package(attempt.package_id()?).await?
    };
    let package = package.ok_or_else(ServiceError::not_found)?;
    let store = &*registry.backends().get(&package.backend_id)?.store;
    let asking = Asking { attempt, package: &package, store, days };
    let mut seen = Seen::default();
    asking.for_files(&mut seen).await?;
    asking.for_documents(&mut seen).await?;
    Ok(json!({ "available": seen.available, "awaited": seen.awaited }))
}

impl Asking<'_> {
    fn at_once(&self) -> usize {
        self.attempt.registry().settings().jobs.objects_at_once.max(1)
    }

    async fn for_files(&self, seen: &mut Seen) -> Result<(), ServiceError> {
        let (db, tenant) = (self.attempt.registry().db(), self.attempt.tenant());
        let mut after = FIRST;
        loop {
            let page = {
                let mut session = db.read().await?;
                session.of(tenant).locations_of_package(self.package.id, after, PAGE_ROWS).await?
            };
            let Some(last) = page.last() else { return Ok(()) };
            after = last.id;
            let active = page.into_iter().filter(|one| one.status == LocationStatus::Active);
            // Boxed one by one: a future over a closure cannot be seen to be `Send` by who spawns it.
            let asked = active.map(|location| self.for_file(location).boxed()).collect();
            seen.of(asked, self.at_once()).await?;
        }
    }

    /// They have no rows: whoever reads one asks the store.
    async fn for_documents(&self, seen: &mut Seen) -> Result<(), ServiceError> {
        let mut page = None;
        loop {
            let listed = documents(self.store, self.package, page).await?;
            let asked = listed.objects.iter().map(|object| self.for_document(object).boxed());
            seen.of(asked.collect(), self.at_once()).await?;
            page = listed.next;
            if page.is_none() {
                return Ok(());
            }
        }
    }

    async fn for_file(&self, mut location: LocationRow) -> Result<bool, ServiceError> {
        let (registry, tenant) = (self.attempt.registry(), self.attempt.tenant());
        let object = Object::of(self.package, &location)?;
        let info = self.store.head(&object.key, object.version.as_ref()).await?;
        location.saw(&info, registry.clock().now()).map_err(ServiceError::internal)?;
        if is_to_be_asked_for(&info) {
            if let Err(error) = self.ask(&object, &info).await {
                registry.note_nearness(tenant, location).await?;
                return Err(error);
            }
            let requested = location.restore_status.after(RestoreEvent::Requested);
            location.restore_status = requested.map_err(ServiceError::internal)?;
            location.restore_requested_at = Some(registry.clock().now());
            let info = self.store.head(&object.key, object.version.as_ref()).await?;
            location.saw(&info, registry.clock().now()).map_err(ServiceError::internal)?;
        }
        registry.note_nearness(tenant, location.clone()).await?;
        self.attempt.step();
        Ok(location.restore_status.is_readable())
    }

    async fn for_document(&self, object: &Object) -> Result<bool, ServiceError> {
        let mut info = self.store.head(&object.key, object.version.as_ref()).await?;
        if is_to_be_asked_for(&info) {
            self.ask(object, &info).await?;
            info = self.store.head(&object.key, object.version.as_ref()).await?;
        }
        self.attempt.step();
        Ok(can_be_read(info.retrieval))
    }

    async fn ask(&self, object: &Object, info: &ObjectInfo) -> Result<(), ServiceError> {
        let ask = RestoreAsk { days: self.days, storage_class: info.storage_class.clone() };
        Ok(self.store.restore(&object.key, object.version.as_ref(), &ask).await?)
    }
}

/// What is archived; and a copy that is there, so that it stays for as long.
fn is_to_be_asked_for(info: &ObjectInfo) -> bool {
    matches!(info.retrieval, Retrieval::Archived | Retrieval::Restored { .. })
}
