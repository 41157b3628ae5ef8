//! Buckets and their settings.

#[allow(clippy::wildcard_imports)]
use s3s::dto::*;
use s3s::{S3Request, S3Result};

use super::super::bucket::{BucketSettings, DefaultEncryption, Versioning};
use super::super::lie::Lie;
use super::super::refusal::{malformed_xml, no_such_bucket, refuse};
use super::super::state::Bucket as KeptBucket;
use super::Context;

/// Looks at a bucket.
pub(super) fn look<T>(
    context: &Context<'_>,
    name: &str,
    at: impl FnOnce(&KeptBucket) -> S3Result<T>,
) -> S3Result<T> {
    at(context.shared.state().buckets.get(name).ok_or_else(no_such_bucket)?)
}

/// Changes a bucket.
pub(super) fn change<T>(
    context: &Context<'_>,
    name: &str,
    by: impl FnOnce(&mut KeptBucket) -> S3Result<T>,
) -> S3Result<T> {
    by(context.shared.state().buckets.get_mut(name).ok_or_else(no_such_bucket)?)
}

pub(super) async fn list_all(
    context: &Context<'_>,
    _: S3Request<ListBucketsInput>,
) -> S3Result<ListBucketsOutput> {
    let state = context.shared.state();
    let buckets =
        state.buckets.keys().map(|name| Bucket { name: Some(name.clone()), ..Bucket::default() });
    Ok(ListBucketsOutput { buckets: Some(buckets.collect()), ..ListBucketsOutput::default() })
}

pub(super) async fn create(
    context: &Context<'_>,
    request: S3Request<CreateBucketInput>,
) -> S3Result<CreateBucketOutput> {
    let input = request.input;
    let mut state = context.shared.state();
    if state.buckets.contains_key(&input.bucket) {
        return Err(refuse(409, "BucketAlreadyOwnedByYou", "The bucket is yours already"));
    }
    let settings = match input.object_lock_enabled_for_bucket {
        Some(true) => BucketSettings::locked(),
        _ => BucketSettings::plain(),
    };
    let location = format!("/{}", input.bucket);
    state.buckets.insert(input.bucket, KeptBucket::new(settings));
    Ok(CreateBucketOutput { location: Some(location) })
}

pub(super) async fn delete(
    context: &Context<'_>,
    request: S3Request<DeleteBucketInput>,
) -> S3Result<DeleteBucketOutput> {
    let input = request.input;
    look(context, &input.bucket, |bucket| match bucket.is_empty() {
        true => Ok(()),
        false => Err(refuse(409, "BucketNotEmpty", "The bucket is not empty")),
    })?;
    context.shared.state().buckets.remove(&input.bucket);
    Ok(DeleteBucketOutput::default())
}

pub(super) async fn head(
    context: &Context<'_>,
    request: S3Request<HeadBucketInput>,
) -> S3Result<HeadBucketOutput> {
    look(context, &request.input.bucket, |_| Ok(()))?;
    Ok(HeadBucketOutput {
        bucket_region: Some(context.shared.region.clone()),
        ..HeadBucketOutput::default()
    })
}

pub(super) async fn location(
    context: &Context<'_>,
    request: S3Request<GetBucketLocationInput>,
) -> S3Result<GetBucketLocationOutput> {
    look(context, &request.input.bucket, |_| Ok(()))?;
    let region = context.shared.region.clone();
    Ok(GetBucketLocationOutput {
        location_constraint: Some(BucketLocationConstraint::from(region)),
    })
}

pub(super) async fn versioning(
    context: &Context<'_>,
    request: S3Request<GetBucketVersioningInput>,
) -> S3Result<GetBucketVersioningOutput> {
    let versioning = look(context, &request.input.bucket, |bucket| Ok(bucket.settings.versioning))?;
    let status = match versioning {
        _ if context.lies(Lie::ClaimsVersioning) => {
            Some(BucketVersioningStatus::from_static("Enabled"))
        }
        Versioning::Disabled => None,
        Versioning::Enabled => Some(BucketVersioningStatus::from_static("Enabled")),
        Versioning::Suspended => Some(BucketVersioningStatus::from_static("Suspended")),
    };
    Ok(GetBucketVersioningOutput { status, ..GetBucketVersioningOutput::default() })
}

pub(super) async fn set_versioning(
    context: &Context<'_>,
    request: S3Request<PutBucketVersioningInput>,
) -> S3Result<PutBucketVersioningOutput> {
    let input = request.input;
    let status = input.versioning_configuration.status;
    let wanted = match status.as_ref().map(BucketVersioningStatus::as_str) {
        Some("Enabled") => Versioning::Enabled,
        Some("Suspended") => Versioning::Suspended,
        _ => return Err(malformed_xml()),
    };
    change(context, &input.bucket, |bucket| {
        let keeps_versions =
            bucket.settings.object_lock && !context.lies(Lie::SuspendsVersioningOfLocks);
        if keeps_versions && wanted != Versioning::Enabled {
            return Err(refuse(
                409,
                "InvalidBucketState",
                "An Object Lock configuration is present on this bucket, so the versioning state \
                 cannot be changed.",
            ));
        }
        bucket.settings.versioning = wanted;
        Ok(PutBucketVersioningOutput::default())
    })
}

