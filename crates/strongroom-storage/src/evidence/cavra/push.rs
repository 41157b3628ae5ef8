//! A CAVRA directory into a store: references, every file, the manifest last, the record of them all.

use std::sync::Arc;

use jiff::Timestamp;
use strongroom_core::bundle::Progress;
use strongroom_core::bundle::cavra::VerifiedCavra;
use strongroom_core::history::ObjectName;
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::receipt::{EnforcedBy, LockHow, Status};
use strongroom_core::retention::Lock;
use strongroom_core::upload::{UPLOAD_SCHEMA, Upload, UploadFormat, UploadStatus, UploadedObject};
use strongroom_core::{BundleId, layout};

use super::super::lock_plan::{self, LockAsk, LockPlan};
use super::super::push::PushRequest;
use super::super::record::{self, RecordLock};
use super::super::references::{References, day_of};
use super::super::{EvidenceError, EvidenceErrorKind, kept, protect};
use super::promised;
use crate::{BucketLocks, Clock, ObjectKey, Storage, StorageErrorKind};

/// What a push of a directory came to.
#[derive(Debug)]
pub struct CavraOutcome {
    /// Every object that is there, as read back.
    pub upload: Upload,
    /// What a person should know besides, in plain words.
    pub warnings: Vec<String>,
    /// Set where something that was asked for is not so: its kind decides the exit code. The record of
    /// what is there is kept all the same, where that could be.
    pub shortfall: Option<EvidenceError>,
}

/// A push of a verified directory that has looked at the store, and has written nothing yet.
pub struct CavraPush<'a> {
    pub(super) store: &'a dyn Storage,
    clock: &'a Clock,
    pub(super) request: PushRequest,
    bundle: Arc<VerifiedCavra>,
    pub(super) lock: LockPlan,
    /// Whether the bucket was seen to have no Object Lock.
    pub(super) bucket_lacks_locks: bool,
    pub(super) store_now: Timestamp,
    /// What the retention policy asks for and is not done.
    lapsed: bool,
    /// What records promise of the directory, and nobody asked this push for.
    promised_besides: PromisedBesides,
}

/// What a push asks for only because records promise it of files that are there.
#[derive(Debug, Clone, Copy, Default)]
struct PromisedBesides {
    any: bool,
    legal_hold: bool,
}

impl<'a> CavraPush<'a> {
    /// Asks the store for its clock and its locks, and decides on the lock of every object: what the
    /// covered retention policy asks for and what the request does, the later date of both. Refuses here
    /// whatever certainly cannot be kept. Writes nothing.
    pub async fn prepare(
        store: &'a dyn Storage,
        bundle: Arc<VerifiedCavra>,
        request: PushRequest,
        clock: &'a Clock,
    ) -> Result<Self, EvidenceError> {
        let explain = request.explain();
        Self::prepared(store, bundle, request, clock).await.map_err(explain)
    }

