//! A bundle or a directory into a store.
//!
//! The archive is read once: verified while it streams into the upload, which completes only when
//! the verification has passed and the references are there. The receipt is kept last; whatever a
//! crash leaves, the same push again finishes it.

mod existing;
mod other_versions;
mod source;
mod write;

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use strongroom_core::bundle::{BundlePlan, NoProgress, Progress};
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::receipt::Receipt;
use strongroom_core::retention::{Lock, LockMode};
use strongroom_core::{BundleId, Sha256Digest, layout};

pub(super) use self::source::Source;
use super::lock_plan::{self, LockAsk, LockPlan};
use super::record::{self, RecordLock};
use super::references::{References, day_of};
use super::storage_plan::PlanInForce;
use super::{EvidenceError, protect, stored::Wanted};
use crate::{BucketLocks, Clock, ObjectKey, Storage, StorageErrorKind};

/// What to push.
pub enum PushSource {
    /// An archive on disk, native or Assay.
    Archive(PathBuf),
    /// Files that are bundled on the way.
    Plan(Box<BundlePlan>),
}

/// How to push it.
#[derive(Debug, Clone, Default)]
pub struct PushRequest {
    /// A run to file it under, besides its own.
    pub run_id: Option<String>,
    /// The mode of a dated lock; `Governance` without a word.
    pub lock_mode: Option<LockMode>,
    /// An outright date; the manifest's own retention applies otherwise.
    pub retain_until: Option<Timestamp>,
    /// Days from storing, where no date is given: instead of the manifest's own.
    pub retention_days: Option<u32>,
    /// A hold besides the manifest's own.
    pub legal_hold: bool,
    /// Store it even where the lock that is asked for cannot be had or seen.
    pub allow_unlocked: bool,
    /// Accept a COMPLIANCE lock that only Strongroom itself enforces.
    pub allow_advisory_lock: bool,
    /// Read the object back where nothing else shows that its bytes are right.
    pub verify_on_push: bool,
    /// A plan that is kept to: whatever would be otherwise is refused before anything is written.
    pub plan: Option<Arc<PlanInForce>>,
}

impl PushRequest {
    /// The digest of the plan that is kept to.
    pub(super) fn plan_sha256(&self) -> Option<Sha256Digest> {
        self.plan.as_ref().map(|plan| plan.sha256())
    }

    /// What is done to an error before a person sees it: who keeps to a plan has other ways out.
    pub(super) fn explain(&self) -> fn(EvidenceError) -> EvidenceError {
        match self.plan {
            Some(_) => PlanInForce::explain,
            None => std::convert::identity,
        }
    }
}

/// What a push came to.
#[derive(Debug)]
pub struct PushOutcome {
    /// What the store was seen to hold.
    pub receipt: Receipt,
    /// What a person should know besides, in plain words.
    pub warnings: Vec<String>,
    /// Set where the bundle is stored and something that was asked for is not so: its kind decides
    /// the exit code. The receipt above is kept all the same.
    pub shortfall: Option<EvidenceError>,
}

/// A push that has looked at its source and at the store, and has written nothing yet.
pub struct Push<'a> {
    store: &'a dyn Storage,
    clock: &'a Clock,
    request: PushRequest,
    source: Source,
    lock: LockPlan,
    /// Whether the bucket was seen to have no Object Lock.
    bucket_lacks_locks: bool,
    store_now: Timestamp,
}

impl<'a> Push<'a> {
    /// Opens the source, asks the store for its clock and its locks, and decides on the lock.
    /// Refuses here whatever certainly cannot be kept. Writes nothing.
    pub async fn prepare(
        store: &'a dyn Storage,
        source: PushSource,
        request: PushRequest,
        clock: &'a Clock,
    ) -> Result<Self, EvidenceError> {
        let explain = request.explain();
        Self::prepared(store, source, request, clock).await.map_err(explain)
    }

    async fn prepared(
        store: &'a dyn Storage,
        source: PushSource,
        request: PushRequest,
        clock: &'a Clock,
    ) -> Result<Self, EvidenceError> {
        let source = Source::open(source).await?;
        let store_now = store.now().await?;
        let ask = lock_ask(&source, &request);
        let BucketLocks { takes_locks, default_retention } = store.bucket_locks().await?;
        let enforced_by = store.locks_enforced_by();
        let mut lock =
            lock_plan::plan(&ask, default_retention, enforced_by, store_now, clock.now())?;
        lock.check_possible(
            takes_locks.clone(),
            request.allow_unlocked,
            request.allow_advisory_lock,
        )?;
        if request.allow_unlocked {
            lock = lock.without_what_the_store_does_not_take(&takes_locks);
        }
        if let Some(plan) = &request.plan {
            // What is planned was verified, and its digest is part of the plan.
            let verified = source.verify_here(Arc::new(NoProgress)).await?;
            plan.hold_archive(store, &source, verified.as_ref(), &request, &lock, store_now)?;
        }
        let bucket_lacks_locks = takes_locks == Observed::Observed(false);
        Ok(Self { store, clock, request, source, lock, bucket_lacks_locks, store_now })
    }

