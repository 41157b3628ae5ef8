//! What a lock on evidence is about: the version that holds the bundle, its detached signatures and
//! its records, each by version id.

mod directory;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use strongroom_core::history::ObjectName;
use strongroom_core::receipt::Receipt;
use strongroom_core::record::Record;
use strongroom_core::{BundleId, layout, limits};
use uuid::Uuid;

use self::directory::Incomplete;
use super::kept::{self, Kept};
use super::pull::{archives_of, is_absent};
use super::stored::{Wanted, leaves_other_versions, search_versions, verify_in_place};
use super::{EvidenceError, EvidenceErrorKind, cavra};
use crate::{ListRequest, ObjectKey, SeenLock, Storage, StorageError, StorageErrorKind, VersionId};

/// Objects asked about at a time.
const ASKED_AT_ONCE_MAX: usize = 8;

/// What an object is to its bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectRole {
    /// The bundle itself.
    Bundle,
    /// A detached signature.
    Attestation,
    /// A record.
    Record,
}

/// One object that is locked with a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GuardedObject {
    pub(super) role: ObjectRole,
    pub(super) key: ObjectKey,
    pub(super) version: Option<VersionId>,
    /// Of a record: its id.
    pub(super) record: Option<Uuid>,
}

impl GuardedObject {
    /// The name by which records speak of it.
    pub(super) fn name(&self, store: &dyn Storage) -> ObjectName {
        ObjectName {
            key: store.whole_key(&self.key),
            version_id: self.version.as_ref().map(|version| version.0.clone()),
        }
    }
}

/// A bundle with everything that is locked with it.
#[derive(Debug)]
pub(super) struct Guarded {
    pub(super) id: BundleId,
    /// The bundle first, then its signatures, then its records.
    pub(super) objects: Vec<GuardedObject>,
    pub(super) kept: Kept,
    /// Of a directory that is not whole in the store.
    pub(super) incomplete: Option<Incomplete>,
}

impl Guarded {
    /// What a person should know besides.
    pub(super) fn warnings(&self) -> Vec<String> {
        self.incomplete.iter().map(ToString::to_string).collect()
    }
}

/// Finds a bundle and what is locked with it.
///
/// The version that holds the bundle is the one that a receipt pins: that push proved it, and a version
/// never changes. Only where no receipt pins one that is still there is the bundle read and verified;
/// an archived bundle can so be locked for longer without being brought back. Of a directory its manifest
/// is asked which files there are.
pub(super) async fn find(store: &dyn Storage, id: BundleId) -> Result<Guarded, EvidenceError> {
    let kept = kept::read_all(store, id).await?;
    if kept.cut_short {
        return Err(over_limit("records", "RECORDS_READ_MAX", limits::RECORDS_READ_MAX));
    }
    let pinned = pinned(store, id, &kept).await?;
    let (mut objects, incomplete) = match cavra::find_manifest(store, id).await {
        Ok(found) => directory::complete(store, found, pinned).await?,
        Err(error) if leaves_other_versions(&error) => {
            without_manifest(store, id, pinned, error).await?
        }
        Err(error) => return Err(error),
    };
    objects.extend(attestations(store, id).await?);
    objects.extend(records_in(&kept));
    Ok(Guarded { id, objects, kept, incomplete })
}

/// The objects of what no manifest proves to be a directory: an archive, or a directory whose push did not
/// come to its end. What is there of that is guarded all the same.
async fn without_manifest(
    store: &dyn Storage,
    id: BundleId,
    mut objects: Vec<GuardedObject>,
    refusal: EvidenceError,
) -> Result<(Vec<GuardedObject>, Option<Incomplete>), EvidenceError> {
    let folder = layout::cavra_folder(id);
    let files = objects.iter().filter(|object| object.key.as_str().starts_with(&folder)).count();
    if files == objects.len() {
        match proven(store, id).await {
            Ok(archives) => objects.extend(archives),
            Err(error) if files > 0 && leaves_other_versions(&error) => {}
            Err(error) => return Err(error),
        }
    }
    if objects.is_empty() {
        return Err(if is_absent(&refusal) { no_such_bundle() } else { refusal });
    }
    Ok((objects, (files > 0).then_some(Incomplete::Manifest { there: files })))
}

