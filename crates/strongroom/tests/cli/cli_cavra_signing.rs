//! Detached signatures of CAVRA directories, beside the one that a manifest carries itself.

use std::fs;

use serde_json::{Value, json};
use strongroom_core::Sha256Digest;
use strongroom_core::signing::key::{Algorithm, PrivateKey};
use strongroom_testkit::S3Server;
use strongroom_testkit::s3::BucketSettings;

use crate::cavra_directory::{trust_root, write_directory};
use crate::cli_bucket::on;
use crate::cli_signing::{BOTH, trust};
use crate::room::{Outcome, Room};
use crate::schema::assert_valid;

const SIGN: [&str; 7] =
    ["evidence", "sign", "bundle", "--private-key", "key.pem", "--format", "json"];
const VERIFY: [&str; 5] = ["evidence", "verify", "bundle", "--format", "json"];
const OURS: [&str; 4] = ["--signature", "s.json", "--trust-root", "trust.json"];
const CAVRAS: [&str; 2] = ["--trust-root", "cavra.json"];

/// A room with a directory that CAVRA signed, `cavra.json` its trust root; and a key of ours, `key.pem`,
/// with `trust.json`.
fn room(algorithm: Algorithm) -> Room {
    let room = Room::new();
    dress(&room, algorithm, str::to_owned);
    room
}

/// The same, where CAVRA's PEM text is another than the usual.
fn dress(room: &Room, algorithm: Algorithm, respelled: impl Fn(&str) -> String) {
    let cavra = PrivateKey::generate(Algorithm::Ed25519).expect("a key");
    let pem = respelled(&cavra.public_key().to_pem().expect("PEM"));
    write_directory(room, Some((&cavra, &pem)));
    room.write("cavra.json", trust_root(&pem));
    let key = PrivateKey::generate(algorithm).expect("a key");
    room.write("key.pem", key.to_pem(None).expect("PEM").as_bytes());
    trust(room, "trust.json", &key);
}

fn sign(room: &Room, more: &[&str]) -> Value {
    let signed = room.run(&[&SIGN[..], &["--signer", "ci"], more].concat()).exits(0).json();
    assert_valid(&signed, "signed");
    signed
}

fn verify(room: &Room, more: &[&[&str]]) -> Outcome {
    room.run(&[&VERIFY[..], &more.concat()].concat())
}

fn manifest_sha256(room: &Room) -> Sha256Digest {
    Sha256Digest::of(&fs::read(room.path("bundle/manifest.json")).expect("a manifest"))
}

#[test]
fn a_directory_is_signed_by_its_manifest_and_counts_beside_its_own_signature() {
    for algorithm in BOTH {
        let room = room(algorithm);
        let signed = sign(&room, &["-o", "s.json"]);
        assert_eq!(signed["bundle_id"], manifest_sha256(&room).to_string());

        let valid = verify(&room, &[&OURS]).exits(0).json();
        assert_valid(&valid, "cavra-verification");
        let states: Vec<_> = valid["signatures"].as_array().expect("them").iter().collect();
        assert_eq!(
            (&states[0]["state"], &states[0]["source"]),
            (&json!("untrusted"), &json!("manifest.json"))
        );
        assert_eq!(
            (&states[1]["state"], &states[1]["owner"]),
            (&json!("valid"), &json!("security"))
        );

        let two = ["--require-signatures", "2"];
        verify(&room, &[&OURS, &two]).exits(4);
        verify(&room, &[&CAVRAS, &two]).exits(4);
        verify(&room, &[&OURS, &CAVRAS, &two, &["--require-signer", "cavra ci"]]).exits(0);
        let unchecked = verify(&room, &[&OURS[..2]]).exits(0).json();
        assert_eq!(unchecked["signatures_status"], "unchecked");
        verify(&room, &[&OURS[..2], &two]).exits(4);
    }
}

#[test]
fn a_signature_of_another_directory_or_file_is_none_of_this_one() {
    let room = room(Algorithm::Ed25519);
    sign(&room, &["-o", "s.json"]);
    room.write("nothing.json", "{}");
    verify(&room, &[&["--signature", "nothing.json"]]).exits(3);
    let manifest = fs::read_to_string(room.path("bundle/manifest.json")).expect("a manifest");
    room.write("bundle/manifest.json", manifest.replace("\"ci\"", "\"cd\""));
    let other = verify(&room, &[&OURS]).exits(4).json();
    assert_eq!(other["signatures"][1]["state"], "other_subject");
    // What does not verify is not signed either.
    room.write("bundle/evidence.json", "{}");
    room.run(&[&SIGN[..], &["--signer", "ci", "-o", "again.json"]].concat()).exits(3);
    assert!(!room.path("again.json").exists());
}

