//! A file in several requests: the tus protocol 1.0.0 (core, creation, expiration, termination), so that whoever was
//! cut off goes on from where the last bytes ended.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt as _;

use super::answers::{Begun, Counted, Ended, Reached, Told};
use super::digest_fields::{REPR_DIGEST, repr_digest};
use super::extract::{Caller, Ids};
use super::problem::ApiError;
use super::refusals::{Any, Bodied, Completed, ForSome, InState, Named, Spoken, Stored};
use super::router::API;
use super::tus_fields as tus;
use super::uploads::{broken, length};
use crate::documents::words;
use crate::error::{ErrorKind, ServiceError};
use crate::service::Registry;
use crate::service::resumable::Upload;

/// Begins an upload of one file in several requests (tus 1.0.0), which goes on after a cut.
///
/// The whole length is declared, and what can be refused by path, length and digest is refused now. The bytes come by
/// PATCH to what `Location` names. An upload without bytes is a file at once.
#[utoipa::path(
    post,
    path = "/packages/{package_id}/uploads",
    tag = "files",
    operation_id = "begin_upload",
    params(
        ("package_id" = uuid::Uuid, Path, description = "The package"),
        ("tus-resumable" = String, Header, pattern = r"^1\.0\.0$", description = "The version of the tus protocol: `1.0.0`"),
        ("upload-length" = u64, Header, minimum = 0, description = "How many bytes the file has"),
        ("upload-metadata" = String, Header, max_length = 4096, pattern = r"^path [A-Za-z0-9+/]+={0,2}(,(media_type|sha256) [A-Za-z0-9+/]+={0,2}){0,2}$", description = "`path`, `media_type` and `sha256` (64 hexadecimal digits): each with a space and its value in base64, commas between them"),
    ),
    responses(
        Begun, Any, ForSome, Named, Bodied, InState, Stored, Spoken,
    )
)]
pub async fn begin(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    _: tus::Speaks,
    Ids([package_id]): Ids<1>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let new = tus::new_upload(&headers)?;
    let upload = registry.begin_upload(&who, package_id, new).await?;
    let mut response = (StatusCode::CREATED, state(&upload)).into_response();
    if let Ok(place) = HeaderValue::from_str(&format!("{API}/uploads/{}", upload.id)) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

/// Tells how far an upload is. One whose bytes are all there is made a file first.
///
/// Where that takes long it is answered before (503, `being-stored`), again and again: ask until it is a file.
#[utoipa::path(
    head,
    path = "/uploads/{upload_id}",
    tag = "files",
    operation_id = "get_upload",
    params(
        ("upload_id" = uuid::Uuid, Path, description = "The upload"),
        ("tus-resumable" = String, Header, pattern = r"^1\.0\.0$", description = "The version of the tus protocol: `1.0.0`"),
    ),
    responses(
        Reached, Any, ForSome, Named, Bodied, InState, Stored, Spoken, Completed,
    )
)]
pub async fn look(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    _: tus::Speaks,
    Ids([id]): Ids<1>,
) -> Result<Response, ApiError> {
    let upload = registry.look_at_upload(&who, id).await?;
    let mut response = (StatusCode::OK, state(&upload)).into_response();
    let headers = response.headers_mut();
    headers.insert(tus::UPLOAD_LENGTH, HeaderValue::from(upload.size_bytes));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(metadata) = HeaderValue::from_str(&upload.metadata) {
        headers.insert(tus::UPLOAD_METADATA, metadata);
    }
    Ok(response)
}

/// Sends bytes of an upload, from where the last ones ended.
///
/// What came of a body that broke off counts. With the last byte the file is stored as if it had come whole: the same
/// checks, the same object, the same answer if the very same was there. Where that is cut, an empty body at the end, or
/// HEAD, has it done.
#[utoipa::path(
    patch,
    path = "/uploads/{upload_id}",
    tag = "files",
    operation_id = "send_upload",
    params(
        ("upload_id" = uuid::Uuid, Path, description = "The upload"),
        ("tus-resumable" = String, Header, pattern = r"^1\.0\.0$", description = "The version of the tus protocol: `1.0.0`"),
        ("upload-offset" = u64, Header, minimum = 0, description = "Where in the file the bytes begin: as HEAD tells it"),
    ),
    request_body(content = words::Bytes, content_type = "application/offset+octet-stream", description = "The next bytes of the file, as many as are sent at once"),
    responses(
        Counted, Any, ForSome, Named, Bodied, InState, Stored, Spoken, Completed,
    )
)]
pub async fn send(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    _: tus::Speaks,
    Ids([id]): Ids<1>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let offset_bytes = tus::offset(&headers)?;
    let declared_bytes = length(&headers)?;
    let pieces = body.into_data_stream().map(|piece| piece.map_err(broken)).boxed();
    let upload = registry.receive_upload(who, id, offset_bytes, declared_bytes, pieces).await?;
    Ok((StatusCode::NO_CONTENT, state(&upload)).into_response())
}

