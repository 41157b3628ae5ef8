//! Is it alive, is it ready, how does it fare. None of these asks for a token, and none tells anything about
//! what is kept.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

use crate::service::Registry;
use crate::service::readiness::Readiness;

/// The media type of the metrics' text format.
const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Serialize)]
struct Health {
    status: &'static str,
    version: &'static str,
    #[serde(flatten)]
    readiness: Readiness,
}

/// The routes beside the API.
pub fn router() -> Router<Arc<Registry>> {
    Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/health", get(health))
        .route("/metrics", get(metrics))
}

/// Whether requests can be served now: 200, or 503 with what is missing.
async fn ready(State(registry): State<Arc<Registry>>) -> Response {
    let readiness = registry.readiness().await;
    (
        status_of(&readiness),
        if readiness.is_ready() { "ready\n" } else { "not ready: see /health\n" },
    )
        .into_response()
}

async fn health(State(registry): State<Arc<Registry>>) -> Response {
    let readiness = registry.readiness().await;
    let (code, version) = (status_of(&readiness), env!("CARGO_PKG_VERSION"));
    let status = if readiness.is_ready() { "ok" } else { "unavailable" };
    (code, Json(Health { status, version, readiness })).into_response()
}

fn status_of(readiness: &Readiness) -> StatusCode {
    if readiness.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

async fn metrics(State(registry): State<Arc<Registry>>) -> Response {
    ([(header::CONTENT_TYPE, METRICS_TYPE)], registry.metrics().text()).into_response()
}
