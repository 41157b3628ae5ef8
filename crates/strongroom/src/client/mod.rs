//! A registry, asked over HTTP with a token. What it refuses is told in its own words and decides the exit code by
//! the problem's type (RFC 9457), which is stable.

mod attempts;
mod restore;
mod resumable;
mod sending;
#[cfg(test)]
mod stub;
mod upload;

use std::time::Duration;

use anyhow::Result;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use strongroom_registry::api::problem::{Problem, TYPE_PREFIX};
use strongroom_registry::api::router::API;
use strongroom_registry::documents::{
    DeletionAsk, ExtensionAsk, ExtensionDocument, FilePage, HoldAsk, HoldDocument, HoldPage,
    JobDocument, LocalFilesAsk, NewPackage, PackageDocument, PackagePage, ReasonAsk,
};
use strongroom_registry::error::ErrorKind;
use strongroom_storage::Clock;
use uuid::Uuid;

use self::attempts::{Attempts, Refusal};
use self::sending::Patience;
pub use self::upload::Upload;
use crate::exit::{Exit, of_registry};
use crate::failure::Failure;

/// How long a registry may take to begin an answer, and between two pieces of it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(300);
/// How long it may take to be reached.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of an answer that is no file: a `package.json` is the longest.
const DOCUMENT_BYTES_MAX: usize = strongroom_core::limits::PACKAGE_DOCUMENT_BYTES_MAX as usize;

/// A registry, and who asks it.
#[derive(Clone)]
pub struct Client {
    base: String,
    token: String,
    http: reqwest::Client,
    /// For requests that carry a file: the other's limit would count the time that they take to be sent.
    sending: reqwest::Client,
    patience: Patience,
}

impl Client {
    /// A client of the registry at `url`, which may end with `/` and holds no credentials.
    pub fn new(url: &str, token: String) -> Result<Self, Failure> {
        let parsed = address(url)?;
        let builder = || {
            reqwest::Client::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .redirect(reqwest::redirect::Policy::none())
        };
        let none = |_| Failure::new(Exit::Failed, "no HTTP client can be made");
        let http = builder().read_timeout(ANSWER_TIMEOUT).build().map_err(none)?;
        let sending = builder().build().map_err(none)?;
        let base = format!("{}{API}", parsed.as_str().trim_end_matches('/'));
        Ok(Self { base, token, http, sending, patience: Patience::default() })
    }

    /// Where the registry answers, as it was named.
    pub fn url(&self) -> &str {
        self.base.strip_suffix(API).unwrap_or(&self.base)
    }

    /// Makes a package; the same one again under the same key.
    pub async fn create_package(&self, ask: &NewPackage, key: &str) -> Result<PackageDocument> {
        self.change("/packages", key, Some(ask)).await
    }

    /// A package.
    pub async fn package(&self, id: Uuid) -> Result<PackageDocument> {
        self.document(Method::GET, &format!("/packages/{id}"), |request| request).await
    }

    /// A page of packages.
    pub async fn packages(&self, query: &impl Serialize) -> Result<PackagePage> {
        self.document(Method::GET, "/packages", |request| request.query(query)).await
    }

    /// A page of the files of a package that are stored, after `cursor`.
    pub async fn stored_files(&self, package: Uuid, cursor: Option<&str>) -> Result<FilePage> {
        let path = format!("/packages/{package}/files");
        self.document(Method::GET, &path, |request| {
            let request = request.query(&[("stored", "true")]);
            match cursor {
                Some(cursor) => request.query(&[("cursor", cursor)]),
                None => request,
            }
        })
        .await
    }

    /// Says that a package is complete; answers the job that finishes it.
    pub async fn finalize(&self, id: Uuid) -> Result<JobDocument> {
        self.document(Method::POST, &format!("/packages/{id}/finalize"), |request| request).await
    }

    /// How far a job is.
    pub async fn job(&self, id: Uuid) -> Result<JobDocument> {
        self.document(Method::GET, &format!("/jobs/{id}"), |request| request).await
    }

    /// Asks for files of a folder of the server's; answers the job that stores them.
    pub async fn ingest(&self, id: Uuid, ask: &LocalFilesAsk, key: &str) -> Result<JobDocument> {
        self.change(&format!("/packages/{id}/local-files"), key, Some(ask)).await
    }

