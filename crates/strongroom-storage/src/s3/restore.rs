//! Objects in an archive: what the headers of one say, and how it is asked for.
//!
//! * <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html> (`x-amz-restore`, `x-amz-archive-status`)
//! * <https://docs.aws.amazon.com/AmazonS3/latest/API/API_RestoreObject.html>

use http::{HeaderMap, Method};

use super::S3Storage;
use super::error::INVALID_OBJECT_STATE;
use super::request::{Request, header};
use crate::exchange::dates;
use crate::{
    ObjectKey, RestoreAsk, Retrieval, Storage as _, StorageError, StorageErrorKind, VersionId,
};

const XMLNS: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// Classes that are not read from without a restore. `GLACIER_IR` is read at once.
const ARCHIVES: [&str; 2] = ["GLACIER", "DEEP_ARCHIVE"];
/// Its archives are told by a header of their own, and a restore from them moves the object: it takes no days.
const INTELLIGENT_TIERING: &str = "INTELLIGENT_TIERING";
/// Somebody asked before, and the store works on it.
const UNDER_WAY: &str = "RestoreAlreadyInProgress";

/// Reads the headers of an answer to HEAD or GET.
pub(super) fn retrieval(headers: &HeaderMap) -> Retrieval {
    let class = header(headers, "x-amz-storage-class").unwrap_or_default();
    let is_archived = ARCHIVES.contains(&class) || headers.contains_key("x-amz-archive-status");
    match header(headers, "x-amz-restore") {
        Some(state) if state.contains("ongoing-request=\"true\"") => Retrieval::Restoring,
        Some(state) if state.contains("ongoing-request=\"false\"") => {
            Retrieval::Restored { until: expiry(state) }
        }
        _ if is_archived => Retrieval::Archived,
        _ => Retrieval::Online,
    }
}

/// The date in `ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00:00 GMT"`.
fn expiry(state: &str) -> Option<jiff::Timestamp> {
    let (_, rest) = state.split_once("expiry-date=\"")?;
    dates::parse(rest.split_once('"')?.0)
}

/// See [`crate::Storage::restore`].
pub(super) async fn restore(
    store: &S3Storage,
    key: &ObjectKey,
    version: Option<&VersionId>,
    ask: &RestoreAsk,
) -> Result<(), StorageError> {
    let request = Request::object(Method::POST, &store.whole_key(key))
        .query("restore", "")
        .query_if("versionId", version)
        .xml(document(ask))?;
    match store.client.send(&request).await {
        Ok(_) => Ok(()),
        Err(failure) if failure.is(&[UNDER_WAY]) => Ok(()),
        // Of a read it means that the object lies in an archive; here, that it does not.
        Err(failure) if failure.is(&[INVALID_OBJECT_STATE]) => {
            Err(not_archived().with_source(StorageError::from(failure)))
        }
        Err(failure) => Err(failure.into()),
    }
}

fn not_archived() -> StorageError {
    StorageError::new(
        StorageErrorKind::InvalidRequest,
        "the object lies in no archive: there is nothing to restore",
    )
}

fn document(ask: &RestoreAsk) -> String {
    let days = match ask.storage_class.as_deref() {
        Some(INTELLIGENT_TIERING) => String::new(),
        _ => format!("<Days>{}</Days>", ask.days),
    };
    format!(
        "<RestoreRequest xmlns=\"{XMLNS}\">{days}\
         <GlacierJobParameters><Tier>Standard</Tier></GlacierJobParameters></RestoreRequest>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(pairs: &[(&'static str, &str)]) -> Retrieval {
        let headers = pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()));
        retrieval(&headers.collect())
    }

    #[test]
    fn the_headers_tell_how_near_an_object_is() {
        const CLASS: &str = "x-amz-storage-class";
        const RESTORE: &str = "x-amz-restore";
        let until = "2012-12-21T00:00:00Z".parse().ok();
        let done = "ongoing-request=\"false\", expiry-date=\"Fri, 21 Dec 2012 00:00:00 GMT\"";
        for (headers, near) in [
            (&[][..], Retrieval::Online),
            (&[(CLASS, "STANDARD_IA")], Retrieval::Online),
            (&[(CLASS, "GLACIER_IR")], Retrieval::Online),
            (&[(CLASS, "GLACIER")], Retrieval::Archived),
            (&[(CLASS, "DEEP_ARCHIVE")], Retrieval::Archived),
            (&[(CLASS, "INTELLIGENT_TIERING")], Retrieval::Online),
            (
                &[(CLASS, "INTELLIGENT_TIERING"), ("x-amz-archive-status", "ARCHIVE_ACCESS")],
                Retrieval::Archived,
            ),
            (&[(CLASS, "GLACIER"), (RESTORE, "ongoing-request=\"true\"")], Retrieval::Restoring),
            (&[(CLASS, "GLACIER"), (RESTORE, done)], Retrieval::Restored { until }),
            (
                &[(CLASS, "GLACIER"), (RESTORE, "ongoing-request=\"false\"")],
                Retrieval::Restored { until: None },
            ),
            (&[(CLASS, "GLACIER"), (RESTORE, "soon")], Retrieval::Archived),
        ] {
            assert_eq!(seen(headers), near, "{headers:?}");
        }
    }

    #[test]
    fn what_is_moved_for_good_is_asked_for_without_days() {
        let ask = |class: &str| RestoreAsk { days: 7, storage_class: Some(class.to_owned()) };
        assert!(document(&ask("GLACIER")).contains("<Days>7</Days>"));
        assert!(!document(&ask(INTELLIGENT_TIERING)).contains("Days"));
    }
}
