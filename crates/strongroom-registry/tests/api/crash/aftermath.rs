//! What has to be so after a registry started again and its jobs ran to their end, whatever happened before.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use strongroom_core::Sha256Digest;
use strongroom_core::layout::{self, PackageObject, claimed_package};
use strongroom_core::package::record;
use strongroom_core::package::{
    FileStatus, LocationStatus, LockState, PackageStatus, RetentionClass,
};
use strongroom_registry::db::{AuditFilter, FileRow, JobState, PackageRow, TenantId, UploadState};
use uuid::Uuid;

use super::flow::{Flow, Subject};
use crate::app::TestApp;
use crate::evidence::{keys, locations, locks, row, tick, work};
use crate::files::{bytes_at, keys_below};

/// More rows than any package here has.
const ROWS_MAX: u32 = 1_000;
/// What time would bring: leases end, jobs that wait are due, and an upload is too old to be going on.
const LATER_ON: [&str; 5] = [
    "UPDATE jobs SET lease_until = 0 WHERE state = 'running'",
    "UPDATE jobs SET run_after = 0 WHERE state = 'queued'",
    "UPDATE artifact_files SET created_at = created_at - 604800000000 WHERE status = 'receiving'",
    "UPDATE upload_parts SET created_at = created_at - 604800000000 WHERE status = 'receiving'",
    "UPDATE resumable_uploads SET storing_until = 0 WHERE status = 'receiving'",
];

/// Lets time go by, and the registry do what it does by itself.
pub async fn settle(app: &TestApp, flow: Flow) {
    for statement in LATER_ON {
        app.database.run(statement).await;
    }
    for _ in 0..flow.looks() {
        work(app).await;
        tick(app).await;
    }
    work(app).await;
}

pub async fn files_of(app: &TestApp, package: Uuid) -> Vec<FileRow> {
    let mut session = app.registry.db().read().await.unwrap();
    session.of(&TenantId::default_tenant()).files_of_package(package, None, ROWS_MAX).await.unwrap()
}

/// How many holds are active.
pub async fn holds_of(app: &TestApp, package: Uuid) -> usize {
    let mut session = app.registry.db().read().await.unwrap();
    session.of(&TenantId::default_tenant()).active_holds(package).await.unwrap().len()
}

/// The locks of a package's objects, by key: until when, without end last.
async fn lock_dates(app: &TestApp, package: Uuid) -> BTreeMap<String, Option<Timestamp>> {
    let locks = locks(app, package).await.into_iter();
    locks
        .map(|(key, lock)| (key, lock.certain().retention.map(|retention| retention.retain_until)))
        .collect()
}

/// How things were before a flow.
pub struct Before {
    expires_at: Option<Timestamp>,
    locks: BTreeMap<String, Option<Timestamp>>,
    /// Every key, of a flow that makes a package that nobody knows yet.
    keys: Option<BTreeSet<String>>,
}

impl Before {
    pub async fn of(app: &TestApp, subject: &Subject) -> Self {
        if subject.package.is_nil() {
            let keys = keys_below(&*app.store, layout::PACKAGES).await.into_iter().collect();
            return Self { expires_at: None, locks: BTreeMap::new(), keys: Some(keys) };
        }
        let expires_at = row(app, subject.package).await.expires_at;
        Self { expires_at, locks: lock_dates(app, subject.package).await, keys: None }
    }

    /// Looks whether everything is as it has to be.
    pub async fn hold_against(&self, app: &TestApp, subject: &Subject) {
        if let Some(keys) = &self.keys {
            only_records_are_new(app, keys).await;
        }
        let Some(id) = subject.package() else { return };
        let package = row(app, id).await;
        nothing_is_stranded(app, &package).await;
        every_object_is_explained(app, &package).await;
        every_decision_has_its_record(app, id).await;
        self.nothing_ends_earlier(app, &package).await;
        locks_are_as_decided(app, &package).await;
    }

    async fn nothing_ends_earlier(&self, app: &TestApp, package: &PackageRow) {
        if self.keys.is_none() {
            let is_earlier = match (self.expires_at, package.expires_at) {
                (Some(before), Some(after)) => after < before,
                (None, after) => after.is_some(),
                (Some(_), None) => false,
            };
            assert!(!is_earlier, "{:?} became {:?}", self.expires_at, package.expires_at);
        }
        for (key, after) in lock_dates(app, package.id).await {
            assert!(after >= self.locks.get(&key).copied().flatten(), "the lock of {key}");
        }
    }
}

async fn nothing_is_stranded(app: &TestApp, package: &PackageRow) {
    let status = package.status;
    assert!(!matches!(status, PackageStatus::Finalizing | PackageStatus::Deleting), "{status}");
    let lock_state = package.lock_state;
    assert!(!matches!(lock_state, LockState::Applying | LockState::Failed), "{lock_state:?}");
    for file in files_of(app, package.id).await {
        let is_settled = !matches!(file.status, FileStatus::Receiving | FileStatus::Deleting);
        assert!(is_settled, "{file:?}");
    }
    for location in locations(app, package.id).await {
        assert_ne!(location.status, LocationStatus::Deleting, "{location:?}");
    }
    let mut session = app.registry.db().read().await.unwrap();
    let tenant = TenantId::default_tenant();
    let mut rows = session.of(&tenant);
    for job in rows.jobs_of_package(package.id, ROWS_MAX).await.unwrap() {
        assert_eq!(job.state, JobState::Done, "{job:?}");
    }
}

