//! What a refusal or a missing answer means. S3's error codes are read here and nowhere else.

use crate::exchange::lost;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;

use super::address::is_name;
use super::request;
use crate::exchange::xml::Element;
use crate::{StorageError, StorageErrorKind as Kind, VersionId};

/// The object is in a storage class that is not read from (Glacier).
pub(super) const INVALID_OBJECT_STATE: &str = "InvalidObjectState";

/// Why a request failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The store answered, and refused.
    Refused(Refusal),
    /// There is no answer that counts.
    Unanswered {
        /// What happened.
        error: StorageError,
        /// Whether the store may have received the request and acted on it.
        sent: bool,
    },
}

/// A refusal, as far as the store explained it.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    /// The store's error code: short, letters and digits only.
    pub(super) code: Option<String>,
    /// The region that the store names.
    pub(super) region: Option<String>,
    /// The store's clock.
    pub(super) date: Option<Timestamp>,
    /// Whether the version asked for is a delete marker.
    delete_marker: bool,
}

impl Refusal {
    /// Reads a refusal. The body is untrusted: only a code that looks like one is kept.
    pub(super) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let document = Element::parse(body).ok();
        let error = document.as_ref().map(|root| {
            if root.name == "Error" { root } else { root.child("Error").unwrap_or(root) }
        });
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let code = error.and_then(|error| error.text_of("Code")).filter(|code| is_name(code));
        let region = header("x-amz-bucket-region")
            .or_else(|| error.and_then(|error| error.text_of("Region")))
            .filter(|region| is_name(region));
        Self {
            status,
            code: code.map(str::to_owned),
            region: region.map(str::to_owned),
            date: request::date(headers),
            delete_marker: header("x-amz-delete-marker") == Some("true"),
        }
    }

    /// Whether the store's code is one of these.
    pub(super) fn is(&self, codes: &[&str]) -> bool {
        self.code.as_deref().is_some_and(|code| codes.contains(&code))
    }

    /// Whether another write was under way, and the same request should be sent again.
    pub(super) fn is_conflict(&self) -> bool {
        self.is(&["ConditionalRequestConflict", "OperationAborted"])
            || (self.status == StatusCode::CONFLICT && self.code.is_none())
    }

    /// Whether the store does not know the operation or a header of it.
    pub(super) fn is_not_implemented(&self) -> bool {
        self.status == StatusCode::NOT_IMPLEMENTED || self.is(&["NotImplemented"])
    }

    /// The meaning.
    pub(super) fn kind(&self) -> Kind {
        if self.delete_marker {
            return Kind::NotFound;
        }
        self.code.as_deref().and_then(kind_of_code).unwrap_or_else(|| self.kind_of_status())
    }

    fn kind_of_status(&self) -> Kind {
        match self.status.as_u16() {
            301 | 302 | 307 | 308 => Kind::WrongRegion,
            400 if self.region.is_some() && self.code.is_none() => Kind::WrongRegion,
            401 => Kind::Unauthenticated,
            403 => Kind::PermissionDenied,
            404 | 410 => Kind::NotFound,
            405 | 501 => Kind::Unsupported,
            408 => Kind::TimedOut,
            409 if self.is_conflict() => Kind::ServerFault,
            412 => Kind::AlreadyExists,
            413 => Kind::Limit,
            429 | 503 => Kind::Throttled,
            507 => Kind::NoSpace,
            400..=499 => Kind::InvalidRequest,
            500..=599 => Kind::ServerFault,
            _ => Kind::Malformed,
        }
    }

    /// Status and code.
    pub(super) fn words(&self) -> String {
        let status = self.status.as_u16();
        match &self.code {
            Some(code) => format!("{status} {code}"),
            None => format!("{status}"),
        }
    }

    fn into_error(self) -> StorageError {
        let kind = self.kind();
        let answer = self.words();
        let error = StorageError::new(kind, format!("{} ({answer})", sentence(kind)));
        match (kind, self.region) {
            (Kind::WrongRegion, Some(region)) => error.with_guidance(format!(
                "the store names the region {region}: set it with `--store-region {region}`"
            )),
            _ => match guidance(kind, self.code.as_deref()) {
                Some(guidance) => error.with_guidance(guidance),
                None => error,
            },
        }
    }
}

impl Failure {
    /// The meaning.
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Refused(refusal) => refusal.kind(),
            Self::Unanswered { error, .. } => error.kind(),
        }
    }

    /// The store's refusal, if it is one.
    pub(super) fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::Unanswered { .. } => None,
        }
    }

    /// Whether the store refused with one of these codes.
    pub(super) fn is(&self, codes: &[&str]) -> bool {
        self.refusal().is_some_and(|refusal| refusal.is(codes))
    }

    /// Whether a write that failed like this may have taken place nevertheless.
    pub(super) fn leaves_doubt(&self) -> bool {
        match self {
            Self::Refused(refusal) => {
                refusal.is_conflict()
                    || (refusal.status.is_server_error() && !refusal.is_not_implemented())
            }
            Self::Unanswered { sent, .. } => *sent,
        }
    }
}

