//! What all records of one bundle (or package) promise together: the locks, the open holds, and which
//! object each speaks of. Pure, and independent of the order in which the records come.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use uuid::Uuid;

use crate::receipt::{LockReceipt, Receipt};
use crate::record::{Change, ChangeRecord, HoldBefore, Record, RecordedObject, Subject};
use crate::retention::{self, Lock, Retention};
use crate::upload::UploadedObject;

/// A record, and the id that its key gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRecord {
    /// The UUIDv7 in its key.
    pub id: Uuid,
    /// What it says.
    pub record: Record,
}

/// The object that a promise speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectName {
    /// The whole key, prefix included.
    pub key: String,
    /// The version, where the store has versions.
    pub version_id: Option<String>,
}

/// What is promised of one object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Promise {
    /// The join of every dated lock that was read back.
    pub retention: Option<Retention>,
    /// The open holds that were read back on this object.
    pub holds: BTreeSet<Uuid>,
}

impl Promise {
    /// The lock that keeps this promise.
    pub fn lock(&self) -> Lock {
        Lock { retention: self.retention, legal_hold: !self.holds.is_empty() }
    }
}

/// One hold, as all records together tell of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hold {
    /// Why it was placed; absent for the hold of a push.
    pub reason: Option<String>,
    /// Who placed it, as they call themselves.
    pub by: Option<String>,
    /// When, by the store's clock; the earliest that is on record.
    pub placed_at: Option<Timestamp>,
    /// Whether a record begins or places it: a release alone makes no hold.
    pub is_begun: bool,
    /// Whether it was read back and acknowledged, and not only begun.
    pub is_placed: bool,
    /// The earliest record that gives it up.
    pub released_by: Option<Uuid>,
    /// Whether a record says what the bits were after it was given up.
    pub release_is_finished: bool,
    /// Whether a push placed it.
    pub by_push: bool,
    /// The objects that it names.
    pub objects: BTreeMap<ObjectName, HeldObject>,
}

impl Hold {
    /// Begun or placed, and not given up.
    pub fn is_open(&self) -> bool {
        self.released_by.is_none()
    }

    /// Whether only a release tells of it: nothing was ever begun under this id.
    pub fn is_unknown(&self) -> bool {
        !self.is_begun
    }
}

/// What is known of the hold bit of one object under one hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HeldObject {
    /// The bit before; `None` where no record says so.
    pub before: Option<HoldBefore>,
    /// Whether the bit was read back on.
    pub was_seen_on: bool,
    /// Whether giving up this hold cleared the bit, as read back.
    pub was_cleared: bool,
}

/// What all records together promise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// By object.
    pub promises: BTreeMap<ObjectName, Promise>,
    /// By id, open and released.
    pub holds: BTreeMap<Uuid, Hold>,
    /// Records that were written with a legal hold on themselves: that bit is ours.
    pub records_written_with_hold: BTreeSet<Uuid>,
    /// When an object's bit was last seen off: by the id of the hold that found it so, or of the record
    /// that read it back after a release.
    pub last_seen_off: BTreeMap<ObjectName, Uuid>,
    /// Records of another subject, which anybody can plant: nothing was taken from them.
    pub of_another_subject: usize,
}

