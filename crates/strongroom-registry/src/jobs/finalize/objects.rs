//! Every file's object: read, held against what was stored, locked and read back; its rows brought up to date.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;
use strongroom_core::package::document::{DocumentFile, DocumentLocation};
use strongroom_core::package::status::{FileEvent, LocationEvent};
use strongroom_core::package::{FileStatus, LocationStatus, RestoreStatus};
use strongroom_core::receipt::{Encryption, Integrity};
use strongroom_storage::keep::{self, Expected, Verdict};
use strongroom_storage::{ObjectInfo, ObjectKey, StorageErrorKind, VersionId};
use uuid::Uuid;

use super::{Attempt, Finalizing, Held, Tally};
use crate::db::{AuditEventRow, DbError, FileRow, JobRow, LocationRow, PlacedFile, TenantId, Tx};
use crate::error::{ErrorKind, ServiceError};
use crate::jobs::intend::intend;
use crate::service::records::object_key;

/// Files whose rows are read at once, and written in one transaction.
const FILES_AT_ONCE: u32 = 128;

/// What was seen of a file.
struct Seen {
    placed: PlacedFile,
    from: (FileStatus, LocationStatus),
    /// Its lock, where the object is what it should be.
    held: Option<Held>,
    encryption: Option<Encryption>,
    /// Its bytes are nearer or further away than the row said.
    has_moved: bool,
}

/// Files that are not what they should be.
#[derive(Debug, Default)]
struct Wrong {
    missing: u64,
    corrupt: u64,
}

/// The rows of some files, as they are to be written.
struct Rows {
    tenant: TenantId,
    job: JobRow,
    files: Vec<(FileRow, FileStatus)>,
    locations: Vec<(LocationRow, LocationStatus)>,
    moved: Vec<LocationRow>,
    events: Vec<AuditEventRow>,
}

