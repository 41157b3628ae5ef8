//! A container, its blobs and their versions.
//! <https://learn.microsoft.com/azure/storage/blobs/versioning-overview>

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

use super::answer::{Refusal, refuse};
use super::lock_rules::{DefaultPolicy, Policy, PolicyMode};

/// How a container and its account are set up.
#[derive(Debug, Clone, Copy)]
pub struct ContainerSettings {
    pub(super) keeps_versions: bool,
    pub(super) is_immutable: bool,
    pub(super) default_policy: Option<DefaultPolicy>,
}

impl ContainerSettings {
    /// No versions, no locks.
    pub fn plain() -> Self {
        Self { keeps_versions: false, is_immutable: false, default_policy: None }
    }

    /// Versions, no locks.
    pub fn versioned() -> Self {
        Self { keeps_versions: true, ..Self::plain() }
    }

    /// Versions and version-level immutability, without a default policy.
    pub fn immutable() -> Self {
        Self { is_immutable: true, ..Self::versioned() }
    }

    /// Gives each new blob a policy.
    pub fn default_policy(mut self, mode: PolicyMode, days: i64) -> Self {
        self.default_policy = Some(DefaultPolicy { mode, days });
        self
    }
}

/// One version of a blob; in an account without versions, the blob.
#[derive(Debug, Clone)]
pub struct StoredVersion {
    /// The version's name; `None` where the account keeps no versions.
    pub id: Option<String>,
    /// Whether it is the one that a read without a name gives.
    pub is_current: bool,
    /// The bytes.
    pub bytes: Bytes,
    /// Without quotes. Policies and holds do not change it.
    pub etag: String,
    /// When it was written.
    pub modified: Timestamp,
    /// `x-ms-meta-…` and other headers that are given back as they came.
    pub headers: BTreeMap<String, String>,
    /// Its immutability policy, expired or not.
    pub policy: Option<Policy>,
    /// Its legal hold; `None` where it was never set.
    pub legal_hold: Option<bool>,
}

/// A container. Of each blob at least one version, the newest last.
#[derive(Debug)]
pub(super) struct Container {
    pub(super) settings: ContainerSettings,
    blobs: BTreeMap<String, Vec<StoredVersion>>,
    /// Blocks that no list names yet, by blob and name.
    pub(super) blocks: BTreeMap<String, BTreeMap<String, Bytes>>,
    written: u64,
}

impl Container {
    pub(super) fn new(settings: ContainerSettings) -> Self {
        Self { settings, blobs: BTreeMap::new(), blocks: BTreeMap::new(), written: 0 }
    }

    pub(super) fn versions(&self, key: &str) -> &[StoredVersion] {
        self.blobs.get(key).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        let current = |versions: &[StoredVersion]| versions.iter().any(|one| one.is_current);
        self.blobs
            .iter()
            .filter(move |(_, versions)| current(versions))
            .map(|(key, _)| key.as_str())
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &StoredVersion)> {
        self.blobs
            .iter()
            .flat_map(|(key, versions)| versions.iter().map(move |one| (key.as_str(), one)))
    }

    pub(super) fn current(&self, key: &str) -> Option<&StoredVersion> {
        self.versions(key).iter().find(|version| version.is_current)
    }

    /// The version of that name, or the current one.
    pub(super) fn find(&self, key: &str, id: Option<&str>) -> Result<&StoredVersion, Refusal> {
        let found = self.versions(key).iter().find(|version| is_meant(version, id));
        found.ok_or_else(|| refuse(404, "BlobNotFound"))
    }

    /// [`Self::find`], to change it.
    pub(super) fn find_mut(
        &mut self,
        key: &str,
        id: Option<&str>,
    ) -> Result<&mut StoredVersion, Refusal> {
        let versions = self.blobs.get_mut(key).map(Vec::as_mut_slice).unwrap_or_default();
        let found = versions.iter_mut().find(|version| is_meant(version, id));
        found.ok_or_else(|| refuse(404, "BlobNotFound"))
    }

    /// Makes a version the current one of its blob, with a name and an entity tag of its own. Answers
    /// it.
    pub(super) fn insert(&mut self, key: &str, mut version: StoredVersion) -> &StoredVersion {
        self.written += 1;
        version.etag = format!("0x8D{:012X}", self.written);
        version.is_current = true;
        version.id = self.settings.keeps_versions.then(|| {
            let utc = version.modified.to_zoned(TimeZone::UTC);
            let second = strtime::format("%Y-%m-%dT%H:%M:%S", &utc).expect("a date");
            format!("{second}.{:07}Z", self.written)
        });
        let versions = self.blobs.entry(key.to_owned()).or_default();
        versions.retain(|earlier| earlier.id.is_some());
        versions.iter_mut().for_each(|earlier| earlier.is_current = false);
        versions.push(version);
        versions.last().expect("it was put there just now")
    }

    /// Takes the current version from its place: it is an earlier one then, or gone where the account
    /// keeps no versions.
    pub(super) fn delete_current(&mut self, key: &str) {
        let versions = self.blobs.entry(key.to_owned()).or_default();
        versions.retain(|version| version.id.is_some());
        versions.iter_mut().for_each(|version| version.is_current = false);
        self.forget_if_empty(key);
    }

    /// Removes one version for good.
    pub(super) fn remove(&mut self, key: &str, id: &str) {
        if let Some(versions) = self.blobs.get_mut(key) {
            versions.retain(|version| version.id.as_deref() != Some(id));
        }
        self.forget_if_empty(key);
    }

    fn forget_if_empty(&mut self, key: &str) {
        if self.versions(key).is_empty() {
            self.blobs.remove(key);
        }
    }
}

fn is_meant(version: &StoredVersion, id: Option<&str>) -> bool {
    match id {
        Some(id) => version.id.as_deref() == Some(id),
        None => version.is_current,
    }
}
