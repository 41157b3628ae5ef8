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
use super::problem::{ApiError, MEDIA_TYPE as PROBLEM_MEDIA_TYPE, Problem, TYPE_PREFIX};
use super::sending::sent;
use super::uploads::MEDIA_TYPE;
use crate::documents::{FileDocument, FilePage};
use crate::service::Registry;
use crate::service::download_file::Download;
use crate::service::read_files::FileQuery;

/// Lists the files of a package, in the order of their paths' bytes.
#[utoipa::path(
    get,
    path = "/packages/{package_id}/files",
    tag = "files",
    params(("package_id" = uuid::Uuid, Path), FileQuery),
    responses(
        (status = 200, body = FilePage),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
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
    params(("file_id" = uuid::Uuid, Path)),
    responses(
        (status = 200, body = FileDocument),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
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
    params(
        ("file_id" = uuid::Uuid, Path),
        ("range" = Option<String>, Header, description = "One range of bytes (RFC 9110 section 14.1.2)"),
        ("if-range" = Option<String>, Header, description = "Answer the range only of the body with this tag"),
        ("if-none-match" = Option<String>, Header, description = "Answer nothing where the body has one of these tags"),
    ),
    responses(
        (status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, body = Vec<u8>, content_type = "application/octet-stream", description = "The range that was asked for"),
        (status = 304, description = "The client has it already"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "Deleted; or in an archive tier: `not-immediately-available`"),
        (status = 416, body = Problem, content_type = "application/problem+json", description = "There are no such bytes"),
        (status = 502, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
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
    let status = StatusCode::RANGE_NOT_SATISFIABLE;
    let problem = Problem {
        kind: format!("{TYPE_PREFIX}range-not-satisfiable"),
        title: "There are no such bytes".to_owned(),
        status: status.as_u16(),
        detail: format!("the file has {size_bytes} bytes"),
        guidance: None,
    };
    let mut response = (status, Json(problem)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_MEDIA_TYPE));
    let range = HeaderValue::from_str(&format!("bytes */{size_bytes}"));
    headers.extend(range.map(|range| (header::CONTENT_RANGE, range)));
    response
}
