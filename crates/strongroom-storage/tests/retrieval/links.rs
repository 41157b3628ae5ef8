//! What whoever has a link can do with it, and whoever changed one cannot.

use std::time::Instant;

use reqwest::{Response, StatusCode};
use strongroom_storage::{Link, Storage, StorageErrorKind, VersionId};

use crate::{PATIENCE, ask, key, store_page};

/// Somebody without credentials.
pub(crate) async fn follow(url: &str) -> Response {
    reqwest::Client::new().get(url).send().await.unwrap()
}

/// What the store tells whoever follows a link.
pub(crate) async fn read(link: &Link) -> (StatusCode, String) {
    let response = follow(link.reveal()).await;
    (response.status(), response.text().await.unwrap())
}

/// The version that a link names comes, as an attachment of no type, and any part of it.
pub(crate) async fn is_good(link: &Link, bytes: &str) {
    let response = follow(link.reveal()).await;
    assert_eq!(response.status(), StatusCode::OK);
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/octet-stream");
    assert_eq!(header("content-disposition"), "attachment; filename*=UTF-8''a%20b%2Bc%26d.txt");
    assert_eq!(header("cache-control"), "private, no-cache");
    assert_eq!(response.text().await.unwrap(), bytes);
    let part = reqwest::Client::new().get(link.reveal()).header("range", "bytes=1-3");
    let part = part.send().await.unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.text().await.unwrap(), bytes[1..4]);
}

/// Whatever of a link is changed, it opens nothing any more.
pub(crate) async fn is_bound(link: &Link, changes: &[(&str, &str)]) {
    for (from, to) in changes {
        let changed = link.reveal().replacen(from, to, 1);
        assert_ne!(changed, link.reveal(), "{from} is in every link");
        let status = follow(&changed).await.status();
        assert_eq!(status, StatusCode::FORBIDDEN, "{from} became {to}");
    }
    let bare = link.reveal().split('?').next().unwrap().to_owned();
    let status = follow(&bare).await.status();
    assert!(status.is_client_error(), "without a signature: {status}");
}

/// A link ends.
pub(crate) async fn ends(store: &dyn Storage, name: &str, version: Option<&VersionId>) {
    let link = store.link(&key(name), version, &ask(2)).await.unwrap();
    assert_eq!(follow(link.reveal()).await.status(), StatusCode::OK);
    let began = Instant::now();
    while follow(link.reveal()).await.status() != StatusCode::FORBIDDEN {
        assert!(began.elapsed() < PATIENCE, "the link is still good");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}

/// A link for longer than there may be is none.
pub(crate) async fn has_a_bound(store: &dyn Storage) {
    for seconds in [0, 301] {
        let refused = store.link(&key("a"), None, &ask(seconds)).await.unwrap_err();
        assert_eq!(refused.kind(), StorageErrorKind::Limit);
    }
}

#[tokio::test]
async fn a_store_without_a_server_makes_no_links() {
    use strongroom_storage::Clock;
    use strongroom_storage::open::{StoreSettings, open};
    let folder = tempfile::tempdir().unwrap();
    for url in ["memory://".to_owned(), format!("file://{}", folder.path().display())] {
        let settings = StoreSettings { url, ..StoreSettings::default() };
        let store = open(&settings, Clock::system()).await.unwrap();
        store_page(&*store, "a", "x").await;
        let refused = store.link(&key("a"), None, &ask(60)).await.unwrap_err();
        assert_eq!(refused.kind(), StorageErrorKind::Unsupported);
        assert!(refused.guidance().is_some());
    }
}
