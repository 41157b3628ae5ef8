//! CopyObject: the bytes of one version become another version. Its locks do not go along; what
//! holds the copy is what the request asks for, or the bucket's default.

#[allow(clippy::wildcard_imports)]
use s3s::dto::*;
use s3s::{S3Request, S3Result};

use super::super::digests::whole_sha256;
use super::super::refusal::{
    access_denied, invalid_argument, invalid_request, no_such_bucket, precondition_failed, refuse,
};
use super::super::state::{Version, Way};
use super::super::user::Right;
use super::write::{Conditions, Wanted};
use super::{Context, conversions, read};

pub(super) async fn copy(
    context: &Context<'_>,
    request: S3Request<CopyObjectInput>,
) -> S3Result<CopyObjectOutput> {
    let must_be_absent =
        request.headers.get("if-none-match").is_some_and(|value| value.as_bytes() == b"*");
    let input = request.input;
    let source = source(context, &input)?;

    let mut state = context.shared.state();
    let bucket = state.buckets.get_mut(&input.bucket).ok_or_else(no_such_bucket)?;
    let if_none_match = must_be_absent.then_some(ETagCondition::Any);
    let conditions =
        Conditions { if_match: None, if_none_match: if_none_match.as_ref(), way: Way::Copy };
    conditions.check(context, bucket, &input.key)?;
    let replaces = replaces_metadata(&input)?;
    let template = wanted(&input).version(context, bucket, Way::Copy)?;
    let bytes = source.bytes.clone().unwrap_or_default();
    let with_sha256 = source.digests.sha256.is_some() || asks_for_sha256(&input);
    let mut version = Version::new(bytes, template.modified);
    version.digests.sha256 =
        with_sha256.then(|| whole_sha256(version.bytes.as_deref().unwrap_or_default()));
    let mut version = Version { bytes: version.bytes, digests: version.digests, ..template };
    if !replaces {
        version.metadata = source.metadata;
        version.content_type = source.content_type;
    }
    let (digests, modified) = (version.digests.clone(), version.modified);
    let versioned = bucket.has_versions(context.shared);
    let id = bucket.insert(&input.key, version, Way::Copy, context.shared);
    Ok(CopyObjectOutput {
        copy_object_result: Some(CopyObjectResult {
            e_tag: Some(ETag::Strong(digests.etag)),
            last_modified: Some(conversions::to_s3(modified)),
            checksum_sha256: digests.sha256.map(|sha256| sha256.text),
            ..CopyObjectResult::default()
        }),
        copy_source_version_id: (source.id != "null").then_some(source.id),
        version_id: versioned.then_some(id),
        ..CopyObjectOutput::default()
    })
}

/// The version that is to be copied, or why not.
fn source(context: &Context<'_>, input: &CopyObjectInput) -> S3Result<Version> {
    let CopySource::Bucket { bucket, key, version_id } = &input.copy_source else {
        return Err(refuse(501, "NotImplemented", "access points are not kept here"));
    };
    let needed = if version_id.is_some() { Right::ReadVersions } else { Right::Read };
    if !context.may(needed) {
        return Err(access_denied());
    }
    let changes_nothing = !replaces_metadata(input)?
        && input.storage_class.is_none()
        && input.server_side_encryption.is_none();
    let onto_itself = **bucket == *input.bucket && **key == *input.key && version_id.is_none();
    if onto_itself && changes_nothing {
        return Err(invalid_request(
            "This copy request is illegal because it is trying to copy an object to itself \
             without changing the object's metadata, storage class, website redirect location or \
             encryption attributes.",
        ));
    }
    let source = read::find(context, bucket, key, version_id.as_deref())?;
    let is = |condition: &ETagCondition| match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(etag) => etag.value() == source.digests.etag,
    };
    let mismatched = input.copy_source_if_match.as_ref().is_some_and(|condition| !is(condition));
    if mismatched || input.copy_source_if_none_match.as_ref().is_some_and(is) {
        return Err(precondition_failed());
    }
    Ok(source)
}

fn replaces_metadata(input: &CopyObjectInput) -> S3Result<bool> {
    match input.metadata_directive.as_ref().map(MetadataDirective::as_str) {
        None | Some("COPY") => Ok(false),
        Some("REPLACE") => Ok(true),
        Some(_) => Err(invalid_argument("Unknown metadata directive.")),
    }
}

fn asks_for_sha256(input: &CopyObjectInput) -> bool {
    input.checksum_algorithm.as_ref().is_some_and(|algorithm| algorithm.as_str() == "SHA256")
}

fn wanted(input: &CopyObjectInput) -> Wanted<'_> {
    Wanted {
        metadata: input.metadata.as_ref(),
        content_type: input.content_type.as_ref(),
        lock_mode: input.object_lock_mode.as_ref(),
        retain_until: input.object_lock_retain_until_date.as_ref(),
        legal_hold: input.object_lock_legal_hold_status.as_ref(),
        encryption: input.server_side_encryption.as_ref(),
        kms_key_id: input.ssekms_key_id.as_ref(),
        storage_class: input.storage_class.as_ref(),
    }
}
