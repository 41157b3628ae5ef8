//! What S3 decides of a request's credentials before it looks at the operation: the region and the
//! date that it was signed for, and presigned URLs. The signature in headers is `s3s`'s to check.

use http::HeaderValue;
use http::request::Parts;
use jiff::SignedDuration;
use s3s::HttpResponse;

use super::answer::{refusal, xml_answer};
use super::lie::Lie;
use super::presigned::Presigned;
use super::sigv4::{self, Scope};
use super::state::Shared;
use super::user::User;

/// How far a request's date may be from the server's clock.
pub(crate) const SKEW_SECONDS_MAX: i64 = 15 * 60;

/// Why a request is refused.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: &'static str,
}

impl Refused {
    pub(crate) fn denied(message: &'static str) -> Self {
        Self { status: 403, code: "AccessDenied", message }
    }

    fn answer(self) -> HttpResponse {
        refusal(self.status, self.code, self.message)
    }
}

/// Judges a request's credentials, and makes of a presigned URL a request that is signed by its
/// headers. Answers what refuses it.
pub(crate) fn check(shared: &Shared, parts: &mut Parts) -> Option<HttpResponse> {
    if Presigned::is(&parts.uri) {
        let presigned = match Presigned::parse(&parts.uri) {
            Ok(presigned) => presigned,
            Err(refused) => return Some(refused.answer()),
        };
        let wrong_region = wrong_region(shared, &presigned.scope);
        let code = "AuthorizationQueryParametersError";
        return wrong_region
            .then(|| wrong_region_answer(shared, code))
            .or_else(|| presigned.check(shared, parts).err().map(Refused::answer));
    }
    let scope = scope_in_header(parts)?;
    if wrong_region(shared, &scope) {
        return Some(wrong_region_answer(shared, "AuthorizationHeaderMalformed"));
    }
    if is_skewed(shared, parts) {
        return Some(TOO_SKEWED.answer());
    }
    match shared.user(&scope.access_key) {
        Some(user) if shared.lies(Lie::AcceptsWrongSecret) => sign_as(user, scope, parts),
        None if shared.lies(Lie::AcceptsUnknownKeys) => sign_as(&shared.users[0], scope, parts),
        _ => {}
    }
    None
}

/// Puts a user's signature in the place of whatever signature there is.
fn sign_as(user: &User, scope: Scope, parts: &mut Parts) {
    let date = parts.headers.get("x-amz-date").and_then(|date| date.to_str().ok());
    if let Some(date) = date.map(str::to_owned) {
        let scope = Scope { access_key: user.access_key.clone(), ..scope };
        sigv4::sign_by_header(parts, &date, &scope, &user.secret_key);
    }
}

/// Who signed a request, and for which region: the credential scope of the `Authorization` header,
/// `…Credential=KEY/DATE/REGION/s3/aws4_request, …`.
fn scope_in_header(parts: &Parts) -> Option<Scope> {
    let header = parts.headers.get("authorization")?.to_str().ok()?;
    let (_, scope) = header.split_once("Credential=")?;
    Scope::parse(scope.split(',').next()?.trim())
}

fn wrong_region(shared: &Shared, scope: &Scope) -> bool {
    scope.region != shared.region && !shared.lies(Lie::AcceptsAnyRegion)
}

fn is_skewed(shared: &Shared, parts: &Parts) -> bool {
    let signed_at = parts.headers.get("x-amz-date").and_then(|date| date.to_str().ok());
    shared.refuses_skewed_clocks
        && !shared.lies(Lie::AcceptsSkewedClocks)
        && signed_at.and_then(sigv4::moment).is_some_and(|signed_at| {
            let skew = shared.signature_clock.now().duration_since(signed_at).abs();
            skew > SignedDuration::from_secs(SKEW_SECONDS_MAX)
        })
}

const TOO_SKEWED: Refused = Refused {
    status: 403,
    code: "RequestTimeTooSkewed",
    message: "The difference between the request time and the current time is too large.",
};

fn wrong_region_answer(shared: &Shared, code: &str) -> HttpResponse {
    let region = &shared.region;
    let (status, code) =
        if shared.redirects_wrong_region { (301, "PermanentRedirect") } else { (400, code) };
    let mut response = xml_answer(
        status,
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code>\
             <Message>the region is wrong; expecting '{region}'</Message>\
             <Region>{region}</Region></Error>"
        ),
    );
    if let Ok(region) = HeaderValue::from_str(region) {
        response.headers_mut().insert("x-amz-bucket-region", region);
    }
    response
}
