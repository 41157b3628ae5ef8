//! Bytes come: each part is an object of its own, and durable before the offset moves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use strongroom_core::package::PackageStatus;
use strongroom_storage::keep::{self, Kept, Left, WriteAsk};
use tokio::sync::SemaphorePermit;
use tokio::time::timeout;
use uuid::Uuid;

use super::super::Registry;
use super::super::file_body::{FileBody, unless_idle};
use super::super::records::object_key;
use super::incoming::{Ended, Incoming, SharedIncoming, part};
use super::{PART_BYTES_MAX, PART_ID, PARTS_MAX, Upload, gone, other_offset, part_key};
use crate::auth::{Action, Principal};
use crate::backends::Backend;
use crate::db::{
    DbError, DbErrorKind, JobRow, PackageRow, PartRow, PartState, TenantId, Tx, UploadRow,
    UploadState,
};
use crate::error::{ErrorKind, ServiceError};
use crate::jobs::JobKind;

/// For how long one part takes bytes: what came by then is durable, however slow its sender is.
const PART_TIME_MAX: Duration = Duration::from_secs(60);
/// How long a store may take for one part. A row that says `receiving` for much longer is one that nobody writes any
/// more.
pub(super) const PART_WRITE_TIME_MAX: Duration = Duration::from_secs(60 * 60);

/// The bytes of one request on their way.
struct Receiving<'a> {
    registry: &'a Registry,
    who: &'a Principal,
    backend: &'a Backend,
    package: PackageRow,
    upload: UploadRow,
}

/// Everything that makes a part count.
struct Counting {
    tenant: TenantId,
    from: u64,
    part: PartRow,
    expires_at: jiff::Timestamp,
    clean_up: JobRow,
}

/// What became of a part.
enum Counted {
    /// It counts.
    Yes,
    /// Another request was first.
    Overtaken,
    /// The upload takes no more.
    Gone,
}

impl Registry {
    /// Takes bytes of an upload, from its offset on. What came counts also where the body broke off, or its sender is
    /// gone meanwhile. With the last byte the upload becomes a file.
    pub async fn receive_upload(
        self: &Arc<Self>,
        who: Principal,
        id: Uuid,
        offset_bytes: u64,
        declared_bytes: Option<u64>,
        body: FileBody,
    ) -> Result<Upload, ServiceError> {
        let registry = Arc::clone(self);
        // Apart: a server drops what it does for a client that is gone.
        let receiving = tokio::spawn(async move {
            registry.receive(&who, id, offset_bytes, declared_bytes, body).await
        });
        receiving.await.map_err(ServiceError::internal)?
    }

    async fn receive(
        self: &Arc<Self>,
        who: &Principal,
        id: Uuid,
        offset_bytes: u64,
        declared_bytes: Option<u64>,
        body: FileBody,
    ) -> Result<Upload, ServiceError> {
        let (upload, package) = self.upload_for(who, Action::UploadFile, id).await?;
        if offset_bytes != upload.offset_bytes {
            return Err(other_offset(&upload));
        }
        let left_bytes = upload.size_bytes - upload.offset_bytes;
        if declared_bytes.is_some_and(|declared| declared > left_bytes) {
            return Err(too_long(left_bytes));
        }
        let slot = self.upload_slot()?;
        let body = unless_idle(body, self.settings().limits.idle_body.unsigned_abs());
        let incoming = Incoming::new(body, left_bytes);
        let backend = self.backends().get(&package.backend_id)?;
        let mut receiving = Receiving { registry: self, who, backend, package, upload };
        while incoming.lock().await.has_more().await {
            // Boxed: what is written into a store is a large future.
            Box::pin(receiving.part(&incoming)).await?;
        }
        match incoming.lock().await.ended() {
            Ended::Well => {}
            Ended::BrokenOff(error) => {
                return Err(ServiceError::new(
                    ErrorKind::BodyMismatch,
                    "the body broke off; what came of it counts",
                )
                .with_source(error));
            }
            Ended::TooLong => return Err(too_long(left_bytes)),
        }
        let upload = receiving.upload;
        match upload.is_complete() {
            true => Box::pin(self.put_together(who, id, Some(slot))).await,
            false => Ok(upload.into()),
        }
    }

    /// One of the slots for uploads.
    pub(super) fn upload_slot(&self) -> Result<SemaphorePermit<'_>, ServiceError> {
        self.uploads().try_acquire().map_err(|_| {
            ServiceError::new(ErrorKind::Busy, "as many uploads as there may be are under way")
        })
    }
}