    async fn prepared(
        store: &'a dyn Storage,
        bundle: Arc<VerifiedCavra>,
        request: PushRequest,
        clock: &'a Clock,
    ) -> Result<Self, EvidenceError> {
        let store_now = store.now().await?;
        let (ask, lapsed) = lock_ask(&bundle, &request, store_now)?;
        let BucketLocks { takes_locks, default_retention } = store.bucket_locks().await?;
        let (by_itself, mut ask) = (ask.clone(), ask);
        // Of a store that takes none, no lock is promised.
        if !lock_plan::takes_none(&takes_locks) {
            ask = promised::joined(store, &bundle, ask, store_now).await?;
        }
        let promised_besides = PromisedBesides {
            any: (ask.legal_hold, ask.retain_until)
                != (by_itself.legal_hold, by_itself.retain_until)
                || ask.mode != by_itself.mode,
            legal_hold: ask.legal_hold && !by_itself.legal_hold,
        };
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
            plan.hold_cavra(store, &bundle, &request, &lock, store_now)?;
        }
        let bucket_lacks_locks = takes_locks == Observed::Observed(false);
        Ok(Self {
            store,
            clock,
            request,
            bundle,
            lock,
            bucket_lacks_locks,
            store_now,
            lapsed,
            promised_besides,
        })
    }

    /// The SHA-256 of the manifest.
    pub fn bundle_id(&self) -> BundleId {
        self.bundle.id()
    }

    /// The lock that will be sent with each object, and why. A COMPLIANCE lock cannot be undone: ask
    /// first.
    pub fn lock(&self) -> &LockPlan {
        &self.lock
    }

    /// The whole key of the manifest.
    pub fn whole_key(&self) -> Result<String, EvidenceError> {
        let manifest = strongroom_core::bundle::cavra::MANIFEST;
        Ok(self.store.whole_key(&ObjectKey::new(layout::cavra_object(self.bundle_id(), manifest))?))
    }

    /// Does it. An error means that nothing of the directory is in the store; what is there in part is
    /// an outcome, of which the same push again makes the rest.
    pub async fn execute(&self, progress: &dyn Progress) -> Result<CavraOutcome, EvidenceError> {
        let is_new = !super::is_in(self.store, self.bundle_id()).await.unwrap_or(false);
        let references = References {
            run_ids: self.run_ids(),
            subject: None,
            day: is_new.then(|| day_of(self.store_now)),
        };
        references.write(self.store, self.bundle_id()).await?;
        let mut rows = Vec::with_capacity(self.bundle.files().len());
        let mut refusal = None;
        let mut failure = None;
        for file in self.bundle.files() {
            match self.place(file).await {
                Ok(placed) => {
                    progress.add_bytes(file.size_bytes);
                    refusal = refusal.or(placed.refusal);
                    rows.push(placed.row);
                }
                Err(error) if rows.is_empty() => return Err(self.request.explain()(error)),
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        let upload = self.upload(rows, failure.is_some());
        let mut outcome = self.outcome(upload, refusal);
        match self.keep_record(&outcome.upload).await {
            Ok(warning) => outcome.warnings.extend(warning),
            Err(error) if failure.is_none() => failure = Some(error),
            Err(error) => outcome.warnings.push(error.to_string()),
        }
        if let Some(failure) = failure {
            let (there, total) = (outcome.upload.objects.len(), outcome.upload.objects_total);
            outcome.shortfall = Some(partly_done(there, total, failure));
        }
        Ok(outcome)
    }

    fn run_ids(&self) -> Vec<String> {
        run_ids(&self.bundle, &self.request)
    }

    /// What a new object must hold in the end: what is asked, and never less than what was sent.
    pub(super) fn lock_target(&self) -> Lock {
        if self.lock.to_send.is_none() && self.request.allow_unlocked {
            return Lock::NONE;
        }
        self.lock.asked.join(self.lock.to_send)
    }

    fn upload(&self, objects: Vec<UploadedObject>, is_cut_short: bool) -> Upload {
        let is_new = objects.iter().any(|object| object.status == Status::Stored);
        Upload {
            schema: UPLOAD_SCHEMA.to_owned(),
            bundle_id: self.bundle_id(),
            format: UploadFormat::Cavra,
            run_ids: self.run_ids(),
            plan_sha256: self.request.plan_sha256(),
            store: self.store.url().to_owned(),
            endpoint: self.store.endpoint().map(str::to_owned),
            status: match (is_cut_short, is_new) {
                (true, _) => UploadStatus::PartlyDone,
                (false, true) => UploadStatus::Stored,
                (false, false) => UploadStatus::AlreadyStored,
            },
            objects_total: self.bundle.files().len(),
            objects,
        }
    }

    /// Holds every row against what was asked, and says what a person should know.
    fn outcome(&self, upload: Upload, refusal: Option<EvidenceError>) -> CavraOutcome {
        let mut warnings = Vec::new();
        let held = |object: &UploadedObject| protect::check(&object.lock, &self.lock.asked);
        let mut shortfall =
            refusal.or_else(|| upload.objects.iter().find_map(|object| held(object).err()));
        if self.request.allow_unlocked
            && let Some(accepted) = shortfall.take()
        {
            warnings.push(format!("{accepted} (accepted by --allow-unlocked)"));
        }
        if self.lapsed {
            warnings.push(
                "the date of the retention policy is past: it asks for no lock any more".to_owned(),
            );
        }
        if self.bundle.retention().is_some_and(|policy| policy.days_agree() == Some(false)) {
            warnings.push(
                "the retention policy's retention_days are not the days to its retain_until: the \
                 date counts"
                    .to_owned(),
            );
        }
        if self.promised_besides.any {
            warnings.push(
                "records promise more of this directory than this push asks for: it asked for that too"
                    .to_owned(),
            );
        }
        if self.promised_besides.legal_hold {
            warnings.push(
                "a legal hold is open on the directory: what this push adds is under a hold of its own,                  which `evidence hold release` gives up by its own id"
                    .to_owned(),
            );
        }
        if upload.objects.iter().any(|object| object.other_versions.is_some_and(|count| count > 0))
        {
            warnings.push("other versions are under some keys: the record pins ours".to_owned());
        }
        if let Some(reason) = self.lock.bucket_default.reason()
            && reason != Unobserved::NotProbed
            && !self.lock.asked.is_none()
            && self.lock.enforced_by == EnforcedBy::Store
        {
            warnings.push(format!(
                "the bucket's default retention was not observed ({reason}): the lock that was \
                 sent may be weaker than the default would have been"
            ));
        }
        CavraOutcome { upload, warnings, shortfall: shortfall.map(self.request.explain()) }
    }

    /// Keeps the record, locked like the objects, where it says anything that no record says yet.
    /// Answers what there is to know of its own lock.
    async fn keep_record(&self, upload: &Upload) -> Result<Option<String>, EvidenceError> {
        let says_more = upload.objects.iter().any(|object| {
            object.status == Status::Stored || object.lock.how == LockHow::AfterWrite
        });
        if !says_more
            && record::exists(self.store, self.bundle_id()).await?
            && !self.hold_is_not_on_record(upload).await?
        {
            return Ok(None);
        }
        let lock = RecordLock { to_send: self.lock.to_send, target: self.lock_target() };
        record::keep_upload(self.store, upload, &lock, self.clock).await
    }

    /// Whether a hold is asked for that no push has put on record, and that is still open, for every
    /// object. Where only records ask for it, any hold of ours will do.
    async fn hold_is_not_on_record(&self, upload: &Upload) -> Result<bool, EvidenceError> {
        if !self.lock.asked.legal_hold {
            return Ok(false);
        }
        let history = match kept::read_all(self.store, self.bundle_id()).await {
            Ok(kept) => kept.history(self.bundle_id()),
            // Without the right to list, no record is known.
            Err(error)
                if error.kind() == EvidenceErrorKind::Store(StorageErrorKind::PermissionDenied) =>
            {
                return Ok(true);
            }
            Err(error) => return Err(error),
        };
        let is_on_record = |object: &UploadedObject| {
            let (key, version_id) = (object.key.clone(), object.version_id.clone());
            let name = ObjectName { key, version_id };
            let any = self.promised_besides.legal_hold;
            let mut of_pushes = history.open_holds().filter(|(_, hold)| any || hold.by_push);
            of_pushes.any(|(_, hold)| hold.objects.contains_key(&name))
        };
        Ok(!upload.objects.iter().all(is_on_record))
    }
}

/// Every run that a directory is filed under: its session, and the run that is asked for.
pub(in crate::evidence) fn run_ids(bundle: &VerifiedCavra, request: &PushRequest) -> Vec<String> {
    let mut run_ids = vec![bundle.session_id().to_owned()];
    run_ids.extend(request.run_id.clone());
    run_ids.dedup();
    run_ids
}

/// What the covered retention policy asks for and what the request does, the later date of both; and
/// whether the policy's own date is past.
pub(in crate::evidence) fn lock_ask(
    bundle: &VerifiedCavra,
    request: &PushRequest,
    now: Timestamp,
) -> Result<(LockAsk, bool), EvidenceError> {
    let policy = bundle.retention();
    let by_policy = policy.and_then(|policy| policy.retain_until);
    let lapsed = by_policy.is_some_and(|until| until <= now);
    let by_policy = by_policy.filter(|_| !lapsed);
    let days = request.retention_days.filter(|_| request.retain_until.is_none());
    let end_of_days = days.map(|days| lock_plan::end_of_days(days, now)).transpose()?;
    // Days stay days where they are the later ones: they count from storing.
    let by_days = end_of_days.is_some_and(|end| by_policy.is_none_or(|policy| end >= policy));
    let ask = LockAsk {
        mode: request.lock_mode,
        retain_until: request.retain_until.max(by_policy.filter(|_| !by_days)),
        retention_days: days.filter(|_| by_days),
        legal_hold: request.legal_hold || policy.is_some_and(|policy| policy.legal_hold),
    };
    Ok((ask, lapsed))
}

fn partly_done(there: usize, total: usize, failure: EvidenceError) -> EvidenceError {
    let message = match there == total {
        true => format!("every object is stored, but {failure}"),
        false => format!("{there} of {total} objects are stored; the next one was not: {failure}"),
    };
    EvidenceError::new(EvidenceErrorKind::PartlyDone, message)
        .with_guidance(
            "push the same directory again: what is stored is verified, the rest follows",
        )
        .with_source(failure)
}
