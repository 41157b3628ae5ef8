//! list, pull, reindex

use std::fs;

use serde_json::{Value, json};

use crate::room::{Room, names_in};
use crate::schema::{assert_valid, assert_valid_part};

fn pushed(room: &Room, run_id: &str) -> String {
    let push = ["evidence", "push", "results", "--run-id", run_id, "--format", "json"];
    let receipt = room.on_store(&push).exits(0).json();
    receipt["bundle_id"].as_str().expect("an id").to_owned()
}

#[test]
fn what_was_pushed_is_listed_by_run_and_by_day() {
    let room = Room::with_results();
    let first = pushed(&room, "1");
    room.write("results/more", "more\n");
    let second = pushed(&room, "2");
    let ids = |arguments: &[&str]| -> Vec<String> {
        let list = [&["evidence", "list", "--format", "json"], arguments].concat();
        let document = room.on_store(&list).exits(0).json();
        assert_valid(&document, "list");
        let bundles = document["bundles"].as_array().expect("bundles");
        bundles.iter().map(|row| row["bundle_id"].as_str().expect("an id").to_owned()).collect()
    };
    assert_eq!(ids(&["--run-id", "1"]), [first.as_str()]);
    assert_eq!(ids(&["--run-id", "2"]), [second.as_str()]);
    assert_eq!(ids(&["--run-id", "3"]), [""; 0]);
    let mut all = ids(&["--after", "2020-01-01"]);
    all.sort();
    let mut expected = [first, second];
    expected.sort();
    assert_eq!(all, expected);
    assert_eq!(ids(&["--before", "2020-01-01"]), [""; 0]);
    assert_eq!(ids(&["--limit", "1"]).len(), 1);
}

#[test]
fn days_that_nothing_can_be_between_are_refused() {
    let room = Room::with_results();
    let list = ["evidence", "list", "--after", "2021-01-01", "--before", "2020-01-01"];
    let refused = room.on_store(&list).exits(2);
    assert!(refused.stderr.contains("--after is not before --before"), "{}", refused.stderr);
}

#[test]
fn ndjson_is_one_bundle_a_line() {
    let room = Room::with_results();
    pushed(&room, "1");
    room.write("results/more", "more\n");
    pushed(&room, "1");
    let listed = room.on_store(&["evidence", "list", "--format", "ndjson"]).exits(0);
    assert_eq!(listed.stdout.lines().count(), 2);
    for line in listed.stdout.lines() {
        let row: Value = serde_json::from_str(line).expect(line);
        assert_valid_part(&row, "list", "/$defs/bundle");
    }
}

#[test]
fn a_reference_whose_bundle_is_not_there_is_shown_as_pending() {
    let room = Room::with_results();
    let id = pushed(&room, "1");
    fs::remove_file(room.stored(&format!("bundles/{id}.tar.gz"))).expect("removed");
    let listed = room.on_store(&["evidence", "list", "--format", "json"]).exits(0).json();
    assert_eq!(listed["bundles"][0]["state"], "pending");
    let shown = room.on_store(&["evidence", "list"]).exits(0).stdout;
    assert!(shown.starts_with("pending ") && shown.contains(&id), "{shown}");
    room.on_store(&["evidence", "pull", "--bundle-id", &id, "--out", "back"]).exits(7);
}

#[test]
fn a_bundle_comes_back_with_equal_content() {
    let room = Room::with_results();
    room.run(&["evidence", "bundle", "results"]).exits(0);
    let id = pushed(&room, "1");
    let pull = ["evidence", "pull", "--bundle-id", &id, "--out", "back.tar.gz"];
    let document = room.on_store(&[&pull[..], &["--format", "json"]].concat()).exits(0).json();
    assert_valid(&document, "pull");
    assert_eq!(document["pulled"][0]["bundle_id"], id);
    room.run(&["evidence", "verify", "back.tar.gz", "--bundle-id", &id]).exits(0);
    assert_eq!(room.names(), ["back.tar.gz", "results", "results.strongroom.tar.gz"]);
    room.on_store(&pull).exits(6);
    room.on_store(&[&pull[..], &["--force"]].concat()).exits(0);
}

