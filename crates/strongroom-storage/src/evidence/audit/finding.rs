//! What an audit can find, and how bad it is.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use strongroom_core::BundleId;
use strongroom_core::observed::Unobserved;
use strongroom_core::retention::Lock;

/// One thing that is not as it should be. Of one bundle, one object or one reference nothing is told
/// twice in different words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What is wrong.
    #[serde(flatten)]
    pub problem: Problem,
    /// How bad it is.
    pub class: Class,
    /// The bundle, where it is known which.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle_id: Option<BundleId>,
    /// The whole keys that it is about, prefix included; at most [`KEYS_NAMED_MAX`].
    pub keys: Vec<String>,
    /// The version of the object, where it matters which.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
}

/// Keys that one finding names.
pub const KEYS_NAMED_MAX: usize = 10;

/// How bad a finding is: it decides the exit code. The order is of weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Something to look into.
    Other,
    /// A signature is missing, or does not verify any more.
    Signature,
    /// A lock is not what was promised, or nobody can see it.
    Lock,
    /// Bytes are not the evidence that they should be.
    Bytes,
}

impl Class {
    const ALL: [Self; 4] = [Self::Other, Self::Signature, Self::Lock, Self::Bytes];

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::Signature => "signature",
            Self::Lock => "lock",
            Self::Bytes => "bytes",
        }
    }

    /// The class of a name.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Problem {
    /// The bytes under a bundle's key were read, and are not the bundle.
    BytesWrong {
        /// Why they were refused, in our words.
        reason: String,
        /// The newest version under the key that is the bundle.
        #[serde(skip_serializing_if = "Option::is_none")]
        intact_version: Option<String>,
    },
    /// The lock is weaker than what a record promises.
    LockWeaker {
        /// What the records promise together.
        promised: Lock,
        /// What was seen.
        seen: Lock,
    },
    /// The promised lock has ended, and nothing holds the object any more.
    LockLapsed {
        /// When it ended.
        retain_until: Timestamp,
    },
    /// A lock is promised, and (part of) it could not be seen.
    LockUnobserved {
        /// What the records promise together.
        promised: Lock,
        /// Why it was not seen.
        reason: Unobserved,
    },
    /// The lock ends within the time that was asked about.
    LockExpiring {
        /// When it ends.
        retain_until: Timestamp,
    },
    /// Records, or other files of a directory, tell of a bundle, or of a file of it, that is not there.
    BundleMissing {
        /// Why it is not known whether a delete marker is on top; absent where there is none.
        #[serde(skip_serializing_if = "Option::is_none")]
        versions_unobserved: Option<Unobserved>,
    },
    /// A delete marker is on top of a bundle.
    DeleteMarker {
        /// When it was put there, by the store's clock.
        #[serde(skip_serializing_if = "Option::is_none")]
        deleted_at: Option<Timestamp>,
        /// Versions below it.
        versions_left: usize,
    },
    /// Delete markers are on top of records or signatures.
    RecordsDeleted {
        /// How many of the records could not be read below them.
        lost: u64,
    },
    /// Something that is no record is on top of a record, which was read below it.
    RecordCovered {
        /// What is on top, in our words.
        reason: String,
    },
    /// What may be a record could not be read, so what it promises is not known.
    RecordUnread {
        /// Why, in our words.
        reason: String,
    },
    /// A record names a version that is gone.
    VersionMissing,
    /// What is under the key is not what any record says was stored, by its size or entity tag.
    /// Told only where the bytes are not read.
    ObjectReplaced,
    /// The bytes could not be read, so nothing is known of them.
    BytesUnread {
        /// Why, in our words.
        reason: String,
    },
    /// No record tells of a bundle that is there, so nothing is promised of it.
    BundleWithoutRecord,
    /// No reference of any kind leads to a bundle that is there.
    BundleWithoutReference,
    /// A bundle that was pushed is not listed by day.
    BundleWithoutIndexEntry,
    /// A reference leads to nothing: planted, or of a push that is under way or was cut short, or
    /// the bundle was deleted with its records.
    ReferenceWithoutBundle,
    /// Signatures of a bundle of which nothing else is there.
    AttestationWithoutBundle,
    /// An object among the records is no record that can be read.
    RecordUnreadable {
        /// Why, in our words.
        reason: String,
    },
    /// A record promises something of an object that is not this bundle's.
    PromiseElsewhere,
    /// The bundle's signatures are not enough: none, too few, or not of whom they must be.
    SignaturesNotEnough {
        /// What is missing, in our words.
        missing: String,
    },
    /// A signature is worth nothing: why.
    SignatureNotValid {
        /// What it is worth instead.
        state: &'static str,
    },
    /// A signature is valid now, and will not be after its key's window: nothing that is trusted says when
    /// it was made.
    SignatureExpiring {
        /// When the window ends.
        valid_until: Timestamp,
    },
    /// There is more than a limit allows to look at; the rest was not looked at.
    BeyondLimit {
        /// The name of the limit.
        limit: &'static str,
    },
    /// An object in one of our folders that nothing of ours is called.
    ForeignObject,
}

