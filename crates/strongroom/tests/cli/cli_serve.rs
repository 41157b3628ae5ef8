//! `serve`: it starts with nothing configured, answers, and ends in order. A real process, a real socket.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::schema::assert_valid;
use crate::served::{Served, strongroom};

#[test]
fn it_starts_with_nothing_configured_and_knows_tomorrow_what_it_was_told_today() {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = directory.path().join("registry");
    let served = Served::start(&data_dir);
    let token_file = data_dir.join("admin-token");
    let mode = std::fs::metadata(&token_file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let token = std::fs::read_to_string(&token_file).unwrap().trim().to_owned();
    let made = served.ask("POST", "/api/v1/packages", &token, r#"{"name":"nightly"}"#);
    assert!(made.starts_with("HTTP/1.1 201 "), "{made}");
    assert!(served.ask("GET", "/readyz", "", "").starts_with("HTTP/1.1 200 "));
    let (code, told) = served.end();
    assert_eq!(code, 0, "{told}");
    assert!(!told.contains(&token), "a token is in the log: {told}");
    let again = Served::start(&data_dir);
    let found = again.ask("GET", "/api/v1/packages", &token, "");
    assert!(found.contains(r#""name":"nightly""#), "{found}");
    assert_eq!(again.end().0, 0);
}

#[test]
fn a_directory_becomes_a_package_and_comes_back_as_the_bundle_that_it_would_have_been() {
    let directory = tempfile::tempdir().unwrap();
    let run = directory.path().join("run");
    std::fs::create_dir_all(run.join("reports/\u{e9}t\u{e9}")).unwrap();
    std::fs::write(run.join("run.json"), "{\"passed\": 41}\n").unwrap();
    std::fs::write(run.join("reports/\u{e9}t\u{e9}/a b%.txt"), vec![7_u8; 300_000]).unwrap();
    std::fs::write(run.join(".empty"), "").unwrap();
    let served = Served::start(&directory.path().join("registry"));
    let token = std::fs::read_to_string(directory.path().join("registry/admin-token")).unwrap();
    let token = token.trim();
    let declared = ["--subject", "shop/cart", "--retention-class", "release-evidence"];
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let run = path(&run);

    let push =
        [&["--format", "json", "package", "push", &run, "--finalize"], &declared[..]].concat();
    let (code, pushed, told) = strongroom(&served, token, &push);
    assert_eq!(code, Some(0), "{told}");
    let pushed: serde_json::Value = serde_json::from_str(&pushed).unwrap();
    assert_valid(&pushed, "package-pushed");
    assert_eq!(pushed["status"], "finalized");

    let archive = path(&directory.path().join("direct.tar.gz"));
    let bundle =
        [&["--format", "json", "evidence", "bundle", &run, "--output", &archive], &declared[..]]
            .concat();
    let (code, bundled, told) = strongroom(&served, token, &bundle);
    assert_eq!(code, Some(0), "{told}");
    let bundled: serde_json::Value = serde_json::from_str(&bundled).unwrap();
    assert_eq!(pushed["bundle_id"], bundled["bundle_id"]);

    let pulled = path(&directory.path().join("pulled.tar.gz"));
    let id = pushed["package_id"].as_str().unwrap();
    let pull = ["--format", "json", "package", "pull", id, "--out", &pulled];
    let (code, shown, told) = strongroom(&served, token, &pull);
    assert_eq!(code, Some(0), "{told}");
    assert_valid(&serde_json::from_str(&shown).unwrap(), "package-pulled");
    let (code, verified, told) =
        strongroom(&served, token, &["--format", "json", "evidence", "verify", &pulled]);
    assert_eq!(code, Some(0), "{told}");
    let verified: serde_json::Value = serde_json::from_str(&verified).unwrap();
    assert_eq!(verified["bundle_id"], pushed["bundle_id"]);

    let (code, again, told) = strongroom(&served, token, &push);
    assert_eq!(code, Some(0), "{told}");
    let again: serde_json::Value = serde_json::from_str(&again).unwrap();
    assert_eq!(again["package_id"], pushed["package_id"], "pushed again, it is the same package");

    let (code, _, told) = strongroom(&served, "srt_wrong", &["package", "show", id]);
    assert_eq!(code, Some(8), "{told}");
    let (code, _, told) =
        strongroom(&served, token, &["package", "show", "00000000-0000-7000-8000-000000000000"]);
    assert_eq!(code, Some(7), "{told}");
    assert_eq!(served.end().0, 0);
}

#[test]
fn a_port_that_is_taken_and_a_database_that_cannot_be_are_told_in_a_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_strongroom"))
            .args(arguments)
            .arg("--data-dir")
            .arg(directory.path().join("registry"))
            .env_clear()
            .env("HOME", directory.path())
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, told) = run(&["serve", "--listen", &address]);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains(&format!("cannot listen on {address}")), "{told}");
    let (code, told) = run(&["migrate", "--database-url", "mysql://db/registry"]);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("postgres://USER@HOST/DATABASE"), "{told}");
    let (code, told) =
        run(&["migrate", "--database-url", "postgres://me:hunter2@127.0.0.1:1/registry"]);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("STRONGROOM_DATABASE_URL") && !told.contains("hunter2"), "{told}");
    let (code, told) = run(&["migrate", "--database-url", "postgres://me@127.0.0.1:1/registry"]);
    assert_eq!(code, Some(11), "{told}");
}
