//! Asks a time-stamp authority over HTTP (RFC 3161 section 3.4).

use http::{Method, StatusCode, header};
use strongroom_core::limits::TIMESTAMP_ANSWER_BYTES_MAX;
use strongroom_core::signing::timestamp::{NONCE_BYTES, Request, TimestampError};

use crate::service::{Service, ServiceError, ServiceSettings};

/// What the authority is called in messages.
const WHO: &str = "the time-stamp authority";

/// Why there is no time stamp.
#[derive(Debug, thiserror::Error)]
pub enum TsaError {
    /// The authority was not reached, or does not answer as an authority does.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// It answered, and the answer is a refusal or no answer to what was asked.
    #[error(transparent)]
    Answer(#[from] TimestampError),
}

impl TsaError {
    /// What a person can do, if anything.
    pub fn guidance(&self) -> Option<&str> {
        match self {
            Self::Service(error) => error.guidance(),
            Self::Answer(error) => error.guidance(),
        }
    }
}

/// A time-stamp authority that can be asked.
#[derive(Debug)]
pub struct TimestampAuthority(Service);

impl TimestampAuthority {
    /// Prepares the way to it. Nothing is sent.
    pub async fn connect(settings: &ServiceSettings) -> Result<Self, TsaError> {
        Ok(Self(Service::connect(WHO, settings).await?))
    }

    /// The authority's answer, with a token over `message`, of which only the SHA-256 is sent. That it
    /// answers this request is checked; whether its authority is trusted is for
    /// [`strongroom_core::signing::timestamp::Authorities::verify`]. The `nonce` is random and used once.
    pub async fn stamp(
        &self,
        message: &[u8],
        nonce: [u8; NONCE_BYTES],
    ) -> Result<Vec<u8>, TsaError> {
        let request = Request::new(message, nonce);
        let query = self
            .0
            .request(Method::POST, "")
            .header(header::CONTENT_TYPE, "application/timestamp-query")
            .header(header::ACCEPT, "application/timestamp-reply")
            .body(request.to_der()?);
        let answer = self.0.ask(query, TIMESTAMP_ANSWER_BYTES_MAX).await?;
        if answer.status != StatusCode::OK {
            // Pages of proxies and login forms, mostly: their words are no help.
            return Err(self.0.refusal(answer.status, "").into());
        }
        request.check_answer(&answer.body)?;
        Ok(answer.body)
    }
}
