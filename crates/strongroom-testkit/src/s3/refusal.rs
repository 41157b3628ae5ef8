//! A refusal: status, S3 error code, a sentence.

use http::StatusCode;
use s3s::{S3Error, S3ErrorCode};

/// An error as S3 answers it. Codes that `s3s` does not know need their status given.
pub(crate) fn refuse(status: u16, code: &'static str, message: &'static str) -> S3Error {
    let code = S3ErrorCode::from_bytes(code.as_bytes()).unwrap_or(S3ErrorCode::InternalError);
    let mut error = S3Error::with_message(code, message);
    if let Ok(status) = StatusCode::from_u16(status) {
        error.set_status_code(status);
    }
    error
}

pub(crate) fn access_denied() -> S3Error {
    refuse(403, "AccessDenied", "Access Denied")
}

pub(crate) fn no_such_bucket() -> S3Error {
    refuse(404, "NoSuchBucket", "The specified bucket does not exist")
}

pub(crate) fn no_such_key() -> S3Error {
    refuse(404, "NoSuchKey", "The specified key does not exist.")
}

pub(crate) fn no_such_version() -> S3Error {
    refuse(404, "NoSuchVersion", "The specified version does not exist.")
}

pub(crate) fn no_such_upload() -> S3Error {
    refuse(404, "NoSuchUpload", "The specified multipart upload does not exist.")
}

pub(crate) fn precondition_failed() -> S3Error {
    refuse(
        412,
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
    )
}

pub(crate) fn bad_digest() -> S3Error {
    refuse(400, "BadDigest", "The digest you specified did not match what was received")
}

pub(crate) fn malformed_xml() -> S3Error {
    refuse(
        400,
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )
}

pub(crate) fn method_not_allowed() -> S3Error {
    refuse(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
}

pub(crate) fn invalid_argument(message: &'static str) -> S3Error {
    refuse(400, "InvalidArgument", message)
}

pub(crate) fn invalid_request(message: &'static str) -> S3Error {
    refuse(400, "InvalidRequest", message)
}
