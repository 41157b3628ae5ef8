//! `login` and `logout`: a token is checked before it is kept, kept for its owner alone, and sent nowhere else.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::room::{Outcome, Room};
use crate::schema::assert_valid;
use crate::served::{Served, admin_token};

struct Place {
    room: Room,
    served: Served,
    token: String,
    _directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let served = Served::start(directory.path());
        let token = admin_token(directory.path());
        let room = Room::new();
        let config = room.work().parent().unwrap().join("home/config").display().to_string();
        let room = room.env("XDG_CONFIG_HOME", config);
        Self { room, served, token, _directory: directory }
    }

    fn kept(&self) -> PathBuf {
        self.room.work().parent().unwrap().join("home/config/strongroom/login.json")
    }

    fn login(&self, token: &str, more: &[&str]) -> Outcome {
        let url = self.served.url();
        let arguments = [&["login", "--url", &url], more].concat();
        let mut command = self.room.command();
        command.args(arguments).write_stdin(format!("{token}\n"));
        Outcome::of(command.output().unwrap())
    }
}

#[test]
fn a_good_token_is_kept_for_its_owner_alone_and_used_until_logout() {
    let place = Place::new();
    let logged_in = place.login(&place.token, &["--format", "json"]).exits(0);
    assert_valid(&logged_in.json(), "login");
    assert!(!logged_in.stdout.contains("srt_") && !logged_in.stderr.contains("srt_"));
    assert_eq!(fs::metadata(place.kept()).unwrap().permissions().mode() & 0o777, 0o600);
    place.room.run(&["package", "list"]).exits(0);
    let with_slash = format!("{}/", place.served.url());
    place.room.run(&["package", "--url", &with_slash, "list"]).exits(0);

    let elsewhere = place.room.run(&["package", "--url", "http://127.0.0.1:1", "list"]).exits(2);
    assert!(elsewhere.stderr.contains("goes nowhere else"), "{}", elsewhere.stderr);

    fs::set_permissions(place.kept(), Permissions::from_mode(0o640)).unwrap();
    let open = place.room.run(&["package", "list"]).exits(8);
    assert!(open.stderr.contains("open to others"), "{}", open.stderr);

    place.room.run(&["logout"]).exits(0);
    assert!(!place.kept().exists());
    let without = place.room.run(&["package", "list"]).exits(2);
    assert!(without.stderr.contains("strongroom login"), "{}", without.stderr);
    place.room.run(&["logout"]).exits(0);
}

#[test]
fn the_environment_wins_over_the_login() {
    let place = Place::new();
    place.login(&place.token, &[]).exits(0);
    let wrong = format!("srt_aaaaaaaaaa_{}", "0".repeat(64));
    let mut command = place.room.command();
    command.args(["package", "list"]).env("STRONGROOM_TOKEN", wrong);
    Outcome::of(command.output().unwrap()).exits(8);
    let mut command = place.room.command();
    command.args(["package", "list"]).env("STRONGROOM_URL", "http://127.0.0.1:1");
    Outcome::of(command.output().unwrap()).exits(2);
}

#[test]
fn a_token_that_is_good_for_nothing_is_not_kept_and_not_repeated() {
    let place = Place::new();
    let unknown = format!("srt_aaaaaaaaaa_{}", "0".repeat(64));
    for (token, code) in [(unknown.as_str(), 8), ("hunter2", 2), ("", 2)] {
        let refused = place.login(token, &[]).exits(code);
        assert!(!place.kept().exists());
        let told = refused.stdout + &refused.stderr;
        assert!(token.is_empty() || !told.contains(token), "{told}");
    }
    place.login(&place.token, &[]).exits(0);
    place.login(&unknown, &[]).exits(8);
    place.room.run(&["package", "list"]).exits(0);
}

/// `script` gives the program a terminal, and prints what a person would see there.
#[test]
fn a_token_that_is_typed_at_a_terminal_is_not_shown() {
    let place = Place::new();
    let program = env!("CARGO_BIN_EXE_strongroom");
    let line = format!("{program} login --url {}", place.served.url());
    let mut command = Command::new("script");
    place.room.dress(&mut command).env("PATH", "/usr/bin:/bin").env("SHELL", "/bin/sh");
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("script is there");
    let mut shown = child.stdout.take().unwrap();
    let mut seen = String::new();
    let mut byte = [0];
    while !seen.contains("token:") {
        assert_eq!(shown.read(&mut byte).unwrap(), 1, "it ended without asking: {seen}");
        seen.push(char::from(byte[0]));
    }
    let mut typed = child.stdin.take().unwrap();
    writeln!(typed, "{}", place.token).unwrap();
    shown.read_to_string(&mut seen).unwrap();
    assert!(child.wait().unwrap().success(), "{seen}");
    assert!(seen.contains("logged in") && !seen.contains("srt_"), "{seen}");
    assert!(place.kept().exists());
}
