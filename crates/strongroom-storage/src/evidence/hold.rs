//! Legal holds on stored evidence. The bit is one, and others use it too: what it was before us is on
//! record before we set it, and it is cleared only where records say that we set it and that no hold
//! of ours remains.
//!
//! Whoever places writes the hold down first and sets the bits then; whoever releases writes that down
//! first, reads which holds remain, clears, and looks again. So of two that run at once, the one that
//! releases sees the hold of the other or the other sets its bits after the clearing: no placed hold is
//! left without its bit.

mod release;

use jiff::Timestamp;
use strongroom_core::BundleId;
use strongroom_core::history::{History, Hold};
use strongroom_core::observed::Observed;
use strongroom_core::receipt::EnforcedBy;
use strongroom_core::record::{Change, HoldBefore, RecordedObject};
use strongroom_core::retention::{DefaultRetention, Lock, Retention, check_clocks};
use uuid::Uuid;

use super::guarded::{self, Guarded, GuardedObject, ObjectRole};
use super::lock_change::{
    self, Asker, LockChange, ObjectOutcome, ObjectState, beyond_undoing, bundle_is_unobserved,
    check_possible, not_on_record, record_lock, recorded, strengthen,
};
use super::lock_plan::{self, LockAsk, LockPlan};
use super::{EvidenceError, EvidenceErrorKind, kept, record};
use crate::{Clock, SeenLock, Storage};

pub use self::release::{Release, ReleaseRequest};

/// Which bundle to hold.
#[derive(Debug, Clone)]
pub struct PlaceRequest {
    /// The bundle.
    pub id: BundleId,
    /// Who asks, and why. The same again is the same hold, not another one.
    pub asker: Asker,
}

/// A hold that has looked at every object, and has written nothing yet.
pub struct Placement<'a> {
    store: &'a dyn Storage,
    clock: &'a Clock,
    request: PlaceRequest,
    hold_id: Uuid,
    guarded: Guarded,
    planned: Vec<Planned>,
    record: LockPlan,
    /// Whether the hold is on record already.
    is_on_record: bool,
    /// Whether that says of every object how its bit was before.
    is_begun: bool,
    /// Whether an earlier run acknowledged it.
    is_placed: bool,
}

/// One object, and how its bit was before this hold.
struct Planned {
    object: GuardedObject,
    seen: SeenLock,
    before: Option<HoldBefore>,
}

impl Planned {
    fn is_held(&self) -> bool {
        self.seen.legal_hold == Observed::Observed(true)
    }

    fn entry(&self, store: &dyn Storage) -> RecordedObject {
        let mut entry = recorded(store, &self.object);
        entry.hold_before = self.before;
        entry.asked.legal_hold = Some(true);
        entry
    }
}

impl<'a> Placement<'a> {
    /// Finds the objects, reads their bits, and tells whose those are. Writes nothing.
    pub async fn prepare(
        store: &'a dyn Storage,
        request: PlaceRequest,
        clock: &'a Clock,
    ) -> Result<Self, EvidenceError> {
        let ground = Ground::of(store, clock).await?;
        let guarded = guarded::find(store, request.id).await?;
        let locks = guarded::locks_of(store, &guarded.objects).await?;
        // The bits first and the records after: a bit that somebody of us set in between is on record.
        let kept = kept::read_all(store, request.id).await?;
        let history = kept.history(request.id);
        let retention = of_the_bundle(&guarded, &locks)?;
        let record = ground.plan_record(retention, true)?;
        let found = same_hold(&history, &request.asker);
        let hold_id = found.map_or_else(|| clock.new_id(), |(hold_id, _)| hold_id);
        let hold = found.map(|(_, hold)| hold);
        let planned: Vec<Planned> = guarded
            .objects
            .iter()
            .zip(locks)
            .filter_map(|(object, seen)| {
                let seen = seen?;
                let before = before(store, object, &seen, &history, hold);
                Some(Planned { object: object.clone(), seen, before })
            })
            .collect();
        let is_named = |planned: &Planned| {
            let named = hold.and_then(|hold| hold.objects.get(&planned.object.name(store)));
            named.is_some_and(|held| held.before.is_some())
        };
        let is_begun = planned.iter().all(|planned| planned.is_held() || is_named(planned));
        let is_placed = hold.is_some_and(|hold| hold.is_placed);
        Ok(Self {
            store,
            clock,
            request,
            hold_id,
            is_on_record: hold.is_some(),
            is_begun: is_begun && hold.is_some(),
            guarded,
            planned,
            record,
            is_placed,
        })
    }

