//! The command line on a bucket, well-behaved and not: what it says, and how it ends.

use std::process::{Command, Stdio};

use serde_json::json;
use strongroom_core::retention::LockMode;
use strongroom_testkit::S3Server;
use strongroom_testkit::s3::{BucketSettings, Op, Right, User};

use crate::room::{Outcome, Room};
use crate::schema::assert_valid;

const PUSH: [&str; 4] = ["evidence", "push", "results", "--format=json"];

/// A server with one bucket, and a room that is configured for it.
fn bucket(settings: BucketSettings) -> (S3Server, Room) {
    let server = S3Server::builder().bucket("evidence", settings).start_blocking();
    let room = on(Room::with_results(), &server);
    (server, room)
}

pub fn on(room: Room, server: &S3Server) -> Room {
    as_user(room, server, server.owner())
}

fn as_user(room: Room, server: &S3Server, user: &User) -> Room {
    room.env("STRONGROOM_STORE_URL", "s3://evidence/team")
        .env("STRONGROOM_STORE_ENDPOINT", server.endpoint())
        .env("STRONGROOM_STORE_ALLOW_HTTP", "true")
        .env("STRONGROOM_STORE_REGION", "us-east-1")
        .env("STRONGROOM_STORE_ACCESS_KEY", user.access_key())
        .env("STRONGROOM_STORE_SECRET_KEY", user.secret_key())
}

#[test]
fn a_lock_is_in_the_receipt_as_the_store_gave_it_back() {
    let (server, room) = bucket(BucketSettings::locked());
    let push = [&PUSH[..], &["--retain-until", "30d", "--run-id", "42"]].concat();
    let receipt = room.run(&push).exits(0).json();
    assert_valid(&receipt, "receipt");
    assert_eq!(receipt["endpoint"], server.endpoint());
    assert_eq!(receipt["lock"]["mode"], "governance");
    assert_eq!(receipt["lock"]["enforced_by"], "store");
    assert_eq!(receipt["lock"]["how"], "in_write");
    assert!(receipt["version_id"].is_string() && receipt["lock"]["read_back_at"].is_string());
    let again = room.run(&push[..4]).exits(0).json();
    assert_eq!(
        (&again["status"], &again["lock"]["mode"]),
        (&json!("already_stored"), &json!("governance"))
    );
}

#[test]
fn a_lock_that_the_bucket_makes_stronger_than_asked_must_be_accepted() {
    let settings = BucketSettings::locked().default_retention(LockMode::Compliance, 1);
    let (server, room) = bucket(settings);
    // Governance for a month on a bucket whose default is compliance: compliance for a month.
    let push = [&PUSH[..], &["--retain-until", "2099-01-01"]].concat();
    let refused = room.run(&push).exits(2);
    assert!(refused.stderr.contains("--yes-lock-until 2099-01-01"), "{}", refused.stderr);
    assert_eq!(server.bucket("evidence").keys(), [""; 0]);
    let accepted = [&push[..], &["--yes-lock-until", "2099-01-01"]].concat();
    assert_eq!(room.run(&accepted).exits(0).json()["lock"]["mode"], "compliance");
}

#[test]
fn a_compliance_default_that_applies_by_itself_must_be_accepted_too() {
    let settings = BucketSettings::locked().default_retention(LockMode::Compliance, 30);
    let (server, room) = bucket(settings);
    let plan = room.run(&[&PUSH[..], &["--dry-run"]].concat()).exits(0).json();
    assert_valid(&plan, "push-plan");
    assert_eq!(plan["lock"]["to_send"]["retention"], json!(null));
    assert_eq!(plan["lock"]["effective"]["observed"]["retention"]["mode"], "compliance");
    let shown = room.run(&["evidence", "push", "results", "--dry-run"]).exits(0).stdout;
    assert!(shown.contains("default lock  compliance for 30 days"), "{shown}");
    assert!(shown.contains("which nobody can undo"), "{shown}");

    let refused = room.run(&PUSH).exits(2);
    assert!(refused.stderr.contains("the bucket's default"), "{}", refused.stderr);
    assert!(refused.stderr.contains("--yes-lock-until"), "{}", refused.stderr);
    assert_eq!(server.bucket("evidence").keys(), [""; 0]);
    // A later day accepts what is pushed until then.
    let accepted = [&PUSH[..], &["--yes-lock-until", "2099-01-01"]].concat();
    assert_eq!(room.run(&accepted).exits(0).json()["lock"]["how"], "bucket_default");
}

