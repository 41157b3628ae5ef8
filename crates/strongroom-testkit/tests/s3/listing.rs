//! Listings: keys, folders, versions, page by page.

use strongroom_testkit::S3Server;
use strongroom_testkit::s3::BucketSettings;

use crate::client::Client;

async fn server(keys: &[&str]) -> S3Server {
    let server = S3Server::builder().bucket("vault", BucketSettings::versioned()).start().await;
    for key in keys {
        server.bucket("vault").put(key, b"x".as_slice());
    }
    server
}

#[tokio::test]
async fn pages_hold_every_key_once_and_in_byte_order() {
    let server = server(&["a", "b/1", "b/2", "b-", "c", "ü", "z"]).await;
    let client = Client::owner(&server);
    let mut keys = Vec::new();
    let mut query = "list-type=2&max-keys=2".to_owned();
    loop {
        let page = client.get(&format!("/vault?{query}")).await;
        keys.extend(page.elements("Key"));
        let Some(token) = page.element("NextContinuationToken") else { break };
        query = format!("continuation-token={token}&list-type=2&max-keys=2");
    }
    assert_eq!(keys, ["a", "b-", "b/1", "b/2", "c", "z", "ü"]);
}

#[tokio::test]
async fn folders_are_folded_and_stepped_over() {
    let server = server(&["runs/1/a", "runs/1/b", "runs/10/a", "runs/2/a", "runs/file", "z"]).await;
    let client = Client::owner(&server);
    let list = |query: String| {
        let client = &client;
        async move { client.get(&format!("/vault?{query}")).await }
    };

    let all = list("delimiter=%2F&list-type=2&prefix=runs%2F".to_owned()).await;
    assert_eq!(all.elements("Prefix"), ["runs/", "runs/1/", "runs/10/", "runs/2/"]);
    assert_eq!(all.elements("Key"), ["runs/file"]);

    let first = list("delimiter=%2F&list-type=2&max-keys=2&prefix=runs%2F".to_owned()).await;
    assert_eq!(first.elements("Prefix"), ["runs/", "runs/1/", "runs/10/"]);
    let token = first.element("NextContinuationToken").unwrap();
    let rest = format!("continuation-token={token}&delimiter=%2F&list-type=2&prefix=runs%2F");
    let rest = list(rest).await;
    assert_eq!(rest.elements("Prefix"), ["runs/", "runs/2/"]);
    assert_eq!(rest.elements("Key"), ["runs/file"]);
}

#[tokio::test]
async fn a_listing_starts_after_a_key_and_hides_what_was_deleted() {
    let server = server(&["a", "b", "c"]).await;
    server.bucket("vault").delete("c");
    let client = Client::owner(&server);
    let after = client.get("/vault?list-type=2&start-after=a").await;
    assert_eq!(after.elements("Key"), ["b"]);
    let odd = client.get("/vault?encoding-type=url&list-type=2&start-after=b").await;
    assert!(odd.elements("Key").is_empty());
}

#[tokio::test]
async fn versions_come_newest_first_and_page_by_page() {
    let server = server(&["k", "k", "k", "l"]).await;
    server.bucket("vault").delete("k");
    let client = Client::owner(&server);

    let whole = client.get("/vault?prefix=k&versions").await;
    assert_eq!(whole.elements("DeleteMarker").len(), 1);
    assert_eq!(whole.elements("Version").len(), 3);
    let stored = server.bucket("vault").versions("k");
    let newest_first: Vec<String> =
        stored.iter().rev().skip(1).map(|version| version.id.clone()).collect();
    let told: Vec<String> = whole
        .elements("Version")
        .iter()
        .map(|version| version.split("<VersionId>").nth(1).unwrap())
        .map(|rest| rest.split('<').next().unwrap().to_owned())
        .collect();
    assert_eq!(told, newest_first);

    let first = client.get("/vault?max-keys=2&versions").await;
    let (key, version) =
        (first.element("NextKeyMarker").unwrap(), first.element("NextVersionIdMarker").unwrap());
    let rest = format!("/vault?key-marker={key}&version-id-marker={version}&versions");
    assert_eq!(client.get(&rest).await.elements("Version").len(), 3);
}

#[tokio::test]
async fn a_page_among_a_hundred_thousand_keys_costs_the_page() {
    let server = S3Server::builder().bucket("vault", BucketSettings::plain()).start().await;
    let vault = server.bucket("vault");
    vault.put_many((0..100_000).map(|number| (format!("index/{number:06}.ref"), "x".into())));
    let client = Client::owner(&server);
    let started = std::time::Instant::now();
    for page in 0..50 {
        let start = format!("index/{:06}", page * 2_000);
        let list = client.get(&format!("/vault?list-type=2&max-keys=10&start-after={start}")).await;
        assert_eq!(list.elements("Key").len(), 10);
    }
    // A scan of the bucket for each page would take longer than this by far.
    assert!(started.elapsed().as_secs() < 3, "{:?}", started.elapsed());
}

#[tokio::test]
async fn every_version_and_marker_comes_on_one_page_and_once() {
    let server = server(&["a", "b", "a", "c", "b"]).await;
    for key in ["a", "c"] {
        server.bucket("vault").delete(key);
    }
    let client = Client::owner(&server);
    let (mut versions, mut query) = (Vec::new(), "max-keys=1&versions".to_owned());
    loop {
        let page = client.get(&format!("/vault?{query}")).await;
        versions.extend(page.elements("VersionId"));
        let Some(key) = page.element("NextKeyMarker") else { break };
        let version = page.element("NextVersionIdMarker").unwrap();
        query = format!("key-marker={key}&max-keys=1&version-id-marker={version}&versions");
    }
    let stored: Vec<String> = ["a", "b", "c"]
        .iter()
        .flat_map(|key| server.bucket("vault").versions(key).into_iter().rev())
        .map(|version| version.id)
        .collect();
    assert_eq!(versions, stored);
}
