//! kill -9 at every request of a push: nothing partial under the final key, nothing lost, and the
//! same push again finishes.

use std::thread;

use strongroom_testkit::S3Server;
use strongroom_testkit::s3::BucketSettings;

use crate::Desk;

/// What becomes of the request that was under way when the program died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LastRequest {
    /// It never reached the store.
    Undone,
    /// The store did it, and the answer found nobody.
    Done,
}

/// More requests than any push here sends.
const REQUESTS_MAX: usize = 100;

#[test]
fn a_push_of_a_small_bundle_can_be_killed_before_any_request_is_done() {
    kill_at_every_request(LastRequest::Undone, Desk::at);
}

#[test]
fn a_push_of_a_small_bundle_can_be_killed_after_any_request_was_done() {
    kill_at_every_request(LastRequest::Done, Desk::at);
}

#[test]
fn a_push_in_parts_can_be_killed_before_any_request_is_done() {
    kill_at_every_request(LastRequest::Undone, |server| Desk::at(server).with_a_big_run());
}

#[test]
fn a_push_in_parts_can_be_killed_after_any_request_was_done() {
    kill_at_every_request(LastRequest::Done, |server| Desk::at(server).with_a_big_run());
}

fn kill_at_every_request(last: LastRequest, desk_at: impl Fn(&S3Server) -> Desk + Sync) {
    // Two at a time, for most of each turn is waiting for the program.
    let turns = |first: usize| {
        let mut k = first;
        while killed_at(k, last, &desk_at) {
            k += 2;
            assert!(k < REQUESTS_MAX, "a push does not end");
        }
        k
    };
    let ends = thread::scope(|scope| {
        [scope.spawn(|| turns(1)), scope.spawn(|| turns(2))].map(|half| half.join().unwrap())
    });
    // A push that came to its end before the first kill would prove nothing.
    assert!(ends.iter().all(|k| *k > 5), "only {ends:?} requests were met");
}

/// Kills a push at its `k`-th request and looks at what it left. `false`: the push has fewer.
fn killed_at(k: usize, last: LastRequest, desk_at: impl Fn(&S3Server) -> Desk) -> bool {
    let server = S3Server::builder().bucket("vault", BucketSettings::locked()).start_blocking();
    let desk = desk_at(&server);
    let held = server.faults().on_any().from(k);
    let held = match last {
        LastRequest::Undone => held.hold_before(),
        LastRequest::Done => held.hold_after_commit(),
    };
    let mut child = desk.start_push();
    let met = held.wait_for_arrivals(1, || child.try_wait().unwrap().is_some());
    // SIGKILL; a child that has ended already takes it without harm.
    child.kill().unwrap();
    child.wait().unwrap();
    held.cut_off();
    server.faults().clear();
    if !met {
        return false;
    }

    let at = format!("killed at request {k}, which was {last:?}");
    let vault = server.bucket("vault");
    let bundles = vault.keys_under("team/bundles/");
    let listed = desk.listed();
    if let Some(key) = bundles.first() {
        // What is under the final key is whole, and a list finds it.
        let id = key.trim_start_matches("team/bundles/").trim_end_matches(".tar.gz");
        assert_eq!(listed, [(id.to_owned(), "present".to_owned())], "{at}");
        let pull = ["evidence", "pull", "--bundle-id", id, "--out", "left.tar.gz"];
        let pulled = desk.strongroom(&pull);
        assert_eq!(pulled.exit, Some(0), "{at}: {}", pulled.stderr);
    } else {
        assert!(listed.iter().all(|(_, state)| state == "pending"), "{at}: {listed:?}");
    }

    let again = desk.push();
    assert_eq!(again.exit, Some(0), "{at}: {}", again.stderr);
    let id = again.field("/bundle_id").unwrap();
    assert_eq!(vault.versions(&format!("team/bundles/{id}.tar.gz")).len(), 1, "{at}");
    assert_eq!(desk.listed(), [(id.clone(), "present".to_owned())], "{at}");
    assert!(!vault.keys_under(&format!("team/records/{id}/")).is_empty(), "{at}: no receipt");
    true
}
