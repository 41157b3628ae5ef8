//! `strongroom store …`: the analysis of a directory, its files, drift, the table, and cleaning up.

use std::fs;

use serde_json::Value;

use crate::room::Room;
use crate::schema::assert_valid;

/// The fewest checks that there are.
const CHECKS_MIN: usize = 60;

fn store(room: &Room) -> String {
    let folder = room.path("vault");
    fs::create_dir_all(&folder).expect("a folder");
    format!("file://{}", folder.display())
}

fn read(room: &Room, name: &str) -> String {
    fs::read_to_string(room.path(name)).expect(name)
}

fn check<'r>(report: &'r Value, id: &str) -> &'r Value {
    let checks = report["checks"].as_array().expect("checks");
    checks.iter().find(|check| check["id"] == id).unwrap_or_else(|| panic!("no check {id}"))
}

#[test]
fn a_directory_is_not_worm_and_the_report_says_why() {
    let room = Room::new();
    let url = store(&room);
    let report = room
        .run(&["store", "analyze", &url, "--full", "--format", "json", "--require", "worm"])
        .exits(9);
    assert!(report.stderr.contains("lock.in_put"), "{}", report.stderr);
    let report = report.json();
    assert_valid(&report, "store-analysis");
    assert!(report["checks"].as_array().expect("checks").len() >= CHECKS_MIN);
    assert_eq!(check(&report, "lock.in_put")["verdict"], "not_enforced");
    assert_eq!(check(&report, "create_only.put")["verdict"], "enforced");
    assert_eq!(check(&report, "create_only.put_raced")["verdict"], "enforced");
    assert_eq!(check(&report, "keys.odd")["verdict"], "enforced");
    let raw = check(&report, "governance.delete_version");
    assert_eq!(
        (&raw["verdict"], &raw["unobserved"]),
        (&"unobserved".into(), &"unsupported_backend".into())
    );
    assert_eq!(report["verdict"], "not_enforced");
}

#[test]
fn what_a_directory_keeps_locked_is_listed_and_cleaned_up_later() {
    let room = Room::new();
    let url = store(&room);
    let report =
        room.run(&["store", "analyze", &url, "--format", "json", "--max-lock", "15s"]).exits(0);
    let report = report.json();
    let leftovers = report["leftovers"].as_array().expect("leftovers");
    assert!(!leftovers.is_empty());
    for leftover in leftovers {
        assert!(leftover["locked_until"].is_string(), "{leftover}");
        assert_eq!(leftover["run"], report["run"]);
    }
    let run = report["run"].as_str().expect("a run");
    let still =
        room.run(&["store", "analyze", &url, "--cleanup", run, "--format", "json"]).exits(0);
    assert_valid(&still.json(), "store-cleanup");
    assert_eq!(still.json()["leftovers"].as_array().map(Vec::len), Some(leftovers.len()));
}

#[test]
fn the_report_goes_into_files_that_other_commands_read() {
    let room = Room::new();
    let url = store(&room);
    let files = ["--report", "a.json", "--markdown", "a.md", "--statement", "a.intoto.json"];
    let mut analyze = vec!["store", "analyze", &url, "--quick", "--seed", "7"];
    analyze.extend(files);
    let seen = room.run(&analyze).exits(0).stdout;
    assert!(seen.contains("(seed 7)"), "{seen}");
    let report: Value = serde_json::from_str(&read(&room, "a.json")).expect("json");
    assert_valid(&report, "store-analysis");
    assert!(read(&room, "a.md").starts_with("# Analysis of file://"));
    let statement: Value = serde_json::from_str(&read(&room, "a.intoto.json")).expect("json");
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(statement["predicate"], report);

    let same =
        room.run(&["store", "watch", &url, "--since", "a.json", "--format", "json"]).exits(0);
    assert_valid(&same.json(), "store-drift");
    assert_eq!(same.json()["changes"], Value::Array(Vec::new()));

    let mut earlier = report.clone();
    let checks = earlier["checks"].as_array_mut().expect("checks");
    let put = checks.iter_mut().find(|check| check["id"] == "create_only.put").expect("a check");
    put["verdict"] = "not_enforced".into();
    room.write("b.json", earlier.to_string());
    let drift =
        room.run(&["store", "watch", &url, "--since", "b.json", "--format", "json"]).exits(12);
    assert_valid(&drift.json(), "store-drift");
    assert_eq!(drift.json()["changes"][0]["what"], "create_only.put");
    assert_eq!(drift.json()["changes"][0]["direction"], "better");

    let table = room.run(&["store", "table", "a.json", "b.json"]).exits(0).stdout;
    assert!(table.contains("| `create_only.put` | yes | no |"), "{table}");
    room.write("page.md", "before\n<!-- begin: strongroom store table -->\nstale\n<!-- end: strongroom store table -->\nafter\n");
    room.run(&["store", "table", "--into", "page.md", "a.json"]).exits(0);
    let page = read(&room, "page.md");
    assert!(page.starts_with("before\n") && page.ends_with("after\n"), "{page}");
    assert!(page.contains("| `create_only.put` | yes |") && !page.contains("stale"), "{page}");
    room.write("page.md", "no marks\n");
    room.run(&["store", "table", "--into", "page.md", "a.json"]).exits(2);
}

#[test]
fn a_store_is_named_once_and_reports_are_what_they_say() {
    let room = Room::new();
    let url = store(&room);
    room.run(&["store", "analyze", &url, "--store", &url]).exits(2);
    room.run(&["store", "analyze", "file:///nowhere/at/all"]).exits(7);
    room.run(&["store", "analyze", &url, "--max-lock", "1d"]).exits(2);
    room.run(&["store", "analyze", &url, "--report", "no/such/folder.json"]).exits(2);
    room.write("x.json", "{\"schema\":\"strongroom.receipt/v1\"}");
    room.run(&["store", "watch", &url, "--since", "x.json"]).exits(2);
    room.run(&["store", "table", "absent.json"]).exits(1);
}

#[test]
fn a_budget_that_is_used_up_leaves_checks_unobserved_and_says_so() {
    let room = Room::new();
    let url = store(&room);
    let report = room
        .run(&["store", "analyze", &url, "--budget-requests", "0", "--format", "json"])
        .exits(0)
        .json();
    assert_eq!(check(&report, "create_only.put")["unobserved"], "not_probed");
    assert_eq!(report["leftovers"], Value::Array(Vec::new()));
}
