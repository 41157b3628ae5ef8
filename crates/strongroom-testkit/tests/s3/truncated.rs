//! A body that ends before its length.

use std::time::Duration;

use strongroom_testkit::S3Server;
use strongroom_testkit::s3::BucketSettings;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::client::Client;

/// A PUT by a presigned URL, sent piece by piece.
pub(crate) struct RawPut(tokio::net::TcpStream);

impl RawPut {
    /// Sends the head, which promises `claimed` bytes.
    pub(crate) async fn begin(server: &S3Server, key: &str, claimed: usize) -> Self {
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
        Self(connection)
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// Sends no more, though more was promised.
    pub(crate) async fn break_off(&mut self) {
        self.0.shutdown().await.unwrap();
    }

    /// What the server says in the end.
    pub(crate) async fn answer(mut self) -> String {
        let mut said = Vec::new();
        let read = self.0.read_to_end(&mut said);
        // An error is a connection that was reset: nothing more was said.
        let _ = tokio::time::timeout(Duration::from_secs(10), read).await.unwrap();
        String::from_utf8_lossy(&said).into_owned()
    }
}

/// A PUT whose head promises 100 bytes, of which fewer come.
pub(crate) async fn put_truncated(server: &S3Server, key: &str, body: &[u8]) {
    let mut put = RawPut::begin(server, key, 100).await;
    put.send(body).await;
    put.break_off().await;
    put.answer().await;
}

#[tokio::test]
async fn a_truncated_body_leaves_nothing() {
    let server = S3Server::builder().bucket("vault", BucketSettings::locked()).start().await;
    put_truncated(&server, "k", b"half of it").await;
    assert!(server.bucket("vault").keys().is_empty());
    let mut whole = RawPut::begin(&server, "whole", 5).await;
    whole.send(b"whole").await;
    assert!(whole.answer().await.starts_with("HTTP/1.1 200"));
    assert_eq!(server.bucket("vault").keys(), ["whole"]);
}
