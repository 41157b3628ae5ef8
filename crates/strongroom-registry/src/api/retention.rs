//! Extensions and legal holds.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::extract::{
    Caller, IdempotencyKey, Ids, IfMatch, JsonBody, OfChange, conditions, no_body,
};
use super::problem::ApiError;
use super::refusals::{Any, Bodied, ForSome, InState, Keyed, Named, Stored, Versioned};
use crate::documents::{
    ExtensionAsk, ExtensionDocument, HoldAsk, HoldDocument, HoldPage, HoldReleaseAsk,
};
use crate::service::Registry;

/// Moves a package's date later. Never earlier.
#[utoipa::path(
    post,
    path = "/packages/{package_id}/retention/extensions",
    tag = "retention",
    operation_id = "extend_retention",
    params(
        ("package_id" = uuid::Uuid, Path, description = "The package"),
        OfChange,
    ),
    request_body = ExtensionAsk,
    responses(
        (status = 201, body = ExtensionDocument, description = "It is on record; a job brings it to each object"),
        Any, ForSome, Named, Bodied, Keyed, Versioned, InState, Stored,
    )
)]
pub async fn extend(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Ids([id]): Ids<1>,
    key: Option<IdempotencyKey>,
    version: Option<IfMatch>,
    body: JsonBody<ExtensionAsk>,
) -> Result<Response, ApiError> {
    let on = conditions("POST extensions", key, version, body.sha256, &[id]);
    let extension = registry.extend_retention(&who, id, body.value, on).await?;
    Ok((StatusCode::CREATED, Json(extension)).into_response())
}

/// Places a legal hold: whatever its date, nothing of the package is deleted until it is released.
#[utoipa::path(
    post,
    path = "/packages/{package_id}/retention/holds",
    tag = "retention",
    operation_id = "place_hold",
    params(
        ("package_id" = uuid::Uuid, Path, description = "The package"),
        OfChange,
    ),
    request_body = HoldAsk,
    responses(
        (status = 201, body = HoldDocument, description = "It is on record; `reach` tells how far it has come"),
        Any, ForSome, Named, Bodied, Keyed, Versioned, InState, Stored,
    )
)]
pub async fn place_hold(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Ids([id]): Ids<1>,
    key: Option<IdempotencyKey>,
    version: Option<IfMatch>,
    body: JsonBody<HoldAsk>,
) -> Result<Response, ApiError> {
    let on = conditions("POST holds", key, version, body.sha256, &[id]);
    let hold = registry.place_hold(&who, id, body.value, on).await?;
    Ok((StatusCode::CREATED, Json(hold)).into_response())
}

/// Lists the holds that a package is or was under.
#[utoipa::path(
    get,
    path = "/packages/{package_id}/retention/holds",
    tag = "retention",
    operation_id = "list_holds",
    params(
        ("package_id" = uuid::Uuid, Path, description = "The package"),
    ),
    responses(
        (status = 200, body = HoldPage, description = "Its holds"),
        Any, ForSome, Named,
    )
)]
pub async fn holds(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Ids([id]): Ids<1>,
) -> Result<Json<HoldPage>, ApiError> {
    Ok(Json(registry.holds(&who, id).await?))
}

/// Releases a legal hold. Where that takes two people, it waits for the second.
#[utoipa::path(
    post,
    path = "/packages/{package_id}/retention/holds/{hold_id}/release",
    tag = "retention",
    operation_id = "release_hold",
    params(
        ("package_id" = uuid::Uuid, Path, description = "The package"),
        ("hold_id" = uuid::Uuid, Path, description = "The hold"),
        OfChange,
    ),
    request_body = HoldReleaseAsk,
    responses(
        (status = 200, body = HoldDocument, description = "Released; or waiting for a second person, where `release_awaits_approval` says so"),
        Any, ForSome, Named, Bodied, Keyed, Versioned, InState, Stored,
    )
)]
pub async fn release_hold(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Ids([id, hold]): Ids<2>,
    key: Option<IdempotencyKey>,
    version: Option<IfMatch>,
    body: JsonBody<HoldReleaseAsk>,
) -> Result<Json<HoldDocument>, ApiError> {
    let on = conditions("POST release", key, version, body.sha256, &[id, hold]);
    Ok(Json(registry.release_hold(&who, (id, hold), body.value, on).await?))
}

/// Agrees, as the second person, to a release that somebody else asked for.
#[utoipa::path(
    post,
    path = "/packages/{package_id}/retention/holds/{hold_id}/release/approve",
    tag = "retention",
    operation_id = "approve_hold_release",
    params(
        ("package_id" = uuid::Uuid, Path, description = "The package"),
        ("hold_id" = uuid::Uuid, Path, description = "The hold"),
        OfChange,
    ),
    responses(
        (status = 200, body = HoldDocument, description = "Released"),
        Any, ForSome, Named, Keyed, Versioned, InState, Stored,
    )
)]
pub async fn approve_release(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Ids([id, hold]): Ids<2>,
    key: Option<IdempotencyKey>,
    version: Option<IfMatch>,
) -> Result<Json<HoldDocument>, ApiError> {
    let on = conditions("POST release/approve", key, version, no_body(), &[id, hold]);
    Ok(Json(registry.approve_hold_release(&who, (id, hold), on).await?))
}
