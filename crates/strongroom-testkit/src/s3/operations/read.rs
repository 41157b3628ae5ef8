//! GET and HEAD of an object.

use bytes::Bytes;
use http::HeaderMap;
#[allow(clippy::wildcard_imports)]
use s3s::dto::*;
use s3s::{Body, S3Error, S3Request, S3Result};

use super::super::digests::told;
use super::super::fault::Behaviour;
use super::super::lie::Lie;
use super::super::refusal::{
    access_denied, method_not_allowed, no_such_bucket, no_such_key, no_such_version,
    precondition_failed, refuse,
};
use super::super::state::Version;
use super::super::user::Right;
use super::{Context, conversions, restore, unfinished};

/// The version to read, or S3's refusal.
pub(super) fn find(
    context: &Context<'_>,
    bucket: &str,
    key: &str,
    id: Option<&str>,
) -> S3Result<Version> {
    let state = context.shared.state();
    let bucket = state.buckets.get(bucket).ok_or_else(no_such_bucket)?;
    if let (None, Some(seen)) = (id, bucket.unfinished.get(key)) {
        let below = bucket.current(key).cloned();
        let below = below.unwrap_or_else(|| Version::new(seen.clone(), context.shared.clock.now()));
        return Ok(Version { bytes: Some(seen.clone()), ..below });
    }
    let is_hidden = |version: &&Version| {
        let marked = bucket.newest(key).is_some_and(Version::is_delete_marker);
        marked && !version.is_delete_marker() && context.lies(Lie::MarkerHidesVersions)
    };
    let Some(version) = bucket.version(key, id).filter(|version| !is_hidden(version)) else {
        return Err(absent(context, id));
    };
    if !version.is_delete_marker() {
        return Ok(version.clone());
    }
    let mut refusal = match id {
        None => absent(context, None),
        Some(_) => method_not_allowed(),
    };
    let mut headers = HeaderMap::new();
    headers.insert("x-amz-delete-marker", http::HeaderValue::from_static("true"));
    refusal.set_headers(headers);
    Err(refusal)
}

/// Without the right to list, AWS does not tell whether a key is there.
fn absent(context: &Context<'_>, id: Option<&str>) -> S3Error {
    if !context.may(Right::List) {
        return access_denied();
    }
    match id {
        None => no_such_key(),
        Some(_) => no_such_version(),
    }
}

fn check_conditions(
    version: &Version,
    if_match: Option<&IfMatch>,
    if_none_match: Option<&IfNoneMatch>,
) -> S3Result<()> {
    let is = |condition: &ETagCondition| match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(etag) => etag.value() == version.digests.etag,
    };
    if if_match.is_some_and(|condition| !is(condition)) {
        return Err(precondition_failed());
    }
    if if_none_match.is_some_and(is) {
        return Err(refuse(304, "NotModified", "Not Modified"));
    }
    Ok(())
}

pub(super) async fn head(
    context: &Context<'_>,
    request: S3Request<HeadObjectInput>,
) -> S3Result<HeadObjectOutput> {
    let input = request.input;
    let version = find(context, &input.bucket, &input.key, input.version_id.as_deref())?;
    check_conditions(&version, input.if_match.as_ref(), input.if_none_match.as_ref())?;
    let described = Described::new(context, &version, input.checksum_mode.is_some());
    Ok(HeadObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        content_length: Some(version.size_bytes()),
        // What a signed request asks to be told in the place of what was stored.
        content_type: input.response_content_type.or(version.content_type),
        content_disposition: input.response_content_disposition,
        cache_control: input.response_cache_control,
        e_tag: Some(ETag::Strong(version.digests.etag)),
        last_modified: Some(conversions::to_s3(version.modified)),
        metadata: Some(version.metadata.into_iter().collect()),
        version_id: (version.id != "null").then_some(version.id),
        server_side_encryption: version.encryption.map(ServerSideEncryption::from),
        ssekms_key_id: version.kms_key_id,
        restore: restore::header(version.archive, context.shared.clock.now()),
        storage_class: version.storage_class.map(StorageClass::from),
        checksum_sha256: described.sha256,
        checksum_type: described.checksum_type,
        object_lock_mode: described.lock_mode,
        object_lock_retain_until_date: described.retain_until,
        object_lock_legal_hold_status: described.legal_hold,
        ..HeadObjectOutput::default()
    })
}