impl From<Failure> for StorageError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => refusal.into_error(),
            Failure::Unanswered { error, .. } => error,
        }
    }
}

/// A failure before anything was sent.
impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        Self::Unanswered { error, sent: false }
    }
}

fn kind_of_code(code: &str) -> Option<Kind> {
    Some(match code {
        "NoSuchBucket" => Kind::StoreNotFound,
        "NoSuchKey" | "NoSuchVersion" => Kind::NotFound,
        "AccessDenied" | "AllAccessDisabled" | "AccountProblem" => Kind::PermissionDenied,
        "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "InvalidToken"
        | "TokenRefreshRequired"
        | "NotSignedUp"
        | "InvalidSecurity"
        | "MissingSecurityHeader" => Kind::Unauthenticated,
        "RequestTimeTooSkewed" => Kind::ClockSkew,
        "PreconditionFailed" => Kind::AlreadyExists,
        "ConditionalRequestConflict" | "OperationAborted" => Kind::ServerFault,
        "NoSuchUpload" | "InternalError" => Kind::ServerFault,
        "BadDigest"
        | "InvalidDigest"
        | "XAmzContentSHA256Mismatch"
        | "XAmzContentChecksumMismatch" => Kind::Integrity,
        "SlowDown"
        | "SlowDownRead"
        | "SlowDownWrite"
        | "ServiceUnavailable"
        | "Throttling"
        | "ThrottlingException"
        | "TooManyRequests"
        | "RequestLimitExceeded"
        | "BandwidthLimitExceeded" => Kind::Throttled,
        "RequestTimeout" => Kind::TimedOut,
        "NotImplemented" | "MethodNotAllowed" => Kind::Unsupported,
        // AWS answers it with a 403; it says nothing about rights.
        INVALID_OBJECT_STATE => Kind::Archived,
        "AuthorizationHeaderMalformed"
        | "PermanentRedirect"
        | "TemporaryRedirect"
        | "IncorrectEndpoint" => Kind::WrongRegion,
        "EntityTooLarge" => Kind::Limit,
        "KeyTooLongError" | "InvalidObjectName" | "XMinioInvalidObjectName" => Kind::InvalidKey,
        "QuotaExceeded"
        | "InsufficientStorage"
        | "XMinioStorageFull"
        | "XMinioAdminBucketQuotaExceeded" => Kind::NoSpace,
        _ => return None,
    })
}

fn sentence(kind: Kind) -> &'static str {
    match kind {
        Kind::NotFound => "the store has no such object",
        Kind::StoreNotFound => "the store has no such bucket",
        Kind::AlreadyExists => "something is there already",
        Kind::PermissionDenied => "the store does not allow this",
        Kind::Unauthenticated => "the store does not accept these credentials",
        Kind::WrongRegion => "the bucket is in another region, or at another endpoint",
        Kind::ClockSkew => "the store refuses this machine's clock",
        Kind::Integrity => "the store saw a digest that does not match the bytes",
        Kind::Throttled => "the store asks for patience",
        Kind::ServerFault => "the store failed",
        Kind::TimedOut => "the store gave up waiting",
        Kind::Unsupported => "the store has no such operation",
        Kind::NoSpace => "the store has no space left, or a quota is reached",
        Kind::InvalidKey => "the store does not take such a key",
        Kind::Limit => "the store does not take so large an object",
        Kind::Archived => "the object lies in an archive and cannot be read at once",
        Kind::InvalidRequest => "the store refused the request",
        _ => "the store's answer cannot be understood",
    }
}

fn guidance(kind: Kind, code: Option<&str>) -> Option<&'static str> {
    Some(match kind {
        Kind::StoreNotFound => {
            "create the bucket (with Object Lock, if evidence is to be locked), or correct its name"
        }
        Kind::PermissionDenied => {
            "give these credentials the right, or use others; a lock refuses in the same way"
        }
        Kind::Unauthenticated if code == Some("ExpiredToken") => "renew the temporary credentials",
        Kind::Unauthenticated => "check the access key, its secret, and which profile is in use",
        Kind::WrongRegion => "set the region of the bucket with `--store-region`",
        Kind::ClockSkew => "set this machine's clock; S3 allows 15 minutes",
        Kind::Integrity => {
            "something between here and the store changes bytes: try again, then look at proxies"
        }
        Kind::Throttled | Kind::ServerFault | Kind::TimedOut => "try again later",
        Kind::NoSpace => "free space or raise the quota, then try again",
        Kind::Archived => "the object is archived: restore it first",
        _ => return None,
    })
}

/// The error of a read. S3 has a right of its own for reading a version, and its refusal does not
/// name it.
pub(super) fn unread(error: StorageError, version: Option<&VersionId>) -> StorageError {
    match version {
        Some(_) if error.kind() == Kind::PermissionDenied => error.with_guidance(
            "reading an object by its version takes s3:GetObjectVersion besides s3:GetObject",
        ),
        _ => error,
    }
}

/// A HEAD that was refused without a word.
pub(super) fn unexplained_head() -> StorageError {
    StorageError::new(
        Kind::PermissionDenied,
        "the store does not allow to look at the object, or it is not there (403)",
    )
    .with_guidance("without the right to list, an absent object answers like a forbidden one")
}

