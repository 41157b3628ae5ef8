//! `strongroom trust-root`: files of keys that only ever narrow, handed out and checked.

use std::fs;

use serde_json::Value;

use crate::room::{Outcome, Room};
use crate::schema::assert_valid;

/// A room with keys, a public key beside each.
fn room_with_keys(names: &[&str]) -> Room {
    let room = Room::new();
    for name in names {
        let (private, public) = (format!("{name}.pem"), format!("{name}.pub.pem"));
        let generate = ["keys", "generate", "-o", &private, "--public-key", &public];
        room.run(&generate).exits(0);
    }
    room
}

fn create(room: &Room, name: &str, options: &[&str]) -> Outcome {
    let (public, output) = (format!("{name}.pub.pem"), format!("{name}.json"));
    let create = ["trust-root", "create", "--public-key", &public, "--owner", name, "-o", &output];
    room.run(&[&create[..], options].concat())
}

/// Runs a command that prints a file of trust roots.
fn listed(room: &Room, arguments: &[&str]) -> Value {
    let arguments = [&["trust-root"], arguments, &["--format", "json"]].concat();
    let document = room.run(&arguments).exits(0).json();
    assert_valid(&document, "trust-root-list");
    document
}

fn file(room: &Room, name: &str) -> Value {
    serde_json::from_slice(&fs::read(room.path(name)).expect("there")).expect("JSON")
}

fn key_id(room: &Room, name: &str) -> String {
    file(room, &format!("{name}.json"))["key_id"].as_str().expect("text").to_owned()
}

/// A room with the collection `trust.json` of two roots.
fn room_with_a_collection() -> Room {
    let room = room_with_keys(&["ci", "release"]);
    create(&room, "ci", &["--valid-from", "2026-01-01"]).exits(0);
    create(&room, "release", &["--purpose", "releases"]).exits(0);
    listed(&room, &["bundle", "ci.json", "release.json", "-o", "trust.json"]);
    room
}

fn without_ids(text: &str) -> String {
    let mut text = text.to_owned();
    while let Some(at) = text.find("sha256:").filter(|at| text[*at..].len() >= 71) {
        text.replace_range(at..at + 71, "[digest]");
    }
    text
}

#[test]
fn a_root_says_whose_key_it_is_and_reads_as_its_schema_says() {
    let room = room_with_keys(&["ci"]);
    let window = ["--valid-from", "2026-01-01", "--valid-until", "2027-01-01T12:00:00+02:00"];
    let made = create(&room, "ci", &[&window[..], &["--format", "json"]].concat()).exits(0).json();
    assert_valid(&made, "trust-root-list");
    let root = file(&room, "ci.json");
    assert_valid(&root, "trust-root");
    assert_eq!((&root["owner"], &root["status"]), (&"ci".into(), &"active".into()));
    assert_eq!(root["valid_from"], "2026-01-01T00:00:00Z");
    assert_eq!(root["valid_until"], "2027-01-01T10:00:00Z");
    assert_eq!(made["trust_roots"][0]["key_id"], root["key_id"]);
    let refused = create(&room, "ci", &[]).exits(6);
    assert!(refused.stderr.contains("--force"), "{}", refused.stderr);
    create(&room, "ci", &["--force"]).exits(0);
    for (wrong, code) in [
        (&["--valid-from", "2027-01-01", "--valid-until", "2026-01-01", "--force"][..], 2),
        (&["--purpose", "a\u{7}b", "--force"], 2),
        (&["--valid-from", "soon"], 2),
    ] {
        create(&room, "ci", wrong).exits(code);
    }
    let private = ["--public-key", "ci.pem", "--owner", "x", "-o", "x.json"];
    let refused = room.run(&[&["trust-root", "create"], &private[..]].concat()).exits(2);
    assert!(refused.stderr.contains("keys show"), "{}", refused.stderr);
}

#[test]
fn a_collection_holds_each_key_once() {
    let room = room_with_a_collection();
    assert_valid(&file(&room, "trust.json"), "trust-root-bundle");
    let before = fs::read(room.path("trust.json")).expect("there");
    let again = room.run(&["trust-root", "add", "trust.json", "ci.json"]).exits(6);
    assert!(again.stderr.contains("already"), "{}", again.stderr);
    assert_eq!(fs::read(room.path("trust.json")).expect("there"), before);
    room.run(&["trust-root", "add", "ci.json", "release.json"]).exits(2);
    room.run(&["trust-root", "add", "trust.json", "missing.json"]).exits(7);
    room.run(&["trust-root", "add", "trust.json", "ci.pem"]).exits(3);
    listed(&room, &["bundle", "ci.json", "-o", "small.json"]);
    let added = listed(&room, &["add", "small.json", "release.json"]);
    assert_eq!(added["changed"], serde_json::json!([key_id(&room, "release")]));
    let (small, whole) = (file(&room, "small.json"), file(&room, "trust.json"));
    assert_eq!(small["trust_roots"], whole["trust_roots"]);
    assert_eq!(room.names().iter().filter(|name| name.contains("partial")).count(), 0);
}

