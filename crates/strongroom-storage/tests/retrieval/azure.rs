//! Azure: links on Azurite, which has no versions, and links to versions on the server of the testkit, which follows
//! the REST reference. Nothing here ran against Azure.

use http::Method;
use object_store::azure::{AzureAccessKey, AzureAuthorizer, AzureCredential};
use object_store::client::{HttpRequest, HttpRequestBody};
use strongroom_storage::azure::AzureStorage;
use strongroom_storage::open::{Secret, StaticCredentials, StoreSettings};
use strongroom_storage::{Clock, Storage as _};
use strongroom_testkit::azure::{ACCOUNT, ACCOUNT_KEY, AzureServer, ContainerSettings};
use strongroom_testkit::client::endpoint_of;

use crate::links::{ends, follow, has_a_bound, is_bound, is_good, read};
use crate::{ask, key, store_page};

/// The account that every Azurite has, with its well-known key.
const AZURITE_ACCOUNT: &str = "devstoreaccount1";
const AZURITE_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const PAGE: &str = "<script>alert(1)</script>";

pub(crate) fn settings(
    endpoint: String,
    container: &str,
    account: &str,
    account_key: &str,
) -> StoreSettings {
    StoreSettings {
        url: format!("az://{container}/team"),
        endpoint: Some(endpoint),
        allow_http: true,
        credentials: Some(StaticCredentials {
            access_key: account.to_owned(),
            secret_key: Secret(account_key.to_owned()),
            session_token: None,
        }),
        ..StoreSettings::default()
    }
}

/// A container of its own on Azurite; `None` where it was not started.
async fn on_azurite() -> Option<AzureStorage> {
    on_azurite_in(None).await
}

/// The same, whose blobs are written to this access tier.
pub(crate) async fn on_azurite_in(tier: Option<&str>) -> Option<AzureStorage> {
    let endpoint = endpoint_of("STRONGROOM_TEST_AZURITE")?;
    let container = format!("retrieval-{}", Clock::system().new_id());
    let url = format!("{endpoint}/{AZURITE_ACCOUNT}/{container}?restype=container");
    let mut request: HttpRequest = http::Request::builder()
        .method(Method::PUT)
        .uri(url)
        .header("content-length", "0")
        .body(HttpRequestBody::empty())
        .unwrap();
    let account_key = AzureAccessKey::try_new(AZURITE_KEY).unwrap();
    AzureAuthorizer::new(&AzureCredential::AccessKey(account_key), AZURITE_ACCOUNT)
        .try_authorize(&mut request)
        .unwrap();
    let request = reqwest::Request::try_from(request.map(|_| "")).unwrap();
    let answer = reqwest::Client::new().execute(request).await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
    let settings = StoreSettings {
        storage_class: tier.map(str::to_owned),
        ..settings(endpoint, &container, AZURITE_ACCOUNT, AZURITE_KEY)
    };
    Some(AzureStorage::connect(&settings, Clock::system()).await.unwrap())
}

/// What nobody may change in any link.
const BOUND: [(&str, &str); 6] = [
    ("sig=", "sig=AAAA"),
    ("rscd=attachment", "rscd=inline"),
    ("octet-stream", "xhtml%2Bxml"),
    ("se=20", "se=21"),
    ("sp=r", "sp=rw"),
    ("team/a%20b", "team/other"),
];

#[tokio::test]
async fn on_azurite_a_link_opens_one_blob_and_nothing_else() {
    let Some(store) = on_azurite().await else { return };
    store_page(&store, "a b", PAGE).await;
    let link = store.link(&key("a b"), None, &ask(120)).await.unwrap();
    is_good(&link, PAGE).await;
    is_bound(&link, &BOUND).await;
    ends(&store, "a b", None).await;
    has_a_bound(&store).await;
}

#[tokio::test]
async fn a_link_opens_the_version_that_it_names_and_nothing_else() {
    let server = AzureServer::start("box", ContainerSettings::versioned());
    let settings = settings(server.endpoint(), "box", ACCOUNT, ACCOUNT_KEY);
    let store = AzureStorage::connect(&settings, Clock::system()).await.unwrap();
    let first = store_page(&store, "a b", PAGE).await.unwrap();
    store.delete(&key("a b"), None).await.unwrap();
    let second = store_page(&store, "a b", "garbage").await.unwrap();
    let link = store.link(&key("a b"), Some(&first), &ask(120)).await.unwrap();
    is_good(&link, PAGE).await;
    is_bound(&link, &BOUND).await;
    let encoded = |version: &str| version.replace(':', "%3A");
    let (first, second) = (encoded(&first.0), encoded(&second.0));
    is_bound(&link, &[(&first, &second), (&format!("versionid={first}&"), ""), ("sr=bv", "sr=b")])
        .await;
    let current = store.link(&key("a b"), None, &ask(60)).await.unwrap();
    assert_eq!(read(&current).await.1, "garbage", "what no version pins is whatever is on top");
    assert_eq!(follow(link.reveal()).await.status(), 200);
    server.clock().advance(jiff::SignedDuration::from_secs(121));
    assert_eq!(follow(link.reveal()).await.status(), 403);
}
