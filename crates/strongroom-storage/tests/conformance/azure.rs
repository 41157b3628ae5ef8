//! Azure Blob Storage: the data path as Azurite does it, and locks as the REST reference has them, by
//! the server in the testkit. Nothing here ran against Azure.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use http::Method;
use object_store::azure::{AzureAccessKey, AzureAuthorizer, AzureCredential};
use object_store::client::{HttpRequest, HttpRequestBody};
use strongroom_core::bundle::{BundlePlan, CollectOptions, Declarations, NoProgress, collect};
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::retention::Lock;
use strongroom_storage::conformance::Report;
use strongroom_storage::evidence::{PullRequest, Push, PushRequest, PushSource, pull};
use strongroom_storage::open::{Secret, StaticCredentials, StoreSettings, open};
use strongroom_storage::{Clock, CreateOptions, ObjectKey, StorageErrorKind};
use strongroom_testkit::azure::{self, AzureServer, ContainerSettings};
use strongroom_testkit::client::endpoint_of;
use strongroom_testkit::s3::tls::unrelated_ca_pem;

use crate::check;

/// The account that every Azurite has, with its well-known key.
const ACCOUNT: &str = "devstoreaccount1";
const ACCOUNT_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// Settings for a container that was made just now; `None` where no Azurite was started.
async fn new_container() -> Option<StoreSettings> {
    let endpoint = endpoint_of("STRONGROOM_TEST_AZURITE")?;
    Some(new_container_at(endpoint, reqwest::Client::new()).await)
}

async fn new_container_at(endpoint: String, client: reqwest::Client) -> StoreSettings {
    let container = format!("conformance-{}", Clock::system().new_id());
    let url = format!("{endpoint}/{ACCOUNT}/{container}?restype=container");
    let mut request: HttpRequest = http::Request::builder()
        .method(Method::PUT)
        .uri(url)
        .header("content-length", "0")
        .body(HttpRequestBody::empty())
        .expect("a request");
    let key = AzureAccessKey::try_new(ACCOUNT_KEY).expect("a key");
    AzureAuthorizer::new(&AzureCredential::AccessKey(key), ACCOUNT)
        .try_authorize(&mut request)
        .expect("signed");
    let request = request.map(|_| "");
    let request = reqwest::Request::try_from(request).expect("a request");
    let answer = client.execute(request).await.expect("an answer");
    assert!(answer.status().is_success(), "{answer:?}");
    StoreSettings {
        url: format!("az://{container}/some/prefix"),
        endpoint: Some(endpoint),
        allow_http: true,
        credentials: Some(StaticCredentials {
            access_key: ACCOUNT.to_owned(),
            secret_key: Secret(ACCOUNT_KEY.to_owned()),
            session_token: None,
        }),
        ..StoreSettings::default()
    }
}

/// The same over TLS, under the authority whose certificate is in the answer.
async fn new_container_over_tls() -> Option<(StoreSettings, PathBuf)> {
    let endpoint = endpoint_of("STRONGROOM_TEST_AZURITE_TLS")?;
    let ca_file = PathBuf::from(endpoint_of("STRONGROOM_TEST_AZURITE_CA")?);
    let authority = fs::read(&ca_file).expect("the authority's certificate");
    let authority = reqwest::Certificate::from_pem(&authority).expect("a certificate");
    let client = reqwest::Client::builder().tls_certs_merge([authority]).build().expect("a client");
    let settings = new_container_at(endpoint, client).await;
    Some((StoreSettings { allow_http: false, ..settings }, ca_file))
}

async fn check_in_process(settings: ContainerSettings, expected: &str) -> Report {
    let server = AzureServer::start("box", settings);
    let settings = StoreSettings {
        url: "az://box/some/prefix".to_owned(),
        endpoint: Some(server.endpoint()),
        allow_http: true,
        credentials: Some(StaticCredentials {
            access_key: azure::ACCOUNT.to_owned(),
            secret_key: Secret(azure::ACCOUNT_KEY.to_owned()),
            session_token: None,
        }),
        ..StoreSettings::default()
    };
    let store = open(&settings, Clock::system()).await.expect("a store");
    check(store.as_ref(), expected).await
}

#[tokio::test]
async fn without_versions() {
    let report = check_in_process(ContainerSettings::plain(), "azure-plain").await;
    assert_eq!(report.leftovers, []);
}

#[tokio::test]
async fn with_version_level_immutability() {
    let report = check_in_process(ContainerSettings::immutable(), "azure-locked").await;
    assert!(report.leftovers.iter().all(|leftover| leftover.locked_until.is_some()));
}

#[tokio::test]
async fn azurite() {
    let Some(settings) = new_container().await else { return };
    let store = open(&settings, Clock::system()).await.expect("a store");
    let report = check(store.as_ref(), "azurite").await;
    assert_eq!(report.leftovers, []);
}

