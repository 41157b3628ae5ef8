//! If-None-Match and If-Match.

use futures::future::join_all;
use strongroom_testkit::S3Server;
use strongroom_testkit::s3::{BucketSettings, Op};

use crate::client::Client;
use crate::uploads::Upload;

const CREATE: [(&str, &str); 1] = [("if-none-match", "*")];

#[tokio::test]
async fn of_twelve_racers_one_creates() {
    for settings in [BucketSettings::plain(), BucketSettings::versioned()] {
        let server = S3Server::builder().bucket("vault", settings).start().await;
        let client = Client::owner(&server);
        let bodies: Vec<String> = (0..12).map(|racer| format!("racer {racer}")).collect();

        let race = bodies.iter().map(|body| client.put("/vault/k", &CREATE, body.as_bytes()));
        let statuses: Vec<u16> = join_all(race).await.iter().map(|answer| answer.status).collect();

        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1);
        assert_eq!(statuses.iter().filter(|status| **status == 412).count(), 11);
        assert_eq!(server.bucket("vault").versions("k").len(), 1);
    }
}

#[tokio::test]
async fn a_delete_marker_does_not_stop_a_create() {
    let server = S3Server::builder().bucket("vault", BucketSettings::versioned()).start().await;
    let client = Client::owner(&server);
    client.put("/vault/k", &CREATE, b"one").await;
    client.delete("/vault/k").await;
    assert_eq!(client.put("/vault/k", &CREATE, b"two").await.status, 200);
}

#[tokio::test]
async fn a_write_if_match_wants_the_present_etag() {
    let server = S3Server::builder().bucket("vault", BucketSettings::plain()).start().await;
    let client = Client::owner(&server);
    let first = client.put("/vault/k", &[], b"one").await;
    let etag = [("if-match", first.header("etag").unwrap())];

    assert_eq!(client.put("/vault/k", &etag, b"two").await.status, 200);
    let stale = client.put("/vault/k", &etag, b"three").await;
    assert_eq!(stale.refusal(), (412, "PreconditionFailed".to_owned()));
    let absent = client.put("/vault/absent", &etag, b"x").await;
    assert_eq!(absent.refusal(), (404, "NoSuchKey".to_owned()));
}

#[tokio::test]
async fn a_store_that_ignores_the_condition_makes_a_second_version() {
    let server = S3Server::builder().bucket("vault", BucketSettings::versioned()).start().await;
    let ignored = server.faults().on(Op::PutObject).ignore_conditions();
    let client = Client::owner(&server);
    client.put("/vault/k", &CREATE, b"one").await;
    assert_eq!(client.put("/vault/k", &CREATE, b"two").await.status, 200);
    assert_eq!(server.bucket("vault").versions("k").len(), 2);
    assert_eq!(ignored.fired(), 2);
}

#[tokio::test]
async fn a_completion_creates_once_and_again_over_a_delete_marker() {
    for settings in [BucketSettings::plain(), BucketSettings::versioned()] {
        let server = S3Server::builder().bucket("vault", settings).start().await;
        let client = Client::owner(&server);
        let racers =
            [Upload::of(&client, &[], b"one").await, Upload::of(&client, &[], b"two").await];
        let race = racers.iter().map(|upload| upload.complete(&CREATE));
        let mut statuses: Vec<u16> =
            join_all(race).await.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412]);

        client.delete("/vault/big").await;
        let third = Upload::of(&client, &[], b"three").await;
        assert_eq!(third.complete(&CREATE).await.status, 200);
        assert_eq!(client.get("/vault/big").await.body, b"three");
    }
}
