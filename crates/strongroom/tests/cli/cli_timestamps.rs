//! Signatures with time stamps of a real authority (`openssl ts`), on the command line and in an auditor's
//! folder.

use strongroom_core::signing::SignatureFile;
use strongroom_core::signing::key::PrivateKey;
use strongroom_testkit::S3Server;
use strongroom_testkit::client::endpoint_of;
use strongroom_testkit::s3::BucketSettings;

use crate::cli_bucket::on;
use crate::cli_prove::check;
use crate::cli_signing::{
    BOTH, KEYS, SIGN, TAMPERED, archive_of, archives, room, root_document, tamper, trust,
};
use crate::schema::assert_valid;

/// An authority that stamps, and the file of roots that are believed.
fn authority() -> Option<(String, String)> {
    Some((endpoint_of("STRONGROOM_TEST_TSA")?, endpoint_of("STRONGROOM_TEST_TSA_ROOT")?))
}

/// The same keys as in the trust matrix, with a time stamp of this moment.
#[test]
fn a_time_stamp_is_a_trusted_time_by_an_authority_that_is_believed() {
    let Some((url, roots)) = authority() else { return };
    for algorithm in BOTH {
        let (room, key) = room(algorithm);
        let now = strongroom_storage::Clock::system().now();
        let stamped = [&SIGN[..], &["-o", "s.json", "--timestamp-url", &url]].concat();
        room.run(&stamped).exits(0);
        for (name, [without_time, trusted, _]) in KEYS {
            room.write("root.json", root_document(name, &key, now));
            let verify = [
                "evidence",
                "verify",
                "b.tar.gz",
                "--signature",
                "s.json",
                "--trust-root",
                "root.json",
                "--format",
                "json",
            ];
            let believed = room.run(&[&verify[..], &["--tsa-root", &roots]].concat());
            assert_eq!(believed.code, if trusted { 0 } else { 4 }, "{name}: {}", believed.stdout);
            let seen = believed.json();
            assert_valid(&seen, "verification");
            assert_eq!(seen["signatures"][0]["trusted_times"].as_array().map(Vec::len), Some(1));
            // Without the authority's root it counts for nothing, and that is said.
            let unbelieved = room.run(&verify);
            assert_eq!(unbelieved.code, if without_time { 0 } else { 4 }, "{name}");
            let refused = &unbelieved.json()["signatures"][0]["timestamps_refused"];
            assert_eq!(refused.as_array().map(Vec::len), Some(1));
        }
    }
}

/// A key that was revoked after the stamp: the folder's own script comes to the same.
#[test]
fn an_auditors_folder_checks_time_stamps_with_openssl() {
    let Some((url, roots)) = authority() else { return };
    let server = S3Server::builder().bucket("evidence", BucketSettings::locked()).start_blocking();
    for algorithm in BOTH {
        let (room, key) = room(algorithm);
        let room = on(room, &server);
        let receipt =
            room.run(&["evidence", "push", "b.tar.gz", "--format", "json"]).exits(0).json();
        let id = receipt["bundle_id"].as_str().expect("an id");
        room.run(&[&SIGN[..], &["--timestamp-url", &url]].concat()).exits(0);
        let now = strongroom_storage::Clock::system().now();
        room.write("root.json", root_document("revoked from tomorrow", &key, now));
        let prove = ["evidence", "prove", id, "--trust-root", "root.json", "-o"];
        room.run(&[&prove[..], &["with", "--tsa-root", &roots]].concat()).exits(0);
        let (code, text) = check(&room.path("with"));
        assert_eq!(code, 0, "{algorithm}: {text}");
        assert!(text.contains(": valid by security"), "{text}");
        room.run(&[&prove[..], &["without"]].concat()).exits(4);
        let (code, text) = check(&room.path("without"));
        assert_eq!(code, 1, "{text}");
        assert!(text.contains(": revoked by security"), "{text}");
    }
}

