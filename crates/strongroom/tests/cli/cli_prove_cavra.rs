//! A CAVRA directory in the folder that an auditor gets: every file of it, and both kinds of signatures.

use std::fs;
use std::path::Path;

use serde_json::Value;
use strongroom_core::Sha256Digest;
use strongroom_core::signing::key::{Algorithm, PrivateKey};
use strongroom_testkit::S3Server;
use strongroom_testkit::s3::BucketSettings;

use crate::cavra_directory::{trust_root, write_directory};
use crate::cli_bucket::on;
use crate::cli_prove::{check, files_in};
use crate::cli_signing::trust;
use crate::room::Room;
use crate::schema::assert_valid;

/// The files of the directory, the manifest among them.
const FILES: usize = 4;
const PROVE: [&str; 5] = ["evidence", "prove", "s-1", "--format", "json"];
const BOTH: [&str; 6] =
    ["--trust-root", "cavra.json", "--trust-root", "trust.json", "--require-signatures", "2"];

/// A directory that CAVRA signed and somebody else too, in a store. `cavra.json` knows CAVRA's key by a PEM
/// text with other line ends.
fn signed_store() -> (S3Server, Room) {
    let server = S3Server::builder().bucket("evidence", BucketSettings::locked()).start_blocking();
    let room = on(Room::new(), &server);
    let cavra = PrivateKey::generate(Algorithm::Ed25519).expect("a key");
    let pem = cavra.public_key().to_pem().expect("PEM").replace('\n', "\r\n");
    write_directory(&room, Some((&cavra, &pem)));
    room.write("cavra.json", trust_root(&pem));
    room.run(&["evidence", "push", "bundle"]).exits(0);
    let key = PrivateKey::generate(Algorithm::EcdsaP256).expect("a key");
    room.write("key.pem", key.to_pem(None).expect("PEM").as_bytes());
    trust(&room, "trust.json", &key);
    let sign = ["evidence", "sign", "bundle", "--private-key", "key.pem", "--signer", "ci"];
    room.run(&sign).exits(0);
    (server, room)
}

fn prove(room: &Room, out: &str, more: &[&str], exit_code: i32) -> Value {
    let proof = room.run(&[&PROVE[..], &["-o", out], more].concat()).exits(exit_code).json();
    assert_valid(&proof, "proof");
    proof
}

/// The folder as somebody would leave it who changes it and covers that up, in all but the digest that its
/// reader has by another way.
fn reseal(folder: &Path) {
    let mut sums = String::new();
    for file in files_in(folder) {
        let path = file.strip_prefix(folder).expect("inside").to_str().expect("UTF-8");
        if path != "check" && path != "SHA256SUMS" {
            let digest = Sha256Digest::of(&fs::read(&file).expect("a file")).to_hex();
            sums += &format!("{digest}  {path}\n");
        }
    }
    let check = fs::read_to_string(folder.join("check")).expect("the script");
    let (before, rest) = check.split_once("SUMS_SHA256 = \"").expect("its digest");
    let digest = Sha256Digest::of(sums.as_bytes()).to_hex();
    fs::write(folder.join("check"), format!("{before}SUMS_SHA256 = \"{digest}{}", &rest[64..]))
        .expect("the script");
    fs::write(folder.join("SHA256SUMS"), sums).expect("the list");
}

#[test]
fn a_directory_is_gathered_as_it_lies_in_the_store_and_the_script_notices_every_byte() {
    let (_server, room) = signed_store();
    let proof = prove(&room, "proof", &BOTH, 0);
    let folder = room.path("proof");
    let (code, text) = check(&folder);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains(proof["sums_sha256"].as_str().expect("a digest")), "{text}");
    assert_eq!(text.matches(": valid by ").count(), 2, "{text}");
    assert!(text.contains("by cavra ci, in the manifest itself"), "{text}");
    assert_eq!(text.matches("proves its id, byte for byte").count(), 1, "{text}");

    let bundle = &proof["bundles"][0];
    let objects = bundle["objects"].as_array().expect("objects");
    assert_eq!(objects.len(), FILES);
    let locks = fs::read(folder.join(bundle["locks"].as_str().expect("locks"))).expect("locks");
    let locks: Value = serde_json::from_slice(&locks).expect("JSON");
    for object in objects {
        let path = object["path"].as_str().expect("a path");
        let inside = path.splitn(3, '/').nth(2).expect("a path inside");
        let was = fs::read(room.path("bundle").join(inside)).expect("a file");
        assert_eq!(fs::read(folder.join(path)).expect("the same"), was, "{path}");
        let mut told = locks["objects"].as_array().expect("locks").iter();
        let lock = told.find(|lock| lock["key"] == object["key"]).expect("its lock");
        assert_eq!(lock["version_id"], object["version_id"]);
        assert_eq!((&lock["standing"], &lock["legal_hold"]), (&"kept".into(), &true.into()));
    }

    for file in files_in(&folder).iter().filter(|file| !file.ends_with("check")) {
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
    assert_eq!(check(&folder).0, 0, "as it was");
}

