//! Somebody who sends a file in several requests, as clients of the tus protocol do.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use strongroom_core::{Sha256Digest, layout};
use strongroom_registry::db::{PartRow, TenantId, UploadRow};
use uuid::Uuid;

use crate::app::{Answer, Client, TestApp};
use crate::files::keys_below;

/// `Upload-Metadata` of a file.
pub fn said_of(path: &str, sha256: Option<Sha256Digest>) -> String {
    let mut said = format!("path {}", STANDARD.encode(path));
    if let Some(sha256) = sha256 {
        said.push_str(&format!(",sha256 {}", STANDARD.encode(sha256.to_hex())));
    }
    said
}

impl Client {
    /// A request of the protocol, to be added to.
    pub fn tus(&self, method: Method, path: &str) -> axum::http::request::Builder {
        self.request(method, path).header("tus-resumable", "1.0.0")
    }

    /// Asks for an upload.
    pub async fn begin(&self, package: Uuid, length: &str, metadata: &str) -> Answer {
        let request = self
            .tus(Method::POST, &format!("/packages/{package}/uploads"))
            .header("upload-length", length)
            .header("upload-metadata", metadata);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Begins one, which must go well.
    pub async fn begins(&self, package: Uuid, path: &str, length: usize) -> Uuid {
        let answer = self.begin(package, &length.to_string(), &said_of(path, None)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        let place = answer.header("location").strip_prefix("/api/v1/uploads/").unwrap();
        place.parse().unwrap()
    }

    /// Sends bytes of one, from an offset on.
    pub async fn send_from(&self, upload: Uuid, offset: u64, body: impl Into<Body>) -> Answer {
        let request = self
            .tus(Method::PATCH, &format!("/uploads/{upload}"))
            .header("upload-offset", offset)
            .header("content-type", "application/offset+octet-stream");
        self.send(request.body(body.into()).unwrap()).await
    }

    /// The same, which must go well.
    pub async fn sends_from(&self, upload: Uuid, offset: u64, bytes: &[u8]) -> Answer {
        let answer = self.send_from(upload, offset, Bytes::copy_from_slice(bytes)).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
        assert_eq!(answer.header("tus-resumable"), "1.0.0");
        answer
    }

    /// Asks how far one is.
    pub async fn look_at(&self, upload: Uuid) -> Answer {
        let request = self.tus(Method::HEAD, &format!("/uploads/{upload}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// How many of its bytes came.
    pub async fn offset_of(&self, upload: Uuid) -> u64 {
        let answer = self.look_at(upload).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.header("upload-offset").parse().unwrap()
    }

    /// Ends it.
    pub async fn ends(&self, upload: Uuid) -> Answer {
        let request = self.tus(Method::DELETE, &format!("/uploads/{upload}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }
}

impl Answer {
    /// The file that an upload is.
    pub fn file(&self) -> Uuid {
        let place = self.header("content-location").strip_prefix("/api/v1/files/").unwrap();
        place.parse().unwrap()
    }
}

impl TestApp {
    /// Keys of the parts of a package's uploads.
    pub async fn parts(&self, package: Uuid) -> Vec<String> {
        keys_below(&*self.store, &layout::upload_parts_of(package)).await
    }

    /// The rows of an upload and of its parts that count.
    pub async fn upload_rows(&self, upload: Uuid) -> (Option<UploadRow>, Vec<PartRow>) {
        let mut session = self.registry.db().read().await.unwrap();
        let tenant = TenantId::default_tenant();
        let mut rows = session.of(&tenant);
        let row = rows.upload(upload).await.unwrap();
        (row, rows.stored_parts(upload, 0, 1_000).await.unwrap())
    }
}
