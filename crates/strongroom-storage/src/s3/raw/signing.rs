//! Signatures that must not be accepted, beside the one that must.

use http::request::Parts;
use reqsign_aws_v4::{Credential, RequestSigner};
use reqsign_core::time::Timestamp;
use reqsign_core::{Context, Error, SignRequest, hash};
use std::time::Duration;

use super::super::credentials::no_credentials;
use super::super::request::Client;
use crate::StorageError;

/// A region that no store is in.
const NO_REGION: &str = "xx-nowhere-1";

/// How a request is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signing {
    /// As every other request.
    Own,
    /// With the right key id and another secret.
    WrongSecret,
    /// With a key id that nobody has.
    UnknownKey,
    /// For a region where the store is not.
    OtherRegion,
    /// As if it had been sent this much earlier.
    Earlier(Duration),
    /// Not at all.
    Unsigned,
}

impl Signing {
    pub(super) async fn sign(self, client: &Client, parts: &mut Parts) -> Result<(), StorageError> {
        let region = client.address.region.clone();
        let signer = client.signer.clone();
        let signer = match self {
            Self::Own => signer,
            Self::Unsigned => return Ok(()),
            Self::OtherRegion => signer.with_request_signer(
                RequestSigner::new("s3", NO_REGION).with_standard_session_token(),
            ),
            Self::WrongSecret | Self::UnknownKey => {
                let inner = RequestSigner::new("s3", &region).with_standard_session_token();
                signer.with_request_signer(Twisted { inner, twist: self })
            }
            Self::Earlier(by) => signer.with_request_signer(Earlier { region, by }),
        };
        let failed = |error| no_credentials(client.of_a_profile, Some(error));
        signer.sign(parts, None).await.map_err(failed)
    }
}

/// Signs with credentials that are not quite those given.
#[derive(Debug)]
struct Twisted {
    inner: RequestSigner,
    twist: Signing,
}

impl SignRequest for Twisted {
    type Credential = Credential;

    async fn sign_request(
        &self,
        context: &Context,
        parts: &mut Parts,
        credential: Option<&Credential>,
        expires_in: Option<Duration>,
    ) -> Result<(), Error> {
        let mut credential = credential.cloned();
        if let Some(credential) = &mut credential {
            match self.twist {
                Signing::UnknownKey => {
                    credential.access_key_id = turned(&credential.access_key_id);
                }
                _ => credential.secret_access_key = turned(&credential.secret_access_key),
            }
        }
        self.inner.sign_request(context, parts, credential.as_ref(), expires_in).await
    }
}

/// A text of the same shape that is another: each letter and digit is replaced by its successor.
fn turned(text: &str) -> String {
    let next = |character: char| match character {
        'z' => 'a',
        'Z' => 'A',
        '9' => '0',
        'a'..='y' | 'A'..='Y' | '0'..='8' => {
            char::from_u32(u32::from(character) + 1).unwrap_or(character)
        }
        other => other,
    };
    text.chars().map(next).collect()
}

/// Signs as it would have been right a while ago (AWS Signature Version 4). The library signs for the
/// present only.
#[derive(Debug)]
struct Earlier {
    region: String,
    by: Duration,
}

impl SignRequest for Earlier {
    type Credential = Credential;

    async fn sign_request(
        &self,
        _: &Context,
        parts: &mut Parts,
        credential: Option<&Credential>,
        _: Option<Duration>,
    ) -> Result<(), Error> {
        let Some(credential) = credential else { return Ok(()) };
        let then = Timestamp::now() - self.by;
        let (day, moment) = (then.format_date(), then.format_iso8601());
        let put = |parts: &mut Parts, name: &'static str, value: &str| {
            let value = http::HeaderValue::try_from(value);
            let value = value.map_err(|_| Error::unexpected("a header cannot be signed"))?;
            parts.headers.insert(name, value);
            Ok::<(), Error>(())
        };
        let host = parts.uri.authority().map(ToString::to_string).unwrap_or_default();
        put(parts, "host", &host)?;
        put(parts, "x-amz-date", &moment)?;
        if let Some(token) = &credential.session_token {
            put(parts, "x-amz-security-token", token)?;
        }
        let mut headers: Vec<(&str, &str)> = parts
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?.trim())))
            .collect();
        headers.sort_unstable();
        let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let told: String =
            headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let payload = headers.iter().find(|(name, _)| *name == "x-amz-content-sha256");
        let payload = payload.map_or("UNSIGNED-PAYLOAD", |(_, value)| value);
        let (method, path) = (&parts.method, parts.uri.path());
        let query = canonical_query(parts.uri.query().unwrap_or_default());
        let canonical = format!("{method}\n{path}\n{query}\n{told}\n{names}\n{payload}");
        let scope = format!("{day}/{}/s3/aws4_request", self.region);
        let digest = hash::hex_sha256(canonical.as_bytes());
        let to_sign = format!("AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}");
        let secret = format!("AWS4{}", credential.secret_access_key);
        let key = [day.as_str(), self.region.as_str(), "s3", "aws4_request"]
            .iter()
            .fold(secret.into_bytes(), |key, step| hash::hmac_sha256(&key, step.as_bytes()));
        let signature = hash::hex_hmac_sha256(&key, to_sign.as_bytes());
        let id = &credential.access_key_id;
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}"
        );
        put(parts, "authorization", &authorization)
    }
}

/// Parameters in the order of their names, each with a `=`.
fn canonical_query(query: &str) -> String {
    let mut parameters: Vec<String> = query
        .split('&')
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| match parameter.contains('=') {
            true => parameter.to_owned(),
            false => format!("{parameter}="),
        })
        .collect();
    parameters.sort_unstable();
    parameters.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turned_text_is_another_of_the_same_shape() {
        assert_eq!(turned("azAZ09/+"), "baBA10/+");
    }
}
