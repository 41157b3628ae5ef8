//! Every route, the line of the page that decides about it, and a request of it that makes sense.

use axum::http::Method;
use strongroom_core::package::PackageStatus;

/// What a request is about, as far as it decides who may make it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    Registry,
    /// A package, or what belongs to one.
    Package,
}

/// A route.
#[derive(Debug, Clone)]
pub struct Route {
    pub method: Method,
    pub path: &'static str,
    /// The action of the page's line.
    pub line: &'static str,
    pub about: About,
    /// Whether what it was asked about is another thing afterwards.
    pub changes: bool,
    pub needs_hold: bool,
    /// Whether it names one thing by its id all the same.
    pub names_one: bool,
    /// The media type and the body.
    pub body: fn() -> (&'static str, &'static str),
    /// Further header fields.
    pub fields: &'static [(&'static str, &'static str)],
    /// What stands in the way of whoever may, by the state: a problem that tells of what is missing.
    missing: fn(PackageStatus) -> Option<&'static str>,
}

impl Route {
    /// The problem that whoever may is answered with; none where all goes well.
    pub fn answer_in(&self, status: PackageStatus) -> Option<&'static str> {
        (self.missing)(status)
    }

    fn saying(self, fields: &'static [(&'static str, &'static str)]) -> Self {
        Self { fields, ..self }
    }

    fn holding(self) -> Self {
        Self { needs_hold: true, ..self }
    }

    fn naming_one(self) -> Self {
        Self { names_one: true, ..self }
    }

    fn with(self, body: fn() -> (&'static str, &'static str)) -> Self {
        Self { body, ..self }
    }

    fn missing(self, missing: fn(PackageStatus) -> Option<&'static str>) -> Self {
        Self { missing, ..self }
    }
}

fn route(method: Method, path: &'static str, line: &'static str, about: About) -> Route {
    let changes = !matches!(method, Method::GET | Method::HEAD | Method::OPTIONS);
    let (needs_hold, names_one) = (false, false);
    Route {
        method,
        path,
        line,
        about,
        changes,
        needs_hold,
        names_one,
        body: || ("", ""),
        fields: &[],
        missing: |_| None,
    }
}

fn of_package(method: Method, path: &'static str, line: &'static str) -> Route {
    route(method, path, line, About::Package)
}

fn of_registry(method: Method, path: &'static str, line: &'static str) -> Route {
    route(method, path, line, About::Registry)
}

fn reason() -> (&'static str, &'static str) {
    ("application/json", r#"{"reason":"a reason"}"#)
}

/// The version of the protocol of uploads in several requests.
const TUS: (&str, &str) = ("tus-resumable", "1.0.0");

fn next_bytes() -> (&'static str, &'static str) {
    ("application/offset+octet-stream", "content")
}

/// A hold that was released keeps nothing: there is none on what is on its way out.
fn released(status: PackageStatus) -> Option<&'static str> {
    match status {
        PackageStatus::DeletionRequested | PackageStatus::Deleting => Some("wrong-state"),
        _ => None,
    }
}

/// Single files can be had of what is no whole bundle.
fn not_whole(status: PackageStatus) -> Option<&'static str> {
    match status {
        PackageStatus::Finalized | PackageStatus::DeletionRequested => None,
        _ => Some("wrong-state"),
    }
}

