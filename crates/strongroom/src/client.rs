//! A registry, asked over HTTP with a token. What it refuses is told in its own words and decides the exit code by
//! the problem's type (RFC 9457), which is stable.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use reqwest::{Body, Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use strongroom_core::Sha256Digest;
use strongroom_registry::api::problem::{Problem, TYPE_PREFIX};
use strongroom_registry::api::router::API;
use strongroom_registry::documents::{
    JobDocument, NewPackage, PackageDocument, PackagePage, UploadedFile,
};
use strongroom_registry::error::ErrorKind;
use tokio::fs::File;
use uuid::Uuid;

use crate::exit::{Exit, of_registry};
use crate::failure::Failure;

/// How long a registry may take to begin an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(300);
/// How long it may take to be reached.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a request that can be sent again is sent.
const ATTEMPTS_MAX: u32 = 6;
/// The wait before the second attempt; twice as long before each further one.
const BACK_OFF_FIRST: Duration = Duration::from_millis(250);
/// Bytes of an answer that is no file.
const DOCUMENT_BYTES_MAX: usize = 64 << 20;

/// A registry, and who asks it.
#[derive(Clone)]
pub struct Client {
    base: String,
    token: String,
    http: reqwest::Client,
}

impl Client {
    /// A client of the registry at `url`, which may end with `/` and holds no credentials.
    pub fn new(url: &str, token: String) -> Result<Self, Failure> {
        let parsed = reqwest::Url::parse(url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .filter(|url| url.username().is_empty() && url.password().is_none())
            .ok_or_else(|| {
                Failure::usage(
                    "the registry's URL is no http:// or https:// address without credentials",
                )
                .with_help(
                    "such as --url http://127.0.0.1:8640; the token goes into STRONGROOM_TOKEN",
                )
            })?;
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(ANSWER_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|_| Failure::new(Exit::Failed, "no HTTP client can be made"))?;
        let base = format!("{}{API}", parsed.as_str().trim_end_matches('/'));
        Ok(Self { base, token, http })
    }

    /// Makes a package; the same one again under the same key.
    pub async fn create_package(&self, ask: &NewPackage, key: &str) -> Result<PackageDocument> {
        self.document(Method::POST, "/packages", |request| {
            request.header("idempotency-key", key).json(ask)
        })
        .await
    }

    /// A package.
    pub async fn package(&self, id: Uuid) -> Result<PackageDocument> {
        self.document(Method::GET, &format!("/packages/{id}"), |request| request).await
    }

    /// A page of packages.
    pub async fn packages(&self, query: &impl Serialize) -> Result<PackagePage> {
        self.document(Method::GET, "/packages", |request| request.query(query)).await
    }

    /// Says that a package is complete; answers the job that finishes it.
    pub async fn finalize(&self, id: Uuid) -> Result<JobDocument> {
        self.document(Method::POST, &format!("/packages/{id}/finalize"), |request| request).await
    }

    /// How far a job is.
    pub async fn job(&self, id: Uuid) -> Result<JobDocument> {
        self.document(Method::GET, &format!("/jobs/{id}"), |request| request).await
    }

    /// Stores one file. Sent again after a lost answer, it is found to be there.
    pub async fn upload(
        &self,
        package: Uuid,
        path: &str,
        location: &Path,
        sha256: Sha256Digest,
        size_bytes: u64,
    ) -> Result<UploadedFile> {
        let encoded: Vec<String> = path.split('/').map(percent_encoded).collect();
        let place = format!("/packages/{package}/files/{}", encoded.join("/"));
        let mut attempt = 1;
        loop {
            let file = File::open(location)
                .await
                .with_context(|| format!("cannot read {}", location.display()))?;
            let request = self
                .request(Method::PUT, &place)
                .header("content-length", size_bytes)
                .header("x-content-sha256", sha256.to_hex())
                .body(Body::from(file));
            match self.send(request).await {
                Ok(response) => return document_of(response).await,
                Err(error) if attempt < ATTEMPTS_MAX && is_transient(&error) => {}
                Err(error) => return Err(error),
            }
            tokio::time::sleep(BACK_OFF_FIRST * 2_u32.pow(attempt - 1)).await;
            attempt += 1;
        }
    }

    /// The bundle of a finalized package, as a stream.
    pub async fn bundle(&self, package: Uuid) -> Result<Response> {
        self.send(self.request(Method::GET, &format!("/packages/{package}/bundle"))).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token)
    }

