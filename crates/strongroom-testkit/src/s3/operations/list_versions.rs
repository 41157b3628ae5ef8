//! ListObjectVersions: keys in byte order, each key's versions newest first.

use std::ops::Bound;

#[allow(clippy::wildcard_imports)]
use s3s::dto::*;
use s3s::{S3Request, S3Result};

use super::super::lie::Lie;
use super::super::refusal::no_such_bucket;
use super::super::state::Version;
use super::list::{after_prefix, encode, folder, page_size};
use super::{Context, conversions};

#[derive(Default)]
struct Page {
    versions: Vec<ObjectVersion>,
    markers: Vec<DeleteMarkerEntry>,
    folders: Vec<String>,
    last: Option<(String, Option<String>)>,
    is_truncated: bool,
}

impl Page {
    fn len(&self) -> usize {
        self.versions.len() + self.markers.len() + self.folders.len()
    }

    /// Makes of the page what a store that lies makes of it.
    fn misreport(&mut self, context: &Context<'_>, is_first: bool) {
        if context.lies(Lie::ListsNoOldVersions) {
            self.versions.retain(|version| version.is_latest == Some(true));
        }
        if context.lies(Lie::PagingSkips) && !is_first {
            match self.versions.is_empty() {
                true => self.markers.truncate(self.markers.len().saturating_sub(1)),
                false => drop(self.versions.remove(0)),
            }
        }
    }

    fn push(
        &mut self,
        key: &str,
        version: &Version,
        newest: bool,
        encoding: Option<&EncodingType>,
    ) {
        self.last = Some((key.to_owned(), Some(version.id.clone())));
        let key = Some(encode(key, encoding));
        let version_id = Some(version.id.clone());
        let last_modified = Some(conversions::to_s3(version.modified));
        if version.is_delete_marker() {
            self.markers.push(DeleteMarkerEntry {
                key,
                version_id,
                last_modified,
                is_latest: Some(newest),
                owner: None,
            });
            return;
        }
        self.versions.push(ObjectVersion {
            key,
            version_id,
            last_modified,
            is_latest: Some(newest),
            size: Some(version.size_bytes()),
            e_tag: Some(ETag::Strong(version.digests.etag.clone())),
            ..ObjectVersion::default()
        });
    }
}

pub(super) async fn versions(
    context: &Context<'_>,
    request: S3Request<ListObjectVersionsInput>,
) -> S3Result<ListObjectVersionsOutput> {
    let input = request.input;
    let limit = page_size(input.max_keys)?;
    let mut page = page(context, &input, limit)?;
    let is_first = input.key_marker.as_deref().unwrap_or_default().is_empty();
    page.misreport(context, is_first);
    let encoding = input.encoding_type.as_ref();
    let next = page.last.filter(|_| page.is_truncated);
    let (next_key, next_version) = next.map_or((None, None), |(key, id)| (Some(key), id));
    Ok(ListObjectVersionsOutput {
        name: Some(input.bucket.clone()),
        prefix: Some(encode(input.prefix.as_deref().unwrap_or_default(), encoding)),
        key_marker: input.key_marker.as_deref().map(|marker| encode(marker, encoding)),
        version_id_marker: input.version_id_marker.clone(),
        max_keys: i32::try_from(limit).ok(),
        delimiter: input.delimiter.clone(),
        encoding_type: input.encoding_type.clone(),
        is_truncated: Some(page.is_truncated),
        next_key_marker: next_key.map(|key| encode(&key, encoding)),
        next_version_id_marker: next_version,
        versions: Some(page.versions),
        delete_markers: Some(page.markers),
        common_prefixes: Some(
            page.folders
                .iter()
                .map(|folder| CommonPrefix { prefix: Some(encode(folder, encoding)) })
                .collect(),
        ),
        ..ListObjectVersionsOutput::default()
    })
}

fn page(context: &Context<'_>, input: &ListObjectVersionsInput, limit: usize) -> S3Result<Page> {
    let prefix = input.prefix.as_deref().unwrap_or_default();
    let delimiter = input.delimiter.as_deref();
    let encoding = input.encoding_type.as_ref();
    let state = context.shared.state();
    let bucket = state.buckets.get(&input.bucket).ok_or_else(no_such_bucket)?;

    let marker = input.key_marker.as_deref().filter(|marker| !marker.is_empty());
    // With a version marker the marked key goes on after that version; without, after the key.
    let mut skip_to = input.version_id_marker.as_deref().filter(|id| !id.is_empty());
    let mut from = match (marker, skip_to) {
        (Some(marker), None) => Some(Bound::Excluded(marker.to_owned())),
        (Some(marker), Some(_)) => Some(Bound::Included(marker.to_owned())),
        (None, _) => Some(Bound::Included(prefix.to_owned())),
    };
    if marker.is_some_and(|marker| marker < prefix) {
        from = Some(Bound::Included(prefix.to_owned()));
    }

    let mut page = Page::default();
    while let Some(bound) = from.take() {
        let start = bound.as_ref().map(String::as_str);
        let Some((key, versions)) =
            bucket.objects.range::<str, _>((start, Bound::Unbounded)).next()
        else {
            break;
        };
        if !key.starts_with(prefix) {
            break;
        }
        if let Some(folder) = folder(key, prefix, delimiter) {
            if marker.is_some_and(|marker| marker == folder) {
                from = after_prefix(folder).map(Bound::Included);
                continue;
            }
            if page.len() == limit {
                page.is_truncated = true;
                break;
            }
            page.folders.push(folder.to_owned());
            page.last = Some((folder.to_owned(), None));
            from = after_prefix(folder).map(Bound::Included);
            continue;
        }
        let resume = skip_to.take().filter(|_| Some(key.as_str()) == marker);
        let seen_already = resume.map_or(0, |id| {
            versions.iter().rev().position(|version| version.id == id).map_or(0, |at| at + 1)
        });
        for (position, version) in versions.iter().rev().enumerate().skip(seen_already) {
            if page.len() == limit {
                page.is_truncated = true;
                return Ok(page);
            }
            page.push(key, version, position == 0, encoding);
        }
        from = Some(Bound::Excluded(key.clone()));
    }
    Ok(page)
}