impl Problem {
    /// How bad it is.
    pub fn class(&self) -> Class {
        match self {
            Self::BytesWrong { .. } => Class::Bytes,
            // A promise that nobody can read is a lock that nobody can hold against it.
            Self::LockWeaker { .. }
            | Self::LockLapsed { .. }
            | Self::LockUnobserved { .. }
            | Self::RecordsDeleted { lost: 1.. }
            | Self::RecordUnread { .. } => Class::Lock,
            Self::SignaturesNotEnough { .. } => Class::Signature,
            // Anybody who may write can put a worthless signature beside good ones.
            Self::SignatureNotValid { .. } | Self::SignatureExpiring { .. } => Class::Other,
            Self::LockExpiring { .. }
            | Self::BundleMissing { .. }
            | Self::DeleteMarker { .. }
            | Self::RecordsDeleted { lost: 0 }
            | Self::RecordCovered { .. }
            | Self::VersionMissing
            | Self::ObjectReplaced
            | Self::BytesUnread { .. }
            | Self::BundleWithoutRecord
            | Self::BundleWithoutReference
            | Self::BundleWithoutIndexEntry
            | Self::ReferenceWithoutBundle
            | Self::AttestationWithoutBundle
            | Self::RecordUnreadable { .. }
            | Self::PromiseElsewhere
            | Self::BeyondLimit { .. }
            | Self::ForeignObject => Class::Other,
        }
    }

    /// The stable name of this kind of finding.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::BytesWrong { .. } => "bytes_wrong",
            Self::LockWeaker { .. } => "lock_weaker",
            Self::LockLapsed { .. } => "lock_lapsed",
            Self::LockUnobserved { .. } => "lock_unobserved",
            Self::LockExpiring { .. } => "lock_expiring",
            Self::BundleMissing { .. } => "bundle_missing",
            Self::DeleteMarker { .. } => "delete_marker",
            Self::RecordsDeleted { .. } => "records_deleted",
            Self::RecordCovered { .. } => "record_covered",
            Self::RecordUnread { .. } => "record_unread",
            Self::VersionMissing => "version_missing",
            Self::ObjectReplaced => "object_replaced",
            Self::BytesUnread { .. } => "bytes_unread",
            Self::BundleWithoutRecord => "bundle_without_record",
            Self::BundleWithoutReference => "bundle_without_reference",
            Self::BundleWithoutIndexEntry => "bundle_without_index_entry",
            Self::ReferenceWithoutBundle => "reference_without_bundle",
            Self::AttestationWithoutBundle => "attestation_without_bundle",
            Self::RecordUnreadable { .. } => "record_unreadable",
            Self::PromiseElsewhere => "promise_elsewhere",
            Self::SignaturesNotEnough { .. } => "signatures_not_enough",
            Self::SignatureNotValid { .. } => "signature_not_valid",
            Self::SignatureExpiring { .. } => "signature_expiring",
            Self::BeyondLimit { .. } => "beyond_limit",
            Self::ForeignObject => "foreign_object",
        }
    }

    /// This problem, found at these whole keys.
    pub(super) fn at(self, bundle_id: Option<BundleId>, keys: Vec<String>) -> Finding {
        Finding { class: self.class(), problem: self, bundle_id, keys, version_id: None }
    }
}