#[test]
fn a_governance_lock_that_a_store_does_not_strengthen_is_told_with_the_right_it_takes() {
    let (server, room) = bucket(BucketSettings::locked());
    room.run(&[&PUSH[..], &["--retain-until", "2098-01-01"]].concat()).exits(0);
    server.faults().on(Op::PutObjectRetention).answer(403);
    let stronger = ["--lock", "compliance", "--retain-until", "2099-01-01"];
    let push = [&PUSH[..], &stronger, &["--yes-lock-until", "2099-01-01"]].concat();
    let refused = room.run(&push).exits(5);
    let help = refused.json_error()["help"].to_string();
    assert!(help.contains("s3:PutObjectRetention, and on some stores"), "{help}");
    assert!(!help.contains("LegalHold"), "{help}");
}

#[test]
fn a_default_that_may_not_be_read_leaves_a_dry_run_unobserved() {
    let (server, room) = bucket(BucketSettings::locked());
    server.faults().on(Op::GetObjectLockConfiguration).answer(403);
    let plan = room.run(&[&PUSH[..], &["--dry-run"]].concat()).exits(0).json();
    assert_valid(&plan, "push-plan");
    assert_eq!(plan["lock"]["effective"], json!({"unobserved": "permission_denied"}));
    let shown = room.run(&["evidence", "push", "results", "--dry-run"]).exits(0).stdout;
    assert!(shown.contains("in effect     unobserved: permission denied"), "{shown}");
}

#[test]
fn a_deleted_bundle_is_listed_as_deleted_and_pulled_all_the_same() {
    let (server, room) = bucket(BucketSettings::versioned());
    let receipt = room.run(&PUSH).exits(0).json();
    let id = receipt["bundle_id"].as_str().expect("an id");
    let list = ["evidence", "list", "--format=json"];
    assert_eq!(room.run(&list).exits(0).json()["bundles"][0]["state"], "present");
    server.bucket("evidence").delete(receipt["key"].as_str().expect("a key"));
    let listed = room.run(&list).exits(0).json();
    assert_valid(&listed, "list");
    assert_eq!(listed["bundles"][0]["state"], "deleted");
    assert_eq!(listed["bundles"][0]["versions_left"], 1);
    let shown = room.run(&["evidence", "list"]).exits(0).stdout;
    assert!(shown.starts_with("deleted "), "{shown}");
    assert!(shown.contains(" 1 left  "), "{shown}");
    let pull = ["evidence", "pull", "--bundle-id", id, "--out", "back", "--format=json"];
    let pulled = room.run(&pull).exits(0);
    assert!(pulled.stderr.contains("was deleted (a delete marker is on top)"), "{}", pulled.stderr);
    let pulled = pulled.json();
    assert_valid(&pulled, "pull");
    assert_eq!(pulled["pulled"][0]["current_version_is_a_delete_marker"], true);
    assert_eq!(pulled["pulled"][0]["current_version_is_something_else"], false);
}

#[test]
fn without_the_right_to_list_versions_a_deleted_bundle_is_pending() {
    let user = User::new("lister", "listers-secret").without(Right::ListVersions);
    let builder = S3Server::builder().bucket("evidence", BucketSettings::versioned());
    let server = builder.user(user.clone()).start_blocking();
    let room = as_user(Room::with_results(), &server, &user);
    let receipt = room.run(&PUSH).exits(0).json();
    server.bucket("evidence").delete(receipt["key"].as_str().expect("a key"));
    let listed = room.run(&["evidence", "list", "--format=json"]).exits(0).json();
    assert_eq!(listed["bundles"][0]["state"], "pending");
}