/// What a failed exchange means. The details of `error` go to the log only.
pub(super) fn unanswered(error: reqwest::Error) -> Failure {
    let sent = !error.is_connect() && !error.is_builder();
    Failure::Unanswered { error: lost::meaning(error), sent }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, body: &str) -> Refusal {
        Refusal::read(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body.as_bytes())
    }

    fn with_code(status: u16, code: &str) -> Refusal {
        refusal(status, &format!("<Error><Code>{code}</Code><Message>words</Message></Error>"))
    }

    #[test]
    fn each_code_has_its_meaning() {
        for (status, code, kind) in [
            (404, "NoSuchBucket", Kind::StoreNotFound),
            (404, "NoSuchKey", Kind::NotFound),
            (404, "NoSuchVersion", Kind::NotFound),
            (403, "AccessDenied", Kind::PermissionDenied),
            (403, "InvalidAccessKeyId", Kind::Unauthenticated),
            (403, "SignatureDoesNotMatch", Kind::Unauthenticated),
            (400, "ExpiredToken", Kind::Unauthenticated),
            (403, "RequestTimeTooSkewed", Kind::ClockSkew),
            (412, "PreconditionFailed", Kind::AlreadyExists),
            (409, "ConditionalRequestConflict", Kind::ServerFault),
            (409, "InvalidBucketState", Kind::InvalidRequest),
            (403, "InvalidObjectState", Kind::Archived),
            (400, "BadDigest", Kind::Integrity),
            (400, "XAmzContentSHA256Mismatch", Kind::Integrity),
            (503, "SlowDown", Kind::Throttled),
            (501, "NotImplemented", Kind::Unsupported),
            (301, "PermanentRedirect", Kind::WrongRegion),
            (400, "AuthorizationHeaderMalformed", Kind::WrongRegion),
            (400, "EntityTooLarge", Kind::Limit),
            (403, "QuotaExceeded", Kind::NoSpace),
            (400, "MalformedXML", Kind::InvalidRequest),
            (500, "InternalError", Kind::ServerFault),
            (400, "KeyTooLongError", Kind::InvalidKey),
        ] {
            assert_eq!(with_code(status, code).kind(), kind, "{status} {code}");
        }
    }

    #[test]
    fn without_a_code_the_status_decides() {
        for (status, kind) in [
            (307, Kind::WrongRegion),
            (401, Kind::Unauthenticated),
            (403, Kind::PermissionDenied),
            (404, Kind::NotFound),
            (405, Kind::Unsupported),
            (409, Kind::ServerFault),
            (412, Kind::AlreadyExists),
            (418, Kind::InvalidRequest),
            (429, Kind::Throttled),
            (501, Kind::Unsupported),
            (502, Kind::ServerFault),
            (507, Kind::NoSpace),
        ] {
            assert_eq!(refusal(status, "<html>").kind(), kind, "{status}");
        }
    }

    #[test]
    fn only_the_code_of_an_answer_is_shown() {
        let error = StorageError::from(Failure::Refused(with_code(403, "AccessDenied")));
        assert_eq!(error.to_string(), "the store does not allow this (403 AccessDenied)");
        let nasty = with_code(403, "Access\u{1b}[31mDenied or a long story");
        assert_eq!(nasty.code, None);
        let error = StorageError::from(Failure::Refused(nasty));
        assert_eq!(error.to_string(), "the store does not allow this (403)");
    }

    #[test]
    fn an_archived_object_is_to_be_restored() {
        let error = StorageError::from(Failure::Refused(with_code(403, "InvalidObjectState")));
        assert_eq!(error.guidance(), Some("the object is archived: restore it first"));
    }

    #[test]
    fn another_region_is_named() {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-bucket-region", "eu-west-3".parse().unwrap());
        let refusal = Refusal::read(StatusCode::MOVED_PERMANENTLY, &headers, b"");
        let error = StorageError::from(Failure::Refused(refusal));
        assert_eq!(error.kind(), Kind::WrongRegion);
        assert!(error.guidance().unwrap().contains("--store-region eu-west-3"));
    }

    #[test]
    fn a_delete_marker_is_no_object() {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-delete-marker", "true".parse().unwrap());
        let refusal = Refusal::read(StatusCode::METHOD_NOT_ALLOWED, &headers, b"");
        assert_eq!(refusal.kind(), Kind::NotFound);
    }

    #[test]
    fn a_write_is_in_doubt_after_a_fault_and_not_after_a_refusal() {
        let failed = |status, code| Failure::Refused(with_code(status, code));
        assert!(failed(500, "InternalError").leaves_doubt());
        assert!(failed(503, "SlowDown").leaves_doubt());
        assert!(failed(409, "ConditionalRequestConflict").leaves_doubt());
        assert!(!failed(501, "NotImplemented").leaves_doubt());
        assert!(!failed(403, "AccessDenied").leaves_doubt());
        assert!(!failed(412, "PreconditionFailed").leaves_doubt());
    }
}
