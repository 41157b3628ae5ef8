//! One id and one line for each request. Logged are the route as it is declared, never the path or the query as
//! they were sent: they may hold names, and links that open something.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use uuid::Uuid;

use super::problem::Cause;
use crate::service::Registry;

/// The header that carries a request's id, both ways.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Characters of a request's id that somebody else gave.
const REQUEST_ID_CHARACTERS_MAX: usize = 64;

/// The id of a request: the caller's own where it is harmless, else a new one.
fn request_id(request: &Request, registry: &Registry) -> HeaderValue {
    let given = request.headers().get(REQUEST_ID).filter(|value| {
        let bytes = value.as_bytes();
        !bytes.is_empty()
            && bytes.len() <= REQUEST_ID_CHARACTERS_MAX
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    });
    given.cloned().unwrap_or_else(|| {
        let mut buffer = Uuid::encode_buffer();
        let id = registry.clock().new_id().hyphenated().encode_lower(&mut buffer);
        HeaderValue::from_str(id).unwrap_or(HeaderValue::from_static("unknown"))
    })
}

/// Gives a request its id, and writes its line when it is answered.
pub async fn observe(
    State(registry): State<Arc<Registry>>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = request_id(&request, &registry);
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let method = request.method().clone();
    let route =
        request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let started = Instant::now();
    let mut response = next.run(request).await;
    let status = response.status();
    let took = started.elapsed();
    registry.metrics().request(&method, &route, status.as_u16(), took);
    let request_id = id.to_str().unwrap_or_default();
    let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    match response.extensions().get::<Cause>() {
        Some(Cause(cause)) if status.is_server_error() => {
            tracing::error!(request_id, %method, route, status = status.as_u16(), duration_ms, cause);
        }
        Some(Cause(cause)) => {
            tracing::info!(request_id, %method, route, status = status.as_u16(), duration_ms, cause);
        }
        None => tracing::info!(request_id, %method, route, status = status.as_u16(), duration_ms),
    }
    response.headers_mut().insert(REQUEST_ID, id);
    response
}