/// The objects that are records.
pub(super) fn records_in(kept: &Kept) -> impl Iterator<Item = GuardedObject> {
    kept.objects.iter().map(|object| GuardedObject {
        role: ObjectRole::Record,
        key: object.key.clone(),
        version: object.version.clone(),
        record: Some(object.id),
    })
}

/// The versions that receipts pin and that are there, as long as the receipt says.
pub(super) async fn pinned(
    store: &dyn Storage,
    id: BundleId,
    kept: &Kept,
) -> Result<Vec<GuardedObject>, EvidenceError> {
    let mut found: Vec<GuardedObject> = Vec::new();
    for record in &kept.records {
        for (object, size_bytes) in pinned_by_record(store, id, &record.record)? {
            if found.contains(&object) {
                continue;
            }
            match store.head(&object.key, object.version.as_ref()).await {
                Ok(info) if info.size_bytes == size_bytes => found.push(object),
                Ok(_) => {}
                Err(error) if is_gone(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(found)
}

/// The objects that one record of a push pins, and their sizes.
fn pinned_by_record(
    store: &dyn Storage,
    id: BundleId,
    record: &Record,
) -> Result<Vec<(GuardedObject, u64)>, EvidenceError> {
    match record {
        Record::Receipt(receipt) => {
            let object = pinned_by(store, id, receipt)?;
            Ok(object.map(|object| (object, receipt.size_bytes)).into_iter().collect())
        }
        Record::Upload(upload) if upload.bundle_id == id => {
            let mut pinned = Vec::new();
            for row in &upload.objects {
                let Ok(key) = ObjectKey::new(layout::cavra_object(id, &row.path)) else { continue };
                if store.whole_key(&key) == row.key {
                    let version = row.version_id.clone().map(VersionId);
                    let role = ObjectRole::Bundle;
                    pinned
                        .push((GuardedObject { role, key, version, record: None }, row.size_bytes));
                }
            }
            Ok(pinned)
        }
        Record::Upload(_) | Record::Change(_) => Ok(Vec::new()),
    }
}

/// The object that a receipt pins, if it is under a key of this bundle: anybody who may write can
/// plant a receipt that names something else.
fn pinned_by(
    store: &dyn Storage,
    id: BundleId,
    receipt: &Receipt,
) -> Result<Option<GuardedObject>, EvidenceError> {
    if receipt.bundle_id != id {
        return Ok(None);
    }
    for key in [layout::bundle(id), layout::assay_bundle(id, receipt.archive_sha256)] {
        let key = ObjectKey::new(key)?;
        if store.whole_key(&key) == receipt.key {
            let version = receipt.version_id.clone().map(VersionId);
            let role = ObjectRole::Bundle;
            return Ok(Some(GuardedObject { role, key, version, record: None }));
        }
    }
    Ok(None)
}

/// Whether a version is not there: deleted, a delete marker, or a name that no version, or no object, has.
pub(super) fn is_gone(error: &StorageError) -> bool {
    matches!(
        error.kind(),
        StorageErrorKind::NotFound
            | StorageErrorKind::InvalidRequest
            | StorageErrorKind::InvalidKey
    )
}

/// The versions that hold an archive of the bundle, by reading them. What is refused under one key says
/// nothing against the others.
async fn proven(store: &dyn Storage, id: BundleId) -> Result<Vec<GuardedObject>, EvidenceError> {
    let native = ObjectKey::new(layout::bundle(id))?;
    let wanted = Wanted { id, archive_sha256: None };
    let refusal = match proven_at(store, native, wanted).await {
        Ok(Some(archive)) => return Ok(vec![archive]),
        Ok(None) => None,
        Err(error) if leaves_other_versions(&error) => Some(error),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for archive in archives_of(store, id).await? {
        let wanted = Wanted { id, archive_sha256: Some(archive) };
        let key = ObjectKey::new(layout::assay_bundle(id, archive))?;
        found.extend(proven_at(store, key, wanted).await?);
    }
    match refusal {
        Some(refusal) if found.is_empty() => Err(refusal),
        _ => Ok(found),
    }
}

fn no_such_bundle() -> EvidenceError {
    EvidenceError::new(EvidenceErrorKind::NotFound, "this store holds no bundle of that id")
        .with_guidance("`evidence list` shows what is there")
}

async fn proven_at(
    store: &dyn Storage,
    key: ObjectKey,
    wanted: Wanted,
) -> Result<Option<GuardedObject>, EvidenceError> {
    let refusal = match verify_in_place(store, &key, None, wanted).await {
        Ok(stored) => return Ok(Some(bundle_at(key, stored.info.version))),
        Err(error) if leaves_other_versions(&error) => error,
        Err(error) => return Err(error),
    };
    let search = search_versions(store, &key, wanted).await;
    if let Ok(Some(search)) = search
        && let Some(stored) = search.found
    {
        return Ok(Some(bundle_at(key, stored.info.version)));
    }
    match refusal.kind() {
        EvidenceErrorKind::Store(StorageErrorKind::NotFound) => Ok(None),
        _ => Err(refusal),
    }
}

fn bundle_at(key: ObjectKey, version: Option<VersionId>) -> GuardedObject {
    GuardedObject { role: ObjectRole::Bundle, key, version, record: None }
}

/// The detached signatures of a bundle.
pub(super) async fn attestations(
    store: &dyn Storage,
    id: BundleId,
) -> Result<Vec<GuardedObject>, EvidenceError> {
    let mut found = Vec::new();
    let mut request = ListRequest { prefix: layout::attestations_of(id), ..ListRequest::default() };
    loop {
        let page = store.list(&request).await?;
        let keys = page.objects.into_iter().map(|object| object.key);
        let mut looking = stream::iter(keys.filter(|key| layout::attested_id(key) == Some(id)))
            .map(|key| current(store, key, ObjectRole::Attestation))
            .buffered(ASKED_AT_ONCE_MAX);
        while let Some(object) = looking.try_next().await? {
            found.extend(object);
        }
        if found.len() > limits::ATTESTATIONS_MAX {
            return Err(over_limit("signatures", "ATTESTATIONS_MAX", limits::ATTESTATIONS_MAX));
        }
        request.page = page.next;
        if request.page.is_none() {
            return Ok(found);
        }
    }
}

/// What is on top of a key.
pub(super) async fn current(
    store: &dyn Storage,
    key: String,
    role: ObjectRole,
) -> Result<Option<GuardedObject>, EvidenceError> {
    // What no object of ours could be called is nobody's evidence.
    let Ok(key) = ObjectKey::new(key) else { return Ok(None) };
    match store.head(&key, None).await {
        Ok(info) => Ok(Some(GuardedObject { role, key, version: info.version, record: None })),
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The object that records call `name`, if it is under one of this bundle's keys.
pub(super) fn named(store: &dyn Storage, id: BundleId, name: &ObjectName) -> Option<GuardedObject> {
    // Every key of a store starts alike.
    let probe = ObjectKey::new("x").ok()?;
    let whole = store.whole_key(&probe);
    let key = ObjectKey::new(name.key.strip_prefix(whole.strip_suffix('x')?)?).ok()?;
    let text = key.as_str();
    let is_bundle = text == layout::bundle(id)
        || text.starts_with(&layout::assay_bundles_of(id))
        || text.starts_with(&layout::cavra_folder(id));
    let role = if is_bundle {
        ObjectRole::Bundle
    } else if text.starts_with(&layout::attestations_of(id)) {
        ObjectRole::Attestation
    } else if text.starts_with(&layout::records_of(id)) {
        ObjectRole::Record
    } else {
        return None;
    };
    let record = layout::record_id(text).filter(|_| role == ObjectRole::Record);
    let version = name.version_id.clone().map(VersionId);
    Some(GuardedObject { role, key, version, record })
}

/// The lock on each object, in their order; `None` where the object is gone.
pub(super) async fn locks_of(
    store: &dyn Storage,
    objects: &[GuardedObject],
) -> Result<Vec<Option<SeenLock>>, EvidenceError> {
    stream::iter(objects)
        .map(|object| async move {
            match store.lock(&object.key, object.version.as_ref()).await {
                Ok(seen) => Ok(Some(seen)),
                // Or a record names a version as this store names none.
                Err(error) if is_gone(&error) => Ok(None),
                Err(error) => Err(error.into()),
            }
        })
        .buffered(ASKED_AT_ONCE_MAX)
        .try_collect()
        .await
}

fn over_limit(what: &str, name: &str, max: usize) -> EvidenceError {
    EvidenceError::new(
        EvidenceErrorKind::Store(StorageErrorKind::Limit),
        format!("the bundle has more {what} than the limit {name} ({max}): nothing was changed"),
    )
}
