//! Links to a version: AWS Signature Version 4 with the signature in the query.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>

use std::time::Duration;

use http::Method;
use http::request::Parts;
use reqsign_aws_v4::{Credential, RequestSigner};
use reqsign_core::time::Timestamp;
use reqsign_core::{Context, Error, ErrorKind, SignRequest};

use super::S3Storage;
use super::address::Address;
use super::credentials::{CHAIN_TIMEOUT, no_credentials};
use super::request::{Client, Request};
use crate::link::{Link, LinkAsk, unsupported};
use crate::{ObjectKey, Storage as _, StorageError, VersionId};

/// What a link is good for at least: one that credentials end sooner is over before anybody has followed it.
const VALID_MIN: Duration = Duration::from_secs(5);

/// See [`crate::Storage::link`].
pub(super) async fn link(
    store: &S3Storage,
    key: &ObjectKey,
    version: Option<&VersionId>,
    ask: &LinkAsk,
) -> Result<Link, StorageError> {
    let valid = ask.checked()?;
    let request = Request::object(Method::GET, &store.whole_key(key))
        .query_if("versionId", version)
        .query("response-cache-control", ask.cache_control)
        .query("response-content-disposition", &ask.content_disposition)
        .query("response-content-type", ask.content_type);
    store.client.presigned(&store.client.public_address, &request, valid).await
}

impl Client {
    /// A link that lets whoever has it send this request to `address`, with the headers in it, for `valid`.
    pub(super) async fn presigned(
        &self,
        address: &Address,
        request: &Request,
        valid: Duration,
    ) -> Result<Link, StorageError> {
        let mut parts = self.parts_at(address, request)?;
        let inner = RequestSigner::new("s3", &address.region).with_standard_session_token();
        let now_s = self.clock.now().as_second();
        let signer = self.signer.clone().with_request_signer(OfALink { inner, now_s });
        let signing = signer.sign(&mut parts, Some(valid));
        match tokio::time::timeout(CHAIN_TIMEOUT, signing).await {
            Ok(Ok(())) => Ok(Link::new(parts.uri.to_string())),
            // Only said below: the request itself is one that we made.
            Ok(Err(error)) if error.kind() == ErrorKind::RequestInvalid => Err(unsupported()),
            Ok(Err(error)) => Err(no_credentials(self.of_a_profile, Some(error))),
            Err(_) => Err(no_credentials(self.of_a_profile, None)),
        }
    }
}

/// Signs a link that ends no later than the credentials that sign it: it would say that it is good when it is not.
#[derive(Debug)]
struct OfALink {
    inner: RequestSigner,
    /// The present, in seconds since 1970.
    now_s: i64,
}

impl SignRequest for OfALink {
    type Credential = Credential;

    /// Credentials that are about to end make a link that is about to end.
    fn required_valid_until(&self, credential: &Credential, _: Option<Duration>) -> Timestamp {
        self.inner.required_valid_until(credential, None)
    }

    async fn sign_request(
        &self,
        context: &Context,
        parts: &mut Parts,
        credential: Option<&Credential>,
        valid: Option<Duration>,
    ) -> Result<(), Error> {
        let ends_at = credential.and_then(|credential| credential.expires_in);
        let shortened = valid.map(|valid| no_longer_than(valid, ends_at, self.now_s));
        if shortened < valid.map(|valid| valid.min(VALID_MIN)) {
            return Err(Error::request_invalid("the credentials end before a link is of use"));
        }
        self.inner.sign_request(context, parts, credential, shortened).await
    }
}

/// The whole seconds of `valid` before `ends_at`.
fn no_longer_than(valid: Duration, ends_at: Option<Timestamp>, now_s: i64) -> Duration {
    let Some(ends_at) = ends_at else { return valid };
    // Credentials are good before their end, and a second may pass until they sign.
    let left_s = ends_at.as_second().saturating_sub(now_s).saturating_sub(2);
    valid.min(Duration::from_secs(u64::try_from(left_s).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_ends_before_the_credentials_that_sign_it() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let within = |valid_s, left_s: Option<u64>| {
            let ends_at = left_s.map(|left_s| now + Duration::from_secs(left_s));
            no_longer_than(Duration::from_secs(valid_s), ends_at, now.as_second()).as_secs()
        };
        assert_eq!(within(60, None), 60);
        assert_eq!(within(60, Some(3_600)), 60);
        assert_eq!(within(60, Some(12)), 10);
        assert_eq!(within(60, Some(1)), 0);
    }

    #[tokio::test]
    async fn a_link_that_would_be_over_at_once_is_none() {
        let now_s = 1_800_000_000;
        let kind = async |valid_s, left_s| {
            let ends_at = Timestamp::from_second(now_s + left_s).unwrap();
            let credential = Credential {
                access_key_id: "me".to_owned(),
                secret_access_key: "secret".to_owned(),
                expires_in: Some(ends_at),
                ..Credential::default()
            };
            let inner = RequestSigner::new("s3", "eu-central-1");
            let request = http::Request::get("https://store/bucket/key").body(()).unwrap();
            let (mut parts, ()) = request.into_parts();
            let valid = Some(Duration::from_secs(valid_s));
            let signer = OfALink { inner, now_s };
            let context = Context::new();
            let signed = signer.sign_request(&context, &mut parts, Some(&credential), valid);
            signed.await.map_err(|error| error.kind())
        };
        assert_eq!(kind(60, 3_600).await, Ok(()));
        assert_eq!(kind(60, 7).await, Ok(()));
        assert_eq!(kind(60, 6).await, Err(ErrorKind::RequestInvalid));
        // As short as somebody asked for it.
        assert_eq!(kind(2, 6).await, Ok(()));
        assert_eq!(kind(2, 3).await, Err(ErrorKind::RequestInvalid));
    }
}