pub(super) async fn get(
    context: &Context<'_>,
    request: S3Request<GetObjectInput>,
) -> S3Result<GetObjectOutput> {
    let input = request.input;
    unfinished::wait_for_sight(context, &input.bucket, &input.key).await;
    let version = find(context, &input.bucket, &input.key, input.version_id.as_deref())?;
    check_conditions(&version, input.if_match.as_ref(), input.if_none_match.as_ref())?;
    restore::check_readable(version.archive, context.shared.clock.now())?;
    let bytes = version.bytes.clone().unwrap_or_default();
    let range = input.range.filter(|_| !context.has(Behaviour::IgnoresRanges));
    let (slice, content_range) = slice(context, &bytes, range)?;
    let tells_checksum = input.checksum_mode.is_some() && content_range.is_none();
    let described = Described::new(context, &version, tells_checksum);
    Ok(GetObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        content_length: i64::try_from(slice.len()).ok(),
        content_range,
        body: Some(Body::from(slice).into()),
        content_type: version.content_type,
        e_tag: Some(ETag::Strong(version.digests.etag)),
        last_modified: Some(conversions::to_s3(version.modified)),
        metadata: Some(version.metadata.into_iter().collect()),
        version_id: (version.id != "null").then_some(version.id),
        server_side_encryption: version.encryption.map(ServerSideEncryption::from),
        ssekms_key_id: version.kms_key_id,
        restore: restore::header(version.archive, context.shared.clock.now()),
        storage_class: version.storage_class.map(StorageClass::from),
        checksum_sha256: described.sha256,
        checksum_type: described.checksum_type,
        object_lock_mode: described.lock_mode,
        object_lock_retain_until_date: described.retain_until,
        object_lock_legal_hold_status: described.legal_hold,
        ..GetObjectOutput::default()
    })
}

/// The bytes of a range, and what to say of them.
fn slice(
    context: &Context<'_>,
    bytes: &Bytes,
    range: Option<Range>,
) -> S3Result<(Bytes, Option<String>)> {
    let Some(range) = range else { return Ok((bytes.clone(), None)) };
    let unsatisfiable = || refuse(416, "InvalidRange", "The requested range is not satisfiable");
    let range = range.check(bytes.len() as u64).map_err(|_| unsatisfiable())?;
    let content_range = format!("bytes {}-{}/{}", range.start, range.end - 1, bytes.len());
    let start = usize::try_from(range.start).map_err(|_| unsatisfiable())?;
    let end = usize::try_from(range.end).map_err(|_| unsatisfiable())?;
    let slice = match context.lies(Lie::ShiftsRanges) {
        true if end < bytes.len() => start + 1..end + 1,
        true if start > 0 => start - 1..end - 1,
        _ => start..end,
    };
    Ok((bytes.slice(slice), Some(content_range)))
}

/// What GET and HEAD tell only to those who ask for it, or who may know.
struct Described {
    sha256: Option<String>,
    checksum_type: Option<ChecksumType>,
    lock_mode: Option<ObjectLockMode>,
    retain_until: Option<Timestamp>,
    legal_hold: Option<ObjectLockLegalHoldStatus>,
}

impl Described {
    fn new(context: &Context<'_>, version: &Version, tells_checksum: bool) -> Self {
        let kept = version.digests.sha256.as_ref().filter(|_| tells_checksum);
        let sha256 = told(kept, &context.behaviours);
        // HEAD omits locks, without a word, for those who may not read them.
        let may_see = context.may(Right::ReadLocks);
        let retention = version.retention.filter(|_| may_see);
        Self {
            checksum_type: sha256.as_ref().map(|sha256| {
                let kind = if sha256.is_composite { "COMPOSITE" } else { "FULL_OBJECT" };
                ChecksumType::from_static(kind)
            }),
            sha256: sha256.map(|sha256| sha256.text.clone()),
            lock_mode: retention
                .map(|locked| ObjectLockMode::from_static(conversions::mode_text(locked.mode))),
            retain_until: retention.map(|locked| conversions::to_s3(locked.retain_until)),
            legal_hold: (version.legal_hold && may_see)
                .then(|| ObjectLockLegalHoldStatus::from_static("ON")),
        }
    }
}
