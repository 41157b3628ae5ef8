//! References rebuilt from bundles and records: for a store whose references were lost, or that
//! was filled by another tool. Adds what is missing; changes and removes nothing.

use std::collections::BTreeSet;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use strongroom_core::bundle::cavra::MANIFEST;
use strongroom_core::bundle::{BundleManifest, ReadLimits, UnverifiedBundle};
use strongroom_core::receipt::Receipt;
use strongroom_core::upload::Upload;
use strongroom_core::{BundleId, layout, limits};

use super::pull::archives_of;
use super::references::{References, day_of};
use super::stored::panicked;
use super::{EvidenceError, EvidenceErrorKind, cavra};
use crate::blocking::stream_reader;
use crate::{ListRequest, ListedObject, ObjectKey, ObjectReader, Storage, StorageErrorKind};

/// Bundles that could not be read and are named in a report; more are only counted.
const UNREADABLE_NAMED_MAX: usize = 1_000;

/// What a reindex came to.
#[derive(Debug, Default, Serialize)]
pub struct ReindexReport {
    /// Bundles looked at.
    pub bundles: u64,
    /// References that were missing and are there now.
    pub references_added: u64,
    /// Keys under `bundles/` that are no bundles.
    pub other_objects: u64,
    /// Bundles whose manifest could not be read: they have no references of their run and subject.
    pub unreadable: u64,
    /// Objects under a bundle's records that cannot be records: too long, gone, or of runs that
    /// cannot be.
    pub unreadable_records: u64,
    /// Bundles with more than [`limits::RECORDS_READ_MAX`] records, of which the rest was not read:
    /// they may lack references of runs.
    pub records_cut_short: u64,
    /// The first unreadable bundles.
    pub unreadable_bundles: Vec<Unreadable>,
}

/// A bundle whose manifest could not be read.
#[derive(Debug, Serialize)]
pub struct Unreadable {
    /// The identity that its key claims.
    pub bundle_id: BundleId,
    /// Why, in words.
    pub reason: String,
}

/// Goes through every bundle, page by page, calling `advance` after each.
pub async fn reindex(
    store: &dyn Storage,
    mut advance: impl FnMut(&ReindexReport) + Send,
) -> Result<ReindexReport, EvidenceError> {
    let mut report = ReindexReport::default();
    let mut request = ListRequest { prefix: layout::BUNDLES.to_owned(), ..ListRequest::default() };
    loop {
        let page = store.list(&request).await?;
        for object in &page.objects {
            match (layout::claimed_cavra(&object.key), layout::claimed_bundle(&object.key)) {
                (Some((id, MANIFEST)), _) => {
                    reindex_directory(store, object, id, &mut report).await?;
                }
                // A file of a directory, which its manifest stands for.
                (Some(_), _) => {}
                (None, Some((id, _))) => reindex_one(store, object, id, &mut report).await?,
                (None, None) => report.other_objects += 1,
            }
            advance(&report);
        }
        request.page = page.next;
        if request.page.is_none() {
            return Ok(report);
        }
    }
}

async fn reindex_one(
    store: &dyn Storage,
    object: &ListedObject,
    id: BundleId,
    report: &mut ReindexReport,
) -> Result<(), EvidenceError> {
    report.bundles += 1;
    let key = ObjectKey::new(object.key.as_str())?;
    let mut hint = None;
    let read = async {
        let archive = store.read(&key, None, None).await?;
        let day = archive.info.metadata.get("strongroom-index-day");
        hint = day.and_then(|day| day.parse().ok());
        read_manifest(archive, id).await
    };
    let manifest = match read.await {
        Ok(manifest) => Some(manifest),
        // The manifest of a directory proves itself: this is somebody else's.
        Err(error)
            if is_about_this_bundle(&error) && cavra::find_manifest(store, id).await.is_ok() =>
        {
            report.bundles -= 1;
            report.other_objects += 1;
            return Ok(());
        }
        Err(error) if is_about_this_bundle(&error) => {
            report.add_unreadable(id, &error);
            None
        }
        Err(error) => return Err(error),
    };
    let by_itself = References {
        run_ids: manifest.iter().filter_map(|m| m.run_id()).map(str::to_owned).collect(),
        subject: manifest.as_ref().and_then(|m| m.subject()).map(str::to_owned),
        day: hint,
    };
    complete(store, object, id, by_itself, report).await
}

async fn reindex_directory(
    store: &dyn Storage,
    object: &ListedObject,
    id: BundleId,
    report: &mut ReindexReport,
) -> Result<(), EvidenceError> {
    report.bundles += 1;
    let run_ids = match cavra::session_of(store, id).await {
        Ok(session_id) => vec![session_id],
        // Under the keys of an archive's bundle, this is somebody else's.
        Err(error)
            if is_about_this_bundle(&error)
                && cavra::find_manifest(store, id).await.is_err()
                && is_archive(store, id).await? =>
        {
            report.bundles -= 1;
            report.other_objects += 1;
            return Ok(());
        }
        Err(error) if is_about_this_bundle(&error) => {
            report.add_unreadable(id, &error);
            Vec::new()
        }
        Err(error) => return Err(error),
    };
    let by_itself = References { run_ids, ..References::default() };
    complete(store, object, id, by_itself, report).await
}

/// Whether anything is under the keys of an archive of this id. What it is is told there.
async fn is_archive(store: &dyn Storage, id: BundleId) -> Result<bool, EvidenceError> {
    match store.head(&ObjectKey::new(layout::bundle(id))?, None).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == StorageErrorKind::NotFound => {
            Ok(!archives_of(store, id).await?.is_empty())
        }
        Err(error) => Err(error.into()),
    }
}

