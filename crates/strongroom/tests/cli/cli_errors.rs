//! How the program ends: errors for people and programs, closed pipes, signals.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use crate::room::Room;
use crate::schema::assert_valid;

#[test]
fn wrong_usage_exits_2_and_says_what_to_do() {
    let room = Room::new();
    for arguments in [
        &["evidence", "frobnicate"][..],
        &["evidence", "list", "--limit", "0"],
        &["evidence", "list", "--after", "soon"],
        &["evidence", "pull", "--out", "x"],
        &["evidence", "push", "x", "--retain-until", "7m"],
        &["evidence", "push", "x", "--store", "ftp://host"],
        &["evidence", "bundle", "x", "--retention-days", "0"],
        &["evidence", "bundle", "x", "--retention-class", "forever"],
        &["evidence", "bundle", "x", "--created-at", "today"],
        &["completions", "csh"],
        &["evidence", "bundle", "x", "--run-id", ""],
        &["evidence", "bundle", "x", "--subject", " "],
        &["evidence", "bundle", "x", "--producer", ""],
        &["evidence", "push", "x", "--run-id", ""],
        &["evidence", "pull", "--run-id", "", "--out", "x"],
        &["evidence", "list", "--run-id", ""],
        &["evidence", "list", "--store-bucket", ""],
    ] {
        let refused = room.run(arguments).exits(2);
        assert!(refused.stderr.starts_with("error: "), "{arguments:?}: {}", refused.stderr);
        assert_eq!(refused.stdout, "", "{arguments:?}");
        let in_json = room.run(&[arguments, &["--format", "json"]].concat()).exits(2);
        assert_valid(&in_json.json_error(), "error");
    }
}

#[test]
fn what_cannot_be_read_exits_1_and_nothing_is_said_of_the_content() {
    let room = Room::new();
    for arguments in [["evidence", "verify", "missing"], ["evidence", "show", "."]] {
        let failed = room.run(&[&arguments[..], &["--format", "json"]].concat()).exits(1);
        let error = failed.json_error();
        assert_valid(&error, "error");
        assert_eq!((&error["kind"], &error["exit_code"]), (&"failed".into(), &1.into()));
    }
}

#[test]
fn errors_name_the_path_that_was_given() {
    let room = Room::with_results();
    room.write("cut.tar.gz", [0x1f, 0x8b]);
    let store = room.store();
    for arguments in [
        &["evidence", "verify", "cut.tar.gz"][..],
        &["evidence", "show", "cut.tar.gz"],
        &["evidence", "push", "cut.tar.gz", "--store", &store],
    ] {
        let refused = room.run(arguments).exits(3);
        assert!(refused.stderr.starts_with("error: cut.tar.gz: "), "{}", refused.stderr);
    }
    let missing = room.on_store(&["evidence", "push", "a\u{1b}b"]).exits(1);
    assert!(missing.stderr.starts_with("error: a\\u{1b}b: "), "{}", missing.stderr);
}

#[test]
fn an_archive_of_ones_own_that_is_no_bundle_is_helped() {
    let room = Room::with_results();
    let mut tar = Command::new("tar");
    let made = tar.args(["czf", "own.tar.gz", "results"]).current_dir(room.work()).status();
    assert!(made.expect("tar runs").success());
    room.write("notes.txt", "no archive at all, and long enough to be one");
    for (name, problem) in [
        ("own.tar.gz", "the first member is not manifest.json"),
        ("notes.txt", "not a gzip archive"),
    ] {
        for verb in ["verify", "push"] {
            let refused = room.on_store(&["evidence", verb, name]).exits(3).stderr;
            assert!(refused.contains(problem), "{refused}");
            assert!(refused.contains("help: a bundle is what `strongroom evidence bundle DIR`"));
        }
    }
}

#[test]
fn an_error_for_people_is_a_line_and_a_line_of_help() {
    let room = Room::with_results().env("CI", "1");
    let refused = room.run(&["evidence", "push", "results"]).exits(2);
    room.snapshot("an_error_for_people", &refused.stderr);
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let room = Room::with_results()
        .env("STRONGROOM_FORMAT", "")
        .env("STRONGROOM_PUSH_RETAIN_UNTIL", "")
        .env("STRONGROOM_PUSH_DRY_RUN", "")
        .env("STRONGROOM_STORE_URL", "");
    room.on_store(&["evidence", "push", "results"]).exits(0);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let outcome = Room::new().run_unread(&["completions", "bash"]).exits(0);
    assert_eq!(outcome.stderr, "");
}

