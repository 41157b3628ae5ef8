//! CAVRA directories: verified, pushed and pulled as they are. What verifies and what does not is held
//! against directories that Python made in `scripts/check-cavra`.

use std::fs;

use serde_json::json;
use strongroom_core::Sha256Digest;

use crate::cavra_directory::write_directory;
use crate::room::Room;
use crate::schema::assert_valid;

/// A room with an unsigned directory, `bundle/`.
fn room() -> Room {
    let room = Room::new();
    write_directory(&room, None);
    room
}

const VERIFY: [&str; 5] = ["evidence", "verify", "bundle", "--format", "json"];
const PUSH: [&str; 5] = ["evidence", "push", "bundle", "--format", "json"];

#[test]
fn a_directory_is_verified_and_says_that_nobody_signed_it() {
    let room = room();
    let verified = room.run(&VERIFY).exits(0).json();
    assert_valid(&verified, "cavra-verification");
    assert_eq!(verified["signature"]["algorithm"], "none");
    assert_eq!(verified["retention"]["days_agree"], false);
    assert_eq!(verified["absent_documents"].as_array().map(Vec::len), Some(4));
    let manifest = fs::read(room.path("bundle/manifest.json")).expect("a manifest");
    assert_eq!(verified["bundle_id"], Sha256Digest::of(&manifest).to_string());
    let text = room.run(&["evidence", "verify", "bundle"]).exits(0).stdout;
    assert!(text.contains("retention_days says otherwise"), "{text}");
    room.run(&[&VERIFY[..], &["--require-signatures", "1"]].concat()).exits(4);
    let kept = room.run(&[&VERIFY[..], &["--minimum-retention-days", "31"]].concat()).exits(0);
    assert_valid(&kept.json(), "cavra-verification");
    room.run(&[&VERIFY[..], &["--minimum-retention-days", "36500"]].concat()).exits(5);
}

#[test]
fn a_directory_is_pushed_file_by_file_and_comes_back_as_it_was() {
    let room = room();
    let upload = room.on_store(&PUSH).exits(0).json();
    assert_valid(&upload, "upload");
    assert_eq!((&upload["status"], &upload["run_ids"]), (&json!("stored"), &json!(["s-1"])));
    for object in upload["objects"].as_array().expect("objects") {
        assert_eq!(object["lock"]["legal_hold"], true);
        assert_eq!(object["lock"]["retain_until"], "2090-01-01T00:00:00Z");
    }
    let again = room.on_store(&PUSH).exits(0).json();
    assert_eq!(again["status"], "already_stored");
    let text = room.on_store(&["evidence", "push", "bundle"]).exits(0).stdout;
    assert!(text.starts_with("already stored sha256:"), "{text}");

    let pull = ["evidence", "pull", "--run-id", "s-1", "--out", "run", "--format", "json"];
    let pulled = room.on_store(&pull).exits(0).json();
    assert_valid(&pulled, "pull");
    let id = upload["bundle_id"].as_str().expect("an id");
    let back = fs::read(room.path(&format!("run/{id}/manifest.json"))).expect("a manifest");
    assert_eq!(back, fs::read(room.path("bundle/manifest.json")).expect("a manifest"));
    room.on_store(&pull).exits(0);
    let audit = room.on_store(&["evidence", "audit", "--format", "json"]).exits(0).json();
    assert_eq!(audit["findings"], json!([]));
}

#[test]
fn a_directory_that_says_it_is_one_and_is_not_is_never_pushed_as_something_else() {
    let room = room();
    room.write("bundle/extra.txt", "nothing vouches for this");
    room.run(&VERIFY).exits(3);
    room.on_store(&PUSH).exits(3);
    assert!(!room.stored("bundles").exists());
    let planned = room.on_store(&["evidence", "push", "bundle", "--dry-run"]);
    planned.exits(3);
}

#[test]
fn a_secret_is_for_hs256_and_a_public_key_is_none() {
    let room = room();
    room.write("secret", "shared");
    room.run(&[&VERIFY[..], &["--hmac-key-file", "secret"]].concat()).exits(4);
    room.write("public.pem", "-----BEGIN PUBLIC KEY-----\n");
    room.run(&[&VERIFY[..], &["--hmac-key-file", "public.pem"]].concat()).exits(2);
}
