//! Multipart uploads. Parts are no objects: nothing is visible before the completion.

use bytes::Bytes;
#[allow(clippy::wildcard_imports)]
use s3s::dto::*;
use s3s::{S3Request, S3Result};

use super::super::digests::{self, Claimed, told};
use super::super::fault::Behaviour;
use super::super::lie::Lie;
use super::super::refusal::{
    bad_digest, invalid_argument, invalid_request, no_such_bucket, no_such_upload, refuse,
};
use super::super::state::{Bucket, Digests, Part as KeptPart, State, Upload, Version, Way};
use super::write::{Conditions, Wanted};
use super::{Context, conversions};

/// S3's last part number.
const PART_NUMBER_MAX: i32 = 10_000;

fn bucket<'a>(state: &'a mut State, name: &str) -> S3Result<&'a mut Bucket> {
    state.buckets.get_mut(name).ok_or_else(no_such_bucket)
}

/// An upload by its id, which belongs to one key.
fn upload<'a>(bucket: &'a mut Bucket, id: &str, key: &str) -> S3Result<&'a mut Upload> {
    bucket.uploads.get_mut(id).filter(|upload| upload.key == key).ok_or_else(no_such_upload)
}

pub(super) async fn create(
    context: &Context<'_>,
    request: S3Request<CreateMultipartUploadInput>,
) -> S3Result<CreateMultipartUploadOutput> {
    let input = request.input;
    let mut state = context.shared.state();
    let bucket = bucket(&mut state, &input.bucket)?;
    let wanted = Wanted {
        metadata: input.metadata.as_ref(),
        content_type: input.content_type.as_ref(),
        lock_mode: input.object_lock_mode.as_ref(),
        retain_until: input.object_lock_retain_until_date.as_ref(),
        legal_hold: input.object_lock_legal_hold_status.as_ref(),
        encryption: input.server_side_encryption.as_ref(),
        kms_key_id: input.ssekms_key_id.as_ref(),
        storage_class: input.storage_class.as_ref(),
    };
    let template = wanted.version(context, bucket, Way::Multipart)?;
    let asked = input.checksum_algorithm.as_ref();
    let with_sha256 = asked.is_some_and(|algorithm| algorithm.as_str() == "SHA256")
        && !context.has(Behaviour::TellsNoChecksum);
    let id = context.shared.new_id("u");
    let upload = Upload {
        key: input.key.clone(),
        started: template.modified,
        template,
        with_sha256,
        parts: std::collections::BTreeMap::new(),
    };
    bucket.uploads.insert(id.clone(), upload);
    Ok(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(id),
        checksum_algorithm: input.checksum_algorithm,
        checksum_type: with_sha256.then(|| ChecksumType::from_static("COMPOSITE")),
        server_side_encryption: input.server_side_encryption,
        ssekms_key_id: input.ssekms_key_id,
        ..CreateMultipartUploadOutput::default()
    })
}

pub(super) async fn upload_part(
    context: &Context<'_>,
    mut request: S3Request<UploadPartInput>,
) -> S3Result<UploadPartOutput> {
    let stream = request.input.body.take();
    let received = conversions::body(context, &request, stream, |_| ()).await?;
    let input = request.input;
    if !(1..=PART_NUMBER_MAX).contains(&input.part_number) {
        return Err(invalid_argument("Part number must be an integer between 1 and 10000"));
    }
    let claimed =
        Claimed { md5: input.content_md5.as_deref(), sha256: input.checksum_sha256.as_deref() };
    let lies = (Lie::AcceptsWrongPartDigests, Lie::AcceptsWrongPartDigests);
    claimed.check(&received.bytes, context.compares(&received, lies))?;
    let body = received.bytes;
    let mut state = context.shared.state();
    let bucket = bucket(&mut state, &input.bucket)?;
    let shows_early = context.lies(Lie::ShowsPartsEarly) && bucket.current(&input.key).is_none();
    let upload = upload(bucket, &input.upload_id, &input.key)?;
    let keeps = upload.with_sha256 || input.checksum_sha256.is_some();
    let sha256 =
        (keeps && !context.has(Behaviour::TellsNoChecksum)).then(|| digests::whole_sha256(&body));
    let etag = digests::md5_hex(&body);
    let part = KeptPart {
        bytes: body,
        etag: etag.clone(),
        sha256: sha256.as_ref().map(|sha256| sha256.text.clone()),
        modified: context.shared.clock.now(),
    };
    upload.parts.insert(input.part_number, part);
    if shows_early {
        let so_far = joined(upload.parts.values());
        bucket.unfinished.insert(input.key, so_far);
    }
    let sha256 = told(sha256.as_ref(), &context.behaviours);
    Ok(UploadPartOutput {
        e_tag: Some(ETag::Strong(etag)),
        checksum_sha256: sha256.map(|sha256| sha256.text.clone()),
        ..UploadPartOutput::default()
    })
}

