//! ListObjectsV2. A page costs the page: ranges of the map, never the bucket.

use std::ops::Bound;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
#[allow(clippy::wildcard_imports)]
use s3s::dto::*;
use s3s::{S3Request, S3Result};

use super::super::lie::Lie;
use super::super::refusal::{invalid_argument, no_such_bucket};
use super::super::state::Bucket;
use super::{Context, conversions};

/// S3's page.
pub(super) const KEYS_MAX: usize = 1_000;
/// What `encoding-type=url` leaves alone.
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// A text as the client wants it in XML.
pub(super) fn encode(text: &str, encoding: Option<&EncodingType>) -> String {
    match encoding {
        Some(_) => utf8_percent_encode(text, PLAIN).to_string(),
        None => text.to_owned(),
    }
}

/// The number of entries that a page may have.
pub(super) fn page_size(max_keys: Option<i32>) -> S3Result<usize> {
    match max_keys {
        None => Ok(KEYS_MAX),
        Some(wanted) => match usize::try_from(wanted) {
            Ok(wanted) => Ok(wanted.min(KEYS_MAX)),
            Err(_) => Err(invalid_argument("max-keys must not be negative")),
        },
    }
}

/// The folder that a key falls into under a delimiter, the delimiter included.
pub(super) fn folder<'k>(key: &'k str, prefix: &str, delimiter: Option<&str>) -> Option<&'k str> {
    let delimiter = delimiter.filter(|delimiter| !delimiter.is_empty())?;
    let position = key.get(prefix.len()..)?.find(delimiter)?;
    key.get(..prefix.len() + position + delimiter.len())
}

/// The first text, in the order of bytes, that does not start with `prefix` and comes after it.
pub(super) fn after_prefix(prefix: &str) -> Option<String> {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        // Code points and their UTF-8 sort alike; the gap of the surrogates is stepped over.
        let next = match last {
            '\u{d7ff}' => Some('\u{e000}'),
            last => char::from_u32(last as u32 + 1),
        };
        if let Some(next) = next {
            text.push(next);
            return Some(text);
        }
    }
    None
}

#[derive(Default)]
struct Page {
    contents: Vec<Object>,
    folders: Vec<String>,
    /// The last key or folder, when there is more.
    next: Option<String>,
}

impl Page {
    /// Makes of the page what a store that lies makes of it.
    fn misreport(&mut self, context: &Context<'_>, bucket: &mut Bucket, is_first: bool) {
        // Empty, but for a lie.
        for key in std::mem::take(&mut bucket.not_listed_yet) {
            self.contents.retain(|object| {
                let listed = object.key.as_deref().unwrap_or_default();
                listed != key && listed != encode(&key, Some(&EncodingType::from_static("url")))
            });
        }
        if context.lies(Lie::ListingMissesKey) && self.next.is_none() {
            self.contents.pop();
        }
        if context.lies(Lie::PagingSkips) && !is_first && !self.contents.is_empty() {
            self.contents.remove(0);
        }
    }
}

pub(super) async fn objects(
    context: &Context<'_>,
    request: S3Request<ListObjectsV2Input>,
) -> S3Result<ListObjectsV2Output> {
    let input = request.input;
    let limit = page_size(input.max_keys)?;
    let prefix = input.prefix.clone().unwrap_or_default();
    let delimiter = input.delimiter.as_deref();
    let after = input.continuation_token.as_deref().map(token_text).transpose()?;
    let after = after.or_else(|| input.start_after.clone());

    let mut state = context.shared.state();
    let bucket = state.buckets.get_mut(&input.bucket).ok_or_else(no_such_bucket)?;
    let encoding = input.encoding_type.as_ref();
    let mut page = page(bucket, &prefix, delimiter, after.as_deref(), limit, encoding);
    page.misreport(context, bucket, input.continuation_token.is_none());
    Ok(ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: Some(encode(&prefix, encoding)),
        max_keys: i32::try_from(limit).ok(),
        key_count: i32::try_from(page.contents.len() + page.folders.len()).ok(),
        is_truncated: Some(page.next.is_some()),
        next_continuation_token: page.next.as_deref().map(hex::encode),
        continuation_token: input.continuation_token,
        start_after: input.start_after.map(|start| encode(&start, encoding)),
        delimiter: input.delimiter,
        encoding_type: input.encoding_type.clone(),
        contents: Some(page.contents),
        common_prefixes: Some(
            page.folders
                .iter()
                .map(|folder| CommonPrefix { prefix: Some(encode(folder, encoding)) })
                .collect(),
        ),
        ..ListObjectsV2Output::default()
    })
}

fn token_text(token: &str) -> S3Result<String> {
    let bytes = hex::decode(token).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| invalid_argument("The continuation token provided is incorrect"))
}

fn page(
    bucket: &Bucket,
    prefix: &str,
    delimiter: Option<&str>,
    after: Option<&str>,
    limit: usize,
    encoding: Option<&EncodingType>,
) -> Page {
    let mut page = Page::default();
    let mut from = start(prefix, delimiter, after);
    let mut last = None;
    loop {
        let Some(bound) = from.take() else { return page };
        let mut rest = bucket.objects.range::<str, _>((as_str(&bound), Bound::Unbounded));
        let found = rest
            .find(|(_, versions)| versions.last().is_some_and(|newest| !newest.is_delete_marker()));
        let Some((key, versions)) = found.filter(|(key, _)| key.starts_with(prefix)) else {
            return page;
        };
        if page.contents.len() + page.folders.len() == limit {
            page.next = last;
            return page;
        }
        if let Some(folder) = folder(key, prefix, delimiter) {
            page.folders.push(folder.to_owned());
            last = Some(folder.to_owned());
            from = after_prefix(folder).map(Bound::Included);
            continue;
        }
        if let Some(newest) = versions.last() {
            page.contents.push(Object {
                key: Some(encode(key, encoding)),
                size: Some(newest.size_bytes()),
                last_modified: Some(conversions::to_s3(newest.modified)),
                e_tag: Some(ETag::Strong(newest.digests.etag.clone())),
                storage_class: newest.storage_class.clone().map(ObjectStorageClass::from),
                ..Object::default()
            });
        }
        last = Some(key.clone());
        from = Some(Bound::Excluded(key.clone()));
    }
}

/// Where a page starts: at the prefix, or after what the client has already.
pub(super) fn start(
    prefix: &str,
    delimiter: Option<&str>,
    after: Option<&str>,
) -> Option<Bound<String>> {
    let Some(after) = after.filter(|after| *after >= prefix) else {
        return Some(Bound::Included(prefix.to_owned()));
    };
    // After a folder comes what is not in it any more.
    match folder(after, prefix, delimiter).filter(|folder| *folder == after) {
        Some(folder) => after_prefix(folder).map(Bound::Included),
        None => Some(Bound::Excluded(after.to_owned())),
    }
}

fn as_str(bound: &Bound<String>) -> Bound<&str> {
    bound.as_ref().map(String::as_str)
}
