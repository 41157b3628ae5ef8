//! The end of a deletion: its disposition, and a tombstone; or what blocks it.

use serde_json::{Value, json};
use strongroom_core::package::record::{Decision, DeletionBlock, Disposition};
use strongroom_core::package::status::PackageEvent;
use strongroom_core::package::{LocationStatus, LockState, PackageStatus};
use uuid::Uuid;

use super::Attempt;
use super::delete_object::FILE_DELETED;
use super::objects::{FIRST, PAGE_ROWS};
use crate::db::{
    AuditEventRow, AuditFilter, JobEnd, JobRow, PackageRow, RetentionEventRow, RetentionEventType,
    TenantId, Tx,
};
use crate::error::{ErrorKind, ServiceError};
use crate::service::change::wrong_state;
use crate::service::records::Deciding;
use crate::service::request_deletion::REQUESTED;

/// Events of one page.
const PAGE_EVENTS: u32 = 1_000;

struct Ending {
    tenant: TenantId,
    job: JobRow,
    package: Uuid,
    what: End,
    event: AuditEventRow,
    /// Where the job has nothing more to do.
    end: Option<JobEnd>,
}

enum End {
    Deleted(RetentionEventRow),
    Blocked(String),
}

/// What became of it.
enum Ended {
    Written,
    /// Somebody decided otherwise.
    Otherwise,
    /// Another worker has the job.
    Lost,
}

/// Writes the certificate of a package whose objects are all gone, and then makes it a tombstone. `None`: somebody
/// decided otherwise meanwhile.
pub(super) async fn conclude(
    attempt: &Attempt,
    package: &PackageRow,
) -> Result<Option<Value>, ServiceError> {
    if !is_being_deleted(attempt, package.id).await? {
        return Ok(None);
    }
    expect_nothing_left(attempt, package).await?;
    let disposition = disposition(attempt, package).await?;
    let outcome = json!({
        "objects_deleted": disposition.objects_deleted,
        "objects_absent": disposition.objects_absent,
    });
    let decision = Decision::PackageDeleted(Box::new(disposition));
    let by = package.deletion_requested_by;
    let reason = package.deletion_reason.clone();
    let (record_id, event) =
        record(attempt, package, (by, reason.clone()), decision, "package_deleted").await?;
    let registry = attempt.registry();
    let retention = RetentionEventRow {
        id: registry.clock().new_id(),
        package_id: package.id,
        event_type: RetentionEventType::Deleted,
        reason: reason.unwrap_or_default(),
        created_by: by,
        created_at: registry.clock().now(),
        previous_expires_at: package.expires_at,
        new_expires_at: package.expires_at,
    };
    let what = End::Deleted(retention);
    let why = match write(attempt, package, what, event, (outcome.clone(), true)).await? {
        Ended::Written => return Ok(Some(outcome)),
        Ended::Otherwise => "a hold or a later date came first",
        Ended::Lost => "another worker has the job",
    };
    registry.not_taken(attempt.tenant(), package, record_id, why.to_owned()).await;
    if attempt.is_sure() { Ok(None) } else { Err(Attempt::lost()) }
}

/// Puts on record what blocks a deletion, and shows it. `ends_job`: the job has nothing more to do. `None`: somebody
/// decided otherwise meanwhile.
pub(super) async fn block(
    attempt: &Attempt,
    package: &PackageRow,
    why: DeletionBlock,
    told: String,
    ends_job: bool,
) -> Result<Option<Value>, ServiceError> {
    if !is_being_deleted(attempt, package.id).await? {
        return Ok(None);
    }
    let decision = Decision::DeletionBlocked { why };
    let of_record = (None, Some(told.clone()));
    let (_, mut event) = record(attempt, package, of_record, decision, "deletion_blocked").await?;
    event.details["why"] = json!(why);
    let outcome = json!({ "blocked": why });
    let what = End::Blocked(told);
    match write(attempt, package, what, event, (outcome.clone(), ends_job)).await? {
        Ended::Written => Ok(Some(outcome)),
        Ended::Otherwise => Ok(None),
        Ended::Lost => Err(Attempt::lost()),
    }
}

/// Whether this worker has the job still and nobody decided otherwise: asked before anything is put on record.
async fn is_being_deleted(attempt: &Attempt, package: Uuid) -> Result<bool, ServiceError> {
    let input = (attempt.tenant().clone(), attempt.job().clone(), package);
    attempt.registry().db().write(input, |tx, input| Box::pin(look(tx, input))).await
}

async fn look(
    tx: &mut Tx,
    (tenant, job, package): &(TenantId, JobRow, Uuid),
) -> Result<bool, ServiceError> {
    let mut rows = tx.of(tenant);
    if !rows.has_job(job).await? {
        return Err(Attempt::lost());
    }
    let package = rows.share_package(*package).await?.ok_or_else(ServiceError::not_found)?;
    Ok(package.status == PackageStatus::Deleting)
}

