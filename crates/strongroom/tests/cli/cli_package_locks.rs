//! What `package push --finalize` says of locks that a store does not hold: a real process, on the S3 server of the
//! testkit.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

use std::process::Command;

use serde_json::Value;
use strongroom_testkit::S3Server;
use strongroom_testkit::s3::{BucketSettings, Lie};

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
