//! A file in two requests of the tus protocol, by a client that goes on from wherever the cluster says that it is.

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use strongroom_core::Sha256Digest;
use strongroom_registry::api::tus_fields as tus;
use uuid::Uuid;

use super::load::{ATTEMPTS_MAX, PAUSE};
use super::processes::Cluster;

/// Sends a file until it is one. Each request goes to whichever process is next.
pub(super) async fn upload(cluster: &Cluster, package: Uuid, path: &str, bytes: &[u8]) {
    let mut place = None;
    for _ in 0..ATTEMPTS_MAX {
        let at = match &place {
            Some(place) => String::clone(place),
            None => match begun(cluster, package, path, bytes).await {
                Some(begun) => place.insert(begun).clone(),
                None => continue,
            },
        };
        let Some(looked) = asked(request(cluster, Method::HEAD, &at)).await else { continue };
        if looked.headers().contains_key("content-location") {
            return;
        }
        let offset = looked.headers()["upload-offset"].to_str().unwrap().parse::<usize>().unwrap();
        let end = if offset == 0 { bytes.len() / 2 } else { bytes.len() };
        let sending = request(cluster, Method::PATCH, &at)
            .header("upload-offset", offset)
            .header("content-type", tus::MEDIA_TYPE)
            .body(bytes[offset..end].to_vec());
        asked(sending).await;
    }
    panic!("{path} never became a file");
}

fn request(cluster: &Cluster, method: Method, path: &str) -> RequestBuilder {
    cluster.request(method, path).header("tus-resumable", tus::VERSION)
}

async fn begun(cluster: &Cluster, package: Uuid, path: &str, bytes: &[u8]) -> Option<String> {
    let asking = request(cluster, Method::POST, &format!("/packages/{package}/uploads"))
        .header("upload-length", bytes.len())
        .header("upload-metadata", tus::metadata(path, Sha256Digest::of(bytes)));
    let place = asked(asking).await?.headers()["location"].to_str().unwrap().to_owned();
    Some(place.strip_prefix("/api/v1").unwrap().to_owned())
}

/// A good answer; none where a process was killed or is busy, or where another request moved the upload.
async fn asked(request: RequestBuilder) -> Option<Response> {
    let answer = request.send().await.ok();
    let status = answer.as_ref().map(Response::status);
    if status.is_some_and(|status| status.is_success()) {
        return answer;
    }
    let may_pass = status.is_none_or(|status| {
        status.is_server_error() || matches!(status, StatusCode::CONFLICT | StatusCode::BAD_REQUEST)
    });
    assert!(may_pass, "{answer:?}");
    tokio::time::sleep(PAUSE).await;
    None
}
