//! Bundles that are signed, and what their signatures are worth: by a file, by a store, by whom one
//! believes.

use std::fs;

use serde_json::{Value, json};
use strongroom_core::retention::LockMode;
use strongroom_core::signing::SignatureFile;
use strongroom_core::signing::key::{Algorithm, PrivateKey};
use strongroom_core::signing::trust::{TrustRoot, Window};
use strongroom_testkit::S3Server;
use strongroom_testkit::s3::BucketSettings;

use crate::cli_bucket::on;
use crate::room::{Outcome, Room};
use crate::schema::assert_valid;

pub const BOTH: [Algorithm; 2] = [Algorithm::Ed25519, Algorithm::EcdsaP256];

/// A room with a bundle, a private key and a trust root of it.
pub fn room(algorithm: Algorithm) -> (Room, PrivateKey) {
    let room = Room::with_results();
    room.run(&["evidence", "bundle", "results", "-o", "b.tar.gz"]).exits(0);
    let key = PrivateKey::generate(algorithm).expect("a key");
    room.write("key.pem", key.to_pem(None).expect("PEM").as_bytes());
    trust(&room, "trust.json", &key);
    (room, key)
}

pub fn trust(room: &Room, name: &str, key: &PrivateKey) {
    let root = TrustRoot::new(key.public_key().clone(), "security", Window::default());
    room.write(name, root.expect("a root").to_document().expect("a document"));
}

pub const SIGN: [&str; 9] = [
    "evidence",
    "sign",
    "b.tar.gz",
    "--private-key",
    "key.pem",
    "--signer",
    "ci",
    "--format",
    "json",
];

fn verify(room: &Room, more: &[&str]) -> Outcome {
    room.run(&[&["evidence", "verify", "b.tar.gz", "--format", "json"], more].concat())
}

const WITH_FILE: [&str; 2] = ["--signature", "s.json"];
const TRUSTING: [&str; 4] = ["--signature", "s.json", "--trust-root", "trust.json"];

#[test]
fn a_signature_is_valid_by_a_key_that_is_believed_and_unchecked_without_one() {
    for algorithm in BOTH {
        let (room, key) = room(algorithm);
        let signed = room.run(&[&SIGN[..], &["-o", "s.json"]].concat()).exits(0).json();
        assert_valid(&signed, "signed");
        assert_eq!(signed["key_id"], key.public_key().id().to_string());

        let unchecked = verify(&room, &WITH_FILE).exits(0).json();
        assert_valid(&unchecked, "verification");
        assert_eq!(unchecked["signatures_status"], "unchecked");
        assert_eq!(unchecked["signatures"][0]["state"], "unchecked");
        let valid = verify(&room, &TRUSTING).exits(0).json();
        assert_valid(&valid, "verification");
        assert_eq!(valid["signatures_status"], "met");
        let signature = &valid["signatures"][0];
        assert_eq!(
            (&signature["state"], &signature["owner"]),
            (&json!("valid"), &json!("security"))
        );
        assert_eq!(signature["claimed_signer"], "ci");

        verify(&room, &[&TRUSTING[..], &["--require-signer", "security"]].concat()).exits(0);
        verify(&room, &[&TRUSTING[..], &["--require-signer", "ci"]].concat()).exits(4);
        verify(&room, &[&TRUSTING[..], &["--require-signatures", "2"]].concat()).exits(4);
        let unmet = verify(&room, &[&WITH_FILE[..], &["--require-signatures", "1"]].concat());
        assert!(unmet.exits(4).stderr.contains("--trust-root"));
        verify(&room, &["--trust-root", "trust.json"]).exits(4);
    }
}

/// What was done to the evidence, the signature or the trust root; and how it must end where the key is
/// good, and where it is not.
pub const TAMPERED: [(&str, i32, i32); 12] = [
    ("nothing", 0, 4),
    ("archive compressed anew", 0, 4),
    ("archive byte", 3, 3),
    ("manifest", 4, 4),
    ("statement", 4, 4),
    ("predicate", 4, 4),
    ("signature byte", 4, 4),
    ("no signature", 4, 4),
    ("two signatures", 4, 4),
    ("key id of nobody", 4, 4),
    ("key id of another", 4, 4),
    ("trust root of another", 4, 4),
];

