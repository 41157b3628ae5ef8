//! The configuration, as the program meets it.

use crate::room::{Outcome, Room};
use crate::schema::assert_valid;

#[test]
fn every_value_in_effect_says_where_it_came_from() {
    let room = Room::new().env("STRONGROOM_STORE_REGION", "eu-west-1").env("COLUMNS", "100");
    room.write(
        "strongroom.yaml",
        "store:\n  url: s3://evidence\n  endpoint: https://s3.example\npush:\n  lock: compliance\n",
    );
    let show = ["config", "show", "--origin", "--store-prefix", "team"];
    let shown = room.run(&show).exits(0);
    room.snapshot("a_configuration_with_its_origins", &shown.stdout);
    let document = room.run(&[&show[..], &["--format", "json"]].concat()).exits(0).json();
    assert_valid(&document, "config");
    assert_eq!(document["store"], "s3://evidence/team");
}

#[test]
fn no_secret_is_ever_shown() {
    let room = Room::new()
        .env("STRONGROOM_STORE_ACCESS_KEY", "hunter2-access")
        .env("STRONGROOM_STORE_SECRET_KEY", "hunter2-secret")
        .env("STRONGROOM_STORE_SESSION_TOKEN", "hunter2-token")
        .env("AWS_SECRET_ACCESS_KEY", "hunter2-aws");
    for format in ["human", "json"] {
        let shown =
            room.run(&["config", "show", "--origin", "--store", "s3://a", "--format", format]);
        let shown = shown.exits(0);
        assert!(shown.stdout.contains("given outright, not shown"), "{}", shown.stdout);
        assert!(!shown.stdout.contains("hunter2") && !shown.stderr.contains("hunter2"));
    }
}

#[test]
fn a_wrong_file_is_refused_with_the_line() {
    let room = Room::with_results();
    room.write("strongroom.yaml", "store:\n  url: s3://evidence\n  bukket: x\n");
    let refused = room.run(&["evidence", "push", "results"]).exits(2);
    assert!(refused.stderr.starts_with("error: strongroom.yaml:3: "), "{}", refused.stderr);
    room.write(
        "other.yaml",
        "store: {secret_key_ref: hunter2hunter2, access_key_ref: env:X, url: s3://a}\n",
    );
    let refused = room.run(&["evidence", "list", "--config", "other.yaml"]).exits(2);
    assert!(refused.stderr.contains("other.yaml:1"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("hunter2"), "{}", refused.stderr);
}

#[test]
fn a_named_file_replaces_the_one_here() {
    let room = Room::new().env("STRONGROOM_CONFIG", "named.yaml");
    room.write("strongroom.yaml", "store:\n  url: s3://here\n");
    room.write("named.yaml", "store:\n  region: named\n");
    let document = room.run(&["config", "show", "--format", "json", "--store", "s3://flag"]);
    let document = document.exits(0).json();
    assert_eq!(document["files"], serde_json::json!(["named.yaml"]));
}

#[test]
fn the_users_own_file_lies_under_the_one_here() {
    let room = Room::new();
    let config = room.work().parent().expect("the room").join("home/.config");
    let room = room.env("XDG_CONFIG_HOME", config.display().to_string());
    std::fs::create_dir_all(config.join("strongroom")).expect("made");
    let file =
        "store:\n  url: s3://of-the-user\n  region: of-the-user\npush:\n  lock: compliance\n";
    std::fs::write(config.join("strongroom/strongroom.yaml"), file).expect("written");
    room.write("strongroom.yaml", "store:\n  url: s3://here\n");
    let Outcome { stdout: shown, stderr: said, .. } = room.run(&["config", "show"]).exits(0);
    if cfg!(target_os = "linux") {
        assert!(shown.contains("compliance") && shown.contains("s3://here"), "{shown}");
        // The region is that of another store.
        assert!(!shown.contains("of-the-user"), "{shown}");
        assert!(said.contains("no say in store.region"), "{said}");
    }
}

#[test]
fn a_file_that_is_found_has_no_say_in_a_store_that_it_does_not_name() {
    let endpoint = |room: &Room| {
        let shown = room.run(&["config", "show", "--format", "json"]).exits(0);
        let document = shown.json();
        let settings = document["settings"].as_array().expect("settings");
        let row = settings.iter().find(|row| row["key"] == "store.endpoint").expect("a row");
        (row.get("value").cloned(), shown.stderr)
    };
    let hostile = "store:\n  endpoint: https://elsewhere.example\n  allow_http: true\n";
    let room = Room::new().env("STRONGROOM_STORE_URL", "s3://evidence");
    room.write("strongroom.yaml", hostile);
    let (value, said) = endpoint(&room);
    assert_eq!(value, None);
    let note = "note: strongroom.yaml does not name the store in use, so it has no say in \
                store.endpoint, store.allow_http\n";
    assert_eq!(said, note);
    let listed = room.run(&["evidence", "list"]);
    assert!(listed.stderr.starts_with(note), "{}", listed.stderr);

    room.write("strongroom.yaml", format!("{hostile}  bucket: its-own\n"));
    assert_eq!(endpoint(&room).0, None, "the environment names the store");
    let room = Room::new();
    room.write("strongroom.yaml", format!("{hostile}  bucket: its-own\n"));
    assert_eq!(endpoint(&room), (Some("https://elsewhere.example".into()), String::new()));
}

#[test]
fn a_file_that_is_found_names_no_keys() {
    let room = Room::new().env("GITHUB_TOKEN", "hunter2").env("CI", "1");
    let keys = "  access_key_ref: env:GITHUB_TOKEN\n  secret_key_ref: env:GITHUB_TOKEN\n";
    room.write("strongroom.yaml", format!("store:\n  url: s3://evidence\n{keys}"));
    let refused = room.run(&["evidence", "list"]).exits(2);
    assert!(refused.stderr.contains("strongroom.yaml:3") && refused.stderr.contains("--config"));
    room.run(&["config", "show", "--config", "strongroom.yaml"]).exits(0);
}

#[test]
fn a_file_that_is_found_does_not_say_where_azures_tokens_go() {
    let room = Room::new().env("AZURE_STORAGE_ACCOUNT_NAME", "me");
    let file = "store:\n  url: az://box\n  endpoint: https://elsewhere.example\n";
    room.write("strongroom.yaml", file);
    let refused = room.run(&["evidence", "list"]).exits(2);
    assert!(refused.stderr.contains("how to reach Azure"), "{}", refused.stderr);
}

#[test]
fn a_file_that_is_found_is_named_where_it_lets_locks_fall_short() {
    let room = Room::with_results();
    room.write("strongroom.yaml", "push:\n  allow_unlocked: true\n");
    let push = ["evidence", "push", "results"];
    let pushed = room.on_store(&push).exits(0);
    assert!(pushed.stderr.contains("allow_unlocked stands in strongroom.yaml:2"));
    let pushed = room.on_store(&[&push[..], &["--allow-unlocked=false"]].concat()).exits(0);
    assert_eq!(pushed.stderr, "");
}