impl Receiving<'_> {
    /// Takes the next part: its row, its bytes, and only then the offset.
    async fn part(&mut self, incoming: &SharedIncoming) -> Result<(), ServiceError> {
        if self.upload.parts_count >= PARTS_MAX {
            return Err(ServiceError::new(
                ErrorKind::TooLarge,
                format!("an upload has at most {PARTS_MAX} parts"),
            )
            .with_guidance("begin it anew, and send more bytes with each request"));
        }
        let registry = self.registry;
        let id = registry.clock().new_id();
        let mut row = PartRow {
            id,
            package_id: self.package.id,
            upload_id: self.upload.id,
            offset_bytes: self.upload.offset_bytes,
            size_bytes: None,
            sha256: None,
            status: PartState::Receiving,
            object_key: part_key(&self.package, self.upload.id, id),
            version_id: None,
            created_at: registry.clock().now(),
        };
        let input = (self.who.tenant.clone(), row.clone());
        let inserted = registry
            .db()
            .write_rows(input, |tx, (tenant, row)| {
                Box::pin(async move { insert(tx, tenant, row).await })
            })
            .await;
        if !inserted? {
            return Err(gone());
        }
        let kept = match self.write(&row, incoming).await {
            Ok(kept) => kept,
            Err((left, error)) => {
                if let Left::Object(version) = left {
                    row.version_id = version.map(|version| version.0);
                }
                self.give_up(row).await;
                return Err(error);
            }
        };
        row.size_bytes = Some(kept.size_bytes);
        row.sha256 = Some(kept.sha256);
        row.version_id = kept.version.map(|version| version.0);
        self.count(row).await
    }

    async fn write(
        &self,
        row: &PartRow,
        incoming: &SharedIncoming,
    ) -> Result<Kept, (Left, ServiceError)> {
        let key = object_key("", &row.object_key).map_err(|error| (Left::Nothing, error))?;
        let body = part(Arc::clone(incoming), PART_BYTES_MAX, PART_TIME_MAX);
        let ask = WriteAsk {
            metadata: BTreeMap::from([(PART_ID.to_owned(), row.id.to_string())]),
            ..WriteAsk::new(PART_BYTES_MAX)
        };
        let writing = keep::write(&*self.backend.store, &key, body, ask);
        match timeout(PART_WRITE_TIME_MAX, writing).await {
            Ok(Ok(kept)) => Ok(kept),
            Ok(Err(error)) => Err((error.left().clone(), error.into())),
            Err(_) => Err((
                Left::Unknown,
                ServiceError::new(
                    ErrorKind::StoreUnavailable,
                    "the store takes too long for a part of the upload",
                ),
            )),
        }
    }

    /// Moves the offset by a part that is durable; or finds that another request did.
    async fn count(&mut self, row: PartRow) -> Result<(), ServiceError> {
        let registry = self.registry;
        let size_bytes = row.size_bytes.unwrap_or_default();
        let counting = Counting {
            tenant: self.who.tenant.clone(),
            from: self.upload.offset_bytes,
            part: row,
            expires_at: registry.end_of_life(registry.clock().now()),
            clean_up: registry.new_job(JobKind::CleanUp, self.package.id, json!({})),
        };
        let expires_at = counting.expires_at;
        let counted = registry.db().write_rows(counting, |tx, c| Box::pin(count(tx, c))).await;
        match counted? {
            Counted::Yes => {
                self.upload.offset_bytes += size_bytes;
                self.upload.parts_count += 1;
                self.upload.expires_at = expires_at;
                Ok(())
            }
            Counted::Overtaken => {
                registry.ring_for_jobs();
                Err(ServiceError::new(
                    ErrorKind::Conflict,
                    "another request was first to send these bytes",
                )
                .with_guidance("ask by HEAD where the upload is"))
            }
            Counted::Gone => {
                registry.ring_for_jobs();
                Err(gone())
            }
        }
    }

    /// Says of a part that nothing will come of it. Where this fails, its row waits until it is too old to be going on.
    async fn give_up(&self, row: PartRow) {
        let registry = self.registry;
        let clean_up = registry.new_job(JobKind::CleanUp, self.package.id, json!({}));
        let input = (self.who.tenant.clone(), row, clean_up);
        let given_up = registry
            .db()
            .write_rows(input, |tx, (tenant, row, clean_up)| {
                Box::pin(async move { give_up(tx, tenant, row, clean_up).await })
            })
            .await;
        match given_up {
            Ok(()) => registry.ring_for_jobs(),
            Err(error) => tracing::warn!(%error, "a part that was given up is still `receiving`"),
        }
    }
}

/// Adds a part's row, if its upload still takes bytes: nobody ends or forgets an upload but under its package's lock.
async fn insert(tx: &mut Tx, tenant: &TenantId, row: &PartRow) -> Result<bool, DbError> {
    let mut rows = tx.of(tenant);
    rows.have_package(row.package_id).await?;
    let upload = rows.upload(row.upload_id).await?;
    if upload.is_none_or(|upload| upload.status != UploadState::Receiving) {
        return Ok(false);
    }
    rows.insert_part(row).await?;
    Ok(true)
}

/// Under its package's lock: a clean-up that is about to end sees it, or is queued anew.
pub(super) async fn give_up(
    tx: &mut Tx,
    tenant: &TenantId,
    row: &PartRow,
    clean_up: &JobRow,
) -> Result<(), DbError> {
    let mut rows = tx.of(tenant);
    rows.have_package(row.package_id).await?;
    if rows.give_up_part(row).await? {
        rows.enqueue_job(clean_up).await?;
    }
    Ok(())
}

async fn count(tx: &mut Tx, c: &Counting) -> Result<Counted, DbError> {
    let Counting { tenant, from, part, expires_at, clean_up } = c;
    let mut rows = tx.of(tenant);
    rows.have_package(part.package_id).await?;
    let status = rows.package_status(part.package_id).await?;
    let upload = rows.upload(part.upload_id).await?;
    let is_open = status == Some(PackageStatus::Open)
        && upload.as_ref().is_some_and(|upload| upload.status == UploadState::Receiving);
    let is_next = upload.is_some_and(|upload| upload.offset_bytes == *from);
    let to = from + part.size_bytes.unwrap_or_default();
    if is_open && is_next && rows.keep_part(part).await? {
        return match rows.advance_upload(part.upload_id, *from, to, *expires_at).await? {
            true => Ok(Counted::Yes),
            // Whatever moves an upload has its package locked.
            false => {
                Err(DbError::new(DbErrorKind::Stale, "an upload moved beside its package's lock"))
            }
        };
    }
    if rows.give_up_part(part).await? {
        rows.enqueue_job(clean_up).await?;
    }
    Ok(if is_open { Counted::Overtaken } else { Counted::Gone })
}

fn too_long(left_bytes: u64) -> ServiceError {
    ServiceError::new(
        ErrorKind::BodyMismatch,
        format!("the body is longer than the {left_bytes} bytes that the upload still takes"),
    )
}
