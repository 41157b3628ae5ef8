//! Buckets: how they are set up, and the test's own look at them, past every check.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use strongroom_core::retention::{LockMode, Retention};

use super::digests;
use super::state::{Archive, Bucket, Digests, Shared, Version, Way};

/// The state of a bucket's versioning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versioning {
    /// Never enabled.
    Disabled,
    /// Each write makes a version.
    Enabled,
    /// Was enabled once.
    Suspended,
}

/// How a bucket is set up.
#[derive(Debug, Clone)]
pub struct BucketSettings {
    pub(crate) versioning: Versioning,
    pub(crate) object_lock: bool,
    pub(crate) default_retention: Option<DefaultRetention>,
    pub(crate) encryption: Option<DefaultEncryption>,
    pub(crate) public_access_blocked: Option<bool>,
    pub(crate) public_by_policy: Option<bool>,
    pub(crate) policy: Option<String>,
    pub(crate) aborts_after_days: Option<i32>,
}

/// The retention that a bucket gives by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DefaultRetention {
    pub(crate) mode: LockMode,
    pub(crate) period: Period,
}

/// How long, in the words in which the bucket was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Period {
    Days(u32),
    Years(u32),
}

impl DefaultRetention {
    /// The retention of a version that is made at this moment.
    pub(crate) fn of_version(self, made: Timestamp) -> Retention {
        let days = match self.period {
            Period::Days(days) => days,
            Period::Years(years) => years * 365,
        };
        let retain_until = made + SignedDuration::from_hours(24 * i64::from(days));
        Retention { mode: self.mode, retain_until }
    }
}

/// The encryption that a bucket gives by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DefaultEncryption {
    pub(crate) algorithm: String,
    pub(crate) key_id: Option<String>,
}

impl DefaultEncryption {
    /// What S3 gives every bucket.
    pub(crate) fn aes256() -> Self {
        Self { algorithm: "AES256".to_owned(), key_id: None }
    }
}

impl BucketSettings {
    /// No versions, no locks.
    pub fn plain() -> Self {
        Self {
            versioning: Versioning::Disabled,
            object_lock: false,
            default_retention: None,
            encryption: None,
            public_access_blocked: None,
            public_by_policy: None,
            policy: None,
            aborts_after_days: None,
        }
    }

    /// Versions, no locks.
    pub fn versioned() -> Self {
        Self { versioning: Versioning::Enabled, ..Self::plain() }
    }

    /// Versions and Object Lock, without a default retention.
    pub fn locked() -> Self {
        Self { object_lock: true, ..Self::versioned() }
    }

    /// The same bucket in another state of its versioning, as no honest store has it under Object Lock.
    pub fn versioning(mut self, versioning: Versioning) -> Self {
        self.versioning = versioning;
        self
    }

    /// Gives new versions a retention by default.
    pub fn default_retention(mut self, mode: LockMode, days: u32) -> Self {
        self.default_retention = Some(DefaultRetention { mode, period: Period::Days(days) });
        self
    }

    /// Encrypts new objects by default: `AES256`, or `aws:kms` with a key.
    pub fn encryption(mut self, algorithm: &str, key_id: Option<&str>) -> Self {
        self.encryption = Some(DefaultEncryption {
            algorithm: algorithm.to_owned(),
            key_id: key_id.map(str::to_owned),
        });
        self
    }

    /// Sets the public access block: all four of its switches.
    pub fn public_access_blocked(mut self, blocked: bool) -> Self {
        self.public_access_blocked = Some(blocked);
        self
    }

    /// Gives the bucket a policy that makes it public, or one that does not.
    pub fn public_by_policy(mut self, public: bool) -> Self {
        self.public_by_policy = Some(public);
        self
    }

    /// Gives the bucket a policy, which is told and not kept to.
    pub fn policy(mut self, policy: impl Into<String>) -> Self {
        self.policy = Some(policy.into());
        self
    }

    /// Gives the bucket a rule that removes the parts of unfinished uploads, which is told and not kept.
    pub fn aborts_unfinished_after(mut self, days: i32) -> Self {
        self.aborts_after_days = Some(days);
        self
    }
}

/// One version, as the store holds it.
#[derive(Debug, Clone)]
pub struct StoredVersion {
    /// Its id; `null` where the bucket had no versions.
    pub id: String,
    /// The bytes; `None` of a delete marker.
    pub bytes: Option<Bytes>,
    /// `x-amz-meta-…`, without the prefix.
    pub metadata: BTreeMap<String, String>,
    /// Its dated lock, expired or not.
    pub retention: Option<Retention>,
    /// Its legal hold.
    pub legal_hold: bool,
    /// When it was written.
    pub modified: Timestamp,
    /// Encryption algorithm.
    pub encryption: Option<String>,
    /// KMS key.
    pub kms_key_id: Option<String>,
    /// Storage class.
    pub storage_class: Option<String>,
    /// Media type.
    pub content_type: Option<String>,
}

