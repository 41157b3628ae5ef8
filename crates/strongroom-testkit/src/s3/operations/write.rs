//! PUT of an object.

use std::collections::BTreeMap;

#[allow(clippy::wildcard_imports)]
use s3s::dto::*;
use s3s::{S3Request, S3Result};
use strongroom_core::retention::Retention;

use super::super::digests::{Claimed, told, whole_sha256};
use super::super::fault::Behaviour;
use super::super::lie::Lie;
use super::super::refusal::{
    access_denied, invalid_argument, invalid_request, no_such_bucket, no_such_key,
    precondition_failed,
};
use super::super::state::{Bucket, Version, Way};
use super::super::user::Right;
use super::unfinished::wait_until;
use super::{Context, conversions, unfinished};

/// What a write asks for besides its bytes; PUT and multipart uploads alike.
pub(super) struct Wanted<'a> {
    pub(super) metadata: Option<&'a Metadata>,
    pub(super) content_type: Option<&'a ContentType>,
    pub(super) lock_mode: Option<&'a ObjectLockMode>,
    pub(super) retain_until: Option<&'a Timestamp>,
    pub(super) legal_hold: Option<&'a ObjectLockLegalHoldStatus>,
    pub(super) encryption: Option<&'a ServerSideEncryption>,
    pub(super) kms_key_id: Option<&'a SSEKMSKeyId>,
    pub(super) storage_class: Option<&'a StorageClass>,
}

impl Wanted<'_> {
    fn has_lock(&self) -> bool {
        self.lock_mode.is_some() || self.retain_until.is_some() || self.legal_hold.is_some()
    }

    /// A version without bytes that is what was asked for, or a refusal.
    pub(super) fn version(
        &self,
        context: &Context<'_>,
        bucket: &Bucket,
        way: Way,
    ) -> S3Result<Version> {
        let mut version = Version::empty(context.shared.clock.now());
        version.metadata = self.kept_metadata(context);
        version.content_type = self.content_type.cloned();
        version.encryption = self.encryption.map(|algorithm| algorithm.as_str().to_owned());
        version.kms_key_id = self.kms_key_id.cloned();
        version.storage_class = self.storage_class.map(|class| class.as_str().to_owned());
        if !self.has_lock() || context.has(Behaviour::DropsLocks) {
            return Ok(version);
        }
        if !bucket.settings.object_lock {
            return match context.lies(Lie::ClaimsObjectLock) {
                true => Ok(version),
                false => Err(invalid_request("Bucket is missing Object Lock Configuration")),
            };
        }
        if !context.may(Right::WriteLocks) {
            return Err(access_denied());
        }
        let retention = self.retention(context)?;
        let legal_hold = match self.legal_hold.map(ObjectLockLegalHoldStatus::as_str) {
            Some("ON") => true,
            Some("OFF") | None => false,
            Some(_) => return Err(invalid_argument("Legal Hold must be either of 'ON' or 'OFF'")),
        };
        if !context.lies(way.lie_about_locks()) {
            let keeps_hold = way != Way::Put || !context.lies(Lie::DropsHoldOnPut);
            (version.retention, version.legal_hold) = (retention, legal_hold && keeps_hold);
        }
        Ok(version)
    }

    fn retention(&self, context: &Context<'_>) -> S3Result<Option<Retention>> {
        let mode = self.lock_mode.map(ObjectLockMode::as_str);
        let is_half = mode.is_some() != self.retain_until.is_some();
        if is_half && context.lies(Lie::AcceptsHalfLocks) {
            return Ok(None);
        }
        conversions::retention_in_headers(mode, self.retain_until, context.locks_end_after())
    }

    fn kept_metadata(&self, context: &Context<'_>) -> BTreeMap<String, String> {
        let given = self.metadata.into_iter().flatten();
        let given = given.filter(|_| !context.lies(Lie::LosesMetadata));
        let kept = |value: &String| match context.lies(Lie::LowercasesMetadata) {
            true => value.to_lowercase(),
            false => value.clone(),
        };
        given.map(|(name, value)| (name.clone(), kept(value))).collect()
    }
}

/// What a write wants to be true of the key.
pub(super) struct Conditions<'a> {
    pub(super) if_match: Option<&'a IfMatch>,
    pub(super) if_none_match: Option<&'a IfNoneMatch>,
    pub(super) way: Way,
}

