//! The locks on a bundle as they are, beside what its records promise. Reads locks and records only:
//! nothing is said of bytes.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;
use strongroom_core::history::{History, ObjectName};
use strongroom_core::observed::Unobserved;
use strongroom_core::receipt::EnforcedBy;
use strongroom_core::retention::{Lock, Retention};
use strongroom_core::{BundleId, layout, limits};
use uuid::Uuid;

use super::super::guarded::{self, GuardedObject, ObjectRole, named};
use super::super::kept::{self, Kept};
use super::super::{EvidenceError, EvidenceErrorKind};
use crate::{ListRequest, SeenLock, Storage};

/// What is locked of one bundle, and what its records promise.
#[derive(Debug, Clone, Serialize)]
pub struct RetentionReport {
    /// The bundle.
    pub bundle_id: BundleId,
    /// Who would refuse a deletion.
    pub enforced_by: EnforcedBy,
    /// The bundle, its signatures and its records, and whatever else records speak of.
    pub objects: Vec<SeenObject>,
    /// Holds that were begun or placed, and not given up.
    pub holds: Vec<OpenHold>,
    /// What the promises were read from.
    pub records: RecordsSeen,
}

impl RetentionReport {
    /// Whether the lock of this version is told.
    pub fn tells_of(&self, key: &str, version_id: Option<&str>) -> bool {
        let is_it = |seen: &SeenObject| seen.key == key && seen.version_id.as_deref() == version_id;
        self.objects.iter().any(is_it)
    }
}

/// One object: what was seen, and what is promised.
#[derive(Debug, Clone, Serialize)]
pub struct SeenObject {
    /// What it is to the bundle.
    pub role: ObjectRole,
    /// The whole key, prefix included.
    pub key: String,
    /// The version, where the store has versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// The dated lock, as read just now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
    /// The hold bit, as read just now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub legal_hold: Option<bool>,
    /// Why (part of) the lock was not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unobserved: Option<Unobserved>,
    /// The dated lock that records promise, also where it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promised_retention: Option<Retention>,
    /// The open holds that records promise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub promised_holds: Vec<Uuid>,
    /// How the two stand to each other.
    pub standing: Standing,
}

/// How what was seen stands to what is promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// At least what is promised.
    Kept,
    /// No record promises anything of it.
    NothingPromised,
    /// What was promised has ended by its own date.
    Ended,
    /// Less than what is promised.
    Weaker,
    /// Promised, and it could not be read.
    Unobserved,
    /// Promised, and it is not there.
    Missing,
}

impl Standing {
    /// Whether the store and the records disagree, or may.
    pub fn is_a_disagreement(self) -> bool {
        matches!(self, Self::Weaker | Self::Unobserved | Self::Missing)
    }
}

/// A hold that was not given up.
#[derive(Debug, Clone, Serialize)]
pub struct OpenHold {
    /// Its id, by which it is released.
    pub hold_id: Uuid,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who placed it, as they call themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When, by the store's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placed_at: Option<Timestamp>,
    /// Whether a push placed it.
    pub by_push: bool,
    /// Whether it was read back and acknowledged; one that is not was cut short.
    pub is_placed: bool,
}

/// The records that promises were read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RecordsSeen {
    /// Records that were read.
    pub read: u64,
    /// Objects that may be records and could not be read: each may be a promise.
    pub unread: u64,
    /// Objects among the records that are none, and records of another bundle.
    pub others: u64,
    /// Whether there are more records than are read.
    pub cut_short: bool,
}

/// Reads the locks of one bundle and everything that is locked with it.
pub async fn show(store: &dyn Storage, id: BundleId) -> Result<RetentionReport, EvidenceError> {
    let now = store.now().await?;
    let kept = kept::read_all(store, id).await?;
    let history = kept.history(id);
    let objects = objects_of(store, id, &kept, &history).await?;
    let seen = guarded::locks_of(store, &objects).await?;
    let mut shown: Vec<SeenObject> = objects
        .iter()
        .zip(seen)
        .map(|(object, seen)| describe(store, object, seen, &history, now))
        .collect();
    shown.sort_by(|one, other| {
        (one.role, &one.key, &one.version_id).cmp(&(other.role, &other.key, &other.version_id))
    });
    Ok(RetentionReport {
        bundle_id: id,
        enforced_by: store.locks_enforced_by(),
        objects: shown,
        holds: open_holds(&history),
        records: RecordsSeen {
            read: kept.records.len() as u64,
            unread: kept.unread,
            others: kept.others + history.of_another_subject as u64,
            cut_short: kept.cut_short,
        },
    })
}

