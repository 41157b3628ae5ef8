//! The program as a child process, and what it left behind.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use strongroom_testkit::S3Server;
use strongroom_testkit::fixtures::{random_bytes, write_run_directory};
use strongroom_testkit::s3::User;
use strongroom_testkit::s3::server::REGION;
use tempfile::TempDir;

/// Whatever fails has failed by then.
pub(crate) const FAILS_WITHIN: Duration = Duration::from_secs(20);

/// A folder with a run in it, and the program's environment.
pub(crate) struct Desk {
    pub(crate) folder: TempDir,
    variables: Vec<(String, String)>,
}

/// A run of the program that has ended.
pub(crate) struct Ended {
    pub(crate) exit: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

impl Desk {
    /// Against a bucket on a server in this process, as its owner.
    pub(crate) fn at(server: &S3Server) -> Self {
        Self::of(server, server.owner())
    }

    pub(crate) fn of(server: &S3Server, user: &User) -> Self {
        Self::new()
            .with("STRONGROOM_STORE_URL", "s3://vault/team")
            .with("STRONGROOM_STORE_ENDPOINT", &server.endpoint())
            .with("STRONGROOM_STORE_REGION", REGION)
            .with("STRONGROOM_STORE_ALLOW_HTTP", "true")
            .with("STRONGROOM_STORE_ACCESS_KEY", user.access_key())
            .with("STRONGROOM_STORE_SECRET_KEY", user.secret_key())
    }

    /// Against a directory of its own.
    pub(crate) fn at_a_file_store() -> Self {
        let desk = Self::new();
        let url = format!("file://{}", desk.store_directory().display());
        desk.with("STRONGROOM_STORE_URL", &url)
    }

    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        write_run_directory(&folder.path().join("run")).unwrap();
        Self { folder, variables: Vec::new() }
    }

    /// Sets a variable of the program's environment.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(other, _)| other != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Takes a variable out of the program's environment.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.variables.retain(|(other, _)| other != name);
        self
    }

    /// Makes the run so big that its bundle goes up in parts.
    pub(crate) fn with_a_big_run(self) -> Self {
        fs::write(self.folder.path().join("run/trace.bin"), random_bytes(9 << 20, 3)).unwrap();
        self
    }

    pub(crate) fn store_directory(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// A command of the program with nothing of this process's environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_strongroom"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the program to its end.
    pub(crate) fn strongroom(&self, arguments: &[&str]) -> Ended {
        let started = Instant::now();
        let output = self.command(arguments).output().unwrap();
        Ended::new(output, started.elapsed())
    }

    /// `evidence push run`, for machines.
    pub(crate) fn push(&self) -> Ended {
        self.strongroom(&PUSH)
    }

    /// Starts `evidence push run`, for machines.
    pub(crate) fn start_push(&self) -> Child {
        self.command(&PUSH).spawn().unwrap()
    }

    /// The states that `evidence list` shows, by bundle id.
    pub(crate) fn listed(&self) -> Vec<(String, String)> {
        let listed =
            self.strongroom(&["evidence", "list", "--run-id", "run-1", "--format", "ndjson"]);
        assert_eq!(listed.exit, Some(0), "{}", listed.stderr);
        let rows = listed.stdout.lines().map(|row| {
            let row: serde_json::Value = serde_json::from_str(row).unwrap();
            let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
            (text("bundle_id"), text("state"))
        });
        rows.collect()
    }
}

const PUSH: [&str; 7] = ["evidence", "push", "run", "--run-id", "run-1", "--format", "json"];

impl Ended {
    pub(crate) fn new(output: Output, took: Duration) -> Self {
        Self {
            exit: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            took,
        }
    }

    /// A field of the JSON document on standard output.
    pub(crate) fn field(&self, pointer: &str) -> Option<String> {
        let document: serde_json::Value = serde_json::from_str(&self.stdout).ok()?;
        document.pointer(pointer)?.as_str().map(str::to_owned)
    }

    /// Failed like this, in time, with these words on standard error, and without a result.
    #[track_caller]
    pub(crate) fn assert_failed(&self, exit: i32, words: &str) {
        assert_eq!(self.exit, Some(exit), "{}", self.stderr);
        assert!(self.stderr.contains(words), "no {words:?} in: {}", self.stderr);
        assert!(self.took < FAILS_WITHIN, "it took {:?}", self.took);
    }

    /// Stored or found, and the receipt says which.
    #[track_caller]
    pub(crate) fn assert_kept(&self, status: &str) {
        assert_eq!(self.exit, Some(0), "{}", self.stderr);
        assert_eq!(self.field("/status").as_deref(), Some(status), "{}", self.stdout);
    }
}
