//! Why nothing is listed under a key where something should be.

use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::{BundleId, layout};

use super::finding::Problem;
use crate::evidence::pull::archives_of;
use crate::evidence::{EvidenceError, cavra};
use crate::{ObjectKey, Storage, StorageErrorKind};

/// Why nothing is under `key`, as far as the store tells; `None` where something is there by now: a
/// push went on while the audit did. One to two requests.
pub(super) async fn explain(
    store: &dyn Storage,
    key: &ObjectKey,
) -> Result<Option<Problem>, EvidenceError> {
    match store.head(key, None).await {
        Ok(_) => return Ok(None),
        // The listing told already that nothing is there; S3 says "denied" of it to some.
        Err(error)
            if matches!(
                error.kind(),
                StorageErrorKind::NotFound | StorageErrorKind::PermissionDenied
            ) => {}
        // A record can name what the store takes for no key, once its prefix is before it.
        Err(error)
            if matches!(
                error.kind(),
                StorageErrorKind::InvalidRequest | StorageErrorKind::InvalidKey
            ) =>
        {
            return Ok(Some(missing(None)));
        }
        Err(error) => return Err(error.into()),
    }
    let versions = match store.versions(key).await {
        Ok(Observed::Observed(versions)) => versions,
        // A store that has no versions has none left.
        Ok(Observed::Unobserved(Unobserved::UnsupportedBackend)) => Vec::new(),
        Ok(Observed::Unobserved(reason)) => return Ok(Some(missing(Some(reason)))),
        // More versions than are read: the newest of them is not known.
        Err(error) if error.kind() == StorageErrorKind::Limit => {
            return Ok(Some(missing(Some(Unobserved::Error))));
        }
        Err(error) => return Err(error.into()),
    };
    let marker = versions.iter().find(|version| version.is_latest && version.is_delete_marker);
    let Some(marker) = marker else { return Ok(Some(missing(None))) };
    Ok(Some(Problem::DeleteMarker {
        deleted_at: marker.last_modified,
        versions_left: versions.iter().filter(|version| !version.is_delete_marker).count(),
    }))
}

fn missing(versions_unobserved: Option<Unobserved>) -> Problem {
    Problem::BundleMissing { versions_unobserved }
}

/// Why a reference to `id` leads to nothing; `None` where the bundle is there by now.
pub(super) async fn explain_reference(
    store: &dyn Storage,
    id: BundleId,
) -> Result<Option<Problem>, EvidenceError> {
    if !archives_of(store, id).await?.is_empty() || cavra::is_in(store, id).await? {
        return Ok(None);
    }
    let problem = explain(store, &ObjectKey::new(layout::bundle(id))?).await?;
    Ok(problem.map(|problem| match problem {
        Problem::BundleMissing { .. } => Problem::ReferenceWithoutBundle,
        other => other,
    }))
}
