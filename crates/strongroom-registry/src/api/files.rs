//! Files of packages: listed, seen.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::extract::{Caller, Ids, Parameters};
use super::problem::ApiError;
use super::refusals::{Any, Named, Understood};
use crate::documents::{FileDocument, FilePage, FileQuery};
use crate::service::Registry;

/// Lists the files of a package, in the order of their paths' bytes.
#[utoipa::path(
    get,
    path = "/packages/{package_id}/files",
    tag = "files",
    operation_id = "list_files",
    params(
        ("package_id" = uuid::Uuid, Path, description = "The package"),
        FileQuery,
    ),
    responses(
        (status = 200, body = FilePage, description = "One page of files"),
        Any, Named, Understood,
    )
)]
pub async fn list(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Ids([package_id]): Ids<1>,
    Parameters(query): Parameters<FileQuery>,
) -> Result<Json<FilePage>, ApiError> {
    Ok(Json(registry.files(&who, package_id, query).await?))
}

/// Reads a file's fields, and where its bytes are.
#[utoipa::path(
    get,
    path = "/files/{file_id}",
    tag = "files",
    operation_id = "get_file",
    params(
        ("file_id" = uuid::Uuid, Path, description = "The file"),
    ),
    responses(
        (status = 200, body = FileDocument, description = "The file"),
        Any, Named,
    )
)]
pub async fn get(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Ids([id]): Ids<1>,
) -> Result<Json<FileDocument>, ApiError> {
    Ok(Json(registry.file(&who, id).await?))
}
