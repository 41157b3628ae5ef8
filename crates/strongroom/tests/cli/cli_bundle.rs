//! bundle, verify, show

use std::fs;

use crate::room::Room;
use crate::schema::assert_valid;

/// The id of `results/` without declarations. It is a function of the content alone, so it stands
/// here: if it changes, every bundle that was ever made gets another name.
const RESULTS: &str = "sha256:db09ef6f8bdb0f31806ef3441908073166abdb6673bf57e48990aa8eabf0f066";

#[test]
fn a_directory_has_the_same_id_whenever_and_wherever_it_is_bundled() {
    let room = Room::with_results();
    let here = room.run(&["evidence", "bundle", "results", "--format", "json"]).exits(0).json();
    assert_valid(&here, "bundled");
    assert_eq!(here["bundle_id"], RESULTS);
    assert_eq!(here["path"], "results.strongroom.tar.gz");
    assert_eq!(here["files"], 3);
    let elsewhere = Room::with_results();
    let there = ["evidence", "bundle", "./results/", "-o", "x.tar.gz", "--format", "json"];
    assert_eq!(elsewhere.run(&there).exits(0).json()["bundle_id"], RESULTS);
}

#[test]
fn a_bundle_made_again_is_already_there_and_another_one_is_not_overwritten() {
    let room = Room::with_results();
    let bundle = ["evidence", "bundle", "results", "--format", "json"];
    assert_eq!(room.run(&bundle).exits(0).json()["already_there"], false);
    assert_eq!(room.run(&bundle).exits(0).json()["already_there"], true);
    room.write("results/more.txt", "more\n");
    let before = fs::read(room.path("results.strongroom.tar.gz")).expect("a bundle");
    let refused = room.run(&["evidence", "bundle", "results"]).exits(6);
    assert!(refused.stderr.contains("--force"), "{}", refused.stderr);
    assert_eq!(fs::read(room.path("results.strongroom.tar.gz")).expect("a bundle"), before);
    room.run(&["evidence", "bundle", "results", "--force"]).exits(0);
    assert_ne!(fs::read(room.path("results.strongroom.tar.gz")).expect("a bundle"), before);
    assert_eq!(room.names(), ["results", "results.strongroom.tar.gz"]);
}

#[test]
fn declarations_enter_the_manifest_and_the_id() {
    let room = Room::with_results().env("SOURCE_DATE_EPOCH", "1795262400");
    let declared = room
        .run(&[
            "evidence",
            "bundle",
            "results",
            "--format",
            "json",
            "--subject",
            "acme/widget",
            "--run-id",
            "42",
            "--producer",
            "@acme/tool@1.2",
            "--metadata",
            "status=passed",
            "--metadata",
            "note=a=b",
            "--retention-class",
            "release-evidence",
            "--retention-days",
            "30",
            "--legal-hold",
        ])
        .exits(0)
        .json();
    assert_ne!(declared["bundle_id"], RESULTS);
    let shown = room
        .run(&["evidence", "show", "results.strongroom.tar.gz", "--format", "json"])
        .exits(0)
        .json();
    assert_valid(&shown, "bundle-claims");
    assert_eq!(shown["bundle_id"], declared["bundle_id"]);
    assert_eq!(shown["verified"], false);
    let mut manifest = shown["manifest"].clone();
    manifest.as_object_mut().expect("an object").remove("files");
    insta::assert_json_snapshot!(manifest);
}

#[test]
fn the_environment_declares_what_flags_do() {
    let room = Room::with_results()
        .env("STRONGROOM_BUNDLE_METADATA", "a=1\n\nb=2\n")
        .env("STRONGROOM_BUNDLE_SUBJECT", "acme/widget")
        .env("STRONGROOM_BUNDLE_RUN_ID", "")
        .env("STRONGROOM_BUNDLE_LEGAL_HOLD", "no");
    let by_environment = room.run(&["evidence", "bundle", "results", "--format", "json"]);
    let by_flags = Room::with_results().run(&[
        "evidence",
        "bundle",
        "results",
        "--format",
        "json",
        "--metadata",
        "a=1",
        "--metadata",
        "b=2",
        "--subject",
        "acme/widget",
    ]);
    assert_eq!(by_environment.exits(0).json(), by_flags.exits(0).json());
}

#[test]
fn a_bundle_is_verified_from_a_file_and_from_a_pipe() {
    let room = Room::with_results();
    room.run(&["evidence", "bundle", "results"]).exits(0);
    let verify = ["evidence", "verify", "results.strongroom.tar.gz", "--format", "json"];
    let from_file = room.run(&verify).exits(0).json();
    assert_valid(&from_file, "verification");
    assert_eq!(from_file["bundle_id"], RESULTS);
    assert_eq!(from_file["signatures"], serde_json::json!([]));
    let archive = fs::read(room.path("results.strongroom.tar.gz")).expect("a bundle");
    let mut command = room.command();
    let piped = command.args(["evidence", "verify", "-", "--format", "json"]).write_stdin(archive);
    let piped = piped.output().expect("it runs");
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&piped.stdout).ok(), Some(from_file));
}

