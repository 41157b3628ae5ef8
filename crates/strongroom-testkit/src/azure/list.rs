//! Listings.
//! <https://learn.microsoft.com/rest/api/storageservices/list-blobs>

use std::fmt::Write as _;

use super::answer::{Answer, Refusal, refuse};
use super::lock_rules::http_date;
use super::request::Asked;
use super::state::{Container, StoredVersion};

/// Entries of a page, at most.
const PAGE_ENTRIES_MAX: usize = 5_000;

/// What is listed: a version, or a folder of them.
struct Entry<'c> {
    name: &'c str,
    version: Option<&'c StoredVersion>,
}

pub(super) fn list(container: &Container, asked: &Asked) -> Result<Answer, Refusal> {
    let with_versions = match asked.query("include") {
        None => false,
        Some("versions") => true,
        Some(_) => return Err(refuse(400, "InvalidQueryParameterValue")),
    };
    let page_entries = match asked.query("maxresults").map(str::parse) {
        None => PAGE_ENTRIES_MAX,
        Some(Ok(entries @ 1..=PAGE_ENTRIES_MAX)) => entries,
        Some(_) => return Err(refuse(400, "OutOfRangeQueryParameterValue")),
    };
    let entries = entries(container, asked, with_versions);
    let marker = asked.query("marker").unwrap_or_default();
    let start = entries.iter().position(|entry| *entry.marker() >= *marker);
    let rest = &entries[start.unwrap_or(entries.len())..];
    let (page, next) = rest.split_at(page_entries.min(rest.len()));
    let mut xml = String::from("\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>");
    xml.push_str("<EnumerationResults><Blobs>");
    page.iter().for_each(|entry| entry.write(&mut xml, with_versions));
    let next = next.first().map(Entry::marker).unwrap_or_default();
    let _ = write!(xml, "</Blobs><NextMarker>{next}</NextMarker></EnumerationResults>");
    Ok(Answer::new(200).header("content-type", "application/xml").body(xml))
}

/// Blobs in the order of their names, versions of one blob from the oldest on.
fn entries<'c>(container: &'c Container, asked: &Asked, with_versions: bool) -> Vec<Entry<'c>> {
    let prefix = asked.query("prefix").unwrap_or_default();
    let delimiter = asked.query("delimiter").filter(|delimiter| !delimiter.is_empty());
    let mut entries: Vec<Entry<'c>> = Vec::new();
    for (name, version) in container.all() {
        if !name.starts_with(prefix) || !(version.is_current || with_versions) {
            continue;
        }
        let folder_ends = delimiter.and_then(|delimiter| {
            let at = name[prefix.len()..].find(delimiter)?;
            Some(prefix.len() + at + delimiter.len())
        });
        match folder_ends.map(|end| &name[..end]) {
            Some(folder) if entries.last().is_some_and(|last| last.name == folder) => {}
            Some(folder) => entries.push(Entry { name: folder, version: None }),
            None => entries.push(Entry { name, version: Some(version) }),
        }
    }
    entries
}

impl Entry<'_> {
    /// Where a page begins with this entry. In hexadecimal, in which the order stays.
    fn marker(&self) -> String {
        let id = self.version.and_then(|version| version.id.as_deref()).unwrap_or_default();
        format!("{}00{}", hex::encode(self.name), hex::encode(id))
    }

    fn write(&self, xml: &mut String, with_versions: bool) {
        let name = self.name.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let Some(version) = self.version else {
            let _ = write!(xml, "<BlobPrefix><Name>{name}</Name></BlobPrefix>");
            return;
        };
        let _ = write!(xml, "<Blob><Name>{name}</Name>");
        if let (true, Some(id)) = (with_versions, &version.id) {
            let _ = write!(xml, "<VersionId>{id}</VersionId>");
            if version.is_current {
                xml.push_str("<IsCurrentVersion>true</IsCurrentVersion>");
            }
        }
        let _ = write!(
            xml,
            "<Properties><Last-Modified>{}</Last-Modified><Etag>{}</Etag>\
             <Content-Length>{}</Content-Length></Properties></Blob>",
            http_date(version.modified),
            version.etag,
            version.bytes.len()
        );
    }
}
