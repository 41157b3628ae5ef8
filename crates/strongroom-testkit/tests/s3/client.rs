//! A small S3 client: it signs, sends, and shows the answer as it is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Method};
use reqsign_aws_v4::{Credential, RequestSigner, StaticCredentialProvider};
use reqsign_core::{Context, Signer};
use sha2::{Digest as _, Sha256};
use strongroom_testkit::S3Server;
use strongroom_testkit::s3::User;
use strongroom_testkit::s3::server::REGION;

pub(crate) struct Client {
    http: reqwest::Client,
    endpoint: String,
    signer: Signer<Credential>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    async fn of(response: reqwest::Response) -> Result<Self, reqwest::Error> {
        Ok(Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.bytes().await?.to_vec(),
        })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The content of the first XML element of this name.
    pub(crate) fn element(&self, name: &str) -> Option<String> {
        elements(&self.text(), name).into_iter().next()
    }

    /// The contents of all XML elements of this name.
    pub(crate) fn elements(&self, name: &str) -> Vec<String> {
        elements(&self.text(), name)
    }

    /// Status and S3 error code.
    pub(crate) fn refusal(&self) -> (u16, String) {
        (self.status, self.element("Code").unwrap_or_default())
    }
}

fn elements(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let pieces = xml.split(&open).skip(1);
    pieces.filter_map(|piece| piece.split_once(&close)).map(|(text, _)| text.to_owned()).collect()
}

impl Client {
    /// The user with every right.
    pub(crate) fn owner(server: &S3Server) -> Self {
        Self::of(server, server.owner())
    }

    pub(crate) fn of(server: &S3Server, user: &User) -> Self {
        Self::in_region(server, user, REGION)
    }

    pub(crate) fn in_region(server: &S3Server, user: &User, region: &str) -> Self {
        let provider = StaticCredentialProvider::new(user.access_key(), user.secret_key());
        let signer = Signer::new(Context::new(), provider, RequestSigner::new("s3", region));
        let redirects = reqwest::redirect::Policy::none();
        let mut http = reqwest::Client::builder().redirect(redirects);
        if let Some(pem) = server.ca_pem() {
            let certificate = reqwest::Certificate::from_pem(pem.as_bytes()).unwrap();
            http = http.tls_certs_only([certificate]);
        }
        Self { http: http.build().unwrap(), endpoint: server.endpoint(), signer }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], b"").await.unwrap()
    }

    pub(crate) async fn head(&self, path: &str) -> Answer {
        let headers = [("x-amz-checksum-mode", "ENABLED")];
        self.send(Method::HEAD, path, &headers, b"").await.unwrap()
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, &[], b"").await.unwrap()
    }

    pub(crate) async fn put(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.send(Method::PUT, path, headers, body).await.unwrap()
    }

    /// A PUT with the right SHA-256 of the body.
    pub(crate) async fn put_checked(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let digest = sha256_base64(body);
        let mut headers = headers.to_vec();
        headers.push(("x-amz-checksum-sha256", &digest));
        self.put(path, &headers, body).await
    }

    pub(crate) async fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.send(Method::POST, path, headers, body).await.unwrap()
    }

    /// A POST with the right SHA-256 of the body.
    pub(crate) async fn post_checked(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let digest = sha256_base64(body.as_bytes());
        let mut headers = headers.to_vec();
        headers.push(("x-amz-checksum-sha256", &digest));
        self.post(path, &headers, body.as_bytes()).await
    }

    /// A copy of `source`, `/bucket/key` or one version of it.
    pub(crate) async fn copy(&self, source: &str, to: &str, headers: &[(&str, &str)]) -> Answer {
        let mut headers = headers.to_vec();
        headers.push(("x-amz-copy-source", source));
        self.put(to, &headers, b"").await
    }

    /// A URL that anybody may use for a while, with the headers that must go along.
    pub(crate) async fn presign(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        seconds: u64,
    ) -> String {
        let uri = format!("{}{path}", self.endpoint);
        let mut request = http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let expires = std::time::Duration::from_secs(seconds);
        self.signer.sign(&mut parts, Some(expires)).await.unwrap();
        parts.uri.to_string()
    }

    /// A request without credentials of its own.
    pub(crate) async fn anonymous(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut request = self.http.request(method, url).body(body.to_vec());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::of(request.send().await.unwrap()).await.unwrap()
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer, reqwest::Error> {
        let mut request = http::Request::builder()
            .method(&method)
            .uri(format!("{}{path}", self.endpoint))
            .header("x-amz-content-sha256", hex::encode(Sha256::digest(body)));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        if let Some(claimed) = headers.iter().find(|(name, _)| *name == "x-amz-content-sha256") {
            parts.headers.insert("x-amz-content-sha256", claimed.1.parse().unwrap());
        }
        self.signer.sign(&mut parts, None).await.unwrap();
        let url = parts.uri.to_string();
        let request = self.http.request(method, url).headers(parts.headers).body(body.to_vec());
        Answer::of(request.send().await?).await
    }
}

pub(crate) fn sha256_base64(bytes: &[u8]) -> String {
    STANDARD.encode(Sha256::digest(bytes))
}
