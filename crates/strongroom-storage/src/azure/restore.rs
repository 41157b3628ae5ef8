//! Blobs in the archive tier: what the headers of one say, and how it is brought back.
//!
//! Azure makes no copy for a time: the blob itself moves to another tier, and stays there.
//!
//! * <https://learn.microsoft.com/azure/storage/blobs/archive-rehydrate-overview>
//! * <https://learn.microsoft.com/rest/api/storageservices/set-blob-tier>

use http::{HeaderMap, Method};

use super::AzureStorage;
use super::request::{Request, header};
use crate::{ObjectKey, RestoreAsk, Retrieval, Storage as _, StorageError, VersionId};

/// Somebody asked before, and the store works on it.
const UNDER_WAY: &str = "BlobBeingRehydrated";

/// Reads the headers of an answer to HEAD or GET.
pub(super) fn retrieval(headers: &HeaderMap) -> Retrieval {
    let is_archived = header(headers, "x-ms-access-tier") == Some("Archive");
    match header(headers, "x-ms-archive-status") {
        Some(status) if status.starts_with("rehydrate-pending-to-") => Retrieval::Restoring,
        _ if is_archived => Retrieval::Archived,
        _ => Retrieval::Online,
    }
}

/// See [`crate::Storage::restore`]. The tier is the one that is meant to be read from.
pub(super) async fn restore(
    store: &AzureStorage,
    key: &ObjectKey,
    version: Option<&VersionId>,
    _ask: &RestoreAsk,
) -> Result<(), StorageError> {
    let request = Request::blob(Method::PUT, &store.whole_key(key))
        .query("comp", "tier")
        .query_if("versionid", version.map(|version| &version.0))
        .fixed_header("x-ms-access-tier", "Hot")
        .fixed_header("x-ms-rehydrate-priority", "Standard");
    match store.client.send(&request).await {
        Ok(_) => Ok(()),
        Err(failure) if failure.is(&[UNDER_WAY]) => Ok(()),
        Err(failure) => Err(failure.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headers_tell_how_near_a_blob_is() {
        const TIER: &str = "x-ms-access-tier";
        const STATUS: &str = "x-ms-archive-status";
        for (pairs, near) in [
            (&[][..], Retrieval::Online),
            (&[(TIER, "Cool")], Retrieval::Online),
            (&[(TIER, "Archive")], Retrieval::Archived),
            (&[(TIER, "Archive"), (STATUS, "rehydrate-pending-to-hot")], Retrieval::Restoring),
            (&[(TIER, "Archive"), (STATUS, "rehydrate-pending-to-cold")], Retrieval::Restoring),
        ] {
            let headers = pairs
                .iter()
                .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
                .collect();
            assert_eq!(retrieval(&headers), near, "{pairs:?}");
        }
    }
}