#[test]
fn people_see_what_was_made_and_what_was_checked() {
    let room = Room::with_results();
    let made = room.run(&["evidence", "bundle", "results", "--subject", "acme"]).exits(0);
    room.snapshot("people_see_a_bundle", &made.stdout);
    let verified = room.run(&["evidence", "verify", "results.strongroom.tar.gz"]).exits(0);
    room.snapshot("people_see_a_verification", &verified.stdout);
    let shown = room.run(&["evidence", "show", "results.strongroom.tar.gz", "--files"]).exits(0);
    room.snapshot("people_see_what_a_bundle_says", &shown.stdout);
}

#[test]
fn a_changed_byte_is_an_integrity_failure_and_no_content_is_echoed() {
    let room = Room::with_results();
    room.run(&["evidence", "bundle", "results"]).exits(0);
    let mut archive = fs::read(room.path("results.strongroom.tar.gz")).expect("a bundle");
    let middle = archive.len() / 2;
    archive[middle] ^= 1;
    room.write("changed.tar.gz", &archive);
    room.write("cut.tar.gz", &archive[..middle]);
    for name in ["changed.tar.gz", "cut.tar.gz"] {
        let refused = room.run(&["evidence", "verify", name, "--format", "json"]).exits(3);
        assert_valid(&refused.json_error(), "error");
        assert!(refused.stdout.is_empty());
    }
}

#[test]
fn another_bundle_than_the_one_that_was_asked_for_is_an_integrity_failure() {
    let room = Room::with_results();
    room.run(&["evidence", "bundle", "results"]).exits(0);
    let other = format!("sha256:{}", "0".repeat(64));
    let verify = ["evidence", "verify", "results.strongroom.tar.gz", "--bundle-id"];
    room.run(&[&verify[..], &[other.as_str()]].concat()).exits(3);
    room.run(&[&verify[..], &[RESULTS]].concat()).exits(0);
}

#[test]
fn an_archive_over_the_limit_is_not_looked_at() {
    let room = Room::with_results();
    room.run(&["evidence", "bundle", "results"]).exits(0);
    let verify = ["evidence", "verify", "results.strongroom.tar.gz", "--max-archive-bytes", "100"];
    let refused = room.run(&verify).exits(10);
    assert!(refused.stderr.contains("limit of 100 bytes"), "{}", refused.stderr);
}

#[test]
fn a_bundle_is_not_written_among_its_own_files() {
    let room = Room::with_results();
    for arguments in [
        ["evidence", "bundle", ".", "-o", "b.tar.gz"],
        ["evidence", "bundle", "results", "-o", "results/logs/b.tar.gz"],
    ] {
        let refused = room.run(&arguments).exits(2);
        assert!(refused.stderr.contains("--output ../b.tar.gz"), "{}", refused.stderr);
    }
}

#[cfg(unix)]
#[test]
fn links_are_refused_unless_followed_and_then_only_inside() {
    let room = Room::with_results();
    std::os::unix::fs::symlink("report.json", room.path("results/link")).expect("a link");
    room.run(&["evidence", "bundle", "results"]).exits(3);
    room.run(&["evidence", "bundle", "results", "--follow-symlinks"]).exits(0);
    std::os::unix::fs::symlink("/etc/passwd", room.path("results/out")).expect("a link");
    room.run(&["evidence", "bundle", "results", "--follow-symlinks", "--force"]).exits(3);
}

#[test]
fn auto_push_stores_what_was_bundled() {
    let room = Room::with_results();
    let store = room.store();
    room.write("strongroom.yaml", format!("store:\n  url: {store}\npush:\n  auto_push: true\n"));
    let made = room.run(&["evidence", "bundle", "results", "--format", "json"]).exits(0).json();
    assert_valid(&made, "bundled");
    assert_eq!(made["receipt"]["status"], "stored");
    assert_eq!(made["receipt"]["bundle_id"], made["bundle_id"]);
    let without = ["evidence", "bundle", "results", "--auto-push=false", "--format", "json"];
    assert_eq!(room.run(&without).exits(0).json().get("receipt"), None);
}

#[test]
fn a_refused_auto_push_exits_5_although_nobody_reads_what_was_bundled() {
    let room = Room::with_results().env("STRONGROOM_PUSH_LOCK", "compliance");
    let store = room.store();
    let room = room.env("STRONGROOM_STORE_URL", store);
    let bundle = ["evidence", "bundle", "results", "--auto-push", "--retention-days", "30"];
    let refused = room.run_unread(&bundle).exits(5);
    assert!(refused.stderr.contains("a compliance lock is asked for"), "{}", refused.stderr);
}
