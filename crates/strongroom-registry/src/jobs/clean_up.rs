//! Deletes what was never evidence: the objects of uploads that were given up, the parts of those that came in several
//! requests, and the bytes of abandoned packages.
//! Only what carries the id of its own file, or the version that its own row names, is ever touched.

use serde_json::{Value, json};
use strongroom_core::package::status::{FileEvent, LocationEvent};
use strongroom_core::package::{FileStatus, LocationStatus, PackageStatus};
use strongroom_storage::VersionId;
use strongroom_storage::keep::{self, Cleared, Deletion};
use uuid::Uuid;

use super::Attempt;
use super::clear_parts::clear_parts;
use crate::backends::Backend;
use crate::db::{AuditEventRow, DbError, FileRow, JobEnd, JobRow, LocationRow, TenantId, Tx};
use crate::error::{ErrorKind, ServiceError};
use crate::service::receive_file::ours;
use crate::service::records::object_key;

/// Files that are worked on between two writes.
const FILES_AT_ONCE: u32 = 128;

/// A file whose bytes are to go, and where they are.
struct Going {
    file: FileRow,
    locations: Vec<LocationRow>,
}

/// What was done.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Done {
    /// Files, or parts, whose objects are gone, as observed.
    pub(super) deleted: u64,
    /// Those of which something is there still.
    pub(super) left: u64,
    /// Those of these that are files of uploads that were given up.
    given_up_left: u64,
}

/// Rows of one write.
struct Rows {
    tenant: TenantId,
    job: JobRow,
    files: Vec<(FileRow, FileStatus)>,
    locations: Vec<(LocationRow, LocationStatus)>,
}

struct Ending {
    tenant: TenantId,
    job: JobRow,
    package: Uuid,
    given_up_left: u64,
    parts_left: u64,
    event: Option<AuditEventRow>,
    end: JobEnd,
}

/// Deletes them all. What cannot be deleted stays on its row, and is told.
pub(super) async fn perform(attempt: &Attempt) -> Result<Value, ServiceError> {
    loop {
        let (is_abandoned, backend) = look(attempt).await?;
        let mut done = Done::default();
        let mut after = After::default();
        while let Some(files) = after.next(attempt, is_abandoned).await? {
            clear_all(attempt, &backend, files, &mut done).await?;
        }
        let mut parts = Done::default();
        clear_parts(attempt, &backend, &mut parts).await?;
        if let Some(ended) = end(attempt, is_abandoned, done, parts).await? {
            return ended;
        }
    }
}

async fn look(attempt: &Attempt) -> Result<(bool, Backend), ServiceError> {
    let registry = attempt.registry();
    let mut session = registry.db().read().await?;
    let package = session.of(attempt.tenant()).package(attempt.package_id()?).await?;
    let package = package.ok_or_else(ServiceError::not_found)?;
    let backend = registry.backends().get(&package.backend_id)?.clone();
    Ok((package.status == PackageStatus::Abandoned, backend))
}

/// Where the walk over a package's files is.
#[derive(Debug, Default)]
struct After {
    last: Option<FileRow>,
    is_over: bool,
}

impl After {
    /// The next files whose bytes are to go: of an abandoned package all but uploads that may be going on, which
    /// find out by themselves; of any other only the uploads that were given up.
    async fn next(
        &mut self,
        attempt: &Attempt,
        is_abandoned: bool,
    ) -> Result<Option<Vec<Going>>, ServiceError> {
        if self.is_over {
            return Ok(None);
        }
        let mut session = attempt.registry().db().read().await?;
        let mut rows = session.of(attempt.tenant());
        let package = attempt.package_id()?;
        let page = if is_abandoned {
            let after = self.last.as_ref().map(|last| (last.relative_path.as_str(), last.id));
            rows.files_of_package(package, after, FILES_AT_ONCE).await?
        } else {
            let after = self.last.as_ref().map_or(Uuid::nil(), |last| last.id);
            rows.given_up_files(package, after, FILES_AT_ONCE).await?
        };
        self.is_over = page.len() < FILES_AT_ONCE as usize;
        self.last = page.last().cloned().or(self.last.take());
        let mut going = Vec::new();
        for file in page {
            if !matches!(file.status, FileStatus::Receiving | FileStatus::Deleted) {
                let locations = rows.locations_of_file(file.id).await?;
                going.push(Going { file, locations });
            }
        }
        Ok(Some(going))
    }
}

