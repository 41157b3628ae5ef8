//! A storage plan of a bundle, made by the code that pushes it; the same plan held against a store; and a
//! push held to it.
//!
//! Planning asks no store: what a store would have to be asked for is named as decided at the push. The
//! `store` that it is given serves for its names only.

mod check;
mod intended;
mod keep;
mod standing;

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use strongroom_core::Sha256Digest;
use strongroom_core::bundle::cavra::VerifiedCavra;
use strongroom_core::bundle::{BundlePlan, Progress};
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::receipt::EnforcedBy;
use strongroom_core::storage_plan::cost::{self, Prices};
use strongroom_core::storage_plan::document::{
    AtPush, LongerDefault, PlannedLock, PolicyName, STORAGE_PLAN_SCHEMA, StoragePlan, StoreKind,
    Target, Totals,
};
use strongroom_core::storage_plan::policies::{self, Policy};
use strongroom_core::storage_plan::settings::{self, Demands};

use self::intended::Intended;
use super::lock_plan;
use super::push::{PushRequest, PushSource};
use super::{EvidenceError, EvidenceErrorKind};
use crate::open::{self, Location, Secret, StaticCredentials, StoreSettings};
use crate::{AskedOfWrites, Clock, Storage};

pub use self::check::{ObjectRow, ObjectStanding, STORAGE_CHECK_SCHEMA, StorageCheck, check};
pub use self::keep::PlanInForce;
pub use self::standing::{SettingRow, Standing};

/// A day of a lock, in seconds. Costs count whole days: a lock that is shorter costs a day.
const DAY_SECONDS: i64 = 24 * 60 * 60;

/// A region that stands in where only names are wanted.
const REGION_OF_NAMES: &str = "us-east-1";

/// What a plan is made of.
pub enum PlanSource {
    /// An archive on disk, native or Assay. It is verified.
    Archive(PathBuf),
    /// Files that would be bundled on the way.
    Files(Box<BundlePlan>),
    /// A CAVRA directory.
    Cavra(Arc<VerifiedCavra>),
}

/// How it would be pushed, and what else is asked of the plan.
#[derive(Debug, Clone)]
pub struct PlanRequest {
    /// The push.
    pub push: PushRequest,
    /// What the push is to do where the bucket locks for longer by itself.
    pub longer_default: LongerDefault,
    /// What is asked of the bucket besides.
    pub demands: Demands,
    /// Detached signatures that will be put beside the bundle: digest and length of each file.
    pub signatures: Vec<(Sha256Digest, u64)>,
    /// The table of prices.
    pub prices: Prices,
    /// What it is called.
    pub prices_name: String,
}

/// A plan, and the policy files that belong to it.
#[derive(Debug)]
pub struct Planned {
    /// The plan.
    pub plan: StoragePlan,
    /// The policy files: path and bytes.
    pub policies: Vec<PolicyFile>,
}

/// Opens a store for its names alone: nothing is asked of it, so neither its region nor a key is needed.
/// A plan for a bucket whose region nobody named leaves the endpoint open.
pub async fn open_for_its_names(
    settings: &StoreSettings,
    clock: Clock,
) -> Result<Arc<dyn Storage>, EvidenceError> {
    let mut settings = settings.clone();
    match Location::parse(&settings.url)? {
        Location::S3(_) if is_without_endpoint(&settings) => {
            settings.region = Some(REGION_OF_NAMES.to_owned());
        }
        Location::Azure(_) if settings.credentials.is_none() => {
            let account = settings.endpoint.as_deref().and_then(account_of);
            settings.credentials = account.map(|access_key| StaticCredentials {
                access_key,
                secret_key: Secret(String::new()),
                session_token: None,
            });
        }
        _ => {}
    }
    Ok(open::open(&settings, clock).await?)
}

fn is_without_endpoint(settings: &StoreSettings) -> bool {
    settings.endpoint.is_none() && settings.region.is_none()
}

/// Makes a plan. Verifies what is planned; asks the store nothing and writes nothing.
pub async fn plan(
    store: &dyn Storage,
    settings: &StoreSettings,
    source: PlanSource,
    request: &PlanRequest,
    clock: &Clock,
    progress: Arc<dyn Progress>,
) -> Result<Planned, EvidenceError> {
    let planned_at = to_the_second(clock.now());
    let target = target(store, settings)?;
    let intended = match source {
        PlanSource::Archive(path) => {
            intended::of_archive(store, PushSource::Archive(path), &request.push, progress).await?
        }
        PlanSource::Files(plan) => {
            intended::of_archive(store, PushSource::Plan(plan), &request.push, progress).await?
        }
        PlanSource::Cavra(bundle) => intended::of_cavra(store, &bundle, &request.push, planned_at)?,
    };
    let Intended { bundle, ask, mut objects } = intended;
    // As the push will: what it would refuse whatever the store says is refused now.
    let unasked = Observed::Unobserved(Unobserved::NotProbed);
    let enforced_by = store.locks_enforced_by();
    let asked = lock_plan::plan(&ask, unasked, enforced_by, planned_at, planned_at)?.asked;
    let lock = PlannedLock {
        retention: intended::planned_retention(&ask),
        legal_hold: asked.legal_hold,
        longer_default: request.longer_default,
        if_stored_now: asked.retention.map(|retention| retention.retain_until),
    };
    objects.extend(intended::signatures(store, bundle.bundle_id, &lock, &request.signatures)?);
    let (names, policies) = policy_files(policies::policies(&target, &lock))?;
    let days = lock.if_stored_now.map(|until| days_to(until, planned_at));
    let plan = StoragePlan {
        schema: STORAGE_PLAN_SCHEMA.to_owned(),
        content_sha256: Sha256Digest::of(b""),
        planned_at,
        decided_at_push: decided_at_push(&target, &lock, enforced_by),
        settings: settings::planned(&target, &lock, request.demands),
        policies: names,
        totals: Totals {
            objects: objects.len() as u64,
            size_bytes_max: objects.iter().map(|object| object.size_bytes_at_most()).sum(),
            objects_locked: objects
                .iter()
                .filter(|object| object.retention.is_some() || object.legal_hold)
                .count() as u64,
        },
        costs: cost::estimate(&request.prices, &request.prices_name, &target, &objects, days),
        bundle,
        target,
        lock,
        objects,
    };
    let plan = plan.sealed().map_err(unwritable)?;
    Ok(Planned { plan, policies })
}