    /// The identity of what is pushed, as its manifest claims it.
    pub fn bundle_id(&self) -> BundleId {
        self.source.wanted().id
    }

    /// The lock that will be sent, and why. A COMPLIANCE lock cannot be undone: ask first.
    pub fn lock(&self) -> &LockPlan {
        &self.lock
    }

    /// The whole key that the bundle will have.
    pub fn whole_key(&self) -> Result<String, EvidenceError> {
        Ok(self.store.whole_key(&ObjectKey::new(self.source.key())?))
    }

    /// Does it.
    pub async fn execute(&self, progress: Arc<dyn Progress>) -> Result<PushOutcome, EvidenceError> {
        self.executed(progress).await.map_err(self.request.explain())
    }

    async fn executed(&self, progress: Arc<dyn Progress>) -> Result<PushOutcome, EvidenceError> {
        let key = ObjectKey::new(self.source.key())?;
        match self.store.head(&key, None).await {
            Ok(_) => return self.keep_existing(&key, progress).await,
            Err(error) if error.kind() == StorageErrorKind::NotFound => {}
            // Without the right to list, S3 does not tell "absent" from "denied". The write is
            // conditional, and a denied one says so itself.
            Err(error) if error.kind() == StorageErrorKind::PermissionDenied => {}
            Err(error) => return Err(error.into()),
        }
        if let Some(other) = self.source.other_home()
            && let Some(outcome) = self.keep_in_other_home(other, &progress).await?
        {
            return Ok(outcome);
        }
        match self.write(&key, Arc::clone(&progress)).await? {
            Some(outcome) => Ok(outcome),
            // Somebody else was faster: what they stored is verified like any existing copy.
            None => self.keep_existing(&key, progress).await,
        }
    }

    /// The references that this push owes; the index entry only for a bundle that is new.
    fn references(&self, new: bool) -> References {
        References {
            run_ids: self.run_ids(),
            subject: self.source.subject(),
            day: new.then(|| day_of(self.store_now)),
        }
    }

    fn run_ids(&self) -> Vec<String> {
        run_ids(&self.source, &self.request)
    }

    /// Holds the receipt against what was asked, and says what a person should know.
    fn outcome(
        &self,
        receipt: Receipt,
        refusal: Option<EvidenceError>,
        mut warnings: Vec<String>,
    ) -> PushOutcome {
        let mut shortfall =
            refusal.or_else(|| protect::check(&receipt.lock, &self.lock.asked).err());
        if self.request.allow_unlocked
            && let Some(accepted) = shortfall.take()
        {
            warnings.push(format!("{accepted} (accepted by --allow-unlocked)"));
        }
        if let Some(reason) = self.lock.bucket_default.reason()
            // A default that is there but not told (Azure) was left to apply: what came of it was
            // read back.
            && reason != Unobserved::NotProbed
            && !self.lock.asked.is_none()
            && self.lock.enforced_by == strongroom_core::receipt::EnforcedBy::Store
        {
            warnings.push(format!(
                "the bucket's default retention was not observed ({reason}): the lock that was \
                 sent may be weaker than the default would have been"
            ));
        }
        PushOutcome { receipt, warnings, shortfall: shortfall.map(self.request.explain()) }
    }

    /// What a version must hold in the end: what is asked, and never less than what was sent.
    fn lock_target(&self) -> Lock {
        if self.lock.to_send.is_none() && self.request.allow_unlocked {
            return Lock::NONE;
        }
        self.lock.asked.join(self.lock.to_send)
    }

    /// Keeps the receipt, locked like the bundle. Answers what there is to know of that lock.
    async fn keep_record(&self, receipt: &Receipt) -> Result<Option<String>, EvidenceError> {
        let lock = RecordLock { to_send: self.lock.to_send, target: self.lock_target() };
        record::keep(self.store, receipt, &lock, self.clock).await
    }

    fn wanted(&self) -> Wanted {
        self.source.wanted()
    }
}

/// Every run that a bundle is filed under: its own, and the one that is asked for.
pub(super) fn run_ids(source: &Source, request: &PushRequest) -> Vec<String> {
    let mut run_ids: Vec<String> = source.run_id().into_iter().collect();
    run_ids.extend(request.run_id.clone());
    run_ids.dedup();
    run_ids
}

pub(super) fn lock_ask(source: &Source, request: &PushRequest) -> LockAsk {
    let retention = source.retention().unwrap_or_default();
    LockAsk {
        mode: request.lock_mode,
        retain_until: request.retain_until,
        retention_days: request.retention_days.or(retention.days),
        legal_hold: request.legal_hold || retention.legal_hold.unwrap_or(false),
    }
}

/// The key of an archive: by id where the id covers every byte, by id and archive otherwise.
fn key_of(wanted: Wanted) -> String {
    match wanted.archive_sha256 {
        Some(archive) => layout::assay_bundle(wanted.id, archive),
        None => layout::bundle(wanted.id),
    }
}
