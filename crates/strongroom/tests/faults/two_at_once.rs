//! Two programs push one bundle at the same time.

use strongroom_testkit::S3Server;
use strongroom_testkit::s3::{BucketSettings, Op};

use crate::program::{Desk, Ended};

/// Holds both writes of the bundle until both are there, so that they truly race.
fn race(server: &S3Server, desk: &Desk) -> [Ended; 2] {
    let gate = server.faults().on(Op::PutObject).key_contains("bundles/").hold_before();
    let started = std::time::Instant::now();
    let mut children = [desk.start_push(), desk.start_push()];
    let arrived = gate.wait_for_arrivals(2, || {
        children.iter_mut().any(|child| child.try_wait().unwrap().is_some())
    });
    gate.open();
    let ended =
        children.map(|child| Ended::new(child.wait_with_output().unwrap(), started.elapsed()));
    assert!(arrived, "{}\n{}", ended[0].stderr, ended[1].stderr);
    ended
}

fn statuses(ended: &[Ended; 2]) -> Vec<String> {
    let mut statuses: Vec<String> =
        ended.iter().map(|ended| ended.field("/status").unwrap_or_default()).collect();
    statuses.sort();
    statuses
}

#[test]
fn one_stores_and_the_other_finds_it() {
    let server = S3Server::builder().bucket("vault", BucketSettings::versioned()).start_blocking();
    let desk = Desk::at(&server);
    let ended = race(&server, &desk);
    assert_eq!(statuses(&ended), ["already_stored", "stored"]);
    let vault = server.bucket("vault");
    let bundles = vault.keys_under("team/bundles/");
    assert_eq!(vault.versions(&bundles[0]).len(), 1);
    assert_eq!(desk.listed().len(), 1);
}

#[test]
fn where_the_store_ignores_the_condition_both_say_checked_and_never_enforced() {
    let server = S3Server::builder().bucket("vault", BucketSettings::versioned()).start_blocking();
    server.faults().on(Op::PutObject).ignore_conditions();
    let desk = Desk::at(&server);
    let ended = race(&server, &desk);
    assert_eq!(statuses(&ended), ["stored", "stored"]);
    for ended in &ended {
        assert_eq!(ended.field("/create_only").as_deref(), Some("checked"));
    }
    assert_ne!(ended[0].field("/version_id"), ended[1].field("/version_id"));
    assert_eq!(desk.listed().len(), 1);
    desk.push().assert_kept("already_stored");
}

#[test]
fn two_pushes_into_a_directory_store_once() {
    let desk = Desk::at_a_file_store();
    let started = std::time::Instant::now();
    let children = [desk.start_push(), desk.start_push()];
    let ended =
        children.map(|child| Ended::new(child.wait_with_output().unwrap(), started.elapsed()));
    assert_eq!(
        statuses(&ended),
        ["already_stored", "stored"],
        "{}{}",
        ended[0].stderr,
        ended[1].stderr
    );
}