fn target(store: &dyn Storage, settings: &StoreSettings) -> Result<Target, EvidenceError> {
    let (kind, bucket, prefix) = match Location::parse(&settings.url)? {
        Location::S3(place) => (StoreKind::S3, Some(place.bucket), place.prefix),
        Location::Azure(place) => (StoreKind::Azure, Some(place.bucket), place.prefix),
        Location::File(_) => (StoreKind::File, None, String::new()),
        Location::Memory => (StoreKind::Memory, None, String::new()),
    };
    let endpoint = match kind {
        StoreKind::S3 if is_without_endpoint(settings) => None,
        _ => store.endpoint().map(str::to_owned),
    };
    let account = match kind {
        StoreKind::Azure => endpoint.as_deref().and_then(account_of),
        _ => None,
    };
    let AskedOfWrites { storage_class, encryption, kms_key_id } = store.asked_of_writes();
    let store = store.url().to_owned();
    Ok(Target {
        kind,
        store,
        endpoint,
        bucket,
        prefix,
        account,
        storage_class,
        encryption,
        kms_key_id,
    })
}

/// The account in `https://ACCOUNT.blob.core.windows.net`.
fn account_of(endpoint: &str) -> Option<String> {
    let (account, rest) = endpoint.strip_prefix("https://")?.split_once('.')?;
    rest.starts_with("blob.").then(|| account.to_owned())
}

/// A file: its path and its bytes.
pub type PolicyFile = (String, Vec<u8>);

fn policy_files(
    policies: Vec<Policy>,
) -> Result<(Vec<PolicyName>, Vec<PolicyFile>), EvidenceError> {
    let mut names = Vec::new();
    let mut files = Vec::new();
    for Policy { path, purpose, content } in policies {
        let mut bytes = serde_json::to_vec_pretty(&content).map_err(unwritable)?;
        bytes.push(b'\n');
        let sha256 = Sha256Digest::of(&bytes);
        names.push(PolicyName { path: path.to_owned(), purpose: purpose.into_owned(), sha256 });
        files.push((path.to_owned(), bytes));
    }
    Ok((names, files))
}

/// What nobody can know before the push.
fn decided_at_push(target: &Target, lock: &PlannedLock, enforced_by: EnforcedBy) -> Vec<AtPush> {
    let at = |what: &str, why: &str| AtPush { what: what.to_owned(), why: why.to_owned() };
    let mut all = Vec::new();
    if lock.retention.is_some_and(|retention| retention.until.is_none()) {
        all.push(at(
            "the date until which is locked",
            "days count from storing, by the store's clock; `if_stored_now` says what it would be",
        ));
    }
    if target.kind == StoreKind::S3 && target.endpoint.is_none() {
        all.push(at("the endpoint", "no region was named, and no endpoint"));
    }
    all.push(at(
        "the key of the reference by day",
        "the day of storing, by the store's clock; a bundle that is there already gets no second one",
    ));
    all.push(at(
        "the key, the bytes and the digest of the record",
        "its name is made then, and it says what was read back; none is written where nothing is new",
    ));
    if enforced_by == EnforcedBy::Store {
        all.push(at("version ids and entity tags", "the store gives them"));
        all.push(at(
            "what the bucket's default retention adds",
            match lock.longer_default {
                LongerDefault::Refuse => {
                    "a default that is no stronger than the plan's lock locks references too; a stronger \
                     or longer one is refused before anything is written"
                }
                LongerDefault::Accept => {
                    "the stronger of the plan's lock and the default is set, as the plan accepts"
                }
            },
        ));
    }
    if target.kind == StoreKind::Azure {
        all.push(at(
            "a default of the account",
            "the service does not tell of it before a blob has it",
        ));
    }
    all
}

/// Whole days to a date, the last one begun counted.
fn days_to(until: Timestamp, from: Timestamp) -> u32 {
    let seconds = until.as_second().saturating_sub(from.as_second()).max(0);
    u32::try_from(seconds.saturating_add(DAY_SECONDS - 1) / DAY_SECONDS).unwrap_or(u32::MAX)
}

fn to_the_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

fn unwritable(error: impl std::error::Error + Send + Sync + 'static) -> EvidenceError {
    EvidenceError::new(EvidenceErrorKind::LocalFile, "the plan could not be written")
        .with_source(error)
}
