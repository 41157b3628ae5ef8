//! The configuration, as the program meets it.

use crate::room::Room;
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
    let file = "store:\n  url: s3://of-the-user\n  region: of-the-user\n";
    std::fs::write(config.join("strongroom/strongroom.yaml"), file).expect("written");
    room.write("strongroom.yaml", "store:\n  url: s3://here\n");
    let shown = room.run(&["config", "show"]).exits(0).stdout;
    if cfg!(target_os = "linux") {
        assert!(shown.contains("of-the-user") && shown.contains("s3://here"), "{shown}");
        assert!(!shown.contains("s3://of-the-user"), "{shown}");
    }
}
