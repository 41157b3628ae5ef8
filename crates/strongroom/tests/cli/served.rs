//! A registry as a process of its own, and the program that asks it.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

/// A registry that is stopped when the test ends, however it ends.
pub struct Served {
    child: Child,
    stderr: BufReader<ChildStderr>,
    /// What it told before it answered.
    pub told: String,
    pub address: String,
}

impl Served {
    /// One whose data are in this folder, on a port that is free.
    pub fn start(data_dir: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_strongroom"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data_dir);
        command.env_clear().env("HOME", data_dir);
        Self::start_as(command)
    }

    /// One that this command starts.
    pub fn start_as(command: Command) -> Self {
        Self::start_until(command, "answers at http://")
    }

    /// One that this command starts, and that says these words when it has started; its address follows them, if
    /// anything does.
    pub fn start_until(mut command: Command, words: &str) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut told = String::new();
        let address = loop {
            let mut line = String::new();
            let read = stderr.read_line(&mut line).unwrap();
            assert_ne!(read, 0, "it ended before it answered: {told}");
            told.push_str(&line);
            if let Some((_, address)) = line.split_once(words) {
                break address.trim().to_owned();
            }
        };
        Self { child, stderr, address, told }
    }

    /// One request of HTTP/1.1, and the whole answer.
    pub fn ask(&self, method: &str, path: &str, token: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: registry\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, and waits for that. Answers the exit code and what it told since it answered.
    pub fn end(mut self) -> (i32, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let status = self.child.wait().unwrap();
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).unwrap();
        (status.code().unwrap_or(-1), rest)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first administrator's token of a registry whose data are here.
pub fn admin_token(data_dir: &Path) -> String {
    std::fs::read_to_string(data_dir.join("admin-token")).unwrap().trim().to_owned()
}

/// The program, with this registry and token in its environment.
pub fn strongroom(
    served: &Served,
    token: &str,
    arguments: &[&str],
) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_strongroom"))
        .args(arguments)
        .env_clear()
        .env("STRONGROOM_URL", served.url())
        .env("STRONGROOM_TOKEN", token)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}
