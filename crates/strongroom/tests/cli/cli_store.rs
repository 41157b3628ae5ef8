//! `strongroom store …`: the analysis of a directory, its files, drift, the table, and cleaning up.

use std::fs;
use std::io::{Read as _, Write as _};
use std::process::Stdio;

use jiff::SignedDuration;
use serde_json::Value;
use strongroom_core::retention::LockMode;
use strongroom_testkit::S3Server;
use strongroom_testkit::s3::{BucketSettings, Op};

use crate::cli_bucket::on;
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

/// A real kill -9 in the middle: the next run lists what is left, a clean-up takes what nothing holds,
/// and one after the locks takes the rest. Nothing else is touched.
#[test]
fn what_a_killed_analysis_left_is_listed_by_the_next_and_cleaned_up() {
    let server = S3Server::builder().bucket("evidence", BucketSettings::locked()).start_blocking();
    let bucket = server.bucket("evidence");
    bucket.put("team/.strongroom-analysis/readme.txt", "somebody else's");
    bucket.put("team/bundles/evidence", "somebody else's");
    let foreign = bucket.keys();
    let room = on(Room::new(), &server);
    let analyze = ["store", "analyze", "--quick", "--format", "json"];
    let cleanup = |which: &str| {
        let cleaned = room.run(&["store", "analyze", "--cleanup", which, "--format", "json"]);
        cleaned.exits(0).json()["leftovers"].as_array().expect("leftovers").clone()
    };

    let gate = server.faults().on(Op::PutObject).nth(20).hold_before();
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("strongroom"));
    room.dress(&mut command).args(analyze).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("it runs");
    assert!(gate.wait_for_arrivals(1, || false), "the analysis writes");
    child.kill().expect("SIGKILL");
    child.wait().expect("it ends");
    gate.open();
    server.faults().clear();
    let left = bucket.keys_under("team/.strongroom-analysis/0");
    assert!(!left.is_empty());

    let report = room.run(&analyze).exits(0).json();
    let leftovers = report["leftovers"].as_array().expect("leftovers");
    let killed = leftovers.iter().find(|leftover| leftover["run"] != report["run"]);
    let killed = killed.expect("the killed run")["run"].as_str().expect("a name").to_owned();
    assert!(left.iter().all(|key| key.contains(&killed)), "{killed}: {left:?}");
    let of_killed = |leftovers: &[Value]| -> Vec<Value> {
        leftovers.iter().filter(|leftover| leftover["run"] == killed.as_str()).cloned().collect()
    };
    assert!(of_killed(leftovers).iter().any(|leftover| leftover["locked_until"].is_null()));
    let held = of_killed(&cleanup(&killed));
    assert!(held.iter().all(|leftover| leftover["locked_until"].is_string()), "{held:?}");

    server.clock().advance(SignedDuration::from_hours(1));
    assert_eq!(cleanup("all"), [] as [Value; 0]);
    assert_eq!(bucket.keys(), foreign);
}

/// Somebody switches off what the store was chosen for.
#[test]
fn a_bucket_that_is_configured_otherwise_is_told_by_watch() {
    let kept = BucketSettings::locked().default_retention(LockMode::Governance, 1);
    let server = S3Server::builder().bucket("evidence", kept.clone()).start_blocking();
    let room = on(Room::new(), &server);
    let until = server.clock().now().checked_add(SignedDuration::from_hours(48)).expect("a time");
    let until = until.strftime("%F").to_string();
    let watch = ["store", "watch", "--since", "before.json", "--yes-lock-until", &until];
    room.run(&[
        "store",
        "analyze",
        "--quick",
        "--report",
        "before.json",
        "--yes-lock-until",
        &until,
    ])
    .exits(0);
    room.run(&watch).exits(0);

    server.bucket("evidence").set_up(BucketSettings::locked());
    let drift = room.run(&[&watch[..], &["--format", "json"]].concat()).exits(12).json();
    assert_valid(&drift, "store-drift");
    let changes = drift["changes"].as_array().expect("changes");
    let posture = changes.iter().find(|change| change["what"] == "posture.default_retention");
    assert_eq!(posture.expect("the default")["direction"], "worse", "{drift}");
    server.bucket("evidence").set_up(kept);
    room.run(&watch).exits(0);
}

/// At a terminal: the date that is shown is typed, or nothing is locked.
#[test]
fn a_date_is_typed_before_any_compliance_lock() {
    for (accepts, expected) in [(true, "enforced"), (false, "unobserved")] {
        let server =
            S3Server::builder().bucket("evidence", BucketSettings::locked()).start_blocking();
        let room = on(Room::new(), &server);
        let program = assert_cmd::cargo::cargo_bin("strongroom");
        let analyze = format!("{} store analyze --quick --report a.json", program.display());
        // A pseudo-terminal, as util-linux makes it.
        let mut command = std::process::Command::new("script");
        room.dress(&mut command).args(["--quiet", "--return", "--command", &analyze, "/dev/null"]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("script(1) runs");
        let mut shown = Vec::new();
        let mut output = child.stdout.take().expect("its output");
        let asked = loop {
            let mut byte = [0];
            output.read_exact(&mut byte).expect("it asks");
            shown.push(byte[0]);
            let text = String::from_utf8_lossy(&shown);
            if let Some((_, rest)) = text.split_once("Type the date (")
                && let Some((date, _)) = rest.split_once(')')
            {
                break date.to_owned();
            }
        };
        let typed = if accepts { asked } else { String::new() };
        let mut input = child.stdin.take().expect("its input");
        input.write_all(format!("{typed}\n").as_bytes()).expect("typed");
        output.read_to_end(&mut shown).expect("read to its end");
        assert!(child.wait().expect("it ends").success(), "{}", String::from_utf8_lossy(&shown));
        let report: Value = serde_json::from_str(&read(&room, "a.json")).expect("json");
        assert_eq!(check(&report, "compliance.delete_version")["verdict"], expected);
        assert_eq!(report["consent"]["accepted_until"].is_string(), accepts);
    }
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
