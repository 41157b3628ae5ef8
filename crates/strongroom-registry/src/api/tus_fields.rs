//! Header fields of the tus protocol 1.0.0 (<https://tus.io/protocols/resumable-upload>), both ways.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use strongroom_core::Sha256Digest;

use super::problem::ApiError;
use crate::error::{ErrorKind, ServiceError};
use crate::service::Registry;
use crate::service::resumable::NewUpload;

/// The version of the protocol that is spoken.
pub const VERSION: &str = "1.0.0";
/// The extensions of it that are.
pub const EXTENSIONS: &str = "creation,expiration,termination";
/// The version that a request or an answer speaks.
pub const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
/// The versions that could be spoken.
pub const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
/// The extensions that there are.
pub const TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
/// The longest file.
pub const TUS_MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
/// Where in the file the bytes begin, or how many there are by now.
pub const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
/// How many there will be.
pub const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
/// That nobody knows.
pub const UPLOAD_DEFER_LENGTH: HeaderName = HeaderName::from_static("upload-defer-length");
/// A digest of the bytes of one request, of an extension that is not spoken.
pub const UPLOAD_CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
/// What is said of the file: names, each with a value in base64.
pub const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
/// When the upload is not waited for any more.
pub const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
/// The method that is meant by a client that can send only POST.
pub const METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");
/// The media type of the bytes of an upload.
pub const MEDIA_TYPE: &str = "application/offset+octet-stream";

/// Bytes of `Upload-Metadata`: a path of the longest, in base64, and the rest.
const METADATA_BYTES_MAX: usize = 4_096;

/// A request that speaks the version of the protocol that is spoken here. Asked after who sends it.
#[derive(Debug, Clone, Copy)]
pub struct Speaks;

impl FromRequestParts<Arc<Registry>> for Speaks {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Registry>) -> Result<Self, ApiError> {
        let version = parts.headers.get(&TUS_RESUMABLE).map(HeaderValue::as_bytes);
        if version == Some(VERSION.as_bytes()) {
            return Ok(Self);
        }
        Err(ApiError(
            ServiceError::new(
                ErrorKind::ProtocolVersion,
                "the request does not say that it speaks the tus protocol in version 1.0.0",
            )
            .with_guidance("send Tus-Resumable: 1.0.0"),
        ))
    }
}

/// Says in every answer which version is spoken.
pub async fn spoken(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let is_of_another = response.status() == StatusCode::PRECONDITION_FAILED;
    let headers = response.headers_mut();
    headers.insert(TUS_RESUMABLE, HeaderValue::from_static(VERSION));
    if is_of_another {
        headers.insert(TUS_VERSION, HeaderValue::from_static(VERSION));
    }
    response
}

/// `Upload-Metadata` of a file of which nothing else is declared.
pub fn metadata(path: &str, sha256: Sha256Digest) -> String {
    let digest = STANDARD.encode(sha256.to_hex());
    format!("path {},sha256 {digest}", STANDARD.encode(path))
}

/// What a request says of the upload that it begins.
pub fn new_upload(headers: &HeaderMap) -> Result<NewUpload, ApiError> {
    if headers.contains_key(UPLOAD_DEFER_LENGTH) {
        return Err(invalid("the length of an upload is not put off: it is checked first")
            .with_guidance("send Upload-Length with the whole length of the file")
            .into());
    }
    let size_bytes = number(headers, &UPLOAD_LENGTH)?.ok_or_else(|| {
        invalid("the request does not say how long the upload is")
            .with_guidance("send Upload-Length with the whole length of the file")
    })?;
    let metadata = one(headers, &UPLOAD_METADATA)?.unwrap_or_default().to_owned();
    if metadata.len() > METADATA_BYTES_MAX {
        return Err(ServiceError::new(
            ErrorKind::TooLarge,
            format!("Upload-Metadata has more than {METADATA_BYTES_MAX} bytes"),
        )
        .into());
    }
    let said = Said::read(&metadata)?;
    let path = said.path.ok_or_else(|| malformed("it has no path"))?;
    Ok(NewUpload { path, media_type: said.media_type, size_bytes, sha256: said.sha256, metadata })
}

/// What `Upload-Metadata` says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    path: Option<String>,
    media_type: Option<String>,
    sha256: Option<Sha256Digest>,
}

impl Said {
    fn read(text: &str) -> Result<Self, ServiceError> {
        let mut said = Self::default();
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once(' ').unwrap_or((pair, ""));
            let value = STANDARD.decode(value).map_err(|_| malformed("a value is no base64"))?;
            let value = String::from_utf8(value).map_err(|_| malformed("a value is not UTF-8"))?;
            let was_said = match name {
                "path" => said.path.replace(value).is_some(),
                "media_type" => said.media_type.replace(value).is_some(),
                "sha256" => {
                    let digest = Sha256Digest::from_hex(&value.to_ascii_lowercase());
                    let digest = digest.map_err(|_| malformed("sha256 is no digest"))?;
                    said.sha256.replace(digest).is_some()
                }
                _ => return Err(malformed("it has another key than those")),
            };
            if was_said {
                return Err(malformed("it has a key twice"));
            }
        }
        Ok(said)
    }
}

