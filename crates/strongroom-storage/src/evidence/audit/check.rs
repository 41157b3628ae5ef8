//! Everything that is looked at of one bundle.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_core::bundle::cavra::{CavraManifest, MANIFEST};
use strongroom_core::history::ObjectName;
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::retention::Lock;
use strongroom_core::signing::demand::Demand;
use strongroom_core::{BundleId, layout};
use tokio::sync::Semaphore;

use super::cost::{Spent, count};
use super::data::{self, ReadData};
use super::directory::Looked;
use super::finding::{Finding, Problem};
use super::held::Known;
use super::lock::{Times, judge};
use super::records::{self, Told};
use super::report::LookedAt;
use super::walk::Group;
use super::{AuditRequest, absence, directory, finding, signatures};
use crate::evidence::{EvidenceError, guarded, record};
use crate::{ObjectKey, SeenLock, Storage, VersionId};

/// Objects of one bundle whose locks are held against what is promised; whoever may write can plant
/// records that promise any number.
const PROMISES_CHECKED_MAX: usize = 1_000;
/// Bundles that are read at the same time: one keeps a core busy inflating it.
const READS_AT_ONCE: usize = 4;

/// What does not change from bundle to bundle.
pub(super) struct Checks<'a> {
    store: &'a dyn Storage,
    spent: &'a Spent,
    times: Times,
    /// Whether the bucket was seen to have no Object Lock. Some stores then refuse to answer for one
    /// object's lock.
    bucket_lacks_locks: bool,
    /// What every whole key in this store starts with.
    own_prefix: String,
    read_data: bool,
    /// What is asked of signatures, if they are looked at.
    demand: Option<&'a Demand>,
    reading: Semaphore,
}

/// What looking at one bundle came to.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) id: BundleId,
    /// `None` where all of it was disposed of.
    pub(super) known: Option<Known>,
    pub(super) looked_at: LookedAt,
    pub(super) findings: Vec<Finding>,
}

/// Keys of a bundle under which nothing is listed.
#[derive(Debug, Default)]
struct Missing {
    /// Of these nothing is left, not even a version.
    gone: BTreeSet<String>,
    /// Of these it was told that they are missing.
    told: BTreeSet<String>,
}

impl<'a> Checks<'a> {
    /// Asks the store once what holds for all bundles.
    pub(super) async fn new(
        store: &'a dyn Storage,
        spent: &'a Spent,
        times: Times,
        request: &'a AuditRequest,
    ) -> Result<Self, EvidenceError> {
        let takes_locks = store.bucket_locks().await?.takes_locks;
        let any = ObjectKey::new("x")?;
        let whole_key = store.whole_key(&any);
        let own_prefix = whole_key.strip_suffix('x').unwrap_or_default().to_owned();
        let reading = Semaphore::new(READS_AT_ONCE);
        let bucket_lacks_locks = takes_locks == Observed::Observed(false);
        Ok(Self {
            store,
            spent,
            times,
            bucket_lacks_locks,
            own_prefix,
            read_data: request.read_data,
            demand: request.demand.as_ref(),
            reading,
        })
    }

