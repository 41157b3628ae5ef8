//! One exchange with the store: signed, sent, answered. Every request goes through here.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{AUTHORIZATION, CONTENT_LENGTH, DATE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use jiff::Timestamp;
use object_store::azure::{AzureAuthorizer, AzureCredentialProvider};
use object_store::client::{HttpRequest, HttpRequestBody};
use strongroom_core::limits::{STORE_ANSWER_BYTES_MAX, STORE_REFUSAL_BYTES_MAX};

use super::address::Address;
use super::error::{Failure, Refusal};
use super::link::AccountKey;
use crate::exchange::payload::{Movement, Payload};
use crate::exchange::retry::{FIRST_STALL, Tries};
use crate::exchange::xml::Element;
use crate::exchange::{dates, lost};
use crate::{Clock, StorageError, StorageErrorKind};

/// How long the credentials may take that a service hands out.
const CREDENTIALS_TIMEOUT: Duration = Duration::from_secs(8);

/// A request to the store.
#[derive(Debug, Clone)]
pub(super) struct Request {
    method: Method,
    /// The whole key, or `None` for the container itself.
    key: Option<String>,
    query: Vec<(&'static str, String)>,
    headers: HeaderMap,
    payload: Payload,
}

impl Request {
    /// A request about a blob, by its whole key.
    pub(super) fn blob(method: Method, whole_key: &str) -> Self {
        Self { key: Some(whole_key.to_owned()), query: Vec::new(), ..Self::container(method) }
    }

    /// A request about the container.
    pub(super) fn container(method: Method) -> Self {
        Self {
            method,
            key: None,
            query: vec![("restype", "container".to_owned())],
            headers: HeaderMap::new(),
            payload: Payload::empty(),
        }
    }

    /// Adds a query parameter.
    pub(super) fn query(mut self, name: &'static str, value: impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    /// Adds a query parameter if there is a value.
    pub(super) fn query_if(self, name: &'static str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// Adds a header. A text that no header can hold is refused.
    pub(super) fn header(mut self, name: &str, value: &str) -> Result<Self, StorageError> {
        let is_printable = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(value)) if is_printable => {
                self.headers.insert(name, value);
                Ok(self)
            }
            _ => Err(StorageError::new(
                StorageErrorKind::InvalidRequest,
                "a header for the store is not printable ASCII",
            )),
        }
    }

    /// Adds a header whose value is fixed.
    pub(super) fn fixed_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    /// A header of this request.
    #[cfg(test)]
    pub(super) fn header_of(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The body.
    pub(super) fn payload(mut self, payload: Payload) -> Self {
        self.payload = payload;
        self
    }
}

/// A whole answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    /// A header as text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The body as XML.
    pub(super) fn xml(&self) -> Result<Element, StorageError> {
        let document = self.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.body);
        Element::parse(document).map_err(|cause| {
            StorageError::new(StorageErrorKind::Malformed, "the answer is not Azure's XML")
                .with_guidance("check that the endpoint is that of a storage account")
                .with_source(cause)
        })
    }

    /// The store's clock.
    pub(super) fn date(&self) -> Option<Timestamp> {
        date(&self.headers)
    }
}

/// A header as text, unless it is empty.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty())
}

/// The store's clock in an answer.
pub(super) fn date(headers: &HeaderMap) -> Option<Timestamp> {
    header(headers, DATE.as_str()).and_then(dates::parse)
}

/// The way to the store.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) http: reqwest::Client,
    pub(super) credentials: AzureCredentialProvider,
    /// The account's key, where there is one: links are signed with it.
    pub(super) account_key: Option<AccountKey>,
    pub(super) address: Address,
    /// Where others than we reach the same container: links lead there.
    pub(super) public_address: Address,
    pub(super) clock: Clock,
}

/// A try that failed, and for how long nothing moved before it did.
#[derive(Debug)]
pub(super) struct FailedTry {
    pub(super) failure: Failure,
    idle: Duration,
}