impl History {
    /// Folds all records of one subject. Every record only adds: a date is joined, a hold stays until a
    /// record gives up that very hold.
    pub fn of<'a>(subject: Subject, records: impl IntoIterator<Item = &'a KeptRecord>) -> Self {
        let mut history = Self::default();
        let mut pushed = Vec::new();
        for KeptRecord { id, record } in records {
            if record.subject() != subject {
                history.of_another_subject += 1;
                continue;
            }
            match record {
                Record::Receipt(receipt) => pushed.push((*id, Pushed::from(&**receipt))),
                Record::Upload(upload) => {
                    pushed.extend(upload.objects.iter().map(|object| (*id, Pushed::from(object))));
                }
                Record::Change(change) => history.add_change(*id, change),
            }
        }
        for (id, object) in &pushed {
            history.add_pushed(*id, object);
        }
        history.tell_whose_bit_pushes_found(pushed);
        history.promise_open_holds();
        history
    }

    /// What is promised of one object: nothing, where no record speaks of it.
    pub fn promised(&self, object: &ObjectName) -> Lock {
        self.promises.get(object).map_or(Lock::NONE, Promise::lock)
    }

    /// The join of everything that is promised.
    pub fn joined(&self) -> Lock {
        self.promises.values().map(Promise::lock).fold(Lock::NONE, Lock::join)
    }

    /// Holds that were begun or placed, and not given up.
    pub fn open_holds(&self) -> impl Iterator<Item = (&Uuid, &Hold)> {
        self.holds.iter().filter(|(_, hold)| hold.is_open())
    }

    /// Whose a bit is that is on now: ours, or somebody else's who had set it before us; `None` where no
    /// record explains it. `record` is the id of an object that is a record itself.
    ///
    /// What a hold found counts until it was given up and the bit was seen off after it.
    pub fn whose_bit(&self, object: &ObjectName, record: Option<Uuid>) -> Option<HoldBefore> {
        let seen_off = self.last_seen_off.get(object).copied();
        let of_holds = self.holds.iter().filter_map(|(hold_id, hold)| {
            let held = hold.objects.get(object)?;
            let is_over = !hold.is_open() && (held.was_cleared || seen_off > Some(*hold_id));
            (!is_over).then(|| held.before.unwrap_or(HoldBefore::Others).max(HoldBefore::Ours))
        });
        let of_record = record
            .filter(|id| self.records_written_with_hold.contains(id) && seen_off < Some(*id))
            .map(|_| HoldBefore::Ours);
        of_holds.chain(of_record).max()
    }

    fn add_retention(&mut self, object: ObjectName, retention: Option<Retention>) {
        let promise = self.promises.entry(object).or_default();
        promise.retention = retention::join(promise.retention, retention);
    }

    fn add_pushed(&mut self, id: Uuid, pushed: &Pushed<'_>) {
        let object = pushed.name.clone();
        let lock = pushed.lock;
        let dated = lock.mode.zip(lock.retain_until);
        let dated = dated.map(|(mode, retain_until)| Retention { mode, retain_until });
        self.add_retention(object.clone(), dated);
        if !pushed.places_hold() {
            return;
        }
        self.records_written_with_hold.insert(id);
        let hold = self.holds.entry(id).or_default();
        hold.by_push = true;
        hold.is_begun = true;
        hold.is_placed = true;
        hold.placed_at = earliest(hold.placed_at, lock.read_back_at.or(pushed.stored_at));
        hold.objects.entry(object.clone()).or_default().was_seen_on = true;
        if lock.legal_hold_was_set_before == Some(false) {
            self.add_seen_off(object, id);
        }
    }

    fn add_change(&mut self, id: Uuid, record: &ChangeRecord) {
        if record.written_with_hold {
            self.records_written_with_hold.insert(id);
        }
        match record.change {
            Change::Extension { .. } => {}
            Change::HoldBegun { hold_id } => self.add_hold(hold_id, record, false),
            Change::HoldPlaced { hold_id } => self.add_hold(hold_id, record, true),
            Change::ReleaseBegun { hold_id } => self.add_release(hold_id, id),
            Change::HoldReleased { hold_id } => {
                self.add_release(hold_id, id);
                self.add_cleared(hold_id, id, &record.objects);
            }
        }
        for object in &record.objects {
            self.add_retention(object_of(object), object.retention);
        }
    }

    fn add_release(&mut self, hold_id: Uuid, record: Uuid) {
        let hold = self.holds.entry(hold_id).or_default();
        hold.released_by = Some(hold.released_by.map_or(record, |earlier| earlier.min(record)));
    }

    fn add_cleared(&mut self, hold_id: Uuid, record: Uuid, objects: &[RecordedObject]) {
        let hold = self.holds.entry(hold_id).or_default();
        hold.release_is_finished = true;
        for object in objects.iter().filter(|object| object.legal_hold == Some(false)) {
            hold.objects.entry(object_of(object)).or_default().was_cleared = true;
        }
        for object in objects.iter().filter(|object| object.legal_hold == Some(false)) {
            self.add_seen_off(object_of(object), record);
        }
    }

    fn add_seen_off(&mut self, object: ObjectName, at: Uuid) {
        let latest = self.last_seen_off.entry(object).or_insert(at);
        *latest = (*latest).max(at);
    }

    fn add_hold(&mut self, hold_id: Uuid, record: &ChangeRecord, is_placed: bool) {
        let hold = self.holds.entry(hold_id).or_default();
        hold.is_begun = true;
        hold.is_placed |= is_placed;
        hold.placed_at = earliest(hold.placed_at, Some(record.at));
        // Records of one hold that differ in words were not all ours: any rule will do that does not
        // depend on their order.
        hold.reason = lesser(hold.reason.take(), record.reason.clone());
        hold.by = lesser(hold.by.take(), record.by.clone());
        for object in &record.objects {
            let held = hold.objects.entry(object_of(object)).or_default();
            held.before = held.before.max(object.hold_before);
            held.was_seen_on |= is_placed && object.legal_hold == Some(true);
        }
        for object in record.objects.iter().filter(|o| o.hold_before == Some(HoldBefore::Off)) {
            self.add_seen_off(object_of(object), hold_id);
        }
    }

    /// A receipt says only that the bit was on before its push. It was ours where a hold of ours was
    /// open by then, and explains the bit. Ids sort by time, as their writers' clocks told it.
    fn tell_whose_bit_pushes_found(&mut self, mut pushes: Vec<(Uuid, Pushed<'_>)>) {
        pushes.retain(|(_, pushed)| pushed.places_hold());
        pushes.sort_by_key(|(id, _)| *id);
        for (id, Pushed { name: object, lock, .. }) in pushes {
            let before = match lock.legal_hold_was_set_before {
                Some(false) => HoldBefore::Off,
                _ if self.was_held_by_us(&object, id) => HoldBefore::Ours,
                _ => HoldBefore::Others,
            };
            let hold = self.holds.get_mut(&id);
            if let Some(held) = hold.and_then(|hold| hold.objects.get_mut(&object)) {
                held.before = held.before.max(Some(before));
            }
        }
    }

    /// Whether a hold with an earlier id, not given up by an earlier record, explains the bit.
    fn was_held_by_us(&self, object: &ObjectName, at: Uuid) -> bool {
        let mut open_then = self.holds.iter().filter(|(hold_id, hold)| {
            **hold_id < at && hold.released_by.is_none_or(|released| released > at)
        });
        open_then.any(|(_, hold)| {
            let before = hold.objects.get(object).and_then(|held| held.before);
            matches!(before, Some(HoldBefore::Off | HoldBefore::Ours))
        })
    }

    fn promise_open_holds(&mut self) {
        for (hold_id, hold) in self.holds.iter().filter(|(_, hold)| hold.is_open()) {
            for (object, _) in hold.objects.iter().filter(|(_, held)| held.was_seen_on) {
                self.promises.entry(object.clone()).or_default().holds.insert(*hold_id);
            }
        }
    }
}

