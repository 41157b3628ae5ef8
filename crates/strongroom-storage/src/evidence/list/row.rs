//! From a reference to a row: one look at the bundle's key.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use jiff::civil::Date;
use strongroom_core::bundle::cavra::MANIFEST;
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::{BundleId, Sha256Digest, layout};

use super::{BundleState, ListedBundle, ROWS_AT_ONCE_MAX};
use crate::evidence::EvidenceError;
use crate::evidence::pull::archives_of;
use crate::{ObjectInfo, ObjectKey, Storage, StorageErrorKind};

/// The hint on a bundle that names the day of its index entry.
const INDEX_DAY: &str = "strongroom-index-day";

/// Looks up the bundles of these references, in order. `day` is the day whose index this is: an
/// entry that a push which was cut short left on another day is not told twice.
pub(super) async fn look_up(
    store: &dyn Storage,
    references: Vec<(BundleId, Option<Timestamp>)>,
    day: Option<Date>,
) -> Result<Vec<ListedBundle>, EvidenceError> {
    let looked_up: Vec<Vec<ListedBundle>> = stream::iter(references)
        .map(|(id, referenced_at)| look_up_one(store, id, referenced_at, day))
        .buffered(ROWS_AT_ONCE_MAX)
        .try_collect()
        .await?;
    Ok(looked_up.into_iter().flatten().collect())
}

async fn look_up_one(
    store: &dyn Storage,
    bundle_id: BundleId,
    referenced_at: Option<Timestamp>,
    day: Option<Date>,
) -> Result<Vec<ListedBundle>, EvidenceError> {
    let row = |state| ListedBundle { bundle_id, referenced_at, state };
    let key = ObjectKey::new(layout::bundle(bundle_id))?;
    match store.head(&key, None).await {
        Ok(info) if is_another_days(store, bundle_id, &info, day).await => Ok(Vec::new()),
        Ok(info) => Ok(vec![row(present(store, &key, info, None))]),
        Err(error) if error.kind() == StorageErrorKind::NotFound => {
            let archives = look_up_archives(store, bundle_id, day).await?;
            if archives.is_empty() {
                return Ok(match look_up_directory(store, bundle_id, day).await? {
                    Some(state) => state.into_iter().map(row).collect(),
                    None => vec![row(absent(store, &key).await?)],
                });
            }
            Ok(archives.into_iter().flatten().map(row).collect())
        }
        Err(error) if error.kind() == StorageErrorKind::PermissionDenied => {
            Ok(vec![row(BundleState::Unobserved { reason: Unobserved::PermissionDenied })])
        }
        Err(error) => Err(error.into()),
    }
}

/// Why nothing is under a key that a reference names, as far as its versions tell. (Those of an
/// Assay archive have keys that only the archive itself could tell.)
async fn absent(store: &dyn Storage, key: &ObjectKey) -> Result<BundleState, EvidenceError> {
    let versions = match store.versions(key).await {
        Ok(Observed::Observed(versions)) => versions,
        Ok(Observed::Unobserved(_)) => return Ok(BundleState::Pending),
        // More versions than are read: the newest of them is not known.
        Err(error) if error.kind() == StorageErrorKind::Limit => {
            return Ok(BundleState::Unobserved { reason: Unobserved::Error });
        }
        Err(error) => return Err(error.into()),
    };
    let marker = versions.iter().find(|version| version.is_latest && version.is_delete_marker);
    let Some(marker) = marker else { return Ok(BundleState::Pending) };
    Ok(BundleState::Deleted {
        deleted_at: marker.last_modified,
        versions_left: versions.iter().filter(|version| !version.is_delete_marker).count(),
    })
}

/// Every archive that shares an Assay id; `None` for one that is another day's.
async fn look_up_archives(
    store: &dyn Storage,
    id: BundleId,
    day: Option<Date>,
) -> Result<Vec<Option<BundleState>>, EvidenceError> {
    let mut states = Vec::new();
    for archive in archives_of(store, id).await? {
        let key = ObjectKey::new(layout::assay_bundle(id, archive))?;
        match store.head(&key, None).await {
            Ok(info) if is_another_days(store, id, &info, day).await => states.push(None),
            Ok(info) => states.push(Some(present(store, &key, info, Some(archive)))),
            Err(error) if error.kind() == StorageErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(states)
}

/// The manifest of a CAVRA directory, which is written last; `None` where there is none, and nothing in
/// it where it is another day's.
async fn look_up_directory(
    store: &dyn Storage,
    id: BundleId,
    day: Option<Date>,
) -> Result<Option<Option<BundleState>>, EvidenceError> {
    let key = ObjectKey::new(layout::cavra_object(id, MANIFEST))?;
    match store.head(&key, None).await {
        Ok(info) if is_another_days(store, id, &info, day).await => Ok(Some(None)),
        Ok(info) => Ok(Some(Some(present(store, &key, info, None)))),
        Err(error) if error.kind() == StorageErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether the bundle is told on another day. The day on the object is a hint that anybody with
/// write rights can plant: it counts only if the entry that it names is there.
async fn is_another_days(
    store: &dyn Storage,
    id: BundleId,
    info: &ObjectInfo,
    day: Option<Date>,
) -> bool {
    let hint = info.metadata.get(INDEX_DAY).and_then(|hint| hint.parse::<Date>().ok());
    let (Some(day), Some(hint)) = (day, hint) else { return false };
    if hint == day {
        return false;
    }
    let Ok(entry) = ObjectKey::new(layout::index_reference(hint, id)) else { return false };
    store.head(&entry, None).await.is_ok()
}

fn present(
    store: &dyn Storage,
    key: &ObjectKey,
    info: ObjectInfo,
    archive_sha256: Option<Sha256Digest>,
) -> BundleState {
    BundleState::Present {
        key: store.whole_key(key),
        size_bytes: info.size_bytes,
        version_id: info.version.map(|version| version.0),
        stored_at: info.last_modified,
        archive_sha256,
    }
}