/// What is known of a key, as changes to its trust root from `now` on; with a signature that claims to be
/// a year old; whether that is enough without and with a time that is trusted (of this moment), and with
/// the claimed time accepted.
pub const KEYS: [(&str, [bool; 3]); 8] = [
    ("good for ever", [true, true, true]),
    ("good from two years ago to tomorrow", [true, true, true]),
    ("expired yesterday", [false, false, true]),
    ("good from tomorrow", [false, false, false]),
    ("retired yesterday", [false, false, true]),
    ("revoked since ever", [false, false, false]),
    ("revoked since yesterday", [false, false, false]),
    ("revoked from tomorrow", [false, true, false]),
];

pub fn root_document(name: &str, key: &PrivateKey, now: jiff::Timestamp) -> Vec<u8> {
    let days =
        |days: i64| now.checked_add(jiff::SignedDuration::from_hours(24 * days)).expect("a time");
    let window = match name {
        "good from two years ago to tomorrow" => {
            Window { from: Some(days(-730)), until: Some(days(1)) }
        }
        "expired yesterday" => Window { from: Some(days(-730)), until: Some(days(-1)) },
        "good from tomorrow" => Window { from: Some(days(1)), until: None },
        _ => Window::default(),
    };
    let mut root = TrustRoot::new(key.public_key().clone(), "security", window).expect("a root");
    match name {
        "retired yesterday" => root.retire(days(-1), None).expect("retired"),
        "revoked since ever" => root.revoke(None, None).expect("revoked"),
        "revoked since yesterday" => root.revoke(Some(days(-1)), None).expect("revoked"),
        "revoked from tomorrow" => root.revoke(Some(days(1)), None).expect("revoked"),
        _ => {}
    }
    root.to_document().expect("a document")
}

/// A signature that says it is a year old: whoever has the key can write that.
pub fn backdated(room: &Room, key: &PrivateKey, now: jiff::Timestamp) -> SignatureFile {
    let bytes = fs::read(room.path("s.json")).expect("the signature");
    let mut statement =
        SignatureFile::read(&bytes).expect("a file").unchecked_statement().expect("a statement");
    let year_ago = now.checked_sub(jiff::SignedDuration::from_hours(24 * 365)).expect("a time");
    statement.predicate.insert("signed_at".into(), json!(year_ago));
    let signature = key.sign(&SignatureFile::to_sign(&statement).expect("bytes"));
    SignatureFile::new(&statement, key.public_key().id(), signature).expect("a file")
}

pub fn tamper(room: &Room, what: &str, file: &SignatureFile, other: &PrivateKey) {
    let mut document: Value =
        serde_json::from_slice(&file.to_bytes().expect("bytes")).expect("JSON");
    let envelope = &mut document["dsseEnvelope"];
    let change = |file: &SignatureFile| {
        serde_json::from_slice::<Value>(&file.to_bytes().expect("bytes")).expect("JSON")
    };
    match what {
        "statement" | "predicate" => {
            let mut statement = file.unchecked_statement().expect("a statement");
            if what == "statement" {
                statement.subjects.pop();
            } else {
                statement.predicate.insert("signer".into(), json!("somebody else"));
            }
            let payload = statement.to_bytes().expect("bytes");
            document = change(&SignatureFile { payload, ..file.clone() });
        }
        "signature byte" => {
            let mut signature = file.signature.clone();
            *signature.last_mut().expect("bytes") ^= 1;
            document = change(&SignatureFile { signature, ..file.clone() });
        }
        "no signature" => envelope["signatures"] = json!([]),
        "two signatures" => {
            let one = envelope["signatures"][0].clone();
            envelope["signatures"] = json!([one, one]);
        }
        "key id of nobody" => {
            let nobody = PrivateKey::generate(Algorithm::Ed25519).expect("a key");
            let key_hint = nobody.public_key().id().to_string();
            document = change(&SignatureFile { key_hint, ..file.clone() });
        }
        "key id of another" => {
            let key_hint = other.public_key().id().to_string();
            document = change(&SignatureFile { key_hint, ..file.clone() });
        }
        _ => {}
    }
    room.write("t.json", document.to_string());
}

/// The archive that a cell is about.
pub fn archive_of(what: &str) -> &'static str {
    match what {
        "archive compressed anew" => "recompressed.tar.gz",
        "archive byte" => "flipped.tar.gz",
        "manifest" => "manifest.tar.gz",
        _ => "b.tar.gz",
    }
}

