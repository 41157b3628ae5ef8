//! S3: Ceph RGW and moto, and the server of the testkit. moto checks no signature and knows no end of a link: it is
//! the negative control, and shows the data path only.

use strongroom_storage::open::{Secret, StaticCredentials, StoreSettings};
use strongroom_storage::s3::S3Storage;
use strongroom_storage::{Clock, Storage as _, StorageErrorKind, VersionId};
use strongroom_testkit::s3::BucketSettings;
use strongroom_testkit::{S3Client, S3Server};

use crate::links::{ends, follow, has_a_bound, is_bound, is_good, read};
use crate::{ask, key, store_page};

const CEPH: &str = "STRONGROOM_TEST_CEPH";
pub(crate) const MOTO: &str = "STRONGROOM_TEST_MOTO";
const PAGE: &str = "<script>alert(1)</script>";

/// A bucket with versions of its own, and another client of it.
pub(crate) struct Bucket {
    name: String,
    pub(crate) client: S3Client,
}

impl Bucket {
    /// `None` where the server was not started.
    pub(crate) async fn on(server: &str) -> Option<Self> {
        let client = S3Client::of_server(server)?;
        let name = format!("retrieval-{}", Clock::system().new_id());
        client.create_lock_bucket(&name).await;
        Some(Self { name, client })
    }

    pub(crate) fn settings(&self) -> StoreSettings {
        StoreSettings {
            url: format!("s3://{}/team", self.name),
            endpoint: Some(self.client.endpoint().to_owned()),
            allow_http: true,
            credentials: Some(StaticCredentials {
                access_key: self.client.access_key().to_owned(),
                secret_key: Secret(self.client.secret_key().to_owned()),
                session_token: None,
            }),
            ..StoreSettings::default()
        }
    }

    pub(crate) async fn store(&self) -> S3Storage {
        S3Storage::connect(&self.settings(), Clock::system()).await.unwrap()
    }

    /// Stores a page, and garbage over it under the same key.
    async fn page_under_garbage(&self, store: &S3Storage) -> Option<VersionId> {
        let version = store_page(store, "a b", PAGE).await;
        let planted = self.client.put(&self.name, "team/a b", "garbage").await;
        assert!(planted.status.is_success(), "{planted:?}");
        version
    }
}

#[tokio::test]
async fn on_ceph_a_link_opens_the_version_that_it_names_and_nothing_else() {
    let Some(bucket) = Bucket::on(CEPH).await else { return };
    let store = bucket.store().await;
    let version = bucket.page_under_garbage(&store).await;
    let link = store.link(&key("a b"), version.as_ref(), &ask(120)).await.unwrap();
    is_good(&link, PAGE).await;
    let name = &bucket.name;
    is_bound(
        &link,
        &[
            ("X-Amz-Signature=", "X-Amz-Signature=0"),
            ("attachment", "inline%20%20%20"),
            ("octet-stream", "xhtml%2Bxml"),
            ("X-Amz-Expires=120", "X-Amz-Expires=999"),
            (&format!("{name}/team/a%20b"), &format!("{name}/team/other")),
            (&format!("versionId={}", version.as_ref().unwrap()), "versionId="),
        ],
    )
    .await;
    let put = reqwest::Client::new().put(link.reveal()).body("mine").send().await.unwrap();
    assert_eq!(put.status(), reqwest::StatusCode::FORBIDDEN, "a link reads");
    ends(&store, "a b", version.as_ref()).await;
    has_a_bound(&store).await;
    let current = store.link(&key("a b"), None, &ask(60)).await.unwrap();
    assert_eq!(read(&current).await.1, "garbage", "what no version pins is whatever is on top");
}

#[tokio::test]
async fn on_moto_a_link_opens_the_version_that_it_names() {
    let Some(bucket) = Bucket::on(MOTO).await else { return };
    let store = bucket.store().await;
    let version = bucket.page_under_garbage(&store).await;
    let link = store.link(&key("a b"), version.as_ref(), &ask(60)).await.unwrap();
    is_good(&link, PAGE).await;
}

#[tokio::test]
async fn links_are_signed_for_where_others_reach_the_store() {
    let server = S3Server::builder().bucket("shelf", BucketSettings::versioned()).start().await;
    let owner = server.owner();
    let settings = StoreSettings {
        url: "s3://shelf/team".to_owned(),
        // Its own way in, by another name of this machine.
        endpoint: Some(server.endpoint()),
        public_endpoint: Some(server.endpoint().replace("127.0.0.1", "localhost")),
        allow_http: true,
        credentials: Some(StaticCredentials {
            access_key: owner.access_key().to_owned(),
            secret_key: Secret(owner.secret_key().to_owned()),
            session_token: None,
        }),
        ..StoreSettings::default()
    };
    let store = S3Storage::connect(&settings, Clock::system()).await.unwrap();
    let version = store_page(&store, "a", PAGE).await;
    server.bucket("shelf").plant_over("team/a", "garbage");
    let link = store.link(&key("a"), version.as_ref(), &ask(60)).await.unwrap();
    assert!(link.reveal().starts_with("http://localhost:"), "the public endpoint");
    is_good(&link, PAGE).await;
    let elsewhere = link.reveal().replace("localhost", "127.0.0.1");
    assert_eq!(follow(&elsewhere).await.status(), 403, "the name of the server is signed");
    assert_eq!(store.endpoint(), Some(server.endpoint().as_str()), "what receipts name");

    let settings =
        StoreSettings { public_endpoint: Some("https://key:hunter2@host".to_owned()), ..settings };
    let refused = S3Storage::connect(&settings, Clock::system()).await.unwrap_err();
    assert_eq!(refused.kind(), StorageErrorKind::Configuration);
    assert!(!refused.to_string().contains("hunter2"));
}