fn malformed(what: &str) -> ServiceError {
    ServiceError::new(ErrorKind::Invalid, format!("Upload-Metadata: {what}")).with_guidance(
        "its keys are path, media_type and sha256 (64 hexadecimal digits), each with a space and its value in base64, and commas between them",
    )
}

/// Where the bytes of a request begin. They are of the one media type that the protocol has for them.
pub fn offset(headers: &HeaderMap) -> Result<u64, ApiError> {
    let media_type = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    if media_type != Some(MEDIA_TYPE.as_bytes()) {
        return Err(ServiceError::new(
            ErrorKind::UnsupportedMediaType,
            format!("the bytes of an upload are of the media type {MEDIA_TYPE}"),
        )
        .into());
    }
    if headers.contains_key(UPLOAD_CHECKSUM) {
        return Err(invalid(
            "the checksum of one request is not looked at: its extension is not spoken",
        )
        .with_guidance("declare the file's digest: sha256 in Upload-Metadata")
        .into());
    }
    let offset = number(headers, &UPLOAD_OFFSET)?;
    Ok(offset.ok_or_else(|| {
        invalid("the request does not say where its bytes begin")
            .with_guidance("send Upload-Offset as HEAD tells it")
    })?)
}

/// A whole number in a field that comes once.
fn number(headers: &HeaderMap, name: &HeaderName) -> Result<Option<u64>, ServiceError> {
    let Some(text) = one(headers, name)? else { return Ok(None) };
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| is_number);
    number.map(Some).ok_or_else(|| invalid("a length or an offset is no whole number"))
}

fn one<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, ServiceError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let text = value.to_str().map_err(|_| invalid("a header field is not ASCII"))?;
            Ok(Some(text.trim()))
        }
        (Some(_), Some(_)) => Err(invalid("a header field of the upload comes twice")),
    }
}

fn invalid(message: &'static str) -> ServiceError {
    ServiceError::new(ErrorKind::Invalid, message)
}

/// A moment as header fields have it (RFC 9110 section 5.6.7).
pub fn http_date(at: Timestamp) -> Option<HeaderValue> {
    let text = DateTimePrinter::new().timestamp_to_rfc9110_string(&at).ok()?;
    HeaderValue::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(metadata: &str) -> ErrorKind {
        Said::read(metadata).unwrap_err().kind()
    }

    #[test]
    fn what_is_said_of_an_upload_is_read_as_clients_write_it() {
        let zeros = "0".repeat(64);
        let encoded = STANDARD.encode(&zeros);
        let said =
            Said::read(&format!("path YS9iIGMudHh0,media_type dGV4dC9wbGFpbg==,sha256 {encoded}"));
        let expected = Said {
            path: Some("a/b c.txt".to_owned()),
            media_type: Some("text/plain".to_owned()),
            sha256: Some(Sha256Digest::from_hex(&zeros).unwrap()),
        };
        assert_eq!(said.unwrap(), expected);
        assert_eq!(Said::read("").unwrap(), Said::default());
        assert_eq!(Said::read("path").unwrap().path.as_deref(), Some(""), "no value is empty");
    }

    #[test]
    fn what_cannot_be_read_is_refused_and_never_repeated() {
        for wrong in ["path !!", "path YQ==,path YQ==", "name YQ==", "path /w==", "sha256 YQ=="] {
            assert_eq!(kind(wrong), ErrorKind::Invalid, "{wrong}");
        }
        assert!(!Said::read("hunter2 YQ==").unwrap_err().to_string().contains("hunter2"));
    }

    #[test]
    fn a_length_is_a_whole_number_of_digits_alone_said_once() {
        let read = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(UPLOAD_LENGTH, HeaderValue::from_static(value));
            }
            number(&headers, &UPLOAD_LENGTH)
        };
        assert_eq!(read(&["17"]).unwrap(), Some(17));
        assert_eq!(read(&[]).unwrap(), None);
        for wrong in ["-1", "+1", "", "1.5", "0x1", "99999999999999999999"] {
            assert!(read(&[wrong]).is_err(), "{wrong}");
        }
        assert!(read(&["1", "1"]).is_err());
    }

    #[test]
    fn a_moment_is_written_as_http_has_it() {
        let at: Timestamp = "2026-11-23T04:05:06.789Z".parse().unwrap();
        assert_eq!(http_date(at).unwrap(), "Mon, 23 Nov 2026 04:05:06 GMT");
    }
}
