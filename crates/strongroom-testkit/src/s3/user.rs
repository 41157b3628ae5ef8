//! Who may do what.

use std::collections::BTreeSet;

use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Result, s3_error};
use std::sync::Arc;

use super::lie::{Lie, Lies};
use super::refusal::access_denied;
use super::state::Shared;

/// A right, as a bucket policy would give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// GET and HEAD of objects as they are now.
    Read,
    /// GET and HEAD of objects by version.
    ReadVersions,
    /// PUT of objects, and multipart uploads. Locks in a write need [`Right::WriteLocks`] as well.
    Write,
    /// Aborting multipart uploads.
    Abort,
    /// Listing keys. Without it an absent key answers 403 and not 404, as at AWS.
    List,
    /// Listing versions.
    ListVersions,
    /// Deleting without a version id.
    Delete,
    /// Deleting one version for good, by its id.
    DeleteVersions,
    /// Reading retention and legal hold, and the bucket's Object Lock configuration.
    ReadLocks,
    /// Setting retention and legal hold.
    WriteLocks,
    /// Passing over a governance lock with the bypass header.
    BypassGovernance,
    /// Reading the bucket's settings: versioning, encryption, public access, policy, lifecycle.
    ReadSettings,
    /// Setting a bucket's Object Lock configuration.
    ConfigureLocks,
    /// Making buckets and changing their other settings.
    Admin,
}

impl Right {
    const ALL: [Self; 14] = [
        Self::Read,
        Self::ReadVersions,
        Self::Write,
        Self::Abort,
        Self::List,
        Self::ListVersions,
        Self::Delete,
        Self::DeleteVersions,
        Self::ReadLocks,
        Self::WriteLocks,
        Self::BypassGovernance,
        Self::ReadSettings,
        Self::ConfigureLocks,
        Self::Admin,
    ];

    /// The right that an S3 operation needs, on a version or on what is there now. What is not named
    /// needs [`Right::Admin`].
    fn needed_for(operation: &str, names_a_version: bool) -> Self {
        match operation {
            "GetObject" | "HeadObject" | "GetObjectAttributes" if names_a_version => {
                Self::ReadVersions
            }
            "GetObject" | "HeadObject" | "GetObjectAttributes" => Self::Read,
            "AbortMultipartUpload" => Self::Abort,
            "PutObject"
            | "CopyObject"
            | "CreateMultipartUpload"
            | "UploadPart"
            | "UploadPartCopy"
            | "CompleteMultipartUpload" => Self::Write,
            "ListBuckets"
            | "HeadBucket"
            | "GetBucketLocation"
            | "ListObjects"
            | "ListObjectsV2"
            | "ListMultipartUploads"
            | "ListParts" => Self::List,
            "ListObjectVersions" => Self::ListVersions,
            "DeleteObject" if names_a_version => Self::DeleteVersions,
            "DeleteObject" => Self::Delete,
            "GetObjectRetention" | "GetObjectLegalHold" | "GetObjectLockConfiguration" => {
                Self::ReadLocks
            }
            "PutObjectRetention" | "PutObjectLegalHold" => Self::WriteLocks,
            "PutObjectLockConfiguration" => Self::ConfigureLocks,
            "GetBucketVersioning"
            | "GetBucketEncryption"
            | "GetPublicAccessBlock"
            | "GetBucketPolicyStatus"
            | "GetBucketPolicy"
            | "GetBucketLifecycleConfiguration" => Self::ReadSettings,
            _ => Self::Admin,
        }
    }
}

/// An access key, its secret, and what it may do.
#[derive(Debug, Clone)]
pub struct User {
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
    rights: BTreeSet<Right>,
}

impl User {
    /// Somebody with every right.
    pub fn new(access_key: impl Into<String>, secret_key: impl Into<String>) -> Self {
        Self {
            access_key: access_key.into(),
            secret_key: secret_key.into(),
            rights: Right::ALL.into(),
        }
    }

    /// Takes a right away.
    pub fn without(mut self, right: Right) -> Self {
        self.rights.remove(&right);
        self
    }

    /// Leaves these rights only.
    pub fn with_only(mut self, rights: &[Right]) -> Self {
        self.rights = rights.iter().copied().collect();
        self
    }

    /// Leaves reading and listing only.
    pub fn read_only(mut self) -> Self {
        self.rights = [
            Right::Read,
            Right::ReadVersions,
            Right::List,
            Right::ListVersions,
            Right::ReadLocks,
            Right::ReadSettings,
        ]
        .into();
        self
    }

    /// The access key's id.
    pub fn access_key(&self) -> &str {
        &self.access_key
    }

    /// The secret.
    pub fn secret_key(&self) -> &str {
        &self.secret_key
    }

    pub(crate) fn may(&self, right: Right, lies: &Lies) -> bool {
        self.rights.contains(&right) || lies.tells(Lie::IgnoresRights)
    }
}

/// Secrets for the signature check.
pub(crate) struct Secrets(pub(crate) Arc<Shared>);

#[async_trait::async_trait]
impl S3Auth for Secrets {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        match self.0.user(access_key) {
            Some(user) => Ok(user.secret_key.clone().into()),
            None => Err(s3_error!(InvalidAccessKeyId)),
        }
    }
}

/// The check of rights, after the signature's.
pub(crate) struct Rights(pub(crate) Arc<Shared>);

#[async_trait::async_trait]
impl S3Access for Rights {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let query = context.uri().query().unwrap_or_default();
        let names_a_version = query.split('&').any(|pair| pair.starts_with("versionId="));
        let needed = Right::needed_for(context.s3_op().name(), names_a_version);
        let user = context.credentials().and_then(|who| self.0.user(&who.access_key));
        let reads = matches!(needed, Right::Read | Right::ReadVersions);
        if context.credentials().is_none() && reads && self.0.lies(Lie::AllowsAnonymousReads) {
            return Ok(());
        }
        // A batch needs a right for each of its keys, which the operation asks for.
        let is_batch = context.s3_op().name() == "DeleteObjects";
        match user {
            Some(user) if is_batch || user.may(needed, &self.0.lies) => Ok(()),
            _ => Err(access_denied()),
        }
    }
}
