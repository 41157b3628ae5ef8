//! Objects and their versions.

use strongroom_testkit::S3Server;
use strongroom_testkit::s3::{BucketSettings, Op};

use crate::client::Client;

#[tokio::test]
async fn an_object_comes_back_with_its_metadata() {
    let server = S3Server::builder().bucket("vault", BucketSettings::plain()).start().await;
    let client = Client::owner(&server);

    let headers = [("content-type", "application/gzip"), ("x-amz-meta-bundle-id", "sha256:aa")];
    let put = client.put("/vault/bundles/sha256%3Aaa.tar.gz", &headers, b"bytes").await;
    assert_eq!(put.status, 200, "{}", put.text());

    let got = client.get("/vault/bundles/sha256%3Aaa.tar.gz").await;
    assert_eq!(got.body, b"bytes");
    assert_eq!(got.header("content-type"), Some("application/gzip"));
    assert_eq!(got.header("x-amz-meta-bundle-id"), Some("sha256:aa"));
    assert_eq!(got.header("etag"), put.header("etag"));
    assert_eq!(server.bucket("vault").keys(), ["bundles/sha256:aa.tar.gz"]);

    let range = [("range", "bytes=1-2")];
    let part =
        client.send(http::Method::GET, "/vault/bundles/sha256%3Aaa.tar.gz", &range, b"").await;
    let part = part.unwrap();
    assert_eq!((part.status, part.body.as_slice()), (206, b"yt".as_slice()));
    assert_eq!(part.header("content-range"), Some("bytes 1-2/5"));
}

#[tokio::test]
async fn a_versioned_bucket_keeps_what_is_overwritten_and_what_is_deleted() {
    let server = S3Server::builder().bucket("vault", BucketSettings::versioned()).start().await;
    let client = Client::owner(&server);

    let first = client.put("/vault/k", &[], b"one").await;
    let first = first.header("x-amz-version-id").unwrap();
    client.put("/vault/k", &[], b"two").await;
    let marker = client.delete("/vault/k").await;
    assert_eq!(marker.header("x-amz-delete-marker"), Some("true"));

    assert_eq!(client.get("/vault/k").await.refusal(), (404, "NoSuchKey".to_owned()));
    assert_eq!(client.get(&format!("/vault/k?versionId={first}")).await.body, b"one");
    assert_eq!(server.bucket("vault").versions("k").len(), 3);
    assert!(server.bucket("vault").keys().is_empty());
}

#[tokio::test]
async fn garbage_planted_over_an_object_looks_like_it() {
    let server = S3Server::builder().bucket("vault", BucketSettings::versioned()).start().await;
    let client = Client::owner(&server);
    client.put_checked("/vault/k", &[("x-amz-meta-bundle-id", "sha256:aa")], b"the bundle").await;

    server.bucket("vault").plant_over("k", b"garbage".as_slice());

    let got = client.get("/vault/k").await;
    assert_eq!(got.body, b"garbage");
    assert_eq!(got.header("x-amz-meta-bundle-id"), Some("sha256:aa"));
    assert_eq!(
        server.bucket("vault").versions("k")[0].bytes.as_deref(),
        Some(b"the bundle".as_slice())
    );
}

#[tokio::test]
async fn encryption_and_storage_class_are_kept_and_told() {
    let settings = BucketSettings::plain().encryption("aws:kms", Some("the-default-key"));
    let server = S3Server::builder().bucket("vault", settings).start().await;
    let client = Client::owner(&server);

    let headers = [
        ("x-amz-server-side-encryption", "aws:kms"),
        ("x-amz-server-side-encryption-aws-kms-key-id", "key-1"),
        ("x-amz-storage-class", "STANDARD_IA"),
    ];
    client.put("/vault/asked", &headers, b"x").await;
    client.put("/vault/default", &[], b"x").await;

    let asked = client.head("/vault/asked").await;
    assert_eq!(asked.header("x-amz-server-side-encryption-aws-kms-key-id"), Some("key-1"));
    assert_eq!(asked.header("x-amz-storage-class"), Some("STANDARD_IA"));
    let default = client.head("/vault/default").await;
    let key = default.header("x-amz-server-side-encryption-aws-kms-key-id");
    assert_eq!(key, Some("the-default-key"));
}

