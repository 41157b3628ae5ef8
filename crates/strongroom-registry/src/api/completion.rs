//! The end of an open package: finalized, or given up; and what a finalized one is.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use strongroom_core::BundleId;
use strongroom_core::signing::sigstore::MEDIA_TYPE;

use super::digest_fields::{entity_tag, is_had};
use super::extract::{Caller, Id, IdempotencyKey, IfMatch, OfChange, conditions, no_body};
use super::files::{as_attachment, name_it, unknown_attachment};
use super::packages::tagged;
use super::problem::ApiError;
use super::refusals::{Any, Archived, Bounded, ForSome, InState, Keyed, Named, Stored, Versioned};
use super::router::API;
use super::sending::sent;
use crate::documents::words;
use crate::documents::{JobDocument, PackageDocument};
use crate::service::Registry;
use crate::service::read_manifest::StoredManifest;

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
    Id(package_id): Id,
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
    Id(package_id): Id,
    key: Option<IdempotencyKey>,
    version: Option<IfMatch>,
) -> Result<Response, ApiError> {
    let on = conditions("POST abandon", key, version, no_body(), &[package_id]);
    let package = registry.abandon(&who, package_id, on).await?;
    Ok((tagged(&package), Json(package)).into_response())
}

/// Reads the `package.json` of a finalized package, as it is stored: what the registry knew of it then, with the
/// manifest in it. It outlives the bytes.
#[utoipa::path(
    get,
    path = "/packages/{package_id}/manifest",
    tag = "packages",
    operation_id = "get_manifest",
    params(
        ("package_id" = uuid::Uuid, Path, description = "The package"),
        ("if-none-match" = Option<String>, Header, description = "Answer nothing where the body has one of these tags"),
    ),
    responses(
        (status = 200, body = Object, content_type = "application/json", description = "The document, byte for byte",
            headers(
                ("etag" = String, description = "The digest of the bytes, as a strong tag"),
                ("repr-digest" = String, description = "The digest of the bytes (RFC 9530)"),
                ("content-disposition" = String, description = "An attachment, `package.json`")
            )),
        (status = 304, description = "The client has it already",
            headers(
                ("etag" = String, description = "The digest of the bytes, as a strong tag"),
                ("repr-digest" = String, description = "The digest of the bytes (RFC 9530)"),
                ("content-disposition" = String, description = "An attachment, `package.json`")
            )),
        Any, ForSome, Named, InState, Stored, Archived,
    )
)]
pub async fn manifest(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Id(package_id): Id,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let manifest = registry.manifest(&who, package_id).await?;
    let mut answered = as_attachment(manifest.sha256, "application/json");
    name_it(&mut answered, "package.json");
    handed_out(registry, manifest, answered, &method, &headers).await
}

/// Reads the registry's signature of a finalized package's manifest: a Sigstore bundle, for `strongroom evidence verify
/// --signature` and other tools. Whose the key is, a trust root says. It outlives the bytes.
#[utoipa::path(
    get,
    path = "/packages/{package_id}/manifest/signature",
    tag = "packages",
    operation_id = "get_manifest_signature",
    params(
        ("package_id" = uuid::Uuid, Path, description = "The package"),
        ("if-none-match" = Option<String>, Header, description = "Answer nothing where the body has one of these tags"),
    ),
    responses(
        (status = 200, body = Object, content_type = "application/vnd.dev.sigstore.bundle.v0.3+json",
            description = "The signature file, byte for byte",
            headers(
                ("etag" = String, description = "The digest of the bytes, as a strong tag"),
                ("repr-digest" = String, description = "The digest of the bytes (RFC 9530)"),
                ("content-disposition" = String, description = "An attachment, `manifest.sigstore.json`")
            )),
        (status = 304, description = "The client has it already",
            headers(
                ("etag" = String, description = "The digest of the bytes, as a strong tag"),
                ("repr-digest" = String, description = "The digest of the bytes (RFC 9530)"),
                ("content-disposition" = String, description = "An attachment, `manifest.sigstore.json`")
            )),
        Any, ForSome, Named, InState, Stored, Archived,
    )
)]
pub async fn signature(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Id(package_id): Id,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let signature = registry.manifest_signature(&who, package_id).await?;
    let mut answered = as_attachment(signature.sha256, MEDIA_TYPE);
    name_it(&mut answered, "manifest.sigstore.json");
    handed_out(registry, signature, answered, &method, &headers).await
}

/// A document as it is stored, unless the client has it or asks for the head alone.
async fn handed_out(
    registry: Arc<Registry>,
    document: StoredManifest,
    mut answered: HeaderMap,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    if is_had(headers, &entity_tag(document.sha256)) {
        return Ok((StatusCode::NOT_MODIFIED, answered).into_response());
    }
    answered.insert(header::CONTENT_LENGTH, HeaderValue::from(document.size_bytes));
    if method == Method::HEAD {
        return Ok(answered.into_response());
    }
    let reader = registry.read_manifest(&document).await?;
    Ok((answered, sent(registry, reader.stream)).into_response())
}

/// Downloads a finalized package as one bundle (`strongroom.bundle/v1`), which any copy of `strongroom` verifies
/// offline: its id is that of `strongroom evidence bundle` of the same files.
#[utoipa::path(
    get,
    path = "/packages/{package_id}/bundle",
    tag = "packages",
    operation_id = "download_bundle",
    params(
        ("package_id" = uuid::Uuid, Path, description = "The package"),
    ),
    responses(
        (status = 200, body = words::Bytes, content_type = "application/gzip", description = "The archive (gzip)",
            headers(
                ("content-disposition" = String, description = "An attachment, named after the bundle")
            )),
        Any, ForSome, Named, InState, Stored, Archived,
    )
)]
pub async fn bundle(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Id(package_id): Id,
    method: Method,
) -> Result<Response, ApiError> {
    if method == Method::HEAD {
        let id = registry.bundle_head(&who, package_id).await?;
        return Ok(bundle_named(id).into_response());
    }
    let bundle = registry.bundle(&who, package_id).await?;
    let answered = bundle_named(bundle.id);
    registry.note_bundle(&who, package_id).await?;
    Ok((answered, sent(registry, bundle.archive)).into_response())
}

fn bundle_named(id: BundleId) -> HeaderMap {
    let mut answered = unknown_attachment("application/gzip");
    name_it(&mut answered, &format!("{}.tar.gz", id.0.to_hex()));
    answered
}
