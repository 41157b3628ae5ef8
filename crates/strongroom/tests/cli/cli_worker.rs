//! `worker`: what it tells of itself, and only where it is told to. Real processes, real sockets.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::room::Room;
use crate::served::{Served, admin_token, strongroom};

fn program(data_dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_strongroom"));
    command.args(arguments).arg("--data-dir").arg(data_dir);
    command.env_clear().env("HOME", data_dir);
    command
}

fn sockets(pid: u32) -> usize {
    let links = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let links = links.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    let sockets: Vec<String> = links
        .filter_map(|link| {
            let name = link.to_str()?.strip_prefix("socket:[")?;
            Some(name.trim_end_matches(']').to_owned())
        })
        .collect();
    let table = std::fs::read_to_string(format!("/proc/{pid}/net/tcp")).unwrap();
    // Column 4 is the state, 0A is "listens"; column 10 the socket's number.
    let listening = table.lines().skip(1).filter(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        columns[3] == "0A" && sockets.iter().any(|socket| socket == columns[9])
    });
    listening.count()
}

#[test]
fn a_worker_that_listens_tells_how_its_jobs_fare_and_has_no_api() {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = directory.path().join("registry");
    let api = program(&data_dir, &["serve", "--api-only", "--listen", "127.0.0.1:0"]);
    let api = Served::start_as(api);
    let worker = program(&data_dir, &["worker", "--listen", "127.0.0.1:0"]);
    let worker = Served::start_as(worker);
    let token = admin_token(&data_dir);
    let run = directory.path().join("run");
    std::fs::create_dir(&run).unwrap();
    std::fs::write(run.join("report.json"), "{}").unwrap();
    let push = ["--format", "json", "package", "push", run.to_str().unwrap(), "--finalize"];
    let (code, pushed, told) = strongroom(&api, &token, &push);
    assert_eq!(code, Some(0), "{told}");
    let pushed: Value = serde_json::from_str(&pushed).unwrap();
    assert_eq!(pushed["status"], "finalized");

    let ask = |path: &str| worker.ask("GET", path, "", "");
    for path in ["/livez", "/readyz", "/health"] {
        assert!(ask(path).starts_with("HTTP/1.1 200 "), "{path}: {}", ask(path));
    }
    let finalized = r#"strongroom_job_attempts_total{kind="finalize",outcome="done"} 1"#;
    // The package is finalized a moment before its job has ended.
    let limit = Instant::now() + Duration::from_secs(20);
    while !ask("/metrics").contains(finalized) {
        assert!(Instant::now() < limit, "{}", ask("/metrics"));
    }
    assert!(!api.ask("GET", "/metrics", "", "").contains("kind=\"finalize\""));
    for path in ["/", "/api/v1/packages", "/api/openapi.json", "/api/docs/"] {
        let answer = worker.ask("GET", path, &token, "");
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
    }
    let (code, told) = worker.end();
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("a job is done"), "{told}");
    assert_eq!(api.end().0, 0);
}

#[test]
fn a_worker_listens_nowhere_unless_it_is_told_where() {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = directory.path().join("registry");
    let api = program(&data_dir, &["serve", "--api-only", "--listen", "127.0.0.1:0"]);
    let api = Served::start_as(api);
    assert_eq!(sockets(api.pid()), 1);
    let quiet = Served::start_until(program(&data_dir, &["worker"]), "working on the registry's");
    assert_eq!(sockets(quiet.pid()), 0);
    assert_eq!(quiet.end().0, 0);

    let room = Room::new();
    let taken = ["worker", "--listen", &api.address, "--data-dir", data_dir.to_str().unwrap()];
    let refused = room.run(&taken).exits(1);
    assert!(refused.stderr.contains(&format!("cannot listen on {}", api.address)));
    assert_eq!(api.end().0, 0);
}
