//! Listings: keys in pages, and the versions of one key.

use http::Method;
use percent_encoding::percent_decode_str;
use strongroom_core::limits::LIST_PAGE_ENTRIES_MAX;
use strongroom_core::observed::{Observed, Unobserved};

use super::S3Storage;
use super::error::Failure;
use super::request::Request;
use crate::exchange::dates;
use crate::exchange::xml::Element;
use crate::{
    ListPage, ListRequest, ListedObject, ObjectKey, ObjectVersion, Storage as _, StorageError,
    StorageErrorKind, VersionId,
};

/// Pages that are read to find the versions of one key. Its versions come first, then those of
/// keys that it is a prefix of.
const VERSION_PAGES_MAX: usize = 10;

/// See [`crate::Storage::list`].
pub(super) async fn list(store: &S3Storage, asked: &ListRequest) -> Result<ListPage, StorageError> {
    let own_prefix = store.client.address.prefix();
    let limit = asked.limit.unwrap_or(LIST_PAGE_ENTRIES_MAX).clamp(1, LIST_PAGE_ENTRIES_MAX);
    let whole = |text: &String| format!("{own_prefix}{text}");
    let mut request = Request::bucket(Method::GET)
        .query("list-type", 2)
        .query("prefix", whole(&asked.prefix))
        .query("max-keys", limit)
        .query("encoding-type", "url")
        .query_if("continuation-token", asked.page.as_ref());
    if asked.page.is_none() {
        request = request.query_if("start-after", asked.start_after.as_ref().map(whole));
    }
    if asked.by_folder {
        request = request.query("delimiter", "/");
    }
    let answer = store.client.send(&request).await?;
    store.observations.saw_bucket();
    read_page(&answer.xml()?, own_prefix)
}

fn read_page(root: &Element, own_prefix: &str) -> Result<ListPage, StorageError> {
    let is_encoded = is_url_encoded(root);
    let relative = |element: &Element, name| {
        let key = decode(element.key_of(name)?, is_encoded)?;
        key.strip_prefix(own_prefix).map(str::to_owned)
    };
    let mut page = ListPage::default();
    for entry in &root.children {
        match entry.name.as_str() {
            "Contents" => page.objects.push(ListedObject {
                key: relative(entry, "Key").ok_or_else(malformed)?,
                size_bytes: size(entry)?,
                last_modified: entry.text_of("LastModified").and_then(dates::parse),
                etag: etag(entry),
                is_deleted: false,
            }),
            "CommonPrefixes" => {
                page.folders.push(relative(entry, "Prefix").ok_or_else(malformed)?);
            }
            _ => {}
        }
    }
    page.next = match (root.text_of("IsTruncated"), root.text_of("NextContinuationToken")) {
        (Some("true"), Some(next)) => Some(next.to_owned()),
        // The rest cannot be reached: half a listing is not a listing.
        (Some("true"), None) => return Err(malformed()),
        _ => None,
    };
    Ok(page)
}

/// See [`crate::Storage::list_with_deleted`]. Of every key exactly one entry is the latest one.
pub(super) async fn list_with_deleted(
    store: &S3Storage,
    asked: &ListRequest,
) -> Result<Observed<ListPage>, StorageError> {
    let own_prefix = store.client.address.prefix();
    let limit = asked.limit.unwrap_or(LIST_PAGE_ENTRIES_MAX).clamp(1, LIST_PAGE_ENTRIES_MAX);
    let mut request = Request::bucket(Method::GET)
        .query("versions", "")
        .query("prefix", format!("{own_prefix}{}", asked.prefix))
        .query("max-keys", limit)
        .query("encoding-type", "url");
    if let Some((version, key)) = asked.page.as_deref().and_then(|page| page.split_once('\n')) {
        let version = Some(version).filter(|version| !version.is_empty());
        request = request.query("key-marker", key).query_if("version-id-marker", version.as_ref());
    } else if let Some(start) = &asked.start_after {
        request = request.query("key-marker", format!("{own_prefix}{start}"));
    }
    match store.client.send(&request).await {
        Ok(answer) => Ok(Observed::Observed(read_latest(&answer.xml()?, own_prefix)?)),
        Err(failure) => not_told(failure),
    }
}