/// Writes what is missing of the references that a bundle itself tells of, and its records.
async fn complete(
    store: &dyn Storage,
    object: &ListedObject,
    id: BundleId,
    by_itself: References,
    report: &mut ReindexReport,
) -> Result<(), EvidenceError> {
    let kept = read_records(store, id).await?;
    report.unreadable_records += kept.unreadable;
    report.records_cut_short += u64::from(kept.cut_short);
    let mut run_ids = kept.run_ids;
    run_ids.extend(by_itself.run_ids);
    let stored_at = kept.stored_at.or(object.last_modified);
    let references = References {
        run_ids: run_ids.into_iter().collect(),
        subject: by_itself.subject,
        // A receipt says more than the hint, which anybody with write rights can plant.
        day: kept.stored_at.map(day_of).or(by_itself.day).or(stored_at.map(day_of)),
    };
    report.references_added += references.write(store, id).await? as u64;
    Ok(())
}

impl ReindexReport {
    fn add_unreadable(&mut self, bundle_id: BundleId, error: &EvidenceError) {
        self.unreadable += 1;
        if self.unreadable_bundles.len() < UNREADABLE_NAMED_MAX {
            self.unreadable_bundles.push(Unreadable { bundle_id, reason: error.to_string() });
        }
    }
}

/// Reads the start of an archive, as far as its manifest.
async fn read_manifest(
    archive: ObjectReader,
    id: BundleId,
) -> Result<BundleManifest, EvidenceError> {
    let (mut reader, feed) = stream_reader(archive.stream);
    let opening = tokio::task::spawn_blocking(move || {
        let opened = UnverifiedBundle::open(&mut reader, &ReadLimits::default())
            .map(|bundle| (bundle.claimed_id(), bundle.manifest().clone()));
        (opened, reader.take_failure())
    });
    let (opened, ()) = tokio::join!(opening, feed);
    let (opened, failure) = opened.map_err(panicked)?;
    if let Some(failure) = failure {
        return Err(failure.into());
    }
    let (claimed, manifest) = opened?;
    if claimed != id {
        return Err(EvidenceError::new(
            EvidenceErrorKind::Bundle(strongroom_core::bundle::Refusal::Integrity),
            "the archive is another bundle than its key says",
        ));
    }
    Ok(manifest)
}

fn is_about_this_bundle(error: &EvidenceError) -> bool {
    matches!(
        error.kind(),
        EvidenceErrorKind::Bundle(_)
            | EvidenceErrorKind::Store(StorageErrorKind::NotFound | StorageErrorKind::Integrity)
    )
}

/// The bytes of a record; `None` for something planted that cannot be one.
async fn read_record(store: &dyn Storage, key: String) -> Result<Option<Bytes>, EvidenceError> {
    let Ok(key) = ObjectKey::new(key) else { return Ok(None) };
    let read =
        async { store.read(&key, None, None).await?.collect(limits::RECORD_BYTES_MAX).await };
    match read.await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error)
            if matches!(
                error.kind(),
                StorageErrorKind::Limit | StorageErrorKind::NotFound | StorageErrorKind::InvalidKey
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Default)]
struct Kept {
    unreadable: u64,
    cut_short: bool,
    run_ids: BTreeSet<String>,
    stored_at: Option<Timestamp>,
}

/// What the receipts of a bundle say of its runs, and of its first storing.
async fn read_records(store: &dyn Storage, id: BundleId) -> Result<Kept, EvidenceError> {
    let mut kept = Kept::default();
    let mut request = ListRequest { prefix: layout::records_of(id), ..ListRequest::default() };
    let mut left = limits::RECORDS_READ_MAX;
    loop {
        let page = store.list(&request).await?;
        for object in page.objects {
            if left == 0 {
                kept.cut_short = true;
                return Ok(kept);
            }
            left -= 1;
            let Some(bytes) = read_record(store, object.key).await? else {
                kept.unreadable += 1;
                continue;
            };
            let Some(push) = PushTold::of(&bytes) else { continue };
            if push.bundle_id != id {
                continue;
            }
            if !are_run_ids(&push.run_ids) {
                kept.unreadable += 1;
                continue;
            }
            kept.run_ids.extend(push.run_ids);
            kept.stored_at = match (kept.stored_at, push.stored_at) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
        request.page = page.next;
        if request.page.is_none() {
            return Ok(kept);
        }
    }
}

/// What a record of a push says that references are made of.
struct PushTold {
    bundle_id: BundleId,
    run_ids: Vec<String>,
    stored_at: Option<Timestamp>,
}

impl PushTold {
    /// Records of other kinds, and of later versions, say nothing here.
    fn of(record: &[u8]) -> Option<Self> {
        if let Ok(Receipt { bundle_id, run_ids, stored_at, .. }) = serde_json::from_slice(record) {
            return Some(Self { bundle_id, run_ids, stored_at });
        }
        let Upload { bundle_id, run_ids, objects, .. } = serde_json::from_slice(record).ok()?;
        let stored_at = objects.iter().filter_map(|object| object.stored_at).min();
        Some(Self { bundle_id, run_ids, stored_at })
    }
}

/// Whether a push can have written these: each becomes a key.
fn are_run_ids(run_ids: &[String]) -> bool {
    run_ids.len() <= limits::RECEIPT_RUN_IDS_MAX
        && run_ids.iter().all(|run_id| run_id.len() <= limits::NAME_BYTES_MAX)
}
