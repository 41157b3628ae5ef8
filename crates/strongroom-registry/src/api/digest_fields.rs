//! Digests in header fields: `Repr-Digest` (RFC 9530 section 3) and `x-content-sha256`, both ways.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use strongroom_core::Sha256Digest;

use super::problem::ApiError;
use crate::error::{ErrorKind, ServiceError};

/// The digest of the whole representation, whatever part of it is sent.
pub const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");
/// The digest of the whole body, in hexadecimal.
pub const CONTENT_SHA256: HeaderName = HeaderName::from_static("x-content-sha256");

/// The SHA-256 that a request declares of its body. Digests of other algorithms are for others; two that differ are
/// refused.
pub fn declared(headers: &HeaderMap) -> Result<Option<Sha256Digest>, ApiError> {
    let mut declared: Option<Sha256Digest> = None;
    let mut found = Vec::new();
    for value in headers.get_all(REPR_DIGEST) {
        found.extend(members(value.to_str().map_err(|_| malformed())?)?);
    }
    for value in headers.get_all(CONTENT_SHA256) {
        let hex = value.to_str().map_err(|_| malformed())?.trim();
        found.push(Sha256Digest::from_hex(&hex.to_ascii_lowercase()).map_err(|_| malformed())?);
    }
    for digest in found {
        if declared.is_some_and(|declared| declared != digest) {
            return Err(ApiError(ServiceError::new(
                ErrorKind::Invalid,
                "the request declares two different digests",
            )));
        }
        declared = Some(digest);
    }
    Ok(declared)
}

/// The members of a dictionary of byte sequences (RFC 9651 section 3.2) that are SHA-256.
fn members(text: &str) -> Result<Vec<Sha256Digest>, ApiError> {
    let mut digests = Vec::new();
    for member in text.split(',') {
        let (name, value) = member.trim().split_once('=').ok_or_else(malformed)?;
        if name.trim() != "sha-256" {
            continue;
        }
        let value = value.split(';').next().unwrap_or_default().trim();
        let encoded = value.strip_prefix(':').and_then(|value| value.strip_suffix(':'));
        let bytes = STANDARD.decode(encoded.ok_or_else(malformed)?).map_err(|_| malformed())?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| malformed())?;
        digests.push(Sha256Digest::from_bytes(bytes));
    }
    Ok(digests)
}

fn malformed() -> ApiError {
    ApiError(
        ServiceError::new(ErrorKind::Invalid, "the declared digest cannot be read").with_guidance(
            "send Repr-Digest: sha-256=:BASE64:, or x-content-sha256 with 64 hexadecimal digits",
        ),
    )
}

/// A digest as `Repr-Digest` has it.
pub fn repr_digest(digest: Sha256Digest) -> HeaderValue {
    let text = format!("sha-256=:{}:", STANDARD.encode(digest.as_bytes()));
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
}

/// A digest as a strong entity tag (RFC 9110 section 8.8.3).
pub fn entity_tag(digest: Sha256Digest) -> String {
    format!("\"{}\"", digest.to_hex())
}

/// Whether `If-None-Match` (RFC 9110 section 13.1.2) names this tag: the client has it already.
pub fn is_had(headers: &HeaderMap, tag: &str) -> bool {
    headers.get_all(axum::http::header::IF_NONE_MATCH).iter().any(|value| {
        let listed = value.to_str().unwrap_or_default().split(',').map(str::trim);
        listed.into_iter().any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The digest of the example in RFC 9530, appendix A.
    const EXAMPLE: &str = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";

    fn headers(fields: &[(HeaderName, &str)]) -> HeaderMap {
        let value = |text: &str| HeaderValue::from_str(text).unwrap();
        fields.iter().map(|(name, text)| (name.clone(), value(text))).collect()
    }

    #[test]
    fn a_digest_is_read_as_it_is_written() {
        let read = declared(&headers(&[(REPR_DIGEST, EXAMPLE)])).unwrap().unwrap();
        assert_eq!(repr_digest(read), EXAMPLE);
        let both = [
            (REPR_DIGEST, format!("sha-512=:AA==:, {EXAMPLE}")),
            (CONTENT_SHA256, read.to_hex().to_uppercase()),
        ];
        let both = both.each_ref().map(|(name, text)| (name.clone(), text.as_str()));
        assert_eq!(declared(&headers(&both)).unwrap(), Some(read));
        assert_eq!(declared(&HeaderMap::new()).unwrap(), None);
        assert_eq!(declared(&headers(&[(REPR_DIGEST, "sha-512=:AA==:")])).unwrap(), None);
    }

    #[test]
    fn what_cannot_be_read_or_contradicts_itself_is_refused() {
        let wrong = [
            (REPR_DIGEST, "sha-256=:AAAA:"),
            (REPR_DIGEST, "sha-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE="),
            (REPR_DIGEST, "sha-256"),
            (CONTENT_SHA256, "5f8f04"),
        ];
        for field in wrong {
            assert!(declared(&headers(std::slice::from_ref(&field))).is_err(), "{field:?}");
        }
        let zeros = "0".repeat(64);
        let two = headers(&[(REPR_DIGEST, EXAMPLE), (CONTENT_SHA256, &zeros)]);
        assert!(declared(&two).is_err());
    }

    #[test]
    fn a_client_says_what_it_has_in_any_of_the_ways_of_the_standard() {
        let tag = entity_tag(Sha256Digest::of(b"x"));
        let says =
            |text: &str| is_had(&headers(&[(axum::http::header::IF_NONE_MATCH, text)]), &tag);
        assert!(says(&tag) && says("*") && says(&format!("\"a\", W/{tag}")));
        assert!(!says("\"a\"") && !is_had(&HeaderMap::new(), &tag));
    }
}