/// An object that a push wrote or found, and its lock as read back.
struct Pushed<'a> {
    name: ObjectName,
    lock: &'a LockReceipt,
    stored_at: Option<Timestamp>,
}

impl Pushed<'_> {
    /// Whether the push was asked for a hold, and read it back: a receipt tells whether the bit was on
    /// before only then.
    fn places_hold(&self) -> bool {
        self.lock.legal_hold == Some(true) && self.lock.legal_hold_was_set_before.is_some()
    }
}

impl<'a> From<&'a Receipt> for Pushed<'a> {
    fn from(receipt: &'a Receipt) -> Self {
        let name = ObjectName { key: receipt.key.clone(), version_id: receipt.version_id.clone() };
        Self { name, lock: &receipt.lock, stored_at: receipt.stored_at }
    }
}

impl<'a> From<&'a UploadedObject> for Pushed<'a> {
    fn from(object: &'a UploadedObject) -> Self {
        let name = ObjectName { key: object.key.clone(), version_id: object.version_id.clone() };
        Self { name, lock: &object.lock, stored_at: object.stored_at }
    }
}

fn object_of(object: &RecordedObject) -> ObjectName {
    ObjectName { key: object.key.clone(), version_id: object.version_id.clone() }
}

fn earliest(left: Option<Timestamp>, right: Option<Timestamp>) -> Option<Timestamp> {
    left.into_iter().chain(right).min()
}

fn lesser(left: Option<String>, right: Option<String>) -> Option<String> {
    left.into_iter().chain(right).min()
}

#[cfg(test)]
mod tests;
