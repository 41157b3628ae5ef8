//! Brings a package's date and holds to every object of it, and reads them back.
//!
//! A pass looks at what is decided now, brings each object to it and notes what was read back. It ends in one write
//! that holds the package and asks whether that is still decided: if not, another pass follows. So a hold that is
//! placed while a release is being carried out ends held.

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, stream};
use serde_json::{Value, json};
use strongroom_core::package::locks::{Reach, Reached};
use strongroom_core::package::{LocationStatus, PackageStatus};

use super::bring::{Bit, Brought, Store};
use super::conclude_retention::{self, Concluded};
use super::gone::{is_found_again, unless_gone};
use super::intend::{intend, note};
use super::objects::{FIRST, Object, PAGE_ROWS, documents};
use super::truth::Truth;
use super::{Attempt, in_doubt};
use crate::db::{LocationRow, PackageRow};
use crate::error::{ErrorKind, ServiceError};

/// Passes of one run. Each further one follows a decision that came meanwhile.
const PASSES_MAX: u32 = 16;
/// Objects of one pass that may fail before the rest waits for the next attempt.
const FAILURES_MAX: usize = 16;

/// What a pass saw.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) reached: Reached,
    /// The same of the hold's bit alone.
    pub(super) holds: Reached,
    pub(super) beyond_asked: u64,
    /// Files that are gone: nothing can be brought to them.
    missing: u64,
    /// Whether one of them bore the hold's bit for us when it was there last.
    pub(super) left_bit: bool,
    /// What went wrong, the first of each.
    pub(super) errors: Vec<ServiceError>,
}

impl Seen {
    fn add(&mut self, brought: &Result<Brought, ServiceError>) {
        let Ok(brought) = brought else { return };
        self.reached.add(brought.reach);
        self.holds.add(brought.hold);
        self.beyond_asked += u64::from(brought.is_beyond_asked);
    }

    /// A file that was found to be gone: the store cannot hold it. Whoever finds it again has this done again.
    fn add_missing(&mut self, location: &LocationRow) {
        self.missing += 1;
        self.left_bit |= location.hold_is_ours();
        self.reached.add(Reach::Partial);
        self.holds.add(Reach::Partial);
    }

    /// What can be said of the whole: what could not be brought, or whose bit is not as it should be, has failed.
    pub(super) fn weakest(&self) -> Reach {
        match self.weakest_hold() {
            Reach::Failed => Reach::Failed,
            _ => self.reached.weakest(),
        }
    }

    /// The same of the hold's bit alone.
    pub(super) fn weakest_hold(&self) -> Reach {
        if self.errors.is_empty() { self.holds.weakest() } else { Reach::Failed }
    }

    pub(super) fn outcome(&self) -> Value {
        let Reached { held, advisory, partial, failed } = self.reached;
        json!({
            "held": held,
            "advisory": advisory,
            "partial": partial,
            "failed": failed + self.errors.len() as u64,
            "beyond_asked": self.beyond_asked,
            "missing": self.missing,
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
            // Of a class that locks in the write, objects may bear the bit of a hold that is released by now.
            PackageStatus::Open if truth.locks_in_write() => {}
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

/// Goes over every object. `false`: something else was decided meanwhile, or an object is there again.
async fn pass(
    attempt: &Attempt,
    package: &PackageRow,
    truth: &Truth,
    seen: &mut Seen,
) -> Result<bool, ServiceError> {
    in_doubt::settle(attempt, package).await?;
    let backend = attempt.registry().backends().get(&package.backend_id)?;
    let store = Store::look(attempt, &*backend.store).await?;
    let (mut after, mut bits) = (FIRST, Bits::default());
    let mut has_news = false;
    loop {
        if !Truth::now(attempt).await?.1.decides_as(truth) {
            return Ok(false);
        }
        let mut locations = {
            let mut session = attempt.registry().db().read().await?;
            let mut rows = session.of(attempt.tenant());
            rows.locations_of_package(package.id, after, PAGE_ROWS).await?
        };
        let Some(last) = locations.last() else { break };
        after = last.id;
        if locations.iter().any(|location| location.status == LocationStatus::Deleting) {
            // Its deletion may still be refused, and nobody would bring it to this.
            let busy = "whether an object is deleted is not known yet";
            seen.errors.push(ServiceError::new(ErrorKind::Busy, busy));
        }
        for location in locations.iter().filter(|one| one.status == LocationStatus::Missing) {
            match is_found_again(attempt, store.store, package, location).await? {
                true => has_news = true,
                false => seen.add_missing(location),
            }
        }
        // Other bytes than were stored are held like those: they may show what came about.
        locations.retain(|location| {
            matches!(location.status, LocationStatus::Active | LocationStatus::Corrupt)
        });
        if truth.is_held() {
            intend(attempt, store.store, locations.iter_mut()).await?;
        }
        bits.add(&locations);
        bring_files(attempt, &store, package, truth, locations, seen).await?;
        if seen.errors.len() >= FAILURES_MAX {
            return Ok(true);
        }
    }
    let bit = bits.of_documents();
    let is_whole = bring_documents(attempt, &store, package, truth, bit, seen).await?;
    Ok(is_whole && !has_news)
}

/// Whose bits were seen on a package's files.
#[derive(Debug, Default)]
struct Bits {
    ours: bool,
    others: bool,
}

impl Bits {
    fn add(&mut self, locations: &[LocationRow]) {
        self.ours |= locations.iter().any(LocationRow::hold_is_ours);
        self.others |= locations.iter().any(|location| location.hold_was_set_before);
    }

    /// The registry's own documents have no rows. Their bits are taken for ours, unless somebody else was seen to
    /// hold files of the package by hand: then these too.
    fn of_documents(&self) -> Bit {
        match (self.others, self.ours) {
            (true, _) => Bit::NotOurs,
            (false, true) => Bit::Ours,
            (false, false) => Bit::OursIfOn,
        }
    }
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
                let bit = if location.hold_is_ours() { Bit::Ours } else { Bit::NotOurs };
                let brought = store.bring(&object, truth, location.lock_retain_until, bit).await;
                let gone = (&object, &location);
                let brought = unless_gone(attempt, store.store, package, gone, brought).await;
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
        let Some(brought) = brought else {
            seen.add_missing(&location);
            continue;
        };
        seen.add(&brought);
        match brought {
            Ok(brought) => {
                location.read_back(&brought.receipt);
                changed.push(location);
            }
            Err(error) => seen.errors.push(error),
        }
    }
    note(attempt, changed).await?;
    Ok(())
}

async fn bring_documents(
    attempt: &Attempt,
    store: &Store<'_>,
    package: &PackageRow,
    truth: &Truth,
    bit: Bit,
    seen: &mut Seen,
) -> Result<bool, ServiceError> {
    let at_once = attempt.registry().settings().jobs.objects_at_once.max(1);
    let mut page = None;
    loop {
        if !Truth::now(attempt).await?.1.decides_as(truth) {
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
                    let brought = store.bring(object, truth, held_until, bit).await;
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
