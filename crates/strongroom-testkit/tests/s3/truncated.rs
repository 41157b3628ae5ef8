//! A body that ends before its length.

use std::time::Duration;

use strongroom_testkit::S3Server;
use strongroom_testkit::s3::BucketSettings;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::client::Client;

/// PUT by a presigned URL whose head promises `claimed` bytes, and the connection ends after the
/// body. Answers what the server said.
pub(crate) async fn put_raw(server: &S3Server, key: &str, claimed: usize, body: &[u8]) -> String {
    let client = Client::owner(server);
    let url = client.presign(http::Method::PUT, &format!("/vault/{key}"), &[], 60).await;
    let address = server.endpoint().replace("http://", "");
    let target = url.strip_prefix(&server.endpoint()).unwrap();
    let head = format!(
        "PUT {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-length: {claimed}\r\n\r\n"
    );
    let mut connection = tokio::net::TcpStream::connect(&address).await.unwrap();
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(body).await.unwrap();
    if body.len() < claimed {
        connection.shutdown().await.unwrap();
    }
    let mut said = Vec::new();
    let read = connection.read_to_end(&mut said);
    // An error is a connection that was reset: nothing more was said.
    let _ = tokio::time::timeout(Duration::from_secs(10), read).await.unwrap();
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn a_truncated_body_leaves_nothing() {
    let server = S3Server::builder().bucket("vault", BucketSettings::locked()).start().await;
    put_raw(&server, "k", 100, b"half of it").await;
    assert!(server.bucket("vault").keys().is_empty());
    assert!(put_raw(&server, "whole", 5, b"whole").await.starts_with("HTTP/1.1 200"));
    assert_eq!(server.bucket("vault").keys(), ["whole"]);
}
