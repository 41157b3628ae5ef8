//! Answers and refusals.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;

/// An answer; the date and the service version are added to each.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

/// Why not: status and code.
/// <https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes>
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    status: u16,
    code: &'static str,
}

pub(super) fn refuse(status: u16, code: &'static str) -> Refusal {
    Refusal { status, code }
}

impl Answer {
    pub(super) fn new(status: u16) -> Self {
        Self { status, headers: HeaderMap::new(), body: Bytes::new() }
    }

    pub(super) fn header(mut self, name: &str, value: impl AsRef<str>) -> Self {
        let name = HeaderName::try_from(name).expect("a header's name");
        let value = HeaderValue::try_from(value.as_ref()).expect("a header's value");
        self.headers.insert(name, value);
        self
    }

    pub(super) fn header_if(self, name: &str, value: Option<impl AsRef<str>>) -> Self {
        match value {
            Some(value) => self.header(name, value),
            None => self,
        }
    }

    pub(super) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// The status, and the code of a refusal.
    pub(super) fn in_short(&self) -> (u16, Option<String>) {
        let code = self.headers.get("x-ms-error-code").and_then(|code| code.to_str().ok());
        (self.status, code.map(str::to_owned))
    }

    /// An answer to HEAD tells the length of a body that it does not have.
    pub(super) fn into_response(self, is_head: bool) -> Response<Full<Bytes>> {
        let length = HeaderValue::from(self.body.len());
        let body = if is_head { Bytes::new() } else { self.body };
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = StatusCode::from_u16(self.status).expect("a status");
        *response.headers_mut() = self.headers;
        response.headers_mut().insert("content-length", length);
        response
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let Refusal { status, code } = refusal;
        let body = format!(
            "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code>\
             <Message>as the rules say</Message></Error>"
        );
        Self::new(status).header("x-ms-error-code", code).body(body)
    }
}
