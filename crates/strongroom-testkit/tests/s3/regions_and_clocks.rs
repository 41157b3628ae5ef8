//! What S3 decides before it looks at a request: its region and its date.

use jiff::{SignedDuration, Timestamp};
use strongroom_testkit::s3::{BucketSettings, Op};
use strongroom_testkit::{S3Server, TestClock};

use crate::client::Client;

#[tokio::test]
async fn a_request_signed_for_another_region_is_told_the_right_one() {
    let builder = || S3Server::builder().bucket("vault", BucketSettings::plain());

    let server = builder().region("eu-west-3").start().await;
    let wrong = Client::in_region(&server, server.owner(), "us-east-1").get("/vault/k").await;
    assert_eq!(wrong.refusal(), (400, "AuthorizationHeaderMalformed".to_owned()));
    assert_eq!(wrong.header("x-amz-bucket-region"), Some("eu-west-3"));
    assert_eq!(wrong.element("Region").as_deref(), Some("eu-west-3"));
    let right = Client::in_region(&server, server.owner(), "eu-west-3").get("/vault/k").await;
    assert_eq!(right.refusal(), (404, "NoSuchKey".to_owned()));

    let server = builder().region("eu-west-3").redirects_wrong_region().start().await;
    let wrong = Client::in_region(&server, server.owner(), "us-east-1").get("/vault/k").await;
    assert_eq!(wrong.refusal(), (301, "PermanentRedirect".to_owned()));
    assert_eq!(wrong.header("x-amz-bucket-region"), Some("eu-west-3"));
}

#[tokio::test]
async fn a_store_whose_clock_is_off_shows_it_and_may_refuse() {
    let clock = TestClock::system();
    clock.advance(SignedDuration::from_hours(-2));
    let tolerant = S3Server::builder().bucket("vault", BucketSettings::plain());
    let strict = tolerant.clone().clock(clock.clone()).refuses_skewed_clocks().start().await;
    let tolerant = tolerant.clock(clock).start().await;

    let refused = Client::owner(&strict).put("/vault/k", &[], b"x").await;
    assert_eq!(refused.refusal(), (403, "RequestTimeTooSkewed".to_owned()));

    let stored = Client::owner(&tolerant).put("/vault/k", &[], b"x").await;
    assert_eq!(stored.status, 200);
    let told = jiff::fmt::rfc2822::parse(stored.header("date").unwrap()).unwrap().timestamp();
    let kept: Timestamp = tolerant.bucket("vault").versions("k")[0].modified;
    assert_eq!(told.as_second(), kept.as_second());
}

#[tokio::test]
async fn a_date_header_can_lie_alone() {
    let server = S3Server::builder().bucket("vault", BucketSettings::plain()).start().await;
    let lie = "Sat, 21 Nov 2026 00:00:00 GMT";
    server.faults().on(Op::HeadBucket).answer_header("date", lie);
    let head = Client::owner(&server).head("/vault").await;
    assert_eq!(head.header("date"), Some(lie));
}
