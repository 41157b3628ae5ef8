//! Who did what, when.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::extract::{Caller, Id, Parameters};
use super::problem::{ApiError, Problem};
use crate::documents::AuditPage;
use crate::service::Registry;
use crate::service::read_audit::AuditQuery;

/// Reads the audit log, the newest events first.
#[utoipa::path(
    get,
    path = "/audit-events",
    tag = "audit",
    params(AuditQuery),
    responses(
        (status = 200, body = AuditPage),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Parameters(query): Parameters<AuditQuery>,
) -> Result<Json<AuditPage>, ApiError> {
    Ok(Json(registry.audit_events(&who, None, query).await?))
}

/// Reads what happened to one package, the newest events first.
#[utoipa::path(
    get,
    path = "/packages/{package_id}/audit-events",
    tag = "audit",
    params(("package_id" = uuid::Uuid, Path), AuditQuery),
    responses(
        (status = 200, body = AuditPage),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn of_package(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Id(package): Id,
    Parameters(query): Parameters<AuditQuery>,
) -> Result<Json<AuditPage>, ApiError> {
    Ok(Json(registry.audit_events(&who, Some(package), query).await?))
}
