//! Each refusal has its own message and exit code, comes at once, and is not asked for twice.

use strongroom_testkit::S3Server;
use strongroom_testkit::fixtures::random_bytes;
use strongroom_testkit::s3::{BucketSettings, Op, Right, User};

use crate::Desk;

/// Requests of a push that is refused: a few, never a storm.
const REQUESTS_MAX: usize = 12;

fn server() -> S3Server {
    S3Server::builder().bucket("vault", BucketSettings::locked()).start_blocking()
}

fn server_for(user: &User) -> S3Server {
    let builder = S3Server::builder().bucket("vault", BucketSettings::locked());
    builder.user(user.clone()).start_blocking()
}

fn guest() -> User {
    User::new("guest", "guest-secret")
}

#[test]
fn a_wrong_secret_exits_8() {
    let server = server_for(&guest());
    let desk = Desk::of(&server, &User::new("guest", "wrong"));
    desk.push().assert_failed(8, "does not accept these credentials");
    assert!(server.requests().len() <= REQUESTS_MAX);
}

#[test]
fn an_unknown_access_key_exits_8() {
    let server = server();
    let desk = Desk::of(&server, &User::new("stranger", "x"));
    desk.push().assert_failed(8, "InvalidAccessKeyId");
}

#[test]
fn a_secret_never_shows() {
    let server = server_for(&guest());
    let desk = Desk::of(&server, &User::new("guest", "wrong-hush-hush"));
    let ended = desk.push();
    assert!(!ended.stderr.contains("hush") && !ended.stdout.contains("hush"), "{}", ended.stderr);
}

#[test]
fn the_wrong_region_exits_2_and_names_the_right_one() {
    let builder = S3Server::builder().bucket("vault", BucketSettings::locked());
    for builder in
        [builder.clone().region("eu-west-3"), builder.region("eu-west-3").redirects_wrong_region()]
    {
        let server = builder.start_blocking();
        let desk = Desk::at(&server);
        desk.push().assert_failed(2, "eu-west-3");
        assert!(server.requests().len() <= 3);
        desk.with("STRONGROOM_STORE_REGION", "eu-west-3").push().assert_kept("stored");
    }
}

#[test]
fn an_unknown_bucket_exits_7() {
    let server = server();
    let desk = Desk::at(&server).with("STRONGROOM_STORE_URL", "s3://nowhere");
    desk.push().assert_failed(7, "no such bucket");
    assert!(server.requests().len() <= REQUESTS_MAX);
}

#[test]
fn no_such_host_exits_11() {
    let server = server();
    // RFC 6761: `.invalid` never resolves.
    let desk = Desk::at(&server).with("STRONGROOM_STORE_ENDPOINT", "http://store.invalid:9000");
    desk.push().assert_failed(11, "no such host");
}

#[test]
fn a_closed_port_exits_11() {
    let server = server();
    let desk = Desk::at(&server);
    drop(server);
    desk.push().assert_failed(11, "connection");
}

#[test]
fn credentials_that_may_only_read_exit_8_on_push_and_pull_well() {
    let reader = guest().read_only();
    let server = server_for(&reader);
    let desk = Desk::of(&server, &reader);
    desk.push().assert_failed(8, "does not allow");
    assert!(server.requests().len() <= REQUESTS_MAX, "{}", server.requests().len());
    assert!(server.bucket("vault").keys().is_empty());

    let stored = Desk::at(&server).push();
    stored.assert_kept("stored");
    let id = stored.field("/bundle_id").unwrap();
    let pulled = desk.strongroom(&["evidence", "pull", "--bundle-id", &id, "--out", "out.tar.gz"]);
    assert_eq!(pulled.exit, Some(0), "{}", pulled.stderr);
    assert_eq!(desk.listed(), [(id, "present".to_owned())]);
}

#[test]
fn no_right_to_read_versions_exits_8_and_names_it() {
    let user = guest().without(Right::ReadVersions);
    let server = server_for(&user);
    let desk = Desk::of(&server, &user);
    // Pulled in two ranges: the second is asked for by version.
    std::fs::write(desk.folder.path().join("run/trace.bin"), random_bytes(17 << 20, 5)).unwrap();
    let pushed = desk.push();
    pushed.assert_failed(8, "the bundle is stored as version");
    assert!(pushed.stderr.contains("s3:GetObjectVersion"), "{}", pushed.stderr);

    let id = Desk::at(&server).listed().remove(0).0;
    let pulled = desk.strongroom(&["evidence", "pull", "--bundle-id", &id, "--out", "out.tar.gz"]);
    pulled.assert_failed(8, "does not allow");
    assert!(pulled.stderr.contains("s3:GetObjectVersion"), "{}", pulled.stderr);
    assert!(!desk.folder.path().join("out.tar.gz").exists());
}

