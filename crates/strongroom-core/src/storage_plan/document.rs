//! The plan as a document: what is in it, and how it is read back.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cost::CostEstimate;
use super::settings::PlannedSetting;
use crate::canonical::{self, JsonLimits};
use crate::retention::LockMode;
use crate::{BundleId, Sha256Digest, limits};

/// The schema that [`StoragePlan`] is written under.
pub const STORAGE_PLAN_SCHEMA: &str = "strongroom.storage-plan/v1";
/// The field that the plan's own digest stands in.
const OWN_DIGEST: &str = "content_sha256";

/// What a push of one bundle would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoragePlan {
    /// Always [`STORAGE_PLAN_SCHEMA`].
    pub schema: String,
    /// SHA-256 of this document in its RFC 8785 form, without this field. It finds a slip; whoever can
    /// change the plan can change it too.
    pub content_sha256: Sha256Digest,
    /// When the plan was made, by this machine's clock.
    pub planned_at: Timestamp,
    /// What is to be stored.
    pub bundle: PlannedBundle,
    /// Where.
    pub target: Target,
    /// The lock that is asked for.
    pub lock: PlannedLock,
    /// Every object that the push would write, in its order.
    pub objects: Vec<PlannedObject>,
    /// What the push decides, since nobody can know it before.
    pub decided_at_push: Vec<AtPush>,
    /// What the bucket must be set to, and what it had better be.
    pub settings: Vec<PlannedSetting>,
    /// The policy files beside the plan.
    pub policies: Vec<PolicyName>,
    /// Sums over the objects.
    pub totals: Totals,
    /// What it may cost.
    pub costs: CostEstimate,
}

/// The bundle of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedBundle {
    /// Its identity, proven when the plan was made.
    pub bundle_id: BundleId,
    /// Its format, as the receipts and lists name it.
    pub format: String,
    /// Every run that it will be filed under: its own, and the one that is asked for.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub run_ids: Vec<String>,
    /// The run that is asked for besides its own.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub asked_run_id: Option<String>,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subject: Option<String>,
    /// How many files it has.
    pub files: u64,
    /// The sum of their lengths.
    pub content_size_bytes: u64,
}

/// What kind of store a plan is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreKind {
    /// S3, or what speaks its protocol.
    S3,
    /// Azure Blob.
    Azure,
    /// A local directory.
    File,
    /// This process.
    Memory,
}

/// Where a plan leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The kind of store.
    pub kind: StoreKind,
    /// The store's URL, without credentials.
    pub store: String,
    /// Where it answers: scheme, host and port. Absent where there is no server.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub endpoint: Option<String>,
    /// The bucket, or the container.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bucket: Option<String>,
    /// What every key starts with: empty, or ends with `/`.
    pub prefix: String,
    /// The Azure account, where the endpoint names it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub account: Option<String>,
    /// The storage class that each write asks for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub storage_class: Option<String>,
    /// The encryption that each write asks for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub encryption: Option<String>,
    /// The key of that encryption.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub kms_key_id: Option<String>,
}

/// A dated lock whose end may count from storing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedRetention {
    /// How strongly.
    pub mode: LockMode,
    /// Days of 24 hours, counted from storing.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub days: Option<u32>,
    /// An outright date. Where days are there too, the date counts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<Timestamp>,
}

/// What to do where the bucket locks for longer by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LongerDefault {
    /// Write nothing.
    #[default]
    Refuse,
    /// Take it.
    Accept,
}

/// The lock of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedLock {
    /// The dated part.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retention: Option<PlannedRetention>,
    /// The undated part.
    pub legal_hold: bool,
    /// What a push does where the bucket's default retention is stronger or longer than this.
    pub longer_default: LongerDefault,
    /// The date, if it were stored at the moment of planning.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub if_stored_now: Option<Timestamp>,
}

/// What an object of a plan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    /// A reference by run.
    RunReference,
    /// A reference by subject.
    SubjectReference,
    /// A reference by day of storing.
    DayReference,
    /// The archive.
    Bundle,
    /// A file of a CAVRA directory.
    CavraFile,
    /// The manifest of a CAVRA directory.
    CavraManifest,
    /// The record of the push.
    Record,
    /// A detached signature, which `evidence sign` puts beside the bundle.
    Signature,
}

/// Who writes an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum WrittenBy {
    /// The push.
    #[serde(rename = "evidence push")]
    Push,
    /// A signing, or the push that follows `evidence bundle --signer`.
    #[serde(rename = "evidence sign")]
    Sign,
}

