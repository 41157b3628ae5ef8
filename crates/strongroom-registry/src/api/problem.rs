//! Errors as documents (RFC 9457, `application/problem+json`). The `type` is stable and decides for programs;
//! the rest is for people. The cause stays in the log.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{ErrorKind, ServiceError};

/// What every problem's `type` begins with.
pub const TYPE_PREFIX: &str = "urn:strongroom:problem:";
/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// A problem, as RFC 9457 section 3 has it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// What kind of problem it is. Further ones may come.
    #[serde(rename = "type")]
    #[schema(pattern = "^urn:strongroom:problem:[a-z-]+$")]
    pub kind: String,
    /// The kind in words; the same for each of the kind.
    pub title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// What went wrong this time.
    pub detail: String,
    /// What can be done about it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub guidance: Option<String>,
}

/// The status that a kind of failure is answered with.
pub fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Invalid | ErrorKind::BodyMismatch => StatusCode::BAD_REQUEST,
        ErrorKind::Unprocessable | ErrorKind::PolicyNotMet | ErrorKind::KeyReused => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ErrorKind::Conflict
        | ErrorKind::WrongState
        | ErrorKind::Retained
        | ErrorKind::NotImmediatelyAvailable => StatusCode::CONFLICT,
        ErrorKind::PreconditionFailed | ErrorKind::ProtocolVersion => {
            StatusCode::PRECONDITION_FAILED
        }
        ErrorKind::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::RangeNotSatisfiable => StatusCode::RANGE_NOT_SATISFIABLE,
        ErrorKind::BeingStored | ErrorKind::Busy | ErrorKind::StoreUnavailable => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        ErrorKind::StoreRefused | ErrorKind::Corrupt => StatusCode::BAD_GATEWAY,
        ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The `type` of this kind's problems.
pub fn type_of(kind: ErrorKind) -> String {
    format!("{TYPE_PREFIX}{}", kind.slug())
}

/// The kind in words.
pub fn title_of(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Invalid => "The request cannot be understood",
        ErrorKind::Unprocessable => "The request is refused for what it says",
        ErrorKind::PolicyNotMet => "A rule refuses it",
        ErrorKind::BodyMismatch => "The body is not what its headers say",
        ErrorKind::Unauthenticated => "Nobody is recognised",
        ErrorKind::Forbidden => "Not allowed",
        ErrorKind::NotFound => "Not found",
        ErrorKind::MethodNotAllowed => "Method not allowed",
        ErrorKind::UnsupportedMediaType => "The media type is not taken here",
        ErrorKind::ProtocolVersion => "Another version of the protocol is spoken here",
        ErrorKind::Conflict => "Something else is there",
        ErrorKind::WrongState => "Not in this state",
        ErrorKind::Retained => "Retained",
        ErrorKind::PreconditionFailed => "It was changed meanwhile",
        ErrorKind::KeyReused => "The idempotency key was used for something else",
        ErrorKind::TooLarge => "Too large",
        ErrorKind::RangeNotSatisfiable => "There are no such bytes",
        ErrorKind::NotImmediatelyAvailable => "Not immediately available",
        ErrorKind::BeingStored => "The bytes are being made a file",
        ErrorKind::Busy => "Too busy",
        ErrorKind::StoreUnavailable => "The store is unavailable",
        ErrorKind::StoreRefused => "The store refuses",
        ErrorKind::Corrupt => "The store does not hold what was stored",
        ErrorKind::Internal => "The registry failed",
    }
}

/// What whoever gets a problem of this kind can do.
pub fn advice_of(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Invalid => "Mend the request: `detail` says which part cannot be read",
        ErrorKind::Unprocessable => "Mend what the request says: `detail` names the field",
        ErrorKind::PolicyNotMet => {
            "Take out what the rule forbids: `detail` names the field, or the rule"
        }
        ErrorKind::BodyMismatch => {
            "Send it again, whole, with the length and the digest that it has; nothing was stored"
        }
        ErrorKind::Unauthenticated => "Send a token that is neither expired nor revoked",
        ErrorKind::Forbidden => "Ask with a token of a role that may",
        ErrorKind::NotFound => "Check the id, and whose token it is",
        ErrorKind::MethodNotAllowed => "Use one of the methods in `Allow`",
        ErrorKind::UnsupportedMediaType => {
            "Send the body with the `Content-Type` that `detail` names"
        }
        ErrorKind::ProtocolVersion => {
            "Speak the version in `Tus-Version`, and name it in `Tus-Resumable`"
        }
        ErrorKind::Conflict => "Look at what is there; nothing is overwritten",
        ErrorKind::WrongState => "Look at the `status`: it is too late, or too early",
        ErrorKind::Retained => "Wait for the date, or have the hold released",
        ErrorKind::PreconditionFailed => "Read it again, and decide anew",
        ErrorKind::KeyReused => "Take a new key for a new request",
        ErrorKind::TooLarge => "Send less: `detail` names the limit",
        ErrorKind::RangeNotSatisfiable => {
            "Ask for bytes that there are: `Content-Range` has the size"
        }
        ErrorKind::NotImmediatelyAvailable => {
            "Ask for a restore, and come again after `Retry-After`"
        }
        ErrorKind::BeingStored => {
            "Ask again after `Retry-After`, for as long as it takes: the bytes are all there"
        }
        ErrorKind::Busy | ErrorKind::StoreUnavailable => "Send it again after `Retry-After`",
        ErrorKind::StoreRefused => "Tell the operator, who finds the cause in the log",
        ErrorKind::Corrupt => "Tell the operator: the store lost or changed something",
        ErrorKind::Internal => "Tell the operator the `x-request-id`: the log has the cause",
    }
}

impl Problem {
    /// The problem that a failure is told as.
    pub fn of(error: &ServiceError) -> Self {
        let kind = error.kind();
        Self {
            kind: type_of(kind),
            title: title_of(kind).to_owned(),
            status: status_of(kind).as_u16(),
            detail: error.to_string(),
            guidance: error.guidance().map(str::to_owned),
        }
    }
}

/// What a handler answers when it fails.
#[derive(Debug)]
pub struct ApiError(pub ServiceError);

impl<E: Into<ServiceError>> From<E> for ApiError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

/// Rides along in an answer, so that the log tells the cause beside the request's id.
#[derive(Debug, Clone)]
pub struct Cause(pub String);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let kind = self.0.kind();
        let mut response = (status_of(kind), Json(Problem::of(&self.0))).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(wait) = kind.retry_after() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs()));
        }
        if kind == ErrorKind::Unauthenticated {
            let challenge = HeaderValue::from_static("Bearer realm=\"strongroom\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(source) = std::error::Error::source(&self.0) {
            response.extensions_mut().insert(Cause(told(source)));
        }
        response
    }
}

/// An error and what caused it, in one line.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_kind_has_a_type_of_its_own_and_an_error_status() {
        let types: BTreeSet<_> = ErrorKind::ALL.iter().map(|kind| kind.slug()).collect();
        assert_eq!(types.len(), ErrorKind::ALL.len());
        for kind in ErrorKind::ALL {
            let status = status_of(kind);
            assert!(status.is_client_error() || status.is_server_error(), "{kind:?}");
        }
    }

    #[test]
    fn the_cause_is_not_in_the_answer() {
        let failure = ServiceError::internal("disk at 10.0.0.7 is gone");
        let shown = serde_json::to_string(&Problem::of(&failure)).unwrap();
        assert!(!shown.contains("10.0.0.7"), "{shown}");
        let response = ApiError(failure).into_response();
        assert!(response.extensions().get::<Cause>().unwrap().0.contains("10.0.0.7"));
    }
}
