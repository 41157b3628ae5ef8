//! Requests as they are, and answers as they come: for the analysis, which wants to be refused.
//! Everything else goes through [`Client::send`](super::request::Client::send).

mod signing;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use strongroom_core::limits::STORE_ANSWER_BYTES_MAX;

pub(crate) use self::signing::Signing;
use super::S3Storage;
use super::error::{Failure, Refusal, unanswered};
use super::request::{self, Client, Request};
use crate::exchange::payload::{Movement, Payload};
use crate::exchange::retry::{FIRST_STALL, Tries};
use crate::exchange::witness::Witness;
use crate::exchange::xml::Element;
use crate::link::Link;
use crate::{ObjectKey, StorageError, StorageErrorKind, VersionId};

/// The way to the bucket, for requests that need not succeed.
#[derive(Debug, Clone)]
pub(crate) struct Raw {
    client: Arc<Client>,
}

/// An answer, whatever it says.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    /// The store's error code.
    pub(crate) code: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    /// Whether the store did what was asked.
    pub(crate) fn is_success(&self) -> bool {
        self.status.is_success() && self.code.is_none()
    }

    /// Whether the store refused: a fault of the server is no refusal.
    pub(crate) fn is_refusal(&self) -> bool {
        self.status.is_client_error() || self.is_error_inside()
    }

    /// A refusal for missing rights.
    pub(crate) fn is_denied(&self) -> bool {
        matches!(self.status.as_u16(), 401 | 403)
    }

    /// That there is nothing under the key or version.
    pub(crate) fn is_absent(&self) -> bool {
        self.status == StatusCode::NOT_FOUND
    }

    /// That the store does not know this operation.
    pub(crate) fn is_not_implemented(&self) -> bool {
        self.status == StatusCode::NOT_IMPLEMENTED || self.code.as_deref() == Some("NotImplemented")
    }

    fn is_error_inside(&self) -> bool {
        self.status.is_success() && self.code.is_some()
    }

    /// Status and code, as the report tells them.
    pub(crate) fn words(&self) -> String {
        match &self.code {
            Some(code) => format!("{} {code}", self.status.as_u16()),
            None => self.status.as_u16().to_string(),
        }
    }

    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        request::header(&self.headers, name)
    }

    /// The version that was written or read.
    pub(crate) fn version(&self) -> Option<VersionId> {
        super::object::version(&self.headers)
    }

    /// The store's clock.
    pub(crate) fn date(&self) -> Option<Timestamp> {
        request::date(&self.headers)
    }

    /// The body as XML.
    pub(crate) fn xml(&self) -> Result<Element, StorageError> {
        Element::parse(&self.body)
    }
}

impl S3Storage {
    /// The way to the same bucket for requests that need not succeed.
    pub(crate) fn raw(&self) -> Raw {
        Raw { client: Arc::clone(&self.client) }
    }

    /// The same store, seen by a witness.
    pub(crate) fn with_witness(mut self, witness: Arc<Witness>) -> Self {
        let client = &self.client;
        self.client = Arc::new(Client {
            http: client.http.clone(),
            signer: client.signer.clone(),
            of_a_profile: client.of_a_profile,
            address: client.address.clone(),
            public_address: client.public_address.clone(),
            clock: client.clock.clone(),
            witness: Some(witness),
        });
        self
    }
}

impl Raw {
    /// A request about an object.
    pub(crate) fn object(&self, method: Method, key: &ObjectKey) -> Request {
        Request::object(method, &self.client.address.whole_key(key))
    }

    /// The value of `x-amz-copy-source` for an object of this bucket.
    pub(crate) fn copy_source(&self, key: &ObjectKey) -> String {
        self.client.address.copy_source(key)
    }

