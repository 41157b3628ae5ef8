//! What an auditor gets: a folder that is checked without Strongroom, and that notices every byte.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use strongroom_core::signing::key::{Algorithm, PrivateKey};
use strongroom_core::signing::trust::{TrustRoot, Window};
use strongroom_testkit::S3Server;
use strongroom_testkit::s3::BucketSettings;

use crate::cli_bucket::on;
use crate::room::Room;
use crate::schema::assert_valid;

/// Where `sha256sum`, `openssl` and Python are; Strongroom is not.
const TOOLS: &str = "/usr/local/bin:/usr/bin:/bin";

/// Runs the folder's own script, with an empty environment but for where tools are.
pub fn check(folder: &Path) -> (i32, String) {
    let output = Command::new(folder.join("check")).env_clear().env("PATH", TOOLS).output();
    let output = output.expect("python3 runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code().expect("a code"), text + &String::from_utf8_lossy(&output.stderr))
}

pub fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

/// A store with two bundles about one subject, each signed by both kinds of key.
fn signed_store() -> (S3Server, Room) {
    let server = S3Server::builder().bucket("evidence", BucketSettings::locked()).start_blocking();
    let room = on(Room::with_results(), &server);
    for (number, run) in ["1", "2"].into_iter().enumerate() {
        let name = format!("{run}.tar.gz");
        room.write("results/run.txt", run);
        let bundle = ["evidence", "bundle", "results", "-o", &name, "--subject", "acme/widget"];
        room.run(&[&bundle[..], &["--run-id", run]].concat()).exits(0);
        room.run(&["evidence", "push", &name, "--retain-until", "1d"]).exits(0);
        for algorithm in [Algorithm::Ed25519, Algorithm::EcdsaP256] {
            let key = PrivateKey::generate(algorithm).expect("a key");
            let owner = format!("{algorithm} {number}");
            let root = TrustRoot::new(key.public_key().clone(), &owner, Window::default());
            let root = root.expect("a root").to_document().expect("a document");
            room.write(&format!("{algorithm}-{number}.json"), root);
            room.write("key.pem", key.to_pem(None).expect("PEM").as_bytes());
            let sign = ["evidence", "sign", &name, "--private-key", "key.pem", "--signer", "ci"];
            room.run(&sign).exits(0);
        }
    }
    (server, room)
}

const ROOTS: [&str; 8] = [
    "--trust-root",
    "Ed25519-0.json",
    "--trust-root",
    "Ed25519-1.json",
    "--trust-root",
    "ECDSA-P256-SHA256-0.json",
    "--trust-root",
    "ECDSA-P256-SHA256-1.json",
];

#[test]
fn a_folder_passes_its_own_check_and_notices_every_byte() {
    let (_server, room) = signed_store();
    let prove = ["evidence", "prove", "acme/widget", "-o", "proof", "--format", "json"];
    let proof = room.run(&[&prove[..], &ROOTS].concat()).exits(0).json();
    assert_valid(&proof, "proof");
    let folder = room.path("proof");
    let (code, text) = check(&folder);
    assert_eq!(code, 0, "{text}");
    let digest = proof["sums_sha256"].as_str().expect("a digest");
    assert!(text.contains(digest), "{text}");
    assert_eq!(text.matches(": valid by ").count(), 4, "{text}");
    assert_eq!(text.matches("proves its id, byte for byte").count(), 2, "{text}");

    let files = files_in(&folder);
    assert!(files.len() > 12, "{files:?}");
    for file in files.iter().filter(|file| !file.ends_with("check")) {
        let whole = fs::read(file).expect("the file");
        for at in [0, whole.len() / 2, whole.len() - 1] {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            fs::write(file, flipped).expect("flipped");
            let (code, text) = check(&folder);
            assert_eq!(code, 1, "{} at {at}: {text}", file.display());
        }
        fs::write(file, whole).expect("as it was");
    }
    fs::write(folder.join("more"), "x").expect("another file");
    assert_eq!(check(&folder).0, 1);
    fs::remove_file(folder.join("more")).expect("gone");
    fs::remove_file(&files[0]).expect("a file goes");
    assert_eq!(check(&folder).0, 1);
}

/// A delete marker over a reference is no way to keep a bundle from an auditor.
#[test]
fn a_subject_whose_references_were_deleted_is_proven_wholly() {
    let (server, room) = signed_store();
    let bucket = server.bucket("evidence");
    let references = bucket.keys_under("team/subjects/");
    assert!(!references.is_empty(), "{:?}", bucket.keys());
    references.iter().for_each(|key| bucket.delete(key));
    let prove = ["evidence", "prove", "acme/widget", "-o", "proof", "--format", "json"];
    let proof = room.run(&prove).exits(0).json();
    assert_eq!(proof["bundles"].as_array().expect("bundles").len(), 2, "{proof}");
}

#[test]
fn without_a_trust_root_the_signatures_are_unchecked_and_the_rest_is() {
    let (_server, room) = signed_store();
    room.run(&["evidence", "prove", "1", "-o", "proof"]).exits(0);
    let (code, text) = check(&room.path("proof"));
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("2 signatures, UNCHECKED"), "{text}");
    assert!(!text.contains("valid by"), "{text}");
    let readme = fs::read_to_string(room.path("proof/README.md")).expect("a README");
    assert!(readme.contains("the signatures are unchecked"), "{readme}");
    room.run(&["evidence", "prove", "1", "-o", "proof"]).exits(6);
    room.run(&["evidence", "prove", "nobody", "-o", "other"]).exits(7);
    assert!(!room.path("other").exists());
}

