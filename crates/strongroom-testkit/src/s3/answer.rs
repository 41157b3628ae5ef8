//! Answers that are given before S3 looks at the operation, or instead of it.

use http::{HeaderValue, Response, StatusCode};
use s3s::{Body, HttpResponse};

/// An error that the test asked for.
pub(crate) fn error_answer(status: u16, code: &str) -> HttpResponse {
    refusal(status, code, "as the test asked")
}

/// An error as S3 answers it.
pub(crate) fn refusal(status: u16, code: &str, message: &str) -> HttpResponse {
    xml_answer(
        status,
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code>\
             <Message>{message}</Message><RequestId>0</RequestId></Error>"
        ),
    )
}

/// An answer of this status with a body of XML.
pub(crate) fn xml_answer(status: u16, xml: String) -> HttpResponse {
    let mut response = Response::new(Body::from(xml));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/xml"));
    response
}
