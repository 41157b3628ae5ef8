//! Files of a folder of the server's, for those who keep it running.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::extract::{Caller, IdempotencyKey, Ids, IfMatch, JsonBody, OfChange, conditions};
use super::problem::ApiError;
use super::refusals::{Any, Bodied, ForSome, InState, Keyed, Named, Versioned};
use super::router::API;
use crate::documents::{JobDocument, LocalFilesAsk};
use crate::service::Registry;

/// Stores files of a folder of the server's in an open package. Off, unless whoever runs the registry names folders.
///
/// A job reads them, follows no link, and stores each as an upload would: what is there already, byte for byte, stays,
/// and other bytes under the same path are a conflict, which ends the job; what was stored before it stays stored.
#[utoipa::path(
    post,
    path = "/packages/{package_id}/local-files",
    tag = "files",
    operation_id = "ingest_local_files",
    params(
        ("package_id" = uuid::Uuid, Path, description = "The package"),
        OfChange,
    ),
    request_body = LocalFilesAsk,
    responses(
        (status = 202, body = JobDocument, description = "The job that does it; its steps are files",
            headers(
                ("location" = String, description = "Where the job is")
            )),
        Any, ForSome, Named, Bodied, Keyed, Versioned, InState,
    )
)]
pub async fn ingest(
    State(registry): State<Arc<Registry>>,
    Caller(who): Caller,
    Ids([id]): Ids<1>,
    key: Option<IdempotencyKey>,
    version: Option<IfMatch>,
    ask: JsonBody<LocalFilesAsk>,
) -> Result<Response, ApiError> {
    let on = conditions("POST local-files", key, version, ask.sha256, &[id]);
    let job = registry.ingest_local_files(&who, id, ask.value, on).await?;
    let mut headers = HeaderMap::new();
    let place = HeaderValue::from_str(&format!("{API}/jobs/{}", job.job_id));
    headers.extend(place.map(|place| (header::LOCATION, place)));
    Ok((StatusCode::ACCEPTED, headers, Json(job)).into_response())
}