/// The latest entry of each key, in the order of keys: stores list versions and delete markers apart
/// or mixed.
fn read_latest(root: &Element, own_prefix: &str) -> Result<ListPage, StorageError> {
    let is_encoded = is_url_encoded(root);
    let mut page = ListPage::default();
    for entry in &root.children {
        let is_deleted = match entry.name.as_str() {
            "Version" => false,
            "DeleteMarker" => true,
            _ => continue,
        };
        if entry.text_of("IsLatest") != Some("true") {
            continue;
        }
        let key = entry.key_of("Key").and_then(|key| decode(key, is_encoded));
        let key = key.as_deref().and_then(|key| key.strip_prefix(own_prefix));
        page.objects.push(ListedObject {
            key: key.ok_or_else(malformed)?.to_owned(),
            size_bytes: if is_deleted { 0 } else { size(entry)? },
            last_modified: entry.text_of("LastModified").and_then(dates::parse),
            etag: etag(entry),
            is_deleted,
        });
    }
    page.objects.sort_by(|one, other| one.key.cmp(&other.key));
    let next = next_marker(root, NEXT_VERSION)?;
    page.next = next.map(|(key, version)| format!("{}\n{key}", version.unwrap_or_default()));
    Ok(page)
}

fn etag(entry: &Element) -> Option<String> {
    entry.text_of("ETag").map(|etag| etag.trim_matches('"').to_owned())
}

/// Why the store does not list versions; what concerns the connection stays an error.
fn not_told<T>(failure: Failure) -> Result<Observed<T>, StorageError> {
    let reason = match failure.kind() {
        StorageErrorKind::PermissionDenied => Unobserved::PermissionDenied,
        StorageErrorKind::Unsupported | StorageErrorKind::InvalidRequest => {
            Unobserved::UnsupportedBackend
        }
        _ => return Err(failure.into()),
    };
    Ok(Observed::Unobserved(reason))
}

/// See [`crate::Storage::versions`].
pub(super) async fn versions(
    store: &S3Storage,
    key: &ObjectKey,
) -> Result<Observed<Vec<ObjectVersion>>, StorageError> {
    let whole_key = store.whole_key(key);
    let mut versions = Vec::new();
    let mut marker: Option<(String, Option<String>)> = None;
    for _ in 0..VERSION_PAGES_MAX {
        let mut request = Request::bucket(Method::GET)
            .query("versions", "")
            .query("prefix", &whole_key)
            .query("max-keys", LIST_PAGE_ENTRIES_MAX)
            .query("encoding-type", "url");
        if let Some((key, version)) = &marker {
            request =
                request.query("key-marker", key).query_if("version-id-marker", version.as_ref());
        }
        let answer = match store.client.send(&request).await {
            Ok(answer) => answer,
            Err(failure) => return not_told(failure),
        };
        let root = answer.xml()?;
        let is_past = read_versions(&root, &whole_key, &mut versions)?;
        marker = next_marker(&root, NEXT_VERSION)?;
        if is_past || marker.is_none() {
            return Ok(Observed::Observed(newest_first(versions)));
        }
    }
    Err(StorageError::new(
        StorageErrorKind::Limit,
        "the key has more versions than the limit VERSION_PAGES_MAX allows to read",
    ))
}

/// Adds the versions of exactly this key. Whether a longer key was met, so that no more follow.
fn read_versions(
    root: &Element,
    whole_key: &str,
    versions: &mut Vec<ObjectVersion>,
) -> Result<bool, StorageError> {
    let is_encoded = is_url_encoded(root);
    let mut is_past = false;
    for entry in &root.children {
        let is_delete_marker = match entry.name.as_str() {
            "Version" => false,
            "DeleteMarker" => true,
            _ => continue,
        };
        let key = entry.key_of("Key").and_then(|key| decode(key, is_encoded));
        if key.ok_or_else(malformed)? != whole_key {
            is_past = true;
            continue;
        }
        versions.push(ObjectVersion {
            version: VersionId(entry.text_of("VersionId").unwrap_or("null").to_owned()),
            is_latest: entry.text_of("IsLatest") == Some("true"),
            is_delete_marker,
            size_bytes: if is_delete_marker { 0 } else { size(entry)? },
            last_modified: entry.text_of("LastModified").and_then(dates::parse),
        });
    }
    Ok(is_past)
}

/// What names the version that the next page begins after.
pub(super) const NEXT_VERSION: &str = "NextVersionIdMarker";

/// The key, and what is named by `beside`, that the next page begins after; `None` on the last one.
pub(super) fn next_marker(
    root: &Element,
    beside: &str,
) -> Result<Option<(String, Option<String>)>, StorageError> {
    if root.text_of("IsTruncated") != Some("true") {
        return Ok(None);
    }
    let key = root.key_of("NextKeyMarker").and_then(|key| decode(key, is_url_encoded(root)));
    let beside = root.text_of(beside).map(str::to_owned);
    Ok(Some((key.ok_or_else(malformed)?, beside)))
}

/// Stores list versions and delete markers apart or mixed, and most of them newest first.
fn newest_first(mut versions: Vec<ObjectVersion>) -> Vec<ObjectVersion> {
    versions.sort_by_key(|version| {
        (std::cmp::Reverse(version.is_latest), std::cmp::Reverse(version.last_modified))
    });
    versions
}

pub(super) fn is_url_encoded(root: &Element) -> bool {
    root.text_of("EncodingType") == Some("url")
}