    /// Looks at one bundle. `references` are the whole keys that led to it, if any did.
    pub(super) async fn check(
        &self,
        mut group: Group,
        references: Vec<String>,
    ) -> Result<Checked, EvidenceError> {
        let id = group.id;
        let mut findings = Vec::new();
        let directory = self.in_one_form(&mut group, &mut findings).await?;
        let told = records::read_all(self.store, self.spent, &group, &mut findings).await?;
        if let Some(limit) = group.beyond {
            findings.push(Problem::BeyondLimit { limit }.at(Some(id), Vec::new()));
        }
        let mut looked_at = LookedAt { bundles: 1, records: told.read, ..LookedAt::default() };
        let manifest = directory.as_ref().and_then(|looked| looked.manifest.as_ref());
        let seen = (&group, manifest);
        let missing = self.find_missing(seen, &told, &references, &mut findings).await?;
        let gone = &missing.gone;
        let is_disposed = self.find_deleted(&group, &told, gone, &mut findings).await?;
        self.check_archives(&group, &told, &mut looked_at, &mut findings).await?;
        self.check_locks(id, &told, gone, &mut looked_at, &mut findings).await?;
        if let Some(demand) = self.demand
            && group.is_present()
        {
            let (store, spent) = (self.store, self.spent);
            let checked = signatures::check(store, spent, seen, demand, self.times).await?;
            looked_at.signatures += checked.looked_at;
            findings.extend(checked.findings);
        }
        if let Some(looked) = directory.filter(|_| self.read_data) {
            let _turn = self.reading.acquire().await;
            let (store, spent) = (self.store, self.spent);
            let is_read =
                directory::read(store, spent, &group, looked, &missing.told, &mut findings).await?;
            looked_at.bundles_read += u64::from(is_read);
        }
        let lacks_records = group.is_present() && group.records.is_empty();
        if lacks_records
            && group.deleted_beside().next().is_none()
            && !record::exists(self.store, id).await?
        {
            let keys = group.objects().map(|object| self.whole(&object.key));
            let keys = keys.take(finding::KEYS_NAMED_MAX).collect();
            findings.push(Problem::BundleWithoutRecord.at(Some(id), keys));
        }
        let known = (!is_disposed).then(|| known(&group));
        Ok(Checked { id, known, looked_at, findings })
    }

    /// What a group tells of its bundle without being looked into; `None` where all of it was disposed
    /// of, so that a reference to it leads to nothing.
    pub(super) async fn known(&self, mut group: Group) -> Result<Option<Known>, EvidenceError> {
        let mut told_before = Vec::new();
        if group.is_of_both_forms() {
            self.in_one_form(&mut group, &mut told_before).await?;
        }
        let group = &group;
        if group.is_present() || !group.records.is_empty() {
            return Ok(Some(known(group)));
        }
        let told = records::read_all(self.store, self.spent, group, &mut told_before).await?;
        let gone = self.find_missing((group, None), &told, &[], &mut told_before).await?.gone;
        let is_disposed = self.find_deleted(group, &told, &gone, &mut told_before).await?;
        Ok((!is_disposed).then(|| known(group)))
    }

    /// The manifest of a directory, where it is to be read. An id stands for an archive or for a directory:
    /// what lies under the keys of the other is told, and not looked into any more. A manifest proves itself
    /// by its digest, so whoever may write cannot make one of a bundle into the other.
    async fn in_one_form(
        &self,
        group: &mut Group,
        findings: &mut Vec<Finding>,
    ) -> Result<Option<Looked>, EvidenceError> {
        let is_of_both = group.is_of_both_forms();
        let is_read = group.is_directory() && (self.read_data || self.demand.is_some());
        if !is_of_both && !is_read {
            return Ok(None);
        }
        let looked = directory::manifest(self.store, self.spent, group.id).await?;
        if !is_of_both {
            return Ok(Some(looked));
        }
        let is_directory = looked.manifest.is_some();
        let is_archive = !is_directory && group.archives().next().is_some();
        let foreign = match is_directory {
            true => group.without_archives(),
            false => group.without_directory(),
        };
        let keys: Vec<_> =
            foreign.iter().take(finding::KEYS_NAMED_MAX).map(|key| self.whole(key)).collect();
        if !keys.is_empty() {
            findings.push(Problem::ForeignObject.at(Some(group.id), keys));
        }
        Ok((is_directory || (is_read && !is_archive)).then_some(looked))
    }

    /// A listed key with the store's prefix.
    pub(super) fn whole(&self, key: &str) -> String {
        format!("{}{key}", self.own_prefix)
    }