    /// Sends a request, again only where the store failed or asked for patience: an answer is an
    /// answer.
    pub(crate) async fn send(&self, request: &Request) -> Result<Reply, StorageError> {
        let mut tries = Tries::default();
        loop {
            let sent = self.send_once(request, &Signing::Own).await;
            let kind = match &sent {
                Ok(reply) if reply.status.is_server_error() && !reply.is_not_implemented() => {
                    StorageErrorKind::ServerFault
                }
                Ok(reply) if reply.status == StatusCode::TOO_MANY_REQUESTS => {
                    StorageErrorKind::Throttled
                }
                Ok(_) => return sent,
                Err(error) => error.kind(),
            };
            let [.., jitter] = self.client.clock.new_id().into_bytes();
            match tries.after(kind, Duration::ZERO, jitter) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return sent,
            }
        }
    }

    /// Sends a request once, signed as told.
    pub(crate) async fn send_once(
        &self,
        request: &Request,
        signing: &Signing,
    ) -> Result<Reply, StorageError> {
        let movement = Movement::begin();
        let body = body_of(request, &movement);
        self.exchange(request, signing, body, &movement).await
    }

    /// Sends a request whose body is not the one that its digest and length were made of.
    pub(crate) async fn send_body(
        &self,
        request: &Request,
        body: reqwest::Body,
    ) -> Result<Reply, StorageError> {
        self.exchange(request, &Signing::Own, Some(body), &Movement::begin()).await
    }

    /// A link that lets whoever has it send this request, with the headers in it, for `valid`.
    pub(crate) async fn presign(
        &self,
        request: &Request,
        valid: Duration,
    ) -> Result<Link, StorageError> {
        self.client.presigned(&self.client.address, request, valid).await
    }

    /// Sends a request through a link: its method, headers and body, and no signature of its own.
    pub(crate) async fn send_link(
        &self,
        link: &Link,
        request: &Request,
    ) -> Result<Reply, StorageError> {
        let mut parts = self.parts(request)?;
        parts.uri = link.reveal().parse().map_err(|_| {
            StorageError::new(StorageErrorKind::InvalidKey, "a signed link cannot be built")
        })?;
        let movement = Movement::begin();
        let body = body_of(request, &movement);
        self.deliver(request, parts, body, &movement).await
    }

    async fn exchange(
        &self,
        request: &Request,
        signing: &Signing,
        body: Option<reqwest::Body>,
        movement: &Movement,
    ) -> Result<Reply, StorageError> {
        let mut parts = self.parts(request)?;
        let digest = HeaderValue::try_from(request.payload().sha256.to_hex());
        parts.headers.extend(digest.ok().map(|digest| (X_AMZ_CONTENT_SHA256, digest)));
        signing.sign(&self.client, &mut parts).await?;
        self.deliver(request, parts, body, movement).await
    }

    async fn deliver(
        &self,
        request: &Request,
        mut parts: http::request::Parts,
        body: Option<reqwest::Body>,
        movement: &Movement,
    ) -> Result<Reply, StorageError> {
        if body.is_some() {
            parts.headers.insert(CONTENT_LENGTH, request.payload().size_bytes.into());
        }
        let exchange = async {
            let whole = http::Request::from_parts(parts, body.unwrap_or_default());
            let whole = reqwest::Request::try_from(whole).map_err(unanswered)?;
            let response = self.client.http.execute(whole).await.map_err(unanswered)?;
            movement.mark();
            let (status, headers) = (response.status(), response.headers().clone());
            let body =
                request::collect(response, STORE_ANSWER_BYTES_MAX, FIRST_STALL, movement).await?;
            Ok::<_, Failure>(read(status, headers, body))
        };
        let told = movement.watch(FIRST_STALL, exchange).await;
        let reply = told.unwrap_or_else(|| Err(request::stalled()));
        let answer = reply.as_ref().map_or_else(|_| "no answer".to_owned(), Reply::words);
        self.client.tell(request, &answer);
        Ok(reply?)
    }

    fn parts(&self, request: &Request) -> Result<http::request::Parts, StorageError> {
        self.client.parts(request).map_err(StorageError::from)
    }
}

impl Link {
    /// The same link to another key of the same length: whoever changes a link must not get through.
    pub(crate) fn tampered(&self, from: &str, to: &str) -> Self {
        Self::new(self.reveal().replacen(from, to, 1))
    }
}

const X_AMZ_CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");

fn body_of(request: &Request, movement: &Movement) -> Option<reqwest::Body> {
    let has_body = matches!(*request.method(), Method::PUT | Method::POST);
    has_body.then(|| request.payload().body(movement))
}

fn read(status: StatusCode, headers: HeaderMap, body: Bytes) -> Reply {
    // A success may hold an error: completion begins its answer before its work is done.
    let is_error =
        !status.is_success() || Element::parse(&body).is_ok_and(|root| root.name == "Error");
    let code = is_error.then(|| Refusal::read(status, &headers, &body).code).flatten();
    Reply { status, code, headers, body }
}

/// A payload of these bytes.
pub(crate) fn payload(bytes: impl Into<Bytes>) -> Payload {
    Payload::small(bytes)
}
