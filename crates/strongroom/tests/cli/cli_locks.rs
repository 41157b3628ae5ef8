//! Retention and holds on stored evidence, from the command line: what it says, and how it ends.

use std::fs;

use serde_json::{Value, json};
use strongroom_testkit::S3Server;
use strongroom_testkit::s3::{BucketSettings, Op};

use crate::room::{Outcome, Room, names_in};
use crate::schema::assert_valid;

/// A room whose store holds one bundle under a governance lock until 2098.
fn room_with_a_bundle() -> (Room, String) {
    let room = Room::with_results();
    let push = ["evidence", "push", "results", "--retain-until", "2098-01-01", "--format=json"];
    let receipt = room.on_store(&push).exits(0).json();
    (room, receipt["bundle_id"].as_str().expect("an id").to_owned())
}

fn run(room: &Room, words: &str, id: &str, more: &[&str]) -> Outcome {
    let words: Vec<&str> = words.split(' ').collect();
    room.on_store(&[&words[..], &["--bundle-id", id], more].concat())
}

fn json_of(room: &Room, words: &str, id: &str, more: &[&str]) -> Value {
    let document = run(room, words, id, &[more, &["--format=json"]].concat()).exits(0).json();
    assert_valid(&document, if words.ends_with("show") { "retention" } else { "lock-change" });
    document
}

const EXTEND: &str = "evidence retention extend";
const SHOW: &str = "evidence retention show";
const PLACE: &str = "evidence hold place";
const RELEASE: &str = "evidence hold release";

#[test]
fn a_bundle_is_extended_and_shown_beside_what_its_records_promise() {
    let (room, id) = room_with_a_bundle();
    let until = ["--retain-until", "2099-01-01", "--reason", "policy", "--by", "archivist"];
    let planned = json_of(&room, EXTEND, &id, &[&until[..], &["--dry-run"]].concat());
    assert_eq!((&planned["status"], &planned["records"]), (&json!("planned"), &json!([])));
    let extended = json_of(&room, EXTEND, &id, &until);
    assert_eq!(extended["status"], "changed");
    assert_eq!(extended["objects"][0]["retention"]["retain_until"], "2099-01-01T00:00:00Z");
    let shown = json_of(&room, SHOW, &id, &[]);
    assert_eq!(shown["objects"][0]["standing"], "kept");
    assert_eq!(
        shown["objects"][0]["promised_retention"],
        json!({"mode": "governance", "retain_until": "2099-01-01T00:00:00Z"})
    );
    assert_eq!(json_of(&room, EXTEND, &id, &until)["status"], "unchanged");
    let text = run(&room, SHOW, &id, &[]).exits(0).stdout;
    room.snapshot("retention_show", &masked(&text));
}

/// Text without the ids that differ from run to run.
fn masked(text: &str) -> String {
    let mut shown = String::new();
    for word in text.split_inclusive([' ', '\n', '/', '.']) {
        let bare = word.trim_end_matches([' ', '\n', '/', '.']);
        match bare.parse::<uuid::Uuid>() {
            Ok(_) => shown.push_str(&word.replace(bare, "[uuid]")),
            Err(_) => shown.push_str(word),
        }
    }
    shown
}

#[test]
fn a_lock_is_never_made_shorter_or_weaker() {
    let (room, id) = room_with_a_bundle();
    let earlier = run(&room, EXTEND, &id, &["--retain-until", "2097-01-01"]).exits(5);
    assert!(earlier.stderr.contains("a lock is never shortened"), "{}", earlier.stderr);
    let compliance = ["--retain-until", "2098-06-01", "--lock", "compliance"];
    let unaccepted = run(&room, EXTEND, &id, &compliance).exits(5);
    assert!(unaccepted.stderr.contains("--allow-advisory-lock"), "{}", unaccepted.stderr);
    let advisory = [&compliance[..], &["--allow-advisory-lock"]].concat();
    let unaccepted = run(&room, EXTEND, &id, &advisory).exits(2);
    assert!(unaccepted.stderr.contains("--yes-lock-until 2098-06-01"), "{}", unaccepted.stderr);
    let accepted = [&advisory[..], &["--yes-lock-until", "2098-06-01"]].concat();
    json_of(&room, EXTEND, &id, &accepted);
    let weaker = ["--retain-until", "2099-01-01", "--lock", "governance"];
    let weaker = run(&room, EXTEND, &id, &weaker).exits(5);
    assert!(weaker.stderr.contains("never made governance"), "{}", weaker.stderr);
}

