//! Files into an open package: one raw body a request, or a form of several.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::multipart::Field;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::future::{Either, select};
use futures::{StreamExt as _, stream};
use strongroom_storage::{StorageError, StorageErrorKind};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::digest_fields::{declared, repr_digest};
use super::extract::{Caller, Ids};
use super::form::Form;
use super::problem::ApiError;
use super::refusals::{Any, Bodied, ForSome, InState, Named, Stored};
use super::router::API;
use crate::auth::Principal;
use crate::documents::words;
use crate::documents::{UploadStatus, UploadedFile, UploadedFiles};
use crate::error::{ErrorKind, ServiceError};
use crate::service::Registry;
use crate::service::file_body::FileBody;
use crate::service::new_file::NewFile;

/// The media type that a producer declares of a file: part of the manifest.
pub const MEDIA_TYPE: HeaderName = HeaderName::from_static("x-strongroom-media-type");
/// Files of one form.
const FORM_FILES_MAX: usize = 1_000;

/// A package's id, and the path of a file in it.
#[derive(Debug, Clone)]
pub struct PathInPackage {
    package_id: Uuid,
    path: String,
}

impl FromRequestParts<Arc<Registry>> for PathInPackage {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        registry: &Arc<Registry>,
    ) -> Result<Self, ApiError> {
        let taken = <Path<Vec<String>> as FromRequestParts<_>>::from_request_parts(parts, registry);
        let Path(taken) = taken.await.map_err(|_| invalid("the path is not UTF-8"))?;
        let [package_id, path] =
            <[String; 2]>::try_from(taken).map_err(|_| ApiError(ServiceError::not_found()))?;
        let package_id =
            Uuid::try_parse(&package_id).map_err(|_| ApiError(ServiceError::not_found()))?;
        Ok(Self { package_id, path })
    }
}

/// Stores one file of an open package. The path is everything after `files/`, percent-encoded.
///
/// A body that is not of the declared length or digest stores nothing. The same bytes under the same path again are
/// `already_stored`; others are a conflict, since nothing is overwritten.
#[utoipa::path(
    put,
    path = "/packages/{package_id}/files/{*path}",
    tag = "files",
    operation_id = "upload_file",
    params(
        ("package_id" = uuid::Uuid, Path, description = "The package"),
        ("path" = String, Path, min_length = 1, max_length = 1024, description = "The file's path in the package. It may have several segments: their slashes may be sent as they are or as `%2F`"),
        ("repr-digest" = Option<String>, Header, description = "`sha-256=:BASE64:` (RFC 9530) of the body; digests of other algorithms are not looked at"),
        ("x-content-sha256" = Option<String>, Header, pattern = "^[0-9A-Fa-f]{64}$", description = "The same in hexadecimal"),
        ("x-strongroom-media-type" = Option<String>, Header, min_length = 1, max_length = 256, description = "The media type that the manifest names; `Content-Type` declares nothing"),
    ),
    request_body(content = words::Bytes, content_type = "application/octet-stream", description = "The file, whole"),
    responses(
        (status = 201, body = UploadedFile, description = "It was stored, and looked at",
            headers(
                ("location" = String, description = "Where the file is"),
                ("repr-digest" = String, description = "The digest of the file (RFC 9530)")
            )),
        (status = 200, body = UploadedFile, description = "The very same was stored under this path before",
            headers(
                ("location" = String, description = "Where the file is"),
                ("repr-digest" = String, description = "The digest of the file (RFC 9530)")
            )),
        Any, ForSome, Named, Bodied, InState, Stored,
    )
)]
pub async fn put(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    to: PathInPackage,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let new = NewFile {
        path: to.path,
        media_type: text(&headers, &MEDIA_TYPE)?,
        content_type: text(&headers, &header::CONTENT_TYPE)?,
        size_bytes: length(&headers)?,
        sha256: declared(&headers)?,
    };
    let pieces = body.into_data_stream().map(|piece| piece.map_err(broken)).boxed();
    let uploaded = registry.upload_file(&who, to.package_id, new, pieces).await?;
    let mut answered = HeaderMap::new();
    if let Some(digest) = uploaded.file.sha256 {
        answered.insert(super::digest_fields::REPR_DIGEST, repr_digest(digest));
    }
    if let Ok(place) = HeaderValue::from_str(&format!("{API}/files/{}", uploaded.file.file_id)) {
        answered.insert(header::LOCATION, place);
    }
    let status = status_of(std::slice::from_ref(&uploaded));
    Ok((status, answered, Json(uploaded)).into_response())
}

