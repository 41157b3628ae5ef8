//! Retention on stored evidence: looked at beside what the records promise, and extended. Only ever to
//! a later date and a stronger mode; the bundle, its signatures and its records, each by version id.

mod locked;
mod show;

use jiff::Timestamp;
use strongroom_core::BundleId;
use strongroom_core::history::History;
use strongroom_core::observed::Observed;
use strongroom_core::receipt::EnforcedBy;
use strongroom_core::record::Change;
use strongroom_core::retention::{Lock, LockMode, Retention};

use super::guarded::{self, Guarded, GuardedObject, ObjectRole};
use super::lock_change::{
    self, Asker, LockChange, ObjectOutcome, ObjectState, beyond_undoing, bundle_is_unobserved,
    check_possible, not_on_record, record_lock, recorded, strengthen,
};
use super::lock_plan::{self, LockAsk, LockPlan};
use super::{EvidenceError, EvidenceErrorKind, record};
use crate::{Clock, SeenLock, Storage};

pub use self::locked::{Expected, LockedVersion, locked_versions};
pub use self::show::{
    OpenHold, RecordsSeen, RetentionReport, SeenObject, Standing, show as show_retention,
};

/// What to extend, and until when.
#[derive(Debug, Clone)]
pub struct ExtendRequest {
    /// The bundle.
    pub id: BundleId,
    /// The new date.
    pub retain_until: Timestamp,
    /// The new mode; the one that the bundle is under without a word.
    pub mode: Option<LockMode>,
    /// The mode where there is none yet.
    pub default_mode: LockMode,
    /// Accept a COMPLIANCE lock that only Strongroom itself enforces.
    pub allow_advisory_lock: bool,
    /// Who asks, and why.
    pub asker: Asker,
}

/// An extension that has looked at every object, and has written nothing yet.
pub struct Extension<'a> {
    store: &'a dyn Storage,
    clock: &'a Clock,
    request: ExtendRequest,
    asked: Retention,
    guarded: Guarded,
    planned: Vec<Planned>,
    record: LockPlan,
    is_on_record: bool,
}

/// One object, as it is and as it is to be.
struct Planned {
    object: GuardedObject,
    seen: SeenLock,
    target: Retention,
}

impl Planned {
    fn is_done(&self) -> bool {
        self.seen.certain().retention.is_some_and(|held| held.covers(self.target))
    }
}

impl<'a> Extension<'a> {
    /// Finds the objects and reads their locks. Refuses here whatever would shorten or weaken a lock,
    /// and whatever certainly cannot be kept. Writes nothing.
    pub async fn prepare(
        store: &'a dyn Storage,
        request: ExtendRequest,
        clock: &'a Clock,
    ) -> Result<Self, EvidenceError> {
        let store_now = store.now().await?;
        let bucket = store.bucket_locks().await?;
        let enforced_by = store.locks_enforced_by();
        check_possible(enforced_by, &bucket.takes_locks)?;
        let guarded = guarded::find(store, request.id).await?;
        let seen = guarded::locks_of(store, &guarded.objects).await?;
        let history = guarded.kept.history(request.id);
        let bundles: Vec<&SeenLock> = of_bundles(&guarded, &seen).collect();
        let mode = mode_to_ask(&request, &bundles)?;
        let ask = LockAsk {
            mode: Some(mode),
            retain_until: Some(request.retain_until),
            retention_days: None,
            legal_hold: history.open_holds().next().is_some(),
        };
        let default = bucket.default_retention;
        let record = lock_plan::plan(&ask, default, enforced_by, store_now, clock.now())?;
        let Some(asked) = record.asked.retention else {
            return Err(EvidenceError::new(
                EvidenceErrorKind::RetentionNotMet,
                "no date is asked for",
            ));
        };
        check_later(asked, &bundles)?;
        check_advisory(asked, enforced_by, request.allow_advisory_lock)?;
        let planned: Vec<Planned> = guarded
            .objects
            .iter()
            .zip(seen)
            .filter_map(|(object, seen)| {
                let seen = seen?;
                let target = seen.certain().retention.map_or(asked, |held| held.join(asked));
                Some(Planned { object: object.clone(), seen, target })
            })
            .collect();
        let is_on_record = is_on_record(store, &history, &planned, asked);
        Ok(Self { store, clock, request, asked, guarded, planned, record, is_on_record })
    }

    /// What is asked for.
    pub fn asked(&self) -> Retention {
        self.asked
    }

    /// The lock that nobody could undo, if this would bring one: accept its date first.
    pub fn beyond_undoing(&self) -> Option<Retention> {
        let of_objects = self.planned.iter().filter(|planned| !planned.is_done());
        let of_record = self.record.effective.value().and_then(|lock| lock.retention);
        let of_record = of_record.filter(|_| self.has_something_to_do());
        beyond_undoing(of_objects.map(|planned| planned.target).chain(of_record))
    }

    fn has_something_to_do(&self) -> bool {
        !self.is_on_record || self.planned.iter().any(|planned| !planned.is_done())
    }

    /// What would be done.
    pub fn plan(&self) -> LockChange {
        let objects = self.planned.iter().map(|planned| {
            let mut entry = recorded(self.store, &planned.object);
            entry.retention_before = planned.seen.certain().retention;
            entry.unobserved = planned.seen.retention.reason();
            entry.asked.retention = Some(planned.target);
            let state = match (planned.is_done(), entry.unobserved) {
                (true, _) => ObjectState::Unchanged,
                (false, Some(_)) => ObjectState::Unobserved,
                (false, None) => ObjectState::WouldChange,
            };
            ObjectOutcome { role: planned.object.role, state, object: entry, problem: None }
        });
        self.change(objects.collect(), self.has_something_to_do())
    }