impl Client {
    /// Sends a request, again where that may help. The answer is a success, whole.
    pub(super) async fn send(&self, request: &Request) -> Result<Answer, Failure> {
        let mut tries = Tries::default();
        loop {
            match self.send_once(request, &tries).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => self.pause_or_fail(&mut tries, failed).await?,
            }
        }
    }

    /// Sends a request, again where that may help, until the head of a success arrives.
    pub(super) async fn open(&self, request: &Request) -> Result<reqwest::Response, Failure> {
        let mut tries = Tries::default();
        loop {
            match self.open_once(request, &tries).await {
                Ok((response, _)) => return Ok(response),
                Err(failed) => self.pause_or_fail(&mut tries, failed).await?,
            }
        }
    }

    /// Sends a request once.
    pub(super) async fn send_once(
        &self,
        request: &Request,
        tries: &Tries,
    ) -> Result<Answer, FailedTry> {
        let (response, movement) = self.open_once(request, tries).await?;
        let headers = response.headers().clone();
        let stall = tries.stall(FIRST_STALL);
        let body = collect(response, STORE_ANSWER_BYTES_MAX, stall, &movement)
            .await
            .map_err(|failure| FailedTry { failure, idle: movement.idle() })?;
        Ok(Answer { headers, body })
    }

    /// Counts a failed try. The answer is the pause before the next one, if there is to be one.
    pub(super) fn pause(&self, tries: &mut Tries, failed: &FailedTry) -> Option<Duration> {
        let [.., jitter] = self.clock.new_id().into_bytes();
        tries.after(failed.failure.kind(), failed.idle, jitter)
    }

    async fn pause_or_fail(&self, tries: &mut Tries, failed: FailedTry) -> Result<(), Failure> {
        match self.pause(tries, &failed) {
            Some(pause) => {
                tokio::time::sleep(pause).await;
                Ok(())
            }
            None => Err(failed.failure),
        }
    }

    async fn open_once(
        &self,
        request: &Request,
        tries: &Tries,
    ) -> Result<(reqwest::Response, Movement), FailedTry> {
        let movement = Movement::begin();
        let stall = tries.stall(FIRST_STALL);
        let exchange = async {
            let signed = self.sign(request, &movement).await?;
            movement.mark();
            let response = self.http.execute(signed).await.map_err(unanswered)?;
            movement.mark();
            let status = response.status();
            if status.is_success() {
                return Ok(response);
            }
            let headers = response.headers().clone();
            // A refusal whose body is lost is a refusal still.
            let body = collect(response, STORE_REFUSAL_BYTES_MAX, stall, &movement).await;
            Err(Failure::Refused(Refusal::read(status, &headers, &body.unwrap_or_default())))
        };
        match movement.watch(stall, exchange).await {
            Some(Ok(response)) => Ok((response, movement)),
            Some(Err(failure)) => Err(FailedTry { failure, idle: movement.idle() }),
            None => Err(FailedTry { failure: stalled(), idle: stall }),
        }
    }

    async fn sign(
        &self,
        request: &Request,
        movement: &Movement,
    ) -> Result<reqwest::Request, Failure> {
        let url = self.address.url_of(request.key.as_deref(), &request.query);
        let mut unsigned: HttpRequest = http::Request::builder()
            .method(request.method.clone())
            .uri(url)
            .body(HttpRequestBody::empty())
            .map_err(|cause| {
                StorageError::new(StorageErrorKind::InvalidKey, "the URL cannot be built")
                    .with_source(cause)
            })?;
        *unsigned.headers_mut() = request.headers.clone();
        let has_body = request.method == Method::PUT;
        if has_body {
            unsigned.headers_mut().insert(CONTENT_LENGTH, request.payload.size_bytes.into());
        }
        let credential = self.credential().await?;
        AzureAuthorizer::new(&credential, &self.address.account)
            .try_authorize(&mut unsigned)
            .map_err(no_credentials)?;
        let (mut parts, _) = unsigned.into_parts();
        if let Some(secret) = parts.headers.get_mut(AUTHORIZATION) {
            secret.set_sensitive(true);
        }
        let body = if has_body { request.payload.body(movement) } else { Bytes::new().into() };
        reqwest::Request::try_from(http::Request::from_parts(parts, body)).map_err(unanswered)
    }

    /// Who asks, now.
    pub(super) async fn credential(
        &self,
    ) -> Result<std::sync::Arc<object_store::azure::AzureCredential>, StorageError> {
        let asked = self.credentials.get_credential();
        match tokio::time::timeout(CREDENTIALS_TIMEOUT, asked).await {
            Ok(credential) => credential.map_err(no_credentials),
            Err(late) => Err(no_credentials(late)),
        }
    }
}

/// No request can be signed.
fn no_credentials(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StorageError {
    StorageError::new(
        StorageErrorKind::Unauthenticated,
        "no usable credentials for the storage account were found",
    )
    .with_guidance(
        "set AZURE_STORAGE_KEY, AZURE_STORAGE_SAS_TOKEN or the names of an identity, or log in \
         with the Azure CLI and set AZURE_USE_AZURE_CLI=true",
    )
    .with_source(cause)
}

/// The whole body of a response, which must not be longer than `bytes_max`.
async fn collect(
    mut response: reqwest::Response,
    bytes_max: u64,
    stall: Duration,
    movement: &Movement,
) -> Result<Bytes, Failure> {
    let mut body = BytesMut::new();
    loop {
        match movement.watch(stall, response.chunk()).await {
            Some(Ok(Some(piece))) => {
                movement.mark();
                body.extend_from_slice(&piece);
                if body.len() as u64 > bytes_max {
                    let error = StorageError::new(
                        StorageErrorKind::Malformed,
                        "the store's answer is longer than the limit STORE_ANSWER_BYTES_MAX",
                    );
                    return Err(Failure::Unanswered { error, sent: true });
                }
            }
            Some(Ok(None)) => return Ok(body.freeze()),
            Some(Err(error)) => return Err(unanswered(error)),
            None => return Err(stalled()),
        }
    }
}

/// What a failed exchange means.
fn unanswered(error: reqwest::Error) -> Failure {
    let sent = !error.is_connect() && !error.is_builder();
    Failure::Unanswered { error: lost::meaning(error), sent }
}

/// Nothing moved for too long.
fn stalled() -> Failure {
    Failure::Unanswered { error: lost::stalled(), sent: true }
}
