//! What handlers take from a request. Each refusal is a problem document in our own words: a framework's
//! would repeat what was sent.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{
    FromRequest, FromRequestParts, OptionalFromRequest, OptionalFromRequestParts, Path, Query,
    Request,
};
use axum::http::request::Parts;
use axum::http::{HeaderName, Uri, header};
use serde::de::DeserializeOwned;
use strongroom_core::Sha256Digest;
use strongroom_core::canonical::{self, JsonLimits};
use tokio::time::timeout;
use url::form_urlencoded;
use utoipa::IntoParams;
use uuid::Uuid;

use super::problem::ApiError;
use crate::auth::Principal;
use crate::documents::PackageQuery;
use crate::error::{ErrorKind, ServiceError};
use crate::service::Registry;
use crate::service::change::Conditions;
use crate::service::once::Once;

/// The header that names a request that may be sent twice.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Characters of an idempotency key.
const IDEMPOTENCY_KEY_CHARACTERS_MAX: usize = 128;

fn invalid(message: &'static str) -> ApiError {
    ApiError(ServiceError::new(ErrorKind::Invalid, message))
}

/// Somebody with a token that is good now.
#[derive(Debug, Clone)]
pub struct Caller(pub Principal);

impl FromRequestParts<Arc<Registry>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        registry: &Arc<Registry>,
    ) -> Result<Self, ApiError> {
        let principal = registry.recognise(bearer(parts)).await?;
        parts.extensions.insert(CallerId(principal.id));
        Ok(Self(principal))
    }
}

/// Who asked, for the log.
#[derive(Debug, Clone, Copy)]
pub struct CallerId(pub Uuid);

/// The token of `Authorization: Bearer …` (RFC 6750 section 2.1). A second such header is nobody's.
fn bearer(parts: &Parts) -> Option<&str> {
    let mut values = parts.headers.get_all(header::AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim_start())
}

/// A JSON body: bounded, strict (RFC 7493: no duplicate names, no number beyond 2^53), and known field by field.
#[derive(Debug)]
pub struct JsonBody<T> {
    /// What it says.
    pub value: T,
    /// The digest of its bytes, which an idempotency key is bound to.
    pub sha256: Sha256Digest,
}

impl<T: DeserializeOwned> FromRequest<Arc<Registry>> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, registry: &Arc<Registry>) -> Result<Self, ApiError> {
        let is_json = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"));
        if !is_json {
            return Err(ApiError(
                ServiceError::new(ErrorKind::Invalid, "the body is not declared to be JSON")
                    .with_guidance("send it with Content-Type: application/json"),
            ));
        }
        let limits = registry.settings().limits;
        let bytes = bounded(request.into_body(), limits.json_bytes_max);
        let bytes = timeout(limits.idle_body.unsigned_abs(), bytes)
            .await
            .map_err(|_| invalid("the body did not come in time"))??;
        let value = canonical::parse(&bytes, JsonLimits::NATIVE).map_err(|error| {
            ApiError(ServiceError::new(ErrorKind::Invalid, format!("the body: {error}")))
        })?;
        // Serde would take a list for a document of fields.
        if !value.is_object() {
            return Err(invalid("the body is JSON, and not an object"));
        }
        let value = serde_json::from_value(value).map_err(|error| {
            // Serde names fields of ours, and values of theirs: only its kind is told, also to the log.
            ApiError(
                ServiceError::new(
                    ErrorKind::Invalid,
                    "the body's fields are not those of this request",
                )
                .with_guidance("see /api/docs for the fields and their types")
                .with_source(std::io::Error::other(format!("{:?} error", error.classify()))),
            )
        })?;
        Ok(Self { value, sha256: Sha256Digest::of(&bytes) })
    }
}

/// A body that may be left out, together with its media type.
impl<T: DeserializeOwned> OptionalFromRequest<Arc<Registry>> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(
        request: Request,
        registry: &Arc<Registry>,
    ) -> Result<Option<Self>, ApiError> {
        if !request.headers().contains_key(header::CONTENT_TYPE) {
            let bytes = bounded(request.into_body(), 1).await.unwrap_or_default();
            return match bytes.is_empty() {
                true => Ok(None),
                false => Err(invalid("the body is not declared to be JSON")),
            };
        }
        <Self as FromRequest<_>>::from_request(request, registry).await.map(Some)
    }
}

async fn bounded(body: Body, bytes_max: usize) -> Result<bytes::Bytes, ApiError> {
    to_bytes(body, bytes_max).await.map_err(|error| {
        let is_limit = std::error::Error::source(&error)
            .is_some_and(|source| source.is::<http_body_util::LengthLimitError>());
        ApiError(if is_limit {
            ServiceError::body_too_large(bytes_max as u64)
        } else {
            ServiceError::new(ErrorKind::Invalid, "the body broke off").with_source(error)
        })
    })
}

/// Query parameters, known name by name.
#[derive(Debug)]
pub struct Parameters<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Arc<Registry>> for Parameters<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Registry>) -> Result<Self, ApiError> {
        parameters(&parts.uri).map(Self)
    }
}

/// What is wrong with them is told in what was sent: it is not even for the log.
fn parameters<T: DeserializeOwned>(uri: &Uri) -> Result<T, ApiError> {
    Query::try_from_uri(uri).map(|Query(value)| value).map_err(|_| not_these_parameters())
}

