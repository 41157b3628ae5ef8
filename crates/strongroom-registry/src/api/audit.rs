//! Who did what, when.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::extract::{Caller, Ids, Parameters};
use super::problem::ApiError;
use super::refusals::{Any, ForSome, Named, Understood};
use crate::documents::{AuditPage, AuditQuery};
use crate::service::Registry;

/// Reads the audit log, the newest events first.
#[utoipa::path(
    get,
    path = "/audit-events",
    tag = "audit",
    operation_id = "list_audit_events",
    params(
        AuditQuery,
    ),
    responses(
        (status = 200, body = AuditPage, description = "One page of events"),
        Any, ForSome, Understood,
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
    operation_id = "list_package_audit_events",
    params(
        ("package_id" = uuid::Uuid, Path, description = "The package"),
        AuditQuery,
    ),
    responses(
        (status = 200, body = AuditPage, description = "One page of events"),
        Any, ForSome, Named, Understood,
    )
)]
pub async fn of_package(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Ids([package]): Ids<1>,
    Parameters(query): Parameters<AuditQuery>,
) -> Result<Json<AuditPage>, ApiError> {
    Ok(Json(registry.audit_events(&who, Some(package), query).await?))
}
