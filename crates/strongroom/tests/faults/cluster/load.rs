//! Clients that make packages, upload files, have them finalized and held, and do not give up before they are answered.

use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use strongroom_core::Sha256Digest;
use strongroom_storage::SINGLE_WRITE_BYTES_MAX;
use strongroom_testkit::fixtures::random_bytes;
use tokio::sync::watch;
use uuid::Uuid;

use super::in_parts;
use super::processes::Cluster;

pub(super) const FILES_OF_PACKAGE: usize = 2;
/// Requests besides that are acknowledged for each package: it is made, and finalized.
pub(super) const OTHERS_OF_PACKAGE: usize = 2;
/// Of so many files one is large; of so many packages one is put under a hold after it was finalized.
const ONE_LARGE_OF: usize = 25;
const ONE_HELD_OF: usize = 5;
/// A file that a bucket gets in one request, and one that it gets in parts.
const SMALL_BYTES: usize = 1 << 10;
const LARGE_BYTES: usize = SINGLE_WRITE_BYTES_MAX as usize + (1 << 20);
/// Of so many files one is sent in several requests.
const ONE_IN_PARTS_OF: usize = 10;
/// Clients at the same time.
const CLIENTS: usize = 12;
/// How often one asks until it is answered: for longer than any process takes to start.
pub(super) const ATTEMPTS_MAX: usize = 600;
/// The wait before it asks again.
pub(super) const PAUSE: Duration = Duration::from_millis(100);

/// A package that was acknowledged, whole.
pub(super) struct Loaded {
    pub(super) package: Uuid,
    pub(super) subject: String,
    pub(super) is_held: bool,
    pub(super) files: Vec<LoadedFile>,
}

/// A file that was acknowledged.
pub(super) struct LoadedFile {
    pub(super) path: String,
    pub(super) size_bytes: u64,
    pub(super) sha256: Sha256Digest,
}

/// Counts what is acknowledged into `acknowledged`.
pub(super) async fn load(
    cluster: &Cluster,
    packages: usize,
    acknowledged: watch::Sender<usize>,
) -> Vec<Loaded> {
    let acknowledged = &acknowledged;
    let made =
        (0..packages).map(|nth| async move { one_package(cluster, nth, acknowledged).await });
    stream::iter(made).buffer_unordered(CLIENTS).collect().await
}

async fn one_package(cluster: &Cluster, nth: usize, acknowledged: &watch::Sender<usize>) -> Loaded {
    let subject = format!("load/{nth}");
    let ask = json!({ "subject": subject });
    let made = until_answered(|| {
        cluster
            .request(Method::POST, "/packages")
            .header("idempotency-key", format!("load-{nth}"))
            .json(&ask)
    });
    let made = made.await;
    acknowledged.send_modify(|count| *count += 1);
    let package: Uuid = made["package_id"].as_str().unwrap().parse().unwrap();
    let mut files = Vec::new();
    for number in 0..FILES_OF_PACKAGE {
        let which = nth * FILES_OF_PACKAGE + number;
        let size = if which.is_multiple_of(ONE_LARGE_OF) { LARGE_BYTES } else { SMALL_BYTES };
        let bytes = Bytes::from(random_bytes(size, which as u64));
        let sha256 = Sha256Digest::of(&bytes);
        let path = format!("reports/{number}.bin");
        if (which + 1).is_multiple_of(ONE_IN_PARTS_OF) {
            in_parts::upload(cluster, package, &path, &bytes).await;
            acknowledged.send_modify(|count| *count += 1);
            files.push(LoadedFile { path, size_bytes: bytes.len() as u64, sha256 });
            continue;
        }
        let at = format!("/packages/{package}/files/{path}");
        let uploaded = until_answered(|| {
            cluster
                .request(Method::PUT, &at)
                .header("x-content-sha256", sha256.to_hex())
                .body(bytes.clone())
        });
        assert_eq!(uploaded.await["sha256"], json!(sha256));
        acknowledged.send_modify(|count| *count += 1);
        files.push(LoadedFile { path, size_bytes: bytes.len() as u64, sha256 });
    }
    let finalize = format!("/packages/{package}/finalize");
    until_answered(|| cluster.request(Method::POST, &finalize)).await;
    acknowledged.send_modify(|count| *count += 1);
    let is_held = nth.is_multiple_of(ONE_HELD_OF);
    if is_held {
        let holds = format!("/packages/{package}/retention/holds");
        let reason = json!({ "reason": "an inquiry" });
        let held = until_answered(|| {
            cluster
                .request(Method::POST, &holds)
                .header("idempotency-key", format!("hold-{nth}"))
                .json(&reason)
        });
        held.await;
    }
    Loaded { package, subject, is_held, files }
}

/// Asks until there is a whole answer.
pub(super) async fn until_answered(ask: impl Fn() -> RequestBuilder) -> Value {
    let mut last = String::new();
    for _ in 0..ATTEMPTS_MAX {
        match ask().send().await {
            Ok(answer) if answer.status().is_success() => match answer.json().await {
                Ok(document) => return document,
                Err(broke_off) => last = broke_off.to_string(),
            },
            Ok(answer) => {
                let status = answer.status();
                let is_worth_it =
                    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
                last = format!("{status}: {}", answer.text().await.unwrap_or_default());
                assert!(is_worth_it, "{last}");
            }
            Err(error) => last = error.to_string(),
        }
        tokio::time::sleep(PAUSE).await;
    }
    panic!("no answer: {last}")
}