/// Of an authority's answer only the token is signed. Who has a revoked key writes an older time beside it.
#[test]
fn words_beside_a_token_are_no_time() {
    let Some((url, roots)) = authority() else { return };
    let server = S3Server::builder().bucket("evidence", BucketSettings::locked()).start_blocking();
    let (room, key) = room(BOTH[0]);
    let room = on(room, &server);
    let receipt = room.run(&["evidence", "push", "b.tar.gz", "--format", "json"]).exits(0).json();
    let id = receipt["bundle_id"].as_str().expect("an id").to_owned();
    room.run(&[&SIGN[..], &["-o", "s.json", "--timestamp-url", &url]].concat()).exits(0);
    let file =
        SignatureFile::read(&std::fs::read(room.path("s.json")).expect("read")).expect("a file");
    let forged = SignatureFile { timestamps: vec![with_words(&file.timestamps[0])], ..file };
    let bytes = forged.to_bytes().expect("bytes");
    let digest = strongroom_core::Sha256Digest::of(&bytes).to_hex();
    let planted = format!("team/attestations/{id}/{digest}.sigstore.json");
    server.bucket("evidence").put(&planted, bytes);
    let now = strongroom_storage::Clock::system().now();
    room.write("root.json", root_document("revoked since yesterday", &key, now));
    let prove = ["evidence", "prove", &id, "--trust-root", "root.json", "--tsa-root", &roots];
    room.run(&[&prove[..], &["-o", "proof"]].concat()).exits(4);
    let (code, text) = check(&room.path("proof"));
    assert_eq!(code, 1, "{text}");
    assert!(text.contains(": revoked by security"), "{text}");
}

/// The same answer, granted, with a status text that looks like a time.
fn with_words(answer: &[u8]) -> Vec<u8> {
    // SEQUENCE { status SEQUENCE { INTEGER 0 }, token }: `openssl ts` writes just that.
    let (header, rest) = der(answer);
    let (status_header, status) = der(&answer[header..header + rest]);
    let token = &answer[header + status_header + status..];
    let words = b"Time stamp: Mar  1 00:00:00 2020 GMT";
    let text = [&[0x0c, words.len() as u8][..], words].concat();
    let texts = [&[0x30, text.len() as u8][..], &text].concat();
    let status = [&[0x02, 0x01, 0x00][..], &texts].concat();
    let status = [&[0x30, status.len() as u8][..], &status].concat();
    let length = (status.len() + token.len()) as u16;
    [&[0x30, 0x82][..], &length.to_be_bytes(), &status, token].concat()
}

/// The lengths of a DER header and of what follows it.
fn der(bytes: &[u8]) -> (usize, usize) {
    match bytes[1] {
        length @ 0..=0x7f => (2, length.into()),
        0x81 => (3, bytes[2].into()),
        _ => (4, usize::from(bytes[2]) << 8 | usize::from(bytes[3])),
    }
}

/// What was tampered with stays tampered with, whenever it was stamped.
#[test]
fn a_time_stamp_makes_nothing_else_right() {
    let Some((url, roots)) = authority() else { return };
    for algorithm in BOTH {
        let (room, key) = room(algorithm);
        let other = PrivateKey::generate(algorithm).expect("a key");
        let now = strongroom_storage::Clock::system().now();
        archives(&room);
        trust(&room, "other.json", &other);
        room.run(&[&SIGN[..], &["-o", "s.json", "--timestamp-url", &url]].concat()).exits(0);
        let file = SignatureFile::read(&std::fs::read(room.path("s.json")).expect("read"));
        let file = file.expect("a file");
        for (what, good, bad) in TAMPERED {
            tamper(&room, what, &file, &other);
            for (name, [_, trusted, _]) in KEYS {
                room.write("root.json", root_document(name, &key, now));
                let root = if what == "trust root of another" { "other.json" } else { "root.json" };
                let mut verify =
                    vec!["evidence", "verify", archive_of(what), "--signature", "t.json"];
                verify.extend(["--trust-root", root, "--tsa-root", &roots]);
                if what == "key id of another" {
                    verify.extend(["--trust-root", "other.json"]);
                }
                let seen = room.run(&verify);
                let expected = if trusted { good } else { bad };
                assert_eq!(seen.code, expected, "{what}, {name}: {}{}", seen.stdout, seen.stderr);
            }
        }
        // A token over another signature says nothing of this one.
        let transplanted = SignatureFile { signature: key.sign(b"another"), ..file.clone() };
        room.write("t.json", transplanted.to_bytes().expect("bytes"));
        room.write("root.json", root_document("revoked from tomorrow", &key, now));
        let verify = [
            "evidence",
            "verify",
            "b.tar.gz",
            "--signature",
            "t.json",
            "--trust-root",
            "root.json",
            "--tsa-root",
            &roots,
        ];
        room.run(&verify).exits(4);
    }
}

#[test]
fn an_authority_that_is_not_there_keeps_the_signature_from_being_made() {
    let (room, _key) = room(BOTH[0]);
    let stamped = [&SIGN[..], &["-o", "s.json", "--timestamp-url", "http://127.0.0.1:9/"]].concat();
    room.run(&stamped).exits(11);
    assert!(!room.path("s.json").exists());
    let stamped = [&SIGN[..], &["-o", "s.json", "--timestamp-url", "http://tsa.invalid/"]].concat();
    room.run(&stamped).exits(2);
}