    /// The hold: a new one, or the one that the same words placed before.
    pub fn hold_id(&self) -> Uuid {
        self.hold_id
    }

    /// The lock of its records that nobody could undo: they are locked like the bundle.
    pub fn beyond_undoing(&self) -> Option<Retention> {
        let effective = self.record.effective.value().and_then(|lock| lock.retention);
        beyond_undoing(effective.filter(|_| !self.is_done()).into_iter())
    }

    fn is_done(&self) -> bool {
        self.is_placed && self.planned.iter().all(Planned::is_held)
    }

    /// What would be done.
    pub fn plan(&self) -> LockChange {
        let objects = self.planned.iter().map(|planned| {
            let mut entry = planned.entry(self.store);
            entry.unobserved = planned.seen.legal_hold.reason();
            let state = match (planned.is_held(), entry.unobserved) {
                (true, _) => ObjectState::Unchanged,
                (false, Some(_)) => ObjectState::Unobserved,
                (false, None) => ObjectState::WouldChange,
            };
            ObjectOutcome { role: planned.object.role, state, object: entry, problem: None }
        });
        self.change(objects.collect())
    }

    fn change(&self, objects: Vec<ObjectOutcome>) -> LockChange {
        LockChange {
            bundle_id: self.guarded.id,
            hold_id: Some(self.hold_id),
            is_new: !self.is_done(),
            objects,
            records: Vec::new(),
            warnings: self.guarded.warnings(),
            shortfall: None,
        }
    }

    /// Writes the hold down, sets the bits, reads them back, keeps the record of that, and only then
    /// answers.
    pub async fn execute(&self) -> Result<LockChange, EvidenceError> {
        if self.is_done() {
            let mut change = self.plan();
            for outcome in &mut change.objects {
                outcome.object.legal_hold = Some(true);
            }
            return Ok(change);
        }
        let mut begun = Vec::new();
        if !self.is_begun {
            let entries = self.planned.iter().map(|planned| planned.entry(self.store)).collect();
            let beginning = Change::HoldBegun { hold_id: self.hold_id };
            // The first record of a hold bears its id; a hold that is taken up again has one.
            let id = if self.is_on_record { self.clock.new_id() } else { self.hold_id };
            begun = self.keep(id, beginning, entries).await?.keys;
        }
        let mut objects = Vec::new();
        let mut first_failure = None;
        for planned in &self.planned {
            let target = Lock { retention: None, legal_hold: true };
            let (mut outcome, failure) =
                strengthen(self.store, &planned.object, &planned.seen, target).await;
            outcome.object.hold_before = planned.before;
            outcome.object.retention_before = None;
            objects.push(outcome);
            first_failure = first_failure.or(failure);
        }
        let mut change = self.change(objects);
        change.records = begun;
        if change.objects.iter().any(|object| object.object.legal_hold == Some(true)) {
            let entries = change.objects.iter().map(|outcome| outcome.object.clone()).collect();
            let placed = Change::HoldPlaced { hold_id: self.hold_id };
            let kept = self.keep(self.clock.new_id(), placed, entries).await;
            let kept = kept.map_err(|error| not_on_record(error, "bits were set"))?;
            change.records.extend(kept.keys);
            change.warnings.extend(kept.warnings);
        }
        change.shortfall = lock_change::shortfall(&change.objects, first_failure, "the legal hold");
        Ok(change)
    }

    async fn keep(
        &self,
        record_id: Uuid,
        done: Change,
        entries: Vec<RecordedObject>,
    ) -> Result<record::KeptChange, EvidenceError> {
        let (store, id) = (self.store, self.guarded.id);
        let now = store.now().await?;
        let mut kept = self.request.asker.record(store, id, now, done, entries);
        kept.written_with_hold = true;
        record::keep_change(store, id, record_id, kept, &record_lock(&self.record), self.clock)
            .await
    }
}