/// The archives of all cells.
pub fn archives(room: &Room) {
    let whole = fs::read(room.path("b.tar.gz")).expect("the bundle");
    let mut flipped = whole;
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    room.write("flipped.tar.gz", flipped);
    // Other compressed bytes of the same tar, and another manifest.
    let script = "gzip -dc b.tar.gz > b.tar && gzip -9nc b.tar > recompressed.tar.gz && rm b.tar";
    let done =
        std::process::Command::new("sh").args(["-c", script]).current_dir(room.work()).status();
    assert!(done.expect("sh").success());
    room.run(&["evidence", "bundle", "results", "-o", "manifest.tar.gz", "--subject", "else"])
        .exits(0);
}

/// Key state x time x algorithm x what was tampered with: how each cell must end.
#[test]
fn every_cell_of_the_trust_matrix_ends_as_it_must() {
    for algorithm in BOTH {
        let (room, key) = room(algorithm);
        let other = PrivateKey::generate(algorithm).expect("a key");
        let now = strongroom_storage::Clock::system().now();
        archives(&room);
        room.run(&[&SIGN[..], &["-o", "s.json"]].concat()).exits(0);
        let file = backdated(&room, &key, now);
        trust(&room, "other.json", &other);
        for (what, good, bad) in TAMPERED {
            tamper(&room, what, &file, &other);
            let archive = archive_of(what);
            for (name, [without_time, _, with_claimed]) in KEYS {
                room.write("root.json", root_document(name, &key, now));
                let root = if what == "trust root of another" { "other.json" } else { "root.json" };
                let mut asked = vec!["evidence", "verify", archive, "--signature", "t.json"];
                asked.extend(["--trust-root", root]);
                // Where another key is named, it is one that is believed.
                if what == "key id of another" {
                    asked.extend(["--trust-root", "other.json"]);
                }
                for (flag, is_enough) in
                    [(None, without_time), (Some("--accept-claimed-time"), with_claimed)]
                {
                    let asked: Vec<&str> = asked.iter().copied().chain(flag).collect();
                    let expected = if is_enough { good } else { bad };
                    let seen = room.run(&asked);
                    assert_eq!(
                        seen.code, expected,
                        "{algorithm}, {what}, key {name}, {flag:?}: {}{}",
                        seen.stdout, seen.stderr
                    );
                }
            }
        }
    }
}

/// The same keys, where the store keeps the signature under a COMPLIANCE lock: that it was there by now is
/// a time that can be trusted.
#[test]
fn a_compliance_lock_vouches_for_a_time_and_a_governance_lock_does_not() {
    for (mode, vouches) in [("compliance", true), ("governance", false)] {
        let server =
            S3Server::builder().bucket("evidence", BucketSettings::locked()).start_blocking();
        let (room, key) = room(Algorithm::EcdsaP256);
        let room = on(room, &server);
        let now = strongroom_storage::Clock::system().now();
        let day = now.checked_add(jiff::SignedDuration::from_hours(72)).expect("a time");
        let day = day.strftime("%F").to_string();
        let push = ["evidence", "push", "b.tar.gz", "--retain-until", "1d", "--lock", mode];
        room.run(&[&push[..], &["--yes-lock-until", &day]].concat()).exits(0);
        // Nobody accepted a lock that cannot be undone.
        if vouches {
            room.run(&SIGN).exits(2);
        }
        let signed = room.run(&[&SIGN[..], &["--yes-lock-until", &day]].concat()).exits(0).json();
        assert_valid(&signed, "signed");
        assert_eq!(signed["attached"]["lock"]["mode"], mode);
        let again = room.run(&[&SIGN[..], &["--yes-lock-until", &day]].concat()).exits(0).json();
        assert_eq!(
            again["sha256"] == signed["sha256"],
            again["attached"]["already_stored"] == true
        );

        for (name, [without_time, trusted, _]) in KEYS {
            room.write("root.json", root_document(name, &key, now));
            let store = ["--store", "s3://evidence/team", "--trust-root", "root.json"];
            let seen = verify(&room, &store);
            // Of today's signatures the claimed time is today's.
            let claimed_today = without_time && name != "good from tomorrow";
            let is_enough = if vouches { trusted } else { claimed_today };
            assert_eq!(seen.code, if is_enough { 0 } else { 4 }, "{mode}, {name}: {}", seen.stdout);
            assert_valid(&seen.json(), "verification");
        }
    }
}

