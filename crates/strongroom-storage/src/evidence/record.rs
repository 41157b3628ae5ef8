//! Records: what was done to a bundle, kept create-only beside it and locked like it.

use bytes::Bytes;
use serde::Serialize;
use strongroom_core::receipt::Receipt;
use strongroom_core::record::ChangeRecord;
use strongroom_core::retention::Lock;
use strongroom_core::upload::Upload;
use strongroom_core::{BundleId, canonical, layout, limits};
use uuid::Uuid;

use super::protect::{self, Origin, Protected};
use super::{EvidenceError, EvidenceErrorKind};
use crate::{Clock, CreateOptions, ListRequest, ObjectKey, Storage, StorageErrorKind};

/// Whether any record of `id` is there. A store that does not let us list has none that we know of.
pub(super) async fn exists(store: &dyn Storage, id: BundleId) -> Result<bool, EvidenceError> {
    let request =
        ListRequest { prefix: layout::records_of(id), limit: Some(1), ..ListRequest::default() };
    match store.list(&request).await {
        Ok(page) => Ok(!page.objects.is_empty()),
        Err(error)
            if matches!(
                error.kind(),
                StorageErrorKind::PermissionDenied | StorageErrorKind::StoreNotFound
            ) =>
        {
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

/// The lock of a record.
pub(super) struct RecordLock {
    /// What goes out with the write.
    pub(super) to_send: Lock,
    /// What the record must hold in the end.
    pub(super) target: Lock,
}

/// Keeps a receipt. The bundle is stored by now, so a failure here is part of the work undone. Answers
/// what a person should know of the record's lock, which no receipt tells: it is the receipt.
pub(super) async fn keep(
    store: &dyn Storage,
    receipt: &Receipt,
    lock: &RecordLock,
    clock: &Clock,
) -> Result<Option<String>, EvidenceError> {
    keep_push(store, receipt.bundle_id, receipt, lock, clock).await
}

/// Keeps the record of a push of several objects, likewise.
pub(super) async fn keep_upload(
    store: &dyn Storage,
    upload: &Upload,
    lock: &RecordLock,
    clock: &Clock,
) -> Result<Option<String>, EvidenceError> {
    keep_push(store, upload.bundle_id, upload, lock, clock).await
}

async fn keep_push(
    store: &dyn Storage,
    id: BundleId,
    record: &impl Serialize,
    lock: &RecordLock,
    clock: &Clock,
) -> Result<Option<String>, EvidenceError> {
    let key = layout::record(id, clock.new_id());
    let kept = write(store, key, record, lock).await.map_err(|error| {
        EvidenceError::new(
            EvidenceErrorKind::PartlyDone,
            format!("the bundle is stored, but its record could not be kept: {error}"),
        )
        .with_guidance("push the same bundle again: what is stored stays, and the record is kept")
        .with_source(error)
    })?;
    Ok(kept.map(|but| format!("the record of this push {but}")))
}

/// Keeps the record of a change of locks, the first part of it under `first_id`. What names more objects
/// than one record may is kept as several.
pub(super) async fn keep_change(
    store: &dyn Storage,
    id: BundleId,
    first_id: Uuid,
    mut record: ChangeRecord,
    lock: &RecordLock,
    clock: &Clock,
) -> Result<KeptChange, EvidenceError> {
    let objects = std::mem::take(&mut record.objects);
    let mut kept = KeptChange::default();
    let mut record_id = first_id;
    let mut parts = objects.chunks(limits::RECORD_OBJECTS_MAX);
    let mut part = Some(parts.next().unwrap_or_default());
    while let Some(named) = part {
        record.objects = named.to_vec();
        let key = layout::record(id, record_id);
        kept.keys.push(store.whole_key(&ObjectKey::new(key.as_str())?));
        let but = write(store, key, &record, lock).await?;
        kept.warnings.extend(but.map(|but| format!("the record {but}")));
        record_id = clock.new_id();
        part = parts.next();
    }
    Ok(kept)
}

/// What came of keeping the record of a change of locks.
#[derive(Debug, Default)]
pub(super) struct KeptChange {
    /// The whole keys, prefix included.
    pub(super) keys: Vec<String>,
    /// What a person should know of their own locks.
    pub(super) warnings: Vec<String>,
}

/// Writes one record and looks at its lock. Answers, where that falls short, what was seen.
async fn write(
    store: &dyn Storage,
    key: String,
    record: &impl Serialize,
    lock: &RecordLock,
) -> Result<Option<String>, EvidenceError> {
    let key = ObjectKey::new(key)?;
    let bytes: Bytes = canonical::to_vec(record)
        .map_err(|error| {
            EvidenceError::new(EvidenceErrorKind::LocalFile, "a record could not be written")
                .with_source(error)
        })?
        .into();
    let options = CreateOptions {
        content_type: Some("application/json"),
        lock: lock.to_send,
        ..CreateOptions::default()
    };
    let created = store.create(&key, bytes.into(), &options).await?;
    if lock.target.is_none() {
        return Ok(None);
    }
    let object = Protected {
        key: &key,
        version: created.version.as_ref(),
        origin: Origin::Written {
            lock_in_write: created.lock_in_write,
            visible_from: created.visible_from,
        },
        // Nothing that could not be locked is asked to be.
        bucket_lacks_locks: false,
    };
    let seen = protect::protect(store, &object, &lock.target).await?.receipt;
    if protect::covers(&seen, &lock.target) {
        return Ok(None);
    }
    let seen = match seen.unobserved {
        Some(reason) => format!("its lock was not observed ({reason})"),
        None => "the lock read back is weaker than the one that was asked for".to_owned(),
    };
    Ok(Some(format!("was kept, but {seen}: {}", store.whole_key(&key))))
}
