//! What records promise of a directory that is there in part: what a push adds to it is locked no less.

use std::collections::BTreeSet;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use strongroom_core::bundle::cavra::VerifiedCavra;
use strongroom_core::history::{History, ObjectName, Promise};
use strongroom_core::retention::{Lock, LockMode, Retention};
use strongroom_core::{BundleId, layout};

use super::super::lock_plan::LockAsk;
use super::super::protect::lacks_for_certain;
use super::super::{EvidenceError, EvidenceErrorKind, guarded, kept};
use crate::{ObjectKey, Storage, StorageErrorKind};

/// Objects asked about at a time.
const ASKED_AT_ONCE_MAX: usize = 8;

/// What a push asks for, joined with what records promise of any file of the directory: a hold or an
/// extension was of the whole, and named what was there. A record alone may promise anything, so a promise
/// that the store is seen not to keep does not count.
pub(super) async fn joined(
    store: &dyn Storage,
    bundle: &VerifiedCavra,
    ask: LockAsk,
    now: Timestamp,
) -> Result<LockAsk, EvidenceError> {
    let id = bundle.id();
    let history = match kept::read_all(store, id).await {
        Ok(kept) => kept.history(id),
        // Without the right to list, no record is known.
        Err(error)
            if error.kind() == EvidenceErrorKind::Store(StorageErrorKind::PermissionDenied) =>
        {
            return Ok(ask);
        }
        Err(error) => return Err(error),
    };
    let mut keys = BTreeSet::new();
    for file in bundle.files() {
        keys.insert(store.whole_key(&ObjectKey::new(layout::cavra_object(id, &file.path))?));
    }
    let asked = asked_lock(&ask);
    let mut lock = asked;
    for (name, promise) in &history.promises {
        let promised = in_force(promise, now);
        let is_new = keys.contains(&name.key) && !lock.covers(&promised);
        if is_new && is_kept(store, id, name, &promised).await? {
            lock = lock.join(promised);
        }
    }
    if lock == asked || all_are_under(store, id, &keys, &history, lock, now).await? {
        return Ok(ask);
    }
    Ok(LockAsk {
        mode: lock.retention.map(|retention| retention.mode),
        retain_until: lock.retention.map(|retention| retention.retain_until),
        retention_days: None,
        legal_hold: lock.legal_hold,
    })
}

/// Whether every file is there under that lock already, so that a push has nothing to add to it.
async fn all_are_under(
    store: &dyn Storage,
    id: BundleId,
    keys: &BTreeSet<String>,
    history: &History,
    lock: Lock,
    now: Timestamp,
) -> Result<bool, EvidenceError> {
    let covered = history
        .promises
        .iter()
        .filter(|(name, promise)| keys.contains(&name.key) && in_force(promise, now).covers(&lock));
    let looked = stream::iter(covered)
        .map(|(name, _)| async move {
            let is_kept = is_kept(store, id, name, &lock).await?;
            Ok::<_, EvidenceError>(is_kept.then_some(&name.key))
        })
        .buffered(ASKED_AT_ONCE_MAX);
    let kept: BTreeSet<Option<&String>> = looked.try_collect().await?;
    Ok(kept.into_iter().flatten().count() == keys.len())
}

/// Whether an object that a record names is there, and is not seen to be under less than that lock.
async fn is_kept(
    store: &dyn Storage,
    id: BundleId,
    name: &ObjectName,
    lock: &Lock,
) -> Result<bool, EvidenceError> {
    let Some(object) = guarded::named(store, id, name) else { return Ok(false) };
    match store.lock(&object.key, object.version.as_ref()).await {
        Ok(seen) => Ok(!lacks_for_certain(&seen, lock)),
        Err(error) if guarded::is_gone(&error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn asked_lock(ask: &LockAsk) -> Lock {
    let mode = ask.mode.unwrap_or(LockMode::Governance);
    let retention = ask.retain_until.map(|retain_until| Retention { mode, retain_until });
    Lock { retention, legal_hold: ask.legal_hold }
}

/// What is promised still: a date that is past asks for nothing.
fn in_force(promise: &Promise, now: Timestamp) -> Lock {
    let lock = promise.lock();
    Lock { retention: lock.retention.filter(|retention| retention.retain_until > now), ..lock }
}
