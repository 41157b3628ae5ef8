//! What a refusal means. Azure's error codes are read here and nowhere else.
//! <https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes>

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;

use super::request;
use crate::exchange::xml::Element;
use crate::{StorageError, StorageErrorKind as Kind};

/// The longest code that is believed to be one, in bytes.
const CODE_BYTES_MAX: usize = 64;

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
    /// The store's clock.
    pub(super) date: Option<Timestamp>,
}

impl Refusal {
    /// Reads a refusal. It is untrusted: only a code that looks like one is kept.
    pub(super) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let document = Element::parse(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)).ok();
        let is_code = |code: &&str| {
            (1..=CODE_BYTES_MAX).contains(&code.len())
                && code.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        let code = request::header(headers, "x-ms-error-code")
            .or_else(|| document.as_ref().and_then(|root| root.text_of("Code")))
            .filter(is_code)
            .map(str::to_owned);
        Self { status, code, date: request::date(headers) }
    }

    /// Whether the store's code is one of these.
    pub(super) fn is(&self, codes: &[&str]) -> bool {
        self.code.as_deref().is_some_and(|code| codes.contains(&code))
    }

    /// The meaning.
    pub(super) fn kind(&self) -> Kind {
        self.code.as_deref().and_then(kind_of_code).unwrap_or(match self.status.as_u16() {
            401 => Kind::Unauthenticated,
            403 => Kind::PermissionDenied,
            404 => Kind::NotFound,
            405 | 501 => Kind::Unsupported,
            408 => Kind::TimedOut,
            412 => Kind::AlreadyExists,
            413 => Kind::Limit,
            429 | 503 => Kind::Throttled,
            507 => Kind::NoSpace,
            400..=499 => Kind::InvalidRequest,
            500..=599 => Kind::ServerFault,
            _ => Kind::Malformed,
        })
    }

    fn into_error(self) -> StorageError {
        let kind = self.kind();
        let status = self.status.as_u16();
        let answer = match &self.code {
            Some(code) => format!("{status} {code}"),
            None => format!("{status}"),
        };
        let error = StorageError::new(kind, format!("{} ({answer})", sentence(kind)));
        match guidance(kind) {
            Some(guidance) => error.with_guidance(guidance),
            None => error,
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
            Self::Refused(refusal) => refusal.status.is_server_error(),
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
        "ContainerNotFound" | "ContainerBeingDeleted" | "ContainerDisabled" => Kind::StoreNotFound,
        "BlobNotFound" | "ResourceNotFound" => Kind::NotFound,
        "BlobAlreadyExists" | "ConditionNotMet" | "TargetConditionNotMet" => Kind::AlreadyExists,
        "AuthenticationFailed"
        | "InvalidAuthenticationInfo"
        | "NoAuthenticationInformation"
        | "AccountIsDisabled" => Kind::Unauthenticated,
        "AuthorizationFailure"
        | "AuthorizationPermissionMismatch"
        | "AuthorizationServiceMismatch"
        | "AuthorizationResourceTypeMismatch"
        | "AuthorizationProtocolMismatch"
        | "AuthorizationSourceIPMismatch"
        | "InsufficientAccountPermissions"
        | "PublicAccessNotPermitted"
        | "KeyBasedAuthenticationNotPermitted"
        | "LeaseIdMissing"
        | "SnapshotsPresent" => Kind::PermissionDenied,
        "BlobImmutableDueToPolicy"
        | "BlobImmutableDueToLegalHold"
        | "ImmutabilityPolicyDeleteOnLockedPolicy" => Kind::Locked,
        "Md5Mismatch" | "Crc64Mismatch" | "InvalidMd5" => Kind::Integrity,
        "BlobArchived" => Kind::Archived,
        "ServerBusy" => Kind::Throttled,
        "OperationTimedOut" => Kind::TimedOut,
        "InternalError" => Kind::ServerFault,
        "InvalidResourceName" | "OutOfRangeInput" | "InvalidUri" => Kind::InvalidKey,
        "RequestBodyTooLarge" | "BlockCountExceedsLimit" | "BlockListTooLong" => Kind::Limit,
        "NotImplemented" | "FeatureNotSupported" | "UnsupportedHttpVerb" => Kind::Unsupported,
        _ => return None,
    })
}

