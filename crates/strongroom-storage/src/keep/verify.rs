//! Every byte of one version, held against what it should be.

use strongroom_core::Sha256Digest;

use super::Expected;
use crate::{ObjectInfo, ObjectKey, Storage, StorageError, StorageErrorKind, VersionId, versions};

/// What reading a version showed. A store that fails or refuses these credentials is none of these,
/// but an error: nothing is known of the object then.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// Every byte was read, and is right.
    Verified(Box<ObjectInfo>),
    /// The store says that there is no such version.
    Missing,
    /// The store holds other bytes.
    Corrupt {
        /// How many it says there are.
        size_bytes: u64,
        /// Their digest; `None` where they are not of the right number, so that they were not read.
        sha256: Option<Sha256Digest>,
    },
    /// The store has the version and does not hand it out as it is: it lies in an archive tier, or
    /// under a key that was not given.
    NotRetrievable,
}

/// Reads a version to its end, keeping nothing. No more is read than the expected number of bytes.
pub async fn verify(
    store: &dyn Storage,
    key: &ObjectKey,
    version: Option<&VersionId>,
    expected: Expected,
) -> Result<Verdict, StorageError> {
    match versions::digest_of(store, key, version, expected.size_bytes).await {
        Ok((info, Some(sha256))) if sha256 == expected.sha256 => {
            Ok(Verdict::Verified(Box::new(info)))
        }
        Ok((info, sha256)) => Ok(Verdict::Corrupt { size_bytes: info.size_bytes, sha256 }),
        Err(error) => match error.kind() {
            StorageErrorKind::NotFound => Ok(Verdict::Missing),
            StorageErrorKind::Archived | StorageErrorKind::InvalidRequest => {
                Ok(Verdict::NotRetrievable)
            }
            _ => Err(error),
        },
    }
}
