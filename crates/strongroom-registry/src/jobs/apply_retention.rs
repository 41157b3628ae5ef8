//! Brings a package's date and holds to every object of it, and reads them back.
//!
//! A pass looks at what is decided now, brings each object to it and notes what was read back. It ends in one write
//! that holds the package and asks whether that is still decided: if not, another pass follows. So a hold that is
//! placed while a release is being carried out ends held.

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, stream};
use serde_json::{Value, json};
use strongroom_core::package::{LocationStatus, PackageStatus};

use super::bring::{Brought, Reach, Store};
use super::conclude_retention::{self, Concluded};
use super::objects::{FIRST, Object, PAGE_ROWS, documents, unobserved_name};
use super::truth::Truth;
use super::{Attempt, in_doubt};
use crate::db::{JobRow, LocationRow, PackageRow, TenantId, Tx};
use crate::error::{ErrorKind, ServiceError};

/// Passes of one run. Each further one follows a decision that came meanwhile.
const PASSES_MAX: u32 = 16;
/// Objects of one pass that may fail before the rest waits for the next attempt.
const FAILURES_MAX: usize = 16;

/// What a pass saw.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) held: u64,
    pub(super) partial: u64,
    pub(super) failed: u64,
    pub(super) beyond_asked: u64,
    /// Objects without the bit where it cannot be had.
    pub(super) hold_partial: u64,
    /// Objects whose bit is not as it should be.
    pub(super) hold_failed: u64,
    /// What went wrong, the first of each.
    pub(super) errors: Vec<ServiceError>,
}

impl Seen {
    fn add(&mut self, brought: &Result<Brought, ServiceError>) {
        let Ok(brought) = brought else { return };
        match brought.reach {
            Reach::Held => self.held += 1,
            Reach::Partial => self.partial += 1,
            Reach::Failed => self.failed += 1,
        }
        match brought.hold {
            Reach::Held => {}
            Reach::Partial => self.hold_partial += 1,
            Reach::Failed => self.hold_failed += 1,
        }
        self.beyond_asked += u64::from(brought.is_beyond_asked);
    }

    pub(super) fn is_failed(&self) -> bool {
        self.failed > 0 || self.hold_failed > 0 || !self.errors.is_empty()
    }

    pub(super) fn outcome(&self) -> Value {
        json!({
            "held": self.held,
            "partial": self.partial,
            "failed": self.failed + self.errors.len() as u64,
            "beyond_asked": self.beyond_asked,
        })
    }
}

/// Runs the job.
pub(super) async fn perform(attempt: &Attempt) -> Result<Value, ServiceError> {
    let applied = apply(attempt).await;
    if applied.is_err() {
        // Shown until it holds; the next attempt, or the sweeper, tries again.
        conclude_retention::mark_failed(attempt).await?;
    }
    applied
}

async fn apply(attempt: &Attempt) -> Result<Value, ServiceError> {
    for _ in 0..PASSES_MAX {
        let (package, truth) = Truth::now(attempt).await?;
        match truth.status {
            PackageStatus::Finalized
            | PackageStatus::DeletionRequested
            | PackageStatus::DeletionBlocked => {}
            PackageStatus::Finalizing => {
                return Err(ServiceError::new(ErrorKind::Busy, "the package is being finalized"));
            }
            PackageStatus::Open
            | PackageStatus::Deleting
            | PackageStatus::Deleted
            | PackageStatus::Abandoned => return Ok(json!({ "status": truth.status })),
        }
        let mut seen = Seen::default();
        let is_whole = pass(attempt, &package, &truth, &mut seen).await?;
        if !is_whole {
            continue;
        }
        match conclude_retention::conclude(attempt, &truth, &seen).await? {
            Concluded::Changed => {}
            Concluded::Failed => {
                return Err(seen.errors.into_iter().next().unwrap_or_else(|| {
                    ServiceError::new(
                        ErrorKind::StoreRefused,
                        "the store does not hold some objects as it should",
                    )
                }));
            }
            Concluded::Done(outcome) => return Ok(outcome),
        }
    }
    Err(ServiceError::new(
        ErrorKind::Busy,
        "the package is decided about faster than it is carried out",
    ))
}

/// Goes over every object. `false`: something else was decided meanwhile.
async fn pass(
    attempt: &Attempt,
    package: &PackageRow,
    truth: &Truth,
    seen: &mut Seen,
) -> Result<bool, ServiceError> {
    in_doubt::settle(attempt, package).await?;
    let backend = attempt.registry().backends().get(&package.backend_id)?;
    let store = Store::look(&*backend.store, attempt.registry().clock().now()).await?;
    let (mut after, mut others_hold) = (FIRST, false);
    loop {
        if Truth::now(attempt).await?.1 != *truth {
            return Ok(false);
        }
        let locations = {
            let mut session = attempt.registry().db().read().await?;
            let mut rows = session.of(attempt.tenant());
            rows.locations_of_package(package.id, after, PAGE_ROWS).await?
        };
        let Some(last) = locations.last() else { break };
        after = last.id;
        let mut locations = locations;
        locations.retain(|location| location.status == LocationStatus::Active);
        let locations = intend(attempt, &store, package, truth, locations).await?;
        others_hold |= locations.iter().any(|location| location.hold_was_set_before);
        bring_files(attempt, &store, package, truth, locations, seen).await?;
        if seen.errors.len() >= FAILURES_MAX {
            return Ok(true);
        }
    }
    bring_documents(attempt, &store, package, truth, others_hold, seen).await
}