    /// Moves a package's date later.
    pub async fn extend(
        &self,
        id: Uuid,
        ask: &ExtensionAsk,
        key: &str,
    ) -> Result<ExtensionDocument> {
        self.change(&format!("/packages/{id}/retention/extensions"), key, Some(ask)).await
    }

    /// Places a legal hold.
    pub async fn place_hold(&self, id: Uuid, ask: &HoldAsk, key: &str) -> Result<HoldDocument> {
        self.change(&format!("/packages/{id}/retention/holds"), key, Some(ask)).await
    }

    /// Releases a legal hold.
    pub async fn release_hold(
        &self,
        id: Uuid,
        hold: Uuid,
        ask: &ReasonAsk,
        key: &str,
    ) -> Result<HoldDocument> {
        let path = format!("/packages/{id}/retention/holds/{hold}/release");
        self.change(&path, key, Some(ask)).await
    }

    /// Agrees, as the second person, to a release.
    pub async fn approve_release(&self, id: Uuid, hold: Uuid, key: &str) -> Result<HoldDocument> {
        let path = format!("/packages/{id}/retention/holds/{hold}/release/approve");
        self.change::<(), _>(&path, key, None).await
    }

    /// The holds of a package.
    pub async fn holds(&self, id: Uuid) -> Result<HoldPage> {
        let path = format!("/packages/{id}/retention/holds");
        self.document(Method::GET, &path, |request| request).await
    }

    /// Asks for a package's deletion.
    pub async fn request_deletion(
        &self,
        id: Uuid,
        ask: &DeletionAsk,
        key: &str,
    ) -> Result<PackageDocument> {
        self.change(&format!("/packages/{id}/deletion"), key, Some(ask)).await
    }

    /// Agrees, as the second person, to an early deletion.
    pub async fn approve_deletion(&self, id: Uuid, key: &str) -> Result<PackageDocument> {
        self.change::<(), _>(&format!("/packages/{id}/deletion/approve"), key, None).await
    }

    /// Gives an open package up.
    pub async fn abandon(&self, id: Uuid, key: &str) -> Result<PackageDocument> {
        self.change::<(), _>(&format!("/packages/{id}/abandon"), key, None).await
    }

    /// Takes a request for deletion back.
    pub async fn cancel_deletion(
        &self,
        id: Uuid,
        ask: &ReasonAsk,
        key: &str,
    ) -> Result<PackageDocument> {
        self.change(&format!("/packages/{id}/deletion/cancel"), key, Some(ask)).await
    }

    /// The `package.json` of a finalized package, as it is stored.
    pub async fn manifest(&self, id: Uuid) -> Result<Vec<u8>> {
        self.bytes(&format!("/packages/{id}/manifest")).await
    }

    /// The registry's signature of a package's manifest, as it is stored.
    pub async fn manifest_signature(&self, id: Uuid) -> Result<Vec<u8>> {
        self.bytes(&format!("/packages/{id}/manifest/signature")).await
    }

    async fn bytes(&self, path: &str) -> Result<Vec<u8>> {
        let mut attempts = Attempts::default();
        loop {
            let request = self.request(Method::GET, path);
            let refusal = match self.send(request).await {
                Ok(response) => match bounded(response).await {
                    Ok(bytes) => return Ok(bytes),
                    Err(refusal) => refusal,
                },
                Err(refusal) => refusal,
            };
            attempts.wait_or_give_up(refusal).await?;
        }
    }

    /// The bundle of a finalized package, as a stream.
    pub async fn bundle(&self, package: Uuid) -> Result<Response> {
        let mut attempts = Attempts::default();
        loop {
            let request = self.request(Method::GET, &format!("/packages/{package}/bundle"));
            match self.send(request).await {
                Ok(response) => return Ok(response),
                Err(refusal) => attempts.wait_or_give_up(refusal).await?,
            }
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token)
    }

