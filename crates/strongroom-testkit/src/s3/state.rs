//! What the server remembers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use jiff::Timestamp;
use strongroom_core::retention::Retention;

use super::bucket::{BucketSettings, StoredVersion, Versioning};
use super::digests;
use super::fault::Faults;
use super::lie::{Lie, Lies};
use super::request::{Op, SeenRequest};
use super::user::User;
use crate::TestClock;

/// Everything that connections, operations and the test share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) clock: TestClock,
    /// By which the dates of signatures are judged.
    pub(crate) signature_clock: TestClock,
    pub(crate) region: String,
    pub(crate) redirects_wrong_region: bool,
    pub(crate) refuses_skewed_clocks: bool,
    pub(crate) upgrades_need_bypass: bool,
    pub(crate) part_bytes_min: usize,
    pub(crate) users: Vec<User>,
    pub(crate) faults: Faults,
    pub(crate) lies: Lies,
    pub(crate) log: Mutex<Vec<SeenRequest>>,
    pub(crate) state: Mutex<State>,
    pub(crate) ids: AtomicU64,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) buckets: BTreeMap<String, Bucket>,
}

impl Shared {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, Vec<SeenRequest>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn user(&self, access_key: &str) -> Option<&User> {
        self.users.iter().find(|user| user.access_key == access_key)
    }

    pub(crate) fn lies(&self, lie: Lie) -> bool {
        self.lies.tells(lie)
    }

    /// Whether a request came that was not answered yet.
    pub(crate) fn is_under_way(&self, op: Op, bucket: &str, key: &str) -> bool {
        self.log().iter().rev().any(|seen| {
            seen.status.is_none() && seen.op == op && seen.bucket == bucket && seen.key == key
        })
    }

    /// An identifier that this server has not used yet.
    pub(crate) fn new_id(&self, kind: &str) -> String {
        format!("{kind}{:016x}", self.ids.fetch_add(1, Ordering::SeqCst))
    }
}

/// One bucket. Under each key at least one version, the newest last.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) settings: BucketSettings,
    pub(crate) objects: BTreeMap<String, Vec<Version>>,
    pub(crate) uploads: BTreeMap<String, Upload>,
    /// What readers see of writes under way, where the store lies.
    pub(crate) unfinished: BTreeMap<String, Bytes>,
    /// How often it was looked whether a key is free, where the store lies.
    pub(crate) looks: BTreeMap<String, usize>,
    /// What the next listing leaves out, where the store lies.
    pub(crate) not_listed_yet: BTreeSet<String>,
}

/// How a version came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Put,
    Multipart,
    Copy,
}

impl Way {
    fn lie_about_defaults(self) -> Lie {
        match self {
            Self::Put => Lie::IgnoresDefaultOnPut,
            Self::Multipart => Lie::IgnoresDefaultOnMultipart,
            Self::Copy => Lie::IgnoresDefaultOnCopy,
        }
    }

    pub(crate) fn lie_about_locks(self) -> Lie {
        match self {
            Self::Put => Lie::DropsLockOnPut,
            Self::Multipart => Lie::DropsLockOnMultipart,
            Self::Copy => Lie::DropsLockOnCopy,
        }
    }
}

/// One version of an object.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    pub(crate) id: String,
    /// `None` of a delete marker.
    pub(crate) bytes: Option<Bytes>,
    pub(crate) digests: Digests,
    pub(crate) modified: Timestamp,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) content_type: Option<String>,
    pub(crate) retention: Option<Retention>,
    pub(crate) legal_hold: bool,
    pub(crate) encryption: Option<String>,
    pub(crate) kms_key_id: Option<String>,
    pub(crate) storage_class: Option<String>,
    pub(crate) archive: Archive,
}

/// How near the bytes of a version are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Archive {
    Online,
    Archived,
    Restoring { days: i32 },
    Restored { until: Timestamp },
}

/// What the store says of a version's bytes.
#[derive(Debug, Clone)]
pub(crate) struct Digests {
    /// Without quotes.
    pub(crate) etag: String,
    pub(crate) sha256: Option<KeptSha256>,
}

/// A SHA-256 that the writer sent along and the store kept, in Base64.
#[derive(Debug, Clone)]
pub(crate) struct KeptSha256 {
    pub(crate) text: String,
    /// Of digests of parts, and not of the bytes.
    pub(crate) is_composite: bool,
}

/// A multipart upload under way.
#[derive(Debug)]
pub(crate) struct Upload {
    pub(crate) key: String,
    /// What the finished version will be like; has no bytes yet.
    pub(crate) template: Version,
    pub(crate) with_sha256: bool,
    pub(crate) started: Timestamp,
    pub(crate) parts: BTreeMap<i32, Part>,
}

/// One part.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) bytes: Bytes,
    pub(crate) etag: String,
    /// Base64, where the writer sent it.
    pub(crate) sha256: Option<String>,
    pub(crate) modified: Timestamp,
}

impl Version {
    pub(crate) fn new(bytes: Bytes, modified: Timestamp) -> Self {
        let digests = Digests { etag: digests::md5_hex(&bytes), sha256: None };
        Self { bytes: Some(bytes), digests, ..Self::empty(modified) }
    }

    /// A version without bytes: a delete marker, or the template of an upload.
    pub(crate) fn empty(modified: Timestamp) -> Self {
        Self {
            id: String::new(),
            bytes: None,
            digests: Digests { etag: String::new(), sha256: None },
            modified,
            metadata: BTreeMap::new(),
            content_type: None,
            retention: None,
            legal_hold: false,
            encryption: None,
            kms_key_id: None,
            storage_class: None,
            archive: Archive::Online,
        }
    }

