//! Deletes the parts of uploads that became files, or that nothing comes of: only the version that a part's row names,
//! and what carries the part's id.

use strongroom_storage::VersionId;
use strongroom_storage::keep::{self, Deletion, Ours};
use uuid::Uuid;

use super::Attempt;
use super::clean_up::Done;
use crate::backends::Backend;
use crate::db::{DbError, JobRow, PartRow, TenantId, Tx};
use crate::error::ServiceError;
use crate::service::records::object_key;
use crate::service::resumable::PART_ID;

/// Parts that are worked on between two writes.
const PARTS_AT_ONCE: u32 = 128;

/// Parts of which one write says that they are to go.
const GIVEN_UP_AT_ONCE: u32 = 1_000;

/// An upload whose parts are to go.
struct GivingUp {
    tenant: TenantId,
    job: JobRow,
    package: Uuid,
    upload: Uuid,
}

/// Rows of one write.
struct Forgetting {
    tenant: TenantId,
    job: JobRow,
    package: Uuid,
    gone: Vec<Uuid>,
}

/// Deletes those of the job's package that are to go. What cannot be deleted keeps its row, and is told.
pub(super) async fn clear_parts(
    attempt: &Attempt,
    backend: &Backend,
    done: &mut Done,
) -> Result<(), ServiceError> {
    let package = attempt.package_id()?;
    give_up_what_was_left(attempt, package).await?;
    let mut after = Uuid::nil();
    loop {
        let parts = {
            let mut session = attempt.registry().db().read().await?;
            session.of(attempt.tenant()).going_parts(package, after, PARTS_AT_ONCE).await?
        };
        let Some(last) = parts.last() else { return Ok(()) };
        after = last.id;
        let mut gone = Vec::new();
        for part in &parts {
            match clear(backend, part).await? {
                true => gone.push(part.id),
                false => done.left += 1,
            }
            attempt.step();
        }
        done.deleted += gone.len() as u64;
        forget(attempt, package, gone).await?;
    }
}

/// Says of the parts of uploads that ended, or are files by now, that they are to go: some at a time, since an upload may
/// have more than one transaction has time for.
async fn give_up_what_was_left(attempt: &Attempt, package: Uuid) -> Result<(), ServiceError> {
    let db = attempt.registry().db();
    loop {
        let left = db.read().await?.of(attempt.tenant()).leaving_upload(package).await?;
        let Some(left) = left else { return Ok(()) };
        let (tenant, job) = (attempt.tenant().clone(), attempt.job().clone());
        let giving_up = GivingUp { tenant, job, package, upload: left.id };
        let has_job: Result<bool, DbError> =
            db.write(giving_up, |tx, g| Box::pin(give_up(tx, g))).await;
        if !has_job? {
            return Err(Attempt::lost());
        }
    }
}

async fn give_up(tx: &mut Tx, g: &GivingUp) -> Result<bool, DbError> {
    let mut rows = tx.of(&g.tenant);
    if !rows.has_job(&g.job).await? {
        return Ok(false);
    }
    // No more come to count: the upload takes none.
    let given_up = rows.give_up_parts(g.upload, GIVEN_UP_AT_ONCE).await?;
    if given_up < u64::from(GIVEN_UP_AT_ONCE) {
        rows.forget_parts_count(g.upload).await?;
        rows.forget_ended_uploads(g.package).await?;
    }
    Ok(true)
}

/// Tells whether nothing of a part is there any more, as far as could be seen.
async fn clear(backend: &Backend, part: &PartRow) -> Result<bool, ServiceError> {
    let (store, key) = (&*backend.store, object_key("", &part.object_key)?);
    if part.size_bytes.is_some() {
        let version = part.version_id.clone().map(VersionId);
        let deletion = keep::delete(store, &key, version.as_ref()).await?;
        return Ok(matches!(deletion, Deletion::Deleted | Deletion::AlreadyAbsent));
    }
    // Nobody knows whether it came to be.
    let ours = Ours::Metadata { name: PART_ID.to_owned(), value: part.id.to_string() };
    let cleared = keep::delete_all_versions(store, &key, &ours).await?;
    Ok(cleared.is_complete() && cleared.left.is_empty())
}

async fn forget(attempt: &Attempt, package: Uuid, gone: Vec<Uuid>) -> Result<(), ServiceError> {
    let forgetting =
        Forgetting { tenant: attempt.tenant().clone(), job: attempt.job().clone(), package, gone };
    let has_job: Result<bool, DbError> =
        attempt.registry().db().write(forgetting, |tx, f| Box::pin(write(tx, f))).await;
    if has_job? { Ok(()) } else { Err(Attempt::lost()) }
}

async fn write(tx: &mut Tx, f: &Forgetting) -> Result<bool, DbError> {
    let mut rows = tx.of(&f.tenant);
    if !rows.has_job(&f.job).await? {
        return Ok(false);
    }
    for part in &f.gone {
        rows.forget_part(*part).await?;
    }
    rows.forget_ended_uploads(f.package).await?;
    Ok(true)
}