#[cfg(target_os = "linux")]
#[test]
fn an_interruption_exits_130_while_standard_input_is_silent() {
    let room = Room::new();
    let mut child = std_command(&room)
        .args(["evidence", "verify", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    wait_until_signals_are_caught(child.id());
    // A gzip header, and then nothing.
    stdin.write_all(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]).expect("written");
    interrupt(child.id());
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), Some(130));
    let mut said = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("read");
    assert!(said.starts_with("error: interrupted\n"), "{said}");
    drop(stdin);
}

#[cfg(target_os = "linux")]
#[test]
fn an_interruption_exits_130_while_a_bundle_cannot_be_opened() {
    let room = Room::new();
    let made = std::process::Command::new("mkfifo").arg(room.path("pipe")).status();
    assert!(made.expect("it runs").success());
    // A pipe opens once it has a writer, which it never has.
    let mut child = std_command(&room)
        .args(["evidence", "verify", "pipe"])
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    wait_until_signals_are_caught(child.id());
    interrupt(child.id());
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
}

#[cfg(target_os = "linux")]
#[test]
fn an_interruption_exits_130_while_a_date_is_asked_for() {
    let room = Room::with_results().env("NO_COLOR", "1");
    let program = assert_cmd::cargo::cargo_bin("strongroom");
    let push = format!(
        "{} evidence push results --store {} --lock compliance --allow-advisory-lock \
         --retain-until 2099-01-02",
        program.display(),
        room.store()
    );
    // `script` gives it a terminal, on which Ctrl-C is a key.
    let mut command = Command::new("script");
    let mut child = room
        .dress(&mut command)
        .args(["--quiet", "--return", "--flush", "--command", &push, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut keys = child.stdin.take().expect("a pipe");
    let mut screen = child.stdout.take().expect("a pipe");
    let mut shown = String::new();
    while !shown.contains("Type the date (2099-01-02)") {
        let mut some = [0; 256];
        let length = screen.read(&mut some).expect("read");
        assert!(length > 0, "it ended without asking: {shown}");
        shown.push_str(&String::from_utf8_lossy(&some[..length]));
    }
    keys.write_all(b"\x03").expect("written");
    // A program that misses it meets the end of its input, and ends otherwise.
    drop(keys);
    screen.read_to_string(&mut shown).expect("read");
    assert_eq!(child.wait().expect("it ends").code(), Some(130), "{shown}");
    assert!(shown.contains("error: interrupted"), "{shown}");
    assert!(!room.stored("bundles").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn an_interrupted_bundle_leaves_no_file() {
    // 1 GiB of nothing, without taking a disk: writing its bundle takes longer than a signal.
    let room = Room::new();
    std::fs::create_dir(room.path("big")).expect("made");
    let big = std::fs::File::create(room.path("big/zeros")).expect("a file");
    big.set_len(1 << 30).expect("a length");
    let mut child = std_command(&room)
        .args(["evidence", "bundle", "big"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    while !room.names().iter().any(|name| name.ends_with(".partial")) {
        assert!(child.try_wait().is_ok_and(|ended| ended.is_none()), "it ended before it wrote");
        std::thread::yield_now();
    }
    interrupt(child.id());
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert_eq!(room.names(), ["big"]);
}

fn std_command(room: &Room) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("strongroom"));
    room.dress(&mut command);
    command
}

#[cfg(target_os = "linux")]
fn interrupt(process: u32) {
    let sent = Command::new("kill").args(["-INT", &process.to_string()]).status();
    assert!(sent.expect("kill runs").success());
}

/// Until then, a signal would end the program the way signals do.
#[cfg(target_os = "linux")]
fn wait_until_signals_are_caught(process: u32) {
    const INTERRUPT: u64 = 1 << (2 - 1);
    let path = format!("/proc/{process}/status");
    loop {
        let status = std::fs::read_to_string(&path).expect("a running program");
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = u64::from_str_radix(caught.expect("a mask").trim(), 16).expect("a mask");
        if caught & INTERRUPT != 0 {
            return;
        }
        std::thread::yield_now();
    }
}