/// Before a hold's bit is set for the first time, notes of each object whether somebody else had set it: a release
/// of ours leaves theirs. What is noted to be ours before it is read back stays ours after a cut.
async fn intend(
    attempt: &Attempt,
    store: &Store<'_>,
    package: &PackageRow,
    truth: &Truth,
    mut locations: Vec<LocationRow>,
) -> Result<Vec<LocationRow>, ServiceError> {
    if !truth.is_held() {
        return Ok(locations);
    }
    let mut intended = Vec::new();
    for location in locations.iter_mut().filter(|location| !location.lock_hold) {
        let object = Object::of(package, location)?;
        let before = store.store.lock(&object.key, object.version.as_ref()).await?;
        location.lock_hold = true;
        location.hold_was_set_before = before.legal_hold.value() == Some(&true);
        if !location.hold_was_set_before {
            location.lock_read_at = None;
            location.lock_unobserved =
                Some(unobserved_name(strongroom_core::observed::Unobserved::NotProbed));
        }
        intended.push(location.clone());
    }
    note(attempt, intended).await?;
    Ok(locations)
}

async fn bring_files(
    attempt: &Attempt,
    store: &Store<'_>,
    package: &PackageRow,
    truth: &Truth,
    locations: Vec<LocationRow>,
    seen: &mut Seen,
) -> Result<(), ServiceError> {
    let at_once = attempt.registry().settings().jobs.objects_at_once.max(1);
    // Boxed one by one: a future over a closure cannot be seen to be `Send` by who spawns it.
    let brought: Vec<BoxFuture<'_, _>> = locations
        .into_iter()
        .map(|location| {
            async move {
                let object = Object::of(package, &location)?;
                let ours = location.lock_hold && !location.hold_was_set_before;
                let brought = store.bring(&object, truth, location.lock_retain_until, ours).await;
                attempt.step();
                Ok::<_, ServiceError>((location, brought))
            }
            .boxed()
        })
        .collect();
    let brought: Vec<_> = stream::iter(brought).buffer_unordered(at_once).collect().await;
    let mut changed = Vec::new();
    for one in brought {
        let (mut location, brought) = one?;
        seen.add(&brought);
        match brought {
            Ok(brought) => {
                read_back(&mut location, &brought);
                changed.push(location);
            }
            Err(error) => seen.errors.push(error),
        }
    }
    note(attempt, changed).await
}

/// The registry's own documents have no rows. Their bits are taken for ours, unless somebody else was seen to hold
/// files of the package by hand: then these too.
async fn bring_documents(
    attempt: &Attempt,
    store: &Store<'_>,
    package: &PackageRow,
    truth: &Truth,
    others_hold: bool,
    seen: &mut Seen,
) -> Result<bool, ServiceError> {
    let at_once = attempt.registry().settings().jobs.objects_at_once.max(1);
    let mut page = None;
    loop {
        if Truth::now(attempt).await?.1 != *truth {
            return Ok(false);
        }
        let listed = documents(store.store, package, page).await?;
        let brought: Vec<BoxFuture<'_, _>> = listed
            .objects
            .iter()
            .map(|object| {
                async move {
                    let held = store.store.lock(&object.key, object.version.as_ref()).await?;
                    let held_until = held.certain().retention.map(|held| held.retain_until);
                    let brought = store.bring(object, truth, held_until, !others_hold).await;
                    attempt.step();
                    brought
                }
                .boxed()
            })
            .collect();
        let brought: Vec<_> = stream::iter(brought).buffer_unordered(at_once).collect().await;
        for brought in brought {
            seen.add(&brought);
            seen.errors.extend(brought.err());
        }
        page = listed.next;
        if page.is_none() || seen.errors.len() >= FAILURES_MAX {
            return Ok(true);
        }
    }
}

/// What was read back, into the row.
fn read_back(location: &mut LocationRow, brought: &Brought) {
    let receipt = &brought.receipt;
    location.lock_mode = receipt.mode;
    location.lock_retain_until = receipt.retain_until;
    // What was not seen leaves standing whose the bit is.
    location.lock_hold = receipt.legal_hold.unwrap_or(location.lock_hold);
    if receipt.legal_hold == Some(false) {
        location.hold_was_set_before = false;
    }
    location.lock_read_at = receipt.read_back_at;
    location.lock_unobserved = receipt.unobserved.map(unobserved_name);
}

/// Writes rows of locations, each if it is still there.
async fn note(attempt: &Attempt, locations: Vec<LocationRow>) -> Result<(), ServiceError> {
    if locations.is_empty() {
        return Ok(());
    }
    let input = (attempt.tenant().clone(), attempt.job().clone(), locations);
    attempt.registry().db().write(input, |tx, i| Box::pin(write(tx, i))).await
}

async fn write(
    tx: &mut Tx,
    (tenant, job, locations): &(TenantId, JobRow, Vec<LocationRow>),
) -> Result<(), ServiceError> {
    let mut rows = tx.of(tenant);
    if !rows.has_job(job).await? {
        return Err(Attempt::lost());
    }
    for location in locations {
        rows.update_location(location, LocationStatus::Active).await?;
    }
    Ok(())
}