async fn record(
    attempt: &Attempt,
    package: &PackageRow,
    (by, reason): (Option<Uuid>, Option<String>),
    decision: Decision,
    kind: &'static str,
) -> Result<(Uuid, AuditEventRow), ServiceError> {
    let registry = attempt.registry();
    let id = registry.clock().new_id();
    let (tenant, details) = (attempt.tenant(), json!({}));
    let deciding = Deciding { id, tenant, package, by, reason, decision, event: kind, details };
    Ok((id, registry.put_on_record(deciding).await?))
}

async fn expect_nothing_left(attempt: &Attempt, package: &PackageRow) -> Result<(), ServiceError> {
    let mut after = FIRST;
    let mut session = attempt.registry().db().read().await?;
    let mut rows = session.of(attempt.tenant());
    loop {
        let page = rows.locations_of_package(package.id, after, PAGE_ROWS).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.id;
        if page.iter().any(|location| location.status != LocationStatus::Deleted) {
            return Err(ServiceError::new(
                ErrorKind::Busy,
                "an object of the package is there again",
            ));
        }
    }
}

async fn disposition(attempt: &Attempt, package: &PackageRow) -> Result<Disposition, ServiceError> {
    let mut session = attempt.registry().db().read().await?;
    let mut rows = session.of(attempt.tenant());
    let events = |kind: &str| AuditFilter {
        package_id: Some(package.id),
        event_type: Some(kind.to_owned()),
        ..AuditFilter::default()
    };
    let request = rows.audit_events(&events(REQUESTED), None, 1).await?.rows.into_iter().next();
    let request_id = request
        .as_ref()
        .and_then(|event| event.details["record_id"].as_str())
        .and_then(|id| Uuid::try_parse(id).ok())
        .ok_or_else(|| missing("a package is deleted that nobody asked to delete"))?;
    let (mut deleted, mut absent, mut after) = (0, 0, None);
    loop {
        let page = rows.audit_events(&events(FILE_DELETED), after, PAGE_EVENTS).await?;
        for event in &page.rows {
            match event.details["was_there"].as_bool() {
                Some(true) => deleted += 1,
                _ => absent += 1,
            }
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    Ok(Disposition {
        request_id,
        early: package.deletion_early,
        expires_at: package.expires_at,
        bundle_id: package
            .bundle_id
            .ok_or_else(|| missing("a package is deleted that was never finalized"))?,
        files: package.files_count,
        size_bytes: package.size_bytes,
        objects_deleted: deleted,
        objects_absent: absent,
    })
}

fn missing(what: &'static str) -> ServiceError {
    ServiceError::internal(std::io::Error::other(what))
}

async fn write(
    attempt: &Attempt,
    package: &PackageRow,
    what: End,
    event: AuditEventRow,
    (outcome, ends_job): (Value, bool),
) -> Result<Ended, ServiceError> {
    let registry = attempt.registry();
    let ending = Ending {
        tenant: attempt.tenant().clone(),
        job: attempt.job().clone(),
        package: package.id,
        what,
        event,
        end: ends_job.then(|| attempt.end_done(outcome)),
    };
    let ended = registry.db().write(ending, |tx, e| Box::pin(end(tx, e))).await?;
    if ends_job && matches!(ended, Ended::Written) {
        attempt.note_ended();
    }
    Ok(ended)
}

async fn end(tx: &mut Tx, e: &Ending) -> Result<Ended, ServiceError> {
    let mut rows = tx.of(&e.tenant);
    if !rows.has_job(&e.job).await? {
        return Ok(Ended::Lost);
    }
    let package = rows.lock_package(e.package).await?;
    let mut package = package.ok_or_else(ServiceError::not_found)?;
    // A hold or a later date was first.
    if package.status != PackageStatus::Deleting {
        return Ok(Ended::Otherwise);
    }
    match &e.what {
        End::Deleted(retention) => {
            package.status = package.status.after(PackageEvent::Deleted).map_err(wrong_state)?;
            package.grace_ticks_left = None;
            package.lock_state = LockState::None;
            rows.insert_retention_event(retention).await?;
        }
        End::Blocked(told) => {
            let event = PackageEvent::DeletionBlocked;
            package.status = package.status.after(event).map_err(wrong_state)?;
            package.deletion_reason = Some(told.clone());
        }
    }
    rows.update_package(&package).await?;
    rows.insert_audit_event(&e.event).await?;
    if let Some(end) = &e.end {
        rows.finish_job(end).await?;
    }
    Ok(Ended::Written)
}
