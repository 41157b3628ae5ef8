//! Tokens, backends, metadata schemas, the sweeper.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::Value;

use super::extract::{Caller, Ids, JsonBody, Name, Parameters};
use super::problem::ApiError;
use super::refusals::{Any, Bodied, ForSome, InState, Named, Understood};
use crate::documents::{
    BackendPage, ClockConfirmation, NewToken, SchemaDocument, SchemaPage, SchemaQuery,
    SweeperDocument, TokenCreated, TokenPage, TokenQuery,
};
use crate::service::Registry;

/// Tells what each storage backend says of itself, just now.
#[utoipa::path(
    get,
    path = "/backends",
    tag = "administration",
    operation_id = "list_backends",
    responses(
        (status = 200, body = BackendPage, description = "The backends"),
        Any, ForSome,
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
    operation_id = "get_sweeper",
    responses(
        (status = 200, body = SweeperDocument, description = "The sweeper"),
        Any, ForSome,
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
    operation_id = "confirm_clock",
    request_body = ClockConfirmation,
    responses(
        (status = 200, body = SweeperDocument, description = "Deletion goes on"),
        Any, ForSome, Bodied, InState,
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
    operation_id = "list_metadata_schemas",
    params(SchemaQuery),
    responses(
        (status = 200, body = SchemaPage, description = "One page of schemas"),
        Any, ForSome, Understood,
    )
)]
pub async fn schemas(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Parameters(query): Parameters<SchemaQuery>,
) -> Result<Json<SchemaPage>, ApiError> {
    Ok(Json(registry.schemas(&who, query).await?))
}

/// Sets the JSON Schema (2020-12) that the metadata of a producer's new packages is held against.
#[utoipa::path(
    put,
    path = "/metadata-schemas/{producer}",
    tag = "administration",
    operation_id = "set_metadata_schema",
    params(
        ("producer" = String, Path, min_length = 1, max_length = 256, description = "The producer's name"),
    ),
    request_body(content = Object, description = "The schema; it refers to nothing outside of itself", example = json!({ "type": "object", "required": ["repo_slug"] })),
    responses(
        (status = 200, body = SchemaDocument, description = "It holds from now on"),
        Any, ForSome, Bodied,
    )
)]
pub async fn put_schema(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Name(producer): Name,
    body: JsonBody<Value>,
) -> Result<Json<SchemaDocument>, ApiError> {
    Ok(Json(registry.put_schema(&who, producer, body.value).await?))
}

/// Makes a token. The answer is the only one that ever holds its secret.
#[utoipa::path(
    post,
    path = "/tokens",
    tag = "administration",
    operation_id = "create_token",
    request_body = NewToken,
    responses(
        (status = 201, body = TokenCreated, description = "The token, with its secret"),
        Any, ForSome, Bodied,
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
    operation_id = "list_tokens",
    params(TokenQuery),
    responses(
        (status = 200, body = TokenPage, description = "One page of tokens"),
        Any, ForSome, Understood,
    )
)]
pub async fn tokens(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Parameters(query): Parameters<TokenQuery>,
) -> Result<Json<TokenPage>, ApiError> {
    Ok(Json(registry.tokens(&who, query).await?))
}

/// Revokes a token at once. One that is revoked already stays so.
#[utoipa::path(
    delete,
    path = "/tokens/{token_id}",
    tag = "administration",
    operation_id = "revoke_token",
    params(
        ("token_id" = uuid::Uuid, Path, description = "The token"),
    ),
    responses(
        (status = 204, description = "It is good for nothing from now on"),
        Any, ForSome, Named,
    )
)]
pub async fn revoke_token(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Ids([id]): Ids<1>,
) -> Result<StatusCode, ApiError> {
    registry.revoke_token(&who, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
