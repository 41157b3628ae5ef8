//! A push that keeps to a plan: what would be otherwise is refused before anything is written.

use jiff::Timestamp;
use strongroom_core::Sha256Digest;
use strongroom_core::bundle::VerifiedBundle;
use strongroom_core::bundle::cavra::VerifiedCavra;
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::retention::{DefaultRetention, LockMode, Period, Retention, join};
use strongroom_core::storage_plan::document::{Difference, LongerDefault};
use strongroom_core::storage_plan::settings::Setting;
use strongroom_core::storage_plan::{PlanError, StoragePlan};

use super::super::lock_plan::{DEFAULT_MARGIN, LockPlan, refused};
use super::super::push::{PushRequest, Source};
use super::super::{EvidenceError, EvidenceErrorKind};
use super::intended::{self, Intended};
use crate::Storage;

/// A plan that was read back, and the digest of its file.
#[derive(Debug, Clone)]
pub struct PlanInForce {
    plan: StoragePlan,
    sha256: Sha256Digest,
}

impl PlanInForce {
    /// Reads the file of a plan, which must be as it was made.
    pub fn read(bytes: &[u8]) -> Result<Self, EvidenceError> {
        let plan = StoragePlan::read(bytes).map_err(broken)?;
        Ok(Self { plan, sha256: Sha256Digest::of(bytes) })
    }

    /// The digest of the file.
    pub fn sha256(&self) -> Sha256Digest {
        self.sha256
    }

    /// What is planned.
    pub fn plan(&self) -> &StoragePlan {
        &self.plan
    }

    /// What the plan asks of a push. Nothing of it may fall short: a plan has no `--allow-unlocked`.
    pub fn request(self) -> PushRequest {
        let StoragePlan { lock, bundle, .. } = &self.plan;
        PushRequest {
            run_id: bundle.asked_run_id.clone(),
            lock_mode: lock.retention.map(|retention| retention.mode),
            retain_until: lock.retention.and_then(|retention| retention.until),
            retention_days: lock.retention.and_then(|retention| retention.days),
            legal_hold: lock.legal_hold,
            plan: Some(std::sync::Arc::new(self)),
            ..PushRequest::default()
        }
    }

    /// Holds the push of an archive, or of files, to the plan.
    pub(in crate::evidence) fn hold_archive(
        &self,
        store: &dyn Storage,
        source: &Source,
        verified: Option<&VerifiedBundle>,
        request: &PushRequest,
        lock: &LockPlan,
        store_now: Timestamp,
    ) -> Result<(), EvidenceError> {
        let intended = intended::of_source(store, source, verified, request)?;
        self.hold(store, &intended, lock, store_now)
    }

    /// Holds the push of a CAVRA directory to the plan.
    pub(in crate::evidence) fn hold_cavra(
        &self,
        store: &dyn Storage,
        bundle: &VerifiedCavra,
        request: &PushRequest,
        lock: &LockPlan,
        store_now: Timestamp,
    ) -> Result<(), EvidenceError> {
        let intended = intended::of_cavra(store, bundle, request, store_now)?;
        self.hold(store, &intended, lock, store_now)
    }

    fn hold(
        &self,
        store: &dyn Storage,
        intended: &Intended,
        lock: &LockPlan,
        store_now: Timestamp,
    ) -> Result<(), EvidenceError> {
        if intended.bundle.bundle_id != self.plan.bundle.bundle_id {
            return Err(not_met("the plan is for another bundle", "plan this one"));
        }
        let target = &self.plan.target;
        // A plan that names no endpoint leaves it open.
        let other_endpoint =
            target.endpoint.is_some() && store.endpoint() != target.endpoint.as_deref();
        if store.url() != target.store || other_endpoint {
            return Err(not_met(
                "the plan is for another store, prefix or endpoint",
                "name the store of the plan, or plan for this one",
            ));
        }
        self.hold_writes(store)?;
        self.hold_objects(intended)?;
        if lock.asked.legal_hold != self.plan.lock.legal_hold {
            return Err(differs(Difference::Lock));
        }
        match self.plan.lock.longer_default {
            LongerDefault::Accept => Ok(()),
            LongerDefault::Refuse => self.hold_default(lock, store_now),
        }
    }

