//! What a case works with: the store, keys under the run's own prefix, and the ways to depart.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use strongroom_core::observed::Observed;
use strongroom_core::retention::{Lock, LockMode, Retention};

use super::{ConformanceOptions, LOCK_SECONDS};
use crate::{
    Body, CreateOptions, Created, ObjectKey, Storage, StorageError, StorageErrorKind, VersionId,
};

/// A case: its name, and what it does.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) run: for<'r> fn(&'r Run<'r>) -> BoxFuture<'r, Verdict>,
}

/// `Ok` when the store does what the contract says.
pub(super) type Verdict = Result<(), Departure>;

/// Why a case did not pass.
#[derive(Debug)]
pub(super) enum Departure {
    Finding { id: &'static str, seen: String },
    Skipped(&'static str),
}

/// Departs with a finding.
pub(super) fn found<T>(id: &'static str, seen: impl fmt::Display) -> Result<T, Departure> {
    Err(Departure::Finding { id, seen: seen.to_string() })
}

/// Departs with a finding unless `held`.
pub(super) fn check(held: bool, id: &'static str, seen: impl fmt::Display) -> Verdict {
    if held { Ok(()) } else { found(id, seen) }
}

/// Turns failures into findings.
pub(super) trait OrFinding<T> {
    /// The value, or a finding that tells the failure.
    fn or_finding(self, id: &'static str) -> Result<T, Departure>;
}

impl<T> OrFinding<T> for Result<T, StorageError> {
    fn or_finding(self, id: &'static str) -> Result<T, Departure> {
        self.map_err(|failed| Departure::Finding { id, seen: told(&failed) })
    }
}

/// A failure in words.
pub(super) fn told(failed: &StorageError) -> String {
    format!("{:?}: {failed}", failed.kind())
}

/// Departs with a finding unless `result` failed with one of `kinds`.
pub(super) fn check_refused<T>(
    result: Result<T, StorageError>,
    kinds: &[StorageErrorKind],
    id: &'static str,
) -> Verdict {
    match result {
        Err(refused) if kinds.contains(&refused.kind()) => Ok(()),
        Err(refused) => found(id, told(&refused)),
        Ok(_) => found(id, "it was accepted"),
    }
}

/// One run of the suite.
pub(super) struct Run<'r> {
    pub(super) store: &'r dyn Storage,
    pub(super) options: &'r ConformanceOptions,
    prefix: String,
    written: Mutex<BTreeSet<ObjectKey>>,
}

impl<'r> Run<'r> {
    pub(super) fn new(store: &'r dyn Storage, options: &'r ConformanceOptions) -> Self {
        let prefix = format!("conformance-{}/", options.clock.new_id());
        Self { store, options, prefix, written: Mutex::default() }
    }

    /// What every key of this run starts with.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// A key of this run. `name` is made of what keys are made of.
    pub(super) fn key(&self, name: &str) -> Result<ObjectKey, Departure> {
        let key = ObjectKey::new(format!("{}{name}", self.prefix)).or_finding("key_refused")?;
        self.written.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
        Ok(key)
    }

    /// Every key that may have been written.
    pub(super) fn written(&self) -> Vec<ObjectKey> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Creates an object that is not there and has no lock; a failure is a finding.
    pub(super) async fn create(
        &self,
        key: &ObjectKey,
        body: impl Into<Body>,
    ) -> Result<Created, Departure> {
        let options = CreateOptions::default();
        self.store.create(key, body.into(), &options).await.or_finding("create_failed")
    }

    /// Whether nothing is under a key; that it cannot be told is a finding.
    pub(super) async fn is_absent(&self, key: &ObjectKey) -> Result<bool, Departure> {
        match self.store.head(key, None).await {
            Ok(_) => Ok(false),
            Err(absent) if absent.kind() == StorageErrorKind::NotFound => Ok(true),
            Err(failed) => found("head_failed", told(&failed)),
        }
    }

    /// The bytes of one object.
    pub(super) async fn read(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
        bytes_max: u64,
    ) -> Result<bytes::Bytes, StorageError> {
        self.store.read(key, version, None).await?.collect(bytes_max).await
    }

    /// Departs unless locks may be set here, and the store takes them.
    pub(super) async fn require_locks(&self) -> Verdict {
        if !self.options.set_locks {
            return Err(Departure::Skipped("locks are not to be set"));
        }
        let locks = self.store.bucket_locks().await.or_finding("takes_locks_failed")?;
        match locks.takes_locks {
            Observed::Observed(true) => Ok(()),
            Observed::Observed(false) => Err(Departure::Skipped("the store takes no locks")),
            Observed::Unobserved(_) => {
                Err(Departure::Skipped("whether the store takes locks was not observed"))
            }
        }
    }

    /// A governance lock that is over soon, by the store's clock.
    pub(super) async fn short_retention(&self) -> Result<Retention, Departure> {
        let now = self.store.now().await.or_finding("now_failed")?;
        Ok(Retention { mode: LockMode::Governance, retain_until: later(now, LOCK_SECONDS) })
    }

    /// Options of a create with a lock.
    pub(super) fn locked(&self, retention: Retention) -> CreateOptions {
        let lock = Lock { retention: Some(retention), legal_hold: false };
        CreateOptions { lock, ..CreateOptions::default() }
    }
}

/// `seconds` after `now`, in whole seconds as stores keep them.
pub(super) fn later(now: Timestamp, seconds: i64) -> Timestamp {
    let whole = Timestamp::from_second(now.as_second()).unwrap_or(now);
    whole.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(whole)
}
