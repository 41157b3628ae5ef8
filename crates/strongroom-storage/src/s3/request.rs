//! One exchange with the store: signed, sent, answered. Every request goes through here.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use reqsign_aws_v4::Credential;
use reqsign_core::Signer;
use strongroom_core::limits::{STORE_ANSWER_BYTES_MAX, STORE_REFUSAL_BYTES_MAX};

use super::address::Address;
use super::credentials::{CHAIN_TIMEOUT, no_credentials};
use super::error::{Failure, Refusal, unanswered};
use crate::exchange::payload::{Movement, Payload};
use crate::exchange::retry::{FIRST_STALL, Tries};
use crate::exchange::witness::Witness;
use crate::exchange::xml::Element;
use crate::exchange::{dates, lost};
use crate::{Clock, StorageError, StorageErrorKind};

/// A request to the store.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    method: Method,
    /// The whole key, or `None` for the bucket itself.
    key: Option<String>,
    query: Vec<(&'static str, String)>,
    headers: HeaderMap,
    payload: Payload,
    patience: Duration,
}

impl Request {
    /// A request about an object, by its whole key.
    pub(crate) fn object(method: Method, whole_key: &str) -> Self {
        Self { key: Some(whole_key.to_owned()), ..Self::bucket(method) }
    }

    /// A request about the bucket.
    pub(crate) fn bucket(method: Method) -> Self {
        Self {
            method,
            key: None,
            query: Vec::new(),
            headers: HeaderMap::new(),
            payload: Payload::empty(),
            patience: FIRST_STALL,
        }
    }

    /// Adds a query parameter; an empty value is a bare name.
    pub(crate) fn query(mut self, name: &'static str, value: impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    /// Adds a query parameter if there is a value.
    pub(crate) fn query_if(self, name: &'static str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// Adds a header. A text that no header can hold is refused.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Result<Self, StorageError> {
        let unfit = || {
            StorageError::new(
                StorageErrorKind::InvalidRequest,
                "a header for the store is not printable ASCII",
            )
        };
        let name = HeaderName::try_from(name).map_err(|_| unfit())?;
        let is_printable = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        let value = HeaderValue::try_from(value).ok().filter(|_| is_printable);
        self.headers.insert(name, value.ok_or_else(unfit)?);
        Ok(self)
    }

    /// Adds a header whose value is fixed.
    pub(crate) fn fixed_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    /// Takes a header away.
    pub(crate) fn without_header(mut self, name: &'static str) -> Self {
        self.headers.remove(name);
        self
    }

    /// Whether it has a header.
    pub(crate) fn has_header(&self, name: &str) -> bool {
        self.headers.contains_key(name)
    }

    /// The same request with a body.
    pub(crate) fn with_payload(mut self, payload: Payload) -> Self {
        self.payload = payload;
        self
    }

    /// The body.
    pub(crate) fn payload(&self) -> &Payload {
        &self.payload
    }

    /// The method.
    pub(crate) fn method(&self) -> &Method {
        &self.method
    }

    /// An XML body, with the digest that S3 wants for it.
    pub(crate) fn xml(self, document: String) -> Result<Self, StorageError> {
        let payload = Payload::small(document);
        let md5 = payload.md5_base64();
        self.with_payload(payload)
            .fixed_header(CONTENT_TYPE.as_str(), "application/xml")
            .header("content-md5", &md5)
    }

    /// How long the first try waits while nothing moves.
    pub(crate) fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
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
        Element::parse(&self.body)
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
    pub(super) signer: Signer<Credential>,
    /// Whether the signer's credentials are those of a profile that was asked for by name.
    pub(super) of_a_profile: bool,
    pub(super) address: Address,
    /// Where others than we reach the same bucket: links lead there.
    pub(super) public_address: Address,
    pub(super) clock: Clock,
    /// Who sees every exchange, if anybody does.
    pub(super) witness: Option<Arc<Witness>>,
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
        let stall = tries.stall(request.patience);
        let body = collect(response, STORE_ANSWER_BYTES_MAX, stall, &movement)
            .await
            .map_err(|failure| FailedTry { failure, idle: movement.idle() })?;
        Ok(Answer { headers, body })
    }

    /// Counts a failed try, then waits for the next one, or gives up.
    pub(super) async fn pause_or_fail(
        &self,
        tries: &mut Tries,
        failed: FailedTry,
    ) -> Result<(), Failure> {
        match self.pause(tries, &failed) {
            Some(pause) => {
                tokio::time::sleep(pause).await;
                Ok(())
            }
            None => Err(failed.failure),
        }
    }