/// Everything that is there, and everything that records speak of.
async fn objects_of(
    store: &dyn Storage,
    id: BundleId,
    kept: &Kept,
    history: &History,
) -> Result<Vec<GuardedObject>, EvidenceError> {
    let mut objects = guarded::pinned(store, id, kept).await?;
    if objects.is_empty() {
        objects.extend(current_bundle(store, id).await?);
    }
    objects.extend(guarded::attestations(store, id).await?);
    objects.extend(guarded::records_in(kept));
    let mut names: BTreeSet<ObjectName> = objects.iter().map(|object| object.name(store)).collect();
    for name in history.promises.keys() {
        // A name under no key of this bundle was planted, or is of another place.
        if let Some(object) = named(store, id, name)
            && names.insert(name.clone())
        {
            objects.push(object);
        }
    }
    if !objects.iter().any(|object| object.role == ObjectRole::Bundle) {
        return Err(EvidenceError::new(
            EvidenceErrorKind::NotFound,
            "this store holds no bundle of that id, and no record of one",
        )
        .with_guidance("`evidence list` shows what is there"));
    }
    Ok(objects)
}

/// What is under the bundle's keys, where no record says which versions hold it. Nothing of it is read.
async fn current_bundle(
    store: &dyn Storage,
    id: BundleId,
) -> Result<Vec<GuardedObject>, EvidenceError> {
    if let Some(archive) = guarded::current(store, layout::bundle(id), ObjectRole::Bundle).await? {
        return Ok(vec![archive]);
    }
    let prefix = layout::cavra_folder(id);
    // The manifest is one more.
    let limit = Some(limits::CAVRA_FILES_MAX + 1);
    let page = store.list(&ListRequest { prefix, limit, ..ListRequest::default() }).await?;
    let mut files = Vec::new();
    for object in page.objects {
        files.extend(guarded::current(store, object.key, ObjectRole::Bundle).await?);
    }
    Ok(files)
}

fn describe(
    store: &dyn Storage,
    object: &GuardedObject,
    seen: Option<SeenLock>,
    history: &History,
    now: Timestamp,
) -> SeenObject {
    let name = object.name(store);
    let promise = history.promises.get(&name).cloned().unwrap_or_default();
    let certain = seen.as_ref().map(SeenLock::certain).unwrap_or_default();
    let unobserved =
        seen.as_ref().and_then(|seen| seen.retention.reason().or(seen.legal_hold.reason()));
    let in_force = Lock {
        retention: promise.retention.filter(|retention| retention.retain_until > now),
        legal_hold: !promise.holds.is_empty(),
    };
    let standing = match &seen {
        _ if promise.lock().is_none() => Standing::NothingPromised,
        _ if in_force.is_none() => Standing::Ended,
        None => Standing::Missing,
        Some(_) if certain.covers(&in_force) => Standing::Kept,
        Some(seen) if part_is_unobserved(seen, &in_force) => Standing::Unobserved,
        Some(_) => Standing::Weaker,
    };
    SeenObject {
        role: object.role,
        key: name.key,
        version_id: name.version_id,
        retention: certain.retention,
        legal_hold: seen.and_then(|seen| seen.legal_hold.value().copied()),
        unobserved,
        promised_retention: promise.retention,
        promised_holds: promise.holds.into_iter().collect(),
        standing,
    }
}

/// Whether only what could not be read keeps the promise from being seen kept.
fn part_is_unobserved(seen: &SeenLock, promised: &Lock) -> bool {
    let held = Lock {
        retention: match seen.retention.value() {
            Some(retention) => *retention,
            None => promised.retention,
        },
        legal_hold: seen.legal_hold.value().copied().unwrap_or(promised.legal_hold),
    };
    held.covers(promised)
}

fn open_holds(history: &History) -> Vec<OpenHold> {
    let open = history.open_holds().map(|(hold_id, hold)| OpenHold {
        hold_id: *hold_id,
        reason: hold.reason.clone(),
        by: hold.by.clone(),
        placed_at: hold.placed_at,
        by_push: hold.by_push,
        is_placed: hold.is_placed,
    });
    open.collect()
}
