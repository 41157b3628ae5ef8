//! A hold is given up; its bits are cleared where they are ours and no other hold of ours remains.

use std::collections::BTreeSet;

use strongroom_core::BundleId;
use strongroom_core::history::{History, ObjectName};
use strongroom_core::observed::Observed;
use strongroom_core::record::{Change, HoldBefore, LeftOn, RecordedObject};
use strongroom_core::retention::{Lock, Retention};
use uuid::Uuid;

use super::super::guarded::{self, GuardedObject, ObjectRole, locks_of, named};
use super::super::kept::{self, Kept};
use super::super::lock_change::{
    self, Asker, LockChange, ObjectOutcome, ObjectState, beyond_undoing, not_on_record,
    record_lock, recorded, strengthen,
};
use super::super::lock_plan::LockPlan;
use super::super::{EvidenceError, EvidenceErrorKind, record};
use super::{Ground, refuse_unobserved};
use crate::{Clock, SeenLock, Storage, protect};

/// Which hold to give up.
#[derive(Debug, Clone)]
pub struct ReleaseRequest {
    /// The bundle.
    pub id: BundleId,
    /// The hold: of a push, the id of the record that keeps its receipt.
    pub hold_id: Uuid,
    /// Who asks, and why.
    pub asker: Asker,
}

/// A release that has looked at every object, and has written nothing yet.
pub struct Release<'a> {
    store: &'a dyn Storage,
    clock: &'a Clock,
    request: ReleaseRequest,
    record: LockPlan,
    /// Whether an earlier run gave the hold up.
    is_begun: bool,
    /// Whether that run said what the bits were after.
    is_finished: bool,
    planned: Vec<ObjectOutcome>,
}

impl<'a> Release<'a> {
    /// Finds the hold and everything that may bear its bit. Writes nothing.
    pub async fn prepare(
        store: &'a dyn Storage,
        request: ReleaseRequest,
        clock: &'a Clock,
    ) -> Result<Self, EvidenceError> {
        let ground = Ground::of(store, clock).await?;
        let kept = kept::read_all(store, request.id).await?;
        let history = kept.history(request.id);
        let Some(hold) = history.holds.get(&request.hold_id).filter(|hold| !hold.is_unknown())
        else {
            return Err(unknown_hold(&kept));
        };
        let (is_begun, is_finished) = (!hold.is_open(), hold.release_is_finished);
        let objects = objects_of(store, request.id, &kept, &history).await?;
        let locks = locks_of(store, &objects).await?;
        let seen: Vec<_> = objects.into_iter().zip(locks).filter_map(with_lock).collect();
        let mut retention = None;
        for (_, seen) in seen.iter().filter(|(object, _)| object.role == ObjectRole::Bundle) {
            refuse_unobserved(seen)?;
            retention = strongroom_core::retention::join(retention, seen.certain().retention);
        }
        let remains = other_open_holds(&history, request.hold_id);
        let record = ground.plan_record(retention, remains)?;
        let planned = seen
            .iter()
            .map(|(object, seen)| {
                let why_left = why_left_on(store, object, remains, &kept, &history);
                planned_outcome(store, object, seen, why_left)
            })
            .collect();
        Ok(Self { store, clock, request, record, is_begun, is_finished, planned })
    }

    /// The lock of its records that nobody could undo: they are locked like the bundle.
    pub fn beyond_undoing(&self) -> Option<Retention> {
        let effective = self.record.effective.value().and_then(|lock| lock.retention);
        beyond_undoing(effective.filter(|_| !self.is_done()).into_iter())
    }

    fn is_done(&self) -> bool {
        let waits = |outcome: &ObjectOutcome| outcome.state == ObjectState::WouldChange;
        self.is_finished && !self.planned.iter().any(waits)
    }

    /// What would be done.
    pub fn plan(&self) -> LockChange {
        self.change(self.planned.clone())
    }

    fn change(&self, objects: Vec<ObjectOutcome>) -> LockChange {
        LockChange {
            bundle_id: self.request.id,
            hold_id: Some(self.request.hold_id),
            is_new: !self.is_done(),
            objects,
            records: Vec::new(),
            warnings: Vec::new(),
            shortfall: None,
        }
    }