    fn change(&self, objects: Vec<ObjectOutcome>, is_new: bool) -> LockChange {
        LockChange {
            bundle_id: self.guarded.id,
            hold_id: None,
            is_new,
            objects,
            records: Vec::new(),
            warnings: self.guarded.warnings(),
            shortfall: None,
        }
    }

    /// Does it, the bundle first; keeps the record; and only then answers.
    pub async fn execute(&self) -> Result<LockChange, EvidenceError> {
        let mut objects = Vec::new();
        let mut first_failure = None;
        for planned in &self.planned {
            let target = Lock { retention: Some(planned.target), legal_hold: false };
            let (outcome, failure) =
                strengthen(self.store, &planned.object, &planned.seen, target).await;
            objects.push(outcome);
            first_failure = first_failure.or(failure);
        }
        let was_changed = objects.iter().any(|object| object.state == ObjectState::Changed);
        let is_kept =
            |object: &ObjectOutcome| object.role != ObjectRole::Bundle || object.is_read_back();
        let to_record = was_changed || (!self.is_on_record && objects.iter().all(is_kept));
        let mut change = self.change(objects, to_record);
        if to_record {
            self.keep_record(&mut change).await?;
        }
        change.shortfall = lock_change::shortfall(&change.objects, first_failure, "the retention");
        Ok(change)
    }

    async fn keep_record(&self, change: &mut LockChange) -> Result<(), EvidenceError> {
        let entries = change.objects.iter().map(|outcome| outcome.object.clone()).collect();
        let done = Change::Extension { asked: self.asked };
        let keeping = async {
            let now = self.store.now().await?;
            let asker = &self.request.asker;
            let mut kept = asker.record(self.store, self.guarded.id, now, done, entries);
            kept.written_with_hold = self.record.to_send.legal_hold;
            let lock = record_lock(&self.record);
            let (store, clock) = (self.store, self.clock);
            record::keep_change(store, self.guarded.id, clock.new_id(), kept, &lock, clock).await
        };
        let kept = keeping.await.map_err(|error| not_on_record(error, "locks were extended"))?;
        change.records = kept.keys;
        change.warnings.extend(kept.warnings);
        Ok(())
    }
}

impl ObjectOutcome {
    fn is_read_back(&self) -> bool {
        matches!(self.state, ObjectState::Changed | ObjectState::Unchanged)
    }
}

/// The locks on the versions that hold the bundle.
fn of_bundles<'a>(
    guarded: &'a Guarded,
    seen: &'a [Option<SeenLock>],
) -> impl Iterator<Item = &'a SeenLock> {
    let objects = guarded.objects.iter().zip(seen);
    objects.filter(|(object, _)| object.role == ObjectRole::Bundle).filter_map(|(_, s)| s.as_ref())
}

/// The mode to ask for: as asked, and never weaker than what the bundle is under.
fn mode_to_ask(request: &ExtendRequest, bundles: &[&SeenLock]) -> Result<LockMode, EvidenceError> {
    let mut held = None;
    for bundle in bundles {
        match &bundle.retention {
            Observed::Observed(retention) => {
                held = held.max(retention.map(|retention| retention.mode));
            }
            Observed::Unobserved(_) => return Err(bundle_is_unobserved("retention")),
        }
    }
    match (request.mode, held) {
        (Some(asked), Some(held)) if asked < held => Err(EvidenceError::new(
            EvidenceErrorKind::RetentionNotMet,
            format!("the bundle is under a {held} lock, which is never made {asked}: nothing was changed"),
        )
        .with_guidance("leave --lock out to keep the mode")),
        (Some(asked), _) => Ok(asked),
        (None, held) => Ok(held.unwrap_or(request.default_mode)),
    }
}

/// A date is only ever made later.
fn check_later(asked: Retention, bundles: &[&SeenLock]) -> Result<(), EvidenceError> {
    let held = bundles.iter().filter_map(|bundle| bundle.certain().retention);
    let latest = held.map(|held| held.retain_until).max();
    match latest {
        Some(latest) if asked.retain_until.as_second() < latest.as_second() => {
            Err(EvidenceError::new(
                EvidenceErrorKind::RetentionNotMet,
                format!(
                    "the bundle is locked until {latest}, and a lock is never shortened: nothing was \
                     changed"
                ),
            )
            .with_guidance("give a later date"))
        }
        _ => Ok(()),
    }
}

fn check_advisory(
    asked: Retention,
    enforced_by: EnforcedBy,
    is_accepted: bool,
) -> Result<(), EvidenceError> {
    let is_advisory = enforced_by == EnforcedBy::Strongroom && asked.mode == LockMode::Compliance;
    if !is_advisory || is_accepted {
        return Ok(());
    }
    Err(EvidenceError::new(
        EvidenceErrorKind::RetentionNotMet,
        "a compliance lock is asked for, and locks in this store are Strongroom's own: anyone with \
         access to the files can delete them",
    )
    .with_guidance("pass --allow-advisory-lock to accept that"))
}

/// Whether the records promise it already: then an earlier run did all that this one would.
fn is_on_record(
    store: &dyn Storage,
    history: &History,
    planned: &[Planned],
    asked: Retention,
) -> bool {
    let mut bundles = planned.iter().filter(|p| p.object.role == ObjectRole::Bundle);
    bundles.all(|bundle| {
        let promised = history.promised(&bundle.object.name(store)).retention;
        promised.is_some_and(|promised| promised.covers(asked))
    })
}
