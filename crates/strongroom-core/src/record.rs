//! Records: what was done to evidence, kept create-only beside it. A [`Receipt`] says what a push
//! left, an [`Upload`] what one of several objects left; a [`ChangeRecord`] says what became of locks later. Both are read by one reader.
//!
//! Records are not signed: they are as trustworthy as the right to write beside the evidence.

mod read;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::BundleId;
use crate::observed::Unobserved;
use crate::receipt::Receipt;
use crate::retention::Retention;
use crate::upload::Upload;

pub(crate) use self::read::unknown_schema;
pub use self::read::{RecordError, read};

/// The schema that [`ChangeRecord`] is written under.
pub const RECORD_SCHEMA: &str = "strongroom.record/v1";

/// Any record under `records/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// What a push left.
    Receipt(Box<Receipt>),
    /// What a push of several objects left.
    Upload(Box<Upload>),
    /// What became of locks later.
    Change(Box<ChangeRecord>),
}

impl Record {
    /// What the record is about.
    pub fn subject(&self) -> Subject {
        match self {
            Self::Receipt(receipt) => Subject::BundleId(receipt.bundle_id),
            Self::Upload(upload) => Subject::BundleId(upload.bundle_id),
            Self::Change(change) => change.subject,
        }
    }

    /// When it was done, by the store's clock.
    pub fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Receipt(receipt) => receipt.lock.read_back_at.or(receipt.stored_at),
            Self::Upload(upload) => {
                let objects = upload.objects.iter();
                objects.filter_map(|object| object.lock.read_back_at.or(object.stored_at)).max()
            }
            Self::Change(change) => Some(change.at),
        }
    }
}

/// What records are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A bundle.
    BundleId(BundleId),
    /// A package of a registry.
    PackageId(Uuid),
}

/// A change of the locks on evidence: what was asked, and what was read back, object by object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeRecord {
    /// Always [`RECORD_SCHEMA`].
    pub schema: String,
    /// What the objects belong to.
    pub subject: Subject,
    /// The store's URL, without credentials.
    pub store: String,
    /// Where the store answered: scheme, host and port. Absent where there is no server.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub endpoint: Option<String>,
    /// The store's clock when it was done.
    pub at: Timestamp,
    /// Who did it, as they call themselves. Nobody is named who was not asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// What was done.
    #[serde(flatten)]
    pub change: Change,
    /// What became of each object.
    pub objects: Vec<RecordedObject>,
    /// Whether this record itself was written with a legal hold: then its bit is ours.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub written_with_hold: bool,
}

/// What was done to locks. A kind that a reader does not know is a promise that it cannot see, so new
/// kinds come with a new version of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Change {
    /// Dated locks were made longer or stronger.
    Extension {
        /// What was asked for.
        asked: Retention,
    },
    /// A hold is about to be placed. Written before the first bit is set: it says how the bits
    /// were, and keeps everybody who releases another hold from clearing them. It promises nothing.
    HoldBegun {
        /// The hold; also the id of its first such record.
        hold_id: Uuid,
    },
    /// A hold was placed, and read back.
    HoldPlaced {
        /// The hold.
        hold_id: Uuid,
    },
    /// A hold is given up. Written before the first bit is cleared: from here on the hold promises
    /// nothing.
    ReleaseBegun {
        /// The hold: of a push, the id of the record that keeps its receipt.
        hold_id: Uuid,
    },
    /// What the bits were after a hold was given up.
    HoldReleased {
        /// The hold.
        hold_id: Uuid,
    },
}

/// One object in a [`ChangeRecord`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedObject {
    /// The whole key, prefix included.
    pub key: String,
    /// The version, where the store has versions.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version_id: Option<String>,
    /// What was asked of the store for this object.
    #[serde(skip_serializing_if = "AskedLock::is_nothing", default)]
    pub asked: AskedLock,
    /// The dated lock before; absent where there was none, or it was not observed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retention_before: Option<Retention>,
    /// The hold bit before, and whose it was; absent where it was not observed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hold_before: Option<HoldBefore>,
    /// The dated lock as read back.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retention: Option<Retention>,
    /// The hold bit as read back.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub legal_hold: Option<bool>,
    /// The store's clock at the read-back; absent where nothing was read back.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub read_back_at: Option<Timestamp>,
    /// Why what was asked was not read back.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unobserved: Option<Unobserved>,
    /// Of a release: why the bit was left on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub left_on: Option<LeftOn>,
}

impl RecordedObject {
    /// An object of which nothing is said yet.
    pub fn new(key: String, version_id: Option<String>) -> Self {
        Self {
            key,
            version_id,
            asked: AskedLock::default(),
            retention_before: None,
            hold_before: None,
            retention: None,
            legal_hold: None,
            read_back_at: None,
            unobserved: None,
            left_on: None,
        }
    }
}

/// What was asked for one object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedLock {
    /// A dated lock.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retention: Option<Retention>,
    /// The hold bit, on or off.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub legal_hold: Option<bool>,
}

impl AskedLock {
    /// Whether nothing was asked.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// The hold bit before a hold was placed: one bit, which others use too. The order is of caution:
/// of two records that differ, the later variant counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldBefore {
    /// It was off.
    Off,
    /// It was on, and every hold of ours that was on record explains it.
    Ours,
    /// It was on, and somebody else had set it.
    Others,
}

/// Why a release left the bit on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftOn {
    /// Another hold of ours remains.
    HeldByUs,
    /// It was on before us: it is somebody else's.
    HeldByOthers,
    /// No record says that we set it.
    NotOnRecord,
    /// Not every record could be read: one of them may be a hold.
    RecordsUnread,
    /// The store refused to clear it.
    Refused,
}