/// One object of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedObject {
    /// What it is.
    pub kind: ObjectKind,
    /// Who writes it.
    pub written_by: WrittenBy,
    /// Its path in the bundle, of a CAVRA directory.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path: Option<String>,
    /// The whole key, prefix included. What only the push decides stands in braces.
    pub key: String,
    /// The digest of its bytes, where it is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sha256: Option<Sha256Digest>,
    /// Their number, where it is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub size_bytes: Option<u64>,
    /// At most so many, where the number is not known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub size_bytes_max: Option<u64>,
    /// The dated lock that it gets. Without one it gets what the bucket gives by itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retention: Option<PlannedRetention>,
    /// Whether it is put under a legal hold.
    pub legal_hold: bool,
    /// Which of `key`, `sha256` and `size_bytes` the push decides.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub decided_at_push: Vec<Undecided>,
}

impl PlannedObject {
    /// The most that its bytes can be.
    pub fn size_bytes_at_most(&self) -> u64 {
        self.size_bytes.or(self.size_bytes_max).unwrap_or(0)
    }

    /// Whether its whole key is known.
    pub fn has_key(&self) -> bool {
        !self.decided_at_push.contains(&Undecided::Key)
    }

    /// What is different in what would be written now: nothing where only what the plan left open is.
    pub fn differs_from(&self, intended: &Self) -> Option<Difference> {
        if (self.kind, self.written_by, &self.path)
            != (intended.kind, intended.written_by, &intended.path)
        {
            return Some(Difference::Object);
        }
        if self.key != intended.key {
            return Some(Difference::Key);
        }
        if (self.retention, self.legal_hold) != (intended.retention, intended.legal_hold) {
            return Some(Difference::Lock);
        }
        if self.sha256.is_some() && self.sha256 != intended.sha256 {
            return Some(Difference::Content);
        }
        let fits = match self.size_bytes {
            Some(_) => self.size_bytes == intended.size_bytes,
            None => intended.size_bytes_at_most() <= self.size_bytes_at_most(),
        };
        (!fits).then_some(Difference::Content)
    }
}

/// How an object differs from its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// It is another object.
    Object,
    /// It has another key.
    Key,
    /// It has another lock, or hold.
    Lock,
    /// It has other bytes.
    Content,
}

/// What of an object is decided by the push.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undecided {
    /// The rest of its key.
    Key,
    /// The digest of its bytes.
    Sha256,
    /// Their number.
    SizeBytes,
}

/// Something that the push decides, and why nobody can before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtPush {
    /// What.
    pub what: String,
    /// Why.
    pub why: String,
}

/// A policy file beside the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyName {
    /// Its path beside the plan.
    pub path: String,
    /// Whom it is for, and what for.
    pub purpose: String,
    /// The digest of its bytes.
    pub sha256: Sha256Digest,
}

/// Sums over the objects of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// How many objects.
    pub objects: u64,
    /// Their bytes, at most.
    pub size_bytes_max: u64,
    /// How many are locked or held.
    pub objects_locked: u64,
}

/// A plan that is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// It is longer than [`limits::PLAN_BYTES_MAX`].
    #[error("the plan is longer than the limit PLAN_BYTES_MAX ({})", limits::PLAN_BYTES_MAX)]
    TooLong,
    /// Not JSON, or not of its schema.
    #[error("the file is no storage plan")]
    NotAPlan,
    /// A version of the schema that this program does not know.
    #[error("the plan is of another version; this one reads {STORAGE_PLAN_SCHEMA}")]
    UnknownVersion,
    /// Its own digest is that of another text.
    #[error("the plan was changed since it was made: its content_sha256 is that of another text")]
    Changed,
}

impl StoragePlan {
    /// The plan with its own digest.
    pub fn sealed(mut self) -> Result<Self, PlanError> {
        let value = serde_json::to_value(&self).map_err(|_| PlanError::NotAPlan)?;
        self.content_sha256 = own_digest(value)?;
        Ok(self)
    }

    /// Reads a plan that must be as it was made. Fields that this version does not know are covered by
    /// the digest, and otherwise ignored.
    pub fn read(bytes: &[u8]) -> Result<Self, PlanError> {
        if bytes.len() as u64 > limits::PLAN_BYTES_MAX {
            return Err(PlanError::TooLong);
        }
        let value = canonical::parse(bytes, JsonLimits::NATIVE).map_err(|_| PlanError::NotAPlan)?;
        match value.get("schema").and_then(Value::as_str) {
            Some(STORAGE_PLAN_SCHEMA) => {}
            Some(other) if other.starts_with("strongroom.storage-plan/") => {
                return Err(PlanError::UnknownVersion);
            }
            _ => return Err(PlanError::NotAPlan),
        }
        let plan = Self::deserialize(&value).map_err(|_| PlanError::NotAPlan)?;
        match own_digest(value)? == plan.content_sha256 {
            true => Ok(plan),
            false => Err(PlanError::Changed),
        }
    }
}

fn own_digest(mut value: Value) -> Result<Sha256Digest, PlanError> {
    value.as_object_mut().ok_or(PlanError::NotAPlan)?.remove(OWN_DIGEST);
    let bytes = canonical::to_vec(&value).map_err(|_| PlanError::NotAPlan)?;
    Ok(Sha256Digest::of(&bytes))
}
