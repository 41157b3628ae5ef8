//! What changing the locks on a bundle comes to, object by object: shared by extensions, holds and
//! releases.

use jiff::Timestamp;
use serde::Serialize;
use strongroom_core::BundleId;
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::receipt::EnforcedBy;
use strongroom_core::record::{Change, ChangeRecord, RECORD_SCHEMA, RecordedObject, Subject};
use strongroom_core::retention::{Lock, LockMode, Retention};
use uuid::Uuid;

use super::guarded::{GuardedObject, ObjectRole};
use super::lock_plan::LockPlan;
use super::protect::{self, Origin, Protected};
use super::record::RecordLock;
use super::{EvidenceError, EvidenceErrorKind};
use crate::{SeenLock, Storage};

/// What became of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ObjectOutcome {
    /// What it is to the bundle.
    pub role: ObjectRole,
    /// What became of it, in a word.
    pub state: ObjectState,
    /// What was asked and read back, as the record keeps it.
    #[serde(flatten)]
    pub object: RecordedObject,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// What became of one object, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectState {
    /// Nothing was written yet: it would be changed.
    WouldChange,
    /// It was changed, and read back.
    Changed,
    /// It was so already, as read back.
    Unchanged,
    /// Of a release: the bit was left on.
    LeftOn,
    /// What was read back is not what was asked.
    NotMet,
    /// It could not be read back.
    Unobserved,
    /// The store failed or refused.
    Failed,
}

/// What a change of locks came to.
#[derive(Debug)]
pub struct LockChange {
    /// The bundle.
    pub bundle_id: BundleId,
    /// Of a hold or a release: the hold.
    pub hold_id: Option<Uuid>,
    /// Whether anything was to be done; not so where an earlier run had done it all.
    pub is_new: bool,
    /// Every object, the bundle first.
    pub objects: Vec<ObjectOutcome>,
    /// The whole keys of the records that were kept.
    pub records: Vec<String>,
    /// What a person should know besides, in plain words.
    pub warnings: Vec<String>,
    /// Set where something that was asked for is not so: its kind decides the exit code.
    pub shortfall: Option<EvidenceError>,
}

/// Who asks, and why: as much as they say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asker {
    /// Who, as they call themselves.
    pub by: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

impl Asker {
    /// A record of what they did to `objects`.
    pub(super) fn record(
        &self,
        store: &dyn Storage,
        id: BundleId,
        at: Timestamp,
        change: Change,
        objects: Vec<RecordedObject>,
    ) -> ChangeRecord {
        ChangeRecord {
            schema: RECORD_SCHEMA.to_owned(),
            subject: Subject::BundleId(id),
            store: store.url().to_owned(),
            endpoint: store.endpoint().map(str::to_owned),
            at,
            by: self.by.clone(),
            reason: self.reason.clone(),
            change,
            objects,
            written_with_hold: false,
        }
    }
}

/// The lock of a new record, from the plan for it.
pub(super) fn record_lock(plan: &LockPlan) -> RecordLock {
    RecordLock { to_send: plan.to_send, target: plan.asked.join(plan.to_send) }
}

/// An object of which a record says nothing yet but its name.
pub(super) fn recorded(store: &dyn Storage, object: &GuardedObject) -> RecordedObject {
    let name = object.name(store);
    RecordedObject::new(name.key, name.version_id)
}

/// Gives one object what it lacks of `target`, and reads it back. Never lowers a lock, and sets
/// nothing where the present lock may not be read.
pub(super) async fn strengthen(
    store: &dyn Storage,
    object: &GuardedObject,
    before: &SeenLock,
    target: Lock,
) -> (ObjectOutcome, Option<EvidenceError>) {
    let mut entry = recorded(store, object);
    entry.retention_before = before.retention.value().copied().flatten();
    entry.asked.retention = target.retention;
    entry.asked.legal_hold = target.legal_hold.then_some(true);
    let mut outcome = ObjectOutcome {
        role: object.role,
        state: ObjectState::Failed,
        object: entry,
        problem: None,
    };
    let protected = Protected {
        key: &object.key,
        version: object.version.as_ref(),
        origin: Origin::Found,
        bucket_lacks_locks: false,
    };
    let protection = match protect::protect(store, &protected, &target).await {
        Ok(protection) => protection,
        Err(error) => {
            outcome.problem = Some(error.to_string());
            return (outcome, Some(error));
        }
    };
    let seen = protection.receipt;
    let entry = &mut outcome.object;
    entry.read_back_at = seen.read_back_at;
    if target.retention.is_some() {
        let dated = seen.mode.zip(seen.retain_until);
        entry.retention = dated.map(|(mode, retain_until)| Retention { mode, retain_until });
    }
    if target.legal_hold {
        entry.legal_hold = seen.legal_hold;
    }
    let dated = Lock { retention: entry.retention, legal_hold: seen.legal_hold == Some(true) };
    if dated.covers(&target) {
        let was_so = before.certain().covers(&target);
        outcome.state = if was_so { ObjectState::Unchanged } else { ObjectState::Changed };
        return (outcome, None);
    }
    entry.unobserved = seen.unobserved;
    outcome.state = match seen.unobserved {
        Some(_) => ObjectState::Unobserved,
        None => ObjectState::NotMet,
    };
    outcome.problem = protection.refusal.as_ref().map(ToString::to_string);
    (outcome, protection.refusal)
}