    /// What records, references or the manifest of a directory tell of and no listing does.
    async fn find_missing(
        &self,
        (group, manifest): (&Group, Option<&CavraManifest>),
        told: &Told,
        references: &[String],
        findings: &mut Vec<Finding>,
    ) -> Result<Missing, EvidenceError> {
        let id = group.id;
        let mut missing = Missing::default();
        let is_there = group.is_present() || group.is_directory();
        let is_known = is_there || !group.records.is_empty() || told.left_below;
        if !is_known && group.deleted.is_empty() {
            let problem = match (references.is_empty(), group.attestations) {
                (true, 0) => None,
                (true, _) => Some(Problem::AttestationWithoutBundle),
                (false, _) => absence::explain_reference(self.store, id).await?,
            };
            findings.extend(problem.map(|problem| problem.at(Some(id), references.to_vec())));
            return Ok(missing);
        }
        let listed: BTreeSet<&str> = group.objects().map(|object| object.key.as_str()).collect();
        let of_manifest = manifest.map(directory::keys).unwrap_or_default();
        let mut expected: BTreeSet<&str> = told
            .history
            .promises
            .keys()
            .filter_map(|object| object.key.strip_prefix(&self.own_prefix))
            .filter(|key| layout::claimed_bundle(key).is_some_and(|(of, _)| of == id))
            .take(PROMISES_CHECKED_MAX)
            .collect();
        expected.extend(group.deleted.iter().map(String::as_str));
        expected.extend(of_manifest.iter().map(String::as_str));
        // Records that cannot be read are of some bundle all the same.
        let (native, last) = (layout::bundle(id), layout::cavra_object(id, MANIFEST));
        if group.is_directory() {
            expected.insert(&last);
        } else if !group.is_present() && expected.is_empty() {
            expected.insert(&native);
        }
        for key in expected.difference(&listed) {
            // Nothing is ever missing that could not have been there.
            let Ok(object) = ObjectKey::new(*key) else { continue };
            let Some(problem) = absence::explain(self.store, &object).await? else { continue };
            missing.told.insert((*key).to_owned());
            if !matches!(problem, Problem::DeleteMarker { versions_left: 1.., .. }) {
                missing.gone.insert((*key).to_owned());
                // A marker over nothing, of a bundle of which nothing else is told: disposed of.
                if !is_known && references.is_empty() {
                    continue;
                }
            }
            findings.push(problem.at(Some(id), vec![self.whole(key)]));
        }
        Ok(missing)
    }

    /// Records and signatures under a delete marker. Whether nothing at all is left of the bundle, so
    /// that it was disposed of: markers without a version below them say no more.
    async fn find_deleted(
        &self,
        group: &Group,
        told: &Told,
        gone: &BTreeSet<String>,
        findings: &mut Vec<Finding>,
    ) -> Result<bool, EvidenceError> {
        let is_there = group.is_present() || group.is_directory();
        let is_left = is_there
            || !group.records.is_empty()
            || group.attestations > 0
            || told.left_below
            || group.deleted.iter().any(|key| !gone.contains(key))
            || self.is_left_below(group.deleted_attestations.first()).await?;
        if !is_left {
            return Ok(true);
        }
        let keys: Vec<_> = group.deleted_beside().take(finding::KEYS_NAMED_MAX).collect();
        if !keys.is_empty() {
            let keys = keys.into_iter().map(|key| self.whole(key)).collect();
            findings.push(Problem::RecordsDeleted { lost: told.lost }.at(Some(group.id), keys));
        }
        Ok(false)
    }

    /// Whether a version is left below a delete marker.
    async fn is_left_below(&self, key: Option<&String>) -> Result<bool, EvidenceError> {
        let Some(key) = key else { return Ok(false) };
        let left = absence::explain(self.store, &ObjectKey::new(key.as_str())?).await?;
        Ok(matches!(left, Some(Problem::DeleteMarker { versions_left: 1.., .. })))
    }

