//! Work that goes on after an answer.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::extract::{Caller, Id, Parameters};
use super::problem::{ApiError, Problem};
use crate::documents::{JobDocument, JobPage};
use crate::service::Registry;
use crate::service::read_jobs::JobQuery;

/// Lists jobs, the newest first.
#[utoipa::path(
    get,
    path = "/jobs",
    tag = "jobs",
    params(JobQuery),
    responses(
        (status = 200, body = JobPage),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Parameters(query): Parameters<JobQuery>,
) -> Result<Json<JobPage>, ApiError> {
    Ok(Json(registry.jobs(&who, query).await?))
}

/// Tells how far a job is. Whoever may see its package may see it.
#[utoipa::path(
    get,
    path = "/jobs/{job_id}",
    tag = "jobs",
    params(("job_id" = uuid::Uuid, Path)),
    responses(
        (status = 200, body = JobDocument),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn get(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Id(id): Id,
) -> Result<Json<JobDocument>, ApiError> {
    Ok(Json(registry.job(&who, id).await?))
}

/// Has a job that gave up tried again.
#[utoipa::path(
    post,
    path = "/jobs/{job_id}/retry",
    tag = "jobs",
    params(("job_id" = uuid::Uuid, Path)),
    responses(
        (status = 202, body = JobDocument),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn retry(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Id(id): Id,
) -> Result<(StatusCode, Json<JobDocument>), ApiError> {
    Ok((StatusCode::ACCEPTED, Json(registry.retry_job(&who, id).await?)))
}