impl Finalizing<'_> {
    /// Looks at every file, also after one was found wrong: whoever has to mend it wants to know of all.
    pub(super) async fn verify_all(
        &self,
        tally: &mut Tally,
    ) -> Result<Vec<DocumentFile>, ServiceError> {
        let at_once = self.attempt.registry().settings().jobs.objects_at_once.max(1);
        let mut files = Vec::new();
        let mut wrong = Wrong::default();
        let mut last = None;
        loop {
            let mut some = self.files_after(last.as_ref()).await?;
            let is_last = some.len() < FILES_AT_ONCE as usize;
            last = some.last().map(|placed| (placed.file.relative_path.clone(), placed.file.id));
            if self.target.legal_hold {
                let locations = some.iter_mut().map(|placed| &mut placed.location);
                intend(self.attempt, &*self.backend.store, locations).await?;
            }
            let looking = stream::iter(some).map(|placed| self.look_at(placed)).buffered(at_once);
            let seen: Vec<Seen> = looking.try_collect().await?;
            self.write_rows(&seen).await?;
            for seen in seen {
                match seen.placed.file.status {
                    FileStatus::Missing => wrong.missing += 1,
                    FileStatus::Corrupt => wrong.corrupt += 1,
                    _ => files.push(self.document_file(seen, tally)?),
                }
            }
            if is_last {
                break;
            }
        }
        wrong.refuse()?;
        Ok(files)
    }

    async fn files_after(
        &self,
        last: Option<&(String, Uuid)>,
    ) -> Result<Vec<PlacedFile>, ServiceError> {
        let after = last.map(|(path, id)| (path.as_str(), *id));
        let mut session = self.attempt.registry().db().read().await?;
        let mut rows = session.of(self.attempt.tenant());
        Ok(rows.placed_files(self.package.id, after, FILES_AT_ONCE).await?)
    }

    async fn look_at(&self, mut placed: PlacedFile) -> Result<Seen, ServiceError> {
        let (file, location) = (&mut placed.file, &mut placed.location);
        let from = (file.status, location.status);
        let was_near = nearness(location);
        let key = object_key("", &location.object_key)?;
        let version = location.version_id.clone().map(VersionId);
        let verdict = self.verdict(&key, version.as_ref(), file, location).await?;
        let (file_event, location_event) = match &verdict {
            Verdict::Verified(_) => (FileEvent::FoundWhole, LocationEvent::FoundWhole),
            Verdict::Missing => (FileEvent::FoundMissing, LocationEvent::FoundMissing),
            Verdict::Corrupt { .. } => (FileEvent::FoundCorrupt, LocationEvent::FoundCorrupt),
            Verdict::NotRetrievable => {
                return Err(ServiceError::new(
                    ErrorKind::NotImmediatelyAvailable,
                    "the store does not hand out a file, which cannot be verified so",
                )
                .with_guidance(
                    "store packages in a class that can be read at once until they are finalized",
                ));
            }
        };
        file.status = file.status.after(file_event).map_err(ServiceError::internal)?;
        location.status = location.status.after(location_event).map_err(ServiceError::internal)?;
        let mut encryption = None;
        let held = match verdict {
            Verdict::Verified(info) => {
                let held = self.hold(&key, version.as_ref()).await?;
                self.describe(location, &info, &held)?;
                encryption = info.encryption;
                Some(held)
            }
            _ => None,
        };
        let has_moved = nearness(location) != was_near;
        self.attempt.step();
        Ok(Seen { placed, from, held, encryption, has_moved })
    }

    /// Reads every byte; of a file that this very job has read before, only asks whether it is there.
    async fn verdict(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
        file: &FileRow,
        location: &LocationRow,
    ) -> Result<Verdict, ServiceError> {
        let store = &*self.backend.store;
        let (Some(size_bytes), Some(sha256)) = (file.size_bytes, file.sha256) else {
            return Err(ServiceError::internal(std::io::Error::other(
                "a stored file has no digest",
            )));
        };
        let since = self.attempt.job().created_at;
        let was_read = location.status == LocationStatus::Active
            && location.last_verified_at.is_some_and(|read_at| read_at >= since);
        if !was_read {
            return Ok(keep::verify(store, key, version, Expected { size_bytes, sha256 }).await?);
        }
        match store.head(key, version).await {
            Ok(info) if info.size_bytes == size_bytes => Ok(Verdict::Verified(Box::new(info))),
            Ok(info) => Ok(Verdict::Corrupt { size_bytes: info.size_bytes, sha256: None }),
            Err(error) if error.kind() == StorageErrorKind::NotFound => Ok(Verdict::Missing),
            Err(error) => Err(error.into()),
        }
    }

    fn describe(
        &self,
        location: &mut LocationRow,
        info: &ObjectInfo,
        held: &Held,
    ) -> Result<(), ServiceError> {
        let now = self.attempt.registry().clock().now();
        location.integrity = Integrity::ReadBack;
        location.saw(info, now).map_err(ServiceError::internal)?;
        location.read_back(&held.receipt);
        let since = self.attempt.job().created_at;
        let was_read = location.last_verified_at.is_some_and(|read_at| read_at >= since);
        if !was_read {
            location.last_verified_at = Some(now);
        }
        Ok(())
    }

    async fn write_rows(&self, seen: &[Seen]) -> Result<(), ServiceError> {
        let mut rows = Rows {
            tenant: self.attempt.tenant().clone(),
            job: self.attempt.job().clone(),
            files: Vec::new(),
            locations: Vec::new(),
            moved: Vec::new(),
            events: Vec::new(),
        };
        for seen in seen {
            let PlacedFile { file, location } = &seen.placed;
            if file.status != seen.from.0 {
                rows.files.push((file.clone(), seen.from.0));
                rows.events.push(self.found_otherwise(file));
            }
            rows.locations.push((location.clone(), seen.from.1));
            if seen.has_moved {
                rows.moved.push(location.clone());
            }
        }
        let registry = self.attempt.registry();
        let has_job: Result<bool, DbError> =
            registry.db().write(rows, |tx, rows| Box::pin(write(tx, rows))).await;
        if has_job? { Ok(()) } else { Err(Attempt::lost()) }
    }

    fn found_otherwise(&self, file: &FileRow) -> AuditEventRow {
        let registry = self.attempt.registry();
        let kind = match file.status {
            FileStatus::Missing => "file_missing",
            FileStatus::Corrupt => "file_corrupt",
            _ => "file_found_whole",
        };
        let details = json!({ "job_id": self.attempt.job().id });
        let mut event = registry.package_event(kind, self.package.id, None, details);
        event.file_id = Some(file.id);
        event
    }

    fn document_file(&self, seen: Seen, tally: &mut Tally) -> Result<DocumentFile, ServiceError> {
        let Seen { placed: PlacedFile { file, location }, held, encryption, .. } = seen;
        let (Some(held), Some(size_bytes), Some(sha256)) = (held, file.size_bytes, file.sha256)
        else {
            return Err(ServiceError::internal(std::io::Error::other("a whole file has no lock")));
        };
        tally.add(&held);
        let key = object_key("", &location.object_key)?;
        Ok(DocumentFile {
            file_id: file.id,
            path: file.relative_path,
            size_bytes,
            sha256,
            media_type: file.content_type,
            created_at: file.stored_at.unwrap_or(file.created_at),
            location: DocumentLocation {
                backend: self.backend.id.clone(),
                key: self.backend.store.whole_key(&key),
                version_id: location.version_id,
                storage_class: location.storage_class,
                retrieval_tier: location.retrieval_tier,
                integrity: Integrity::ReadBack,
                verified_at: location.last_verified_at.unwrap_or(file.created_at),
                encryption,
                lock: held.receipt,
            },
        })
    }
}

/// What a row says of how near its bytes are.
fn nearness(location: &LocationRow) -> (Option<String>, RestoreStatus) {
    (location.storage_class.clone(), location.restore_status)
}

async fn write(tx: &mut Tx, written: &Rows) -> Result<bool, DbError> {
    let mut rows = tx.of(&written.tenant);
    if !rows.has_job(&written.job).await? {
        return Ok(false);
    }
    // Whoever holds the job is the only one who changes these rows while the package is `finalizing`; a row that
    // another brought further meanwhile (a hold's job) is brought up to date by that one.
    for (file, from) in &written.files {
        rows.update_file(file, *from).await?;
    }
    for (location, from) in &written.locations {
        rows.update_location(location, *from).await?;
    }
    for location in &written.moved {
        rows.update_nearness(location).await?;
    }
    for event in &written.events {
        rows.insert_audit_event(event).await?;
    }
    Ok(true)
}

impl Wrong {
    fn refuse(&self) -> Result<(), ServiceError> {
        let Self { missing, corrupt } = self;
        if missing + corrupt == 0 {
            return Ok(());
        }
        Err(ServiceError::new(
            ErrorKind::Corrupt,
            format!("{missing} files are missing and {corrupt} are corrupt in the store: their rows say which"),
        )
        .with_guidance("find out who else writes to the store; abandon the package and upload it anew"))
    }
}
