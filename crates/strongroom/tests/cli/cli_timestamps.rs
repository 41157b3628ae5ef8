//! Signatures with time stamps of a real authority (`openssl ts`), on the command line and in an auditor's
//! folder.

use strongroom_testkit::S3Server;
use strongroom_testkit::client::endpoint_of;
use strongroom_testkit::s3::BucketSettings;

use crate::cli_bucket::on;
use crate::cli_prove::check;
use crate::cli_signing::{BOTH, KEYS, SIGN, room, root_document};
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

#[test]
fn an_authority_that_is_not_there_keeps_the_signature_from_being_made() {
    let (room, _key) = room(BOTH[0]);
    let stamped = [&SIGN[..], &["-o", "s.json", "--timestamp-url", "http://127.0.0.1:9/"]].concat();
    room.run(&stamped).exits(11);
    assert!(!room.path("s.json").exists());
    let stamped = [&SIGN[..], &["-o", "s.json", "--timestamp-url", "http://tsa.invalid/"]].concat();
    room.run(&stamped).exits(2);
}
