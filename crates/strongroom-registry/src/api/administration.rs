//! Tokens, backends, metadata schemas, the sweeper.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::Value;

use super::extract::{Caller, Id, JsonBody};
use super::problem::{ApiError, Problem};
use crate::documents::{
    BackendPage, ClockConfirmation, NewToken, SchemaDocument, SweeperDocument, TokenCreated,
    TokenPage,
};
use crate::service::Registry;

/// Tells what each storage backend says of itself, just now.
#[utoipa::path(
    get,
    path = "/backends",
    tag = "administration",
    responses(
        (status = 200, body = BackendPage),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn backends(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
) -> Result<Json<BackendPage>, ApiError> {
    Ok(Json(registry.backend_status(&who).await?))
}

/// Tells how deletion fares.
#[utoipa::path(
    get,
    path = "/sweeper",
    tag = "administration",
    responses(
        (status = 200, body = SweeperDocument),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn sweeper(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
) -> Result<Json<SweeperDocument>, ApiError> {
    Ok(Json(registry.sweeper(&who).await?))
}

/// Confirms that the clock is right after it jumped, so that deletion goes on.
#[utoipa::path(
    post,
    path = "/sweeper/confirm-clock",
    tag = "administration",
    request_body = ClockConfirmation,
    responses(
        (status = 200, body = SweeperDocument),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn confirm_clock(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    body: JsonBody<ClockConfirmation>,
) -> Result<Json<SweeperDocument>, ApiError> {
    Ok(Json(registry.confirm_clock(&who, body.value).await?))
}

/// Lists the schemas that metadata is held against.
#[utoipa::path(
    get,
    path = "/metadata-schemas",
    tag = "administration",
    responses(
        (status = 200, body = Vec<SchemaDocument>),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn schemas(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
) -> Result<Json<Vec<SchemaDocument>>, ApiError> {
    Ok(Json(registry.schemas(&who).await?))
}

/// Sets the JSON Schema (2020-12) that the metadata of a producer's new packages is held against.
#[utoipa::path(
    put,
    path = "/metadata-schemas/{producer}",
    tag = "administration",
    params(("producer" = String, Path)),
    request_body(content = Object),
    responses(
        (status = 200, body = SchemaDocument),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn put_schema(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Path(producer): Path<String>,
    body: JsonBody<Value>,
) -> Result<Json<SchemaDocument>, ApiError> {
    Ok(Json(registry.put_schema(&who, producer, body.value).await?))
}

/// Makes a token. The answer is the only one that ever holds its secret.
#[utoipa::path(
    post,
    path = "/tokens",
    tag = "administration",
    request_body = NewToken,
    responses(
        (status = 201, body = TokenCreated),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn create_token(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    body: JsonBody<NewToken>,
) -> Result<(StatusCode, Json<TokenCreated>), ApiError> {
    Ok((StatusCode::CREATED, Json(registry.create_token(&who, body.value).await?)))
}

/// Lists the tokens, without their secrets.
#[utoipa::path(
    get,
    path = "/tokens",
    tag = "administration",
    responses(
        (status = 200, body = TokenPage),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn tokens(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
) -> Result<Json<TokenPage>, ApiError> {
    Ok(Json(registry.tokens(&who).await?))
}

/// Revokes a token at once. One that is revoked already stays so.
#[utoipa::path(
    delete,
    path = "/tokens/{token_id}",
    tag = "administration",
    params(("token_id" = uuid::Uuid, Path)),
    responses(
        (status = 204),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn revoke_token(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Id(id): Id,
) -> Result<StatusCode, ApiError> {
    registry.revoke_token(&who, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