#[test]
fn a_retired_key_ends_and_never_becomes_good_for_longer() {
    let room = room_with_a_collection();
    let ci = key_id(&room, "ci");
    let retire = ["retire", "trust.json", "--key-id", &ci, "--reason", "rotated", "--at"];
    listed(&room, &[&retire[..], &["2026-06-01"]].concat());
    let later = listed(&room, &[&retire[..], &["2026-08-01"]].concat());
    let root = later["trust_roots"].as_array().expect("roots").iter();
    let root = root.clone().find(|root| root["key_id"] == ci.as_str()).expect("the key");
    assert_eq!(
        (&root["valid_until"], &root["standing"]),
        (&"2026-06-01T00:00:00Z".into(), &"retired".into())
    );
    room.run(&["trust-root", "retire", "trust.json", "--key-id", &ci, "--at", "2025-01-01"])
        .exits(2);
    room.run(&["trust-root", "retire", "trust.json"]).exits(2);
    let nobody = format!("sha256:{}", "0".repeat(64));
    room.run(&["trust-root", "retire", "trust.json", "--key-id", &nobody]).exits(7);
    // One root needs no name, and a link stays a link.
    std::os::unix::fs::symlink("ci.json", room.path("link.json")).expect("a link");
    let one = listed(&room, &["retire", "link.json"]);
    assert!(room.path("link.json").is_symlink());
    assert_eq!(
        (&one["form"], &one["trust_roots"][0]["status"]),
        (&"root".into(), &"retired".into())
    );
    assert_valid(&file(&room, "ci.json"), "trust-root");
}

#[test]
fn a_revocation_only_ever_reaches_further_back() {
    let room = room_with_a_collection();
    let revoke = |at: &[&str]| {
        let document = listed(&room, &[&["revoke", "ci.json"], at].concat());
        document["trust_roots"][0]["revoked_at"].clone()
    };
    assert_eq!(revoke(&["--at", "2026-05-01"]), "2026-05-01T00:00:00Z");
    assert_eq!(revoke(&["--at", "2026-08-01"]), "2026-05-01T00:00:00Z");
    assert_eq!(revoke(&[]), Value::Null);
    assert_eq!(revoke(&["--at", "2026-08-01"]), Value::Null);
    room.run(&["trust-root", "retire", "ci.json"]).exits(6);
    // An older copy takes nothing back.
    let joined = listed(&room, &["bundle", "trust.json", "ci.json", "-o", "joined.json"]);
    let ci = key_id(&room, "ci");
    let root = joined["trust_roots"].as_array().expect("roots");
    let root = root.iter().find(|root| root["key_id"] == ci.as_str()).expect("the key");
    assert_eq!((&root["standing"], root.get("revoked_at")), (&"revoked".into(), None));
}

#[test]
fn people_see_what_a_key_is_good_for() {
    let room = room_with_keys(&["a", "b", "c", "d"]).env("COLUMNS", "100");
    create(&room, "a", &["--valid-from", "2026-01-01"]).exits(0);
    create(&room, "b", &["--valid-until", "2026-02-01"]).exits(0);
    create(&room, "c", &["--purpose", "release candidates"]).exits(0);
    create(&room, "d", &["--valid-from", "2096-01-01"]).exits(0);
    let revoke =
        ["trust-root", "revoke", "c.json", "--at", "2026-03-01", "--reason", "laptop stolen"];
    let said = room.run(&revoke).exits(0).stdout;
    room.snapshot("a_revoked_key", &without_ids(&said));
    let bundle =
        ["trust-root", "bundle", "a.json", "b.json", "c.json", "d.json", "-o", "trust.json"];
    room.run(&bundle).exits(0);
    let list = room.run(&["trust-root", "list", "trust.json"]).exits(0).stdout;
    let mut lines: Vec<&str> = list.lines().collect();
    lines.sort(); // keys sort by their ids, which differ from run to run
    room.snapshot("a_list_of_trust_roots", &without_ids(&lines.join("\n")));
    listed(&room, &["list", "trust.json"]);
}

