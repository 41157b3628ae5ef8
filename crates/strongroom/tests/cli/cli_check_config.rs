//! `check-config`, and a service that is set up by a file.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

use std::process::Command;

use serde_json::Value;

use crate::room::Room;
use crate::schema::assert_valid;
use crate::served::{Served, admin_token};

/// The values of a printed check, by key.
fn value<'a>(document: &'a Value, key: &str) -> &'a Value {
    let rows = document["settings"].as_array().unwrap();
    rows.iter().find(|row| row["key"] == key).unwrap_or_else(|| panic!("no {key}"))
}

/// Severity and text of what was found.
fn findings(document: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let found = document["findings"].as_array().unwrap().iter();
    found.map(|one| (text(&one["severity"]), text(&one["message"]))).collect()
}

#[test]
fn every_value_of_a_registry_says_where_it_came_from() {
    let room = Room::new().env("STRONGROOM_REGISTRY_JOBS_WORKERS", "2");
    room.write("own.yaml", "registry:\n  listen: 127.0.0.1:9000\n  deletion: {grace_ticks: 4}\n");
    let check = ["check-config", "--config", "own.yaml", "--data-dir", "data", "--format", "json"];
    let document = room.run(&check).exits(0).json();
    assert_valid(&document, "config-check");
    for (key, shown, origin) in [
        ("registry.data_dir", "data", "flag --data-dir"),
        ("registry.jobs.workers", "2", "environment STRONGROOM_REGISTRY_JOBS_WORKERS"),
        ("registry.deletion.grace_ticks", "4", "own.yaml:3"),
        ("registry.limits.drain_s", "30", "default"),
        ("registry.retention.raw-evidence.days", "183", "default"),
    ] {
        let row = value(&document, key);
        assert_eq!((&row["value"], &row["origin"]), (&shown.into(), &origin.into()), "{key}");
    }
    assert_eq!(value(&document, "registry.limits.drain_s")["unit"], "seconds");
    assert_eq!(findings(&document), []);
    assert_eq!(document["connected"], false);
    assert!(!room.path("data").exists(), "a check makes nothing");
    let shown = room.run(&["check-config", "--config", "own.yaml"]).exits(0).stdout;
    assert!(shown.contains("registry.limits.drain_s") && shown.contains("30 seconds"), "{shown}");
    assert!(shown.contains("the configuration is sound"), "{shown}");
}

#[test]
fn all_that_is_wrong_is_told_at_once_and_no_password_is() {
    let room = Room::new().env("STRONGROOM_DATABASE_URL", "postgres://me:hunter2@db/registry");
    room.write("own.yaml", "registry:\n  jobs: {workers: 0}\n  limits: {drain_s: 0}\n");
    let checked = room.run(&["check-config", "--config", "own.yaml", "--format", "json"]).exits(2);
    let document = checked.json();
    assert_valid(&document, "config-check");
    let told = findings(&document);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().all(|(severity, _)| severity == "error"), "{told:?}");
    assert_eq!(
        value(&document, "registry.database_url")["value"],
        "postgres://[redacted]@db/registry"
    );
    assert!(!checked.stdout.contains("hunter2") && !checked.stderr.contains("hunter2"));
    let refused = room.run(&["serve", "--config", "own.yaml"]).exits(2);
    assert!(
        refused.stderr.contains("registry.jobs.workers is a whole number"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("check-config"), "{}", refused.stderr);
    room.write("own.yaml", "registry:\n  jobs: {wrokers: 1}\n");
    let refused = room.run(&["check-config", "--config", "own.yaml"]).exits(2);
    assert!(
        refused.stderr.contains("own.yaml:2") && refused.stderr.contains("did you mean `workers`?")
    );
}

#[test]
fn a_file_that_was_found_does_not_set_a_registry_up() {
    let room = Room::new();
    room.write(
        "strongroom.yaml",
        "registry:\n  listen: 0.0.0.0:1\n  retention: {transient: {days: 1}}\n",
    );
    let document = room.run(&["check-config", "--format", "json"]).exits(0).json();
    assert_eq!(value(&document, "registry.listen")["value"], "127.0.0.1:8640");
    let told = findings(&document);
    assert!(
        told[0].1.contains("no say in registry.listen, registry.retention.transient.days"),
        "{told:?}"
    );
    let named = room.run(&["check-config", "--config", "strongroom.yaml", "--format", "json"]);
    let told = findings(&named.exits(0).json());
    assert!(told[0].1.contains("put a proxy with TLS in front"), "{told:?}");
}

#[test]
fn the_database_and_the_store_are_asked_and_each_failure_says_what_to_do() {
    let room = Room::new()
        .env("STRONGROOM_STORE_ACCESS_KEY", "me")
        .env("STRONGROOM_STORE_SECRET_KEY", "hunter2");
    let check = |more: &[&str]| {
        room.run(
            &[&["check-config", "--connect", "--data-dir", "data", "--format", "json"], more]
                .concat(),
        )
    };
    let document = check(&[]).exits(0).json();
    assert_valid(&document, "config-check");
    assert!(findings(&document).iter().all(|(severity, _)| severity == "note"), "{document}");
    let document =
        check(&["--database-url", "postgres://me@127.0.0.1:1/registry"]).exits(11).json();
    assert_eq!(findings(&document)[0].0, "error");
    let document = check(&["--database-url", "sqlite:absent.db"]).exits(7).json();
    assert!(document["findings"][0]["help"].as_str().unwrap().contains("strongroom migrate"));
    assert!(!room.path("absent.db").exists() && !room.path("data").exists());
    let store = ["--store", "s3://evidence", "--store-endpoint", "http://127.0.0.1:1"];
    let document = check(&store).exits(2).json();
    let told = findings(&document);
    assert!(told.iter().any(|(_, told)| told == "the endpoint is plain http"), "{told:?}");
    check(&[&store[..], &["--store-allow-http"]].concat()).exits(11);

    std::fs::write(room.path("empty.db"), "").unwrap();
    let document = check(&["--database-url", "sqlite:empty.db"]).exits(2).json();
    assert!(document["findings"][0]["message"].as_str().unwrap().contains("schema"), "{document}");
    room.run(&["migrate", "--data-dir", "data", "--database-url", "sqlite:empty.db"]).exits(0);
    check(&["--database-url", "sqlite:empty.db"]).exits(0);
}

#[test]
fn a_service_is_what_its_file_says() {
    let room = Room::new();
    let file = "\
registry:
  listen: 127.0.0.1:0
  data_dir: data
  dual_control: {early_deletion: true}
  retention:
    transient: {days: 30}
";
    room.write("own.yaml", file);
    let mut serve = Command::new(env!("CARGO_BIN_EXE_strongroom"));
    room.dress(&mut serve).args(["serve", "--config", "own.yaml"]);
    let served = Served::start_as(serve);
    let token = admin_token(&room.path("data"));
    let package = |class: &str| {
        let ask = format!("{{\"name\":\"run\",\"retention\":{{\"class\":\"{class}\"}}}}");
        let answer = served.ask("POST", "/api/v1/packages", &token, &ask);
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        let package: Value = serde_json::from_str(body).unwrap();
        let time = |name: &str| package[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        time("expires_at").duration_since(time("created_at")).as_hours() / 24
    };
    assert_eq!((package("transient"), package("raw-evidence")), (30, 183));
    assert_eq!(served.end().0, 0);
}
