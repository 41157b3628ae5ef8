//! What a push would write, as the push itself decides it: its keys, its references, its lock.

use std::sync::Arc;

use jiff::Timestamp;
use strongroom_core::bundle::cavra::{MANIFEST, VerifiedCavra};
use strongroom_core::bundle::{BundleFormat, Progress, VerifiedBundle};
use strongroom_core::retention::LockMode;
use strongroom_core::storage_plan::document::{
    ObjectKind, PlannedBundle, PlannedLock, PlannedObject, PlannedRetention, Undecided, WrittenBy,
};
use strongroom_core::{BundleId, Sha256Digest, layout, limits};

use super::super::EvidenceError;
use super::super::cavra;
use super::super::lock_plan::LockAsk;
use super::super::push::{PushRequest, PushSource, Source, lock_ask, run_ids};
use super::super::references::{self, References};
use crate::{ObjectKey, Storage};

/// What stands for the day of storing in a key.
const DAY: &str = "{day of storing}";
/// What stands for the name of a record in a key.
const RECORD: &str = "{record id}";

/// The most of a record's row, and of what stands around the rows: two keys' worth of names, and as much
/// again.
const RECORD_ROW_BYTES_MAX: u64 = 4 << 10;

/// What a push would do.
pub(super) struct Intended {
    pub(super) bundle: PlannedBundle,
    pub(super) ask: LockAsk,
    pub(super) objects: Vec<PlannedObject>,
}

/// Of an archive, which is verified, or of files that would be bundled.
pub(super) async fn of_archive(
    store: &dyn Storage,
    source: PushSource,
    request: &PushRequest,
    progress: Arc<dyn Progress>,
) -> Result<Intended, EvidenceError> {
    let source = Source::open(source).await?;
    let verified = source.verify_here(progress).await?;
    of_source(store, &source, verified.as_ref(), request)
}

/// Of a source that was opened; `verified` is what verifying an archive showed.
pub(super) fn of_source(
    store: &dyn Storage,
    source: &Source,
    verified: Option<&VerifiedBundle>,
    request: &PushRequest,
) -> Result<Intended, EvidenceError> {
    let ask = lock_ask(source, request);
    let id = source.wanted().id;
    let references =
        References { run_ids: run_ids(source, request), subject: source.subject(), day: None };
    let mut archive = locked(ObjectKind::Bundle, whole(store, &source.key())?, &ask);
    match verified {
        Some(verified) => {
            archive.sha256 = Some(verified.archive_sha256());
            archive.size_bytes = Some(verified.archive_size_bytes());
        }
        None => {
            let most = source.size_bytes_max().min(limits::ARCHIVE_BYTES_MAX);
            archive.size_bytes_max = Some(most);
            archive.decided_at_push = vec![Undecided::Sha256, Undecided::SizeBytes];
        }
    }
    let mut objects = referenced(store, &references, id)?;
    objects.push(archive);
    objects.push(record(store, id, 1, &ask)?);
    let (files, content_size_bytes) = match verified {
        Some(verified) => (verified.files() as u64, verified.content_size_bytes()),
        None => source.planned_content(),
    };
    let bundle = PlannedBundle {
        bundle_id: id,
        format: source.format().name().to_owned(),
        run_ids: references.run_ids,
        asked_run_id: request.run_id.clone(),
        subject: references.subject,
        files,
        content_size_bytes,
    };
    Ok(Intended { bundle, ask, objects })
}

/// Of a CAVRA directory.
pub(super) fn of_cavra(
    store: &dyn Storage,
    bundle: &VerifiedCavra,
    request: &PushRequest,
    now: Timestamp,
) -> Result<Intended, EvidenceError> {
    let (ask, _) = cavra::lock_ask(bundle, request, now)?;
    let id = bundle.id();
    let references =
        References { run_ids: cavra::run_ids(bundle, request), subject: None, day: None };
    let mut objects = referenced(store, &references, id)?;
    for file in bundle.files() {
        let kind = match file.path == MANIFEST {
            true => ObjectKind::CavraManifest,
            false => ObjectKind::CavraFile,
        };
        let key = whole(store, &layout::cavra_object(id, &file.path))?;
        objects.push(PlannedObject {
            path: Some(file.path.clone()),
            sha256: Some(file.sha256),
            size_bytes: Some(file.size_bytes),
            ..locked(kind, key, &ask)
        });
    }
    objects.push(record(store, id, bundle.files().len(), &ask)?);
    let planned = PlannedBundle {
        bundle_id: id,
        format: strongroom_core::bundle::cavra::FORMAT.to_owned(),
        run_ids: references.run_ids,
        asked_run_id: request.run_id.clone(),
        subject: None,
        files: bundle.files().len() as u64,
        content_size_bytes: bundle.content_size_bytes(),
    };
    Ok(Intended { bundle: planned, ask, objects })
}