/// Stores that encode write a space as `+` or `%20`, and `+` as `%2B`.
pub(super) fn decode(key: &str, is_encoded: bool) -> Option<String> {
    if !is_encoded {
        return Some(key.to_owned());
    }
    let key = key.replace('+', " ");
    percent_decode_str(&key).decode_utf8().ok().map(|key| key.into_owned())
}

fn size(entry: &Element) -> Result<u64, StorageError> {
    entry.text_of("Size").and_then(|size| size.parse().ok()).ok_or_else(malformed)
}

pub(super) fn malformed() -> StorageError {
    StorageError::new(StorageErrorKind::Malformed, "the store's listing cannot be understood")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_relative_to_the_prefix_of_the_store() {
        let root = Element::parse(
            b"<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>\
              <NextContinuationToken>t/1=</NextContinuationToken>\
              <Contents><Key>p/runs/a%252Fb+c%2B.ref</Key><Size>7</Size>\
              <LastModified>2026-11-21T12:00:00.000Z</LastModified></Contents>\
              <CommonPrefixes><Prefix>p/runs/x%3Ay/</Prefix></CommonPrefixes></ListBucketResult>",
        )
        .unwrap();
        let page = read_page(&root, "p/").unwrap();
        assert_eq!(page.objects[0].key, "runs/a%2Fb c+.ref");
        assert_eq!(page.objects[0].size_bytes, 7);
        assert!(page.objects[0].last_modified.is_some());
        assert_eq!(page.folders, ["runs/x:y/"]);
        assert_eq!(page.next.as_deref(), Some("t/1="));
    }

    #[test]
    fn half_a_listing_is_not_a_listing() {
        for document in [
            "<L><IsTruncated>true</IsTruncated></L>",
            "<L><Contents><Key>p/a</Key></Contents></L>",
            "<L><Contents><Key>elsewhere</Key><Size>1</Size></Contents></L>",
        ] {
            let root = Element::parse(document.as_bytes()).unwrap();
            let error = read_page(&root, "p/").unwrap_err();
            assert_eq!(error.kind(), StorageErrorKind::Malformed, "{document}");
        }
    }

    #[test]
    fn of_each_key_the_latest_entry_counts_in_the_order_of_keys() {
        let root = Element::parse(
            b"<R><IsTruncated>true</IsTruncated><NextKeyMarker>p/c</NextKeyMarker>\
              <NextVersionIdMarker>v</NextVersionIdMarker>\
              <Version><Key>p/a</Key><VersionId>2</VersionId><IsLatest>true</IsLatest>\
              <ETag>&quot;e&quot;</ETag><Size>7</Size></Version>\
              <Version><Key>p/a</Key><VersionId>1</VersionId><IsLatest>false</IsLatest>\
              <Size>9</Size></Version>\
              <Version><Key>p/c</Key><VersionId>3</VersionId><IsLatest>true</IsLatest>\
              <Size>1</Size></Version>\
              <DeleteMarker><Key>p/b</Key><VersionId>4</VersionId><IsLatest>true</IsLatest>\
              </DeleteMarker></R>",
        )
        .unwrap();
        let page = read_latest(&root, "p/").unwrap();
        let seen: Vec<_> = page
            .objects
            .iter()
            .map(|object| (object.key.as_str(), object.size_bytes, object.is_deleted))
            .collect();
        assert_eq!(seen, [("a", 7, false), ("b", 0, true), ("c", 1, false)]);
        assert_eq!(page.objects[0].etag.as_deref(), Some("e"));
        assert_eq!(page.next.as_deref(), Some("v\np/c"));
    }

    #[test]
    fn versions_of_longer_keys_are_left_out() {
        let root = Element::parse(
            b"<R><DeleteMarker><Key>k</Key><VersionId>d</VersionId><IsLatest>true</IsLatest>\
              <LastModified>2026-11-21T12:00:02Z</LastModified></DeleteMarker>\
              <Version><Key>k</Key><VersionId>a</VersionId><Size>1</Size>\
              <LastModified>2026-11-21T12:00:00Z</LastModified></Version>\
              <Version><Key>k</Key><VersionId>b</VersionId><Size>2</Size>\
              <LastModified>2026-11-21T12:00:01Z</LastModified></Version>\
              <Version><Key>k2</Key><VersionId>c</VersionId><Size>3</Size></Version></R>",
        )
        .unwrap();
        let mut versions = Vec::new();
        assert!(read_versions(&root, "k", &mut versions).unwrap());
        let versions = newest_first(versions);
        let names: Vec<_> = versions.iter().map(|version| version.version.0.as_str()).collect();
        assert_eq!(names, ["d", "b", "a"]);
        assert!(versions[0].is_delete_marker && versions[0].is_latest);
    }
}
