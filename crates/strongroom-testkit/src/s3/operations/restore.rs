//! Versions in an archive: asked for, and told how near they are.

use jiff::{SignedDuration, Timestamp as Moment};
#[allow(clippy::wildcard_imports)]
use s3s::dto::*;
use s3s::{S3Request, S3Result};

use super::super::refusal::{malformed_xml, no_such_key, no_such_version, refuse};
use super::super::state::Archive;
use super::Context;
use super::write::requires_digest;

pub(super) async fn restore(
    context: &Context<'_>,
    request: S3Request<RestoreObjectInput>,
) -> S3Result<RestoreObjectOutput> {
    requires_digest(&request)?;
    let input = request.input;
    let days = input.restore_request.and_then(|asked| asked.days).ok_or_else(malformed_xml)?;
    let id = input.version_id.as_deref();
    let mut state = context.shared.state();
    let bucket = state.buckets.get_mut(&input.bucket).ok_or_else(no_such_key)?;
    let version = bucket.version_mut(&input.key, id).ok_or_else(|| match id {
        None => no_such_key(),
        Some(_) => no_such_version(),
    })?;
    match version.archive {
        Archive::Online => Err(refuse(
            403,
            "InvalidObjectState",
            "Restore is not allowed for the object's current storage class",
        )),
        Archive::Restoring { .. } => {
            Err(refuse(409, "RestoreAlreadyInProgress", "Object restore is already in progress"))
        }
        Archive::Restored { until } if context.shared.clock.now() < until => {
            let until =
                context.shared.clock.now() + SignedDuration::from_hours(24 * i64::from(days));
            version.archive = Archive::Restored { until };
            Ok(RestoreObjectOutput::default())
        }
        Archive::Archived | Archive::Restored { .. } => {
            version.archive = Archive::Restoring { days };
            Ok(RestoreObjectOutput::default())
        }
    }
}

/// The header that tells of a restore.
pub(super) fn header(archive: Archive, now: Moment) -> Option<String> {
    match archive {
        Archive::Online | Archive::Archived => None,
        Archive::Restored { until } if until <= now => None,
        Archive::Restoring { .. } => Some("ongoing-request=\"true\"".to_owned()),
        Archive::Restored { until } => {
            let until = until.strftime("%a, %d %b %Y %H:%M:%S GMT");
            Some(format!("ongoing-request=\"false\", expiry-date=\"{until}\""))
        }
    }
}

/// Refuses to read what lies in the archive.
pub(super) fn check_readable(archive: Archive, now: Moment) -> S3Result<()> {
    match archive {
        Archive::Online => Ok(()),
        Archive::Restored { until } if now < until => Ok(()),
        Archive::Restored { .. } | Archive::Archived | Archive::Restoring { .. } => Err(refuse(
            403,
            "InvalidObjectState",
            "The operation is not valid for the object's storage class",
        )),
    }
}
