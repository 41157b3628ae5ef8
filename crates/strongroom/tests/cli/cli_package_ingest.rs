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
    let told = refused("nightly", "run-42", 1);
    assert!(told.contains("\"passwd\" is a link, and none is followed"), "{told}");
    assert!(told.contains("run the same again"), "{told}");
    let told = refused("weekly", "run-42", 7);
    assert!(told.contains("there is no folder of this name"), "{told}");
    refused("nightly", "../registry", 2);
    let to = ["package", "ingest", id, "nightly", "run-42/report.json", "--to", "/abs"];
    let (code, _, told) = strongroom(&served, &token, &to);
    assert_eq!(code, Some(2), "{told}");
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
        (format!("data: {}", room.path("").display()), "holds what registry.data_dir names"),
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

#[test]
fn a_folder_that_holds_a_secret_or_the_registrys_bytes_is_refused_with_the_names_of_both() {
    let room = Room::new().env("KEY", "me");
    for folder in ["pub/db", "pub/store", "pub/keys", "pub/inner", "apart"] {
        fs::create_dir_all(room.path(folder)).unwrap();
    }
    room.write("pub/keys/secret", "hunter2");
    symlink(room.path("pub/keys/secret"), room.path("apart/link")).unwrap();
    let place = |name: &str| room.path(name).display().to_string();
    let refused = |root: &str, lines: &str, told: &[&str]| {
        let root = format!("  local_ingestion: {{roots: {{pub: {}}}}}\n", place(root));
        room.write("own.yaml", format!("{lines}\nregistry:\n  data_dir: data\n{root}"));
        let named = ["--config", "own.yaml", "--format", "json"];
        let check = room.run(&[&["check-config"], &named[..]].concat()).exits(2);
        assert_valid(&check.json(), "config-check");
        let serve = ["serve", "--listen", "127.0.0.1:0"];
        let served = room.run(&[&serve[..], &named[..]].concat()).exits(2);
        for told in told {
            assert!(check.stdout.contains(told), "{told}: {}", check.stdout);
            assert!(served.stderr.contains(told), "{told}: {}", served.stderr);
        }
    };
    let of_the_store = |lines: &str| format!("store: {{{lines}}}");
    let store = of_the_store(&format!("url: 'file://{}'", place("pub/store")));
    for root in ["pub", "pub/store"] {
        refused(root, &store, &["the folder of `pub`", "holds what store.url names"]);
    }
    fs::create_dir_all(room.path("pub/store/objects")).unwrap();
    refused("pub/store/objects", &store, &["lies in what store.url names"]);
    let reference = |file: &str| {
        of_the_store(&format!(
            "url: s3://kept, region: eu-central-1, access_key_ref: env:KEY, secret_key_ref: 'file:{}'",
            place(file)
        ))
    };
    refused("pub", &reference("pub/keys/secret"), &["holds what store.secret_key_ref names"]);
    // Where it is, and not by what name.
    refused("pub", &reference("apart/link"), &["store.secret_key_ref", "pub/keys/secret"]);
}

#[test]
fn a_folder_where_credentials_are_looked_for_is_refused_also_while_there_are_none() {
    let room = Room::new();
    let home = room.path("home").display().to_string();
    let room = room.env("HOME", home);
    fs::create_dir_all(room.path("home/incoming")).unwrap();
    let checked = |root: &str| {
        let root = format!("{{roots: {{pub: {}}}}}", room.path(root).display());
        room.write("own.yaml", format!("registry:\n  data_dir: data\n  local_ingestion: {root}\n"));
        room.run(&["check-config", "--config", "own.yaml", "--format", "json"])
    };
    let told = |root: &str, how: &str| {
        let checked = checked(root).exits(2);
        assert!(checked.stdout.contains(how), "{}", checked.stdout);
    };
    told("home", "holds what the default of AWS_SHARED_CREDENTIALS_FILE names");
    checked("home/incoming").exits(0);
    fs::create_dir_all(room.path("home/.aws/sso")).unwrap();
    told("home/.aws/sso", "lies in what the default of AWS_SHARED_CREDENTIALS_FILE names");
    // Elsewhere, and led to from there.
    fs::rename(room.path("home/.aws"), room.path("elsewhere")).unwrap();
    symlink(room.path("elsewhere"), room.path("home/.aws")).unwrap();
    told("elsewhere", "holds what the default of AWS_SHARED_CREDENTIALS_FILE names");
    room.write("home/incoming/pass", "db:5432:*:me:hunter2");
    symlink(room.path("home/incoming/pass"), room.path("home/.pgpass")).unwrap();
    told("home/incoming", "holds what the default of PGPASSFILE names");
}

#[test]
fn a_folder_that_holds_the_database_or_the_key_that_signs_is_refused() {
    let room = Room::new();
    for folder in ["pub/db", "pub/inner", "apart"] {
        fs::create_dir_all(room.path(folder)).unwrap();
    }
    let place = |name: &str| room.path(name).display().to_string();
    room.run(&["keys", "generate", "-o", "pub/key.pem"]).exits(0);
    let checked = |root: &str, lines: &str| {
        let root = format!("  local_ingestion: {{roots: {{pub: {}}}}}\n", place(root));
        room.write("own.yaml", format!("registry:\n  data_dir: data\n{lines}\n{root}"));
        room.run(&["check-config", "--config", "own.yaml", "--format", "json"])
    };
    let database = format!("  database_url: 'sqlite:{}/registry.db'", place("pub/db"));
    let key = format!("  signing: {{key: 'file:{}'}}", place("pub/key.pem"));
    for (lines, told) in [(&database, "registry.database_url"), (&key, "registry.signing.key")] {
        let checked = checked("pub", lines).exits(2);
        assert!(checked.stdout.contains(&format!("holds what {told} names")), "{}", checked.stdout);
    }
    checked("pub/inner", &database).exits(0);
    checked("pub/inner", &key).exits(0);
    checked("apart", &database).exits(0);
    // The file's log is in its folder, too.
    let near = format!("  database_url: 'sqlite:{}/registry.db'", place("pub"));
    let checked = checked("pub/inner", &near).exits(2);
    assert!(
        checked.stdout.contains("lies in what registry.database_url names"),
        "{}",
        checked.stdout
    );
    room.run(&["serve", "--config", "own.yaml", "--listen", "127.0.0.1:0"]).exits(2);
}
