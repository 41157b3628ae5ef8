//! Help, completions, manual pages, the version.

use std::fs;

use crate::room::{Room, names_in};
use crate::schema::assert_valid;

#[test]
fn help_teaches_with_examples_and_lists_the_exit_codes() {
    let room = Room::new().env("COLUMNS", "80");
    let help = room.run(&["--help"]).exits(0).stdout;
    room.snapshot("help", &help);
    let push = room.run(&["evidence", "push", "-h"]).exits(0).stdout;
    room.snapshot("help_of_push", &push);
}

#[test]
fn help_shows_the_flags_of_a_store_only_where_one_is_used() {
    let room = Room::new();
    for (verb, shown) in [
        ("verify", true),
        ("show", false),
        ("lint", false),
        ("bundle", true),
        ("push", true),
        ("pull", true),
        ("list", true),
        ("reindex", true),
        ("store-status", true),
    ] {
        for help in ["-h", "--help"] {
            let text = room.run(&["evidence", verb, help]).exits(0).stdout;
            assert_eq!(text.contains("--store <URL>"), shown, "{verb} {help}");
        }
    }
    // They are taken all the same.
    room.write("x", "");
    room.run(&["evidence", "verify", "x", "--store", "s3://evidence"]).exits(3);
    room.run(&["evidence", "--store", "s3://evidence", "verify", "x"]).exits(3);
}

#[test]
fn every_shell_has_completions() {
    let room = Room::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = room.run(&["completions", shell]).exits(0).stdout;
        assert!(script.contains("store-status"), "{shell}");
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let room = Room::new();
    let whole = room.run(&["man"]).exits(0).stdout;
    assert!(whole.contains(".TH strongroom 1"), "{whole}");
    let written = room.run(&["man", "--output", "man1", "--format", "json"]).exits(0).json();
    assert_valid(&written, "man");
    let pages = names_in(&room.path("man1"));
    for page in [
        "strongroom.1",
        "strongroom-evidence-push.1",
        "strongroom-evidence-hold-place.1",
        "strongroom-config-show.1",
    ] {
        assert!(pages.iter().any(|name| name == page), "{pages:?}");
    }
    let push = fs::read_to_string(room.path("man1/strongroom-evidence-push.1")).expect("a page");
    assert!(push.contains("STRONGROOM_PUSH_RETAIN_UNTIL"));
}

#[test]
fn the_version_is_the_crates() {
    let shown = Room::new().run(&["--version"]).exits(0).stdout;
    assert_eq!(shown, format!("strongroom {}\n", env!("CARGO_PKG_VERSION")));
}
