//! What else is under a bundle's key: versions that other writers made, and delete markers.

use super::super::EvidenceError;
use super::Push;
use crate::versions::{self, OtherVersions};
use crate::{ObjectKey, VersionId};

/// Versions that a warning names; of the others it says how many there are.
const NAMED_MAX: usize = 3;

impl Push<'_> {
    /// Looks what is under the key besides `version`. `None` where the store does not tell.
    pub(super) async fn other_versions(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
    ) -> Result<Option<OtherVersions>, EvidenceError> {
        Ok(versions::others(self.store, key, version).await?)
    }
}

impl OtherVersions {
    /// What a person should know of a bundle that was written beside others.
    pub(in crate::evidence) fn warning(&self) -> Option<String> {
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