#[test]
fn a_file_is_vouched_for_by_its_digest_or_a_signature_or_by_nobody() {
    let room = room_with_a_collection();
    let verify = |options: &[&str]| {
        room.run(&[&["trust-root", "verify", "trust.json", "--format", "json"], options].concat())
    };
    let unchecked = verify(&[]).exits(0).json();
    assert_valid(&unchecked, "trust-root-verification");
    assert_eq!((&unchecked["digest_compared"], unchecked.get("signature")), (&false.into(), None));
    let said = room.run(&["trust-root", "verify", "trust.json"]).exits(0).stdout;
    assert!(said.contains("by nobody"), "{said}");
    let digest = unchecked["sha256"].as_str().expect("text");
    assert_eq!(verify(&["--sha256", digest]).exits(0).json()["digest_compared"], true);
    verify(&["--sha256", &format!("sha256:{}", "0".repeat(64))]).exits(3);

    let hand_out = ["trust-root", "distribute", "trust.json", "-o", "out", "--format", "json"];
    let sign = ["--private-key", "release.pem", "--signer", "security"];
    let handed = room.run(&[&hand_out[..], &sign].concat()).exits(0).json();
    assert_valid(&handed, "trust-root-distribution");
    let paths: Vec<&str> =
        handed["files"].as_array().expect("files").iter().filter_map(Value::as_str).collect();
    let [signature, copy] = paths[..] else { panic!("{paths:?}") };
    assert_eq!(
        fs::read(room.path(copy)).expect("there"),
        fs::read(room.path("trust.json")).expect("there")
    );
    let signed =
        verify(&["--signature", signature, "--public-key", "release.pub.pem"]).exits(0).json();
    assert_valid(&signed, "trust-root-verification");
    assert_eq!(signed["signature"]["signer"], "security");
    verify(&["--signature", signature, "--public-key", "ci.pub.pem"]).exits(4);
    verify(&["--signature", signature]).exits(2);
    // A good signature, under another file.
    let other =
        ["trust-root", "verify", "ci.json", "--public-key", "release.pub.pem", "--signature"];
    let refused = room.run(&[&other[..], &[signature]].concat()).exits(4);
    assert!(refused.stderr.contains("not under this file"), "{}", refused.stderr);
    room.run(&[&hand_out[..], &["--private-key", "release.pem"]].concat()).exits(2);
    room.run(&[&hand_out[..], &["--signer", "security"]].concat()).exits(2);
}

#[test]
fn what_is_handed_out_through_a_store_is_read_back_and_kept_once() {
    let room = room_with_a_collection();
    let sign = ["--private-key", "release.pem", "--signer", "security", "--format", "json"];
    let distribute = ["trust-root", "distribute", "trust.json"];
    let handed = room.on_store(&[&distribute[..], &sign].concat()).exits(0).json();
    assert_valid(&handed, "trust-root-distribution");
    let digest = handed["sha256"].as_str().expect("text").trim_start_matches("sha256:").to_owned();
    let stored = room.stored(&format!("trust-roots/{digest}.json"));
    assert_eq!(
        fs::read(&stored).expect("there"),
        fs::read(room.path("trust.json")).expect("there")
    );
    let folder = room.stored(&format!("trust-roots/{digest}"));
    let name = handed["signature"]["sha256"]
        .as_str()
        .expect("text")
        .trim_start_matches("sha256:")
        .to_owned();
    let signature = folder.join(format!("{name}.sigstore.json"));
    let verify =
        ["trust-root", "verify", "trust.json", "--public-key", "release.pub.pem", "--signature"];
    room.run(&[&verify[..], &[&signature.display().to_string()]].concat()).exits(0);

    let again = room.on_store(&[&distribute[..], &["--format", "json"]].concat()).exits(0);
    assert_eq!(again.json()["stored"][0]["status"], "already_stored");
    assert!(again.stderr.contains("unsigned"), "{}", again.stderr);
    // Somebody put other bytes under its key.
    fs::write(&stored, "{}").expect("written");
    let refused = room.on_store(&distribute).exits(6).stderr;
    assert!(refused.contains("something else is under its key"), "{refused}");
}

#[test]
fn a_file_that_is_not_right_is_refused() {
    let room = room_with_a_collection();
    let whole = file(&room, "trust.json");
    let (first, second) = (whole["trust_roots"][0].clone(), whole["trust_roots"][1].clone());
    for (change, code) in [
        (serde_json::json!([first, first]), 3),
        (serde_json::json!([{"key_id": second["key_id"]}]), 3),
        (
            {
                let mut lying = first.clone();
                lying["key_id"] = second["key_id"].clone();
                serde_json::json!([lying])
            },
            3,
        ),
    ] {
        let mut document = whole.clone();
        document["trust_roots"] = change;
        room.write("wrong.json", document.to_string());
        for verb in ["verify", "list"] {
            let refused = room.run(&["trust-root", verb, "wrong.json"]).exits(code);
            assert!(refused.stderr.starts_with("error: wrong.json: "), "{}", refused.stderr);
        }
    }
    room.write("long.json", vec![b' '; (16 << 20) + 1]);
    room.run(&["trust-root", "verify", "long.json"]).exits(10);
}