pub(super) async fn complete(
    context: &Context<'_>,
    request: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<CompleteMultipartUploadOutput> {
    let input = request.input;
    let conditions = Conditions {
        if_match: input.if_match.as_ref(),
        if_none_match: input.if_none_match.as_ref(),
        way: Way::Multipart,
    };
    let looked = conditions.looked_too_early(context, &input.bucket, &input.key).await?;
    let mut state = context.shared.state();
    let bucket = bucket(&mut state, &input.bucket)?;
    let upload = upload(bucket, &input.upload_id, &input.key)?;
    let named = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
    let parts = chosen_parts(upload, &named, context)?;
    let mut version = assembled(upload, &parts, context);
    check_whole(input.checksum_sha256.as_deref(), &version, context)?;

    if !looked {
        conditions.check(context, bucket, &input.key)?;
    }
    version.modified = context.shared.clock.now();
    let digests = version.digests.clone();
    let versioned = bucket.has_versions(context.shared);
    bucket.uploads.remove(&input.upload_id);
    bucket.unfinished.remove(&input.key);
    let id = bucket.insert(&input.key, version, Way::Multipart, context.shared);
    let sha256 = told(digests.sha256.as_ref(), &context.behaviours);
    Ok(CompleteMultipartUploadOutput {
        location: Some(format!("/{}/{}", input.bucket, input.key)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag: Some(ETag::Strong(digests.etag)),
        version_id: versioned.then_some(id),
        checksum_type: sha256.is_some().then(|| ChecksumType::from_static("COMPOSITE")),
        checksum_sha256: sha256.map(|sha256| sha256.text.clone()),
        ..CompleteMultipartUploadOutput::default()
    })
}

/// The parts that the completion names, checked as S3 checks them.
fn chosen_parts(
    upload: &Upload,
    named: &[CompletedPart],
    context: &Context<'_>,
) -> S3Result<Vec<KeptPart>> {
    if named.is_empty() {
        return Err(refuse(400, "MalformedXML", "You must specify at least one part"));
    }
    let mut chosen = Vec::with_capacity(named.len());
    let mut last = 0;
    for part in named {
        let number = part.part_number.unwrap_or_default();
        if number <= last {
            return Err(refuse(400, "InvalidPartOrder", "The parts are not in ascending order"));
        }
        last = number;
        let invalid = || refuse(400, "InvalidPart", "One or more parts could not be found");
        let kept = upload.parts.get(&number).ok_or_else(invalid)?;
        let same_etag = part.e_tag.as_ref().is_some_and(|etag| etag.value() == kept.etag);
        let same_sha256 = part.checksum_sha256.is_none()
            || part.checksum_sha256 == kept.sha256
            || context.has(Behaviour::IgnoresDigests);
        let is_the_part = same_etag && same_sha256 || context.lies(Lie::AcceptsWrongCompletion);
        if !is_the_part {
            return Err(invalid());
        }
        if upload.with_sha256 && part.checksum_sha256.is_none() {
            return Err(invalid_request(
                "The upload was created using a sha256 checksum. The complete request must \
                 include the checksum for each part.",
            ));
        }
        chosen.push(kept.clone());
    }
    let all_but_the_last = &chosen[..chosen.len() - 1];
    if all_but_the_last.iter().any(|part| part.bytes.len() < context.shared.part_bytes_min) {
        return Err(refuse(400, "EntityTooSmall", "Your proposed upload is too small"));
    }
    Ok(chosen)
}

/// The bytes of parts, one after the other.
fn joined<'p>(parts: impl Iterator<Item = &'p KeptPart>) -> Bytes {
    let bytes: Vec<&[u8]> = parts.map(|part| part.bytes.as_ref()).collect();
    bytes.concat().into()
}

fn assembled(upload: &Upload, parts: &[KeptPart], context: &Context<'_>) -> Version {
    let bytes = match context.lies(Lie::MixesParts) {
        true => joined(parts.iter().rev()),
        false => joined(parts.iter()),
    };
    let mut template = upload.template.clone();
    if context.has(Behaviour::DropsLocks) {
        template.retention = None;
        template.legal_hold = false;
    }
    Version {
        bytes: Some(bytes),
        digests: Digests {
            etag: digests::composite_etag(parts),
            sha256: digests::composite_sha256(parts),
        },
        ..template
    }
}

/// Checks the composite SHA-256 that the completion may claim, with or without its `-N`.
fn check_whole(claimed: Option<&str>, version: &Version, context: &Context<'_>) -> S3Result<()> {
    let ignores =
        context.has(Behaviour::IgnoresDigests) || context.lies(Lie::AcceptsWrongCompletion);
    let Some(claimed) = claimed.filter(|_| !ignores) else { return Ok(()) };
    let kept = version.digests.sha256.as_ref().map(|sha256| sha256.text.as_str());
    let matches = kept.is_some_and(|kept| {
        kept == claimed || kept.split_once('-').is_some_and(|(digest, _)| digest == claimed)
    });
    if matches { Ok(()) } else { Err(bad_digest()) }
}

pub(super) async fn abort(
    context: &Context<'_>,
    request: S3Request<AbortMultipartUploadInput>,
) -> S3Result<AbortMultipartUploadOutput> {
    let input = request.input;
    let mut state = context.shared.state();
    let bucket = bucket(&mut state, &input.bucket)?;
    upload(bucket, &input.upload_id, &input.key)?;
    bucket.unfinished.remove(&input.key);
    let aborted = bucket.uploads.remove(&input.upload_id).filter(|upload| !upload.parts.is_empty());
    if let Some(upload) = aborted.filter(|_| context.lies(Lie::AbortLeavesObject)) {
        let parts: Vec<KeptPart> = upload.parts.values().cloned().collect();
        let version = assembled(&upload, &parts, context);
        bucket.insert(&input.key, version, Way::Multipart, context.shared);
    }
    Ok(AbortMultipartUploadOutput::default())
}

pub(super) async fn list_parts(
    context: &Context<'_>,
    request: S3Request<ListPartsInput>,
) -> S3Result<ListPartsOutput> {
    let input = request.input;
    let mut state = context.shared.state();
    let upload = upload(bucket(&mut state, &input.bucket)?, &input.upload_id, &input.key)?;
    let parts = upload.parts.iter().map(|(number, part)| Part {
        part_number: Some(*number),
        e_tag: Some(ETag::Strong(part.etag.clone())),
        size: i64::try_from(part.bytes.len()).ok(),
        last_modified: Some(conversions::to_s3(part.modified)),
        checksum_sha256: part.sha256.clone(),
        ..Part::default()
    });
    Ok(ListPartsOutput {
        parts: Some(parts.collect()),
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        is_truncated: Some(false),
        ..ListPartsOutput::default()
    })
}

pub(super) async fn list_uploads(
    context: &Context<'_>,
    request: S3Request<ListMultipartUploadsInput>,
) -> S3Result<ListMultipartUploadsOutput> {
    let input = request.input;
    let mut state = context.shared.state();
    let bucket = bucket(&mut state, &input.bucket)?;
    let prefix = input.prefix.unwrap_or_default();
    let under_way = bucket.uploads.iter().filter(|(_, upload)| upload.key.starts_with(&prefix));
    let mut uploads: Vec<MultipartUpload> = under_way
        .map(|(id, upload)| MultipartUpload {
            key: Some(upload.key.clone()),
            upload_id: Some(id.clone()),
            initiated: Some(conversions::to_s3(upload.started)),
            ..MultipartUpload::default()
        })
        .collect();
    uploads.sort_by(|left, right| left.key.cmp(&right.key));
    Ok(ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        uploads: Some(uploads),
        is_truncated: Some(false),
        ..ListMultipartUploadsOutput::default()
    })
}