    /// Counts a failed try. The answer is the pause before the next one, if there is to be one.
    pub(super) fn pause(&self, tries: &mut Tries, failed: &FailedTry) -> Option<Duration> {
        let [.., jitter] = self.clock.new_id().into_bytes();
        // An upload that is gone does not come back, whatever else its refusal may mean.
        let kind = match failed.failure.is(&["NoSuchUpload"]) {
            true => StorageErrorKind::NotFound,
            false => failed.failure.kind(),
        };
        let pause = tries.after(kind, failed.idle, jitter);
        tracing::debug!(?kind, ?pause, "a request failed");
        pause
    }

    async fn open_once(
        &self,
        request: &Request,
        tries: &Tries,
    ) -> Result<(reqwest::Response, Movement), FailedTry> {
        let movement = Movement::begin();
        let stall = tries.stall(request.patience);
        let exchange = async {
            let signed = self.sign(request, &movement).await?;
            movement.mark();
            let response = self.http.execute(signed).await.map_err(|error| {
                self.tell(request, "no answer");
                unanswered(error)
            })?;
            movement.mark();
            let status = response.status();
            // The key is no secret; the query may hold a list's token, and headers a signature.
            tracing::trace!(
                method = %request.method,
                key = request.key.as_deref(),
                status = status.as_u16(),
                "the store answered",
            );
            if status.is_success() {
                self.tell(request, status.as_str());
                return Ok(response);
            }
            let headers = response.headers().clone();
            // A refusal whose body is lost is a refusal still.
            let body = collect(response, STORE_REFUSAL_BYTES_MAX, stall, &movement).await;
            let refusal = Refusal::read(status, &headers, &body.unwrap_or_default());
            self.tell(request, &refusal.words());
            Err(Failure::Refused(refusal))
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
        let mut parts = self.parts(request)?;
        let digest = HeaderValue::try_from(request.payload.sha256.to_hex());
        parts.headers.extend(digest.ok().map(|digest| (X_AMZ_CONTENT_SHA256, digest)));
        let signing = self.signer.sign(&mut parts, None);
        match tokio::time::timeout(CHAIN_TIMEOUT, signing).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(no_credentials(self.of_a_profile, Some(error)).into()),
            Err(_) => return Err(no_credentials(self.of_a_profile, None).into()),
        }
        let has_body = matches!(request.method, Method::PUT | Method::POST);
        if has_body {
            parts.headers.insert(CONTENT_LENGTH, request.payload.size_bytes.into());
        }
        let body = if has_body { request.payload.body(movement) } else { Bytes::new().into() };
        reqwest::Request::try_from(http::Request::from_parts(parts, body)).map_err(unanswered)
    }
}

impl Client {
    /// The head of a request, without digest and signature.
    pub(super) fn parts(&self, request: &Request) -> Result<http::request::Parts, Failure> {
        Ok(self.parts_at(&self.address, request)?)
    }

    /// The same for another address of the bucket.
    pub(super) fn parts_at(
        &self,
        address: &Address,
        request: &Request,
    ) -> Result<http::request::Parts, StorageError> {
        let url = address.url_of(request.key.as_deref(), &request.query);
        let (mut parts, ()) = http::Request::builder()
            .method(request.method.clone())
            .uri(url)
            .body(())
            .map_err(|error| {
                StorageError::new(StorageErrorKind::InvalidKey, "the URL cannot be built")
                    .with_source(error)
            })?
            .into_parts();
        parts.headers = request.headers.clone();
        Ok(parts)
    }

    /// Tells the witness of an exchange.
    pub(super) fn tell(&self, request: &Request, answer: &str) {
        if let Some(witness) = &self.witness {
            let Request { method, key, query, headers, .. } = request;
            witness.saw(method, key.as_deref(), query, headers, answer);
        }
    }
}

const X_AMZ_CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");

/// A try that failed, and for how long nothing moved before it did.
#[derive(Debug)]
pub(super) struct FailedTry {
    pub(super) failure: Failure,
    pub(super) idle: Duration,
}

/// The whole body of a response, which must not be longer than `bytes_max`.
pub(super) async fn collect(
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

/// Nothing moved for too long.
pub(super) fn stalled() -> Failure {
    Failure::Unanswered { error: lost::stalled(), sent: true }
}

/// An answer of status 200 may hold an error nevertheless: completion of a multipart upload begins
/// its answer before the work is done.
pub(super) fn refusal_inside(answer: &Answer) -> Option<Failure> {
    let root = answer.xml().ok()?;
    if root.name != "Error" {
        return None;
    }
    let refusal = Refusal::read(StatusCode::INTERNAL_SERVER_ERROR, &answer.headers, &answer.body);
    Some(Failure::Refused(refusal))
}