    /// Each write must ask for what is planned besides its lock. Nobody reads these back, and they decide
    /// who can read the evidence, and what it costs.
    fn hold_writes(&self, store: &dyn Storage) -> Result<(), EvidenceError> {
        let (asked, target) = (store.asked_of_writes(), &self.plan.target);
        let differing: Vec<&str> = [
            (asked.storage_class != target.storage_class, "another storage class"),
            (asked.encryption != target.encryption, "another encryption"),
            (asked.kms_key_id != target.kms_key_id, "another KMS key"),
        ]
        .into_iter()
        .filter_map(|(differs, what)| differs.then_some(what))
        .collect();
        if differing.is_empty() {
            return Ok(());
        }
        let message = format!(
            "objects would be written with {} than the plan says: nothing was written",
            differing.join(", and ")
        );
        Err(not_met(
            message,
            "give --store-storage-class, --store-sse and --store-kms-key-id as for the plan, or plan anew",
        ))
    }

    /// The same error, without the advice to do what a push by a plan refuses.
    pub(in crate::evidence) fn explain(error: EvidenceError) -> EvidenceError {
        match error.guidance().is_some_and(|guidance| guidance.contains("--allow-unlocked")) {
            true => error.with_guidance(
                "the plan asks for this lock, and a push by a plan takes no less: give the bucket and the \
                 credentials what the plan names (its settings, its upload policy), or plan without a lock",
            ),
            false => error,
        }
    }

    /// What the push would write must be what is planned, one object after the other. Signatures are
    /// another command's.
    fn hold_objects(&self, intended: &Intended) -> Result<(), EvidenceError> {
        use strongroom_core::storage_plan::document::WrittenBy;
        let planned = self.plan.objects.iter().filter(|one| one.written_by == WrittenBy::Push);
        let planned: Vec<_> = planned.collect();
        if planned.len() != intended.objects.len() {
            return Err(differs(Difference::Object));
        }
        let pairs = planned.into_iter().zip(&intended.objects);
        match pairs.filter_map(|(planned, intended)| planned.differs_from(intended)).next() {
            Some(difference) => Err(differs(difference)),
            None => Ok(()),
        }
    }

    /// The bucket's default may lock no longer and no stronger than the plan says.
    fn hold_default(&self, lock: &LockPlan, store_now: Timestamp) -> Result<(), EvidenceError> {
        let default = match &lock.bucket_default {
            Observed::Observed(None) => return Ok(()),
            // There is no such thing here, or no way to ask: what came of it is read back.
            Observed::Unobserved(Unobserved::UnsupportedBackend) => return Ok(()),
            Observed::Observed(Some(default)) => default,
            Observed::Unobserved(reason) => {
                return Err(not_met(
                    format!("the bucket's default retention was not observed ({reason})"),
                    "grant s3:GetBucketObjectLockConfiguration, or plan with --accept-longer-default",
                ));
            }
        };
        let by_itself = default.at(store_now).map_err(refused)?;
        let demanded = self.demanded_default();
        let demanded =
            demanded.map(|demanded| demanded.at(store_now)).transpose().map_err(refused)?;
        let allowed = join(lock.asked.retention, demanded);
        let allowed = allowed.map(with_margin).transpose()?;
        if allowed.is_some_and(|allowed| allowed.covers(by_itself)) {
            return Ok(());
        }
        Err(not_met(
            "the bucket's default retention locks for longer, or stronger, than the plan says: nothing \
             was written",
            "plan with --accept-longer-default, or with a lock that is no weaker than the default",
        ))
    }

    fn demanded_default(&self) -> Option<DefaultRetention> {
        let settings = self.plan.settings.iter();
        let default = settings.into_iter().find(|one| one.id == Setting::DefaultRetention)?;
        let mode: LockMode = default.mode?;
        Some(DefaultRetention { mode, period: Period::Days(default.days_min?) })
    }
}

/// Where a default is spelled out beside a hold, a day is added to it: that is no deviation.
fn with_margin(retention: Retention) -> Result<Retention, EvidenceError> {
    let retain_until = DEFAULT_MARGIN.after(retention.retain_until).map_err(refused)?;
    Ok(Retention { retain_until, ..retention })
}

fn broken(error: PlanError) -> EvidenceError {
    let guidance = "make the plan anew with `strongroom evidence storage-plan`";
    EvidenceError::new(EvidenceErrorKind::PlanBroken, error.to_string()).with_guidance(guidance)
}

fn differs(difference: Difference) -> EvidenceError {
    let what = match difference {
        Difference::Object => "other objects would be written than the plan names",
        Difference::Key => "an object would have another key than the plan says",
        Difference::Lock => "an object would have another lock, or hold, than the plan says",
        Difference::Content => "an object would have other bytes than the plan says",
    };
    not_met(format!("{what}: nothing was written"), "plan what is to be pushed now")
}

fn not_met(
    message: impl Into<std::borrow::Cow<'static, str>>,
    guidance: &'static str,
) -> EvidenceError {
    EvidenceError::new(EvidenceErrorKind::PlanNotMet, message).with_guidance(guidance)
}