/// An open hold that was placed by the same words: a run that was cut short, or its answer lost.
fn same_hold<'h>(history: &'h History, asker: &Asker) -> Option<(Uuid, &'h Hold)> {
    let mut open = history
        .open_holds()
        .filter(|(_, hold)| !hold.by_push && hold.reason == asker.reason && hold.by == asker.by);
    open.next().map(|(hold_id, hold)| (*hold_id, hold))
}

/// How the bit was before this hold: as the hold's own first record says, else as it is now.
fn before(
    store: &dyn Storage,
    object: &GuardedObject,
    seen: &SeenLock,
    history: &History,
    hold: Option<&Hold>,
) -> Option<HoldBefore> {
    let name = object.name(store);
    let on_record = hold.and_then(|hold| hold.objects.get(&name)).and_then(|held| held.before);
    if on_record.is_some() {
        return on_record;
    }
    match seen.legal_hold {
        Observed::Observed(false) => Some(HoldBefore::Off),
        Observed::Observed(true) => {
            Some(history.whose_bit(&name, object.record).unwrap_or(HoldBefore::Others))
        }
        Observed::Unobserved(_) => None,
    }
}

/// The retention of the bundle, whose records are locked like it. Refuses where its hold bit may not be
/// read.
fn of_the_bundle(
    guarded: &Guarded,
    locks: &[Option<SeenLock>],
) -> Result<Option<Retention>, EvidenceError> {
    let mut joined = None;
    let objects = guarded.objects.iter().zip(locks);
    for (_, seen) in objects.filter(|(object, _)| object.role == ObjectRole::Bundle) {
        let Some(seen) = seen else { continue };
        refuse_unobserved(seen)?;
        joined = strongroom_core::retention::join(joined, seen.certain().retention);
    }
    Ok(joined)
}

/// Where the bundle's own bit may not be read, nobody could tell what came of a change.
fn refuse_unobserved(bundle: &SeenLock) -> Result<(), EvidenceError> {
    match bundle.legal_hold.reason() {
        Some(_) => Err(bundle_is_unobserved("legal hold")),
        None => Ok(()),
    }
}

/// What a store does about locks, and what both clocks show.
struct Ground {
    default_retention: Observed<Option<DefaultRetention>>,
    enforced_by: EnforcedBy,
    store_now: Timestamp,
    local_now: Timestamp,
}

impl Ground {
    /// Refuses a store that cannot lock, and a clock that cannot be relied on.
    async fn of(store: &dyn Storage, clock: &Clock) -> Result<Self, EvidenceError> {
        let (store_now, local_now) = (store.now().await?, clock.now());
        let bucket = store.bucket_locks().await?;
        let enforced_by = store.locks_enforced_by();
        check_possible(enforced_by, &bucket.takes_locks)?;
        // Ids sort by this machine's clock, and tell which came first.
        check_clocks(local_now, store_now).map_err(|skew| {
            EvidenceError::new(EvidenceErrorKind::RetentionNotMet, skew.to_string())
                .with_guidance("set this machine's clock: records sort by it")
        })?;
        let default_retention = bucket.default_retention;
        Ok(Self { default_retention, enforced_by, store_now, local_now })
    }

    /// The lock of the records of a hold: the bundle's own, where it has not ended, and the hold itself.
    fn plan_record(
        self,
        retention: Option<Retention>,
        legal_hold: bool,
    ) -> Result<LockPlan, EvidenceError> {
        let in_force = retention.filter(|retention| retention.retain_until > self.store_now);
        let ask = LockAsk {
            mode: in_force.map(|retention| retention.mode),
            retain_until: in_force.map(|retention| retention.retain_until),
            retention_days: None,
            legal_hold,
        };
        let (default, enforced_by) = (self.default_retention, self.enforced_by);
        lock_plan::plan(&ask, default, enforced_by, self.store_now, self.local_now)
    }
}
