//! audit

use std::fs;

use serde_json::{Value, json};
use strongroom_core::{BundleId, Sha256Digest, layout};
use strongroom_testkit::S3Server;
use strongroom_testkit::s3::{BucketSettings, Op};

use crate::cli_bucket::on;
use crate::room::Room;
use crate::schema::{assert_valid, assert_valid_part};

const AUDIT: [&str; 4] = ["evidence", "audit", "--format", "json"];

fn pushed(room: &Room, run_id: &str) -> String {
    room.write(&format!("results/{run_id}"), run_id);
    let push = ["evidence", "push", "results", "--run-id", run_id, "--format", "json"];
    let receipt = room.on_store(&push).exits(0).json();
    receipt["bundle_id"].as_str().expect("an id").to_owned()
}

fn kinds(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().expect("findings");
    findings.iter().map(|finding| finding["kind"].as_str().expect("a kind")).collect()
}

#[test]
fn a_store_that_nobody_touched_has_no_findings() {
    let room = Room::with_results();
    pushed(&room, "1");
    pushed(&room, "2");
    for more in [&[][..], &["--all"], &["--read-data"], &["--run-id", "1"], &["--sample", "1/1"]] {
        let report = room.on_store(&[&AUDIT[..], more].concat()).exits(0).json();
        assert_valid(&report, "audit");
        assert_eq!((&report["findings"], &report["complete"]), (&json!([]), &json!(true)));
    }
    room.snapshot("audit-clean", &room.on_store(&["evidence", "audit"]).exits(0).stdout);
}

#[test]
fn bytes_that_were_changed_exit_3_and_are_told_in_every_form() {
    let room = Room::with_results();
    let id = pushed(&room, "1");
    let archive = room.stored(&format!("bundles/{id}.tar.gz"));
    let mut bytes = fs::read(&archive).expect("the archive");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&archive, bytes).expect("written");
    room.on_store(&["evidence", "audit"]).exits(0);

    let page = room.path("audit.md").display().to_string();
    let audit = [&AUDIT[..], &["--read-data", "--markdown", &page]].concat();
    let told = room.on_store(&audit).exits(3);
    assert_valid(&told.json(), "audit");
    assert_eq!(kinds(&told.json()), ["bytes_wrong"]);
    assert_eq!(told.json()["findings"][0]["bundle_id"], id);
    assert_eq!(told.json()["estimate"]["cost"]["bundles"], 1);
    let (note, error) = told.stderr.split_once('\n').expect("a note and an error");
    assert!(note.starts_with("note: reading ") && note.contains("1 archive"), "{note}");
    assert_valid(&serde_json::from_str(error).expect(error), "error");
    let page = fs::read_to_string(page).expect("a page");
    assert!(page.contains(&format!("- **bytes wrong** `{id}`")), "{page}");

    let lines = room.on_store(&["evidence", "audit", "--read-data", "--format", "ndjson"]).exits(3);
    let lines: Vec<Value> =
        lines.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let [finding, report] = lines.as_slice() else { panic!("{lines:?}") };
    assert_valid_part(finding, "audit", "/$defs/finding");
    assert_valid(report, "audit");
    assert_eq!((&report["findings"], &report["counts"]), (&json!([]), &json!({"bytes_wrong": 1})));
}

#[test]
fn a_directory_that_was_tampered_with_is_told_to_a_person() {
    let room = Room::with_results();
    let missing = pushed(&room, "1");
    let unlocked = {
        room.write("results/2", "2");
        let push = ["evidence", "push", "results", "--retain-until", "2099-01-01"];
        let receipt = room.on_store(&[&push[..], &["--format", "json"]].concat()).exits(0).json();
        receipt["bundle_id"].as_str().expect("an id").to_owned()
    };
    fs::remove_file(room.stored(&format!("bundles/{missing}.tar.gz"))).expect("removed");
    fs::write(room.stored("runs/notes.txt"), "hello").expect("written");
    let told = room.on_store(&["evidence", "audit"]).exits(12);
    let ids = told.stdout.replace(&missing, "[missing]").replace(&unlocked, "[unlocked]");
    room.snapshot("audit-findings", &format!("{ids}{}", told.stderr));

    // The lock of a file is in a sidecar; without it nothing of the lock is left.
    let sidecars = room.stored(".strongroom/sidecars/bundles");
    let names = crate::room::names_in(&sidecars);
    let its_own = names.iter().filter(|name| name.contains(&unlocked));
    let removed = its_own.map(|name| fs::remove_file(sidecars.join(name)).expect("removed"));
    assert_eq!(removed.count(), 1, "{names:?}");
    let report = room.on_store(&AUDIT).exits(5).json();
    assert!(kinds(&report).contains(&"lock_weaker"), "{report:#}");
}