#[test]
fn errors_of_a_store_name_it_and_its_endpoint() {
    let (server, _) = bucket(BucketSettings::plain());
    let endpoint = server.endpoint();
    let told = |room: Room| room.run(&["evidence", "list"]).stderr;
    let unknown = told(on(Room::new(), &server).env("STRONGROOM_STORE_URL", "s3://nowhere/x"));
    let expected = format!("error: s3://nowhere/x at {endpoint}: the store has no such bucket");
    assert!(unknown.starts_with(&expected), "{unknown}");
    // RFC 6761: `.invalid` never resolves.
    let no_host = "http://store.invalid:9000";
    let no_host = told(on(Room::new(), &server).env("STRONGROOM_STORE_ENDPOINT", no_host));
    let expected = "error: s3://evidence/team at http://store.invalid:9000: no such host\n";
    assert!(no_host.starts_with(expected), "{no_host}");
}

#[test]
fn verbose_tells_of_requests_and_of_no_secret() {
    let (server, room) = bucket(BucketSettings::plain());
    let quiet = room.run(&PUSH).exits(0);
    assert_eq!(quiet.stderr, "");
    let told = room.run(&[&PUSH[..], &["-vv"]].concat()).exits(0).stderr;
    assert!(told.contains("the store answered method=HEAD"), "{told}");
    let (access_key, secret_key) = (server.owner().access_key(), server.owner().secret_key());
    for secret in [access_key, secret_key, "Signature", "authorization", "Credential"] {
        assert!(!told.contains(secret), "{secret}: {told}");
    }
    let other_crates = |line: &&str| !line.contains(" strongroom");
    assert_eq!(told.lines().filter(other_crates).collect::<Vec<_>>(), [""; 0]);
    server.faults().on(Op::HeadObject).first(1).answer(503);
    let room = room.env("STRONGROOM_VERBOSE", "1");
    let refused = room.run(&PUSH).exits(0).stderr;
    assert!(refused.contains("a request failed kind=Throttled"), "{refused}");
    assert!(!refused.contains("the store answered"), "{refused}");
}

#[test]
fn a_bucket_that_cannot_lock_ends_with_5_unless_that_is_accepted() {
    let (server, room) = bucket(BucketSettings::versioned());
    let push = [&PUSH[..], &["--retain-until", "30d"]].concat();
    let refused = room.run(&push).exits(5);
    assert_valid(&refused.json_error(), "error");
    assert_eq!(server.bucket("evidence").keys_under("team/bundles/"), [""; 0]);
    let receipt = room.run(&[&push[..], &["--allow-unlocked"]].concat()).exits(0).json();
    assert_eq!(receipt["lock"]["how"], "none");
}

#[test]
fn a_lock_that_falls_short_exits_5_although_nobody_reads_the_receipt() {
    let blind = User::new("blind", "blind-secret").without(Right::ReadLocks);
    let builder = S3Server::builder().bucket("evidence", BucketSettings::locked());
    let server = builder.user(blind.clone()).start_blocking();
    let room = as_user(Room::with_results(), &server, &blind);
    let push = [&PUSH[..], &["--retain-until", "30d"]].concat();
    let fell_short = room.run_unread(&push).exits(5);
    assert!(fell_short.stderr.contains("may not read its lock back"), "{}", fell_short.stderr);
}

#[test]
fn garbage_on_top_of_a_bundle_is_a_conflict_to_push_and_nothing_to_pull() {
    let (server, room) = bucket(BucketSettings::versioned());
    let receipt = room.run(&PUSH).exits(0).json();
    let key = receipt["key"].as_str().expect("a key");
    server.bucket("evidence").plant_over(key, "garbage");
    let refused = room.run(&PUSH).exits(6);
    let version = receipt["version_id"].as_str().expect("a version");
    assert!(refused.stderr.contains(version), "{}", refused.stderr);
    let id = receipt["bundle_id"].as_str().expect("an id");
    let pull = ["evidence", "pull", "--bundle-id", id, "--out", "back", "--format=json"];
    let pulled = room.run(&pull).exits(0);
    assert!(pulled.stderr.contains("warning: the current version"), "{}", pulled.stderr);
    assert_eq!(pulled.json()["pulled"][0]["version_id"], version);
    assert_eq!(pulled.json()["pulled"][0]["current_version_is_something_else"], true);
}

