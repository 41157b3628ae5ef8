//! push, store-status

use std::fs;

use crate::room::Room;
use crate::schema::assert_valid;

#[test]
fn a_directory_is_stored_and_pushing_it_again_is_harmless() {
    let room = Room::with_results();
    let push = ["evidence", "push", "results", "--format", "json"];
    let first = room.on_store(&push).exits(0).json();
    assert_valid(&first, "receipt");
    assert_eq!(first["status"], "stored");
    assert_eq!(first["store"], room.store());
    let key = first["key"].as_str().expect("a key");
    assert_eq!(key, format!("bundles/{}.tar.gz", first["bundle_id"].as_str().expect("an id")));
    let second = room.on_store(&push).exits(0).json();
    assert_valid(&second, "receipt");
    assert_eq!(second["status"], "already_stored");
    assert_eq!(second["bundle_id"], first["bundle_id"]);
}

#[test]
fn a_bundle_and_its_directory_are_one_bundle() {
    let room = Room::with_results();
    let made = room.run(&["evidence", "bundle", "results", "--format", "json"]).exits(0).json();
    let pushed = ["evidence", "push", "results.strongroom.tar.gz", "--format", "json"];
    let pushed = room.on_store(&pushed).exits(0).json();
    let again = room.on_store(&["evidence", "push", "results", "--format", "json"]).exits(0).json();
    assert_eq!(pushed["bundle_id"], made["bundle_id"]);
    assert_eq!(again["bundle_id"], made["bundle_id"]);
    assert_eq!(again["status"], "already_stored");
}

#[test]
fn what_a_push_asks_for_never_enters_the_id() {
    let room = Room::with_results();
    let plain = room.on_store(&["evidence", "push", "results", "--format", "json"]).exits(0).json();
    let asked = [
        "evidence",
        "push",
        "results",
        "--format",
        "json",
        "--run-id",
        "7",
        "--retain-until",
        "30d",
        "--legal-hold",
    ];
    let asked = room.on_store(&asked).exits(0).json();
    assert_valid(&asked, "receipt");
    assert_eq!(asked["bundle_id"], plain["bundle_id"]);
    assert_eq!(asked["run_ids"], serde_json::json!(["7"]));
    assert_eq!(asked["lock"]["mode"], "governance");
    assert_eq!(asked["lock"]["legal_hold"], true);
    assert_eq!(asked["lock"]["enforced_by"], "strongroom");
}

#[test]
fn people_get_a_receipt_that_says_what_was_observed() {
    let room = Room::with_results().env("COLUMNS", "80");
    let push =
        ["evidence", "push", "results", "--retain-until", "2099-01-01", "--run-id", "nightly 42"];
    let receipt = room.on_store(&push).exits(0);
    room.snapshot("people_get_a_receipt", &receipt.stdout);
}

#[test]
fn a_dry_run_says_what_would_be_locked_and_writes_nothing() {
    let room = Room::with_results();
    let push = [
        "evidence",
        "push",
        "results",
        "--dry-run",
        "--retain-until",
        "2099-01-01",
        "--format",
        "json",
    ];
    let plan = room.on_store(&push).exits(0).json();
    assert_valid(&plan, "push-plan");
    assert_eq!(plan["lock"]["to_send"]["retention"]["retain_until"], "2099-01-01T00:00:00Z");
    assert_eq!(plan["lock"]["effective"], serde_json::json!({"observed": plan["lock"]["to_send"]}));
    assert!(!room.stored("").exists());
}

#[test]
fn a_compliance_lock_that_only_strongroom_keeps_must_be_accepted() {
    let room = Room::with_results();
    let push = ["evidence", "push", "results", "--lock", "compliance", "--retain-until", "1d"];
    let refused = room.on_store(&push).exits(5);
    assert!(refused.stderr.contains("--allow-advisory-lock"), "{}", refused.stderr);
    assert!(!room.stored("bundles").exists());
}