pub(super) async fn encryption(
    context: &Context<'_>,
    request: S3Request<GetBucketEncryptionInput>,
) -> S3Result<GetBucketEncryptionOutput> {
    look(context, &request.input.bucket, |bucket| {
        let claimed = context.lies(Lie::ClaimsEncryption).then(DefaultEncryption::aes256);
        let Some(default) = bucket.settings.encryption.as_ref().or(claimed.as_ref()) else {
            return Err(refuse(
                404,
                "ServerSideEncryptionConfigurationNotFoundError",
                "The server side encryption configuration was not found",
            ));
        };
        Ok(GetBucketEncryptionOutput {
            server_side_encryption_configuration: Some(ServerSideEncryptionConfiguration {
                rules: vec![ServerSideEncryptionRule {
                    apply_server_side_encryption_by_default: Some(ServerSideEncryptionByDefault {
                        sse_algorithm: ServerSideEncryption::from(default.algorithm.clone()),
                        kms_master_key_id: default.key_id.clone(),
                    }),
                    bucket_key_enabled: None,
                }],
            }),
        })
    })
}

pub(super) async fn public_access_block(
    context: &Context<'_>,
    request: S3Request<GetPublicAccessBlockInput>,
) -> S3Result<GetPublicAccessBlockOutput> {
    look(context, &request.input.bucket, |bucket| {
        let claimed = context.lies(Lie::ClaimsPrivacy).then_some(true);
        let Some(blocked) = claimed.or(bucket.settings.public_access_blocked) else {
            return Err(refuse(
                404,
                "NoSuchPublicAccessBlockConfiguration",
                "The public access block configuration was not found",
            ));
        };
        Ok(GetPublicAccessBlockOutput {
            public_access_block_configuration: Some(PublicAccessBlockConfiguration {
                block_public_acls: Some(blocked),
                block_public_policy: Some(blocked),
                ignore_public_acls: Some(blocked),
                restrict_public_buckets: Some(blocked),
            }),
        })
    })
}

pub(super) async fn policy_status(
    context: &Context<'_>,
    request: S3Request<GetBucketPolicyStatusInput>,
) -> S3Result<GetBucketPolicyStatusOutput> {
    look(context, &request.input.bucket, |bucket| {
        let claimed = context.lies(Lie::ClaimsPrivacy).then_some(false);
        let Some(is_public) = claimed.or(bucket.settings.public_by_policy) else {
            return Err(refuse(404, "NoSuchBucketPolicy", "The bucket policy does not exist"));
        };
        Ok(GetBucketPolicyStatusOutput {
            policy_status: Some(PolicyStatus { is_public: Some(is_public) }),
        })
    })
}

pub(super) async fn policy(
    context: &Context<'_>,
    request: S3Request<GetBucketPolicyInput>,
) -> S3Result<GetBucketPolicyOutput> {
    look(context, &request.input.bucket, |bucket| match &bucket.settings.policy {
        Some(policy) => Ok(GetBucketPolicyOutput { policy: Some(policy.clone()) }),
        None => Err(refuse(404, "NoSuchBucketPolicy", "The bucket policy does not exist")),
    })
}

pub(super) async fn lifecycle(
    context: &Context<'_>,
    request: S3Request<GetBucketLifecycleConfigurationInput>,
) -> S3Result<GetBucketLifecycleConfigurationOutput> {
    look(context, &request.input.bucket, |bucket| {
        let Some(days) = bucket.settings.aborts_after_days else {
            return Err(refuse(
                404,
                "NoSuchLifecycleConfiguration",
                "The lifecycle configuration does not exist",
            ));
        };
        let rule = LifecycleRule {
            abort_incomplete_multipart_upload: Some(AbortIncompleteMultipartUpload {
                days_after_initiation: Some(days),
            }),
            filter: Some(LifecycleRuleFilter {
                prefix: Some(String::new()),
                ..LifecycleRuleFilter::default()
            }),
            id: Some("abort-unfinished-uploads".to_owned()),
            status: ExpirationStatus::from_static("Enabled"),
            expiration: None,
            noncurrent_version_expiration: None,
            noncurrent_version_transitions: None,
            prefix: None,
            transitions: None,
        };
        Ok(GetBucketLifecycleConfigurationOutput {
            rules: Some(vec![rule]),
            ..GetBucketLifecycleConfigurationOutput::default()
        })
    })
}
