//! Files of packages: listed, seen, downloaded.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use strongroom_core::Sha256Digest;
use strongroom_core::layout::encode_segment;
use strongroom_storage::Link;

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
use crate::service::download_file::{Download, DownloadQuery};
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
        (status = 307, description = "The bytes are at the store, at a link that is good for a while: ask there for the same range, without the token, and hold the whole against the digest",
            headers(
                ("location" = String, description = "The link: a secret, and good for five minutes at most"),
                ("cache-control" = String, description = "`no-store`"),
                ("referrer-policy" = String, description = "`no-referrer`"),
                ("etag" = String, description = "The digest of the bytes, as a strong tag; the store has a tag of its own"),
                ("repr-digest" = String, description = "The digest of the whole file (RFC 9530)"),
                ("x-strongroom-media-type" = String, description = "The media type that its producer declared, if any")
            )),
        Any, ForSome, Named, Understood, InState, Stored, Archived, Ranged,
    )
)]
pub async fn download(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Id(id): Id,
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

/// An attachment with a name (RFC 8187).
fn attachment_named(name: &str) -> String {
    format!("attachment; filename*=UTF-8''{}", encode_segment(name))
}

/// Names an attachment.
pub(super) fn name_it(headers: &mut HeaderMap, name: &str) {
    if let Ok(text) = HeaderValue::from_str(&attachment_named(name)) {
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