#[test]
fn a_run_comes_back_into_a_directory_and_a_part_of_it_is_called_so() {
    let room = Room::with_results();
    let first = pushed(&room, "1");
    room.write("results/more", "more\n");
    let second = pushed(&room, "1");
    let pull = ["evidence", "pull", "--run-id", "1", "--out", "back", "--format", "json"];
    let whole = room.on_store(&pull).exits(0).json();
    assert_valid(&whole, "pull");
    assert_eq!(names_in(&room.path("back")).len(), 2);
    let damaged = room.stored(&format!("bundles/{second}.tar.gz"));
    fs::write(&damaged, "garbage").expect("written");
    let pull = ["evidence", "pull", "--run-id", "1", "--out", "part", "--format", "json"];
    let part = room.on_store(&pull).exits(13);
    assert_valid(&part.json(), "pull");
    assert_eq!(part.json()["missing"][0]["bundle_id"], second);
    assert_eq!(names_in(&room.path("part")), [format!("{first}.tar.gz")]);
    assert_valid(&part.json_error(), "error");
    let store = room.store();
    let pull = ["evidence", "pull", "--run-id", "1", "--out", "unread", "--store", &store];
    room.run_unread(&pull).exits(13);
}

#[test]
fn what_the_folder_held_already_is_not_called_pulled() {
    let room = Room::with_results();
    let id = pushed(&room, "1");
    let pull = ["evidence", "pull", "--run-id", "1", "--out", "back"];
    assert!(room.on_store(&pull).exits(0).stdout.starts_with(&format!("pulled {id}\n")));
    let again = room.on_store(&pull).exits(0).stdout;
    assert!(again.starts_with(&format!("already there {id}\n")), "{again}");
    assert!(again.contains("verified  every byte of the file that was there"), "{again}");
}

#[test]
fn a_mistyped_directory_is_no_empty_store() {
    let room = Room::with_results();
    let list = room.on_store(&["evidence", "list"]).exits(7);
    assert!(list.stderr.starts_with("error: there is no store at /"), "{}", list.stderr);
    room.on_store(&["evidence", "pull", "--run-id", "1", "--out", "back"]).exits(7);
    room.on_store(&["evidence", "reindex"]).exits(7);
    pushed(&room, "1");
    room.on_store(&["evidence", "list"]).exits(0);
    // Nobody named the embedded one, so nobody mistyped it.
    Room::new().run(&["evidence", "list"]).exits(0);
}

#[test]
fn a_damaged_stored_bundle_never_appears() {
    let room = Room::with_results();
    let id = pushed(&room, "1");
    fs::write(room.stored(&format!("bundles/{id}.tar.gz")), "garbage").expect("written");
    room.on_store(&["evidence", "pull", "--bundle-id", &id, "--out", "back"]).exits(3);
    assert_eq!(room.names(), ["results"]);
}

#[test]
fn what_is_not_there_is_not_found() {
    let room = Room::new();
    let id = format!("sha256:{}", "0".repeat(64));
    room.on_store(&["evidence", "pull", "--bundle-id", &id, "--out", "back"]).exits(7);
    room.on_store(&["evidence", "pull", "--run-id", "x", "--out", "back"]).exits(7);
    assert_eq!(room.names(), [""; 0]);
}

#[test]
fn lost_references_are_rebuilt() {
    let room = Room::with_results();
    let id = pushed(&room, "lost run");
    for folder in ["runs", "index"] {
        fs::remove_dir_all(room.stored(folder)).expect("removed");
    }
    let list = ["evidence", "list", "--run-id", "lost run", "--format", "json"];
    assert_eq!(room.on_store(&list).exits(0).json()["bundles"], json!([]));
    let report = room.on_store(&["evidence", "reindex", "--format", "json"]).exits(0).json();
    assert_valid(&report, "reindex");
    assert_eq!((&report["bundles"], &report["references_added"]), (&json!(1), &json!(2)));
    assert_eq!(room.on_store(&list).exits(0).json()["bundles"][0]["bundle_id"], id);
    let shown = room.on_store(&["evidence", "reindex"]).exits(0).stdout;
    assert_eq!(shown, "reindexed 1 bundle\n  added  nothing: no reference was missing\n");
}