#[test]
fn a_pull_with_a_trust_root_writes_nothing_that_is_not_signed() {
    let server = S3Server::builder().bucket("evidence", BucketSettings::locked()).start_blocking();
    let (room, _key) = room(Algorithm::Ed25519);
    let room = on(room, &server);
    let receipt = room.run(&["evidence", "push", "b.tar.gz", "--run-id", "7", "--format", "json"]);
    let id = receipt.exits(0).json()["bundle_id"].as_str().expect("an id").to_owned();
    let pull = ["evidence", "pull", "--bundle-id", &id, "--out", "got.tar.gz", "--trust-root"];
    let refused = room.run(&[&pull[..], &["trust.json"]].concat()).exits(4);
    assert!(refused.stderr.contains("1 valid needed, 0 there"), "{}", refused.stderr);
    assert!(!room.path("got.tar.gz").exists());

    room.run(&SIGN).exits(0);
    let pulled =
        room.run(&[&pull[..], &["trust.json", "--format", "json"]].concat()).exits(0).json();
    assert_valid(&pulled, "pull");
    let files = pulled["pulled"][0]["signature_files"].as_array().expect("files");
    let file = files[0].as_str().expect("a path");
    let offline = ["evidence", "verify", "got.tar.gz", "--signature", file];
    room.run(&[&offline[..], &["--trust-root", "trust.json"]].concat()).exits(0);
    let run = ["evidence", "pull", "--run-id", "7", "--out", "run", "--trust-root", "trust.json"];
    room.run(&run).exits(0);
    // What the folder holds is held against its signatures again.
    room.run(&[&run[..], &["--require-signer", "nobody"]].concat()).exits(4);
}

/// Garbage on top of a signature, or a delete marker, takes nothing back; a planted one counts for nothing.
#[test]
fn what_is_put_on_top_of_a_signature_hides_nothing() {
    let server = S3Server::builder().bucket("evidence", BucketSettings::locked()).start_blocking();
    let (room, _key) = room(Algorithm::Ed25519);
    let room = on(room, &server);
    room.run(&["evidence", "push", "b.tar.gz"]).exits(0);
    let key =
        room.run(&SIGN).exits(0).json()["attached"]["key"].as_str().expect("a key").to_owned();
    let bucket = server.bucket("evidence");
    let store = ["--store", "s3://evidence/team", "--trust-root", "trust.json"];
    bucket.plant_over(&key, "garbage");
    verify(&room, &store).exits(0);
    bucket.delete(&key);
    verify(&room, &store).exits(0);
    let (folder, _) = key.rsplit_once('/').expect("a folder");
    bucket.put(&format!("{folder}/{}.sigstore.json", "0".repeat(64)), "{}");
    let seen = verify(&room, &store).exits(0).json();
    let states: Vec<&str> = seen["signatures"]
        .as_array()
        .expect("signatures")
        .iter()
        .filter_map(|signature| signature["state"].as_str())
        .collect();
    assert_eq!(states, ["invalid", "valid"]);
    // Nor does it where nobody says whom to believe: it was not named.
    verify(&room, &["--store", "s3://evidence/team"]).exits(0);
}

