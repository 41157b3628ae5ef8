//! The versions of one key. Azure has no delete markers: of a deleted blob no version is the current
//! one.
//! <https://learn.microsoft.com/rest/api/storageservices/list-blobs>

use http::Method;
use strongroom_core::limits::LIST_PAGE_ENTRIES_MAX;
use strongroom_core::observed::{Observed, Unobserved};

use super::AzureStorage;
use super::list::{malformed, name_of, size_of};
use super::request::Request;
use crate::exchange::dates;
use crate::exchange::xml::Element;
use crate::{ObjectKey, ObjectVersion, Storage as _, StorageError, StorageErrorKind, VersionId};

/// Pages of the versions of one key, at most.
const VERSION_PAGES_MAX: usize = 10;

/// See [`crate::Storage::versions`].
pub(super) async fn versions(
    store: &AzureStorage,
    key: &ObjectKey,
) -> Result<Observed<Vec<ObjectVersion>>, StorageError> {
    let whole_key = store.whole_key(key);
    let mut found = Found::default();
    let mut marker: Option<String> = None;
    for _ in 0..VERSION_PAGES_MAX {
        let request = Request::container(Method::GET)
            .query("comp", "list")
            .query("include", "versions")
            .query("prefix", &whole_key)
            .query("maxresults", LIST_PAGE_ENTRIES_MAX)
            .query_if("marker", marker);
        let answer = match store.client.send(&request).await {
            Ok(answer) => answer,
            Err(failure) => {
                let reason = match failure.kind() {
                    StorageErrorKind::PermissionDenied => Unobserved::PermissionDenied,
                    StorageErrorKind::Unsupported | StorageErrorKind::InvalidRequest => {
                        Unobserved::UnsupportedBackend
                    }
                    _ => return Err(failure.into()),
                };
                return Ok(Observed::Unobserved(reason));
            }
        };
        let root = answer.xml()?;
        found.add(&root, &whole_key)?;
        if found.is_unversioned {
            return Ok(Observed::Unobserved(Unobserved::UnsupportedBackend));
        }
        marker = root.text_of("NextMarker").map(str::to_owned);
        if found.is_past || marker.is_none() {
            return Ok(Observed::Observed(found.newest_first()));
        }
    }
    Err(StorageError::new(
        StorageErrorKind::Limit,
        "the key has more versions than the limit VERSION_PAGES_MAX allows to read",
    ))
}

#[derive(Debug, Default)]
struct Found {
    versions: Vec<ObjectVersion>,
    /// The blob has no version's name: the account keeps no versions, or did not when it was written.
    is_unversioned: bool,
    /// Another name was met, so that no more follow.
    is_past: bool,
}

impl Found {
    fn add(&mut self, root: &Element, whole_key: &str) -> Result<(), StorageError> {
        for entry in &root.child("Blobs").ok_or_else(malformed)?.children {
            if entry.name != "Blob" {
                continue;
            }
            if name_of(entry).ok_or_else(malformed)? != whole_key {
                self.is_past = true;
                continue;
            }
            let Some(version) = entry.text_of("VersionId") else {
                self.is_unversioned = true;
                continue;
            };
            let properties = entry.child("Properties").ok_or_else(malformed)?;
            self.versions.push(ObjectVersion {
                version: VersionId(version.to_owned()),
                is_latest: entry.text_of("IsCurrentVersion") == Some("true"),
                is_delete_marker: false,
                size_bytes: size_of(properties)?,
                last_modified: properties.text_of("Last-Modified").and_then(dates::parse),
            });
        }
        Ok(())
    }

    /// A version's name is the time at which it was written, always in the same number of digits.
    fn newest_first(mut self) -> Vec<ObjectVersion> {
        self.versions.sort_by(|one, other| other.version.0.cmp(&one.version.0));
        self.versions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob(name: &str, rest: &str) -> String {
        format!(
            "<Blob><Name>{name}</Name>{rest}<Properties><Content-Length>1</Content-Length>\
             </Properties></Blob>"
        )
    }

    fn found(blobs: &[String]) -> Found {
        let document = format!("<R><Blobs>{}</Blobs></R>", blobs.concat());
        let mut found = Found::default();
        found.add(&Element::parse(document.as_bytes()).unwrap(), "k").unwrap();
        found
    }

    #[test]
    fn versions_of_longer_keys_are_left_out_and_the_newest_comes_first() {
        let found = found(&[
            blob("k", "<VersionId>2026-11-21T12:00:00.0000001Z</VersionId>"),
            blob(
                "k",
                "<VersionId>2026-11-21T12:00:00.0000002Z</VersionId>\
                 <IsCurrentVersion>true</IsCurrentVersion>",
            ),
            blob("k2", "<VersionId>2026-11-21T12:00:00.0000003Z</VersionId>"),
        ]);
        assert!(found.is_past && !found.is_unversioned);
        let versions = found.newest_first();
        assert_eq!(versions.len(), 2);
        assert!(versions[0].is_latest && versions[0].version.0.ends_with("2Z"));
        assert!(!versions[1].is_latest && !versions[1].is_delete_marker);
    }

    #[test]
    fn a_blob_without_a_versions_name_is_in_no_account_that_keeps_versions() {
        assert!(found(&[blob("k", "")]).is_unversioned);
        assert!(!found(&[blob("k2", "")]).is_unversioned);
    }
}
