//! Pages for people. There is one: where this is, and where to go from here.

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::service::Registry;

/// The page, whole.
const HOME: &str = include_str!("home.html");

/// What a page of ours may do: nothing but show itself (Content Security Policy Level 3).
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// The routes of the pages.
pub fn router() -> Router<Arc<Registry>> {
    Router::new().route("/", get(home))
}

async fn home() -> Response {
    let page = HOME.replace("{{version}}", env!("CARGO_PKG_VERSION"));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (HeaderName::from_static("referrer-policy"), HeaderValue::from_static("no-referrer")),
    ];
    (headers, page).into_response()
}
