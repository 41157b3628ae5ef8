//! Presigned URLs: a signature in the query, which ends.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>

use http::Uri;
use http::request::Parts;
use jiff::{SignedDuration, Timestamp};

use super::credentials::{Refused, SKEW_SECONDS_MAX};
use super::lie::Lie;
use super::sigv4::{self, Scope, UNSIGNED_PAYLOAD};
use super::state::Shared;

/// Seven days.
const EXPIRES_SECONDS_MAX: i64 = 7 * 24 * 60 * 60;
/// What belongs to the signature in the query of a presigned URL.
const PARAMETERS: [&str; 6] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
];

/// The parameters of one presigned URL.
#[derive(Debug)]
pub(crate) struct Presigned {
    pub(crate) scope: Scope,
    amz_date: String,
    signed_at: Timestamp,
    expires: SignedDuration,
    /// In lower case, as they were listed.
    signed_headers: Vec<String>,
    signature: String,
}

impl Presigned {
    /// Whether a request was signed in its query.
    pub(crate) fn is(uri: &Uri) -> bool {
        uri.query().is_some_and(|query| {
            query.split('&').any(|pair| pair.split('=').next() == Some("X-Amz-Signature"))
        })
    }

    /// Reads what [`Self::is`] found.
    pub(crate) fn parse(uri: &Uri) -> Result<Self, Refused> {
        let query = uri.query().unwrap_or_default();
        let value = |name: &str| {
            let found = sigv4::query_pairs(query).find(|(given, _)| given == name);
            found.map(|(_, value)| value).ok_or(MALFORMED)
        };
        let amz_date = value("X-Amz-Date")?;
        let scope = Scope::parse(&value("X-Amz-Credential")?).ok_or(MALFORMED)?;
        let expires_seconds = value("X-Amz-Expires")?.parse::<i64>().ok();
        let expires_seconds =
            expires_seconds.filter(|seconds| (1..=EXPIRES_SECONDS_MAX).contains(seconds));
        if value("X-Amz-Algorithm")? != "AWS4-HMAC-SHA256" || !amz_date.starts_with(&scope.date) {
            return Err(MALFORMED);
        }
        Ok(Self {
            signed_at: sigv4::moment(&amz_date).ok_or(MALFORMED)?,
            expires: SignedDuration::from_secs(expires_seconds.ok_or(MALFORMED)?),
            signed_headers: value("X-Amz-SignedHeaders")?.split(';').map(str::to_owned).collect(),
            signature: value("X-Amz-Signature")?,
            amz_date,
            scope,
        })
    }

    /// Judges the URL, and makes of it what `s3s` takes: a request signed by its headers. `s3s`
    /// would judge it by this machine's clock, and let headers pass that nobody signed.
    pub(crate) fn check(&self, shared: &Shared, parts: &mut Parts) -> Result<(), Refused> {
        self.check_dates(shared)?;
        let is_signed = |name: &str| self.signed_headers.iter().any(|signed| signed == name);
        let added = |name: &str| name.starts_with("x-amz-") && !is_signed(name);
        if parts.headers.keys().any(|name| added(name.as_str())) {
            return Err(Refused::denied(
                "There were headers present in the request which were not signed",
            ));
        }
        let Some(user) = shared.user(&self.scope.access_key) else {
            return Err(UNKNOWN_ACCESS_KEY);
        };
        self.check_signature(shared, parts, &user.secret_key)?;
        self.sign_by_header(parts, &user.secret_key);
        Ok(())
    }

    fn check_dates(&self, shared: &Shared) -> Result<(), Refused> {
        let age = shared.signature_clock.now().duration_since(self.signed_at);
        if age < SignedDuration::from_secs(-SKEW_SECONDS_MAX) {
            return Err(Refused::denied("Request is not yet valid"));
        }
        if age > self.expires && !shared.lies(Lie::IgnoresPresignedExpiry) {
            return Err(Refused::denied("Request has expired"));
        }
        Ok(())
    }

    /// What was signed must be there, as it was signed.
    fn check_signature(&self, shared: &Shared, parts: &Parts, secret: &str) -> Result<(), Refused> {
        let is_complete = self.signed_headers.iter().all(|name| parts.headers.contains_key(name));
        let passes = match is_complete {
            false => shared.lies(Lie::AllowsDroppedHeaders),
            true => {
                self.signature_over(parts, secret) == self.signature
                    || shared.lies(Lie::AcceptsTamperedUrls)
            }
        };
        if passes { Ok(()) } else { Err(WRONG_SIGNATURE) }
    }

    fn signature_over(&self, parts: &Parts, secret: &str) -> String {
        let signed: Vec<&str> = self.signed_headers.iter().map(String::as_str).collect();
        let payload = signed.contains(&"x-amz-content-sha256").then_some("x-amz-content-sha256");
        let payload = payload.and_then(|name| parts.headers.get(name)?.to_str().ok());
        let payload = payload.unwrap_or(UNSIGNED_PAYLOAD);
        sigv4::signature(parts, &signed, payload, &self.amz_date, &self.scope, secret)
    }

    fn sign_by_header(&self, parts: &mut Parts, secret: &str) {
        let query = parts.uri.query().unwrap_or_default().split('&');
        let rest: Vec<&str> = query
            .filter(|pair| !PARAMETERS.contains(&pair.split('=').next().unwrap_or_default()))
            .collect();
        let separator = if rest.is_empty() { "" } else { "?" };
        let uri = format!("{}{separator}{}", parts.uri.path(), rest.join("&"));
        if let Ok(uri) = uri.parse() {
            parts.uri = uri;
        }
        sigv4::sign_by_header(parts, &self.amz_date, &self.scope, secret);
    }
}

const MALFORMED: Refused = Refused {
    status: 400,
    code: "AuthorizationQueryParametersError",
    message: "the parameters of the presigned URL cannot be used",
};

const UNKNOWN_ACCESS_KEY: Refused = Refused {
    status: 403,
    code: "InvalidAccessKeyId",
    message: "The AWS Access Key Id you provided does not exist in our records.",
};

const WRONG_SIGNATURE: Refused = Refused {
    status: 403,
    code: "SignatureDoesNotMatch",
    message: "The request signature we calculated does not match the signature you provided.",
};