    pub(crate) fn is_delete_marker(&self) -> bool {
        self.bytes.is_none()
    }

    pub(crate) fn size_bytes(&self) -> i64 {
        self.bytes.as_ref().map_or(0, |bytes| i64::try_from(bytes.len()).unwrap_or(i64::MAX))
    }

    pub(crate) fn seen(&self) -> StoredVersion {
        StoredVersion {
            id: self.id.clone(),
            bytes: self.bytes.clone(),
            metadata: self.metadata.clone(),
            retention: self.retention,
            legal_hold: self.legal_hold,
            modified: self.modified,
            encryption: self.encryption.clone(),
            kms_key_id: self.kms_key_id.clone(),
            storage_class: self.storage_class.clone(),
            content_type: self.content_type.clone(),
        }
    }
}

impl Bucket {
    pub(crate) fn new(settings: BucketSettings) -> Self {
        Self {
            settings,
            objects: BTreeMap::new(),
            uploads: BTreeMap::new(),
            unfinished: BTreeMap::new(),
            looks: BTreeMap::new(),
            not_listed_yet: BTreeSet::new(),
        }
    }

    /// The version that a read without a version id gives; a delete marker is none.
    pub(crate) fn current(&self, key: &str) -> Option<&Version> {
        self.newest(key).filter(|version| !version.is_delete_marker())
    }

    pub(crate) fn newest(&self, key: &str) -> Option<&Version> {
        self.objects.get(key).and_then(|versions| versions.last())
    }

    pub(crate) fn current_keys(&self) -> impl Iterator<Item = &str> {
        self.objects
            .iter()
            .filter(|(_, versions)| versions.last().is_some_and(|last| !last.is_delete_marker()))
            .map(|(key, _)| key.as_str())
    }

    /// Whether each write makes a version.
    pub(crate) fn has_versions(&self, shared: &Shared) -> bool {
        self.settings.versioning == Versioning::Enabled && !shared.lies(Lie::ClaimsVersioning)
    }

    /// Stores a version under the bucket's rules (version id, default retention, default
    /// encryption), and answers its id.
    pub(crate) fn insert(
        &mut self,
        key: &str,
        mut version: Version,
        way: Way,
        shared: &Shared,
    ) -> String {
        self.apply_defaults(&mut version, way, shared);
        let mut key = key.to_owned();
        while shared.lies(Lie::NormalisesKeys) && key.contains("//") {
            key = key.replace("//", "/");
        }
        if shared.lies(Lie::OverwriteReplacesVersions) {
            self.objects.remove(&key);
        }
        if shared.lies(Lie::ListingLags) {
            self.not_listed_yet.insert(key.clone());
        }
        self.push(key, version, shared)
    }

    fn push(&mut self, key: String, mut version: Version, shared: &Shared) -> String {
        let has_versions = self.has_versions(shared);
        let versions = self.objects.entry(key).or_default();
        if has_versions {
            version.id = shared.new_id("v");
        } else {
            "null".clone_into(&mut version.id);
            versions.retain(|other| other.id != "null");
        }
        let id = version.id.clone();
        versions.push(version);
        id
    }

    fn apply_defaults(&self, version: &mut Version, way: Way, shared: &Shared) {
        let ignores_retention = shared.lies(way.lie_about_defaults())
            || version.legal_hold && shared.lies(Lie::LosesDefaultBesideHold);
        if let (None, Some(default), false) =
            (version.retention, self.settings.default_retention, ignores_retention)
        {
            version.retention = Some(default.of_version(version.modified));
        }
        if let (None, Some(default)) = (&version.encryption, &self.settings.encryption) {
            version.encryption = Some(default.algorithm.clone());
            version.kms_key_id.clone_from(&default.key_id);
        }
    }

    /// Deletes without a version id: a delete marker where there are versions. Answers its id.
    pub(crate) fn delete_current(&mut self, key: &str, shared: &Shared) -> Option<String> {
        let without_versions = self.settings.versioning == Versioning::Disabled
            || shared.lies(Lie::ClaimsVersioning)
            || shared.lies(Lie::DeleteRemovesVersions);
        if without_versions {
            self.objects.remove(key);
            return None;
        }
        Some(self.push(key.to_owned(), Version::empty(shared.clock.now()), shared))
    }

    /// Removes one version for good, locks or not. Answers it.
    pub(crate) fn remove_version(&mut self, key: &str, id: &str) -> Option<Version> {
        let versions = self.objects.get_mut(key)?;
        let position = versions.iter().position(|version| version.id == id)?;
        let removed = versions.remove(position);
        if versions.is_empty() {
            self.objects.remove(key);
        }
        Some(removed)
    }

    /// One version: by its id, or the newest.
    pub(crate) fn version(&self, key: &str, id: Option<&str>) -> Option<&Version> {
        match id {
            None => self.newest(key),
            Some(id) => self.objects.get(key)?.iter().find(|version| version.id == id),
        }
    }

    /// [`Self::version`], to change it.
    pub(crate) fn version_mut(&mut self, key: &str, id: Option<&str>) -> Option<&mut Version> {
        let versions = self.objects.get_mut(key)?;
        match id {
            None => versions.last_mut(),
            Some(id) => versions.iter_mut().find(|version| version.id == id),
        }
    }

    /// Whether anything is left that keeps the bucket from being deleted.
    pub(crate) fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }
}

/// The keys of several users are distinct, or the signature check would meet the wrong secret.
pub(crate) fn assert_distinct(users: &[User]) {
    let distinct: BTreeSet<&str> = users.iter().map(User::access_key).collect();
    assert_eq!(distinct.len(), users.len(), "two users have one access key");
}
