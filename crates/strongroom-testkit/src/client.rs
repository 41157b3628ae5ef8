//! Another client: signed S3 requests that share no code with the product, to make buckets, to
//! attack what the product stored, and to see it with other eyes.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use reqsign_aws_v4::{RequestSigner, StaticCredentialProvider};
use reqsign_core::{Context, Signer};

/// What may stand in a key unencoded (RFC 3986 section 2.3, and the separator).
const KEPT_IN_KEYS: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'/');

/// A client of one S3 endpoint under one access key. Panics where a test could not go on.
#[derive(Debug, Clone)]
pub struct S3Client {
    endpoint: String,
    access_key: String,
    secret_key: String,
    http: reqwest::Client,
}

/// A whole answer.
#[derive(Debug)]
pub struct S3Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl S3Answer {
    /// The text between the first `<name>` and `</name>` of an XML body.
    pub fn element(&self, name: &str) -> Option<String> {
        let text = String::from_utf8_lossy(&self.body);
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once("</")?.0.to_owned())
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The endpoint of a real server that the test scripts started, by the name of the variable that
/// holds it; `None`, with a word on standard error, where it was not started. Panics there when the
/// scripts say by `STRONGROOM_TEST_SERVERS_REQUIRED` that no test may be skipped.
#[allow(clippy::disallowed_methods)] // where the servers are is told by the environment
pub fn endpoint_of(variable: &str) -> Option<String> {
    let endpoint = std::env::var(variable).ok().filter(|endpoint| !endpoint.is_empty());
    if endpoint.is_none() {
        assert!(
            std::env::var_os("STRONGROOM_TEST_SERVERS_REQUIRED").is_none(),
            "{variable} names no server, and STRONGROOM_TEST_SERVERS_REQUIRED lets no test skip it"
        );
        eprintln!("skipped: {variable} names no server");
    }
    endpoint
}

/// A GET of somebody who has nothing but an address, following no redirect.
pub async fn get(url: &str, headers: &[(&str, &str)]) -> S3Answer {
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
    let request = http.expect("a client").get(url);
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let answer = request.send().await.expect("an answer");
    S3Answer {
        status: answer.status(),
        headers: answer.headers().clone(),
        body: answer.bytes().await.expect("a body"),
    }
}

impl S3Client {
    /// A client of a real server that the test scripts started, by the name of the variable that
    /// holds its endpoint; see [`endpoint_of`] for where it was not started.
    pub fn of_server(variable: &str) -> Option<Self> {
        let endpoint = endpoint_of(variable)?;
        Some(Self::new(endpoint, "testaccess", "testsecretkey"))
    }

    /// A client of `endpoint`, with its scheme and without a path.
    pub fn new(endpoint: impl Into<String>, access_key: &str, secret_key: &str) -> Self {
        Self {
            endpoint: endpoint.into().trim_end_matches('/').to_owned(),
            access_key: access_key.to_owned(),
            secret_key: secret_key.to_owned(),
            http: reqwest::Client::new(),
        }
    }

    /// The endpoint.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The access key id.
    pub fn access_key(&self) -> &str {
        &self.access_key
    }

    /// The secret access key.
    pub fn secret_key(&self) -> &str {
        &self.secret_key
    }