    /// Writes the release down, reads which holds remain, clears what is ours, looks again, keeps the
    /// record of that, and only then answers.
    pub async fn execute(&self) -> Result<LockChange, EvidenceError> {
        if self.is_done() {
            return Ok(self.plan());
        }
        let hold_id = self.request.hold_id;
        let mut records = Vec::new();
        if !self.is_begun {
            let names = self.planned.iter().map(|planned| {
                RecordedObject::new(planned.object.key.clone(), planned.object.version_id.clone())
            });
            records = self.keep(Change::ReleaseBegun { hold_id }, names.collect()).await?.keys;
        }
        let (objects, first_failure) = self.clear().await.map_err(|error| self.given_up(error))?;
        let mut change = self.change(objects);
        let entries = change.objects.iter().map(|outcome| outcome.object.clone()).collect();
        let kept = self.keep(Change::HoldReleased { hold_id }, entries).await;
        let kept = kept.map_err(|error| not_on_record(error, "the hold is given up"))?;
        records.extend(kept.keys);
        change.records = records;
        change.warnings = kept.warnings;
        change.shortfall = lock_change::shortfall(&change.objects, first_failure, "the legal hold");
        Ok(change)
    }

    /// The hold is given up by now, whatever failed after.
    fn given_up(&self, error: EvidenceError) -> EvidenceError {
        EvidenceError::new(
            EvidenceErrorKind::PartlyDone,
            format!("the hold is given up, but not all of its bits were looked at: {error}"),
        )
        .with_guidance("run this again to finish")
        .with_source(error)
    }

    async fn clear(&self) -> Result<(Vec<ObjectOutcome>, Option<EvidenceError>), EvidenceError> {
        let (store, id) = (self.store, self.request.id);
        let kept = kept::read_all(store, id).await?;
        let history = kept.history(id);
        let remains = other_open_holds(&history, self.request.hold_id);
        let objects = objects_of(store, id, &kept, &history).await?;
        let locks = locks_of(store, &objects).await?;
        let mut cleared = Vec::new();
        let mut first_failure = None;
        for (object, seen) in objects.into_iter().zip(locks).filter_map(with_lock) {
            let why_left = why_left_on(store, &object, remains, &kept, &history);
            let planned = planned_outcome(store, &object, &seen, why_left);
            if planned.state != ObjectState::WouldChange {
                cleared.push((object, planned));
                continue;
            }
            let (outcome, failure) = clear_one(store, &object, planned).await;
            first_failure = first_failure.or(failure);
            cleared.push((object, outcome));
        }
        // A hold that was written down since then may have set its bits before we cleared; and a run
        // that was cut short here may have left the bits of another hold off.
        let history = kept::read_all(store, id).await?.history(id);
        let remains = other_open_holds(&history, self.request.hold_id);
        for (object, outcome) in &mut cleared {
            let is_off = outcome.object.legal_hold == Some(false);
            let was_cleared = outcome.state == ObjectState::Changed;
            let is_promised = history.promised(&object.name(store)).legal_hold;
            if is_off && remains && (was_cleared || is_promised) {
                *outcome = set_again(store, object).await;
            }
        }
        Ok((cleared.into_iter().map(|(_, outcome)| outcome).collect(), first_failure))
    }

    async fn keep(
        &self,
        done: Change,
        entries: Vec<RecordedObject>,
    ) -> Result<record::KeptChange, EvidenceError> {
        let (store, id) = (self.store, self.request.id);
        let now = store.now().await?;
        let mut kept = self.request.asker.record(store, id, now, done, entries);
        kept.written_with_hold = self.record.to_send.legal_hold;
        let lock = record_lock(&self.record);
        record::keep_change(store, id, self.clock.new_id(), kept, &lock, self.clock).await
    }
}

fn with_lock(pair: (GuardedObject, Option<SeenLock>)) -> Option<(GuardedObject, SeenLock)> {
    let (object, seen) = pair;
    seen.map(|seen| (object, seen))
}

fn other_open_holds(history: &History, hold_id: Uuid) -> bool {
    history.open_holds().any(|(other, _)| *other != hold_id)
}

/// Everything that is there, and everything that a hold names: a version that is no longer the current
/// one keeps its bit.
async fn objects_of(
    store: &dyn Storage,
    id: BundleId,
    kept: &Kept,
    history: &History,
) -> Result<Vec<GuardedObject>, EvidenceError> {
    let mut objects = guarded::pinned(store, id, kept).await?;
    objects.extend(guarded::attestations(store, id).await?);
    objects.extend(guarded::records_in(kept));
    let mut names: BTreeSet<ObjectName> = objects.iter().map(|object| object.name(store)).collect();
    for name in history.holds.values().flat_map(|hold| hold.objects.keys()) {
        if let Some(object) = named(store, id, name)
            && names.insert(name.clone())
        {
            objects.push(object);
        }
    }
    objects.sort_by_key(|object| object.role);
    Ok(objects)
}