#[test]
fn each_way_of_not_getting_at_a_store_has_its_own_exit() {
    let (server, _) = bucket(BucketSettings::plain());
    let list = ["evidence", "list"];
    let status = ["evidence", "store-status"];
    let wrong_key = User::new(server.owner().access_key(), "wrong");
    let no_bucket = || on(Room::new(), &server).env("STRONGROOM_STORE_URL", "s3://nothing");
    let no_server =
        || on(Room::new(), &server).env("STRONGROOM_STORE_ENDPOINT", "http://127.0.0.1:1");
    for command in [list, status] {
        as_user(Room::new(), &server, &wrong_key).run(&command).exits(8);
        no_bucket().run(&command).exits(7);
        no_server().run(&command).exits(11);
    }
}

#[test]
fn a_store_that_fails_again_and_again_is_worth_trying_later() {
    let (server, room) = bucket(BucketSettings::plain());
    server.faults().on(Op::ListObjectsV2).answer(503);
    let failed = room.run(&["evidence", "list", "--format", "json"]).exits(11);
    assert_eq!(failed.json_error()["kind"], "unreachable");
    assert!(server.count(Op::ListObjectsV2) < 10, "{}", server.count(Op::ListObjectsV2));
}

#[test]
fn credentials_that_may_only_read_are_told_apart_and_refused_by_push() {
    let user = User::new("reader", "readers-secret").read_only();
    let server = S3Server::builder()
        .bucket("evidence", BucketSettings::locked())
        .user(user.clone())
        .start_blocking();
    let room = as_user(Room::with_results(), &server, &user);
    room.run(&PUSH).exits(8);
    let status = room.run(&["evidence", "store-status", "--format", "json"]).exits(0).json();
    assert_valid(&status, "store-status");
    assert_eq!(status["writable"], json!({"observed": false}));
    let codes: Vec<&str> = status["warnings"]
        .as_array()
        .expect("warnings")
        .iter()
        .filter_map(|warning| warning["code"].as_str())
        .collect();
    assert!(codes.contains(&"not_writable"), "{codes:?}");
}

#[test]
fn a_certificate_of_an_unknown_authority_is_refused_and_a_known_one_is_not() {
    let server =
        S3Server::builder().bucket("evidence", BucketSettings::plain()).tls().start_blocking();
    let room = on(Room::new(), &server);
    let refused = room.run(&["evidence", "list"]).exits(2);
    assert!(refused.stderr.contains("--store-ca"), "{}", refused.stderr);
    room.write("ca.pem", server.ca_pem().expect("a certificate"));
    room.run(&["evidence", "list", "--store-ca", "ca.pem"]).exits(0);
}

#[cfg(unix)]
#[test]
fn an_interrupted_push_exits_130_and_aborts_its_upload() {
    let (server, room) = bucket(BucketSettings::versioned());
    room.write("results/noise", noise(20 << 20));
    let gate = server.faults().on(Op::UploadPart).nth(2).hold_before();
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("strongroom"));
    let mut child = room
        .dress(&mut child)
        .args(PUSH)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let came = gate.wait_for_arrivals(1, || child.try_wait().is_ok_and(|ended| ended.is_some()));
    assert!(came, "the push ended before its second part");
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(sent.expect("kill runs").success());
    let outcome = Outcome::of(child.wait_with_output().expect("it ends")).exits(130);
    assert_valid(&outcome.json_error(), "error");
    assert_eq!(outcome.stdout, "");
    assert_eq!(server.bucket("evidence").open_uploads(), [""; 0]);
    assert_eq!(server.bucket("evidence").keys_under("team/bundles/"), [""; 0]);
    gate.open();
    assert_eq!(room.run(&PUSH).exits(0).json()["status"], "stored");
}

/// Bytes that do not compress (xorshift64).
#[cfg(unix)]
fn noise(size_bytes: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(size_bytes).collect()
}
