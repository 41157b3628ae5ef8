//! A package that was moved into an archive: what the program says of it, and that it comes back.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use strongroom_testkit::{S3Client, S3Server};

use crate::room::Room;
use crate::schema::assert_valid;
use crate::served::{Served, admin_token, strongroom};

const BUCKET: &str = "shelf";
/// Longer than a registry takes that looks each second.
const PATIENCE: Duration = Duration::from_secs(60);

/// A registry that signs, on a bucket of this server.
async fn start(room: &Room, server: &S3Server) -> Served {
    let owner = server.owner();
    let client = S3Client::new(server.endpoint(), owner.access_key(), owner.secret_key());
    client.create_lock_bucket(BUCKET).await;
    room.run(&["keys", "generate", "-o", "key.pem", "--public-key", "key.pub.pem"]).exits(0);
    let mut serve = Command::new(env!("CARGO_BIN_EXE_strongroom"));
    room.dress(&mut serve)
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir", "data"])
        .env("STRONGROOM_STORE_URL", format!("s3://{BUCKET}/team"))
        .env("STRONGROOM_STORE_ENDPOINT", client.endpoint())
        .env("STRONGROOM_STORE_ALLOW_HTTP", "true")
        .env("STRONGROOM_STORE_ACCESS_KEY", client.access_key())
        .env("STRONGROOM_STORE_SECRET_KEY", client.secret_key())
        .env("STRONGROOM_REGISTRY_SIGNING_KEY", "file:key.pem")
        .env("STRONGROOM_REGISTRY_DELETION_SWEEP_EVERY_S", "1");
    Served::start_as(serve)
}

fn archive(server: &S3Server, part: &str) {
    let bucket = server.bucket(BUCKET);
    for key in bucket.keys().into_iter().filter(|key| key.contains(part)) {
        bucket.archive(&key);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_archived_is_said_to_need_a_restore_and_is_pulled_after_it() {
    let (room, server) = (Room::new(), S3Server::builder().start().await);
    let served = start(&room, &server).await;
    let token = admin_token(&room.path("data"));
    room.write("run/report.json", "{\"ok\":true}\n");
    let (run, out) = (room.path("run"), room.path("run.tar.gz"));
    let package = |arguments: &[&str]| {
        let arguments = [&["--format", "json", "package"], arguments].concat();
        strongroom(&served, &token, &arguments)
    };
    let (code, pushed, told) = package(&["push", run.to_str().unwrap(), "--finalize"]);
    assert_eq!(code, Some(0), "{told}");
    let pushed: Value = serde_json::from_str(&pushed).unwrap();
    let id = pushed["package_id"].as_str().unwrap();
    let pull = || package(&["pull", id, "--out", out.to_str().unwrap()]);

    // The files alone, of which the bundle is made; and then the signature, which comes first.
    for part in ["/files/", id] {
        archive(&server, part);
        let (code, _, told) = pull();
        assert_eq!(code, Some(11), "{part}: {told}");
        assert!(told.contains("ask for a restore first"), "{part}: {told}");
        assert!(!out.exists());
    }
    assert_eq!(package(&["manifest", id]).0, Some(11));

    let (code, asked, told) = package(&["restore", id, "--days", "3"]);
    assert_eq!(code, Some(0), "{told}");
    let asked: Value = serde_json::from_str(&asked).unwrap();
    assert_valid(&asked, "package-restored");
    assert_eq!((&asked["status"], &asked["package_id"]), (&"requested".into(), &id.into()));
    assert!(told.contains("minutes to days"), "{told}");
    let mut waiting = Command::new(env!("CARGO_BIN_EXE_strongroom"))
        .args(["--format", "json", "package", "restore", id, "--days", "3", "--wait"])
        .env_clear()
        .env("STRONGROOM_URL", served.url())
        .env("STRONGROOM_TOKEN", &token)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It waits for as long as the store has brought nothing.
    let mut told = BufReader::new(waiting.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(told.any(|line| line.contains("waits until it is there")), "it does not wait");
    let begun = Instant::now();
    while waiting.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < PATIENCE, "it waits for ever");
        server.bucket(BUCKET).end_restores();
        std::thread::sleep(Duration::from_millis(20));
    }
    let waited = waiting.wait_with_output().unwrap();
    assert!(waited.status.success(), "{:?}", told.collect::<Vec<_>>());
    let waited: Value = serde_json::from_slice(&waited.stdout).unwrap();
    assert_valid(&waited, "package-restored");
    assert_eq!(waited["status"], "readable");
    let (code, _, told) = pull();
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(package(&["manifest", id]).0, Some(0));
    room.run(&["evidence", "verify", "run.tar.gz"]).exits(0);
    assert!(room.path("run.tar.gz.sigstore.json").exists());
    assert_eq!(served.end().0, 0);
}