/// The test as another client of one bucket, whom nothing is refused.
#[derive(Debug, Clone)]
pub struct BucketView {
    pub(crate) shared: Arc<Shared>,
    pub(crate) name: String,
}

impl BucketView {
    /// Every key whose current version is no delete marker.
    pub fn keys(&self) -> Vec<String> {
        self.read(|bucket| bucket.current_keys().map(str::to_owned).collect())
    }

    /// Every key that starts with `prefix` and whose current version is no delete marker.
    pub fn keys_under(&self, prefix: &str) -> Vec<String> {
        self.keys().into_iter().filter(|key| key.starts_with(prefix)).collect()
    }

    /// The current bytes under a key.
    pub fn object(&self, key: &str) -> Option<Bytes> {
        self.read(|bucket| bucket.current(key).and_then(|version| version.bytes.clone()))
    }

    /// Every version of a key, oldest first.
    pub fn versions(&self, key: &str) -> Vec<StoredVersion> {
        self.read(|bucket| {
            let versions = bucket.objects.get(key).map(Vec::as_slice).unwrap_or_default();
            versions.iter().map(Version::seen).collect()
        })
    }

    /// The multipart uploads that are neither complete nor aborted, by key.
    pub fn open_uploads(&self) -> Vec<String> {
        self.read(|bucket| bucket.uploads.values().map(|upload| upload.key.clone()).collect())
    }

    /// Writes an object, whatever is there: a new version where the bucket has versions.
    pub fn put(&self, key: &str, bytes: impl Into<Bytes>) {
        let bytes = bytes.into();
        self.write(|bucket, shared| {
            let version = Version::new(bytes, shared.clock.now());
            bucket.insert(key, version, Way::Put, shared);
        });
    }

    /// Writes many objects at once.
    pub fn put_many(&self, objects: impl IntoIterator<Item = (String, Bytes)>) {
        self.write(|bucket, shared| {
            for (key, bytes) in objects {
                let version = Version::new(bytes, shared.clock.now());
                bucket.insert(&key, version, Way::Put, shared);
            }
        });
    }

    /// Writes garbage over an object under the metadata, type and checksum claims of what is there:
    /// a client with the right to write who wants to look right.
    pub fn plant_over(&self, key: &str, garbage: impl Into<Bytes>) {
        let garbage = garbage.into();
        self.write(|bucket, shared| {
            let mut version = Version::new(garbage.clone(), shared.clock.now());
            if let Some(current) = bucket.current(key) {
                version.metadata = current.metadata.clone();
                version.content_type = current.content_type.clone();
                version.digests = Digests {
                    etag: digests::md5_hex(&garbage),
                    sha256: Some(digests::whole_sha256(&garbage)),
                };
            }
            bucket.insert(key, version, Way::Put, shared);
        });
    }

    /// Puts a delete marker on top of a key (or deletes it, where the bucket has no versions).
    pub fn delete(&self, key: &str) {
        self.write(|bucket, shared| {
            bucket.delete_current(key, shared);
        });
    }

    /// Moves the current version of a key into the archive, as a rule of the bucket's owner would.
    pub fn archive(&self, key: &str) {
        self.write(|bucket, _| {
            let version = bucket.version_mut(key, None).expect("a test archives what it wrote");
            version.storage_class = Some("GLACIER".to_owned());
            version.archive = Archive::Archived;
        });
    }

    /// Ends every restore that is under way: the copies are there, for the days that were asked for. Tells how many.
    pub fn end_restores(&self) -> usize {
        let mut ended = 0;
        self.write(|bucket, shared| {
            for version in bucket.objects.values_mut().flatten() {
                if let Archive::Restoring { days } = version.archive {
                    let until =
                        shared.clock.now() + SignedDuration::from_hours(24 * i64::from(days));
                    version.archive = Archive::Restored { until };
                    ended += 1;
                }
            }
        });
        ended
    }

    /// Changes how the bucket is set up, in the middle of a test.
    pub fn set_up(&self, settings: BucketSettings) {
        self.write(|bucket, _| bucket.settings = settings);
    }

    fn read<T>(&self, look: impl FnOnce(&Bucket) -> T) -> T {
        let state = self.shared.state();
        look(state.buckets.get(&self.name).expect("a test looks at a bucket that it made"))
    }

    fn write(&self, change: impl FnOnce(&mut Bucket, &Shared)) {
        let mut state = self.shared.state();
        let bucket = state.buckets.get_mut(&self.name);
        change(bucket.expect("a test changes a bucket that it made"), &self.shared);
    }
}