impl Conditions<'_> {
    pub(super) fn check(&self, context: &Context<'_>, bucket: &Bucket, key: &str) -> S3Result<()> {
        if context.has(Behaviour::IgnoresConditions) {
            return Ok(());
        }
        let current = bucket.current(key);
        let in_the_way = match context.lies(Lie::RefusesCreateOverMarker) {
            true => bucket.newest(key),
            false => current,
        };
        let if_none_match = self.if_none_match.filter(|_| !self.are_ignored(context, bucket));
        match (if_none_match, in_the_way) {
            (None, _) | (Some(_), None) => {}
            (Some(ETagCondition::Any), Some(_)) => return Err(precondition_failed()),
            (Some(ETagCondition::ETag(etag)), Some(current)) => {
                if etag.value() == current.digests.etag {
                    return Err(precondition_failed());
                }
            }
        }
        match (self.if_match, current) {
            (None, _) | (Some(ETagCondition::Any), Some(_)) => Ok(()),
            (Some(_), None) => Err(no_such_key()),
            (Some(ETagCondition::ETag(etag)), Some(current)) => {
                if etag.value() == current.digests.etag {
                    return Ok(());
                }
                Err(precondition_failed())
            }
        }
    }

    /// Whether the store says nothing of what is there already.
    fn are_ignored(&self, context: &Context<'_>, bucket: &Bucket) -> bool {
        let always = match self.way {
            Way::Put => context.lies(Lie::IgnoresCreateOnlyOnPut),
            Way::Multipart => context.lies(Lie::IgnoresCreateOnlyOnCompletion),
            Way::Copy => false,
        };
        always
            || context.lies(Lie::IgnoresCreateOnlyWithVersions)
                && bucket.has_versions(context.shared)
    }

    /// What a store does that looks and writes in two steps: it looks, lets the next one look who
    /// wants the same key, and writes without looking again. Answers whether it did.
    pub(super) async fn looked_too_early(
        &self,
        context: &Context<'_>,
        bucket: &str,
        key: &str,
    ) -> S3Result<bool> {
        let looks_too_early = match self.way {
            Way::Put => context.lies(Lie::RacesCreateOnlyOnPut),
            Way::Multipart => context.lies(Lie::RacesCreateOnlyOnCompletion),
            Way::Copy => false,
        };
        if self.if_none_match.is_none() || !looks_too_early {
            return Ok(false);
        }
        {
            let mut state = context.shared.state();
            let bucket = state.buckets.get_mut(bucket).ok_or_else(no_such_bucket)?;
            self.check(context, bucket, key)?;
            *bucket.looks.entry(key.to_owned()).or_default() += 1;
        }
        wait_until(|| {
            let state = context.shared.state();
            let looks = state.buckets.get(bucket).and_then(|bucket| bucket.looks.get(key));
            looks.is_some_and(|looks| *looks > 1)
        })
        .await;
        Ok(true)
    }
}

pub(super) async fn put(
    context: &Context<'_>,
    mut request: S3Request<PutObjectInput>,
) -> S3Result<PutObjectOutput> {
    let stream = request.input.body.take();
    let has_digest = has_digest(&request);
    // Refused before the body is read, as far as that is possible.
    prepare(context, &request.input, has_digest)?;
    let received = unfinished::body(context, &request, stream).await?;
    let input = &request.input;
    let claimed =
        Claimed { md5: input.content_md5.as_deref(), sha256: input.checksum_sha256.as_deref() };
    let lies = (Lie::AcceptsWrongMd5, Lie::AcceptsWrongSha256);
    claimed.check(&received.bytes, context.compares(&received, lies))?;
    let conditions = conditions(input);
    let looked = conditions.looked_too_early(context, &input.bucket, &input.key).await?;

    // From here on under one lock: the condition and the write are one step.
    let mut state = context.shared.state();
    let bucket = state.buckets.get_mut(&input.bucket).ok_or_else(no_such_bucket)?;
    if !looked {
        conditions.check(context, bucket, &input.key)?;
    }
    let template = wanted(input).version(context, bucket, Way::Put)?;
    let mut version = Version::new(received.bytes, template.modified);
    version.digests.sha256 = input
        .checksum_sha256
        .is_some()
        .then(|| whole_sha256(version.bytes.as_deref().unwrap_or_default()));
    let digests = version.digests.clone();
    let version = Version { bytes: version.bytes, digests: version.digests, ..template };
    let versioned = bucket.has_versions(context.shared);
    let id = bucket.insert(&input.key, version, Way::Put, context.shared);
    let stored = bucket.newest(&input.key);
    let sha256 = told(digests.sha256.as_ref(), &context.behaviours);
    Ok(PutObjectOutput {
        e_tag: Some(ETag::Strong(digests.etag)),
        version_id: versioned.then_some(id),
        checksum_type: sha256.is_some().then(|| ChecksumType::from_static("FULL_OBJECT")),
        checksum_sha256: sha256.map(|sha256| sha256.text.clone()),
        server_side_encryption: stored
            .and_then(|stored| stored.encryption.clone())
            .map(ServerSideEncryption::from),
        ssekms_key_id: stored.and_then(|stored| stored.kms_key_id.clone()),
        ..PutObjectOutput::default()
    })
}

fn prepare(context: &Context<'_>, input: &PutObjectInput, has_digest: bool) -> S3Result<()> {
    let state = context.shared.state();
    let bucket = state.buckets.get(&input.bucket).ok_or_else(no_such_bucket)?;
    conditions(input).check(context, bucket, &input.key)?;
    wanted(input).version(context, bucket, Way::Put)?;
    let locks = wanted(input).has_lock() || bucket.settings.default_retention.is_some();
    if locks && !has_digest && !context.has(Behaviour::DropsLocks) {
        return Err(invalid_request(
            "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with \
             Object Lock parameters",
        ));
    }
    Ok(())
}

/// Whether a write brings a digest that the store can check: a header, or one that trails.
fn has_digest<T>(request: &S3Request<T>) -> bool {
    request.headers.keys().any(|name| {
        let name = name.as_str();
        name == "content-md5" || name == "x-amz-trailer" || name.starts_with("x-amz-checksum-")
    })
}

/// Refuses a request that S3 takes with a digest only.
pub(super) fn requires_digest<T>(request: &S3Request<T>) -> S3Result<()> {
    if has_digest(request) {
        return Ok(());
    }
    Err(invalid_request("Missing required header for this request: Content-MD5"))
}

fn conditions(input: &PutObjectInput) -> Conditions<'_> {
    Conditions {
        if_match: input.if_match.as_ref(),
        if_none_match: input.if_none_match.as_ref(),
        way: Way::Put,
    }
}

fn wanted(input: &PutObjectInput) -> Wanted<'_> {
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
