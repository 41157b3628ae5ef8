//! Buckets on the real servers that the environment names, made and emptied by the `aws` CLI's
//! plainest equivalent: signed requests of our own.

use std::sync::atomic::{AtomicU32, Ordering};

use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqsign_aws_v4::{Credential, RequestSigner, StaticCredentialProvider};
use reqsign_core::{Context, Signer};
use strongroom_storage::open::{Secret, StaticCredentials, StoreSettings};
use strongroom_storage::s3::S3Storage;
use strongroom_storage::{Clock, ListRequest, ObjectKey, Storage as _};

/// What S3 wants encoded in a path.
const NOT_IN_PATHS: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// A server that may be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    Ceph,
    SeaweedFs,
    Moto,
}

impl Server {
    fn endpoint(self) -> Option<String> {
        strongroom_testkit::client::endpoint_of(match self {
            Self::Ceph => "STRONGROOM_TEST_CEPH",
            Self::SeaweedFs => "STRONGROOM_TEST_SEAWEEDFS",
            Self::Moto => "STRONGROOM_TEST_MOTO",
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Neither versions nor locks.
    Plain,
    /// Created with Object Lock.
    Locked,
}

/// A bucket of its own for one test.
pub(crate) struct Bucket {
    pub(crate) server: Server,
    name: String,
    endpoint: String,
    store: S3Storage,
    signer: Signer<Credential>,
    http: reqwest::Client,
}

pub(crate) fn key(text: &str) -> ObjectKey {
    ObjectKey::new(text).unwrap()
}

#[allow(clippy::disallowed_methods)] // the environment comes in here
fn credentials() -> StaticCredentials {
    let named = |name, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    StaticCredentials {
        access_key: named("STRONGROOM_TEST_S3_ACCESS_KEY", "testaccess"),
        secret_key: Secret(named("STRONGROOM_TEST_S3_SECRET_KEY", "testsecretkey")),
        session_token: None,
    }
}

fn settings(endpoint: &str, bucket: &str) -> StoreSettings {
    StoreSettings {
        url: format!("s3://{bucket}/prefix"),
        endpoint: Some(endpoint.to_owned()),
        allow_http: true,
        credentials: Some(credentials()),
        ..StoreSettings::default()
    }
}

impl Bucket {
    pub(crate) async fn create(server: Server, test: &str, kind: Kind) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let endpoint = server.endpoint()?;
        let id = Clock::system().new_id().simple().to_string();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let test = test.replace('_', "-");
        let name = format!("sr-{}-{}-{count}", &test[..test.len().min(24)], &id[..12]);
        let name = name.replace("--", "-");
        let given = credentials();
        let provider = StaticCredentialProvider::new(&given.access_key, &given.secret_key.0);
        let signer = Signer::new(Context::new(), provider, RequestSigner::new("s3", "us-east-1"));
        let store = S3Storage::connect(&settings(&endpoint, &name), Clock::system()).await.unwrap();
        let bucket = Self { server, name, endpoint, store, signer, http: reqwest::Client::new() };
        let headers: &[_] = match kind {
            Kind::Plain => &[],
            Kind::Locked => &[("x-amz-bucket-object-lock-enabled", "true")],
        };
        let (status, text) = bucket.send(Method::PUT, "", headers).await;
        assert!(status < 300, "bucket on {server:?}: {status} {text}");
        Some(bucket)
    }

    pub(crate) fn store(&self) -> &S3Storage {
        &self.store
    }

    pub(crate) fn settings(&self) -> StoreSettings {
        settings(&self.endpoint, &self.name)
    }

    pub(crate) async fn connect(&self, settings: &StoreSettings) -> S3Storage {
        S3Storage::connect(settings, Clock::system()).await.unwrap()
    }

    /// How many multipart uploads are open.
    pub(crate) async fn uploads_open(&self) -> usize {
        let (status, text) = self.send(Method::GET, "?uploads", &[]).await;
        assert_eq!(status, 200, "{text}");
        text.matches("<UploadId>").count()
    }

    /// Deletes what may be deleted: the servers keep everything in memory.
    pub(crate) async fn empty(&self) {
        let mut request = ListRequest::default();
        loop {
            let page = self.store.list(&request).await.unwrap();
            for object in page.objects {
                self.delete_versions(&object.key).await;
            }
            request.page = page.next;
            if request.page.is_none() {
                break;
            }
        }
        // SeaweedFS keeps volumes for each bucket, and has only so many.
        self.send(Method::DELETE, "", &[]).await;
    }

    async fn delete_versions(&self, name: &str) {
        let versions = self.store.versions(&key(name)).await.unwrap();
        for version in versions.value().into_iter().flatten() {
            let path = utf8_percent_encode(name, NOT_IN_PATHS);
            let id = utf8_percent_encode(&version.version.0, NOT_IN_PATHS);
            let path = format!("/prefix/{path}?versionId={id}");
            let bypass = [("x-amz-bypass-governance-retention", "true")];
            self.send(Method::DELETE, &path, &bypass).await;
        }
    }

    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let url = format!("{}/{}{path}", self.endpoint.trim_end_matches('/'), self.name);
        let mut request = http::Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let Ok(request) = request.body(()) else { return (0, String::new()) };
        let (mut parts, ()) = request.into_parts();
        self.signer.sign(&mut parts, None).await.unwrap();
        let request = http::Request::from_parts(parts, reqwest::Body::default());
        let response = self.http.execute(request.try_into().unwrap()).await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }
}