/// The script decides by itself, by the same table.
#[test]
fn a_key_that_is_not_believed_makes_the_check_fail() {
    let (_server, room) = signed_store();
    let stranger = PrivateKey::generate(Algorithm::Ed25519).expect("a key");
    let root = TrustRoot::new(stranger.public_key().clone(), "stranger", Window::default());
    room.write("stranger.json", root.expect("a root").to_document().expect("a document"));
    let prove = ["evidence", "prove", "1", "-o", "proof", "--trust-root", "stranger.json"];
    room.run(&prove).exits(4);
    let (code, text) = check(&room.path("proof"));
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("0 valid signatures by different keys, where 1 are asked"), "{text}");

    let revoked = fs::read(room.path("Ed25519-0.json")).expect("a root");
    let mut root: serde_json::Value = serde_json::from_slice(&revoked).expect("JSON");
    root["status"] = "revoked".into();
    room.write("revoked.json", root.to_string());
    let prove = ["evidence", "prove", "1", "-o", "revoked", "--trust-root", "revoked.json"];
    room.run(&prove).exits(4);
    let (code, text) = check(&room.path("revoked"));
    assert_eq!(code, 1, "{text}");
    assert!(text.contains(": revoked by "), "{text}");
}

/// What was asked of the signatures is asked by the script too, and nothing in the folder gets into it.
#[test]
fn the_script_asks_what_was_asked_and_imports_nothing_from_the_folder() {
    let (_server, room) = signed_store();
    let prove = |name: &'static str, more: &[&str]| {
        let prove = ["evidence", "prove", "1", "-o", name];
        room.run(&[&prove[..], &ROOTS, more].concat()).code
    };
    assert_eq!(prove("two", &["--require-signatures", "2"]), 0);
    assert_eq!(check(&room.path("two")).0, 0);
    for (name, more) in
        [("three", ["--require-signatures", "3"]), ("signer", ["--require-signer", "nobody"])]
    {
        assert_eq!(prove(name, &more), 4, "{name}");
        let (code, text) = check(&room.path(name));
        assert_eq!(code, 1, "{name}: {text}");
    }
    let folder = room.path("two");
    fs::write(folder.join("json.py"), "print('imported'); raise SystemExit(0)").expect("planted");
    for runner in [vec![folder.join("check")], vec!["python3".into(), folder.join("check")]] {
        let output =
            Command::new(&runner[0]).args(&runner[1..]).env_clear().env("PATH", TOOLS).output();
        let output = output.expect("it runs");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(!String::from_utf8_lossy(&output.stdout).contains("imported"), "{output:?}");
    }
}

/// A bundle that nobody signed is none that passes where signatures are asked for; what is planted beside
/// good signatures takes nothing away.
#[test]
fn a_bundle_without_signatures_fails_and_planted_ones_do_not_break_the_script() {
    let (server, room) = signed_store();
    let bucket = server.bucket("evidence");
    let id =
        bucket.keys_under("team/attestations/")[0].split('/').nth(2).expect("an id").to_owned();
    for planted in ["[".repeat(200_000), "{}".to_owned(), r#"{"mediaType": 5}"#.to_owned()] {
        let digest = strongroom_core::Sha256Digest::of(planted.as_bytes()).to_hex();
        bucket.put(&format!("team/attestations/{id}/{digest}.sigstore.json"), planted);
    }
    bucket.put(&format!("team/attestations/{id}/{}.sigstore.json", "0".repeat(64)), "x");
    let prove = ["evidence", "prove", "acme/widget", "-o"];
    room.run(&[&prove[..], &["planted"], &ROOTS].concat()).exits(0);
    let (code, text) = check(&room.path("planted"));
    assert_eq!(code, 0, "{text}");
    assert_eq!(text.matches(": not readable").count(), 3, "{text}");

    room.write("results/run.txt", "3");
    let bundle = ["evidence", "push", "results", "--subject", "acme/widget"];
    room.run(&bundle).exits(0);
    room.run(&[&prove[..], &["unsigned"], &ROOTS].concat()).exits(4);
    let (code, text) = check(&room.path("unsigned"));
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("0 valid signatures by different keys"), "{text}");
}

#[test]
fn what_could_not_be_had_is_said_and_the_rest_is_there() {
    let (server, room) = signed_store();
    let bucket = server.bucket("evidence");
    let hidden =
        bucket.keys().into_iter().find(|key| key.starts_with("team/bundles/")).expect("one");
    bucket.plant_over(&hidden, "garbage");
    for version in bucket.versions(&hidden) {
        assert!(!version.id.is_empty());
    }
    // Below the garbage is the bundle: nothing is missing.
    let whole = ["evidence", "prove", "acme/widget", "-o", "whole", "--format", "json"];
    assert_eq!(room.run(&whole).exits(0).json()["is_whole"], true);
    let foreign = "sha256:".to_owned() + &"0".repeat(64);
    bucket.put(&format!("team/subjects/acme%2Fwidget/{foreign}.ref"), foreign);
    let part = ["evidence", "prove", "acme/widget", "-o", "part", "--format", "json"];
    let proof = room.run(&part).exits(13).json();
    assert_valid(&proof, "proof");
    assert_eq!(proof["missing"][0]["what"], "bundle");
    let (code, text) = check(&room.path("part"));
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("not all that there was"), "{text}");
}
