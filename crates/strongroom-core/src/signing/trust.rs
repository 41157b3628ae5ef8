//! Trust roots: which keys are believed, whose they are, and for which time.

pub mod distribution;
mod file;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::file::TrustFile;
use super::key::{Algorithm, KeyError, KeyId, PublicKey};
use crate::limits::{NAME_BYTES_MAX, REASON_BYTES_MAX, TRUST_ROOTS_MAX};

/// The schema of one trust root.
pub const TRUST_ROOT_SCHEMA: &str = "strongroom.trust-root/v1";
/// The schema of a collection.
pub const TRUST_ROOT_BUNDLE_SCHEMA: &str = "strongroom.trust-root-bundle/v1";

/// Whether a key is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyStatus {
    /// It signs.
    Active,
    /// It signs no more; what it signed in its time stands where a trusted time says so.
    Retired,
    /// Somebody else may have it: only what is known to be older than that stands.
    Revoked,
}

impl KeyStatus {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Retired => "retired",
            Self::Revoked => "revoked",
        }
    }
}

/// A time from, and up to and including, which a key is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// From when; always, where there is none.
    pub from: Option<Timestamp>,
    /// Until when; for ever, where there is none.
    pub until: Option<Timestamp>,
}

impl Window {
    /// Whether a moment lies in it.
    pub fn contains(&self, at: Timestamp) -> bool {
        !self.is_before(at) && !self.is_after(at)
    }

    /// Whether it ends before `at`.
    pub fn is_before(&self, at: Timestamp) -> bool {
        self.until.is_some_and(|until| until < at)
    }

    /// Whether it begins after `at`.
    pub fn is_after(&self, at: Timestamp) -> bool {
        self.from.is_some_and(|from| from > at)
    }

    fn is_empty(&self) -> bool {
        matches!((self.from, self.until), (Some(from), Some(until)) if until < from)
    }

    /// The time that lies in both.
    fn and(self, other: Self) -> Self {
        let until = self.until.into_iter().chain(other.until).min();
        Self { from: self.from.max(other.from), until }
    }
}

/// One key that is, or was, believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustRoot {
    /// The key.
    pub public_key: PublicKey,
    /// Whose it is: who a signature is by, whatever the signature says.
    pub owner: String,
    /// What the owner signs with it, in words.
    pub purpose: Option<String>,
    /// Whether it is believed.
    pub status: KeyStatus,
    /// For which time.
    pub window: Window,
    /// Since when somebody else may have it; since ever, where it is revoked without a time.
    pub revoked_at: Option<Timestamp>,
    /// Why it was retired or revoked.
    pub reason: Option<String>,
}