/// First says of some files that their bytes may go at any moment, then deletes them, then says what is gone.
async fn clear_all(
    attempt: &Attempt,
    backend: &Backend,
    mut files: Vec<Going>,
    done: &mut Done,
) -> Result<(), ServiceError> {
    let mut rows = Rows::of(attempt);
    for going in &mut files {
        if going.file.status.holds_its_path() {
            let next = going.file.status.after(FileEvent::DeletionBegun);
            rows.file(&mut going.file, next.map_err(ServiceError::internal)?);
        }
        for location in &mut going.locations {
            if !matches!(location.status, LocationStatus::Deleting | LocationStatus::Deleted) {
                let next = location.status.after(LocationEvent::DeletionBegun);
                rows.location(location, next.map_err(ServiceError::internal)?);
            }
        }
    }
    rows.write(attempt).await?;
    let mut rows = Rows::of(attempt);
    for mut going in files {
        if !clear(backend, &going).await? {
            done.left += 1;
            done.given_up_left += u64::from(going.file.stored_at.is_none());
            continue;
        }
        done.deleted += 1;
        for location in &mut going.locations {
            if location.status == LocationStatus::Deleting {
                let next = location.status.after(LocationEvent::Deleted);
                rows.location(location, next.map_err(ServiceError::internal)?);
            }
        }
        let next = going.file.status.after(FileEvent::Deleted).map_err(ServiceError::internal)?;
        rows.file(&mut going.file, next);
        attempt.step();
    }
    rows.write(attempt).await
}

/// Deletes the versions that the rows name, and every other one that carries the file's id. Tells whether nothing of
/// the file is there any more, as far as could be seen.
async fn clear(backend: &Backend, going: &Going) -> Result<bool, ServiceError> {
    let store = &*backend.store;
    let mut is_gone = true;
    for location in &going.locations {
        let key = object_key("", &location.object_key)?;
        let version = location.version_id.clone().map(VersionId);
        let mut deletion = keep::delete(store, &key, version.as_ref()).await?;
        let is_held = matches!(&deletion, Deletion::RefusedByLock { lock, .. } if lock.legal_hold);
        if is_held && location.hold_is_ours() {
            // It came with the write. What is held is not abandoned, so its hold was released since.
            keep::release_hold(store, &key, version.as_ref(), true).await?;
            deletion = keep::delete(store, &key, version.as_ref()).await?;
        }
        is_gone &= matches!(deletion, Deletion::Deleted | Deletion::AlreadyAbsent);
    }
    let key = object_key("", &going.file.object_key)?;
    let cleared = keep::delete_all_versions(store, &key, &ours(going.file.id)).await?;
    // Of a file whose version is known, what else is under its key is somebody else's.
    let others_matter = going.locations.is_empty();
    Ok(is_gone && is_clear(&cleared, others_matter))
}

fn is_clear(cleared: &Cleared, others_matter: bool) -> bool {
    if others_matter {
        // Of an upload nobody knows the version: an object without the file's id may be it all the same, in a store
        // that loses metadata. It is told, not deleted.
        return cleared.is_complete() && cleared.left.is_empty();
    }
    cleared.left.iter().all(|left| left.refusal.is_none())
}

impl Rows {
    fn of(attempt: &Attempt) -> Self {
        Self {
            tenant: attempt.tenant().clone(),
            job: attempt.job().clone(),
            files: Vec::new(),
            locations: Vec::new(),
        }
    }

