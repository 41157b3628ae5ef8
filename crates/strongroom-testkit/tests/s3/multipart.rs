//! Multipart uploads.

use strongroom_testkit::S3Server;
use strongroom_testkit::fixtures::random_bytes;
use strongroom_testkit::s3::{BucketSettings, Op};

use crate::client::{Client, sha256_base64};
use crate::uploads::Upload;

const PART: usize = 5 << 20;
const LOCK: [(&str, &str); 2] = [
    ("x-amz-object-lock-mode", "COMPLIANCE"),
    ("x-amz-object-lock-retain-until-date", "2126-01-01T00:00:00Z"),
];

async fn server() -> S3Server {
    S3Server::builder().bucket("vault", BucketSettings::locked()).start().await
}

#[tokio::test]
async fn parts_become_one_object_with_its_lock_and_composite_digest() {
    let server = server().await;
    let client = Client::owner(&server);
    let bytes = random_bytes(PART + 10, 1);
    let mut upload = Upload::start(&client, &LOCK).await;
    upload.part(1, &bytes[..PART]).await;
    upload.part(2, &bytes[PART..]).await;
    assert!(server.bucket("vault").keys().is_empty());

    let done = upload.complete(&[]).await;
    assert_eq!(done.status, 200, "{}", done.text());
    let digest = done.element("ChecksumSHA256").unwrap();
    assert!(digest.ends_with("-2"), "{digest}");

    let head = client.head("/vault/big").await;
    assert_eq!(head.header("x-amz-checksum-sha256"), Some(digest.as_str()));
    assert_eq!(head.header("x-amz-checksum-type"), Some("COMPOSITE"));
    assert!(head.header("etag").unwrap().ends_with("-2\""));
    assert_eq!(head.header("x-amz-object-lock-mode"), Some("COMPLIANCE"));
    assert_eq!(client.get("/vault/big").await.body, bytes);
    assert!(server.bucket("vault").open_uploads().is_empty());
}

#[tokio::test]
async fn a_completion_is_create_only_where_it_says_so() {
    let server = server().await;
    let client = Client::owner(&server);
    client.put("/vault/big", &[], b"first").await;
    let mut upload = Upload::start(&client, &[]).await;
    upload.part(1, b"second").await;

    let refused = upload.complete(&[("if-none-match", "*")]).await;
    assert_eq!(refused.refusal(), (412, "PreconditionFailed".to_owned()));
    server.faults().on(Op::CompleteMultipartUpload).ignore_conditions();
    assert_eq!(upload.complete(&[("if-none-match", "*")]).await.status, 200);
    assert_eq!(server.bucket("vault").versions("big").len(), 2);
}

#[tokio::test]
async fn wrong_parts_are_refused() {
    let server = server().await;
    let client = Client::owner(&server);
    let mut upload = Upload::start(&client, &[]).await;

    let path = format!("/vault/big?partNumber=1&uploadId={}", upload.id);
    let wrong = [("x-amz-checksum-sha256", &*sha256_base64(b"other"))];
    let wrong = client.put(&path, &wrong, b"bytes").await;
    assert_eq!(wrong.refusal(), (400, "BadDigest".to_owned()));

    upload.part(1, b"small").await;
    upload.part(2, b"last").await;
    assert_eq!(upload.complete(&[]).await.refusal(), (400, "EntityTooSmall".to_owned()));
    upload.listed = upload.listed.replace("<PartNumber>2<", "<PartNumber>3<");
    assert_eq!(upload.complete(&[]).await.refusal(), (400, "InvalidPart".to_owned()));
    assert!(server.bucket("vault").keys().is_empty());
}

#[tokio::test]
async fn an_aborted_upload_is_gone() {
    let server = server().await;
    let client = Client::owner(&server);
    let mut upload = Upload::start(&client, &[]).await;
    upload.part(1, b"bytes").await;
    assert_eq!(server.bucket("vault").open_uploads(), ["big"]);
    let listed = client.get("/vault?uploads").await;
    assert_eq!(listed.element("UploadId").as_deref(), Some(upload.id.as_str()));

    assert_eq!(upload.abort().await.status, 204);
    assert!(server.bucket("vault").open_uploads().is_empty());
    assert_eq!(upload.complete(&[]).await.refusal(), (404, "NoSuchUpload".to_owned()));
}

#[tokio::test]
async fn a_store_may_drop_the_locks_of_multipart_uploads_alone() {
    let server = server().await;
    server.faults().on(Op::CreateMultipartUpload).drop_locks();
    let client = Client::owner(&server);
    let mut upload = Upload::start(&client, &LOCK).await;
    upload.part(1, b"bytes").await;
    upload.complete(&[]).await;
    client.put_checked("/vault/small", &LOCK, b"x").await;
    assert_eq!(
        client.get("/vault/big?retention").await.refusal().1,
        "NoSuchObjectLockConfiguration"
    );
    assert_eq!(client.get("/vault/small?retention").await.status, 200);
}
