//! Records of packages: every decision about one, kept create-only beside its bytes before the decision
//! is acknowledged. A registry that lost its database is rebuilt from them.
//!
//! Keys are [`layout::package_record`](crate::layout::package_record). Records are not signed: they are as
//! trustworthy as the right to write beside the evidence. People are named by random ids only.
//!
//! # Which of them count
//!
//! A record is written before the row that it tells of, and the row may then refuse: somebody else decided in
//! between, or the process ended. So a decision that keeps (a hold, a later date, a block) counts from its record on,
//! and one that [weakens](Decision::weakens) what keeps a package counts only where it is known to have been taken: where
//! the audit event that was written together with the row names its digest. Where that is not known, the stronger
//! reading counts. A refusal that was seen is told by [`Decision::NotTaken`].

mod read;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::class::RetentionRule;
use super::named::named;
use super::signature::ManifestSignature;
use crate::bundle::{Declarations, Manifest};
use crate::limits;
use crate::receipt::{EnforcedBy, Integrity, LockReceipt};
use crate::retention::LockMode;
use crate::{BundleId, Sha256Digest, canonical};

pub use self::read::read;
pub use crate::record::RecordError;

/// The schema that [`PackageRecord`] is written under.
pub const PACKAGE_RECORD_SCHEMA: &str = "strongroom.package-record/v1";

/// One decision about a package.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PackageRecord {
    /// Always [`PACKAGE_RECORD_SCHEMA`].
    pub schema: String,
    /// Its own id, which is in its key too.
    pub id: Uuid,
    /// The package.
    pub package_id: Uuid,
    /// Whose package it is: a slug.
    pub tenant: String,
    /// When it was decided.
    pub at: Timestamp,
    /// Who decided it: the random id of a principal. Absent where nobody did: the registry followed its rules.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<Uuid>,
    /// Why, as they put it; at most [`limits::REASON_BYTES_MAX`] bytes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// What was decided.
    #[serde(flatten)]
    pub decision: Decision,
}

/// What was decided. A kind that a reader does not know is a promise that it cannot see, so new kinds
/// come with a new version of the schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Decision {
    /// A package was begun.
    PackageCreated(Box<Created>),
    /// What was declared of it was changed while it was open.
    PackageChanged {
        /// What people call it from now on.
        name: String,
        /// What is declared from now on, whole.
        declared: Box<Declarations>,
    },
    /// A file was acknowledged. Written where the object's own metadata cannot tell all of it.
    FileStored(Box<StoredFile>),
    /// Every object was verified and locked as its rule asks, and read back.
    PackageFinalized(Box<Finalized>),
    /// Its date was moved later.
    RetentionExtended {
        /// The date until then.
        previous: Timestamp,
        /// The date from now on.
        new: Timestamp,
    },
    /// A legal hold was placed.
    HoldPlaced {
        /// The hold.
        hold_id: Uuid,
    },
    /// A legal hold was given up.
    HoldReleased {
        /// The hold.
        hold_id: Uuid,
        /// The second of two people, where two are asked for.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        approved_by: Option<Uuid>,
    },
    /// Its deletion was asked for.
    DeletionRequested {
        /// Whether before its date.
        early: bool,
        /// Runs of the sweeper that the request can be taken back for.
        grace_ticks: u32,
        /// The second of two people, where two are asked for.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        approved_by: Option<Uuid>,
    },
    /// A request was taken back, or what a blocked deletion left is kept.
    DeletionCancelled,
    /// A deletion under way was stopped.
    DeletionBlocked {
        /// By what.
        why: DeletionBlock,
    },
    /// It was given up before it was finalized.
    PackageAbandoned,
    /// Its bytes are gone: the disposition certificate.
    PackageDeleted(Box<Disposition>),
    /// Finalizing was given up, and the package is open again. Its `package.json` and the record of its finalizing may
    /// be there, and are of no evidence.
    FinalizeFailed {
        /// The record of that finalizing.
        record_id: Uuid,
    },
    /// What another record tells of was refused after it was written: it never was so.
    #[serde(rename = "decision_not_taken")]
    NotTaken {
        /// That record.
        record_id: Uuid,
    },
}

impl Decision {
    /// Whether it takes something away that keeps a package: then its record alone is not enough for it to count.
    pub fn weakens(&self) -> bool {
        match self {
            Self::HoldReleased { .. }
            | Self::DeletionRequested { .. }
            | Self::PackageAbandoned
            | Self::PackageDeleted(_)
            | Self::FinalizeFailed { .. } => true,
            Self::PackageCreated(_)
            | Self::PackageChanged { .. }
            | Self::FileStored(_)
            | Self::PackageFinalized(_)
            | Self::RetentionExtended { .. }
            | Self::HoldPlaced { .. }
            | Self::DeletionCancelled
            | Self::DeletionBlocked { .. }
            | Self::NotTaken { .. } => false,
        }
    }
}

/// How a package begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Created {
    /// What people call it.
    pub name: String,
    /// What the producer declares, as it goes into the manifest.
    pub declared: Declarations,
    /// The rule of its class at that time.
    pub rule: RetentionRule,
    /// Its date; absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_at: Option<Timestamp>,
    /// Where its bytes go.
    pub storage: StorageFacts,
}

/// Where the bytes of a package are: settled when it is created, and kept with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageFacts {
    /// The backend's name in the registry.
    pub backend: String,
    /// The store's URL, without credentials.
    pub store: String,
    /// Where the store answers: scheme, host and port. Absent where there is no server.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub endpoint: Option<String>,
}

