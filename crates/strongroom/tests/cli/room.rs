//! A working directory, a home and an environment of their own, and the program run in them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use assert_cmd::Command;
use serde_json::Value;

/// A place to run the program in.
pub struct Room {
    directory: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

/// What a run came to.
pub struct Outcome {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Room {
    /// An empty room.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        fs::create_dir(directory.path().join("work")).expect("a working directory");
        fs::create_dir(directory.path().join("home")).expect("a home");
        Self { directory, environment: Vec::new() }
    }

    /// A room with a run directory, `results/`.
    pub fn with_results() -> Self {
        let room = Self::new();
        room.write("results/report.json", "{\"ok\":true}\n");
        room.write("results/logs/a.log", "one\ntwo\n");
        room.write("results/.hidden", "dot files count\n");
        room
    }

    /// The room with one more variable in its environment.
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// The working directory.
    pub fn work(&self) -> PathBuf {
        self.directory.path().join("work")
    }

    /// A path in the working directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.work().join(name)
    }

    /// A store beside the working directory.
    pub fn store(&self) -> String {
        format!("file://{}", self.directory.path().join("store").display())
    }

    /// Where that store keeps an object.
    pub fn stored(&self, key: &str) -> PathBuf {
        self.directory.path().join("store").join(key)
    }

    /// Writes a file in the working directory.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("made");
        fs::write(path, content).expect("written");
    }

    /// The names in the working directory.
    pub fn names(&self) -> Vec<String> {
        names_in(&self.work())
    }

    /// The program, ready to run.
    pub fn command(&self) -> Command {
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("strongroom"));
        self.dress(&mut command);
        Command::from_std(command)
    }

    /// Puts a command into the room: its directory, its environment and no other.
    pub fn dress<'a>(
        &self,
        command: &'a mut std::process::Command,
    ) -> &'a mut std::process::Command {
        command.env_clear().current_dir(self.work());
        command.env("HOME", self.directory.path().join("home"));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)))
    }

    /// Runs the program.
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        Outcome::of(self.command().args(arguments).output().expect("it runs"))
    }

    /// Runs the program while nobody reads its standard output. That stays empty in the outcome.
    pub fn run_unread(&self, arguments: &[&str]) -> Outcome {
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("strongroom"));
        self.dress(&mut command).args(arguments).stdin(Stdio::null());
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
        drop(child.stdout.take());
        Outcome::of(child.wait_with_output().expect("it ends"))
    }

    /// Runs the program on the room's store.
    pub fn on_store(&self, arguments: &[&str]) -> Outcome {
        let store = self.store();
        self.run(&[arguments, &["--store", &store]].concat())
    }

    /// Holds text for people against its snapshot, without what differs from run to run or from one
    /// version of a compressor to the next.
    #[track_caller]
    pub fn snapshot(&self, name: &str, text: &str) {
        let directory = self.directory.path().display().to_string();
        let text = text.replace(&directory, "[room]");
        insta::with_settings!({
            omit_expression => true,
            filters => [
                (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "[time]"),
                (r"(?m)^(  (?:archive|size) +)\d+ bytes$", "${1}[size]"),
                (r"(?m)^(  (?:archive)? +)sha256:[0-9a-f]{64}$", "${1}[archive]"),
            ],
        }, { insta::assert_snapshot!(name, text) });
    }
}

impl Outcome {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// This outcome, which must have that exit code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Standard output as one JSON document.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).expect(&self.stdout)
    }

    /// Standard error as one JSON document.
    #[track_caller]
    pub fn json_error(&self) -> Value {
        serde_json::from_str(&self.stderr).expect(&self.stderr)
    }
}

/// The names in a directory, in order.
pub fn names_in(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