/// Why a trust root, or what was asked of one, was refused. Holds no text of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// No document of ours.
    #[error("not a trust root or a collection of them")]
    NotATrustRoot,
    /// Of another version.
    #[error("a trust root of a version that this program does not know")]
    UnknownVersion,
    /// A field that its rules do not allow.
    #[error("a trust root whose {0} is missing or not what it must be")]
    Field(&'static str),
    /// The key id, or the algorithm, is another than that of the key beside it.
    #[error("a trust root whose {0} is not that of its key")]
    NotOfItsKey(&'static str),
    /// The key.
    #[error("a trust root's key: {0}")]
    Key(#[from] KeyError),
    /// Beyond a limit: not looked at.
    #[error("over the limit {0}")]
    Limit(&'static str),
    /// Two roots of one key, in one collection.
    #[error("the same key twice in one collection")]
    Twice,
    /// Two keys that one document calls alike.
    #[error("two keys under one key id")]
    SameName,
    /// One key, of two owners or for two purposes.
    #[error("two files name one key with different owners or purposes")]
    OwnersDiffer,
    /// A key that is not there.
    #[error("no trust root has this key id")]
    Absent,
    /// What was revoked stays so.
    #[error("the key is revoked already, and stays so")]
    Revoked,
    /// A time that lies before what is known.
    #[error("the key is not valid before that time")]
    BeforeItsTime,
}

impl TrustRoot {
    /// A key that is believed from now on.
    pub fn new(public_key: PublicKey, owner: &str, window: Window) -> Result<Self, TrustError> {
        let root = Self {
            public_key,
            owner: owner.to_owned(),
            purpose: None,
            status: KeyStatus::Active,
            window,
            revoked_at: None,
            reason: None,
        };
        root.check()?;
        Ok(root)
    }

    /// The same root, with words about what the key signs.
    pub fn with_purpose(mut self, purpose: Option<&str>) -> Result<Self, TrustError> {
        self.purpose = purpose.map(str::to_owned);
        self.check()?;
        Ok(self)
    }

    /// The key's name.
    pub fn key_id(&self) -> KeyId {
        self.public_key.id()
    }

    /// The same key, which signs no more after `at`.
    pub fn retire(&mut self, at: Timestamp, reason: Option<&str>) -> Result<(), TrustError> {
        if self.status == KeyStatus::Revoked {
            return Err(TrustError::Revoked);
        }
        if self.window.is_after(at) {
            return Err(TrustError::BeforeItsTime);
        }
        // It never becomes good for longer.
        self.window = self.window.and(Window { from: None, until: Some(at) });
        self.set_status(KeyStatus::Retired, reason);
        self.check()
    }

    /// The same key, which somebody else may have since `at`, or since ever. An earlier time than before
    /// counts, a later one does not.
    pub fn revoke(
        &mut self,
        at: Option<Timestamp>,
        reason: Option<&str>,
    ) -> Result<(), TrustError> {
        self.revoked_at = match (self.status, self.revoked_at) {
            (KeyStatus::Revoked, None) => None,
            (KeyStatus::Revoked, Some(before)) => at.map(|at| at.min(before)),
            _ => at,
        };
        self.set_status(KeyStatus::Revoked, reason);
        self.check()
    }

    /// The reason for a status stays until another is given for the same status.
    fn set_status(&mut self, status: KeyStatus, reason: Option<&str>) {
        if reason.is_some() || self.status != status {
            self.reason = reason.map(str::to_owned);
        }
        self.status = status;
    }

    /// What two documents about one key say together: the narrower of each. They must call its owner alike,
    /// or either could speak for the other's.
    fn and(self, other: Self) -> Result<Self, TrustError> {
        if self.owner != other.owner || self.purpose != other.purpose {
            return Err(TrustError::OwnersDiffer);
        }
        let revoked_at = match (self.status, other.status) {
            (KeyStatus::Revoked, KeyStatus::Revoked) => {
                self.revoked_at.and_then(|at| other.revoked_at.map(|other| at.min(other)))
            }
            (KeyStatus::Revoked, _) => self.revoked_at,
            _ => other.revoked_at,
        };
        let window = self.window.and(other.window);
        let status = self.status.max(other.status);
        let stricter = if self.status >= other.status { self } else { other };
        let joined = Self { window, status, revoked_at, ..stricter };
        joined.check()?;
        Ok(joined)
    }

    fn check(&self) -> Result<(), TrustError> {
        let is_name = |text: &str| {
            !text.is_empty() && text.len() <= NAME_BYTES_MAX && !text.chars().any(char::is_control)
        };
        if !is_name(&self.owner) {
            return Err(TrustError::Field("owner"));
        }
        if self.purpose.as_deref().is_some_and(|purpose| !is_name(purpose)) {
            return Err(TrustError::Field("purpose"));
        }
        if self.reason.as_ref().is_some_and(|reason| reason.len() > REASON_BYTES_MAX) {
            return Err(TrustError::Limit("REASON_BYTES_MAX"));
        }
        if self.window.is_empty() {
            return Err(TrustError::Field("valid_until"));
        }
        if self.status == KeyStatus::Retired && self.window.until.is_none() {
            return Err(TrustError::Field("valid_until"));
        }
        if self.status != KeyStatus::Revoked && self.revoked_at.is_some() {
            return Err(TrustError::Field("revoked_at"));
        }
        Ok(())
    }
}

/// The keys that are believed, by their ids.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrustRoots {
    roots: BTreeMap<KeyId, TrustRoot>,
}

impl TrustRoots {
    /// Reads one trust root, or a collection.
    pub fn read(bytes: &[u8]) -> Result<Self, TrustError> {
        TrustFile::read(bytes).map(|file| file.roots)
    }

    /// Adds a key that is not there.
    pub fn add(&mut self, root: TrustRoot) -> Result<(), TrustError> {
        if self.roots.len() == TRUST_ROOTS_MAX {
            return Err(TrustError::Limit("TRUST_ROOTS_MAX"));
        }
        match self.roots.entry(root.key_id()) {
            std::collections::btree_map::Entry::Occupied(_) => Err(TrustError::Twice),
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(root);
                Ok(())
            }
        }
    }

    /// What two files say together. Of a key that is in both, the narrower of each counts: an older copy
    /// of a file takes no revocation back.
    pub fn join(&mut self, other: Self) -> Result<(), TrustError> {
        for (id, root) in other.roots {
            match self.roots.remove(&id) {
                Some(known) => self.roots.insert(id, known.and(root)?),
                None => {
                    self.add(root)?;
                    None
                }
            };
        }
        Ok(())
    }

    /// The root of a key.
    pub fn get(&self, id: KeyId) -> Option<&TrustRoot> {
        self.roots.get(&id)
    }

    /// The root of a key, to change it.
    pub fn get_mut(&mut self, id: KeyId) -> Result<&mut TrustRoot, TrustError> {
        self.roots.get_mut(&id).ok_or(TrustError::Absent)
    }

    /// All of them, by their ids.
    pub fn iter(&self) -> impl Iterator<Item = &TrustRoot> {
        self.roots.values()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.roots.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }

    /// The collection's file, of a moment: indented JSON, sorted by key id.
    pub fn to_document(&self, created_at: Timestamp) -> Result<Vec<u8>, TrustError> {
        let trust_roots = self.iter().map(RootDocument::of).collect::<Result<_, _>>()?;
        let schema = TRUST_ROOT_BUNDLE_SCHEMA.to_owned();
        pretty(&BundleDocument { schema, created_at, trust_roots })
    }
}

impl TrustRoot {
    /// The root's file: indented JSON.
    pub fn to_document(&self) -> Result<Vec<u8>, TrustError> {
        pretty(&RootDocument::of(self)?)
    }
}

fn pretty<T: Serialize>(document: &T) -> Result<Vec<u8>, TrustError> {
    let mut bytes = serde_json::to_vec_pretty(document).map_err(|_| TrustError::NotATrustRoot)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// A collection as its file has it.
#[derive(Serialize, Deserialize)]
struct BundleDocument {
    schema: String,
    created_at: Timestamp,
    trust_roots: Vec<RootDocument>,
}

/// A root as its file has it.
#[derive(Serialize, Deserialize)]
struct RootDocument {
    schema: String,
    key_id: KeyId,
    algorithm: Algorithm,
    public_key: String,
    owner: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    purpose: Option<String>,
    status: KeyStatus,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    valid_from: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    valid_until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    revoked_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    reason: Option<String>,
}

impl RootDocument {
    fn of(root: &TrustRoot) -> Result<Self, TrustError> {
        Ok(Self {
            schema: TRUST_ROOT_SCHEMA.to_owned(),
            key_id: root.key_id(),
            algorithm: root.public_key.algorithm(),
            public_key: root.public_key.to_pem()?,
            owner: root.owner.clone(),
            purpose: root.purpose.clone(),
            status: root.status,
            valid_from: root.window.from,
            valid_until: root.window.until,
            revoked_at: root.revoked_at,
            reason: root.reason.clone(),
        })
    }
}

impl TryFrom<RootDocument> for TrustRoot {
    type Error = TrustError;

    fn try_from(document: RootDocument) -> Result<Self, TrustError> {
        if document.schema != TRUST_ROOT_SCHEMA {
            return Err(TrustError::UnknownVersion);
        }
        let public_key = PublicKey::from_pem(&document.public_key)?;
        if public_key.id() != document.key_id {
            return Err(TrustError::NotOfItsKey("key_id"));
        }
        if public_key.algorithm() != document.algorithm {
            return Err(TrustError::NotOfItsKey("algorithm"));
        }
        let root = Self {
            public_key,
            owner: document.owner,
            purpose: document.purpose,
            status: document.status,
            window: Window { from: document.valid_from, until: document.valid_until },
            revoked_at: document.revoked_at,
            reason: document.reason,
        };
        root.check()?;
        Ok(root)
    }
}

#[cfg(test)]
mod tests;
