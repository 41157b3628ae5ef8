//! Evidence in Azure Blob, as its REST reference describes it: pushed under each kind of lock, read
//! back, and attacked.

use serde_json::{Value, json};
use strongroom_testkit::azure::{ACCOUNT, ACCOUNT_KEY, AzureServer, ContainerSettings, PolicyMode};

use crate::room::Room;
use crate::schema::assert_valid;

const PUSH: [&str; 4] = ["evidence", "push", "results", "--format=json"];
const FOR_90_DAYS: [&str; 2] = ["--retain-until", "90d"];
const COMPLIANCE: [&str; 6] =
    ["--lock", "compliance", "--retain-until", "2099-01-01", "--yes-lock-until", "2099-01-01"];

fn container(settings: ContainerSettings) -> (AzureServer, Room) {
    let server = AzureServer::start("evidence", settings);
    let room = Room::with_results()
        .env("STRONGROOM_STORE_URL", "az://evidence/team")
        .env("STRONGROOM_STORE_ENDPOINT", server.endpoint())
        .env("STRONGROOM_STORE_ALLOW_HTTP", "true")
        .env("AZURE_STORAGE_ACCOUNT", ACCOUNT)
        .env("AZURE_STORAGE_KEY", ACCOUNT_KEY);
    (server, room)
}

fn push(room: &Room, how: &[&str]) -> Value {
    let receipt = room.run(&[&PUSH[..], how].concat()).exits(0).json();
    assert_valid(&receipt, "receipt");
    receipt
}

/// How another client with the account's key fares that deletes the version in a receipt.
fn delete(server: &AzureServer, receipt: &Value) -> Option<String> {
    let key = receipt["key"].as_str().expect("a key");
    let version = receipt["version_id"].as_str().expect("a version");
    server.attack("DELETE", key, "", &[]);
    server.attack("DELETE", key, &format!("versionid={version}"), &[]).1
}

#[test]
fn a_governance_lock_is_in_the_write_and_keeps_the_version() {
    let (server, room) = container(ContainerSettings::immutable());
    let receipt = push(&room, &FOR_90_DAYS);
    let lock = &receipt["lock"];
    assert_eq!((&lock["mode"], &lock["how"]), (&json!("governance"), &json!("in_write")));
    assert_eq!((&lock["enforced_by"], &lock["legal_hold"]), (&json!("store"), &json!(false)));
    assert!(lock["read_back_at"].is_string() && lock["unlocked_ms"].is_null(), "{lock}");
    assert_eq!(receipt["endpoint"], format!("{}/{ACCOUNT}", server.endpoint()));
    assert_eq!(delete(&server, &receipt).as_deref(), Some("BlobImmutableDueToPolicy"));
}

#[test]
fn a_compliance_lock_is_set_after_the_write_and_read_back() {
    let (server, room) = container(ContainerSettings::immutable());
    let receipt = push(&room, &COMPLIANCE);
    let lock = &receipt["lock"];
    assert_eq!((&lock["mode"], &lock["how"]), (&json!("compliance"), &json!("after_write")));
    assert_eq!(lock["retain_until"], "2099-01-01T00:00:00Z");
    // It was under an unlocked policy from its first moment on.
    assert!(lock["unlocked_ms"].is_null(), "{lock}");
    let key = receipt["key"].as_str().expect("a key");
    assert_eq!(server.versions(key)[0].policy.expect("a policy").mode, PolicyMode::Locked);
    assert_eq!(delete(&server, &receipt).as_deref(), Some("BlobImmutableDueToPolicy"));
    // The record beside it is locked like it.
    let records = server.keys().into_iter().filter(|key| key.contains("/records/"));
    for record in records {
        let policy = server.versions(&record)[0].policy.expect("a policy");
        assert_eq!(policy.mode, PolicyMode::Locked, "{record}");
    }
}

#[test]
fn a_compliance_lock_that_the_store_refuses_leaves_the_governance_lock_that_is_there() {
    let (server, room) = container(ContainerSettings::immutable());
    server.refuse("comp=immutabilityPolicies", 403, "AuthorizationPermissionMismatch");
    let outcome = room.run(&[&PUSH[..], &COMPLIANCE].concat()).exits(5);
    let lock = &outcome.json()["lock"];
    assert_eq!((&lock["mode"], &lock["how"]), (&json!("governance"), &json!("in_write")));
    assert!(outcome.stderr.contains("Storage Blob Data Owner"), "{}", outcome.stderr);
}

#[test]
fn a_hold_is_set_with_the_write_and_keeps_the_version() {
    let (server, room) = container(ContainerSettings::immutable());
    let receipt = push(&room, &["--legal-hold"]);
    let lock = &receipt["lock"];
    assert_eq!((&lock["legal_hold"], &lock["how"]), (&json!(true), &json!("in_write")));
    assert_eq!(lock["legal_hold_was_set_before"], false);
    assert!(lock["mode"].is_null(), "{lock}");
    assert_eq!(delete(&server, &receipt).as_deref(), Some("BlobImmutableDueToLegalHold"));
}