    async fn check_archives(
        &self,
        group: &Group,
        told: &Told,
        looked_at: &mut LookedAt,
        findings: &mut Vec<Finding>,
    ) -> Result<(), EvidenceError> {
        if !self.read_data {
            for object in group.objects() {
                let key = self.whole(&object.key);
                if told.differs(&key, object) {
                    findings.push(Problem::ObjectReplaced.at(Some(group.id), vec![key]));
                }
            }
            return Ok(());
        }
        for (archive, object) in group.archives() {
            let keys = vec![self.whole(&object.key)];
            let key = ObjectKey::new(object.key.as_str())?;
            let _turn = self.reading.acquire().await;
            count(&self.spent.bundles);
            match data::read(self.store, &key, group.id, archive).await? {
                ReadData::Intact => looked_at.bundles_read += 1,
                ReadData::Wrong(problem) => {
                    looked_at.bundles_read += u64::from(problem.class() == finding::Class::Bytes);
                    findings.push(problem.at(Some(group.id), keys));
                }
                ReadData::Gone => {
                    let problem = absence::explain(self.store, &key).await?;
                    findings.extend(problem.map(|problem| problem.at(Some(group.id), keys)));
                }
            }
            let bytes = &self.spent.bundle_bytes;
            bytes.fetch_add(object.size_bytes, std::sync::atomic::Ordering::Relaxed);
        }
        Ok(())
    }

    /// Holds the lock of each object of which something is promised against the promise.
    async fn check_locks(
        &self,
        id: BundleId,
        told: &Told,
        gone: &BTreeSet<String>,
        looked_at: &mut LookedAt,
        findings: &mut Vec<Finding>,
    ) -> Result<(), EvidenceError> {
        let promised: BTreeMap<&ObjectName, Lock> = told
            .history
            .promises
            .iter()
            .map(|(object, promise)| (object, promise.lock()))
            .filter(|(_, lock)| !lock.is_none())
            .collect();
        if promised.len() > PROMISES_CHECKED_MAX {
            let limit = "PROMISES_CHECKED_MAX";
            findings.push(Problem::BeyondLimit { limit }.at(Some(id), Vec::new()));
        }
        for (object, lock) in promised.iter().take(PROMISES_CHECKED_MAX) {
            let key = object.key.strip_prefix(&self.own_prefix);
            let key = key.filter(|key| belongs_to(key, id)).map(ObjectKey::new);
            let Some(Ok(key)) = key else {
                findings.push(Problem::PromiseElsewhere.at(Some(id), vec![object.key.clone()]));
                continue;
            };
            if gone.contains(key.as_str()) {
                continue;
            }
            let version = object.version_id.clone().map(VersionId);
            let seen = self.lock_of(&key, version.as_ref()).await?;
            let problem = match &seen {
                Some(seen) => judge(lock, seen, self.times),
                None => Some(Problem::VersionMissing),
            };
            looked_at.locks += 1;
            let hidden = matches!(problem, Some(Problem::LockUnobserved { .. }));
            looked_at.locks_unobserved += u64::from(hidden);
            findings.extend(problem.map(|problem| Finding {
                version_id: object.version_id.clone(),
                ..problem.at(Some(id), vec![object.key.clone()])
            }));
        }
        Ok(())
    }

    /// The lock on one version; `None` where there is no such version.
    async fn lock_of(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
    ) -> Result<Option<SeenLock>, EvidenceError> {
        count(&self.spent.locks);
        let mut seen = match self.store.lock(key, version).await {
            Ok(seen) => seen,
            Err(error) if guarded::is_gone(&error) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if self.bucket_lacks_locks {
            let unsupported = Some(Unobserved::UnsupportedBackend);
            if seen.retention.reason() == unsupported {
                seen.retention = Observed::Observed(None);
            }
            if seen.legal_hold.reason() == unsupported {
                seen.legal_hold = Observed::Observed(false);
            }
        }
        Ok(Some(seen))
    }
}

/// What a group tells of its bundle without being looked into.
fn known(group: &Group) -> Known {
    Known::default()
        .and(Known::PRESENT, group.is_present())
        .and(Known::DIRECTORY, group.is_directory())
        .and(Known::RECORDED, !group.records.is_empty())
}

/// Whether a key is one of a bundle's own: its archives, records and signatures.
fn belongs_to(key: &str, id: BundleId) -> bool {
    layout::claimed_bundle(key).is_some_and(|(of, _)| of == id)
        || layout::recorded_id(key) == Some(id)
        || layout::attested_id(key) == Some(id)
}
