//! Deletion: of one object or version, and of many.

#[allow(clippy::wildcard_imports)]
use s3s::dto::*;
use s3s::{S3Request, S3Result};

use super::super::lie::Lie;
use super::super::lock_rules;
use super::super::refusal::{access_denied, malformed_xml, no_such_bucket};
use super::super::state::Bucket;
use super::super::user::Right;
use super::Context;
use super::list::KEYS_MAX;
use super::write::requires_digest;

/// Whether a deletion asks for locks.
#[derive(Debug, Clone, Copy)]
enum Locks {
    Asked { bypasses: bool },
    Ignored,
}

/// What a deletion did.
struct Done {
    version: Option<String>,
    is_delete_marker: bool,
}

fn delete(
    context: &Context<'_>,
    bucket: &mut Bucket,
    key: &str,
    id: Option<&str>,
    locks: Locks,
) -> S3Result<Done> {
    let needed = if id.is_some() { Right::DeleteVersions } else { Right::Delete };
    if !context.may(needed) {
        return Err(access_denied());
    }
    let Some(id) = id else {
        let marker = bucket.delete_current(key, context.shared);
        return Ok(Done { is_delete_marker: marker.is_some(), version: marker });
    };
    if let (Some(version), Locks::Asked { bypasses }) = (bucket.version(key, Some(id)), locks) {
        lock_rules::check_delete(version, bypasses, context.shared)?;
    }
    let removed = bucket.remove_version(key, id);
    let is_delete_marker = removed.is_some_and(|version| version.is_delete_marker());
    Ok(Done { version: Some(id.to_owned()), is_delete_marker })
}

pub(super) async fn one(
    context: &Context<'_>,
    request: S3Request<DeleteObjectInput>,
) -> S3Result<DeleteObjectOutput> {
    let input = request.input;
    let mut state = context.shared.state();
    let bucket = state.buckets.get_mut(&input.bucket).ok_or_else(no_such_bucket)?;
    let bypasses = context.bypasses_governance(input.bypass_governance_retention);
    let locks = Locks::Asked { bypasses };
    let done = delete(context, bucket, &input.key, input.version_id.as_deref(), locks)?;
    Ok(DeleteObjectOutput {
        delete_marker: done.is_delete_marker.then_some(true),
        version_id: done.version,
        ..DeleteObjectOutput::default()
    })
}

pub(super) async fn many(
    context: &Context<'_>,
    request: S3Request<DeleteObjectsInput>,
) -> S3Result<DeleteObjectsOutput> {
    requires_digest(&request)?;
    let input = request.input;
    if input.delete.objects.is_empty() || input.delete.objects.len() > KEYS_MAX {
        return Err(malformed_xml());
    }
    let mut state = context.shared.state();
    let bucket = state.buckets.get_mut(&input.bucket).ok_or_else(no_such_bucket)?;
    let bypasses = context.bypasses_governance(input.bypass_governance_retention);
    let locks = match context.lies(Lie::BatchDeletesLockedVersions) {
        true => Locks::Ignored,
        false => Locks::Asked { bypasses },
    };
    let quiet = input.delete.quiet.unwrap_or(false);
    let mut output = DeleteObjectsOutput::default();
    for object in input.delete.objects {
        match delete(context, bucket, &object.key, object.version_id.as_deref(), locks) {
            Ok(_) if quiet => {}
            Ok(done) => output.deleted.get_or_insert_default().push(DeletedObject {
                key: Some(object.key),
                delete_marker: done.is_delete_marker.then_some(true),
                version_id: object.version_id,
                delete_marker_version_id: done.version.filter(|_| done.is_delete_marker),
            }),
            Err(refusal) => output.errors.get_or_insert_default().push(Error {
                key: Some(object.key),
                version_id: object.version_id,
                code: Some(refusal.code().as_str().to_owned()),
                message: refusal.message().map(str::to_owned),
            }),
        }
    }
    Ok(output)
}