#[test]
fn a_compliance_locks_date_is_accepted_before_anything_is_written() {
    let room = Room::with_results();
    let push = [
        "evidence",
        "push",
        "results",
        "--lock",
        "compliance",
        "--allow-advisory-lock",
        "--retain-until",
        "2099-01-02",
    ];
    let unasked = room.on_store(&push).exits(2);
    assert!(unasked.stderr.contains("--yes-lock-until 2099-01-02"), "{}", unasked.stderr);
    room.on_store(&[&push[..], &["--yes-lock-until", "2099-01-01"]].concat()).exits(2);
    assert!(!room.stored("bundles").exists());
    let accepted = [&push[..], &["--yes-lock-until", "2099-01-02", "--format", "json"]].concat();
    let receipt = room.on_store(&accepted).exits(0).json();
    assert_eq!(receipt["lock"]["mode"], "compliance");
    assert_eq!(receipt["lock"]["retain_until"], "2099-01-02T00:00:00Z");
}

#[test]
fn a_mode_without_a_date_is_no_lock_and_refused() {
    let room = Room::with_results();
    let refused = room.on_store(&["evidence", "push", "results", "--lock", "governance"]).exits(2);
    assert!(refused.stderr.contains("--retain-until"), "{}", refused.stderr);
}

#[test]
fn a_lock_in_the_past_or_beyond_the_longest_is_refused() {
    let room = Room::with_results();
    for when in ["2001-01-01", "0d", "101y"] {
        room.on_store(&["evidence", "push", "results", "--retain-until", when]).exits(5);
    }
    assert!(!room.stored("bundles").exists());
}

#[test]
fn the_manifests_own_retention_locks_the_bundle() {
    let room = Room::with_results();
    let push = ["evidence", "push", "results", "--retention-days", "30", "--format", "json"];
    let receipt = room.on_store(&push).exits(0).json();
    assert_eq!(receipt["lock"]["mode"], "governance");
    let stored_at: jiff::Timestamp =
        receipt["stored_at"].as_str().expect("a time").parse().expect("a time");
    let until: jiff::Timestamp =
        receipt["lock"]["retain_until"].as_str().expect("a time").parse().expect("a time");
    let hours = until.duration_since(stored_at).as_hours();
    assert!((30 * 24 - 1..=30 * 24).contains(&hours), "locked for {hours} hours");
}

#[test]
fn declarations_do_not_go_with_a_bundle() {
    let room = Room::with_results();
    room.run(&["evidence", "bundle", "results"]).exits(0);
    let push = ["evidence", "push", "results.strongroom.tar.gz", "--subject", "other"];
    let refused = room.on_store(&push).exits(2);
    assert!(refused.stderr.contains("--subject"), "{}", refused.stderr);
}

#[test]
fn a_damaged_bundle_is_never_stored() {
    let room = Room::with_results();
    room.run(&["evidence", "bundle", "results"]).exits(0);
    let mut archive = fs::read(room.path("results.strongroom.tar.gz")).expect("a bundle");
    let end = archive.len() - 1;
    archive[end] ^= 1;
    room.write("damaged.tar.gz", archive);
    room.on_store(&["evidence", "push", "damaged.tar.gz"]).exits(3);
    assert!(
        !room.stored("bundles").exists()
            || crate::room::names_in(&room.stored("bundles")).is_empty()
    );
}

#[test]
fn without_a_store_the_embedded_one_serves_and_says_so() {
    let room = Room::with_results();
    let pushed = room.run(&["evidence", "push", "results"]).exits(0);
    assert!(pushed.stderr.contains("the embedded one serves"), "{}", pushed.stderr);
    let quiet = room.run(&["evidence", "push", "results", "--quiet"]).exits(0);
    assert_eq!(quiet.stderr, "");
    let refused =
        Room::with_results().env("CI", "true").run(&["evidence", "push", "results"]).exits(2);
    assert!(refused.stderr.contains("--store"), "{}", refused.stderr);
}

#[test]
fn a_store_says_what_it_is() {
    let room = Room::new().env("COLUMNS", "80");
    let status = room.on_store(&["evidence", "store-status", "--format", "json"]).exits(0).json();
    assert_valid(&status, "store-status");
    assert_eq!(status["reachable"]["observed"], true);
    assert_eq!(status["warnings"][0]["code"], "advisory_locks");
    let shown = room.on_store(&["evidence", "store-status"]).exits(0);
    room.snapshot("people_see_a_stores_status", &shown.stdout);
}
