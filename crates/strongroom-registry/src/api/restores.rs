//! Archived bytes, asked for.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::extract::{Caller, Id, IdempotencyKey, IfMatch, JsonBody, conditions, no_body};
use super::problem::{ApiError, Problem};
use crate::documents::{RestoreAsk, RestoreDocument};
use crate::error::ErrorKind;
use crate::service::Registry;

/// Asks the store for archived bytes. They are the same package all the while; a download answers `not-immediately-available` until they are there.
#[utoipa::path(
    post,
    path = "/packages/{package_id}/restore",
    tag = "retention",
    params(("package_id" = uuid::Uuid, Path), ("idempotency-key" = Option<String>, Header, description = "The same request under the same key is done once"),
        ("if-match" = Option<String>, Header, description = "Done only to this version of the package")),
    request_body = Option<RestoreAsk>,
    responses(
        (status = 202, body = RestoreDocument, description = "Asked for; `Retry-After` says when to look, where something is still to come"),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 412, body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 502, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn restore(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Id(id): Id,
    key: Option<IdempotencyKey>,
    version: Option<IfMatch>,
    body: Option<JsonBody<RestoreAsk>>,
) -> Result<Response, ApiError> {
    let (ask, sha256) =
        body.map_or_else(|| (RestoreAsk::default(), no_body()), |body| (body.value, body.sha256));
    let on = conditions("POST restore", key, version, sha256, &[id]);
    let near = registry.restore(&who, id, ask, on).await?;
    let mut headers = HeaderMap::new();
    let wait = ErrorKind::NotImmediatelyAvailable.retry_after().filter(|_| near.awaited > 0);
    headers.extend(wait.map(|wait| (header::RETRY_AFTER, HeaderValue::from(wait.as_secs()))));
    Ok((StatusCode::ACCEPTED, headers, Json(near)).into_response())
}
