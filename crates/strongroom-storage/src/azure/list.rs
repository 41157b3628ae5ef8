//! Listings: blobs in pages.
//!
//! Azure lists from a name on (`startFrom`) only in service versions that the signer does not speak
//! yet, so what comes before `start_after` is read and left out here.

use http::Method;
use percent_encoding::percent_decode_str;
use strongroom_core::limits::LIST_PAGE_ENTRIES_MAX;

use super::AzureStorage;
use super::request::Request;
use crate::exchange::dates;
use crate::exchange::xml::Element;
use crate::listing::Start;
use crate::{ListPage, ListRequest, ListedObject, StorageError, StorageErrorKind};

/// See [`crate::Storage::list`].
pub(super) async fn list(
    store: &AzureStorage,
    asked: &ListRequest,
) -> Result<ListPage, StorageError> {
    let own_prefix = store.client.address.prefix();
    // Pages go on by the store's own marker.
    let start = Start::of(&ListRequest { page: None, ..asked.clone() });
    let mut marker = asked.page.clone();
    loop {
        let answer = store.client.send(&page_request(own_prefix, asked, marker)).await?;
        let mut page = read_page(&answer.xml()?, own_prefix)?;
        page.objects.retain(|object| start.admits(&object.key));
        page.folders.retain(|folder| start.admits_in(folder));
        marker = page.next.clone();
        let is_empty = page.objects.is_empty() && page.folders.is_empty();
        // Azure gives empty pages too, at the bounds of its partitions.
        if !is_empty || marker.is_none() {
            return Ok(page);
        }
    }
}

fn page_request(own_prefix: &str, asked: &ListRequest, marker: Option<String>) -> Request {
    let limit = asked.limit.unwrap_or(LIST_PAGE_ENTRIES_MAX).clamp(1, LIST_PAGE_ENTRIES_MAX);
    let request = Request::container(Method::GET)
        .query("comp", "list")
        .query("maxresults", limit)
        .query_if("delimiter", asked.by_folder.then_some("/"))
        .query_if("marker", marker);
    match format!("{own_prefix}{}", asked.prefix) {
        all if all.is_empty() => request,
        prefix => request.query("prefix", prefix),
    }
}

fn read_page(root: &Element, own_prefix: &str) -> Result<ListPage, StorageError> {
    let relative = |entry: &Element| name_of(entry)?.strip_prefix(own_prefix).map(str::to_owned);
    let mut page = ListPage::default();
    for entry in &root.child("Blobs").ok_or_else(malformed)?.children {
        match entry.name.as_str() {
            "Blob" => {
                let properties = entry.child("Properties").ok_or_else(malformed)?;
                // On accounts with a hierarchical namespace a folder is listed like a blob.
                if properties.text_of("ResourceType") == Some("directory") {
                    continue;
                }
                page.objects.push(ListedObject {
                    key: relative(entry).ok_or_else(malformed)?,
                    size_bytes: size_of(properties)?,
                    last_modified: properties.text_of("Last-Modified").and_then(dates::parse),
                    etag: properties.text_of("Etag").map(|etag| etag.trim_matches('"').to_owned()),
                    is_deleted: false,
                });
            }
            "BlobPrefix" => page.folders.push(relative(entry).ok_or_else(malformed)?),
            _ => {}
        }
    }
    page.next = root.text_of("NextMarker").map(str::to_owned);
    Ok(page)
}

/// The whole name of a listed blob or folder.
pub(super) fn name_of(entry: &Element) -> Option<String> {
    let name = entry.child("Name")?;
    match name.attribute("Encoded") {
        Some("true") => percent_decode_str(&name.text).decode_utf8().ok().map(Into::into),
        _ => Some(name.text.clone()),
    }
}

/// Bytes of a listed blob.
pub(super) fn size_of(properties: &Element) -> Result<u64, StorageError> {
    let size = properties.text_of("Content-Length").and_then(|size| size.parse().ok());
    size.ok_or_else(malformed)
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
            b"<EnumerationResults><Blobs>\
              <Blob><Name>p/a b&amp;c</Name><Properties><Content-Length>7</Content-Length>\
              <Last-Modified>Sat, 21 Nov 2026 12:00:00 GMT</Last-Modified></Properties></Blob>\
              <Blob><Name Encoded=\"true\">p/%EF%BF%BF</Name><Properties>\
              <Content-Length>1</Content-Length></Properties></Blob>\
              <Blob><Name>p/dir</Name><Properties><ResourceType>directory</ResourceType>\
              </Properties></Blob>\
              <BlobPrefix><Name>p/x/</Name></BlobPrefix></Blobs>\
              <NextMarker>m</NextMarker></EnumerationResults>",
        )
        .unwrap();
        let page = read_page(&root, "p/").unwrap();
        let keys: Vec<_> = page.objects.iter().map(|object| object.key.as_str()).collect();
        assert_eq!(keys, ["a b&c", "\u{ffff}"]);
        assert_eq!((page.objects[0].size_bytes, page.folders), (7, vec!["x/".to_owned()]));
        assert_eq!(page.next.as_deref(), Some("m"));
    }
}