/// Stores the files of a form (RFC 7578), for browsers: the name of each field is its file's path.
///
/// They are stored one after another. Where one is refused, those before it are stored: the same form again ends
/// well for these.
#[utoipa::path(
    post,
    path = "/packages/{package_id}/files",
    tag = "files",
    operation_id = "upload_form",
    params(
        ("package_id" = uuid::Uuid, Path, description = "The package"),
    ),
    request_body(content = std::collections::BTreeMap<String, words::Bytes>, content_type = "multipart/form-data", description = "One field for each file, named by its path"),
    responses(
        (status = 201, body = UploadedFiles, description = "They were stored, and looked at"),
        (status = 200, body = UploadedFiles, description = "The very same were stored before"),
        Any, ForSome, Named, Bodied, InState, Stored,
    )
)]
pub async fn form(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Ids([package_id]): Ids<1>,
    mut form: Form,
) -> Result<Response, ApiError> {
    // Whoever may not upload learns so before anything is read; and an empty form is no way around it.
    registry.may_upload(&who, package_id).await?;
    let idle_max = registry.settings().limits.idle_body.unsigned_abs();
    let mut files = Vec::new();
    while let Some(field) = form.next(idle_max).await? {
        if files.len() == FORM_FILES_MAX {
            return Err(ApiError(ServiceError::new(
                ErrorKind::TooLarge,
                format!("a form has at most {FORM_FILES_MAX} files"),
            )));
        }
        files.push(store_field(&registry, &who, package_id, field).await?);
    }
    if files.is_empty() {
        return Err(invalid("the form has no file"));
    }
    Ok((status_of(&files), Json(UploadedFiles { files })).into_response())
}

async fn store_field(
    registry: &Registry,
    who: &Principal,
    package_id: Uuid,
    field: Field<'_>,
) -> Result<UploadedFile, ApiError> {
    let path = field.name().ok_or_else(|| invalid("a field of the form has no name"))?.to_owned();
    let new = NewFile {
        path,
        media_type: text(field.headers(), &MEDIA_TYPE)?,
        content_type: field.content_type().map(str::to_owned),
        size_bytes: None,
        sha256: declared(field.headers())?,
    };
    let (sender, body) = channel();
    let uploading = Box::pin(registry.upload_file(who, package_id, new, body));
    let sending = Box::pin(send(field, sender));
    // An upload that ended, well or not, wants no more.
    Ok(match select(uploading, sending).await {
        Either::Left((uploaded, _)) => uploaded,
        Either::Right(((), uploading)) => uploading.await,
    }?)
}

type Piece = Result<Bytes, StorageError>;

/// A body that outlives the form that it is read from, with room for one piece.
fn channel() -> (mpsc::Sender<Piece>, FileBody) {
    let (sender, receiver) = mpsc::channel(1);
    let body = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    (sender, body.boxed())
}

async fn send(mut field: Field<'_>, sender: mpsc::Sender<Piece>) {
    while let Some(piece) = field.next().await {
        if sender.send(piece.map_err(broken)).await.is_err() {
            return;
        }
    }
}

/// Whether anything was stored that was not there before.
fn status_of(files: &[UploadedFile]) -> StatusCode {
    match files.iter().all(|file| file.upload == UploadStatus::AlreadyStored) {
        true => StatusCode::OK,
        false => StatusCode::CREATED,
    }
}

pub(super) fn broken(error: impl std::error::Error + Send + Sync + 'static) -> StorageError {
    StorageError::new(StorageErrorKind::BodyFailed, "the body broke off").with_source(error)
}

/// A header field in visible ASCII.
fn text(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let text = value.to_str().map_err(|_| invalid("a media type is in ASCII"))?;
    Ok(Some(text.to_owned()))
}

pub(super) fn length(headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
    let Some(value) = headers.get(header::CONTENT_LENGTH) else { return Ok(None) };
    let length = value.to_str().ok().and_then(|length| length.trim().parse().ok());
    length.map(Some).ok_or_else(|| invalid("the declared length is no number"))
}

fn invalid(message: &'static str) -> ApiError {
    ApiError(ServiceError::new(ErrorKind::Invalid, message))
}
