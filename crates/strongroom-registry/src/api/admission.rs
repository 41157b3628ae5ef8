//! How many requests are worked on, and for how long: layers of the router.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio::time::timeout;

use super::problem::ApiError;
use crate::error::{ErrorKind, ServiceError};
use crate::service::Registry;

/// Lets a request in where there is room for it. Until it is answered, not until the answer is sent: that is bounded
/// by connections.
pub async fn where_there_is_room(
    State(registry): State<Arc<Registry>>,
    request: Request,
    next: Next,
) -> Response {
    let Ok(_room) = registry.requests().try_acquire() else {
        return ApiError(ServiceError::new(
            ErrorKind::Busy,
            "as many requests as there may be are being worked on",
        ))
        .into_response();
    };
    next.run(request).await
}

/// Answers in time, whatever the request waits for: a body, the database, the store.
pub async fn in_time(
    State(registry): State<Arc<Registry>>,
    request: Request,
    next: Next,
) -> Response {
    let limit = registry.settings().limits.request.unsigned_abs();
    timeout(limit, next.run(request)).await.unwrap_or_else(|_| {
        ApiError(
            ServiceError::new(ErrorKind::Busy, "the request was not answered in time")
                .with_guidance("what became of it is not known: ask again, a change under the same idempotency key"),
        )
        .into_response()
    })
}