#[test]
fn an_attestation_of_a_directory_counts_only_where_its_kind_is_named() {
    let room = room(Algorithm::EcdsaP256);
    room.write("review.json", r#"{"verdict": "accepted"}"#);
    let attest = ["evidence", "attest", "bundle", "--private-key", "key.pem", "-o", "s.json"];
    let kind = ["--predicate", "review.json", "--type", "urn:example:review"];
    room.run(&[&attest[..], &kind].concat()).exits(0);
    verify(&room, &[&OURS]).exits(4);
    verify(&room, &[&OURS, &["--predicate-type", "urn:example:review"]]).exits(0);
}

/// Beside the directory in the store, under the lock of its objects; found by whoever pulls it.
#[test]
fn a_signature_is_kept_in_the_store_and_comes_back_with_the_directory() {
    let server = S3Server::builder().bucket("evidence", BucketSettings::locked()).start_blocking();
    let room = on(room(Algorithm::Ed25519), &server);
    room.run(&[&SIGN[..], &["--signer", "ci"]].concat()).exits(7);
    room.run(&["evidence", "push", "bundle"]).exits(0);
    let attached = sign(&room, &[])["attached"].clone();
    assert_eq!(attached["lock"]["retain_until"], "2090-01-01T00:00:00Z");
    assert_eq!(attached["lock"]["legal_hold"], true);

    let id = manifest_sha256(&room).to_string();
    let pull = ["evidence", "pull", "--bundle-id", &id, "--format", "json", "--out"];
    room.run(
        &[&pull[..], &["no", "--trust-root", "trust.json", "--require-signatures", "2"]].concat(),
    )
    .exits(4);
    assert!(!room.path("no").exists());
    let both = ["--trust-root", "trust.json", "--trust-root", "cavra.json"];
    let pulled = room
        .run(&[&pull[..], &["back"], &both[..], &["--require-signatures", "2"]].concat())
        .exits(0);
    let pulled = pulled.json();
    assert_valid(&pulled, "pull");
    let file = pulled["pulled"][0]["signature_files"][0].as_str().expect("a file").to_owned();
    let verify = ["evidence", "verify", "back", "--trust-root", "trust.json"];
    room.run(&[&verify[..], &["--signature", &file]].concat()).exits(0);
    room.run(&[&verify[..], &["--store", "s3://evidence/team"]].concat()).exits(0);
}

/// The signature of a manifest counts in an audit as those beside it do.
#[test]
fn an_audit_holds_both_kinds_of_signatures_against_the_trust_roots() {
    let server = S3Server::builder().bucket("evidence", BucketSettings::locked()).start_blocking();
    let room = on(room(Algorithm::Ed25519), &server);
    room.run(&["evidence", "push", "bundle"]).exits(0);
    let audit = |more: &[&str], exit_code| {
        let audit = ["evidence", "audit", "--format", "json", "--trust-root", "cavra.json"];
        let report = room.run(&[&audit[..], more].concat()).exits(exit_code).json();
        assert_valid(&report, "audit");
        report
    };
    assert_eq!(audit(&[], 0)["looked_at"]["signatures"], 1);
    let two = ["--trust-root", "trust.json", "--require-signatures", "2"];
    assert_eq!(audit(&two, 4)["counts"]["signatures_not_enough"], 1);
    sign(&room, &[]);
    let read = audit(&[&two[..], &["--read-data"]].concat(), 0);
    assert_eq!(
        (&read["looked_at"]["signatures"], &read["cost"]["directory_files"]),
        (&json!(2), &json!(4))
    );
    let revoked = fs::read_to_string(room.path("cavra.json")).expect("a root");
    room.write("cavra.json", revoked.replace("\"active\"", "\"revoked\""));
    let report = audit(&two, 4);
    assert_eq!(report["counts"]["signature_not_valid"], 1);
}

/// The digest by which a signature names its key is that of a PEM text, and nobody says how that is spelled.
#[test]
fn a_trust_root_is_known_by_its_own_pem_text_wherever_signatures_are_looked_at() {
    let respelled: [fn(&str) -> String; 5] = [
        |pem| pem.replace('\n', "\r\n"),
        |pem| pem.trim_end().to_owned(),
        |pem| format!("\n \t\n{pem}\n\n"),
        |pem| format!("{pem} \r\n"),
        |pem| format!("the key of the pipeline\n{pem}"),
    ];
    for (at, respelled) in respelled.into_iter().enumerate() {
        let room = Room::new();
        dress(&room, Algorithm::Ed25519, respelled);
        verify(&room, &[&CAVRAS]).exits(0);
        room.on_store(&["evidence", "push", "bundle"]).exits(0);
        let id = manifest_sha256(&room).to_string();
        let pull = ["evidence", "pull", "--bundle-id", &id, "--out", "back"];
        let pulled = room.on_store(&[&pull[..], &CAVRAS].concat());
        assert_eq!(pulled.code, 0, "{at}: {}", pulled.stderr);
    }
    let room = Room::new();
    dress(&room, Algorithm::Ed25519, |pem| pem.replace("-----\n", "----- \n\n "));
    let refused = verify(&room, &[&CAVRAS]).exits(3);
    assert!(refused.stderr.contains("a trust root's key: "), "{}", refused.stderr);
}