/// A file that was acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFile {
    /// The file.
    pub file_id: Uuid,
    /// Its path in the package.
    pub path: String,
    /// Its length.
    pub size_bytes: u64,
    /// The digest of its bytes.
    pub sha256: Sha256Digest,
    /// Its media type, only where the producer declared one for the manifest.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub media_type: Option<String>,
    /// The whole key of its object, prefix included.
    pub key: String,
    /// The version, where the store has versions.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version_id: Option<String>,
    /// How the stored bytes are known to be those that were sent.
    pub integrity: Integrity,
}

/// What was there when a package was finalized.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finalized {
    /// Its identity: the SHA-256 of its manifest.
    pub bundle_id: BundleId,
    /// How many files it has.
    pub files: u64,
    /// The sum of their lengths.
    pub size_bytes: u64,
    /// Its date; absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_at: Option<Timestamp>,
    /// The registry's signature of the manifest; absent where it made none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub signature: Option<ManifestSignature>,
    /// The locks, as read back.
    pub locks: LockSummary,
}

/// The locks of all objects of a package, as read back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockSummary {
    /// How many objects there are, the manifest's included.
    pub objects: u64,
    /// Those that the store itself holds at least as its rule asks.
    pub locked: u64,
    /// Those that are under it, or under a hold, by Strongroom's own word only: whoever reaches the store by another
    /// way can delete them. None of them is among `locked`.
    pub advisory: u64,
    /// Those with the hold bit on, whoever keeps it.
    pub held: u64,
    /// The weakest mode among those with a lock that is as its rule asks, whoever keeps it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mode: Option<LockMode>,
    /// The earliest date among these.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retain_until: Option<Timestamp>,
}

impl LockSummary {
    /// Adds one object: its lock as read back, and whether that is at least what was asked for.
    pub fn add(&mut self, lock: &LockReceipt, is_as_asked: bool) {
        let is_held = lock.legal_hold == Some(true);
        let retention = lock.mode.zip(lock.retain_until).filter(|_| is_as_asked);
        self.objects += 1;
        self.held += u64::from(is_held);
        let is_kept = retention.is_some() || is_held && is_as_asked;
        match lock.enforced_by {
            EnforcedBy::Strongroom => self.advisory += u64::from(is_kept),
            EnforcedBy::Store | EnforcedBy::None => self.locked += u64::from(retention.is_some()),
        }
        if let Some((mode, date)) = retention {
            self.mode = Some(self.mode.map_or(mode, |weakest| weakest.min(mode)));
            self.retain_until = Some(self.retain_until.map_or(date, |first| first.min(date)));
        }
    }
}

named! {
    /// What stopped a deletion that was under way.
    pub enum DeletionBlock: "a reason for a blocked deletion" {
        /// A legal hold was placed.
        HoldPlaced = "hold_placed",
        /// The date was moved later.
        RetentionExtended = "retention_extended",
        /// The store holds an object under a lock of its own.
        StoreLock = "store_lock",
        /// The store does not allow the registry to delete.
        StoreDenied = "store_denied",
        /// The store answered something else for as often as was tried.
        StoreFailed = "store_failed",
        /// The registry itself failed at it; its log says why.
        RegistryFailed = "registry_failed",
    }
}

/// What became of a package at its end. Who, when and why are those of its record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disposition {
    /// The record of the request that this carries out.
    pub request_id: Uuid,
    /// Whether before its date.
    pub early: bool,
    /// Its date; absent where it had none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_at: Option<Timestamp>,
    /// The identity of what was deleted: the SHA-256 of its manifest, which names every file and digest and
    /// outlives them.
    pub bundle_id: BundleId,
    /// How many files it had.
    pub files: u64,
    /// The sum of their lengths.
    pub size_bytes: u64,
    /// Objects that were deleted, as observed.
    pub objects_deleted: u64,
    /// Objects that were not there any more when their turn came.
    pub objects_absent: u64,
}

impl PackageRecord {
    /// The bytes that are kept: RFC 8785, without a trailing newline. Refuses what [`read`] would refuse.
    pub fn to_bytes(&self) -> Result<Vec<u8>, RecordError> {
        self.check()?;
        let bytes = canonical::to_vec(self).map_err(|_| MALFORMED)?;
        if bytes.len() as u64 > limits::RECORD_BYTES_MAX {
            return Err(RecordError::Limit);
        }
        Ok(bytes)
    }

    /// Refuses texts beyond their limits.
    fn check(&self) -> Result<(), RecordError> {
        let is_short = |text: &str, max: usize| text.len() <= max;
        let reason = self.reason.as_deref().unwrap_or_default();
        // By the rules of the manifest that it is for.
        let is_declared = |name: &str, declared: &Declarations| {
            let manifest = Manifest::new(Vec::new(), declared.clone());
            is_short(name, limits::NAME_BYTES_MAX) && manifest.is_ok()
        };
        let declared = match &self.decision {
            Decision::PackageCreated(created) => is_declared(&created.name, &created.declared),
            Decision::PackageChanged { name, declared } => is_declared(name, declared),
            Decision::FileStored(file) => is_short(&file.path, limits::PATH_BYTES_MAX),
            _ => true,
        };
        let is_within = is_short(&self.tenant, limits::NAME_BYTES_MAX)
            && is_short(reason, limits::REASON_BYTES_MAX)
            && declared;
        if is_within { Ok(()) } else { Err(RecordError::Limit) }
    }
}

/// Its fields are not those of its version.
const MALFORMED: RecordError = RecordError::Malformed(PACKAGE_RECORD_SCHEMA);

#[cfg(test)]
pub(in crate::package) mod tests;