/// The lock that is asked for, as it stands in a plan: days stay days.
pub(super) fn planned_retention(ask: &LockAsk) -> Option<PlannedRetention> {
    let mode = ask.mode.unwrap_or(LockMode::Governance);
    match (ask.retain_until, ask.retention_days) {
        (Some(until), _) => Some(PlannedRetention { mode, days: None, until: Some(until) }),
        (None, Some(days)) => Some(PlannedRetention { mode, days: Some(days), until: None }),
        (None, None) => None,
    }
}

/// Signatures that will be put beside the bundle, locked like it.
pub(super) fn signatures(
    store: &dyn Storage,
    id: BundleId,
    lock: &PlannedLock,
    signatures: &[(Sha256Digest, u64)],
) -> Result<Vec<PlannedObject>, EvidenceError> {
    let object = |(sha256, size_bytes): &(Sha256Digest, u64)| {
        let key = whole(store, &layout::attestation(id, *sha256))?;
        Ok(PlannedObject {
            written_by: WrittenBy::Sign,
            sha256: Some(*sha256),
            size_bytes: Some(*size_bytes),
            retention: lock.retention,
            legal_hold: lock.legal_hold,
            ..unlocked(ObjectKind::Signature, key)
        })
    };
    signatures.iter().map(object).collect()
}

fn whole(store: &dyn Storage, key: &str) -> Result<String, EvidenceError> {
    Ok(store.whole_key(&ObjectKey::new(key)?))
}

fn unlocked(kind: ObjectKind, key: String) -> PlannedObject {
    PlannedObject {
        kind,
        written_by: WrittenBy::Push,
        path: None,
        key,
        sha256: None,
        size_bytes: None,
        size_bytes_max: None,
        retention: None,
        legal_hold: false,
        decided_at_push: Vec::new(),
    }
}

fn locked(kind: ObjectKind, key: String, ask: &LockAsk) -> PlannedObject {
    PlannedObject {
        retention: planned_retention(ask),
        legal_hold: ask.legal_hold,
        ..unlocked(kind, key)
    }
}

/// The references, whose bytes are known; the day is the store's.
fn referenced(
    store: &dyn Storage,
    references: &References,
    id: BundleId,
) -> Result<Vec<PlannedObject>, EvidenceError> {
    let body = references::body(id);
    let object = |kind, key| PlannedObject {
        sha256: Some(Sha256Digest::of(&body)),
        size_bytes: Some(body.len() as u64),
        ..unlocked(kind, key)
    };
    let mut objects = Vec::new();
    for key in references.keys(id) {
        let kind = match key.starts_with(layout::RUNS) {
            true => ObjectKind::RunReference,
            false => ObjectKind::SubjectReference,
        };
        objects.push(object(kind, whole(store, &key)?));
    }
    let day = whole(store, &layout::index_reference_pattern(DAY, id))?;
    let decided_at_push = vec![Undecided::Key];
    objects.push(PlannedObject { decided_at_push, ..object(ObjectKind::DayReference, day) });
    Ok(objects)
}

/// The record, which has a row for each of so many objects.
fn record(
    store: &dyn Storage,
    id: BundleId,
    rows: usize,
    ask: &LockAsk,
) -> Result<PlannedObject, EvidenceError> {
    let key = whole(store, &layout::record_pattern(id, RECORD))?;
    let size_bytes_max = (rows as u64 + 1) * RECORD_ROW_BYTES_MAX;
    Ok(PlannedObject {
        size_bytes_max: Some(size_bytes_max.min(limits::RECORD_BYTES_MAX)),
        decided_at_push: vec![Undecided::Key, Undecided::Sha256, Undecided::SizeBytes],
        ..locked(ObjectKind::Record, key, ask)
    })
}

impl Source {
    /// The format of what is pushed.
    fn format(&self) -> BundleFormat {
        match self {
            Self::Archive { wanted, .. } if wanted.archive_sha256.is_some() => BundleFormat::Assay,
            _ => BundleFormat::Native,
        }
    }

    /// Files and bytes of content that would be bundled.
    fn planned_content(&self) -> (u64, u64) {
        match self {
            Self::Plan(plan) => (plan.manifest().files.len() as u64, plan.content_size_bytes()),
            Self::Archive { size_bytes, .. } => (0, *size_bytes),
        }
    }

    /// The most that the archive can have.
    fn size_bytes_max(&self) -> u64 {
        match self {
            Self::Plan(plan) => plan.archive_size_bytes_max(),
            Self::Archive { size_bytes, .. } => *size_bytes,
        }
    }
}