    fn file(&mut self, file: &mut FileRow, next: FileStatus) {
        let from = std::mem::replace(&mut file.status, next);
        self.files.push((file.clone(), from));
    }

    fn location(&mut self, location: &mut LocationRow, next: LocationStatus) {
        let from = std::mem::replace(&mut location.status, next);
        self.locations.push((location.clone(), from));
    }

    async fn write(self, attempt: &Attempt) -> Result<(), ServiceError> {
        if self.files.is_empty() && self.locations.is_empty() {
            return Ok(());
        }
        let db = attempt.registry().db();
        let has_job: Result<bool, DbError> =
            db.write(self, |tx, rows| Box::pin(write(tx, rows))).await;
        if has_job? { Ok(()) } else { Err(Attempt::lost()) }
    }
}

async fn write(tx: &mut Tx, written: &Rows) -> Result<bool, DbError> {
    let mut rows = tx.of(&written.tenant);
    if !rows.has_job(&written.job).await? {
        return Ok(false);
    }
    for (file, from) in &written.files {
        rows.update_file(file, *from).await?;
    }
    for (location, from) in &written.locations {
        rows.update_location(location, *from).await?;
    }
    Ok(true)
}

/// Ends the job, unless an upload or a part was given up since it looked: `None` then.
async fn end(
    attempt: &Attempt,
    is_abandoned: bool,
    done: Done,
    parts: Done,
) -> Result<Option<Result<Value, ServiceError>>, ServiceError> {
    let registry = attempt.registry();
    let package = attempt.package_id()?;
    let outcome = json!({
        "deleted": done.deleted,
        "left": done.left,
        "parts_deleted": parts.deleted,
        "parts_left": parts.left,
    });
    let left = done.left + parts.left;
    let error = (left > 0).then(|| {
        ServiceError::new(
            ErrorKind::Retained,
            format!("of {left} files or parts something is in the store still: it is locked, or not known to be ours"),
        )
        .with_guidance("try the job again when the locks are over; look at what lies under their keys")
    });
    let event = is_abandoned
        .then(|| registry.package_event("package_cleaned_up", package, None, outcome.clone()));
    let ending = Ending {
        tenant: attempt.tenant().clone(),
        job: attempt.job().clone(),
        package,
        given_up_left: done.given_up_left,
        parts_left: parts.left,
        event,
        end: match &error {
            Some(error) => attempt.end_failed(Some(outcome.clone()), error.to_string()),
            None => attempt.end_done(outcome.clone()),
        },
    };
    let ended: Result<Option<bool>, DbError> =
        registry.db().write(ending, |tx, ending| Box::pin(conclude(tx, ending))).await;
    match ended? {
        None => Err(Attempt::lost()),
        Some(false) => Ok(None),
        Some(true) => {
            attempt.note_ended();
            Ok(Some(error.map_or(Ok(outcome), Err)))
        }
    }
}

/// `None` where the job is another worker's; else whether it was ended. Uploads are given up under the package's
/// lock too, so that one is seen here or queues a job of its own.
async fn conclude(tx: &mut Tx, e: &Ending) -> Result<Option<bool>, DbError> {
    let mut rows = tx.of(&e.tenant);
    if !rows.has_job(&e.job).await? {
        return Ok(None);
    }
    let package = rows.lock_package(e.package).await?;
    let was_abandoned = package.is_some_and(|one| one.status == PackageStatus::Abandoned);
    // Counted, and not read: where a lock keeps them they may be very many.
    let is_more = rows.count_given_up_files(e.package).await? > e.given_up_left
        || rows.count_going_parts(e.package).await? > e.parts_left
        || rows.leaving_upload(e.package).await?.is_some();
    if is_more || was_abandoned != e.event.is_some() {
        return Ok(Some(false));
    }
    if let Some(event) = &e.event {
        rows.insert_audit_event(event).await?;
    }
    rows.finish_job(&e.end).await?;
    Ok(Some(true))
}
