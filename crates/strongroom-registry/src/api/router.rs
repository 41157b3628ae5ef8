//! Every route, grouped by who calls it. The OpenAPI document is made of the same list.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::Value;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt as _};
use utoipa_axum::routes;
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::problem::ApiError;
use super::{
    administration, admission, audit, completion, deletion, downloads, files, health, jobs,
    local_files, observe, openapi, packages, restores, resumable, retention, tus_fields, uploads,
};
use crate::error::{ErrorKind, ServiceError};
use crate::service::Registry;
use crate::web;

/// Where the API is.
pub const API: &str = "/api/v1";

/// The whole service.
pub fn router(registry: &Arc<Registry>) -> Router {
    let in_time = middleware::from_fn_with_state(Arc::clone(registry), admission::in_time);
    let admitted =
        middleware::from_fn_with_state(Arc::clone(registry), admission::where_there_is_room);
    let in_parts =
        in_parts().layer(admitted.clone()).layer(middleware::from_fn(tus_fields::spoken));
    let routes = decided().layer(in_time).merge(streamed()).layer(admitted).merge(in_parts);
    let (api, document) = under_api(routes).split_for_parts();
    let document = Arc::<str>::from(openapi::completed(&document).to_string());
    let routes = Router::new()
        .merge(api)
        .merge(health::router())
        .merge(web::router())
        .merge(SwaggerUi::new("/api/docs").config(Config::from("/api/openapi.json")))
        .route("/api/openapi.json", get(move || told(document)));
    observed(routes, registry)
}

/// What a process answers that only works on jobs: how it fares, and nothing of what is kept.
pub fn probes(registry: &Arc<Registry>) -> Router {
    observed(health::router(), registry)
}

/// Routes whose requests have an id and a line in the log, and whose defects are answered, as is what is no route.
fn observed(routes: Router<Arc<Registry>>, registry: &Arc<Registry>) -> Router {
    routes
        .fallback(|| async { ApiError(ServiceError::not_found()) })
        .method_not_allowed_fallback(|| async {
            ApiError(ServiceError::new(
                ErrorKind::MethodNotAllowed,
                "this path does not take this method",
            ))
        })
        .layer(CatchPanicLayer::custom(|_| {
            ApiError(ServiceError::internal("a handler panicked")).into_response()
        }))
        .layer(middleware::from_fn_with_state(Arc::clone(registry), observe::observe))
        .with_state(Arc::clone(registry))
}

/// The OpenAPI 3.1 document of the API.
pub fn document() -> Value {
    openapi::completed(&under_api(decided().merge(streamed()).merge(in_parts())).into_openapi())
}

fn under_api(routes: OpenApiRouter<Arc<Registry>>) -> OpenApiRouter<Arc<Registry>> {
    OpenApiRouter::with_openapi(openapi::described()).nest(API, routes)
}

/// What takes as long as its bytes do.
fn streamed() -> OpenApiRouter<Arc<Registry>> {
    OpenApiRouter::new()
        .routes(routes!(uploads::put))
        // A form is read piece by piece: each of its files has the bound of any file.
        .routes(routes!(uploads::form).layer(DefaultBodyLimit::disable()))
        .routes(routes!(downloads::file))
        .routes(routes!(downloads::manifest))
        .routes(routes!(downloads::signature))
        .routes(routes!(downloads::bundle))
}

/// What comes in several requests: an answer may wait for the whole to be put together.
fn in_parts() -> OpenApiRouter<Arc<Registry>> {
    OpenApiRouter::new().routes(routes!(resumable::begin, resumable::options_of_new)).routes(
        routes!(
            resumable::look,
            resumable::send,
            resumable::end,
            resumable::overridden,
            resumable::options
        ),
    )
}

/// What is answered in time.
fn decided() -> OpenApiRouter<Arc<Registry>> {
    OpenApiRouter::new()
        // Those who make packages.
        .routes(routes!(packages::create, packages::list))
        .routes(routes!(packages::get))
        // Those who decide how long it is kept, and what goes.
        .routes(routes!(retention::extend))
        .routes(routes!(retention::place_hold, retention::holds))
        .routes(routes!(retention::release_hold))
        .routes(routes!(retention::approve_release))
        .routes(routes!(deletion::request))
        .routes(routes!(deletion::approve))
        .routes(routes!(deletion::cancel))
        .routes(routes!(restores::restore))
        .routes(routes!(completion::finalize))
        .routes(routes!(completion::abandon))
        // Those who read them.
        .routes(routes!(files::list))
        .routes(routes!(files::get))
        // Those who audit.
        .routes(routes!(audit::list))
        .routes(routes!(audit::of_package))
        // Those who keep it running.
        .routes(routes!(jobs::list))
        .routes(routes!(jobs::get))
        .routes(routes!(jobs::retry))
        .routes(routes!(local_files::ingest))
        .routes(routes!(administration::backends))
        .routes(routes!(administration::sweeper))
        .routes(routes!(administration::confirm_clock))
        .routes(routes!(administration::schemas))
        .routes(routes!(administration::put_schema))
        .routes(routes!(administration::create_token, administration::tokens))
        .routes(routes!(administration::revoke_token))
}

async fn told(document: Arc<str>) -> Response {
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], document.to_string()).into_response()
}
