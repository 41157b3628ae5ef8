//! What a pass over a package's objects came to, written in one: the state of its locks, the reach of its holds, and
//! the end of the job.

use serde_json::Value;
use strongroom_core::package::locks::Reach;
use strongroom_core::package::{LockState, PackageStatus};
use uuid::Uuid;

use super::Attempt;
use super::apply_retention::Seen;
use super::truth::Truth;
use crate::db::{AuditEventRow, HoldReach, HoldRow, JobEnd, JobRow, TenantId, Tx};
use crate::error::ServiceError;

/// How a pass ended.
#[derive(Debug)]
pub(super) enum Concluded {
    /// Something else is decided now.
    Changed,
    /// Some objects are not as they should be.
    Failed,
    /// All is as it should be, as far as the store can.
    Done(Value),
}

struct Ending {
    tenant: TenantId,
    job: JobRow,
    package: Uuid,
    /// What was applied; absent where that did not come to its end.
    truth: Option<Truth>,
    lock_state: LockState,
    /// Of the holds that are active.
    reach: HoldReach,
    is_released: bool,
    /// What is told of it, and the end of the job, where all is as it should be.
    done: Option<(AuditEventRow, JobEnd)>,
}

/// Writes what was seen, if it is still what is decided. A job that is through ends in the same write: a decision
/// that comes later finds no live job, and queues its own.
pub(super) async fn conclude(
    attempt: &Attempt,
    truth: &Truth,
    seen: &Seen,
) -> Result<Concluded, ServiceError> {
    let weakest = seen.weakest();
    let is_failed = weakest == Reach::Failed;
    let lock_state = LockState::of(truth.asks(), weakest);
    let reach = HoldReach::from(seen.weakest_hold());
    let is_off = seen.weakest_hold() != Reach::Failed && !seen.left_bit;
    let is_released = truth.is_held() || is_off;
    let registry = attempt.registry();
    let (package, outcome) = (attempt.package_id()?, seen.outcome());
    let done = (!is_failed).then(|| {
        let event = registry.package_event("retention_applied", package, None, outcome.clone());
        (event, attempt.end_done(outcome.clone()))
    });
    let ending = Ending {
        truth: Some(truth.clone()),
        is_released,
        done,
        ..failed(attempt, lock_state, reach)?
    };
    let is_still_so = registry.db().write(ending, |tx, e| Box::pin(end(tx, e))).await?;
    Ok(match (is_still_so, is_failed) {
        (false, _) => Concluded::Changed,
        (true, true) => Concluded::Failed,
        (true, false) => {
            attempt.note_ended();
            Concluded::Done(outcome)
        }
    })
}

/// Shows that a run failed before it could conclude.
pub(super) async fn mark_failed(attempt: &Attempt) -> Result<(), ServiceError> {
    let ending = failed(attempt, LockState::Failed, HoldReach::Failed)?;
    attempt.registry().db().write(ending, |tx, e| Box::pin(show_failure(tx, e))).await
}

/// What is shown of a pass that leaves something to be done.
fn failed(
    attempt: &Attempt,
    lock_state: LockState,
    reach: HoldReach,
) -> Result<Ending, ServiceError> {
    Ok(Ending {
        tenant: attempt.tenant().clone(),
        job: attempt.job().clone(),
        package: attempt.package_id()?,
        truth: None,
        lock_state,
        reach,
        is_released: false,
        done: None,
    })
}

async fn end(tx: &mut Tx, e: &Ending) -> Result<bool, ServiceError> {
    let mut rows = tx.of(&e.tenant);
    if !rows.has_job(&e.job).await? {
        return Err(Attempt::lost());
    }
    let package = rows.lock_package(e.package).await?;
    let mut package = package.ok_or_else(ServiceError::not_found)?;
    if e.truth.as_ref() != Some(&Truth::of(&mut rows, &package).await?) {
        return Ok(false);
    }
    for hold in rows.holds(e.package).await? {
        if let Some(to) = reach_of(&hold, e)
            && to != hold.reach
        {
            rows.set_hold_reach(hold.id, hold.reach, to).await?;
        }
    }
    // Of an open package nothing is said: it has its locks when it is finalized.
    if package.status != PackageStatus::Open && package.lock_state != e.lock_state {
        package.lock_state = e.lock_state;
        rows.update_package(&package).await?;
    }
    if let Some((event, end)) = &e.done {
        rows.insert_audit_event(event).await?;
        rows.finish_job(end).await?;
    }
    Ok(true)
}

fn reach_of(hold: &HoldRow, e: &Ending) -> Option<HoldReach> {
    match (hold.released_at, hold.reach) {
        (None, _) => Some(e.reach),
        (Some(_), HoldReach::Released) => None,
        (Some(_), _) => {
            Some(if e.is_released { HoldReach::Released } else { HoldReach::Releasing })
        }
    }
}

async fn show_failure(tx: &mut Tx, e: &Ending) -> Result<(), ServiceError> {
    let mut rows = tx.of(&e.tenant);
    if !rows.has_job(&e.job).await? {
        return Ok(());
    }
    let Some(mut package) = rows.lock_package(e.package).await? else { return Ok(()) };
    // Finalizing has its own word on its locks.
    let is_finalizing = package.status == PackageStatus::Finalizing;
    if package.lock_state != LockState::Applying || is_finalizing {
        return Ok(());
    }
    for hold in rows.active_holds(e.package).await? {
        rows.set_hold_reach(hold.id, HoldReach::Applying, HoldReach::Failed).await?;
    }
    package.lock_state = e.lock_state;
    rows.update_package(&package).await?;
    Ok(())
}
