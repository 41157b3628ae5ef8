//! What is said of locks that a store does not hold, or that only Strongroom keeps: real processes, on the S3 server of
//! the testkit and on a directory.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

use std::process::Command;

use serde_json::Value;
use strongroom_testkit::S3Server;
use strongroom_testkit::s3::{BucketSettings, Lie};

use crate::room::Room;
use crate::schema::assert_valid;
use crate::served::{Served, admin_token, strongroom};

/// Pushes a file to a registry on this server's bucket: the exit code, the document, and what was told.
fn pushed(server: &S3Server) -> (Option<i32>, Value, String) {
    let folder = tempfile::tempdir().unwrap();
    let (data_dir, run) = (folder.path().join("registry"), folder.path().join("run"));
    std::fs::create_dir(&run).unwrap();
    std::fs::write(run.join("report.txt"), "all is well").unwrap();
    let owner = server.owner();
    let mut command = Command::new(env!("CARGO_BIN_EXE_strongroom"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(&data_dir);
    command
        .env_clear()
        .env("HOME", folder.path())
        .env("STRONGROOM_STORE_URL", "s3://evidence")
        .env("STRONGROOM_STORE_ENDPOINT", server.endpoint())
        .env("STRONGROOM_STORE_ALLOW_HTTP", "true")
        .env("STRONGROOM_STORE_ACCESS_KEY", owner.access_key())
        .env("STRONGROOM_STORE_SECRET_KEY", owner.secret_key());
    let served = Served::start_as(command);
    let arguments = ["--format", "json", "package", "push", run.to_str().unwrap(), "--finalize"];
    let (code, printed, told) = strongroom(&served, &admin_token(&data_dir), &arguments);
    let document = serde_json::from_str(&printed).unwrap_or_else(|_| panic!("{told}"));
    assert_valid(&document, "package-pushed");
    (code, document, told)
}

#[test]
fn a_store_that_drops_locks_ends_a_push_with_5_and_one_without_locks_is_told() {
    let honest = S3Server::builder().bucket("evidence", BucketSettings::locked());
    let (code, document, told) = pushed(&honest.start_blocking());
    assert_eq!((code, document["lock_state"].as_str()), (Some(0), Some("held")), "{told}");

    let lying = S3Server::builder().bucket("evidence", BucketSettings::locked());
    let lying = lying.lie(Lie::DropsLockOnPut).lie(Lie::DropsLaterRetention);
    let (code, document, told) = pushed(&lying.start_blocking());
    assert_eq!((code, document["lock_state"].as_str()), (Some(5), Some("failed")), "{told}");
    assert!(told.contains("does not hold all of it"), "{told}");
    assert_eq!(document["status"], "finalized");

    let plain = S3Server::builder().bucket("evidence", BucketSettings::versioned());
    let (code, document, told) = pushed(&plain.start_blocking());
    assert_eq!((code, document["lock_state"].as_str()), (Some(0), Some("partial")), "{told}");
    assert!(told.contains("cannot hold all of it"), "{told}");
}

#[test]
fn a_directory_is_said_to_be_kept_by_strongroom_only_and_needs_no_ceremony() {
    let folder = tempfile::tempdir().unwrap();
    let (data_dir, run) = (folder.path().join("registry"), folder.path().join("run"));
    std::fs::create_dir(&run).unwrap();
    std::fs::write(run.join("report.txt"), "all is well").unwrap();
    let served = Served::start(&data_dir);
    let token = admin_token(&data_dir);
    let push = ["package", "push", run.to_str().unwrap(), "--finalize"];
    let (code, printed, told) = strongroom(&served, &token, &push);
    assert_eq!(code, Some(0), "{told}");
    assert!(printed.contains("held by Strongroom only (advisory)"), "{printed}");
    let json = [&["--format", "json"], &push[..]].concat();
    let (code, printed, told) = strongroom(&served, &token, &json);
    assert_eq!(code, Some(0), "{told}");
    let document: Value = serde_json::from_str(&printed).unwrap();
    assert_valid(&document, "package-pushed");
    assert_eq!(document["lock_state"], "advisory");
}

#[test]
fn compliance_in_a_directory_is_refused_at_the_start_unless_it_is_accepted() {
    let room = Room::new();
    let file = |accepts: &str| {
        let listen = "registry:\n  listen: 127.0.0.1:0\n  data_dir: data\n";
        let classes = "raw-evidence: {mode: compliance}";
        room.write("own.yaml", format!("{listen}  retention: {{{accepts}{classes}}}\n"));
    };
    file("");
    let config = |command| [command, "--config", "own.yaml"];
    room.run(&config("migrate")).exits(0);
    for command in ["check-config", "serve", "worker"] {
        let refused = room.run(&config(command)).exits(5);
        let told = format!("{}{}", refused.stdout, refused.stderr);
        assert!(told.contains("registry.retention.raw-evidence: `mode` is `compliance`"), "{told}");
        assert!(told.contains("registry.retention.allow_advisory_lock: true"), "{told}");
    }
    let bucket = ["--store", "s3://evidence", "--store-region", "eu-central-1"];
    room.run(&[&config("check-config")[..], &bucket].concat()).exits(0);
    file("allow_advisory_lock: true, ");
    room.run(&config("check-config")).exits(0);
    let mut serve = Command::new(env!("CARGO_BIN_EXE_strongroom"));
    room.dress(&mut serve).args(config("serve"));
    let served = Served::start_as(serve);
    room.write("run/report.txt", "all is well");
    let run = room.path("run");
    let push = ["--format", "json", "package", "push", run.to_str().unwrap(), "--finalize"];
    let (code, printed, told) = strongroom(&served, &admin_token(&room.path("data")), &push);
    assert_eq!(code, Some(0), "{told}");
    let document: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(document["lock_state"], "advisory", "accepted, and still not called held");
}