    /// One request whose answer is a small document. All of these can be sent again.
    async fn document<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        with: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<T> {
        let mut attempt = 1;
        loop {
            match self.send(with(self.request(method.clone(), path))).await {
                Ok(response) => return document_of(response).await,
                Err(error) if attempt < ATTEMPTS_MAX && is_transient(&error) => {}
                Err(error) => return Err(error),
            }
            tokio::time::sleep(BACK_OFF_FIRST * 2_u32.pow(attempt - 1)).await;
            attempt += 1;
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response> {
        let response = request.send().await.map_err(|error| {
            let what = if error.is_connect() {
                "the registry cannot be reached"
            } else {
                "the registry did not answer"
            };
            // The URL stands in what the HTTP client says, and nothing else that helps.
            tracing::debug!(%error, "a request failed");
            Failure::new(Exit::Unreachable, what)
                .with_help("is it running there? --url or STRONGROOM_URL says where")
        })?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(refused(response).await.into())
    }
}

fn is_transient(error: &anyhow::Error) -> bool {
    let failure = error.downcast_ref::<Failure>();
    failure.is_some_and(|failure| failure.exit() == Exit::Unreachable)
}

async fn document_of<T: DeserializeOwned>(response: Response) -> Result<T> {
    let bytes = bounded(response).await?;
    serde_json::from_slice(&bytes).map_err(|_| {
        Failure::new(Exit::Failed, "what answers there is no registry, or one of another version")
            .into()
    })
}

async fn bounded(mut response: Response) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|_| broken_off())? {
        if bytes.len() + piece.len() > DOCUMENT_BYTES_MAX {
            return Err(Failure::new(
                Exit::Limit,
                "the registry's answer is over the limit of 64 MiB",
            )
            .into());
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// An answer that ended before its end.
pub fn broken_off() -> Failure {
    Failure::new(Exit::Unreachable, "the registry's answer broke off")
        .with_help("run the same command again")
}

/// What a registry refused, in its own words.
async fn refused(response: Response) -> Failure {
    let status = response.status();
    let bytes = bounded(response).await.unwrap_or_default();
    let Ok(problem) = serde_json::from_slice::<Problem>(&bytes) else {
        let exit = if status.is_server_error() { Exit::Unreachable } else { Exit::Failed };
        let what = format!("what answers there is no registry: HTTP {}", status.as_u16());
        return Failure::new(exit, what).with_help("--url or STRONGROOM_URL says where it is");
    };
    let slug = problem.kind.strip_prefix(TYPE_PREFIX).unwrap_or_default();
    let kind = ErrorKind::ALL.into_iter().find(|kind| kind.slug() == slug);
    let exit = match kind {
        Some(kind) => of_registry(kind),
        None if status == StatusCode::UNAUTHORIZED => Exit::Denied,
        None => Exit::Failed,
    };
    let failure = Failure::new(exit, problem.detail);
    match problem.guidance {
        Some(guidance) => failure.with_help(guidance),
        None => failure,
    }
}

/// One segment of a path in a URL (RFC 3986 section 2.1).
fn percent_encoded(segment: &str) -> String {
    let mut encoded = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_with_credentials_or_of_another_kind_is_refused_without_being_repeated() {
        for url in ["ftp://registry", "registry:8640", "http://me:hunter2@registry", ""] {
            let refused = Client::new(url, String::new()).err().unwrap();
            assert_eq!(refused.exit(), Exit::Usage);
            assert!(!refused.to_string().contains("hunter2"));
        }
        let client = Client::new("http://registry:8640/", String::new()).unwrap();
        assert_eq!(client.base, "http://registry:8640/api/v1");
    }

    #[test]
    fn a_segment_is_encoded_byte_by_byte() {
        assert_eq!(percent_encoded("a b/ü%"), "a%20b%2F%C3%BC%25");
    }
}
