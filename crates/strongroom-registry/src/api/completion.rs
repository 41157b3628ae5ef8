//! The end of an open package: finalized, or given up.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::extract::{Caller, IdempotencyKey, Ids, IfMatch, OfChange, conditions, no_body};
use super::packages::tagged;
use super::problem::ApiError;
use super::refusals::{Any, Bounded, ForSome, InState, Keyed, Named, Stored, Versioned};
use super::router::API;
use crate::documents::{JobDocument, PackageDocument};
use crate::service::Registry;

/// Says that a package is complete: no more files are taken, and a job verifies, locks and seals it. Asked again,
/// answers the same job.
#[utoipa::path(
    post,
    path = "/packages/{package_id}/finalize",
    tag = "packages",
    operation_id = "finalize_package",
    params(
        ("package_id" = uuid::Uuid, Path, description = "The package"),
        OfChange,
    ),
    responses(
        (status = 202, body = JobDocument, description = "The job that does it, or did",
            headers(
                ("location" = String, description = "Where the job is")
            )),
        Any, ForSome, Named, Keyed, Versioned, InState, Bounded,
    )
)]
pub async fn finalize(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Ids([package_id]): Ids<1>,
    key: Option<IdempotencyKey>,
    version: Option<IfMatch>,
) -> Result<Response, ApiError> {
    let on = conditions("POST finalize", key, version, no_body(), &[package_id]);
    let job = registry.finalize(&who, package_id, on).await?;
    let mut headers = HeaderMap::new();
    let place = HeaderValue::from_str(&format!("{API}/jobs/{}", job.job_id));
    headers.extend(place.map(|place| (header::LOCATION, place)));
    Ok((StatusCode::ACCEPTED, headers, Json(job)).into_response())
}

/// Gives an open package up: its bytes are deleted. One under a legal hold is kept.
#[utoipa::path(
    post,
    path = "/packages/{package_id}/abandon",
    tag = "packages",
    operation_id = "abandon_package",
    params(
        ("package_id" = uuid::Uuid, Path, description = "The package"),
        OfChange,
    ),
    responses(
        (status = 200, body = PackageDocument, description = "It is given up",
            headers(
                ("etag" = String, description = "The package's version")
            )),
        Any, ForSome, Named, Keyed, Versioned, InState, Stored,
    )
)]
pub async fn abandon(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Ids([package_id]): Ids<1>,
    key: Option<IdempotencyKey>,
    version: Option<IfMatch>,
) -> Result<Response, ApiError> {
    let on = conditions("POST abandon", key, version, no_body(), &[package_id]);
    let package = registry.abandon(&who, package_id, on).await?;
    Ok((tagged(&package), Json(package)).into_response())
}