/// Ends an upload that is not finished: what came of it is deleted.
///
/// One whose bytes are all there and are being made a file is left alone (503, `being-stored`): asked again, it is a
/// file, or can be ended.
#[utoipa::path(
    delete,
    path = "/uploads/{upload_id}",
    tag = "files",
    operation_id = "end_upload",
    params(
        ("upload_id" = uuid::Uuid, Path, description = "The upload"),
        ("tus-resumable" = String, Header, pattern = r"^1\.0\.0$", description = "The version of the tus protocol: `1.0.0`"),
    ),
    responses(
        Ended, Any, ForSome, Named, InState, Spoken, Completed,
    )
)]
pub async fn end(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    _: tus::Speaks,
    Ids([id]): Ids<1>,
) -> Result<Response, ApiError> {
    registry.end_upload(&who, id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The same as the method in `X-HTTP-Method-Override`, for clients that can send no other than POST.
#[utoipa::path(
    post,
    path = "/uploads/{upload_id}",
    tag = "files",
    operation_id = "override_upload",
    params(
        ("upload_id" = uuid::Uuid, Path, description = "The upload"),
        ("tus-resumable" = String, Header, pattern = r"^1\.0\.0$", description = "The version of the tus protocol: `1.0.0`"),
        ("x-http-method-override" = String, Header, pattern = "^(PATCH|DELETE|HEAD)$", description = "The method that is meant"),
        ("upload-offset" = Option<u64>, Header, minimum = 0, description = "As PATCH has it"),
    ),
    request_body(content = words::Bytes, content_type = "application/offset+octet-stream", description = "As PATCH has it"),
    responses(
        (status = 200, description = "As HEAD answers"),
        (status = 204, description = "As PATCH and DELETE answer"),
        Any, ForSome, Named, Bodied, InState, Stored, Spoken, Completed,
    )
)]
pub async fn overridden(
    state: State<Arc<Registry>>,
    caller: Caller,
    speaks: tus::Speaks,
    id: Ids<1>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    match headers.get(tus::METHOD_OVERRIDE).map(HeaderValue::as_bytes) {
        Some(b"PATCH") => send(state, caller, speaks, id, headers, body).await,
        Some(b"DELETE") => end(state, caller, speaks, id).await,
        Some(b"HEAD") => look(state, caller, speaks, id).await,
        _ => Err(ApiError(
            ServiceError::new(ErrorKind::Invalid, "the request names no method that is meant")
                .with_guidance("send X-HTTP-Method-Override: PATCH, DELETE or HEAD"),
        )),
    }
}

/// Tells which version and extensions of the tus protocol are spoken, and how long a file may be.
#[utoipa::path(
    options,
    path = "/packages/{package_id}/uploads",
    tag = "files",
    operation_id = "uploads_options",
    params(("package_id" = uuid::Uuid, Path, description = "The package")),
    responses(
        Told, Any, ForSome, Named,
    )
)]
pub async fn options_of_new(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Ids([package]): Ids<1>,
) -> Result<Response, ApiError> {
    registry.may_ask_of_uploads(&who, package).await?;
    Ok(spoken(&registry, [Method::POST, Method::OPTIONS].as_slice()))
}

/// Tells the same of one upload.
#[utoipa::path(
    options,
    path = "/uploads/{upload_id}",
    tag = "files",
    operation_id = "upload_options",
    params(("upload_id" = uuid::Uuid, Path, description = "The upload")),
    responses(
        Told, Any, ForSome, Named,
    )
)]
pub async fn options(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Ids([id]): Ids<1>,
) -> Result<Response, ApiError> {
    registry.may_ask_of_upload(&who, id).await?;
    let methods = [Method::HEAD, Method::PATCH, Method::DELETE, Method::POST, Method::OPTIONS];
    Ok(spoken(&registry, &methods))
}

fn spoken(registry: &Registry, methods: &[Method]) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(tus::TUS_VERSION, HeaderValue::from_static(tus::VERSION));
    headers.insert(tus::TUS_EXTENSION, HeaderValue::from_static(tus::EXTENSIONS));
    let bytes_max = registry.settings().limits.file_bytes_max;
    headers.insert(tus::TUS_MAX_SIZE, HeaderValue::from(bytes_max));
    let methods: Vec<&str> = methods.iter().map(Method::as_str).collect();
    if let Ok(methods) = HeaderValue::from_str(&methods.join(", ")) {
        headers.insert(header::ALLOW, methods);
    }
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// What every answer about an upload tells.
fn state(upload: &Upload) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(tus::UPLOAD_OFFSET, HeaderValue::from(upload.offset_bytes));
    if let Some(date) = tus::http_date(upload.expires_at) {
        headers.insert(tus::UPLOAD_EXPIRES, date);
    }
    if let Some((file, sha256)) = upload.file {
        if let Ok(place) = HeaderValue::from_str(&format!("{API}/files/{file}")) {
            headers.insert(header::CONTENT_LOCATION, place);
        }
        headers.insert(REPR_DIGEST, repr_digest(sha256));
    }
    headers
}
