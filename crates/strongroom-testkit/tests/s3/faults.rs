//! Faults happen to the request they were meant for, and to no other.

use std::time::Duration;

use http::Method;
use strongroom_testkit::S3Server;
use strongroom_testkit::s3::{BucketSettings, Op};

use crate::client::Client;

async fn server() -> S3Server {
    S3Server::builder().bucket("vault", BucketSettings::versioned()).start().await
}

#[tokio::test]
async fn a_request_is_chosen_by_operation_number_and_key() {
    let server = server().await;
    let client = Client::owner(&server);
    let second = server.faults().on(Op::PutObject).nth(2).answer(503);
    let index = server.faults().on_any().key_contains("index/").first(1).answer(500);

    let mut statuses = Vec::new();
    for path in ["/vault/a", "/vault/b", "/vault/c", "/vault/index/d", "/vault/index/e"] {
        statuses.push(client.put(path, &[], b"x").await.status);
    }
    assert_eq!(statuses, [200, 503, 200, 500, 200]);
    assert_eq!(client.get("/vault/a").await.status, 200);
    assert_eq!((second.fired(), index.fired()), (1, 1));

    server.faults().on(Op::GetObject).from(2).answer(500);
    let statuses = [client.get("/vault/a").await.status, client.get("/vault/a").await.status];
    assert_eq!(statuses, [200, 500]);
    server.faults().clear();
    assert_eq!(client.get("/vault/a").await.status, 200);
}

#[tokio::test]
async fn a_request_is_chosen_by_a_header() {
    let server = server().await;
    let client = Client::owner(&server);
    server.faults().on(Op::PutObject).with_header("if-none-match").answer(501);
    assert_eq!(client.put("/vault/k", &[("if-none-match", "*")], b"x").await.status, 501);
    assert_eq!(client.put("/vault/k", &[], b"x").await.status, 200);
}

#[tokio::test]
async fn errors_carry_the_codes_that_s3_has_for_them() {
    let server = server().await;
    let client = Client::owner(&server);
    for (status, code) in [
        (409, "ConditionalRequestConflict"),
        (412, "PreconditionFailed"),
        (500, "InternalError"),
        (501, "NotImplemented"),
        (503, "SlowDown"),
    ] {
        server.faults().clear();
        server.faults().on(Op::PutObject).answer(status);
        assert_eq!(client.put("/vault/k", &[], b"x").await.refusal(), (status, code.to_owned()));
    }
    assert!(server.bucket("vault").keys().is_empty());
    server.faults().clear();
    server.faults().on(Op::PutObject).answer_after_commit(500);
    assert_eq!(client.put("/vault/k", &[], b"x").await.status, 500);
    assert_eq!(server.bucket("vault").keys(), ["k"]);
}

#[tokio::test]
async fn a_connection_is_cut_before_or_after_the_write() {
    let server = server().await;
    let client = Client::owner(&server);
    server.faults().on(Op::PutObject).nth(1).cut_before_commit();
    server.faults().on(Op::PutObject).nth(2).cut_after_commit();

    assert!(client.send(Method::PUT, "/vault/before", &[], b"x").await.is_err());
    assert!(client.send(Method::PUT, "/vault/after", &[], b"x").await.is_err());
    assert_eq!(server.bucket("vault").keys(), ["after"]);
}

#[tokio::test]
async fn an_answer_never_comes_though_the_write_took_place() {
    let server = server().await;
    let client = Client::owner(&server);
    server.faults().on(Op::PutObject).nth(1).never_answer();
    let held = server.faults().on(Op::PutObject).nth(2).hold_after_commit();

    let impatient = |path| {
        let sent = client.send(Method::PUT, path, &[], b"x");
        tokio::time::timeout(Duration::from_millis(200), sent)
    };
    assert!(impatient("/vault/undone").await.is_err());
    assert!(impatient("/vault/done").await.is_err());
    held.arrived(1).await;
    assert_eq!(server.bucket("vault").keys(), ["done"]);
    server.faults().on(Op::PutObject).never_answer_after_commit();
    assert!(impatient("/vault/also").await.is_err());
    assert_eq!(server.bucket("vault").keys(), ["also", "done"]);
}

#[tokio::test]
async fn a_gate_holds_requests_until_it_opens() {
    let server = server().await;
    let client = Client::owner(&server);
    let gate = server.faults().on(Op::PutObject).from(1).hold_before();
    let (first, second, ()) =
        tokio::join!(client.put("/vault/a", &[], b"x"), client.put("/vault/b", &[], b"x"), async {
            gate.arrived(2).await;
            assert!(server.bucket("vault").keys().is_empty());
            gate.open();
        });
    assert_eq!((first.status, second.status), (200, 200));
    assert_eq!(gate.arrivals(), 2);
}

#[tokio::test]
async fn a_gate_that_cuts_off_leaves_what_it_held_undone() {
    let server = server().await;
    let client = Client::owner(&server);
    let before = server.faults().on(Op::PutObject).nth(1).hold_before();
    let after = server.faults().on(Op::PutObject).nth(2).hold_after_commit();
    for (gate, path) in [(&before, "/vault/undone"), (&after, "/vault/done")] {
        let (sent, ()) = tokio::join!(client.send(Method::PUT, path, &[], b"x"), async {
            gate.arrived(1).await;
            gate.cut_off();
        });
        assert!(sent.is_err());
    }
    assert_eq!(server.bucket("vault").keys(), ["done"]);
}

#[tokio::test]
async fn a_body_breaks_off_or_has_a_bit_turned() {
    let server = server().await;
    server.bucket("vault").put("k", vec![0; 100_000]);
    let client = Client::owner(&server);
    server.faults().on(Op::GetObject).nth(1).cut_body_after(60_000);
    server.faults().on(Op::GetObject).nth(2).flip_a_bit();

    assert!(client.send(Method::GET, "/vault/k", &[], b"").await.is_err());
    let turned = client.get("/vault/k").await;
    assert_eq!(turned.body.len(), 100_000);
    assert_eq!(turned.body.iter().filter(|byte| **byte != 0).count(), 1);
}

#[tokio::test]
async fn a_slow_answer_takes_its_time() {
    let server = server().await;
    let client = Client::owner(&server);
    server.faults().on(Op::PutObject).delay(Duration::from_millis(50));
    let started = std::time::Instant::now();
    client.put("/vault/k", &[], b"x").await;
    assert!(started.elapsed() >= Duration::from_millis(50));
}
