//! What else is under a bundle's key: versions that other writers made, and delete markers.

use strongroom_core::observed::Observed;

use super::super::EvidenceError;
use super::Push;
use crate::{ObjectKey, ObjectVersion, StorageErrorKind, VersionId};

/// Versions that a warning names; of the others it says how many there are.
const NAMED_MAX: usize = 3;

/// The versions of a key besides the one that a push wrote or found.
pub(super) struct OtherVersions {
    /// Newest first, without delete markers.
    versions: Vec<VersionId>,
    /// Whether somebody asked for the deletion of the key.
    was_deleted: bool,
}

impl Push<'_> {
    /// Looks what is under the key besides `version`. `None` where the store does not tell.
    pub(super) async fn other_versions(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
    ) -> Result<Option<OtherVersions>, EvidenceError> {
        match self.store.versions(key).await {
            Ok(Observed::Observed(versions)) => Ok(Some(OtherVersions::of(versions, version))),
            Ok(Observed::Unobserved(_)) => Ok(None),
            // Too many to count is not counted; it is no failure of this push.
            Err(error) if error.kind() == StorageErrorKind::Limit => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl OtherVersions {
    fn of(versions: Vec<ObjectVersion>, ours: Option<&VersionId>) -> Self {
        // A bucket without versions lists its one object under the version `null`.
        let ours = ours.map_or("null", |version| version.0.as_str());
        let was_deleted = versions.iter().any(|version| version.is_delete_marker);
        let others =
            versions.into_iter().filter(|other| !other.is_delete_marker && other.version.0 != ours);
        Self { versions: others.map(|other| other.version).collect(), was_deleted }
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.versions.len() as u64
    }

    /// What a person should know of a bundle that was written beside others.
    pub(super) fn warning(&self) -> Option<String> {
        let named: Vec<&str> =
            self.versions.iter().take(NAMED_MAX).map(|version| version.0.as_str()).collect();
        if named.is_empty() {
            return None;
        }
        let more = self.versions.len() - named.len();
        let mut list = named.join(", ");
        if more > 0 {
            list.push_str(&format!(" and {more} more"));
        }
        Some(if self.was_deleted {
            format!(
                "somebody had deleted this bundle: under a delete marker, {list} is still there, with \
                 the lock it has; the receipt pins the new version"
            )
        } else {
            format!("other versions are under this key: {list}; the receipt pins ours")
        })
    }
}
