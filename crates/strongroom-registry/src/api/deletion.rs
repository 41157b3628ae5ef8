//! Deletion: asked for, agreed to, taken back.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::extract::{
    Caller, IdempotencyKey, Ids, IfMatch, JsonBody, OfChange, conditions, no_body,
};
use super::packages::tagged;
use super::problem::ApiError;
use super::refusals::{Any, Bodied, ForSome, InState, Keyed, Named, Stored, Versioned};
use crate::documents::{DeletionAsk, PackageDocument, ReasonAsk};
use crate::service::Registry;

/// Asks for a package's deletion, which waits for its grace. Of a blocked deletion: has it go on.
#[utoipa::path(
    post,
    path = "/packages/{package_id}/deletion",
    tag = "deletion",
    operation_id = "request_deletion",
    params(
        ("package_id" = uuid::Uuid, Path, description = "The package"),
        OfChange,
    ),
    request_body = DeletionAsk,
    responses(
        (status = 202, body = PackageDocument, description = "Asked for; or waiting for a second person, where `deletion.awaits_approval` says so",
            headers(
                ("etag" = String, description = "The package's version")
            )),
        Any, ForSome, Named, Bodied, Keyed, Versioned, InState, Stored,
    )
)]
pub async fn request(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Ids([id]): Ids<1>,
    key: Option<IdempotencyKey>,
    version: Option<IfMatch>,
    body: JsonBody<DeletionAsk>,
) -> Result<Response, ApiError> {
    let on = conditions("POST deletion", key, version, body.sha256, &[id]);
    let package = registry.request_deletion(&who, id, body.value, on).await?;
    Ok((StatusCode::ACCEPTED, tagged(&package), Json(package)).into_response())
}

/// Agrees, as the second person, to an early deletion that somebody else asked for.
#[utoipa::path(
    post,
    path = "/packages/{package_id}/deletion/approve",
    tag = "deletion",
    operation_id = "approve_deletion",
    params(
        ("package_id" = uuid::Uuid, Path, description = "The package"),
        OfChange,
    ),
    responses(
        (status = 202, body = PackageDocument, description = "Asked for; it waits for its grace",
            headers(
                ("etag" = String, description = "The package's version")
            )),
        Any, ForSome, Named, Keyed, Versioned, InState, Stored,
    )
)]
pub async fn approve(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Ids([id]): Ids<1>,
    key: Option<IdempotencyKey>,
    version: Option<IfMatch>,
) -> Result<Response, ApiError> {
    let on = conditions("POST deletion/approve", key, version, no_body(), &[id]);
    let package = registry.approve_deletion(&who, id, on).await?;
    Ok((StatusCode::ACCEPTED, tagged(&package), Json(package)).into_response())
}

/// Takes a request for deletion back; of a blocked one, keeps what is left.
#[utoipa::path(
    post,
    path = "/packages/{package_id}/deletion/cancel",
    tag = "deletion",
    operation_id = "cancel_deletion",
    params(
        ("package_id" = uuid::Uuid, Path, description = "The package"),
        OfChange,
    ),
    request_body = ReasonAsk,
    responses(
        (status = 200, body = PackageDocument, description = "It is kept",
            headers(
                ("etag" = String, description = "The package's version")
            )),
        Any, ForSome, Named, Bodied, Keyed, Versioned, InState, Stored,
    )
)]
pub async fn cancel(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Ids([id]): Ids<1>,
    key: Option<IdempotencyKey>,
    version: Option<IfMatch>,
    body: JsonBody<ReasonAsk>,
) -> Result<Response, ApiError> {
    let on = conditions("POST deletion/cancel", key, version, body.sha256, &[id]);
    let package = registry.cancel_deletion(&who, id, body.value, on).await?;
    Ok((tagged(&package), Json(package)).into_response())
}
