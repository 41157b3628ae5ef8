//! TLS under the server's own certificate authority.

use strongroom_testkit::S3Server;
use strongroom_testkit::s3::{BucketSettings, tls};

use crate::client::Client;

#[tokio::test]
async fn those_who_trust_its_authority_reach_the_server() {
    let server = S3Server::builder().bucket("vault", BucketSettings::plain()).tls().start().await;
    assert!(server.endpoint().starts_with("https://127.0.0.1:"));
    let client = Client::owner(&server);
    assert_eq!(client.put("/vault/k", &[], b"x").await.status, 200);
}

#[tokio::test]
async fn others_do_not() {
    let server = S3Server::builder().bucket("vault", BucketSettings::plain()).tls().start().await;
    let other = reqwest::Certificate::from_pem(tls::unrelated_ca_pem().as_bytes()).unwrap();
    let other = reqwest::Client::builder().tls_certs_only([other]).build().unwrap();
    let refused = other.get(server.endpoint()).send().await.unwrap_err();
    assert!(refused.is_connect(), "{refused:?}");
    assert!(server.requests().is_empty());
}
