//! The S3 operations: one family a file. This file is the table of contents.

mod bucket;
mod bucket_lock;
mod conversions;
mod copy;
mod delete;
mod list;
mod list_versions;
mod lock;
mod multipart;
mod read;
mod restore;
mod unfinished;
mod write;

use std::sync::Arc;

use jiff::Timestamp as Moment;
#[allow(clippy::wildcard_imports)] // the operations' own vocabulary: a hundred names
use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result};

use self::conversions::Received;
use super::digests::Compares;
use super::fault::{Behaviour, Behaviours};
use super::lie::Lie;
use super::state::Shared;
use super::user::Right;

/// The server, as `s3s` calls it.
pub(crate) struct Operations(pub(crate) Arc<Shared>);

/// What an operation knows besides its input.
pub(crate) struct Context<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) behaviours: Behaviours,
    access_key: Option<String>,
}

impl Context<'_> {
    pub(crate) fn has(&self, behaviour: Behaviour) -> bool {
        self.behaviours.has(behaviour)
    }

    pub(crate) fn lies(&self, lie: Lie) -> bool {
        self.shared.lies(lie)
    }

    /// Whether a request passes over governance: it bears the header, and its sender may.
    pub(crate) fn bypasses_governance(&self, header: Option<bool>) -> bool {
        header == Some(true)
            && (self.may(Right::BypassGovernance) || self.lies(Lie::AnybodyBypassesGovernance))
    }

    /// Which digests of a body are compared, in a store with these lies about MD5 and SHA-256.
    fn compares(&self, received: &Received, lies: (Lie, Lie)) -> Compares {
        let ignores = received.is_truncated || self.has(Behaviour::IgnoresDigests);
        Compares { md5: !ignores && !self.lies(lies.0), sha256: !ignores && !self.lies(lies.1) }
    }

    /// The moment after which a lock must end to be one.
    pub(crate) fn locks_end_after(&self) -> Moment {
        if self.lies(Lie::AcceptsPastDates) { Moment::MIN } else { self.shared.clock.now() }
    }

    pub(crate) fn may(&self, right: Right) -> bool {
        let user = self.access_key.as_deref().and_then(|key| self.shared.user(key));
        user.is_some_and(|user| user.may(right, &self.shared.lies))
    }
}

impl Operations {
    fn context<T>(&self, request: &S3Request<T>) -> Context<'_> {
        Context {
            shared: &self.0,
            behaviours: request.extensions.get::<Behaviours>().cloned().unwrap_or_default(),
            access_key: request.credentials.as_ref().map(|who| who.access_key.clone()),
        }
    }
}

macro_rules! operations {
    ($($name:ident: $input:ident -> $output:ident = $function:path;)+) => {
        #[async_trait::async_trait]
        impl S3 for Operations {
            $(async fn $name(
                &self,
                request: S3Request<$input>,
            ) -> S3Result<S3Response<$output>> {
                let context = self.context(&request);
                $function(&context, request).await.map(S3Response::new)
            })+
        }
    };
}

operations! {
    list_buckets: ListBucketsInput -> ListBucketsOutput = bucket::list_all;
    create_bucket: CreateBucketInput -> CreateBucketOutput = bucket::create;
    delete_bucket: DeleteBucketInput -> DeleteBucketOutput = bucket::delete;
    head_bucket: HeadBucketInput -> HeadBucketOutput = bucket::head;
    get_bucket_location: GetBucketLocationInput -> GetBucketLocationOutput = bucket::location;
    get_bucket_versioning: GetBucketVersioningInput -> GetBucketVersioningOutput
        = bucket::versioning;
    put_bucket_versioning: PutBucketVersioningInput -> PutBucketVersioningOutput
        = bucket::set_versioning;
    get_object_lock_configuration: GetObjectLockConfigurationInput
        -> GetObjectLockConfigurationOutput = bucket_lock::configuration;
    put_object_lock_configuration: PutObjectLockConfigurationInput
        -> PutObjectLockConfigurationOutput = bucket_lock::configure;
    get_bucket_encryption: GetBucketEncryptionInput -> GetBucketEncryptionOutput
        = bucket::encryption;
    get_public_access_block: GetPublicAccessBlockInput -> GetPublicAccessBlockOutput
        = bucket::public_access_block;
    get_bucket_policy_status: GetBucketPolicyStatusInput -> GetBucketPolicyStatusOutput
        = bucket::policy_status;
    get_bucket_policy: GetBucketPolicyInput -> GetBucketPolicyOutput = bucket::policy;
    get_bucket_lifecycle_configuration: GetBucketLifecycleConfigurationInput
        -> GetBucketLifecycleConfigurationOutput = bucket::lifecycle;
    list_objects_v2: ListObjectsV2Input -> ListObjectsV2Output = list::objects;
    list_object_versions: ListObjectVersionsInput -> ListObjectVersionsOutput
        = list_versions::versions;
    get_object: GetObjectInput -> GetObjectOutput = read::get;
    head_object: HeadObjectInput -> HeadObjectOutput = read::head;
    restore_object: RestoreObjectInput -> RestoreObjectOutput = restore::restore;
    put_object: PutObjectInput -> PutObjectOutput = write::put;
    copy_object: CopyObjectInput -> CopyObjectOutput = copy::copy;
    delete_object: DeleteObjectInput -> DeleteObjectOutput = delete::one;
    delete_objects: DeleteObjectsInput -> DeleteObjectsOutput = delete::many;
    create_multipart_upload: CreateMultipartUploadInput -> CreateMultipartUploadOutput
        = multipart::create;
    upload_part: UploadPartInput -> UploadPartOutput = multipart::upload_part;
    complete_multipart_upload: CompleteMultipartUploadInput -> CompleteMultipartUploadOutput
        = multipart::complete;
    abort_multipart_upload: AbortMultipartUploadInput -> AbortMultipartUploadOutput
        = multipart::abort;
    list_parts: ListPartsInput -> ListPartsOutput = multipart::list_parts;
    list_multipart_uploads: ListMultipartUploadsInput -> ListMultipartUploadsOutput
        = multipart::list_uploads;
    get_object_retention: GetObjectRetentionInput -> GetObjectRetentionOutput = lock::retention;
    put_object_retention: PutObjectRetentionInput -> PutObjectRetentionOutput
        = lock::set_retention;
    get_object_legal_hold: GetObjectLegalHoldInput -> GetObjectLegalHoldOutput = lock::legal_hold;
    put_object_legal_hold: PutObjectLegalHoldInput -> PutObjectLegalHoldOutput
        = lock::set_legal_hold;
}
