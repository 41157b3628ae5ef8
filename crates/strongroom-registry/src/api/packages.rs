//! Packages: made, found, read.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::extract::{Caller, IdempotencyKey, Ids, JsonBody, OfNew, Search};
use super::problem::ApiError;
use super::refusals::{Any, Bodied, ForSome, InState, Keyed, Named, Stored, Understood};
use crate::documents::{NewPackage, PackageDocument, PackagePage, PackageQuery};
use crate::service::Registry;
use crate::service::once::Once;

/// A package with its `ETag`.
pub(super) fn tagged(package: &PackageDocument) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", package.version)) {
        headers.insert(header::ETAG, tag);
    }
    headers
}

/// Makes a package, which then takes files until it is finalized.
#[utoipa::path(
    post,
    path = "/packages",
    tag = "packages",
    operation_id = "create_package",
    params(
        OfNew,
    ),
    request_body = NewPackage,
    responses(
        (status = 201, body = PackageDocument, description = "It was made; or had been, under the same key",
            headers(
                ("etag" = String, description = "The package's version"),
                ("location" = String, description = "Where the package is")
            )),
        Any, ForSome, Bodied, Keyed, InState, Stored,
    )
)]
pub async fn create(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    key: Option<IdempotencyKey>,
    body: JsonBody<NewPackage>,
) -> Result<Response, ApiError> {
    let once = key.map(|key| Once { route: "POST /packages", key: key.0, request: body.sha256 });
    let package = registry.create_package(&who, body.value, once).await?;
    let mut headers = tagged(&package);
    let place = format!("{}/packages/{}", super::router::API, package.package_id);
    if let Ok(place) = HeaderValue::from_str(&place) {
        headers.insert(header::LOCATION, place);
    }
    Ok((StatusCode::CREATED, headers, Json(package)).into_response())
}

/// Finds packages, the newest first. Each filter narrows; several hold together.
#[utoipa::path(
    get,
    path = "/packages",
    tag = "packages",
    operation_id = "list_packages",
    params(
        PackageQuery,
    ),
    responses(
        (status = 200, body = PackagePage, description = "One page of packages"),
        Any, ForSome, Understood,
    )
)]
pub async fn list(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Search(query): Search,
) -> Result<Json<PackagePage>, ApiError> {
    Ok(Json(registry.list_packages(&who, query).await?))
}

/// Reads a package's fields.
#[utoipa::path(
    get,
    path = "/packages/{package_id}",
    tag = "packages",
    operation_id = "get_package",
    params(
        ("package_id" = uuid::Uuid, Path, description = "The package"),
    ),
    responses(
        (status = 200, body = PackageDocument, description = "The package",
            headers(
                ("etag" = String, description = "The package's version")
            )),
        Any, Named,
    )
)]
pub async fn get(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Ids([id]): Ids<1>,
) -> Result<Response, ApiError> {
    let package = registry.package(&who, id).await?;
    Ok((tagged(&package), Json(package)).into_response())
}
