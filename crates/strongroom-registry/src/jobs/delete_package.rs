//! Deletes the bytes of a package, object by object, each under a fence that holds take too.
//!
//! The fence is taken in a write that asks whether the package is being deleted, nothing holds it, its date is past or
//! need not be, and the sweeper's clock is trusted. Only then the store is told. Manifest, records and `package.json` stay.

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, stream};
use serde_json::{Value, json};
use strongroom_core::package::record::DeletionBlock;
use strongroom_core::package::{LocationStatus, PackageStatus};
use strongroom_storage::Storage;
use strongroom_storage::keep::{self, Deletion};

use super::conclude_deletion::{block, conclude};
use super::delete_object::{Fence, gone, refused, take_fence};
use super::objects::{FIRST, Object, PAGE_ROWS};
use super::{Attempt, in_doubt};
use crate::db::{LocationRow, PackageRow};
use crate::error::{ErrorKind, ServiceError};

/// What became of one object.
enum Outcome {
    /// It is not there any more.
    Gone,
    /// The fence was not taken: something keeps the package now.
    Stopped,
    /// Nothing may be deleted until an operator confirms the clock.
    Paused,
    /// The store refuses.
    Refused(DeletionBlock, String),
}

/// Runs the job.
pub(super) async fn perform(attempt: &Attempt) -> Result<Value, ServiceError> {
    let package = load(attempt).await?;
    if package.status != PackageStatus::Deleting {
        return stopped(attempt, &package).await;
    }
    let deleted = delete_all(attempt, &package).await;
    let Err(error) = deleted else { return deleted };
    if !attempt.gives_up(&error) {
        return Err(error);
    }
    // Nobody tries again by himself: a person sees why, and has it go on or keeps what is left.
    let (why, told) = why_given_up(error.kind());
    match block(attempt, &package, why, told.to_owned(), false).await? {
        Some(_) => Err(error),
        None => stopped(attempt, &load(attempt).await?).await,
    }
}

fn why_given_up(kind: ErrorKind) -> (DeletionBlock, &'static str) {
    match kind {
        ErrorKind::StoreUnavailable
        | ErrorKind::StoreRefused
        | ErrorKind::Corrupt
        | ErrorKind::Retained
        | ErrorKind::NotImmediatelyAvailable => {
            (DeletionBlock::StoreFailed, "the store failed for as often as was tried")
        }
        _ => (DeletionBlock::RegistryFailed, "the registry failed at it; its log says why"),
    }
}

async fn load(attempt: &Attempt) -> Result<PackageRow, ServiceError> {
    let mut session = attempt.registry().db().read().await?;
    let package = session.of(attempt.tenant()).package(attempt.package_id()?).await?;
    package.ok_or_else(ServiceError::not_found)
}

/// Somebody decided otherwise: what was begun is settled, the rest stays.
async fn stopped(attempt: &Attempt, package: &PackageRow) -> Result<Value, ServiceError> {
    let settled = in_doubt::settle(attempt, package).await?;
    Ok(json!({ "status": package.status, "settled": settled }))
}

async fn delete_all(attempt: &Attempt, package: &PackageRow) -> Result<Value, ServiceError> {
    let backend = attempt.registry().backends().get(&package.backend_id)?;
    let at_once = attempt.registry().settings().jobs.objects_at_once.max(1);
    attempt.expect(package.files_count);
    let mut after = FIRST;
    loop {
        let locations = {
            let mut session = attempt.registry().db().read().await?;
            let mut rows = session.of(attempt.tenant());
            rows.locations_of_package(package.id, after, PAGE_ROWS).await?
        };
        let Some(last) = locations.last() else { break };
        after = last.id;
        let left = locations.into_iter().filter(|one| one.status != LocationStatus::Deleted);
        // Boxed one by one: a future over a closure cannot be seen to be `Send` by who spawns it.
        let deletions: Vec<BoxFuture<'_, _>> = left
            .map(|location| delete_one(attempt, &*backend.store, package, location).boxed())
            .collect();
        let outcomes: Vec<_> = stream::iter(deletions).buffer_unordered(at_once).collect().await;
        if let Some(end) = end_of_page(attempt, package, outcomes).await? {
            return Ok(end);
        }
    }
    match conclude(attempt, package).await? {
        Some(outcome) => Ok(outcome),
        None => stopped(attempt, &load(attempt).await?).await,
    }
}

/// What a page says of going on: nothing, where each of its objects is gone.
async fn end_of_page(
    attempt: &Attempt,
    package: &PackageRow,
    outcomes: Vec<Result<Outcome, ServiceError>>,
) -> Result<Option<Value>, ServiceError> {
    let (mut is_stopped, mut is_paused, mut refusal, mut failure) = (false, false, None, None);
    for outcome in outcomes {
        match outcome {
            Ok(Outcome::Gone) => {}
            Ok(Outcome::Stopped) => is_stopped = true,
            Ok(Outcome::Paused) => is_paused = true,
            Ok(Outcome::Refused(why, told)) => refusal = Some((why, told)),
            Err(error) => failure = Some(error),
        }
    }
    if is_stopped {
        let package = load(attempt).await?;
        return stopped(attempt, &package).await.map(Some);
    }
    // Before any refusal: an object whose deletion failed is in doubt, and blocked there is nobody to settle it.
    if let Some(error) = failure {
        return Err(error);
    }
    if let Some((why, told)) = refusal {
        return match block(attempt, package, why, told, true).await? {
            Some(outcome) => Ok(Some(outcome)),
            None => stopped(attempt, &load(attempt).await?).await.map(Some),
        };
    }
    // The sweeper queues it again once the clock is confirmed.
    Ok(is_paused.then(|| json!({ "paused": true })))
}

async fn delete_one(
    attempt: &Attempt,
    store: &dyn Storage,
    package: &PackageRow,
    location: LocationRow,
) -> Result<Outcome, ServiceError> {
    let object = Object::of(package, &location)?;
    let location = match take_fence(attempt, location).await? {
        Fence::Taken(location) => *location,
        Fence::Stopped => return Ok(Outcome::Stopped),
        Fence::Paused => return Ok(Outcome::Paused),
    };
    let is_sure = || attempt.is_sure();
    let version = object.version.as_ref();
    let deletion = keep::delete_while(store, &object.key, version, &is_sure).await?;
    let told = match &deletion {
        Deletion::Deleted | Deletion::AlreadyAbsent => {
            gone(attempt, location, deletion == Deletion::Deleted).await?;
            attempt.step();
            return Ok(Outcome::Gone);
        }
        Deletion::RefusedByLock { lock, .. } => {
            let until = lock.retention.map(|retention| retention.retain_until);
            let told = match (until, lock.legal_hold) {
                (_, true) => "the store holds an object under a legal hold of its own".to_owned(),
                (Some(until), false) => {
                    format!("the store holds an object under a lock until {until}")
                }
                (None, false) => "the store holds an object under a lock".to_owned(),
            };
            (DeletionBlock::StoreLock, told)
        }
        Deletion::Denied => (
            DeletionBlock::StoreDenied,
            "the store does not allow the registry to delete an object".to_owned(),
        ),
    };
    refused(attempt, location, &deletion).await?;
    Ok(Outcome::Refused(told.0, told.1))
}