#[test]
fn a_hold_is_placed_shown_and_released_and_every_step_is_a_record() {
    let (room, id) = room_with_a_bundle();
    let words = ["--reason", "case 17", "--by", "counsel"];
    let placed = json_of(&room, PLACE, &id, &words);
    let hold = placed["hold_id"].as_str().expect("a hold").to_owned();
    assert_eq!(placed["objects"][0]["hold_before"], "off");
    assert_eq!(json_of(&room, PLACE, &id, &words)["status"], "unchanged");
    let shown = json_of(&room, SHOW, &id, &[]);
    assert_eq!(shown["holds"][0]["hold_id"], json!(hold));
    let text = run(&room, SHOW, &id, &[]).exits(0).stdout;
    assert!(text.contains("legal hold  on") && text.contains("counsel: case 17"), "{text}");

    let release = ["--hold-id", &hold, "--reason", "closed"];
    let planned = json_of(&room, RELEASE, &id, &[&release[..], &["--dry-run"]].concat());
    assert_eq!(planned["objects"][0]["state"], "would_change");
    let released = json_of(&room, RELEASE, &id, &release);
    assert_eq!(released["objects"][0]["legal_hold"], false);
    assert_eq!(json_of(&room, SHOW, &id, &[])["holds"], json!([]));

    let folder = room.stored(&format!("records/{id}"));
    let mut kinds = Vec::new();
    for name in names_in(&folder) {
        let bytes = fs::read(folder.join(name)).expect("a record");
        let record: Value = serde_json::from_slice(&bytes).expect("JSON");
        match record["schema"].as_str() {
            Some("strongroom.receipt/v1") => assert_valid(&record, "receipt"),
            _ => {
                assert_valid(&record, "record");
                kinds.push(record["kind"].as_str().expect("a kind").to_owned());
            }
        }
    }
    kinds.sort();
    assert_eq!(kinds, ["hold_begun", "hold_placed", "hold_released", "release_begun"]);
}

#[test]
fn nobody_is_named_who_was_not_asked_for() {
    let (room, id) = room_with_a_bundle();
    let room = room.env("USER", "somebody").env("LOGNAME", "somebody");
    json_of(&room, PLACE, &id, &["--reason", "case 17"]);
    let folder = room.stored(&format!("records/{id}"));
    for name in names_in(&folder) {
        let text = fs::read_to_string(folder.join(name)).expect("a record");
        assert!(!text.contains("somebody") && !text.contains("\"by\""), "{text}");
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    let (room, id) = room_with_a_bundle();
    let unknown = ["--hold-id", "00000000-0000-7000-8000-000000000000", "--reason", "x"];
    let refused = run(&room, RELEASE, &id, &unknown).exits(7);
    assert!(refused.stderr.contains("retention show"), "{}", refused.stderr);
    let absent = format!("sha256:{}", "00".repeat(32));
    run(&room, SHOW, &absent, &[]).exits(7);
    run(&room, EXTEND, &absent, &["--retain-until", "2099-01-01"]).exits(7);
    run(&room, PLACE, &id, &["--reason", " "]).exits(2);
    run(&room, PLACE, &id, &[]).exits(2);
}

#[test]
fn a_hold_that_another_client_cleared_is_not_as_promised() {
    let server = S3Server::builder().bucket("evidence", BucketSettings::locked()).start_blocking();
    let room = crate::cli_bucket::on(Room::with_results(), &server);
    let push = ["evidence", "push", "results", "--legal-hold", "--format=json"];
    let receipt = room.run(&push).exits(0).json();
    let id = receipt["bundle_id"].as_str().expect("an id");
    let show = ["evidence", "retention", "show", "--bundle-id", id, "--format=json"];
    let shown = room.run(&show).exits(0).json();
    assert_valid(&shown, "retention");
    assert_eq!(shown["holds"][0]["by_push"], true);

    server.faults().on(Op::GetObjectLegalHold).key_contains("bundles/").answer(403);
    let unread = room.run(&show).exits(5);
    assert_eq!(unread.json()["objects"][0]["standing"], "unobserved");
    assert_valid(&unread.json(), "retention");
    assert!(unread.stderr.contains("could not be read"), "{}", unread.stderr);
}

#[test]
fn the_records_of_a_hold_come_under_a_compliance_lock_only_where_that_is_accepted() {
    let server = S3Server::builder().bucket("evidence", BucketSettings::locked()).start_blocking();
    let room = crate::cli_bucket::on(Room::with_results(), &server);
    let until = ["--retain-until", "2099-01-01", "--lock", "compliance"];
    let push = [&["evidence", "push", "results", "--format=json"][..], &until].concat();
    let accepted = ["--yes-lock-until", "2099-01-01"];
    let receipt = room.run(&[&push[..], &accepted].concat()).exits(0).json();
    let id = receipt["bundle_id"].as_str().expect("an id");
    let place = ["evidence", "hold", "place", "--bundle-id", id, "--reason", "x", "--format=json"];
    let refused = room.run(&place).exits(2);
    assert!(refused.stderr.contains("--yes-lock-until 2099-01-01"), "{}", refused.stderr);
    assert_eq!(server.bucket("evidence").keys_under("team/records/").len(), 1);
    let placed = room.run(&[&place[..], &accepted].concat()).exits(0).json();
    assert_valid(&placed, "lock-change");
    assert!(placed["objects"][0]["version_id"].is_string());
}