/// Refuses, before anything is written, what this store cannot keep.
pub(super) fn check_possible(
    enforced_by: EnforcedBy,
    takes_locks: &Observed<bool>,
) -> Result<(), EvidenceError> {
    let takes_none = matches!(
        takes_locks,
        Observed::Observed(false) | Observed::Unobserved(Unobserved::UnsupportedBackend)
    );
    if !takes_none && enforced_by != EnforcedBy::None {
        return Ok(());
    }
    Err(EvidenceError::new(
        EvidenceErrorKind::RetentionNotMet,
        "this store cannot lock: nothing was changed",
    )
    .with_guidance("evidence is locked in a bucket that was made with Object Lock"))
}

/// The lock beyond undoing that a change brings, to be accepted by its date first.
pub(super) fn beyond_undoing(locks: impl Iterator<Item = Retention>) -> Option<Retention> {
    locks.filter(|lock| lock.mode == LockMode::Compliance).reduce(Retention::join)
}

/// Refuses to go on where the bundle's own lock may not be read: whether anything would be lowered
/// could not be told, nor what came of it.
pub(super) fn bundle_is_unobserved(what: &str) -> EvidenceError {
    EvidenceError::new(
        EvidenceErrorKind::LockUnobserved,
        format!("these credentials may not read the bundle's {what}: nothing was changed"),
    )
    .with_guidance("grant s3:GetObjectRetention and s3:GetObjectLegalHold, and run this again")
}

/// What falls short of what was asked, all objects together. `first` is the first failure of the store.
pub(super) fn shortfall(
    objects: &[ObjectOutcome],
    first: Option<EvidenceError>,
    what: &str,
) -> Option<EvidenceError> {
    let count = |wanted: &[ObjectState]| {
        objects.iter().filter(|object| wanted.contains(&object.state)).count()
    };
    let unmet = count(&[ObjectState::NotMet, ObjectState::Failed]);
    let unobserved = count(&[ObjectState::Unobserved]);
    let done = objects.len() - unmet - unobserved;
    let all = objects.len();
    if unmet == 0 && unobserved == 0 {
        return None;
    }
    if unmet == 0 {
        return Some(
            EvidenceError::new(
                EvidenceErrorKind::LockUnobserved,
                format!(
                    "{what} of {unobserved} of {all} objects could not be read back, so nobody knows \
                     whether it is there"
                ),
            )
            .with_guidance(
                "the output says which; grant s3:GetObjectRetention and s3:GetObjectLegalHold, and run \
                 this again",
            ),
        );
    }
    if done == 0 {
        return Some(first.unwrap_or_else(|| {
            EvidenceError::new(
                EvidenceErrorKind::RetentionNotMet,
                format!("the store did not change {what} of any object"),
            )
            .with_guidance(
                "the credentials need s3:PutObjectRetention and s3:PutObjectLegalHold; making a \
                 governance lock a compliance one takes more on some stores",
            )
        }));
    }
    let partly = EvidenceError::new(
        EvidenceErrorKind::PartlyDone,
        format!("{what} is not as asked on {unmet} of {all} objects"),
    )
    .with_guidance("the output says which; run this again to finish");
    Some(match first {
        Some(error) => partly.with_source(error),
        None => partly,
    })
}

/// Nothing is acknowledged that is not on record.
pub(super) fn not_on_record(error: EvidenceError, what: &str) -> EvidenceError {
    EvidenceError::new(
        EvidenceErrorKind::PartlyDone,
        format!("{what}, but the record of it could not be kept: {error}"),
    )
    .with_guidance("run this again: what is set stays, and the record is kept")
    .with_source(error)
}
