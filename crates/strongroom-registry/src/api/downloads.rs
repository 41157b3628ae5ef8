//! Bytes out: of a file or one range of it, of a finalized package's documents, of its bundle.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use strongroom_core::layout::encode_segment;
use strongroom_core::signing::sigstore;
use strongroom_core::{BundleId, Sha256Digest};
use strongroom_storage::Link;

use super::answers::{
    AtTheStore, FileIsHad, IsHad, Manifest, ManifestSignature, PartOfFile, WholeFile,
};
use super::byte_range::{Asked, asked};
use super::digest_fields::{REPR_DIGEST, entity_tag, is_had, repr_digest};
use super::extract::{Caller, Ids, Parameters};
use super::problem::ApiError;
use super::refusals::{Any, Archived, ForSome, InState, Named, Ranged, Stored, Understood};
use super::sending::sent;
use super::uploads::MEDIA_TYPE;
use crate::documents::{DownloadQuery, words};
use crate::error::{ErrorKind, ServiceError};
use crate::service::Registry;
use crate::service::download_file::Download;
use crate::service::read_manifest::StoredManifest;

/// Downloads a file, or one range of its bytes. A whole body that is not what was stored never ends well: the
/// connection breaks off before its last piece. By policy the answer is a redirect to the store instead.
#[utoipa::path(
    get,
    path = "/files/{file_id}/download",
    tag = "files",
    operation_id = "download_file",
    params(
        ("file_id" = uuid::Uuid, Path, description = "The file"),
        ("range" = Option<String>, Header, description = "One range of bytes (RFC 9110 section 14.1.2); of several, or of what is none, the whole is answered"),
        ("if-range" = Option<String>, Header, description = "Answer the range only of the body with this tag"),
        ("if-none-match" = Option<String>, Header, description = "Answer nothing where the body has one of these tags"),
        DownloadQuery,
    ),
    responses(
        WholeFile, PartOfFile, FileIsHad, AtTheStore, Any, ForSome, Named, Understood, InState, Stored, Archived, Ranged,
    )
)]
pub async fn file(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Ids([id]): Ids<1>,
    Parameters(query): Parameters<DownloadQuery>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let download = registry.download(&who, id).await?;
    let tag = entity_tag(download.sha256);
    let mut answered = described(&download);
    let is_had = is_had(&headers, &tag);
    // Whoever wants no bytes has none of them read.
    match is_had || method == Method::HEAD {
        true => download.refuse_found_damaged()?,
        false => registry.refuse_damaged(&who, &download).await?,
    }
    if is_had {
        return Ok((StatusCode::NOT_MODIFIED, answered).into_response());
    }
    let size_bytes = download.size_bytes;
    // A range means nothing to HEAD (RFC 9110 section 14.2).
    let part =
        if method == Method::HEAD { Asked::Whole } else { asked(&headers, size_bytes, &tag) };
    let (status, range) = match part {
        Asked::Nowhere => return Ok(nowhere(size_bytes)),
        Asked::Whole => (StatusCode::OK, None),
        Asked::Part(range) => (StatusCode::PARTIAL_CONTENT, Some(range)),
    };
    let sent_bytes = range.as_ref().map_or(size_bytes, |range| range.end - range.start);
    answered.insert(header::CONTENT_LENGTH, HeaderValue::from(sent_bytes));
    if let Some(range) = &range {
        let text = format!("bytes {}-{}/{size_bytes}", range.start, range.end - 1);
        answered.extend(HeaderValue::from_str(&text).map(|text| (header::CONTENT_RANGE, text)));
    }
    if method == Method::HEAD {
        return Ok((status, answered).into_response());
    }
    // What `If-Range` names is our tag, which the store does not know.
    if !headers.contains_key(header::IF_RANGE) {
        let name = attachment_named(name_of(&download));
        let redirect =
            registry.redirect_download(&who, &download, query.redirect, sent_bytes, name).await?;
        if let Some(link) = redirect {
            return redirected(&link, answered);
        }
    }
    let reader = registry.read_download(&who, &download, range).await?;
    Ok((status, answered, sent(registry, reader.stream)).into_response())
}

/// What is said of a file's bytes. Names and media types are claims from outside: no browser shall act on them.
fn described(download: &Download) -> HeaderMap {
    let mut headers = as_attachment(download.sha256, "application/octet-stream");
    name_it(&mut headers, name_of(download));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(Ok(media_type)) = download.media_type.as_deref().map(HeaderValue::from_str) {
        headers.insert(MEDIA_TYPE, media_type);
    }
    headers
}

/// The last part of a file's path.
fn name_of(download: &Download) -> &str {
    download.path.rsplit('/').next().unwrap_or_default()
}

/// The way to the store, for this client and for now. What the bytes are is said here: the store cannot be asked.
fn redirected(link: &Link, described: HeaderMap) -> Result<Response, ApiError> {
    let mut location = HeaderValue::from_str(link.reveal())
        .map_err(|error| ApiError(ServiceError::internal(error)))?;
    location.set_sensitive(true);
    let kept = [header::ETAG, REPR_DIGEST, MEDIA_TYPE];
    let said = kept.into_iter().filter_map(|name| {
        let value = described.get(&name)?.clone();
        Some((name, value))
    });
    let mut headers: HeaderMap = said.collect();
    headers.insert(header::LOCATION, location);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok((StatusCode::TEMPORARY_REDIRECT, headers).into_response())
}

fn nowhere(size_bytes: u64) -> Response {
    let kind = ErrorKind::RangeNotSatisfiable;
    let refused = ServiceError::new(kind, format!("the file has {size_bytes} bytes"));
    let mut response = ApiError(refused).into_response();
    let range = HeaderValue::from_str(&format!("bytes */{size_bytes}"));
    response.headers_mut().extend(range.map(|range| (header::CONTENT_RANGE, range)));
    response
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
        Manifest, IsHad, Any, ForSome, Named, InState, Stored, Archived,
    )
)]
pub async fn manifest(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Ids([package_id]): Ids<1>,
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
        ManifestSignature, IsHad, Any, ForSome, Named, InState, Stored, Archived,
    )
)]
pub async fn signature(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Ids([package_id]): Ids<1>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let signature = registry.manifest_signature(&who, package_id).await?;
    let mut answered = as_attachment(signature.sha256, sigstore::MEDIA_TYPE);
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
    Ids([package_id]): Ids<1>,
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

/// The fields of a body that is known by its digest.
fn as_attachment(sha256: Sha256Digest, content_type: &'static str) -> HeaderMap {
    let mut headers = unknown_attachment(content_type);
    headers.extend(HeaderValue::from_str(&entity_tag(sha256)).map(|tag| (header::ETAG, tag)));
    headers.insert(REPR_DIGEST, repr_digest(sha256));
    headers
}

/// The fields of a body whose digest is known at its end only.
fn unknown_attachment(content_type: &'static str) -> HeaderMap {
    HeaderMap::from_iter([
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
    ])
}

/// An attachment with a name (RFC 8187).
fn attachment_named(name: &str) -> String {
    format!("attachment; filename*=UTF-8''{}", encode_segment(name))
}

/// Names an attachment.
fn name_it(headers: &mut HeaderMap, name: &str) {
    if let Ok(text) = HeaderValue::from_str(&attachment_named(name)) {
        headers.insert(header::CONTENT_DISPOSITION, text);
    }
}