#[tokio::test]
async fn settings_of_a_bucket_are_told() {
    let locked = BucketSettings::locked().public_access_blocked(true).public_by_policy(false);
    let server = S3Server::builder()
        .bucket("locked", locked.encryption("AES256", None))
        .bucket("plain", BucketSettings::plain())
        .start()
        .await;
    let client = Client::owner(&server);

    let versioning = client.get("/locked?versioning").await;
    assert_eq!(versioning.element("Status").as_deref(), Some("Enabled"));
    let lock = client.get("/locked?object-lock").await;
    assert_eq!(lock.element("ObjectLockEnabled").as_deref(), Some("Enabled"));
    let encryption = client.get("/locked?encryption").await;
    assert_eq!(encryption.element("SSEAlgorithm").as_deref(), Some("AES256"));
    let block = client.get("/locked?publicAccessBlock").await;
    assert_eq!(block.element("RestrictPublicBuckets").as_deref(), Some("true"));
    let policy = client.get("/locked?policyStatus").await;
    assert_eq!(policy.element("IsPublic").as_deref(), Some("false"));

    for (query, code) in [
        ("object-lock", "ObjectLockConfigurationNotFoundError"),
        ("encryption", "ServerSideEncryptionConfigurationNotFoundError"),
        ("publicAccessBlock", "NoSuchPublicAccessBlockConfiguration"),
        ("policyStatus", "NoSuchBucketPolicy"),
    ] {
        let answer = client.get(&format!("/plain?{query}")).await;
        assert_eq!(answer.refusal(), (404, code.to_owned()));
    }
    assert_eq!(client.get("/plain?versioning").await.element("Status"), None);
    assert_eq!(client.get("/nowhere?versioning").await.refusal().1, "NoSuchBucket");
}

#[tokio::test]
async fn requests_are_logged_in_order_and_counted() {
    let server = S3Server::builder().bucket("vault", BucketSettings::plain()).start().await;
    let client = Client::owner(&server);
    client.put("/vault/a%20key", &[], b"x").await;
    client.get("/vault/a%20key").await;
    client.get("/vault/absent").await;

    let requests = server.requests();
    let seen: Vec<_> =
        requests.iter().map(|seen| (seen.op, seen.key.as_str(), seen.status)).collect();
    assert_eq!(
        seen,
        [
            (Op::PutObject, "a key", Some(200)),
            (Op::GetObject, "a key", Some(200)),
            (Op::GetObject, "absent", Some(404)),
        ]
    );
    assert_eq!(server.count(Op::GetObject), 2);
    server.reset_requests();
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_range_is_told_and_given_to_the_byte() {
    let server = S3Server::builder().bucket("vault", BucketSettings::plain()).start().await;
    let client = Client::owner(&server);
    client.put("/vault/k", &[], b"0123456789").await;
    for (range, status, body, told) in [
        ("bytes=0-3", 206, "0123", "bytes 0-3/10"),
        ("bytes=7-", 206, "789", "bytes 7-9/10"),
        ("bytes=-2", 206, "89", "bytes 8-9/10"),
        ("bytes=8-20", 206, "89", "bytes 8-9/10"),
    ] {
        let headers = [("range", range)];
        let part = client.send(http::Method::GET, "/vault/k", &headers, b"").await.unwrap();
        assert_eq!((part.status, part.text().as_str()), (status, body), "{range}");
        assert_eq!(part.header("content-range"), Some(told));
    }
    let beyond = [("range", "bytes=10-")];
    let beyond = client.send(http::Method::GET, "/vault/k", &beyond, b"").await.unwrap();
    assert_eq!(beyond.refusal(), (416, "InvalidRange".to_owned()));
}

#[tokio::test]
async fn odd_keys_are_kept_as_they_are() {
    let server = S3Server::builder().bucket("vault", BucketSettings::plain()).start().await;
    let client = Client::owner(&server);
    let longest = "k".repeat(1_024);
    for (path, key) in [
        ("a//b", "a//b"),
        ("a/b", "a/b"),
        ("/leading", "/leading"),
        ("trailing/", "trailing/"),
        ("plus%2Bspace%20percent%2520", "plus+space percent%20"),
        ("%C3%BC%E2%82%AC", "ü€"),
        ("%26%3C%3E%22%27%3F%23%3D", "&<>\"'?#="),
        ("UPPER", "UPPER"),
        ("upper", "upper"),
        (&longest, &longest),
    ] {
        let put = client.put(&format!("/vault/{path}"), &[], key.as_bytes()).await;
        assert_eq!(put.status, 200, "{key}: {}", put.text());
        assert_eq!(client.get(&format!("/vault/{path}")).await.text(), key);
        assert!(server.bucket("vault").keys().iter().any(|stored| stored == key), "{key}");
    }
    let listed = client.get("/vault?encoding-type=url&list-type=2").await;
    assert_eq!(listed.elements("Key").len(), 10);
    let too_long = client.put(&format!("/vault/{longest}k"), &[], b"x").await;
    assert_eq!(too_long.refusal(), (400, "KeyTooLongError".to_owned()));
}
