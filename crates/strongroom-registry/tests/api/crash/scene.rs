//! What flows begin with, and how they ask.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{Method, header};
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream;
use jiff::SignedDuration;
use serde_json::Value;
use strongroom_core::layout;
use strongroom_core::package::FileStatus;
use strongroom_registry::config::Settings;
use strongroom_registry::db::{DbError, FileRow, TenantId};
use strongroom_storage::ObjectKey;
use strongroom_storage::keep::{self, WriteAsk};
use uuid::Uuid;

use super::flow::BYTES;
use crate::app::{Answer, Client, TestApp};
use crate::evidence::row;

/// A request that is done once however often it comes.
pub async fn once(client: &Client, nth: u32, path: &str, ask: &Value) -> Answer {
    let request = client
        .request(Method::POST, path)
        .header(header::CONTENT_TYPE, "application/json")
        .header("idempotency-key", format!("key-{nth}"));
    let body = if ask.is_null() { Body::empty() } else { Body::from(ask.to_string()) };
    client.send(request.body(body).unwrap()).await
}

/// Sends what an upload has not, in two requests where it has nothing.
pub async fn send_the_rest(producer: &Client, upload: Uuid) -> Answer {
    let looked = producer.look_at(upload).await;
    if !looked.status.is_success() || looked.headers.contains_key("content-location") {
        return looked;
    }
    let mut at: usize = looked.header("upload-offset").parse().unwrap();
    if at == 0 {
        at = 3;
        let sent = producer.send_from(upload, 0, &BYTES[..at]).await;
        if !sent.status.is_success() {
            return sent;
        }
    }
    producer.send_from(upload, at as u64, &BYTES[at..]).await
}

/// A path that metadata does not hold, where each of its bytes is three.
pub fn long_path() -> String {
    ["%C3%A9".repeat(100), "%C3%A9".repeat(100)].join("/")
}

/// A folder with two files, beside that of the registry's own data.
pub fn put_files_beside(settings: &mut Settings) {
    let root = settings.data_dir.join("here");
    std::fs::create_dir_all(root.join("b")).unwrap();
    std::fs::write(root.join("a"), BYTES).unwrap();
    std::fs::write(root.join("b/c"), BYTES).unwrap();
    settings.data_dir = settings.data_dir.join("data");
    settings.local_roots.insert("here".to_owned(), root);
}

/// What an upload leaves whose process ended when its object was there, long ago.
pub async fn leave_an_upload(app: &TestApp, package: Uuid) {
    let id = app.registry.clock().new_id();
    let key = layout::package_file(package, id);
    let metadata = BTreeMap::from([("strongroom-file-id".to_owned(), id.to_string())]);
    let body = stream::iter([Ok(Bytes::from_static(BYTES))]).boxed();
    let ask = WriteAsk { metadata, ..WriteAsk::new(1 << 20) };
    keep::write(&*app.store, &ObjectKey::new(key.clone()).unwrap(), body, ask).await.unwrap();
    let file = FileRow {
        id,
        package_id: package,
        relative_path: "a".to_owned(),
        path_nfc: "a".to_owned(),
        media_type: None,
        content_type: None,
        size_bytes: None,
        sha256: None,
        status: FileStatus::Receiving,
        object_key: key,
        created_by: row(app, package).await.created_by,
        created_at: app.clock.now() - SignedDuration::from_hours(24 * 7),
        stored_at: None,
    };
    let input = (TenantId::default_tenant(), file);
    let written = app.registry.db().write(input, |tx, (tenant, file)| {
        Box::pin(async move { tx.of(tenant).insert_file(file).await })
    });
    let written: Result<(), DbError> = written.await;
    written.unwrap();
}

/// Moves a package's date into the past, as no registry does.
pub async fn expire(app: &TestApp, package: Uuid) {
    let mut package = row(app, package).await;
    package.expires_at = Some(app.clock.now() - SignedDuration::from_hours(1));
    let input = (TenantId::default_tenant(), package);
    let written = app.registry.db().write(input, |tx, (tenant, package)| {
        Box::pin(async move { tx.of(tenant).update_package(package).await.map(drop) })
    });
    let written: Result<(), DbError> = written.await;
    written.unwrap();
}