#[test]
fn no_right_to_read_locks_exits_5_where_a_lock_was_asked_for() {
    let blind = guest().without(Right::ReadLocks);
    let server = server_for(&blind);
    let desk = Desk::of(&server, &blind);
    let locked = desk.strongroom(&["evidence", "push", "run", "--retain-until", "30d"]);
    locked.assert_failed(5, "may not read its lock back");
    assert!(locked.stderr.contains("s3:GetObjectRetention"), "{}", locked.stderr);
    // It is stored, and locked: what is missing is the proof.
    let bundles = server.bucket("vault").keys_under("team/bundles/");
    assert!(server.bucket("vault").versions(&bundles[0])[0].retention.is_some());

    let accepted = ["evidence", "push", "run", "--retain-until", "30d", "--allow-unlocked"];
    assert_eq!(desk.strongroom(&accepted).exit, Some(0));
}

#[test]
fn no_right_to_list_exits_8_on_list_and_pushes_well() {
    let user = guest().without(Right::List).without(Right::ListVersions);
    let server = server_for(&user);
    let desk = Desk::of(&server, &user);
    desk.push().assert_kept("stored");
    desk.push().assert_kept("already_stored");
    let listed = desk.strongroom(&["evidence", "list", "--run-id", "run-1"]);
    listed.assert_failed(8, "does not allow");
}

#[test]
fn no_right_to_delete_changes_nothing() {
    let user = guest().without(Right::Delete).without(Right::DeleteVersions);
    let server = server_for(&user);
    let desk = Desk::of(&server, &user).with_a_big_run();
    desk.push().assert_kept("stored");
    desk.push().assert_kept("already_stored");
    assert_eq!(server.count(Op::DeleteObject), 0);
}

#[test]
fn a_clock_that_is_an_hour_off_exits_8() {
    let clock = strongroom_testkit::TestClock::system();
    clock.advance(jiff::SignedDuration::from_hours(1));
    let builder = S3Server::builder().bucket("vault", BucketSettings::locked()).clock(clock);
    let server = builder.refuses_skewed_clocks().start_blocking();
    Desk::at(&server).push().assert_failed(8, "clock");
}

#[test]
fn a_lock_on_a_bucket_without_locks_exits_5_or_is_done_without_when_told_so() {
    let server = S3Server::builder().bucket("vault", BucketSettings::versioned()).start_blocking();
    let desk = Desk::at(&server);
    let locked = desk.strongroom(&["evidence", "push", "run", "--retain-until", "30d"]);
    locked.assert_failed(5, "lock");
    assert!(server.bucket("vault").keys_under("team/bundles/").is_empty());
    let accepted = ["evidence", "push", "run", "--retain-until", "30d", "--allow-unlocked"];
    assert_eq!(desk.strongroom(&accepted).exit, Some(0));
}

#[test]
fn garbage_over_a_bundle_exits_6_and_names_the_version_below() {
    let server = server();
    let desk = Desk::at(&server);
    let stored = desk.push();
    stored.assert_kept("stored");
    let id = stored.field("/bundle_id").unwrap();
    let key = format!("team/bundles/{id}.tar.gz");
    let bundle = server.bucket("vault").object(&key).unwrap();
    server.bucket("vault").plant_over(&key, b"garbage".as_slice());

    let again = desk.push();
    again.assert_failed(6, &stored.field("/version_id").unwrap());
    let pulled = desk.strongroom(&["evidence", "pull", "--bundle-id", &id, "--out", "out.tar.gz"]);
    assert_eq!(pulled.exit, Some(0), "{}", pulled.stderr);
    assert!(std::fs::read(desk.folder.path().join("out.tar.gz")).unwrap() == bundle);
}

#[test]
fn a_wrong_digest_from_the_store_exits_3() {
    let server = server();
    server.faults().on(Op::PutObject).key_contains("bundles/").echo_wrong_checksum();
    Desk::at(&server).push().assert_failed(3, "not that of the bytes sent");
}

#[test]
fn a_store_without_writes_exits_9() {
    let server = server();
    server.faults().on(Op::PutObject).answer(501);
    Desk::at(&server).push().assert_failed(9, "no such operation");
}

#[test]
fn a_bit_that_is_always_wrong_exits_3_on_pull_and_leaves_no_file() {
    let server = server();
    let desk = Desk::at(&server);
    let id = desk.push().field("/bundle_id").unwrap();
    server.faults().on(Op::GetObject).flip_a_bit();
    let pulled = desk.strongroom(&["evidence", "pull", "--bundle-id", &id, "--out", "out.tar.gz"]);
    assert_eq!(pulled.exit, Some(3), "{}", pulled.stderr);
    assert!(!desk.folder.path().join("out.tar.gz").exists());
}