#[test]
fn a_second_push_strengthens_the_lock_of_what_is_stored() {
    let (server, room) = container(ContainerSettings::immutable());
    let first = push(&room, &FOR_90_DAYS);
    let second = push(&room, &COMPLIANCE);
    assert_eq!(second["status"], "already_stored");
    assert_eq!(second["version_id"], first["version_id"]);
    assert_eq!(second["lock"]["mode"], "compliance");
    // The same again asks for nothing, and less than that takes nothing away.
    let sets = server.asked("comp=immutabilityPolicies").len();
    let third = push(&room, &FOR_90_DAYS);
    assert_eq!(third["lock"]["mode"], "compliance");
    assert_eq!(server.asked("comp=immutabilityPolicies").len(), sets);
}

#[test]
fn a_lock_is_extended_and_a_hold_placed_and_released_later() {
    let (server, room) = container(ContainerSettings::immutable());
    let receipt = push(&room, &FOR_90_DAYS);
    let id = receipt["bundle_id"].as_str().expect("an id");
    let change = |words: &str, more: &[&str]| {
        let words: Vec<&str> = words.split(' ').collect();
        let all = [&words[..], &["--bundle-id", id, "--format=json"], more].concat();
        let document = room.run(&all).exits(0).json();
        assert_valid(&document, "lock-change");
        document
    };
    let until = ["--retain-until", "2098-01-01", "--reason", "policy"];
    let extended = change("evidence retention extend", &until);
    assert_eq!(extended["objects"][0]["retention"]["retain_until"], "2098-01-01T00:00:00Z");

    let placed = change("evidence hold place", &["--reason", "case 17"]);
    assert_eq!(placed["objects"][0]["legal_hold"], true);
    assert_eq!(delete(&server, &receipt).as_deref(), Some("BlobImmutableDueToLegalHold"));
    let hold = placed["hold_id"].as_str().expect("a hold");
    let release = ["--hold-id", hold, "--reason", "closed"];
    let released = change("evidence hold release", &release);
    assert_eq!(released["objects"][0]["legal_hold"], false);
    assert_eq!(delete(&server, &receipt).as_deref(), Some("BlobImmutableDueToPolicy"));
}

#[test]
fn the_containers_own_policy_is_kept_where_it_is_stronger() {
    let strong = ContainerSettings::immutable().default_policy(PolicyMode::Locked, 365);
    let (_server, room) = container(strong);
    let outcome = room.run(&[&PUSH[..], &FOR_90_DAYS].concat()).exits(0);
    let lock = &outcome.json()["lock"];
    assert_eq!((&lock["mode"], &lock["how"]), (&json!("compliance"), &json!("bucket_default")));
    assert!(!outcome.stderr.contains("may be weaker"), "{}", outcome.stderr);
}

#[test]
fn a_container_that_cannot_lock_is_not_written_to_when_a_lock_is_asked_for() {
    let (server, room) = container(ContainerSettings::versioned());
    let refused = room.run(&[&PUSH[..], &FOR_90_DAYS].concat()).exits(5);
    let help = refused.json_error()["help"].to_string();
    assert!(help.contains("version-level immutability"), "{help}");
    assert_eq!(server.keys(), [""; 0]);
    let receipt = push(&room, &[&FOR_90_DAYS[..], &["--allow-unlocked"]].concat());
    assert_eq!(receipt["lock"]["how"], "none");
}

#[test]
fn a_bundle_under_garbage_is_pulled_from_its_earlier_version() {
    let (server, room) = container(ContainerSettings::immutable());
    let receipt = push(&room, &FOR_90_DAYS);
    let key = receipt["key"].as_str().expect("a key");
    let garbage = [("x-ms-blob-type", "BlockBlob")];
    assert_eq!(server.attack("PUT", key, "", &garbage), (201, None));
    let id = receipt["bundle_id"].as_str().expect("an id");
    let pull = ["evidence", "pull", "--bundle-id", id, "--out", "back", "--format=json"];
    let pulled = room.run(&pull).exits(0).json();
    assert_valid(&pulled, "pull");
    assert_eq!(pulled["pulled"][0]["current_version_is_something_else"], true);
}

#[test]
fn status_says_whether_the_container_takes_locks() {
    let (server, room) = container(ContainerSettings::immutable());
    let status = room.run(&["evidence", "store-status", "--format=json"]).exits(0).json();
    assert_valid(&status, "store-status");
    assert_eq!(status["object_lock"], json!({"observed": true}));
    assert_eq!(status["locks_enforced_by"], "store");
    server.set_up(ContainerSettings::plain());
    let shown = room.run(&["evidence", "store-status"]).exits(0).stdout;
    assert!(shown.contains("Object Lock"), "{shown}");
}