#[tokio::test]
async fn locks_are_refused_and_never_claimed() {
    let Some(settings) = new_container().await else { return };
    let store = open(&settings, Clock::system()).await.expect("a store");
    let key = ObjectKey::new("a").expect("a key");
    let lock = Lock { retention: None, legal_hold: true };
    let options = CreateOptions { lock, ..CreateOptions::default() };
    let refused = store.create(&key, bytes::Bytes::from("x").into(), &options).await;
    let refused = refused.expect_err("no locks");
    assert_eq!(refused.kind(), StorageErrorKind::Unsupported);
    assert!(refused.guidance().is_some());
    let absent = store.head(&key, None).await.expect_err("nothing was stored");
    assert_eq!(absent.kind(), StorageErrorKind::NotFound);
    let seen = store.lock(&key, None).await.expect("an answer");
    assert_eq!(seen.legal_hold, Observed::Unobserved(Unobserved::UnsupportedBackend));
    assert_eq!(store.bucket_locks().await.expect("an answer").takes_locks, seen.legal_hold);
}

#[tokio::test]
async fn status_tells_rights_and_leaves_nothing() {
    let Some(settings) = new_container().await else { return };
    let store = open(&settings, Clock::system()).await.expect("a store");
    let status = store.status().await;
    assert_eq!(status.reachable, Observed::Observed(true));
    assert_eq!(status.readable, Observed::Observed(true));
    assert_eq!(status.writable, Observed::Observed(true));
    assert_eq!(status.problems, Vec::<String>::new());
    let page = store.list(&Default::default()).await.expect("a page");
    assert!(page.objects.is_empty());
}

#[tokio::test]
async fn each_failure_has_its_own_kind() {
    let Some(mut settings) = new_container().await else { return };
    let key = ObjectKey::new("a").expect("a key");
    let kind_with = async |settings: &StoreSettings| {
        let store = open(settings, Clock::system()).await.expect("a store");
        let body = bytes::Bytes::from("x");
        store.create(&key, body.into(), &CreateOptions::default()).await.err().map(|e| e.kind())
    };
    let whole = settings.clone();
    settings.url = "az://no-such-container".to_owned();
    assert_eq!(kind_with(&settings).await, Some(StorageErrorKind::StoreNotFound));

    let mut wrong_key = whole.clone();
    let wrong = "d3Jvbmcga2V5IHdyb25nIGtleSB3cm9uZyBrZXkgd3Jvbmcga2V5IHdyb25nIGtleQ==".to_owned();
    wrong_key.credentials.as_mut().expect("credentials").secret_key = Secret(wrong);
    // Azurite answers `AuthorizationFailure`, where Azure answers `AuthenticationFailed`.
    assert_eq!(kind_with(&wrong_key).await, Some(StorageErrorKind::PermissionDenied));

    let mut nobody_there = whole;
    nobody_there.endpoint = Some("http://127.0.0.1:9".to_owned());
    assert_eq!(kind_with(&nobody_there).await, Some(StorageErrorKind::Unreachable));
}

#[tokio::test]
async fn evidence_goes_over_tls_under_an_authority_of_ones_own() {
    let Some((settings, ca_file)) = new_container_over_tls().await else { return };
    let settings = StoreSettings { ca_file: Some(ca_file), ..settings };
    let clock = Clock::system();
    let store = open(&settings, clock.clone()).await.expect("a store");
    let folder = tempfile::tempdir().expect("a directory");
    // More than a single write takes.
    let file = folder.path().join("trace.bin");
    strongroom_testkit::fixtures::write_random_file(&file, 9 << 20, 7).expect("written");
    let files = collect(&[file], &CollectOptions { follow_symlinks: false }).expect("files");
    let plan = BundlePlan::prepare(files, Declarations::default(), &NoProgress).expect("a plan");

    let request = PushRequest { verify_on_push: true, ..PushRequest::default() };
    let source = PushSource::Plan(Box::new(plan));
    let push = Push::prepare(&*store, source, request, &clock).await.expect("prepared");
    let receipt = push.execute(Arc::new(NoProgress)).await.expect("pushed").receipt;
    let endpoint = settings.endpoint.expect("an endpoint");
    assert_eq!(receipt.endpoint, Some(format!("{endpoint}/{ACCOUNT}")));

    let out = folder.path().join("out.tar.gz");
    let wanted = PullRequest {
        id: receipt.bundle_id,
        archive_sha256: None,
        out: out.clone(),
        overwrite: false,
        demand: None,
    };
    let progress: Arc<dyn strongroom_core::bundle::Progress> = Arc::new(NoProgress);
    pull::pull(&*store, &wanted, &progress).await.expect("pulled");
    assert_eq!(fs::metadata(out).expect("a file").len(), receipt.size_bytes);
}

#[tokio::test]
async fn another_authority_is_a_failure_of_tls_that_says_what_to_name() {
    let Some((settings, _)) = new_container_over_tls().await else { return };
    let folder = tempfile::tempdir().expect("a directory");
    let ca_file = folder.path().join("ca.pem");
    fs::write(&ca_file, unrelated_ca_pem()).expect("written");
    for ca_file in [None, Some(ca_file)] {
        let settings = StoreSettings { ca_file, ..settings.clone() };
        let store = open(&settings, Clock::system()).await.expect("a store");
        let refused = store.now().await.expect_err("not trusted");
        assert_eq!(refused.kind(), StorageErrorKind::Tls);
        assert!(refused.to_string().contains("an authority that is not trusted"), "{refused}");
        assert!(refused.guidance().expect("guidance").contains("--store-ca"));
    }
}