#[test]
fn without_a_trust_root_both_signatures_are_unchecked_and_with_one_only_its_own_counts() {
    let (_server, room) = signed_store();
    prove(&room, "unchecked", &[], 0);
    let (code, text) = check(&room.path("unchecked"));
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("2 signatures, UNCHECKED") && !text.contains("valid by"), "{text}");
    for (root, needed, ends) in [
        ("cavra.json", "1", 0),
        ("trust.json", "1", 0),
        ("cavra.json", "2", 4),
        ("trust.json", "2", 4),
    ] {
        let out = format!("{root}-{needed}");
        prove(&room, &out, &["--trust-root", root, "--require-signatures", needed], ends);
        let (code, text) = check(&room.path(&out));
        assert_eq!(code, i32::from(ends != 0), "{out}: {text}");
    }
    let revoked = fs::read_to_string(room.path("cavra.json")).expect("a root");
    room.write("revoked.json", revoked.replace("\"active\"", "\"revoked\""));
    prove(&room, "revoked", &["--trust-root", "revoked.json"], 4);
    let (code, text) = check(&room.path("revoked"));
    assert!(code == 1 && text.contains(": revoked by cavra ci"), "{text}");
}

/// What the script says of a directory and of its signature rests on their own bytes, not on the list.
#[test]
fn a_folder_whose_list_was_made_anew_does_not_prove_another_directory() {
    type Tamper = fn(&Path);
    let tampered: [(&str, Tamper, &str); 6] = [
        ("nothing", |_| (), "passed"),
        (
            "a file's bytes",
            |root| {
                fs::write(root.join("evidence.json"), b"{\"session_id\": \"s-2\"}")
                    .unwrap_or_default()
            },
            "not what the manifest says",
        ),
        (
            "a file more",
            |root| fs::write(root.join("logs/more.txt"), b"x").unwrap_or_default(),
            "not the files that the manifest lists",
        ),
        (
            "a file less",
            |root| fs::remove_file(root.join("retention-policy.json")).unwrap_or_default(),
            "not the files that the manifest lists",
        ),
        (
            "the manifest",
            |root| {
                let text = fs::read_to_string(root.join("manifest.json")).unwrap_or_default();
                fs::write(root.join("manifest.json"), text.replace("\"ci\"", "\"cd\""))
                    .unwrap_or_default();
            },
            "not the one whose digest is the id",
        ),
        (
            "the name of the key",
            |root| {
                let proof = root.join("../../proof.json");
                let text = fs::read_to_string(&proof).unwrap_or_default();
                let (before, rest) = text.split_once("\"cavra_keys\"").unwrap_or_default();
                fs::write(proof, format!("{before}\"keys\"{rest}")).unwrap_or_default();
            },
            "1 valid signatures by different keys, where 2 are asked for",
        ),
    ];
    let (_server, room) = signed_store();
    for (name, tamper, says) in tampered {
        let out = name.replace(' ', "-");
        let proof = prove(&room, &out, &BOTH, 0);
        let path = proof["bundles"][0]["path"].as_str().expect("a path");
        tamper(&room.path(&out).join(path));
        reseal(&room.path(&out));
        let (code, text) = check(&room.path(&out));
        assert_eq!(
            (code, text.contains(says)),
            (i32::from(name != "nothing"), true),
            "{name}: {text}"
        );
    }
}

#[test]
fn what_lies_below_garbage_is_gathered_and_a_directory_that_lacks_a_file_is_told() {
    let (server, room) = signed_store();
    let bucket = server.bucket("evidence");
    for key in bucket.keys_under("team/bundles/cavra/") {
        bucket.plant_over(&key, "garbage");
        let id = key.split('/').nth(3).expect("an id");
        bucket.put(&format!("team/bundles/sha256:{id}.tar.gz"), "garbage");
    }
    assert_eq!(prove(&room, "whole", &BOTH, 0)["is_whole"], true);
    assert_eq!(check(&room.path("whole")).0, 0);

    let lost = S3Server::builder().bucket("evidence", BucketSettings::plain()).start_blocking();
    let room = on(room, &lost);
    room.run(&["evidence", "push", "bundle", "--allow-unlocked"]).exits(0);
    let bucket = lost.bucket("evidence");
    let keys = bucket.keys_under("team/bundles/cavra/");
    let key = keys.iter().find(|key| key.ends_with("evidence.json")).expect("a key");
    bucket.delete(key);
    room.run(&[&PROVE[..], &["-o", "lost"]].concat()).exits(7);
    assert!(!room.path("lost").exists());
    let id = format!("sha256:{}", key.split('/').nth(3).expect("an id"));
    let pull = ["evidence", "pull", "--bundle-id", &id, "--out", "one"];
    let refused = room.run(&pull).exits(7);
    assert!(refused.stderr.contains("which the manifest lists"), "{}", refused.stderr);
}