/// Why the bit of an object stays, if it is on; `None` where it is ours to clear.
fn why_left_on(
    store: &dyn Storage,
    object: &GuardedObject,
    another_remains: bool,
    kept: &Kept,
    history: &History,
) -> Option<LeftOn> {
    if another_remains {
        return Some(LeftOn::HeldByUs);
    }
    if !kept.is_whole() {
        return Some(LeftOn::RecordsUnread);
    }
    match history.whose_bit(&object.name(store), object.record) {
        Some(HoldBefore::Off | HoldBefore::Ours) => None,
        Some(HoldBefore::Others) => Some(LeftOn::HeldByOthers),
        None => Some(LeftOn::NotOnRecord),
    }
}

fn planned_outcome(
    store: &dyn Storage,
    object: &GuardedObject,
    seen: &SeenLock,
    why_left: Option<LeftOn>,
) -> ObjectOutcome {
    let mut entry = recorded(store, object);
    entry.legal_hold = seen.legal_hold.value().copied();
    entry.read_back_at = seen.read_at.filter(|_| entry.legal_hold.is_some());
    entry.unobserved = seen.legal_hold.reason();
    let state = match (&seen.legal_hold, why_left) {
        (Observed::Unobserved(_), _) => ObjectState::Unobserved,
        (Observed::Observed(false), _) => ObjectState::Unchanged,
        (Observed::Observed(true), None) => ObjectState::WouldChange,
        (Observed::Observed(true), Some(why)) => {
            entry.left_on = Some(why);
            ObjectState::LeftOn
        }
    };
    ObjectOutcome { role: object.role, state, object: entry, problem: None }
}

/// Clears one bit, and reads it back.
async fn clear_one(
    store: &dyn Storage,
    object: &GuardedObject,
    mut outcome: ObjectOutcome,
) -> (ObjectOutcome, Option<EvidenceError>) {
    let version = object.version.as_ref();
    outcome.object.asked.legal_hold = Some(false);
    let (seen, refusal) = match protect::clear_hold(store, &object.key, version).await {
        Ok(answer) => answer,
        Err(error) => {
            outcome.state = ObjectState::Failed;
            outcome.object.legal_hold = None;
            outcome.object.read_back_at = None;
            outcome.problem = Some(error.to_string());
            return (outcome, Some(error.into()));
        }
    };
    outcome.object.legal_hold = seen.legal_hold.value().copied();
    outcome.object.unobserved = seen.legal_hold.reason();
    outcome.object.read_back_at = seen.read_at.filter(|_| outcome.object.legal_hold.is_some());
    outcome.state = match outcome.object.legal_hold {
        Some(false) => ObjectState::Changed,
        Some(true) => ObjectState::NotMet,
        None => ObjectState::Unobserved,
    };
    if outcome.state == ObjectState::NotMet {
        outcome.object.left_on = Some(LeftOn::Refused);
    }
    outcome.problem = refusal.as_ref().map(ToString::to_string);
    (outcome, refusal.map(EvidenceError::from))
}

/// Another hold came while this one was cleared: its bit goes back on.
async fn set_again(store: &dyn Storage, object: &GuardedObject) -> ObjectOutcome {
    let off = SeenLock {
        retention: Observed::Observed(None),
        legal_hold: Observed::Observed(false),
        read_at: None,
    };
    let held = Lock { retention: None, legal_hold: true };
    let (mut outcome, _) = strengthen(store, object, &off, held).await;
    if outcome.state == ObjectState::Changed {
        outcome.state = ObjectState::LeftOn;
        outcome.object.left_on = Some(LeftOn::HeldByUs);
    }
    outcome
}

fn unknown_hold(kept: &Kept) -> EvidenceError {
    let error = EvidenceError::new(
        EvidenceErrorKind::NotFound,
        match kept.is_whole() {
            true => "no record of this bundle tells of that hold: nothing was changed",
            false => {
                "no record of this bundle that could be read tells of that hold: nothing was changed"
            }
        },
    );
    error.with_guidance("`evidence retention show` lists the open holds")
}