#[test]
fn a_bundle_can_be_signed_when_it_is_made_and_anything_can_be_said_of_it() {
    let (room, _key) = room(Algorithm::Ed25519);
    let made = room.run(&[
        "evidence",
        "bundle",
        "results",
        "-o",
        "c.tar.gz",
        "--signer",
        "ci",
        "--private-key",
        "key.pem",
        "--format",
        "json",
    ]);
    let made = made.exits(0).json();
    assert_valid(&made, "bundled");
    let signature = made["signature"]["path"].as_str().expect("a path");
    let trusting = ["--trust-root", "trust.json"];
    let verify = ["evidence", "verify", "c.tar.gz", "--signature", signature];
    room.run(&[&verify[..], &trusting].concat()).exits(0);

    room.write("review.json", r#"{"verdict": "approved"}"#);
    let attest = [
        "evidence",
        "attest",
        "b.tar.gz",
        "--predicate",
        "review.json",
        "--type",
        "https://example.org/review/v1",
        "--private-key",
        "key.pem",
        "--format",
        "json",
    ];
    let attested = room.run(&[&attest[..], &["-o", "r.json"]].concat()).exits(0).json();
    assert_eq!(attested["predicate_type"], "https://example.org/review/v1");
    let verify = ["evidence", "verify", "b.tar.gz", "--signature", "r.json", "--format", "json"];
    // Whoever says something else of a bundle, that they reject it perhaps, does not stand for it.
    let seen = room.run(&[&verify[..], &trusting].concat()).exits(4).json();
    assert_eq!(seen["signatures"][0]["predicate_type"], "https://example.org/review/v1");
    assert_eq!(seen["signatures"][0]["state"], "valid");
    let counting = ["--predicate-type", "https://example.org/review/v1"];
    room.run(&[&verify[..], &trusting, &counting].concat()).exits(0);
    let none_needed = ["--require-signatures", "0"];
    let seen = room.run(&[&verify[..], &trusting, &none_needed].concat()).exits(0).json();
    assert_eq!(seen["signatures_status"], "not_asked");
    // A file that is no signature is no unchecked one.
    room.run(&["evidence", "verify", "b.tar.gz", "--signature", "review.json"]).exits(3);

    room.run(&[&attest[..], &["-o", "r.json"]].concat()).exits(6);
    room.run(&["evidence", "bundle", "results", "-o", "d.tar.gz", "--signer", "ci"]).exits(2);
    room.run(&["evidence", "sign", "b.tar.gz", "-o", "x", "--private-key", "key.pem"]).exits(2);
    room.write("list.json", "[]");
    let list = attest.map(|word| if word == "review.json" { "list.json" } else { word });
    room.run(&[&list[..], &["-o", "x.json"]].concat()).exits(2);
    assert!(!room.path("x.json").exists());
}

/// The minimum comes from what the manifest declares and, where a store is named, from the lock there.
#[test]
fn the_minimum_retention_is_what_is_declared_and_locked() {
    let server = S3Server::builder().bucket("evidence", BucketSettings::locked()).start_blocking();
    let room = on(Room::with_results(), &server);
    let bundle = ["evidence", "bundle", "results", "-o", "b.tar.gz"];
    room.run(&[&bundle[..], &["--retention-days", "30"]].concat()).exits(0);
    let minimum =
        |days, more: &[&str]| verify(&room, &[&["--minimum-retention-days", days], more].concat());
    let seen = minimum("30", &[]).exits(0).json();
    assert_valid(&seen, "verification");
    minimum("31", &[]).exits(5);
    let store = ["--store", "s3://evidence/team"];
    // What is declared is only what was asked for: the lock is what was set.
    // A day more than is asked below: a lock's length counts from before it was stored.
    room.run(&["evidence", "push", "b.tar.gz", "--retain-until", "21d"]).exits(0);
    minimum("30", &store).exits(5);
    let locked = minimum("20", &store).exits(0).json();
    assert_valid(&locked, "verification");
    assert!(locked["minimum_retention"]["locked"][0]["retention"].is_object(), "{locked}");
    let id = locked["bundle_id"].as_str().expect("an id");
    // A planted object under a long lock, with a record that names it, is not the bundle.
    let bucket = server.bucket("evidence");
    let key = format!("team/bundles/{id}.tar.gz");
    let size = bucket.object(&key).expect("the bundle").len();
    bucket.set_up(BucketSettings::locked().default_retention(LockMode::Governance, 1_000));
    bucket.plant_over(&key, vec![b'x'; size]);
    let records = format!("team/records/{id}/");
    let record = bucket.object(&bucket.keys_under(&records)[0]).expect("a record");
    let mut record: Value = serde_json::from_slice(&record).expect("JSON");
    record["version_id"] = bucket.versions(&key)[0].id.clone().into();
    let name = strongroom_storage::Clock::system().new_id();
    bucket.put(&format!("{records}{name}.json"), record.to_string());
    minimum("20", &store).exits(0);
    minimum("30", &store).exits(5);
    server.bucket("evidence").delete(&format!("team/bundles/{id}.tar.gz"));
    minimum("10", &["--store", "s3://evidence/elsewhere"]).exits(7);
}
