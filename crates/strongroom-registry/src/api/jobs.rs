//! Work that goes on after an answer.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::extract::{Caller, Ids, Parameters};
use super::problem::ApiError;
use super::refusals::{Any, ForSome, InState, Named, Understood};
use crate::documents::{JobDocument, JobPage, JobQuery};
use crate::service::Registry;

/// Lists jobs, the newest first.
#[utoipa::path(
    get,
    path = "/jobs",
    tag = "jobs",
    operation_id = "list_jobs",
    params(
        JobQuery,
    ),
    responses(
        (status = 200, body = JobPage, description = "One page of jobs"),
        Any, ForSome, Understood,
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
    operation_id = "get_job",
    params(
        ("job_id" = uuid::Uuid, Path, description = "The job"),
    ),
    responses(
        (status = 200, body = JobDocument, description = "The job"),
        Any, ForSome, Named,
    )
)]
pub async fn get(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Ids([id]): Ids<1>,
) -> Result<Json<JobDocument>, ApiError> {
    Ok(Json(registry.job(&who, id).await?))
}

/// Has a job that gave up tried again.
#[utoipa::path(
    post,
    path = "/jobs/{job_id}/retry",
    tag = "jobs",
    operation_id = "retry_job",
    params(
        ("job_id" = uuid::Uuid, Path, description = "The job"),
    ),
    responses(
        (status = 202, body = JobDocument, description = "It is queued again"),
        Any, ForSome, Named, InState,
    )
)]
pub async fn retry(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Ids([id]): Ids<1>,
) -> Result<(StatusCode, Json<JobDocument>), ApiError> {
    Ok((StatusCode::ACCEPTED, Json(registry.retry_job(&who, id).await?)))
}
