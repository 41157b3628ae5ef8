//! What the server was asked.

use http::{HeaderMap, Method, Uri};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;

macro_rules! operations {
    ($($name:ident),+ $(,)?) => {
        /// An S3 operation, by its name in the API reference.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs)] // the names are those of the S3 API reference
        pub enum Op { $($name),+ }
    };
}

operations! {
    ListBuckets, CreateBucket, DeleteBucket, HeadBucket, GetBucketLocation,
    GetBucketVersioning, PutBucketVersioning, GetObjectLockConfiguration,
    PutObjectLockConfiguration, GetBucketEncryption, PutBucketEncryption, GetPublicAccessBlock,
    GetBucketPolicyStatus, GetBucketPolicy, GetBucketLifecycleConfiguration, ListObjects, ListObjectsV2, ListObjectVersions, ListMultipartUploads,
    GetObject, HeadObject, PutObject, CopyObject, DeleteObject, DeleteObjects,
    CreateMultipartUpload, UploadPart, CompleteMultipartUpload, AbortMultipartUpload, ListParts,
    GetObjectRetention, PutObjectRetention, GetObjectLegalHold, PutObjectLegalHold,
    RestoreObject,
    Other,
}

/// One request, in the order of arrival.
#[derive(Debug, Clone)]
pub struct SeenRequest {
    /// The operation.
    pub op: Op,
    /// The HTTP method.
    pub method: Method,
    /// The bucket, or nothing.
    pub bucket: String,
    /// The key, decoded, or nothing.
    pub key: String,
    /// The query as it came.
    pub query: String,
    /// The request's headers.
    pub headers: HeaderMap,
    /// When it came, by the server's clock.
    pub at: Timestamp,
    /// The status of the answer, once there is one.
    pub status: Option<u16>,
    pub(crate) number: u64,
}

impl SeenRequest {
    pub(crate) fn new(method: &Method, uri: &Uri, headers: &HeaderMap, at: Timestamp) -> Self {
        let path = percent_decode_str(uri.path()).decode_utf8_lossy();
        let path = path.strip_prefix('/').unwrap_or(&path);
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let query = uri.query().unwrap_or_default().to_owned();
        let copies = headers.contains_key("x-amz-copy-source");
        let op = match (bucket.is_empty(), key.is_empty()) {
            (true, _) => Op::ListBuckets,
            (false, true) => of_bucket(method, &query),
            (false, false) => of_object(method, &query, copies),
        };
        Self {
            op,
            method: method.clone(),
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            query,
            headers: headers.clone(),
            at,
            status: None,
            number: 0,
        }
    }

    /// A header's value, where it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

fn has(query: &str, name: &str) -> bool {
    query.split('&').any(|pair| pair.split('=').next() == Some(name))
}

fn of_bucket(method: &Method, query: &str) -> Op {
    let has = |name| has(query, name);
    match *method {
        Method::GET if has("versioning") => Op::GetBucketVersioning,
        Method::GET if has("object-lock") => Op::GetObjectLockConfiguration,
        Method::GET if has("encryption") => Op::GetBucketEncryption,
        Method::GET if has("publicAccessBlock") => Op::GetPublicAccessBlock,
        Method::GET if has("policyStatus") => Op::GetBucketPolicyStatus,
        Method::GET if has("policy") => Op::GetBucketPolicy,
        Method::GET if has("lifecycle") => Op::GetBucketLifecycleConfiguration,
        Method::GET if has("location") => Op::GetBucketLocation,
        Method::GET if has("versions") => Op::ListObjectVersions,
        Method::GET if has("uploads") => Op::ListMultipartUploads,
        Method::GET if has("list-type") => Op::ListObjectsV2,
        Method::GET => Op::ListObjects,
        Method::HEAD => Op::HeadBucket,
        Method::PUT if has("versioning") => Op::PutBucketVersioning,
        Method::PUT if has("object-lock") => Op::PutObjectLockConfiguration,
        Method::PUT if has("encryption") => Op::PutBucketEncryption,
        Method::PUT => Op::CreateBucket,
        Method::DELETE => Op::DeleteBucket,
        Method::POST if has("delete") => Op::DeleteObjects,
        _ => Op::Other,
    }
}

fn of_object(method: &Method, query: &str, copies: bool) -> Op {
    let has = |name| has(query, name);
    match *method {
        Method::GET if has("retention") => Op::GetObjectRetention,
        Method::GET if has("legal-hold") => Op::GetObjectLegalHold,
        Method::GET if has("uploadId") => Op::ListParts,
        Method::GET => Op::GetObject,
        Method::HEAD => Op::HeadObject,
        Method::PUT if has("retention") => Op::PutObjectRetention,
        Method::PUT if has("legal-hold") => Op::PutObjectLegalHold,
        Method::PUT if has("uploadId") => Op::UploadPart,
        Method::PUT if copies => Op::CopyObject,
        Method::PUT => Op::PutObject,
        Method::POST if has("restore") => Op::RestoreObject,
        Method::POST if has("uploads") => Op::CreateMultipartUpload,
        Method::POST if has("uploadId") => Op::CompleteMultipartUpload,
        Method::DELETE if has("uploadId") => Op::AbortMultipartUpload,
        Method::DELETE => Op::DeleteObject,
        _ => Op::Other,
    }
}
