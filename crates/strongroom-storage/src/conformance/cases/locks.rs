//! Locks: kept in the write, set after it, read back, never shortened, and stronger than a delete.

use bytes::Bytes;
use strongroom_core::retention::{Lock, LockMode, Retention};

use crate::conformance::LOCK_SECONDS;
use crate::conformance::body::body;
use crate::conformance::run::{
    Departure, OrFinding as _, Run, Verdict, check, check_refused, found, later,
};
use crate::{Created, ObjectKey, SINGLE_WRITE_BYTES_MAX, StorageErrorKind};

/// What a store answers that will not do something because of a lock.
const REFUSED: [StorageErrorKind; 2] =
    [StorageErrorKind::Locked, StorageErrorKind::PermissionDenied];

/// By how much a lock is extended.
const EXTENSION_SECONDS: i64 = 20;

async fn seen(run: &Run<'_>, key: &ObjectKey, created: &Created) -> Result<Lock, Departure> {
    let seen = run.store.lock(key, created.version.as_ref()).await.or_finding("lock_not_read")?;
    match seen.retention.reason().or(seen.legal_hold.reason()) {
        None => Ok(seen.certain()),
        Some(reason) => found("lock_unobserved", reason),
    }
}

async fn locked_object(run: &Run<'_>, name: &str) -> Result<(ObjectKey, Created), Departure> {
    run.require_locks().await?;
    let key = run.key(name)?;
    let created = run.create(&key, Bytes::from_static(b"locked")).await?;
    let retention = run.short_retention().await?;
    let set = run.store.set_retention(&key, created.version.as_ref(), retention).await;
    set.or_finding("lock_after_write_refused")?;
    Ok((key, created))
}

pub(super) async fn in_write(run: &Run<'_>) -> Verdict {
    a_lock_in_the_write(run, "locks/in-write", 10).await
}

pub(super) async fn in_write_in_parts(run: &Run<'_>) -> Verdict {
    a_lock_in_the_write(run, "locks/in-write-in-parts", SINGLE_WRITE_BYTES_MAX + 1).await
}

async fn a_lock_in_the_write(run: &Run<'_>, name: &str, size_bytes: u64) -> Verdict {
    run.require_locks().await?;
    let key = run.key(name)?;
    let retention = run.short_retention().await?;
    let options = run.locked(retention);
    let created = run.store.create(&key, body(1, size_bytes), &options).await;
    let created = created.or_finding("locked_create_refused")?;
    check(created.lock_in_write, "lock_not_sent_in_the_write", "it must be set after the write")?;
    let lock = seen(run, &key, &created).await?;
    check(lock.covers(&options.lock), "lock_in_write_dropped", format_args!("{lock:?}"))
}

pub(super) async fn after_write(run: &Run<'_>) -> Verdict {
    let (key, created) = locked_object(run, "locks/after-write").await?;
    let lock = seen(run, &key, &created).await?;
    let kept = lock.retention.is_some_and(|kept| kept.mode == LockMode::Governance);
    check(kept, "lock_after_write_dropped", format_args!("{lock:?}"))
}

/// A lock whose date was moved by `seconds`.
struct Moved {
    accepted: bool,
    before: Retention,
    after: Lock,
}

async fn moved(run: &Run<'_>, name: &str, seconds: i64) -> Result<Moved, Departure> {
    let (key, created) = locked_object(run, name).await?;
    let lock = seen(run, &key, &created).await?;
    let Some(before) = lock.retention else {
        return found("lock_after_write_dropped", format_args!("{lock:?}"));
    };
    let asked = Retention { retain_until: later(before.retain_until, seconds), ..before };
    let set = run.store.set_retention(&key, created.version.as_ref(), asked).await;
    Ok(Moved { accepted: set.is_ok(), before, after: seen(run, &key, &created).await? })
}

pub(super) async fn longer(run: &Run<'_>) -> Verdict {
    let Moved { accepted, before, after } = moved(run, "locks/longer", EXTENSION_SECONDS).await?;
    check(accepted, "extension_refused", format_args!("{after:?}"))?;
    let retain_until = later(before.retain_until, EXTENSION_SECONDS);
    let asked = Lock { retention: Some(Retention { retain_until, ..before }), ..Lock::NONE };
    check(after.covers(&asked), "extension_dropped", format_args!("{after:?}"))
}

pub(super) async fn shorter_is_refused(run: &Run<'_>) -> Verdict {
    let Moved { accepted, before, after } = moved(run, "locks/shorter", -LOCK_SECONDS / 2).await?;
    check(!accepted, "lock_was_shortened", format_args!("{after:?}"))?;
    let held = Lock { retention: Some(before), ..Lock::NONE };
    check(after.covers(&held), "lock_was_shortened", format_args!("{after:?}"))
}

pub(super) async fn past_is_refused(run: &Run<'_>) -> Verdict {
    run.require_locks().await?;
    let key = run.key("locks/past")?;
    let now = run.store.now().await.or_finding("now_failed")?;
    let past = Retention { mode: LockMode::Governance, retain_until: later(now, -LOCK_SECONDS) };
    let body = Bytes::from_static(b"x").into();
    let created = run.store.create(&key, body, &run.locked(past)).await;
    let refused = [StorageErrorKind::InvalidRequest];
    check_refused(created, &refused, "lock_in_the_past_accepted")?;
    check(run.is_absent(&key).await?, "object_of_a_refused_create", "something is there")
}

pub(super) async fn deletion_is_refused(run: &Run<'_>) -> Verdict {
    let (key, created) = locked_object(run, "locks/deletion").await?;
    let version = created.version.as_ref();
    let deleted = run.store.delete(&key, version).await;
    check_refused(deleted, &REFUSED, "locked_version_deleted")?;
    let read = run.read(&key, version, 10).await.or_finding("locked_version_lost")?;
    check(read == "locked", "locked_version_lost", read.len())
}

pub(super) async fn legal_hold(run: &Run<'_>) -> Verdict {
    run.require_locks().await?;
    let key = run.key("locks/hold")?;
    let created = run.create(&key, Bytes::from_static(b"held")).await?;
    let version = created.version.as_ref();
    run.store.set_legal_hold(&key, version, true).await.or_finding("hold_refused")?;
    check(seen(run, &key, &created).await?.legal_hold, "hold_dropped", "it is off")?;
    let deleted = run.store.delete(&key, version).await;
    // Off again before anything else: a hold has no end of its own.
    let cleared = run.store.set_legal_hold(&key, version, false).await;
    check_refused(deleted, &REFUSED, "held_version_deleted")?;
    cleared.or_finding("hold_not_cleared")?;
    check(!seen(run, &key, &created).await?.legal_hold, "hold_not_cleared", "it is on")?;
    run.store.delete(&key, version).await.or_finding("delete_after_hold_refused")
}
