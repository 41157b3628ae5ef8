//! Archived bytes, asked for.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::extract::{
    Caller, IdempotencyKey, Ids, IfMatch, JsonBody, OfChange, conditions, no_body,
};
use super::problem::ApiError;
use super::refusals::{Any, Bodied, ForSome, InState, Keyed, Named, Stored, Versioned};
use crate::documents::{RestoreAsk, RestoreDocument};
use crate::error::ErrorKind;
use crate::service::Registry;

/// By then a job has looked at some objects.
const JOB_TIME: Duration = Duration::from_secs(5);

/// Asks the store for archived bytes. They are the same package all the while; a download answers `not-immediately-available` until they are there.
#[utoipa::path(
    post,
    path = "/packages/{package_id}/restore",
    tag = "retention",
    operation_id = "restore_package",
    params(
        ("package_id" = uuid::Uuid, Path, description = "The package"),
        OfChange,
    ),
    request_body = Option<RestoreAsk>,
    responses(
        (status = 202, body = RestoreDocument, description = "Asked for",
            headers(
                ("retry-after" = u64, description = "When to look, in seconds: at the job, or for what is known to be archived")
            )),
        Any, ForSome, Named, Bodied, Keyed, Versioned, InState, Stored,
    )
)]
pub async fn restore(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Ids([id]): Ids<1>,
    key: Option<IdempotencyKey>,
    version: Option<IfMatch>,
    body: Option<JsonBody<RestoreAsk>>,
) -> Result<Response, ApiError> {
    let (ask, sha256) =
        body.map_or_else(|| (RestoreAsk::default(), no_body()), |body| (body.value, body.sha256));
    let on = conditions("POST restore", key, version, sha256, &[id]);
    let near = registry.restore(&who, id, ask, on).await?;
    let mut headers = HeaderMap::new();
    let wait = match near.awaited {
        0 => Some(JOB_TIME),
        _ => ErrorKind::NotImmediatelyAvailable.retry_after(),
    };
    headers.extend(wait.map(|wait| (header::RETRY_AFTER, HeaderValue::from(wait.as_secs()))));
    Ok((StatusCode::ACCEPTED, headers, Json(near)).into_response())
}
