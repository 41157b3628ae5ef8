//! AWS Signature Version 4, as a server computes it: for what `s3s` does not judge by the test's
//! clock, and for requests that a lie lets through.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use jiff::fmt::strtime;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use reqsign_core::hash::{hex_hmac_sha256, hex_sha256, hmac_sha256};

/// What a canonical request leaves unencoded in a query.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// The same in a path.
const PATH: &AsciiSet = &QUERY.remove(b'/');
/// The payload hash of a request whose body was not known when it was signed.
pub(crate) const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";
/// What a signature by header covers at the least.
const SIGNED_BY_HEADER: [&str; 3] = ["host", "x-amz-content-sha256", "x-amz-date"];

/// What a signature is made for: `KEY/DATE/REGION/SERVICE/aws4_request`.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    pub(crate) access_key: String,
    /// `YYYYMMDD`
    pub(crate) date: String,
    pub(crate) region: String,
    pub(crate) service: String,
}

impl Scope {
    /// Reads a credential scope.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split('/').map(str::to_owned);
        let scope = Self {
            access_key: words.next()?,
            date: words.next()?,
            region: words.next()?,
            service: words.next()?,
        };
        (words.next()? == "aws4_request" && words.next().is_none()).then_some(scope)
    }

    fn text(&self) -> String {
        format!("{}/{}/{}/aws4_request", self.date, self.region, self.service)
    }
}

/// The moment of an `x-amz-date`.
pub(crate) fn moment(amz_date: &str) -> Option<Timestamp> {
    let moment = strtime::parse("%Y%m%dT%H%M%SZ", amz_date).ok()?.to_datetime().ok()?;
    Some(moment.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
}

/// The pairs of a query, decoded.
pub(crate) fn query_pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    let decoded = |text: &str| {
        let text = text.replace('+', " ");
        percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    query.split('&').filter(|pair| !pair.is_empty()).map(move |pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    })
}

/// The signature of a request, in hexadecimal. Signed headers that are not there are left out.
pub(crate) fn signature(
    parts: &Parts,
    signed_headers: &[&str],
    payload: &str,
    amz_date: &str,
    scope: &Scope,
    secret: &str,
) -> String {
    let path: Vec<u8> = percent_decode_str(parts.uri.path()).collect();
    let mut query: Vec<String> = query_pairs(parts.uri.query().unwrap_or_default())
        .filter(|(name, _)| name != "X-Amz-Signature")
        .map(|(name, value)| {
            let encoded = |text: &str| percent_encode(text.as_bytes(), QUERY).to_string();
            format!("{}={}", encoded(&name), encoded(&value))
        })
        .collect();
    query.sort();
    let headers: String =
        signed_headers.iter().filter_map(|name| canonical_header(&parts.headers, name)).collect();
    let canonical = format!(
        "{}\n{}\n{}\n{headers}\n{}\n{payload}",
        parts.method,
        percent_encode(&path, PATH),
        query.join("&"),
        signed_headers.join(";"),
    );
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n{amz_date}\n{}\n{}",
        scope.text(),
        hex_sha256(canonical.as_bytes())
    );
    let date = hmac_sha256(format!("AWS4{secret}").as_bytes(), scope.date.as_bytes());
    let region = hmac_sha256(&date, scope.region.as_bytes());
    let service = hmac_sha256(&region, scope.service.as_bytes());
    let key = hmac_sha256(&service, b"aws4_request");
    hex_hmac_sha256(&key, to_sign.as_bytes())
}

fn canonical_header(headers: &HeaderMap, name: &str) -> Option<String> {
    let values: Vec<String> = headers
        .get_all(name)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .map(|value| value.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    (!values.is_empty()).then(|| format!("{name}:{}\n", values.join(",")))
}

/// Signs a request by its headers, as if its sender had, over whatever signature it bears.
pub(crate) fn sign_by_header(parts: &mut Parts, amz_date: &str, scope: &Scope, secret: &str) {
    let payload = parts.headers.get("x-amz-content-sha256");
    let payload = payload.and_then(|value| value.to_str().ok()).unwrap_or(UNSIGNED_PAYLOAD);
    let payload = payload.to_owned();
    for (name, value) in [("x-amz-date", amz_date), ("x-amz-content-sha256", &payload)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            parts.headers.insert(name, value);
        }
    }
    let signature = signature(parts, &SIGNED_BY_HEADER, &payload, amz_date, scope, secret);
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={signature}",
        scope.access_key,
        scope.text(),
        SIGNED_BY_HEADER.join(";"),
    );
    if let Ok(authorization) = HeaderValue::from_str(&authorization) {
        parts.headers.insert("authorization", authorization);
    }
}
