//! Who may do what.

use strongroom_testkit::S3Server;
use strongroom_testkit::s3::{BucketSettings, Right, User};

use crate::client::Client;

async fn server(user: &User) -> S3Server {
    let server = S3Server::builder().bucket("vault", BucketSettings::locked()).user(user.clone());
    let server = server.start().await;
    server.bucket("vault").put("k", b"bytes".as_slice());
    server
}

#[tokio::test]
async fn a_wrong_secret_and_an_unknown_key_are_told_apart() {
    let server = server(&User::new("guest", "right")).await;
    let wrong = Client::of(&server, &User::new("guest", "wrong"));
    assert_eq!(wrong.get("/vault/k").await.refusal(), (403, "SignatureDoesNotMatch".to_owned()));
    let stranger = Client::of(&server, &User::new("stranger", "x"));
    assert_eq!(stranger.get("/vault/k").await.refusal(), (403, "InvalidAccessKeyId".to_owned()));
    let unsigned = reqwest::get(format!("{}/vault/k", server.endpoint())).await.unwrap();
    assert_eq!(unsigned.status(), 403);
}

#[tokio::test]
async fn every_right_that_is_missing_is_a_refusal_of_its_own() {
    let requests = [
        (Right::Read, "GET", "/vault/k"),
        (Right::Read, "HEAD", "/vault/k"),
        (Right::ReadVersions, "GET", "/vault/k?versionId=v"),
        (Right::ReadVersions, "HEAD", "/vault/k?versionId=v"),
        (Right::Write, "PUT", "/vault/new"),
        (Right::Write, "POST", "/vault/new?uploads"),
        (Right::Abort, "DELETE", "/vault/k?uploadId=u"),
        (Right::List, "GET", "/vault?list-type=2"),
        (Right::ListVersions, "GET", "/vault?versions"),
        (Right::Delete, "DELETE", "/vault/k"),
        (Right::DeleteVersions, "DELETE", "/vault/k?versionId=v"),
        (Right::ReadLocks, "GET", "/vault/k?retention"),
        (Right::ReadLocks, "GET", "/vault?object-lock"),
        (Right::WriteLocks, "PUT", "/vault/k?retention"),
        (Right::ReadSettings, "GET", "/vault?versioning"),
        (Right::ConfigureLocks, "PUT", "/vault?object-lock"),
        (Right::Admin, "PUT", "/vault?versioning"),
        (Right::Admin, "PUT", "/other"),
    ];
    for (right, method, path) in requests {
        let user = User::new("guest", "guest-secret").without(right);
        let server = server(&user).await;
        let method: http::Method = method.parse().unwrap();
        let guest = Client::of(&server, &user);
        let refused = guest.send(method.clone(), path, &[], b"").await.unwrap();
        assert_eq!(refused.status, 403, "{right:?} {path}");
        let owner = Client::owner(&server).send(method, path, &[], b"").await.unwrap();
        assert_ne!(owner.status, 403, "{right:?} {path}");
    }
}

#[tokio::test]
async fn without_the_right_to_list_an_absent_key_is_denied_and_not_absent() {
    let user = User::new("guest", "guest-secret").without(Right::List);
    let server = server(&user).await;
    let guest = Client::of(&server, &user);
    assert_eq!(guest.get("/vault/k").await.status, 200);
    assert_eq!(guest.head("/vault/absent").await.status, 403);
    assert_eq!(Client::owner(&server).head("/vault/absent").await.status, 404);
}

#[tokio::test]
async fn without_the_right_to_read_locks_head_leaves_them_out() {
    let user = User::new("guest", "guest-secret").without(Right::ReadLocks);
    let server = server(&user).await;
    let owner = Client::owner(&server);
    owner.put_checked("/vault/held", &[("x-amz-object-lock-legal-hold", "ON")], b"x").await;
    let header = "x-amz-object-lock-legal-hold";
    assert_eq!(owner.head("/vault/held").await.header(header), Some("ON"));
    assert_eq!(Client::of(&server, &user).head("/vault/held").await.header(header), None);
}

#[tokio::test]
async fn a_lock_in_a_write_needs_the_right_to_lock() {
    let user = User::new("guest", "guest-secret").without(Right::WriteLocks);
    let server = server(&user).await;
    let guest = Client::of(&server, &user);
    let lock = [("x-amz-object-lock-legal-hold", "ON")];
    assert_eq!(guest.put_checked("/vault/new", &lock, b"x").await.status, 403);
    assert_eq!(guest.put_checked("/vault/new", &[], b"x").await.status, 200);
}