/// The sentence that a person reads.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BytesWrong { reason, intact_version: None } => {
                write!(f, "the stored bytes are not the bundle: {reason}")
            }
            Self::BytesWrong { reason, intact_version: Some(_) } => {
                write!(f, "the stored bytes are not the bundle ({reason}); an earlier version is")
            }
            Self::LockWeaker { promised, seen } => {
                write!(f, "promised: {}; seen: {}", Words(promised), Words(seen))
            }
            Self::LockLapsed { retain_until } => {
                write!(f, "the promised lock ended at {retain_until}, and nothing holds it any more")
            }
            Self::LockUnobserved { promised, reason } => {
                write!(f, "promised: {}; the lock was not observed: {reason}", Words(promised))
            }
            Self::LockExpiring { retain_until } => write!(f, "the lock ends at {retain_until}"),
            Self::BundleMissing { versions_unobserved: None } => {
                f.write_str("what is stored beside it tells of this bundle, and it is not there")
            }
            Self::BundleMissing { versions_unobserved: Some(reason) } => write!(
                f,
                "what is stored beside it tells of this bundle, and it is not there; whether versions are left was \
                 not observed: {reason}"
            ),
            Self::DeleteMarker { versions_left, .. } => {
                write!(f, "a delete marker is on top; versions left below it: {versions_left}")
            }
            Self::RecordsDeleted { lost: 0 } => f.write_str(
                "delete markers are on top of records or signatures; the records were read below them",
            ),
            Self::RecordsDeleted { lost } => write!(
                f,
                "delete markers are on top of records or signatures; records that could not be read \
                 below them, so that nobody knows what they promised: {lost}"
            ),
            Self::RecordCovered { reason } => {
                write!(f, "something else is on top of a record, which was read below it: {reason}")
            }
            Self::RecordUnread { reason } => {
                write!(f, "it may be a record, and what it promises is not known: {reason}")
            }
            Self::VersionMissing => f.write_str("a record names this version, and it is gone"),
            Self::ObjectReplaced => f.write_str(
                "the size or the entity tag is of no object that a record tells of; --read-data tells \
                 whether it is the bundle all the same",
            ),
            Self::BytesUnread { reason } => write!(f, "the bytes were not read: {reason}"),
            Self::BundleWithoutRecord => f.write_str(
                "no record tells of it, so nothing is promised: its push was cut short, another tool \
                 wrote it, or its records are gone",
            ),
            Self::BundleWithoutReference => {
                f.write_str("no reference leads to it: `evidence reindex` writes what is missing")
            }
            Self::BundleWithoutIndexEntry => {
                f.write_str("no day lists it: `evidence reindex` writes what is missing")
            }
            Self::ReferenceWithoutBundle => f.write_str(
                "it leads to nothing: it was planted, its push is under way or was cut short, or the \
                 bundle was deleted with its records",
            ),
            Self::AttestationWithoutBundle => {
                f.write_str("signatures of a bundle of which nothing else is there")
            }
            Self::RecordUnreadable { reason } => f.write_str(reason),
            Self::PromiseElsewhere => {
                f.write_str("a record promises something of an object that is not this bundle's")
            }
            Self::SignaturesNotEnough { missing } => {
                write!(f, "the signatures are not enough: {missing}")
            }
            Self::SignatureNotValid { state } => {
                write!(f, "a signature that counts for nothing: {}", state.replace('_', " "))
            }
            Self::SignatureExpiring { valid_until } => write!(
                f,
                "valid only until its key's window ends at {valid_until}: no trusted time says when it \
                 was made; have it stamped, or sign anew"
            ),
            Self::BeyondLimit { limit } => {
                write!(f, "there is more than the limit {limit} allows; the rest was not looked at")
            }
            Self::ForeignObject => f.write_str("nothing of ours has this name"),
        }
    }
}

/// A lock in words.
struct Words<'a>(&'a Lock);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Lock { retention, legal_hold } = self.0;
        match (retention, legal_hold) {
            (None, false) => return f.write_str("no lock"),
            (None, true) => {}
            (Some(retention), _) => {
                write!(f, "{} until {}", retention.mode, retention.retain_until)?
            }
        }
        match (retention, legal_hold) {
            (Some(_), true) => f.write_str(" and a legal hold"),
            (None, true) => f.write_str("a legal hold"),
            _ => Ok(()),
        }
    }
}
