//! What may pass is tried again and comes to a good end; what stays ends with exit 11, in time.

use strongroom_testkit::S3Server;
use strongroom_testkit::s3::{BucketSettings, Op};

use crate::Desk;

fn server() -> S3Server {
    S3Server::builder().bucket("vault", BucketSettings::versioned()).start_blocking()
}

fn versions_of_the_bundle(server: &S3Server) -> usize {
    let vault = server.bucket("vault");
    let bundles = vault.keys_under("team/bundles/");
    assert_eq!(bundles.len(), 1);
    vault.versions(&bundles[0]).len()
}

#[test]
fn errors_that_pass_exit_0_with_one_version() {
    for status in [409, 500, 503] {
        let server = server();
        let fault =
            server.faults().on(Op::PutObject).key_contains("bundles/").first(2).answer(status);
        Desk::at(&server).push().assert_kept("stored");
        assert_eq!(fault.fired(), 2);
        assert_eq!(versions_of_the_bundle(&server), 1, "after {status}");
    }
}

#[test]
fn lost_answers_exit_0_with_one_version() {
    let server = server();
    server.faults().on(Op::PutObject).key_contains("bundles/").nth(1).cut_after_commit();
    Desk::at(&server).push().assert_kept("stored");
    assert_eq!(versions_of_the_bundle(&server), 1);
}

#[test]
fn a_time_out_after_the_commit_exits_0_with_one_version() {
    let server = server();
    let fault = server.faults().on(Op::CompleteMultipartUpload).nth(1).cut_after_commit();
    let slow = server.faults().on(Op::PutObject).nth(1).never_answer_after_commit();
    Desk::at(&server).with_a_big_run().push().assert_kept("stored");
    assert_eq!((fault.fired(), slow.fired()), (1, 1));
    assert_eq!(versions_of_the_bundle(&server), 1);
}

#[test]
fn errors_that_stay_exit_11_and_the_next_push_finishes() {
    for (status, words) in [(500, "failed"), (503, "patience"), (409, "failed")] {
        let server = server();
        server.faults().on(Op::PutObject).key_contains("bundles/").answer(status);
        let desk = Desk::at(&server);
        desk.push().assert_failed(11, words);
        server.faults().clear();
        desk.push().assert_kept("stored");
        assert_eq!(versions_of_the_bundle(&server), 1);
    }
}

#[test]
fn a_store_that_never_answers_exits_11() {
    let server = server();
    server.faults().on_any().never_answer();
    Desk::at(&server).push().assert_failed(11, "did not answer");
}

#[test]
fn a_connection_that_always_breaks_exits_11() {
    let server = server();
    server.faults().on_any().cut_before_commit();
    Desk::at(&server).push().assert_failed(11, "the connection was lost");
    assert!(server.requests().len() <= 3, "{}", server.requests().len());
}

#[test]
fn a_bundle_that_breaks_off_is_pulled_whole_or_not_at_all() {
    let server = server();
    let desk = Desk::at(&server).with_a_big_run();
    let id = desk.push().field("/bundle_id").unwrap();
    let out = desk.folder.path().join("out.tar.gz");
    let pull = || desk.strongroom(&["evidence", "pull", "--bundle-id", &id, "--out", "out.tar.gz"]);

    server.faults().on(Op::GetObject).cut_body_after(10);
    pull().assert_failed(11, "connection");
    assert!(!out.exists());
    assert!(server.count(Op::GetObject) < 30, "{}", server.count(Op::GetObject));

    server.faults().clear();
    let fault = server.faults().on(Op::GetObject).nth(1).cut_body_after(100_000);
    assert_eq!((pull().exit, fault.fired()), (Some(0), 1));
    let verified = desk.strongroom(&["evidence", "verify", "out.tar.gz", "--bundle-id", &id]);
    assert_eq!(verified.exit, Some(0), "{}", verified.stderr);
}