/// Each object belongs to a row or is a record, and each row's object is there, byte for byte.
async fn every_object_is_explained(app: &TestApp, package: &PackageRow) {
    let active: BTreeMap<_, _> = locations(app, package.id)
        .await
        .into_iter()
        .filter(|location| location.status == LocationStatus::Active)
        .map(|location| (location.object_key.clone(), location))
        .collect();
    let keys = keys(app, package.id).await;
    for key in &keys {
        match claimed_package(key).map(|(_, object)| object) {
            Some(PackageObject::File(_)) => assert!(active.contains_key(key), "{key} has no row"),
            Some(PackageObject::Record(id)) => assert_eq!(record_at(app, key).await.id, id),
            Some(_) => assert!(package.bundle_id.is_some(), "{key} of a package without identity"),
            None => panic!("{key} is nothing of ours"),
        }
    }
    every_part_is_explained(app, package.id).await;
    for file in files_of(app, package.id).await {
        let is_stored = file.status == FileStatus::Stored;
        assert_eq!(active.contains_key(&file.object_key), is_stored, "{file:?}");
        if is_stored {
            let bytes = bytes_at(&*app.store, &file.object_key).await;
            assert_eq!(Some(Sha256Digest::of(&bytes)), file.sha256, "{file:?}");
        }
    }
}

/// Each part belongs to an upload that goes on, and each row of a part has one.
async fn every_part_is_explained(app: &TestApp, package: Uuid) {
    let keys = app.parts(package).await;
    let uploads: BTreeSet<_> =
        keys.iter().map(|key| layout::claimed_part(key).expect("a part").1).collect();
    let mut explained = Vec::new();
    for upload in uploads {
        let (row, parts) = app.upload_rows(upload).await;
        assert_eq!(row.map(|row| row.status), Some(UploadState::Receiving), "{upload}");
        explained.extend(parts.into_iter().map(|part| part.object_key));
    }
    explained.sort();
    assert_eq!(keys, explained, "parts, and the rows of those that count");
}

async fn record_at(app: &TestApp, key: &str) -> record::PackageRecord {
    record::read(&bytes_at(&*app.store, key).await).unwrap()
}

/// The digests of the records that the events of a package name: decisions that were made.
async fn decided(app: &TestApp, package: Uuid) -> BTreeSet<String> {
    let filter = AuditFilter { package_id: Some(package), ..AuditFilter::default() };
    let mut session = app.registry.db().read().await.unwrap();
    let tenant = TenantId::default_tenant();
    let events = session.of(&tenant).audit_events(&filter, None, ROWS_MAX).await.unwrap().rows;
    events.iter().filter_map(|event| event.record_sha256).map(|digest| digest.to_hex()).collect()
}

/// The digest of an object.
async fn digest_at(app: &TestApp, key: &str) -> String {
    Sha256Digest::of(&bytes_at(&*app.store, key).await).to_hex()
}

/// Every event that names a record names one that is there.
async fn every_decision_has_its_record(app: &TestApp, package: Uuid) {
    let mut decided = decided(app, package).await;
    for key in keys_below(&*app.store, &layout::package_records_of(package)).await {
        decided.remove(&digest_at(app, &key).await);
    }
    assert!(decided.is_empty(), "no records of these digests: {decided:?}");
}

/// What is held has the bit and what is not has none; what has a date is locked until then.
async fn locks_are_as_decided(app: &TestApp, package: &PackageRow) {
    let is_evidence = matches!(
        package.status,
        PackageStatus::Finalized
            | PackageStatus::DeletionRequested
            | PackageStatus::DeletionBlocked
    );
    if !is_evidence {
        return;
    }
    let is_held = holds_of(app, package.id).await > 0;
    let decided = decided(app, package.id).await;
    for (key, lock) in locks(app, package.id).await {
        // A record of what came to nothing is locked with the next that comes to something.
        if key.contains("/records/") && !decided.contains(&digest_at(app, &key).await) {
            continue;
        }
        let lock = lock.certain();
        assert_eq!(lock.legal_hold, is_held, "the hold of {key}");
        if package.retention_class != RetentionClass::Transient {
            let until = lock.retention.map(|retention| retention.retain_until);
            assert!(until >= package.expires_at, "{key} is locked until {until:?}");
        }
    }
}

/// Of a package that nobody was told of there are at most records: they promise, and delete nothing.
async fn only_records_are_new(app: &TestApp, before: &BTreeSet<String>) {
    for key in keys_below(&*app.store, layout::PACKAGES).await {
        if before.contains(&key) {
            continue;
        }
        let is_record = matches!(claimed_package(&key), Some((_, PackageObject::Record(_))));
        assert!(is_record, "{key}");
        record_at(app, &key).await;
    }
}