fn not_these_parameters() -> ApiError {
    ApiError(
        ServiceError::new(
            ErrorKind::Invalid,
            "the query's parameters are not those of this request",
        )
        .with_guidance("see /api/docs for the parameters and their types"),
    )
}

/// The parameters of a search, of which `metadata` may come several times.
#[derive(Debug)]
pub struct Search(pub PackageQuery);

impl FromRequestParts<Arc<Registry>> for Search {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Registry>) -> Result<Self, ApiError> {
        let sent = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        let (pairs, others): (Vec<_>, Vec<_>) = sent.partition(|(name, _)| name == "metadata");
        let others = form_urlencoded::Serializer::new(String::new()).extend_pairs(others).finish();
        let others: Uri = format!("/?{others}").parse().map_err(|_| not_these_parameters())?;
        let mut query: PackageQuery = parameters(&others)?;
        query.metadata = pairs.into_iter().map(|(_, pair)| pair.into_owned()).collect();
        Ok(Self(query))
    }
}

/// The ids in the path, all of them and in its order. What is no id names nothing.
#[derive(Debug, Clone, Copy)]
pub struct Ids<const N: usize>(pub [Uuid; N]);

impl<const N: usize> FromRequestParts<Arc<Registry>> for Ids<N> {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        registry: &Arc<Registry>,
    ) -> Result<Self, ApiError> {
        let path = <Path<Vec<String>> as FromRequestParts<_>>::from_request_parts(parts, registry);
        let Path(ids) = path.await.map_err(|_| ApiError(ServiceError::not_found()))?;
        let ids = ids.iter().map(|id| Uuid::try_parse(id).ok()).collect::<Option<Vec<_>>>();
        let ids = ids.and_then(|ids| <[Uuid; N]>::try_from(ids).ok());
        ids.map(Self).ok_or_else(|| ApiError(ServiceError::not_found()))
    }
}

/// The header fields of a request that makes something.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header, rename_all = "kebab-case")]
pub struct OfNew {
    /// The same request under the same key is done once. A key is good for a day.
    #[param(min_length = 1, max_length = 128, pattern = "^[!-~]+$")]
    pub idempotency_key: Option<String>,
}

/// The header fields of a request that changes a package.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header, rename_all = "kebab-case")]
pub struct OfChange {
    /// The same request under the same key is done once. A key is good for a day.
    #[param(min_length = 1, max_length = 128, pattern = "^[!-~]+$")]
    pub idempotency_key: Option<String>,
    /// Done only to this version of the package: its `ETag`, or `*`.
    pub if_match: Option<String>,
}

/// A name in the path, percent-decoded.
#[derive(Debug, Clone)]
pub struct Name(pub String);

impl FromRequestParts<Arc<Registry>> for Name {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        registry: &Arc<Registry>,
    ) -> Result<Self, ApiError> {
        let name = <Path<String> as FromRequestParts<_>>::from_request_parts(parts, registry);
        let Path(name) = name.await.map_err(|_| invalid("the path is not UTF-8"))?;
        Ok(Self(name))
    }
}

/// The key under which the same request may come twice and is done once.
#[derive(Debug, Clone)]
pub struct IdempotencyKey(pub String);

impl OptionalFromRequestParts<Arc<Registry>> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &Arc<Registry>,
    ) -> Result<Option<Self>, ApiError> {
        let Some(value) = parts.headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
        let key = value.to_str().unwrap_or_default();
        let is_key = !key.is_empty()
            && key.len() <= IDEMPOTENCY_KEY_CHARACTERS_MAX
            && key.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_key {
            return Err(invalid("an idempotency key is 1 to 128 visible ASCII characters"));
        }
        Ok(Some(Self(key.to_owned())))
    }
}

/// The version that a change is made to (`If-Match`, RFC 9110 section 13.1.1). Ours are strong tags of one number.
#[derive(Debug, Clone, Copy)]
pub struct IfMatch(pub i64);

impl OptionalFromRequestParts<Arc<Registry>> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &Arc<Registry>,
    ) -> Result<Option<Self>, ApiError> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else { return Ok(None) };
        let text = value.to_str().unwrap_or_default().trim();
        if text == "*" {
            return Ok(None);
        }
        let version = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        // A tag that we never gave matches nothing.
        Ok(Some(Self(version.and_then(|version| version.parse().ok()).unwrap_or(-1))))
    }
}

/// The body of a request that takes none, for its idempotency key.
pub fn no_body() -> Sha256Digest {
    Sha256Digest::of(b"")
}

/// Under which conditions a change is asked for. A key is bound to what the path names as well as to the body: the
/// same key and body for another package are another request.
pub fn conditions(
    route: &'static str,
    key: Option<IdempotencyKey>,
    version: Option<IfMatch>,
    body: Sha256Digest,
    named: &[Uuid],
) -> Conditions {
    let once = key.map(|key| {
        let mut request = body.as_bytes().to_vec();
        named.iter().for_each(|id| request.extend_from_slice(id.as_bytes()));
        Once { route, key: key.0, request: Sha256Digest::of(&request) }
    });
    Conditions { once, if_match: version.map(|version| version.0) }
}