    /// A request that will carry bytes of a file.
    fn sending(&self, method: Method, path: &str) -> RequestBuilder {
        self.sending.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token)
    }

    /// A change that is made once, however often it is sent under the same key.
    async fn change<A: Serialize, T: DeserializeOwned>(
        &self,
        path: &str,
        key: &str,
        ask: Option<&A>,
    ) -> Result<T> {
        self.document(Method::POST, path, |request| {
            let request = request.header("idempotency-key", key);
            match ask {
                Some(ask) => request.json(ask),
                None => request,
            }
        })
        .await
    }

    /// One request whose answer is a small document. All of these can be sent again.
    async fn document<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        with: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<T> {
        let mut attempts = Attempts::default();
        loop {
            let refusal = match self.send(with(self.request(method.clone(), path))).await {
                Ok(response) => match document_of(response).await {
                    Ok(document) => return Ok(document),
                    Err(refusal) => refusal,
                },
                Err(refusal) => refusal,
            };
            attempts.wait_or_give_up(refusal).await?;
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Refusal> {
        let response = self.answer_to(request).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(refused(response).await)
    }

    /// What a registry answers, whatever its status.
    async fn answer_to(&self, request: RequestBuilder) -> Result<Response, Refusal> {
        request.send().await.map_err(|error| {
            let what = if error.is_connect() {
                "the registry cannot be reached"
            } else {
                "the registry did not answer"
            };
            // The URL stands in what the HTTP client says, and nothing else that helps.
            let error = error.without_url();
            tracing::debug!(%error, "a request failed");
            Refusal::on_the_way(
                Failure::new(Exit::Unreachable, what)
                    .with_help("is it running there? --url or STRONGROOM_URL says where"),
            )
        })
    }
}

/// The address of a registry.
pub fn address(url: &str) -> Result<reqwest::Url, Failure> {
    reqwest::Url::parse(url)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .filter(|url| url.username().is_empty() && url.password().is_none())
        .filter(|url| url.query().is_none() && url.fragment().is_none())
        .ok_or_else(|| {
            Failure::usage(
                "the registry's URL is no http:// or https:// address without credentials",
            )
            .with_help("such as --url http://127.0.0.1:8640; `strongroom login` takes the token")
        })
}

async fn document_of<T: DeserializeOwned>(response: Response) -> Result<T, Refusal> {
    let bytes = bounded(response).await?;
    serde_json::from_slice(&bytes).map_err(|_| {
        Refusal::for_good(Failure::new(
            Exit::Failed,
            "what answers there is no registry, or one of another version",
        ))
    })
}

async fn bounded(mut response: Response) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    loop {
        let piece = tokio::time::timeout(ANSWER_TIMEOUT, response.chunk()).await;
        let piece = piece.map_err(|_| Refusal::on_the_way(broken_off()))?;
        let Some(piece) = piece.map_err(|_| Refusal::on_the_way(broken_off()))? else {
            return Ok(bytes);
        };
        if bytes.len() + piece.len() > DOCUMENT_BYTES_MAX {
            return Err(Refusal::for_good(Failure::new(
                Exit::Limit,
                "the registry's answer is over the limit of 512 MiB",
            )));
        }
        bytes.extend_from_slice(&piece);
    }
}

/// An answer that ended before its end.
pub fn broken_off() -> Failure {
    Failure::new(Exit::Unreachable, "the registry's answer broke off")
        .with_help("run the same command again")
}

/// What a registry refused, in its own words.
async fn refused(response: Response) -> Refusal {
    let (status, headers) = (response.status(), response.headers().clone());
    let bytes = bounded(response).await.unwrap_or_default();
    let Ok(problem) = serde_json::from_slice::<Problem>(&bytes) else {
        let is_unreachable = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
        let exit = if is_unreachable { Exit::Unreachable } else { Exit::Failed };
        let what = format!("what answers there is no registry: HTTP {}", status.as_u16());
        let failure =
            Failure::new(exit, what).with_help("--url or STRONGROOM_URL says where it is");
        return Refusal::answered(failure, status, None, &headers);
    };
    let slug = problem.kind.strip_prefix(TYPE_PREFIX).unwrap_or_default();
    let kind = ErrorKind::ALL.into_iter().find(|kind| kind.slug() == slug);
    let exit = match kind {
        Some(kind) => of_registry(kind),
        None if status == StatusCode::UNAUTHORIZED => Exit::Denied,
        None => Exit::Failed,
    };
    let failure = Failure::new(exit, problem.detail);
    let failure = match problem.guidance {
        Some(guidance) => failure.with_help(guidance),
        None => failure,
    };
    Refusal::answered(failure, status, kind, &headers)
}

/// A new key for a change that nobody asked for before.
pub fn new_key(clock: &Clock) -> String {
    format!("cli-{}", clock.new_id())
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
}