fn sentence(kind: Kind) -> &'static str {
    match kind {
        Kind::NotFound => "the store has no such blob",
        Kind::StoreNotFound => "the storage account has no such container",
        Kind::AlreadyExists => "something is there already",
        Kind::PermissionDenied => "the store does not allow this",
        Kind::Locked => "an immutability policy or a legal hold does not allow this",
        Kind::Unauthenticated => "the store does not accept these credentials",
        Kind::Integrity => "the store saw a digest that does not match the bytes",
        Kind::Throttled => "the store asks for patience",
        Kind::ServerFault => "the store failed",
        Kind::TimedOut => "the store gave up waiting",
        Kind::Unsupported => "the store has no such operation",
        Kind::NoSpace => "the store has no space left, or a quota is reached",
        Kind::InvalidKey => "the store does not take such a name",
        Kind::Limit => "the store does not take so large a blob",
        Kind::Archived => "the blob lies in the archive tier and cannot be read at once",
        Kind::InvalidRequest => "the store refused the request",
        _ => "the store's answer cannot be understood",
    }
}

fn guidance(kind: Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::StoreNotFound => "create the container, or correct its name",
        Kind::PermissionDenied => {
            "give this identity the right (Storage Blob Data Contributor; for locks Storage Blob Data \
             Owner, or `i` in a SAS), or use another"
        }
        Kind::Unauthenticated => {
            "check the account's name and key, the SAS and its dates, and this machine's clock"
        }
        Kind::Integrity => {
            "something between here and the store changes bytes: try again, then look at proxies"
        }
        Kind::Throttled | Kind::ServerFault | Kind::TimedOut => "try again later",
        Kind::NoSpace => "free space or raise the quota, then try again",
        Kind::Archived => "the blob is archived: restore it first, to the tier cool or hot",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, code: Option<&str>, body: &str) -> Refusal {
        let mut headers = HeaderMap::new();
        if let Some(code) = code {
            headers.insert("x-ms-error-code", code.parse().unwrap());
        }
        Refusal::read(StatusCode::from_u16(status).unwrap(), &headers, body.as_bytes())
    }

    #[test]
    fn a_code_is_read_from_the_header_or_the_body() {
        let body = "\u{feff}<?xml version=\"1.0\"?><Error><Code>BlobNotFound</Code></Error>";
        assert_eq!(refusal(404, None, body).kind(), Kind::NotFound);
        assert_eq!(refusal(404, Some("ContainerNotFound"), "").kind(), Kind::StoreNotFound);
        assert_eq!(refusal(409, Some("BlobAlreadyExists"), "").kind(), Kind::AlreadyExists);
        assert_eq!(refusal(409, Some("BlobImmutableDueToPolicy"), "").kind(), Kind::Locked);
        assert_eq!(refusal(409, Some("BlobImmutableDueToLegalHold"), "").kind(), Kind::Locked);
        assert_eq!(refusal(403, Some("AuthenticationFailed"), "").kind(), Kind::Unauthenticated);
        assert_eq!(refusal(409, Some("BlobArchived"), "").kind(), Kind::Archived);
        assert_eq!(refusal(412, None, "<html>").kind(), Kind::AlreadyExists);
        assert_eq!(refusal(503, None, "").kind(), Kind::Throttled);
    }

    #[test]
    fn only_a_code_that_looks_like_one_is_shown() {
        let error = StorageError::from(Failure::Refused(refusal(403, Some("a long story"), "")));
        assert_eq!(error.to_string(), "the store does not allow this (403)");
    }

    #[test]
    fn an_archived_blob_is_to_be_restored() {
        let error = StorageError::from(Failure::Refused(refusal(409, Some("BlobArchived"), "")));
        assert!(error.guidance().unwrap().contains("restore it first"));
    }

    #[test]
    fn a_write_is_in_doubt_after_a_fault_and_not_after_a_refusal() {
        let doubt = |status, code| Failure::Refused(refusal(status, Some(code), "")).leaves_doubt();
        assert!(doubt(500, "InternalError") && doubt(503, "ServerBusy"));
        assert!(!doubt(409, "BlobAlreadyExists") && !doubt(403, "AuthorizationFailure"));
    }
}