    /// One signed request. `query` is already encoded; `key` is not.
    pub async fn request(
        &self,
        method: Method,
        bucket: &str,
        key: &str,
        query: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> S3Answer {
        let body = body.into();
        let key = percent_encoding::utf8_percent_encode(key, KEPT_IN_KEYS);
        let separator = if query.is_empty() { "" } else { "?" };
        let uri = format!("{}/{bucket}/{key}{separator}{query}", self.endpoint);
        let mut request = http::Request::builder()
            .method(method)
            .uri(uri.trim_end_matches('/'))
            .header("x-amz-content-sha256", hex::encode(sha256(&body)))
            .header("content-md5", base64_of(&md5(&body)));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request.body(()).expect("a request").into_parts();
        let credentials = StaticCredentialProvider::new(&self.access_key, &self.secret_key);
        Signer::new(Context::new(), credentials, RequestSigner::new("s3", "us-east-1"))
            .sign(&mut parts, None)
            .await
            .expect("a signature");
        let request = http::Request::from_parts(parts, body);
        let request = reqwest::Request::try_from(request).expect("a request");
        let answer = self.http.execute(request).await.expect("an answer");
        S3Answer {
            status: answer.status(),
            headers: answer.headers().clone(),
            body: answer.bytes().await.expect("a body"),
        }
    }

    /// Makes a bucket without Object Lock.
    pub async fn create_bucket(&self, bucket: &str) {
        let answer = self.request(Method::PUT, bucket, "", "", &[], "").await;
        assert!(answer.status.is_success(), "{answer:?}");
    }

    /// Makes a bucket with Object Lock, and so with versions.
    pub async fn create_lock_bucket(&self, bucket: &str) {
        let lock = [("x-amz-bucket-object-lock-enabled", "true")];
        let answer = self.request(Method::PUT, bucket, "", "", &lock, "").await;
        assert!(answer.status.is_success(), "{answer:?}");
    }

    /// Gives a bucket a default retention: `GOVERNANCE` or `COMPLIANCE`.
    pub async fn set_default_retention(&self, bucket: &str, mode: &str, days: u32) {
        let body = format!(
            "<ObjectLockConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>\
             <Mode>{mode}</Mode><Days>{days}</Days></DefaultRetention></Rule>\
             </ObjectLockConfiguration>"
        );
        let answer = self.request(Method::PUT, bucket, "", "object-lock=", &[], body).await;
        assert!(answer.status.is_success(), "{answer:?}");
    }

    /// Writes an object, over whatever is there.
    pub async fn put(&self, bucket: &str, key: &str, body: impl Into<Bytes>) -> S3Answer {
        self.put_with(bucket, key, &[], body).await
    }

    /// Writes an object with headers of one's own.
    pub async fn put_with(
        &self,
        bucket: &str,
        key: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> S3Answer {
        self.request(Method::PUT, bucket, key, "", headers, body).await
    }

    /// Reads an object.
    pub async fn get(&self, bucket: &str, key: &str) -> S3Answer {
        self.request(Method::GET, bucket, key, "", &[], "").await
    }

    /// Asks for an object's headers.
    pub async fn head(&self, bucket: &str, key: &str) -> S3Answer {
        self.request(Method::HEAD, bucket, key, "", &[], "").await
    }

    /// Deletes one version for good, if the store lets it.
    pub async fn delete_version(&self, bucket: &str, key: &str, version: &str) -> S3Answer {
        let version =
            percent_encoding::utf8_percent_encode(version, percent_encoding::NON_ALPHANUMERIC);
        self.request(Method::DELETE, bucket, key, &format!("versionId={version}"), &[], "").await
    }

    /// Asks for the retention of one version, in the store's own words.
    pub async fn retention(&self, bucket: &str, key: &str, version: &str) -> S3Answer {
        self.about_version("retention", bucket, key, version).await
    }

    /// Asks for the legal hold of one version, in the store's own words.
    pub async fn legal_hold(&self, bucket: &str, key: &str, version: &str) -> S3Answer {
        self.about_version("legal-hold", bucket, key, version).await
    }

    async fn about_version(&self, what: &str, bucket: &str, key: &str, version: &str) -> S3Answer {
        let version =
            percent_encoding::utf8_percent_encode(version, percent_encoding::NON_ALPHANUMERIC);
        let query = format!("{what}=&versionId={version}");
        self.request(Method::GET, bucket, key, &query, &[], "").await
    }
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).to_vec()
}

fn md5(bytes: &[u8]) -> Vec<u8> {
    use md5::Digest as _;
    md5::Md5::digest(bytes).to_vec()
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
