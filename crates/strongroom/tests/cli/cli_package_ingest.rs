//! `strongroom package ingest`: files that are on the registry's own server, from a folder that it was told of.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::room::Room;
use crate::schema::assert_valid;
use crate::served::{Served, admin_token, strongroom};

/// The roots' name in the environment.
const ROOTS: &str = "STRONGROOM_REGISTRY_LOCAL_INGESTION_ROOTS";

/// A registry that was told of folders.
fn served(data_dir: &Path, roots: &str) -> Served {
    let mut command = Command::new(env!("CARGO_BIN_EXE_strongroom"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data_dir);
    command.env_clear().env("HOME", data_dir).env(ROOTS, roots);
    Served::start_as(command)
}

fn run_folder(at: &Path) {
    fs::create_dir_all(at.join("run-42/logs")).unwrap();
    fs::write(at.join("run-42/report.json"), "{\"ok\":true}\n").unwrap();
    fs::write(at.join("run-42/logs/a b.log"), "one\n").unwrap();
}

#[test]
fn a_folder_of_the_server_becomes_the_bundle_that_it_would_be_here() {
    let directory = tempfile::tempdir().unwrap();
    let (data_dir, root) = (directory.path().join("registry"), directory.path().join("nightly"));
    run_folder(&root);
    let served = served(&data_dir, &format!("nightly={}", root.display()));
    let token = admin_token(&data_dir);
    let ask = |arguments: &[&str]| {
        strongroom(&served, &token, &[&["--format", "json"], arguments].concat())
    };
    let document = |arguments: &[&str], schema: &str| -> Value {
        let (code, printed, told) = ask(arguments);
        assert_eq!(code, Some(0), "{told}");
        let document = serde_json::from_str(&printed).unwrap();
        assert_valid(&document, schema);
        document
    };
    let created_at = ["--created-at", "2026-11-21T12:00:00Z"];
    let create = [&["package", "create"][..], &created_at].concat();
    let created = document(&create, "package-created");
    let id = created["package_id"].as_str().unwrap();
    let ingest = ["package", "ingest", id, "nightly", "run-42"];
    let ingested = document(&ingest, "package-ingested");
    assert_eq!((&ingested["state"], &ingested["files"]), (&"done".into(), &2.into()));
    let again = document(&ingest, "package-ingested");
    assert_ne!(again["job_id"], ingested["job_id"]);
    let begun = document(&[&ingest[..], &["--no-wait"]].concat(), "package-ingested");
    assert_eq!(begun["package_id"], id);
    let (_, shown, _) = strongroom(
        &served,
        &token,
        &["package", "ingest", id, "nightly", "run-42/logs/a b.log", "--to", "logs"],
    );
    assert!(shown.starts_with("1 file was ingested\n"), "{shown}");

    let finalized = document(&["package", "finalize", id], "package-finalized");
    let run = root.join("run-42").to_str().unwrap().to_owned();
    let archive = directory.path().join("run.tar.gz").to_str().unwrap().to_owned();
    let bundle = ["evidence", "bundle", &run, "--output", &archive];
    let bundled = document(&[&bundle[..], &created_at].concat(), "bundled");
    assert_eq!(finalized["bundle_id"], bundled["bundle_id"]);
    assert_eq!(served.end().0, 0);
}

#[test]
fn what_cannot_be_ingested_is_told_with_its_name_and_an_exit_code() {
    let directory = tempfile::tempdir().unwrap();
    let (data_dir, root) = (directory.path().join("registry"), directory.path().join("nightly"));
    run_folder(&root);
    symlink("/etc/passwd", root.join("run-42/passwd")).unwrap();
    let served = served(&data_dir, &format!("nightly={}", root.display()));
    let token = admin_token(&data_dir);
    let created =
        strongroom(&served, &token, &["--format", "json", "package", "create", "--name", "a"]).1;
    let created: Value = serde_json::from_str(&created).unwrap();
    let id = created["package_id"].as_str().unwrap();
    let refused = |root: &str, path: &str, exit: i32| {
        let (code, _, told) = strongroom(&served, &token, &["package", "ingest", id, root, path]);
        assert_eq!(code, Some(exit), "{told}");
        told
    };
    let told = refused("nightly", "run-42", 13);
    assert!(told.contains("\"passwd\" is a link, and none is followed"), "{told}");
    assert!(told.contains("run the same again"), "{told}");
    let told = refused("weekly", "run-42", 5);
    assert!(told.contains("there is no folder of this name"), "{told}");
    refused("nightly", "../registry", 5);
    let shown = strongroom(&served, &token, &["--format", "json", "package", "show", id]).1;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["files_count"], 0);
}

#[test]
fn a_folder_that_cannot_be_read_is_told_before_a_registry_starts() {
    let room = Room::new();
    fs::create_dir_all(room.path("srv/nightly")).unwrap();
    let place = room.path("srv").display().to_string();
    let file = |roots: &str| {
        room.write("own.yaml", format!("registry:\n  local_ingestion: {{roots: {{{roots}}}}}\n"));
    };
    let check = ["check-config", "--config", "own.yaml", "--data-dir", "data", "--format", "json"];
    let findings = |document: &Value| {
        let found = document["findings"].as_array().unwrap().iter();
        found
            .map(|one| (one["severity"].clone(), one["message"].as_str().unwrap().to_owned()))
            .collect::<Vec<_>>()
    };
    file(&format!("nightly: {place}/nightly"));
    let document = room.run(&check).exits(0).json();
    assert_valid(&document, "config-check");
    let [(severity, told)] = &findings(&document)[..] else { panic!("{document}") };
    assert_eq!(severity, "note");
    assert_eq!(told, "the folder of `nightly` can be read: operators may ingest what is in it");
    let api_only = room.run(&[&check[..], &["--api-only"]].concat()).exits(0).json();
    assert!(api_only["findings"].to_string().contains("opened by `strongroom worker`"));

    for (roots, why) in [
        (format!("gone: {place}/gone"), "is not there"),
        (format!("data: {}", room.path("").display()), "holds the registry's own data"),
        ("near: srv/nightly".to_owned(), "is no absolute path"),
    ] {
        file(&roots);
        let document = room.run(&check).exits(2).json();
        let [(severity, told)] = &findings(&document)[..] else { panic!("{document}") };
        assert_eq!(severity, "error");
        assert!(told.contains(why), "{told}");
        let serve =
            ["serve", "--config", "own.yaml", "--data-dir", "data", "--listen", "127.0.0.1:0"];
        let refused = room.run(&serve).exits(2);
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
    }
    room.write("own.yaml", "registry:\n  local_ingestion:\n    roots: /srv/nightly\n");
    let refused = room.run(&check).exits(2);
    assert!(refused.stderr.contains("own.yaml:3: a group of keys"), "{}", refused.stderr);
}