/// All of them.
pub fn routes() -> Vec<Route> {
    vec![
        of_registry(Method::POST, "/packages", "create a package")
            .with(|| ("application/json", r#"{"name":"a","producer":{"name":"somebody-else"}}"#)),
        of_registry(Method::GET, "/packages", "list packages"),
        of_package(Method::GET, "/packages/{package_id}", "read a package"),
        of_package(Method::POST, "/packages/{package_id}/retention/extensions", "extend retention")
            .with(|| ("application/json", r#"{"days":400,"reason":"a reason"}"#)),
        of_package(Method::POST, "/packages/{package_id}/retention/holds", "place a hold")
            .with(reason),
        of_package(Method::GET, "/packages/{package_id}/retention/holds", "read a package"),
        of_package(
            Method::POST,
            "/packages/{package_id}/retention/holds/{hold_id}/release",
            "release a hold",
        )
        .with(reason)
        .holding()
        .missing(released),
        of_package(
            Method::POST,
            "/packages/{package_id}/retention/holds/{hold_id}/release/approve",
            "release a hold",
        )
        .holding()
        // Nobody asked for a second person.
        .missing(|status| released(status).or(Some("conflict"))),
        of_package(Method::POST, "/packages/{package_id}/deletion", "request deletion")
            .with(|| ("application/json", r#"{"reason":"a reason","early":true}"#)),
        of_package(Method::POST, "/packages/{package_id}/deletion/approve", "request deletion")
            .missing(|_| Some("conflict")),
        of_package(Method::POST, "/packages/{package_id}/deletion/cancel", "cancel deletion")
            .with(reason),
        of_package(Method::POST, "/packages/{package_id}/restore", "restore"),
        of_package(Method::PUT, "/packages/{package_id}/files/{path}", "upload a file")
            .with(|| ("", "content")),
        of_package(Method::POST, "/packages/{package_id}/files", "upload a file").with(|| {
            let form =
                "--b\r\ncontent-disposition: form-data; name=\"c\"\r\n\r\ncontent\r\n--b--\r\n";
            ("multipart/form-data; boundary=b", form)
        }),
        of_package(Method::POST, "/packages/{package_id}/uploads", "upload a file").saying(&[
            TUS,
            ("upload-length", "7"),
            ("upload-metadata", "path bW9yZQ=="),
        ]),
        of_package(Method::OPTIONS, "/packages/{package_id}/uploads", "read a package"),
        of_package(Method::HEAD, "/uploads/{upload_id}", "read a package").saying(&[TUS]),
        of_package(Method::OPTIONS, "/uploads/{upload_id}", "read a package"),
        of_package(Method::PATCH, "/uploads/{upload_id}", "upload a file")
            .with(next_bytes)
            .saying(&[TUS, ("upload-offset", "0")]),
        of_package(Method::POST, "/uploads/{upload_id}", "upload a file")
            .with(next_bytes)
            .saying(&[TUS, ("upload-offset", "0"), ("x-http-method-override", "PATCH")]),
        of_package(Method::DELETE, "/uploads/{upload_id}", "upload a file").saying(&[TUS]),
        of_package(Method::POST, "/packages/{package_id}/local-files", "ingest local files")
            .with(|| ("application/json", r#"{"root":"here","path":"run"}"#)),
        of_package(Method::GET, "/packages/{package_id}/files", "read a package"),
        of_package(Method::POST, "/packages/{package_id}/finalize", "finalize"),
        of_package(Method::POST, "/packages/{package_id}/abandon", "abandon"),
        of_package(Method::GET, "/packages/{package_id}/manifest", "read a manifest"),
        of_package(Method::GET, "/packages/{package_id}/manifest/signature", "read a manifest"),
        of_package(Method::GET, "/packages/{package_id}/bundle", "download").missing(not_whole),
        of_package(Method::GET, "/files/{file_id}", "read a package"),
        of_package(Method::GET, "/files/{file_id}/download", "download"),
        of_registry(Method::GET, "/audit-events", "read the audit log"),
        of_package(Method::GET, "/packages/{package_id}/audit-events", "read a package"),
        of_registry(Method::GET, "/jobs", "read jobs"),
        of_package(Method::GET, "/jobs/{job_id}", "read a package"),
        of_registry(Method::POST, "/jobs/{job_id}/retry", "retry a job")
            .naming_one()
            // It has not failed.
            .missing(|_| Some("wrong-state")),
        of_registry(Method::GET, "/backends", "read backends"),
        of_registry(Method::GET, "/sweeper", "read backends"),
        of_registry(Method::POST, "/sweeper/confirm-clock", "confirm the clock")
            // Whoever may has to know the time.
            .with(|| ("application/json", r#"{"now":"2001-01-01T00:00:00Z"}"#))
            .missing(|_| Some("conflict")),
        of_registry(Method::GET, "/metadata-schemas", "read metadata schemas"),
        of_registry(Method::PUT, "/metadata-schemas/{producer}", "write metadata schemas")
            .with(|| ("application/json", r#"{"type":"object"}"#)),
        of_registry(Method::POST, "/tokens", "write tokens")
            .with(|| ("application/json", r#"{"name":"a","role":"auditor"}"#)),
        of_registry(Method::GET, "/tokens", "read tokens"),
        of_registry(Method::DELETE, "/tokens/{token_id}", "write tokens").naming_one(),
    ]
}
