//! Between S3's types and ours.

use std::time::SystemTime;

use jiff::Timestamp;
use s3s::dto::{self, TimestampFormat};
use s3s::{S3Request, S3Result};
use strongroom_core::retention::{LockMode, Retention};

use super::super::layer::UncheckedPayload;
use super::super::lie::Lie;
use super::super::refusal::{invalid_argument, malformed_xml, refuse};
use super::Context;
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;

pub(super) fn to_s3(at: Timestamp) -> dto::Timestamp {
    SystemTime::from(at).into()
}

pub(super) fn from_s3(at: &dto::Timestamp) -> S3Result<Timestamp> {
    let mut text = Vec::new();
    let unreadable = || invalid_argument("a date cannot be read");
    at.format(TimestampFormat::DateTime, &mut text).map_err(|_| unreadable())?;
    let text = String::from_utf8(text).map_err(|_| unreadable())?;
    text.parse().map_err(|_| unreadable())
}

pub(super) fn mode(text: &str) -> Option<LockMode> {
    match text {
        "GOVERNANCE" => Some(LockMode::Governance),
        "COMPLIANCE" => Some(LockMode::Compliance),
        _ => None,
    }
}

pub(super) fn mode_text(mode: LockMode) -> &'static str {
    match mode {
        LockMode::Governance => "GOVERNANCE",
        LockMode::Compliance => "COMPLIANCE",
    }
}

/// A retention from the headers of a write: a mode and a date, which come together or not at all.
pub(super) fn retention_in_headers(
    mode_given: Option<&str>,
    until: Option<&dto::Timestamp>,
    after: Timestamp,
) -> S3Result<Option<Retention>> {
    let (mode_given, until) = match (mode_given, until) {
        (None, None) => return Ok(None),
        (Some(mode_given), Some(until)) => (mode_given, until),
        _ => {
            return Err(invalid_argument(
                "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be \
                 supplied",
            ));
        }
    };
    let mode = mode(mode_given).ok_or_else(|| invalid_argument("Unknown wormMode directive."))?;
    Ok(Some(Retention { mode, retain_until: future(until, after)? }))
}

/// A retention from the body of PutObjectRetention. An empty one takes the lock away, from those
/// who may.
pub(super) fn retention_in_body(
    given: &dto::ObjectLockRetention,
    after: Timestamp,
) -> S3Result<Option<Retention>> {
    let mode_given = given.mode.as_ref().map(dto::ObjectLockRetentionMode::as_str);
    let (mode_given, until) = match (mode_given, given.retain_until_date.as_ref()) {
        (None, None) => return Ok(None),
        (Some(mode_given), Some(until)) => (mode_given, until),
        _ => return Err(malformed_xml()),
    };
    let mode = mode(mode_given).ok_or_else(malformed_xml)?;
    Ok(Some(Retention { mode, retain_until: future(until, after)? }))
}

fn future(until: &dto::Timestamp, after: Timestamp) -> S3Result<Timestamp> {
    let retain_until = from_s3(until)?;
    if retain_until <= after {
        return Err(invalid_argument("The retain until date must be in the future!"));
    }
    Ok(retain_until)
}

/// The body of a write, as far as it came.
pub(super) struct Received {
    pub(super) bytes: Bytes,
    /// It came to an end before its length, in a store that does not mind.
    pub(super) is_truncated: bool,
}

/// The whole body of a write; `seen` is told what came so far.
pub(super) async fn body<T>(
    context: &Context<'_>,
    request: &S3Request<T>,
    stream: Option<dto::StreamingBlob>,
    seen: impl Fn(&[u8]),
) -> S3Result<Received> {
    let whole = |bytes| Ok(Received { bytes, is_truncated: false });
    if let Some(UncheckedPayload(bytes)) = request.extensions.get() {
        return whole(bytes.clone());
    }
    let Some(mut stream) = stream else { return whole(Bytes::new()) };
    let mut bytes = BytesMut::new();
    while let Some(piece) = stream.next().await {
        match piece {
            Ok(piece) => bytes.extend_from_slice(&piece),
            Err(error) => {
                let refusal = refused_body(&*error);
                let is_truncated = refusal.code().as_str() == INCOMPLETE_BODY;
                if is_truncated && context.lies(Lie::StoresTruncatedBodies) {
                    return Ok(Received { bytes: bytes.freeze(), is_truncated });
                }
                return Err(refusal);
            }
        }
        seen(&bytes);
    }
    whole(bytes.freeze())
}

const INCOMPLETE_BODY: &str = "IncompleteBody";

fn refused_body(error: &(dyn std::error::Error + 'static)) -> s3s::S3Error {
    // `s3s` keeps the type of this error to itself.
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.to_string().contains("Sha256Mismatch") {
            return refuse(
                400,
                "XAmzContentSHA256Mismatch",
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
            );
        }
        cause = error.source();
    }
    refuse(400, INCOMPLETE_BODY, "The request body terminated unexpectedly")
}
