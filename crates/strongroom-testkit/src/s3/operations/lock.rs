//! Retention and legal hold of one version.

#[allow(clippy::wildcard_imports)]
use s3s::dto::*;
use s3s::{S3Request, S3Result};

use super::super::lie::Lie;
use super::super::lock_rules;
use super::super::refusal::{
    invalid_request, malformed_xml, method_not_allowed, no_such_bucket, no_such_key,
    no_such_version, refuse,
};
use super::super::state::{Bucket, State, Version};
use super::write::requires_digest;
use super::{Context, conversions};

fn bucket<'a>(state: &'a mut State, name: &str) -> S3Result<&'a mut Bucket> {
    let bucket = state.buckets.get_mut(name).ok_or_else(no_such_bucket)?;
    if !bucket.settings.object_lock {
        return Err(invalid_request("Bucket is missing Object Lock Configuration"));
    }
    Ok(bucket)
}

fn version<'a>(
    state: &'a mut State,
    name: &str,
    key: &str,
    id: Option<&str>,
) -> S3Result<&'a mut Version> {
    let version = bucket(state, name)?.version_mut(key, id).ok_or_else(|| match id {
        None => no_such_key(),
        Some(_) => no_such_version(),
    })?;
    if version.is_delete_marker() {
        return Err(method_not_allowed());
    }
    Ok(version)
}

fn no_configuration() -> s3s::S3Error {
    refuse(
        404,
        "NoSuchObjectLockConfiguration",
        "The specified object does not have a ObjectLock configuration",
    )
}

pub(super) async fn retention(
    context: &Context<'_>,
    request: S3Request<GetObjectRetentionInput>,
) -> S3Result<GetObjectRetentionOutput> {
    let input = request.input;
    let mut state = context.shared.state();
    let version = version(&mut state, &input.bucket, &input.key, input.version_id.as_deref())?;
    let retention = version.retention.ok_or_else(no_configuration)?;
    Ok(GetObjectRetentionOutput {
        retention: Some(ObjectLockRetention {
            mode: Some(ObjectLockRetentionMode::from_static(conversions::mode_text(
                retention.mode,
            ))),
            retain_until_date: Some(conversions::to_s3(retention.retain_until)),
        }),
    })
}

pub(super) async fn set_retention(
    context: &Context<'_>,
    request: S3Request<PutObjectRetentionInput>,
) -> S3Result<PutObjectRetentionOutput> {
    requires_digest(&request)?;
    let input = request.input;
    let wanted = input.retention.unwrap_or_default();
    let wanted = conversions::retention_in_body(&wanted, context.locks_end_after())?;
    let bypasses = context.bypasses_governance(input.bypass_governance_retention);
    let mut state = context.shared.state();
    let version = version(&mut state, &input.bucket, &input.key, input.version_id.as_deref());
    if version.is_err() && context.lies(Lie::LocksAbsentVersions) {
        return Ok(PutObjectRetentionOutput::default());
    }
    let version = version?;
    lock_rules::check_change(version.retention, wanted, bypasses, context.shared)?;
    if !context.lies(Lie::DropsLaterRetention) {
        version.retention = wanted;
    }
    if context.lies(Lie::RetentionLiftsHold) {
        version.legal_hold = false;
    }
    Ok(PutObjectRetentionOutput::default())
}

pub(super) async fn legal_hold(
    context: &Context<'_>,
    request: S3Request<GetObjectLegalHoldInput>,
) -> S3Result<GetObjectLegalHoldOutput> {
    let input = request.input;
    let mut state = context.shared.state();
    let version = version(&mut state, &input.bucket, &input.key, input.version_id.as_deref())?;
    if !version.legal_hold && version.retention.is_none() {
        return Err(no_configuration());
    }
    let status = if version.legal_hold { "ON" } else { "OFF" };
    Ok(GetObjectLegalHoldOutput {
        legal_hold: Some(ObjectLockLegalHold {
            status: Some(ObjectLockLegalHoldStatus::from_static(status)),
        }),
    })
}

pub(super) async fn set_legal_hold(
    context: &Context<'_>,
    request: S3Request<PutObjectLegalHoldInput>,
) -> S3Result<PutObjectLegalHoldOutput> {
    requires_digest(&request)?;
    let input = request.input;
    let status = input.legal_hold.and_then(|hold| hold.status);
    let on = match status.as_ref().map(ObjectLockLegalHoldStatus::as_str) {
        Some("ON") => true,
        Some("OFF") => false,
        _ => return Err(malformed_xml()),
    };
    let mut state = context.shared.state();
    let version = version(&mut state, &input.bucket, &input.key, input.version_id.as_deref());
    if version.is_err() && context.lies(Lie::LocksAbsentVersions) {
        return Ok(PutObjectLegalHoldOutput::default());
    }
    let version = version?;
    let stays = if on { Lie::DropsLaterHold } else { Lie::HoldCannotBeLifted };
    if !context.lies(stays) {
        version.legal_hold = on;
    }
    Ok(PutObjectLegalHoldOutput::default())
}
