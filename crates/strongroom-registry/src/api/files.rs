//! Files of packages: listed, seen, downloaded.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use strongroom_core::Sha256Digest;
use strongroom_core::layout::encode_segment;

use super::byte_range::{Asked, asked};
use super::digest_fields::{REPR_DIGEST, entity_tag, is_had, repr_digest};
use super::extract::{Caller, Id, Parameters};
use super::problem::ApiError;
use super::refusals::{Any, Archived, ForSome, InState, Named, Ranged, Stored, Understood};
use super::sending::sent;
use super::uploads::MEDIA_TYPE;
use crate::documents::words;
use crate::documents::{FileDocument, FilePage};
use crate::error::{ErrorKind, ServiceError};
use crate::service::Registry;
use crate::service::download_file::Download;
use crate::service::read_files::FileQuery;

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
    Id(package_id): Id,
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
    Id(id): Id,
) -> Result<Json<FileDocument>, ApiError> {
    Ok(Json(registry.file(&who, id).await?))
}

/// Downloads a file, or one range of its bytes. A whole body that is not what was stored never ends well: the
/// connection breaks off before its last piece.
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
    ),
    responses(
        (status = 200, body = words::Bytes, content_type = "application/octet-stream", description = "The bytes",
            headers(
                ("etag" = String, description = "The digest of the bytes, as a strong tag"),
                ("repr-digest" = String, description = "The digest of the whole file (RFC 9530)"),
                ("content-disposition" = String, description = "An attachment, named after the last part of the file's path"),
                ("accept-ranges" = String, description = "`bytes`"),
                ("x-strongroom-media-type" = String, description = "The media type that its producer declared, if any"),
                ("content-length" = u64, description = "The bytes of this answer")
            )),
        (status = 206, body = words::Bytes, content_type = "application/octet-stream", description = "The range that was asked for",
            headers(
                ("etag" = String, description = "The digest of the bytes, as a strong tag"),
                ("repr-digest" = String, description = "The digest of the whole file (RFC 9530)"),
                ("content-disposition" = String, description = "An attachment, named after the last part of the file's path"),
                ("accept-ranges" = String, description = "`bytes`"),
                ("x-strongroom-media-type" = String, description = "The media type that its producer declared, if any"),
                ("content-length" = u64, description = "The bytes of this answer"),
                ("content-range" = String, description = "`bytes FIRST-LAST/SIZE`")
            )),
        (status = 304, description = "The client has it already",
            headers(
                ("etag" = String, description = "The digest of the bytes, as a strong tag"),
                ("repr-digest" = String, description = "The digest of the whole file (RFC 9530)"),
                ("content-disposition" = String, description = "An attachment, named after the last part of the file's path"),
                ("accept-ranges" = String, description = "`bytes`"),
                ("x-strongroom-media-type" = String, description = "The media type that its producer declared, if any")
            )),
        Any, ForSome, Named, InState, Stored, Archived, Ranged,
    )
)]
pub async fn download(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Id(id): Id,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let download = registry.download(&who, id).await?;
    let tag = entity_tag(download.sha256);
    let mut answered = described(&download);
    if is_had(&headers, &tag) {
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
    let reader = registry.read_download(&who, &download, range).await?;
    Ok((status, answered, sent(registry, reader.stream)).into_response())
}

/// What is said of a file's bytes. Names and media types are claims from outside: no browser shall act on them.
fn described(download: &Download) -> HeaderMap {
    let mut headers = as_attachment(download.sha256, "application/octet-stream");
    let name = download.path.rsplit('/').next().unwrap_or_default();
    name_it(&mut headers, name);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(Ok(media_type)) = download.media_type.as_deref().map(HeaderValue::from_str) {
        headers.insert(MEDIA_TYPE, media_type);
    }
    headers
}

/// The fields of a body that is known by its digest.
pub(super) fn as_attachment(sha256: Sha256Digest, content_type: &'static str) -> HeaderMap {
    let mut headers = unknown_attachment(content_type);
    headers.extend(HeaderValue::from_str(&entity_tag(sha256)).map(|tag| (header::ETAG, tag)));
    headers.insert(REPR_DIGEST, repr_digest(sha256));
    headers
}

/// The fields of a body whose digest is known at its end only.
pub(super) fn unknown_attachment(content_type: &'static str) -> HeaderMap {
    HeaderMap::from_iter([
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
    ])
}

/// Names an attachment (RFC 8187).
pub(super) fn name_it(headers: &mut HeaderMap, name: &str) {
    let text = format!("attachment; filename*=UTF-8''{}", encode_segment(name));
    if let Ok(text) = HeaderValue::from_str(&text) {
        headers.insert(header::CONTENT_DISPOSITION, text);
    }
}

fn nowhere(size_bytes: u64) -> Response {
    let kind = ErrorKind::RangeNotSatisfiable;
    let refused = ServiceError::new(kind, format!("the file has {size_bytes} bytes"));
    let mut response = ApiError(refused).into_response();
    let range = HeaderValue::from_str(&format!("bytes */{size_bytes}"));
    response.headers_mut().extend(range.map(|range| (header::CONTENT_RANGE, range)));
    response
}