#[test]
fn what_it_would_cost_is_told_before_and_nothing_is_read() {
    let room = Room::with_results();
    pushed(&room, "1");
    let dry = [&AUDIT[..], &["--read-data", "--dry-run"]].concat();
    let estimate = room.on_store(&dry).exits(0).json();
    assert_valid(&estimate, "audit-estimate");
    assert_eq!((&estimate["bundles"], &estimate["cost"]["bundles"]), (&json!(1), &json!(1)));
    let shown = room.on_store(&["evidence", "audit", "--dry-run"]).exits(0).stdout;
    assert!(shown.starts_with("would audit 1 bundle\n"), "{shown}");
    let reading = room.on_store(&["evidence", "audit", "--read-data"]).exits(0);
    assert!(reading.stderr.starts_with("note: reading "), "{}", reading.stderr);
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let room = Room::with_results();
    pushed(&room, "1");
    for wrong in [
        &["--sample", "0/3"][..],
        &["--expiring-within", "soon"],
        &["--resume-after", "1"],
        &["--run-id", "1", "--all"],
    ] {
        room.on_store(&[&AUDIT[..], wrong].concat()).exits(2);
    }
    room.on_store(&[&AUDIT[..], &["--run-id", "unknown"]].concat()).exits(7);
    room.on_store(&[&AUDIT[..], &["--markdown", "no/such/folder.md"]].concat()).exits(2);
    room.on_store(&[&AUDIT[..], &["--markdown", "."]].concat()).exits(2);
}

/// A signal comes while the store holds its answer back: what was found is told, and where to go on.
#[test]
fn an_interrupted_audit_tells_what_it_has_and_how_it_goes_on() {
    let server = S3Server::builder().bucket("evidence", BucketSettings::plain()).start_blocking();
    let room = on(Room::with_results(), &server);
    let receipt = room.run(&["evidence", "push", "results", "--format", "json"]).exits(0).json();
    let id = receipt["bundle_id"].as_str().expect("an id");
    server.bucket("evidence").put(&format!("team/bundles/{id}.tar.gz"), "garbage");
    let foreign = BundleId(Sha256Digest::of(b"x"));
    let reference = format!("team/{}", layout::run_reference("r", foreign));
    server.bucket("evidence").put(&reference, "x");
    // What is stored is listed with its versions, and the references after it.
    let gate = server.faults().on(Op::ListObjectsV2).nth(1).hold_before();

    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("strongroom"));
    room.dress(&mut command).args(AUDIT);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let child = command.spawn().expect("it runs");
    assert!(gate.wait_for_arrivals(1, || false), "the references are listed last");
    let signal = ["-TERM", &child.id().to_string()];
    assert!(std::process::Command::new("kill").args(signal).status().expect("kill").success());
    let told = crate::room::Outcome::of(child.wait_with_output().expect("it ends")).exits(130);
    gate.open();

    let report = told.json();
    assert_valid(&report, "audit");
    let cursor = &format!("{id}/other");
    assert_eq!((&report["complete"], &report["resume_after"]), (&json!(false), &json!(cursor)));
    assert_eq!(kinds(&report), ["object_replaced"]);
    assert!(told.stderr.contains(&format!("--resume-after {cursor}")), "{}", told.stderr);
    let rest = room.run(&[&AUDIT[..], &["--resume-after", cursor]].concat()).exits(12).json();
    assert_eq!(kinds(&rest), ["reference_without_bundle"]);
    assert_eq!(&rest["resumed_after"], cursor);
}

/// What `retention extend` and `hold place` leave is what the audit takes for promised: of the bundle, and
/// of the records that they locked with it.
#[test]
fn what_was_extended_and_held_is_held_against_what_those_records_promise() {
    let room = Room::with_results();
    let push = ["evidence", "push", "results", "--retain-until", "2098-01-01", "--format", "json"];
    let receipt = room.on_store(&push).exits(0).json();
    let id = receipt["bundle_id"].as_str().expect("an id");
    let extend = ["evidence", "retention", "extend", "--bundle-id", id];
    room.on_store(&[&extend[..], &["--retain-until", "2099-01-01"]].concat()).exits(0);
    let place = ["evidence", "hold", "place", "--bundle-id", id, "--reason", "case 17"];
    let placed = room.on_store(&[&place[..], &["--format", "json"]].concat()).exits(0).json();
    let report = room.on_store(&AUDIT).exits(0).json();
    assert!(report["looked_at"]["locks"].as_u64() > Some(1), "{report:#}");

    let sidecars = room.stored(".strongroom/sidecars/bundles");
    let sidecar = sidecars.join(&crate::room::names_in(&sidecars)[0]);
    let held = fs::read_to_string(&sidecar).expect("a sidecar");
    for (was, is) in [("2099-01-01", "2098-01-01"), ("\"legal_hold\":true", "\"legal_hold\":false")]
    {
        assert!(held.contains(was), "{held}");
        fs::write(&sidecar, held.replace(was, is)).expect("written");
        let report = room.on_store(&AUDIT).exits(5).json();
        assert_eq!(kinds(&report), ["lock_weaker"], "{was}");
        assert_eq!(report["findings"][0]["keys"], json!([format!("bundles/{id}.tar.gz")]));
    }
    fs::write(&sidecar, &held).expect("written");

    let hold_id = placed["hold_id"].as_str().expect("a hold");
    let release = ["evidence", "hold", "release", "--bundle-id", id, "--hold-id", hold_id];
    room.on_store(&[&release[..], &["--reason", "case 17 closed"]].concat()).exits(0);
    room.on_store(&AUDIT).exits(0);
}
