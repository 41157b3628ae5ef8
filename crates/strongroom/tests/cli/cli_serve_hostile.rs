//! `serve` among clients that mean no good: a real process, whose memory is looked at from outside.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

use std::io::Write as _;
use std::net::TcpStream;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;

use crate::served::Served;

/// Connections of the crowd, where the machine gives as many.
const CROWD: usize = 10_000;
/// Files that this process needs besides.
const FILES_BESIDES: usize = 200;
/// What the crowd may cost, in KiB: the heads that it began, and what a connection is to begin with.
const GROWTH_KIB_MAX: u64 = 160 << 10;

/// As many connections as this process may have open.
fn crowd() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let files = setrlimit(Resource::Nofile, raised).map_or(limit.current, |()| limit.maximum);
    let files = files.map_or(usize::MAX, |files| usize::try_from(files).unwrap());
    CROWD.min(files - FILES_BESIDES)
}

/// What a process has in memory, in KiB.
fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// The first line of what somebody at another address is answered.
fn answered_elsewhere(served: &Served, token: &str) -> String {
    let request = format!(
        "GET /api/v1/packages HTTP/1.1\r\nhost: registry\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\r\n"
    );
    let asking = async {
        let socket = TcpSocket::new_v4()?;
        socket.bind("127.0.0.2:0".parse().unwrap())?;
        let mut stream = socket.connect(served.address.parse().unwrap()).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    runtime.block_on(asking).unwrap().lines().next().unwrap_or_default().to_owned()
}

#[test]
fn a_crowd_at_one_address_that_says_nothing_keeps_nobody_else_from_an_answer_and_costs_bounded_memory()
 {
    let directory = tempfile::tempdir().unwrap();
    let served = Served::start(&directory.path().join("registry"));
    let token = std::fs::read_to_string(directory.path().join("registry/admin-token")).unwrap();
    let answered = || assert_eq!(answered_elsewhere(&served, token.trim()), "HTTP/1.1 200 OK");
    answered();
    let before = resident_kib(served.pid());
    let crowd = crowd();
    let mut connections = Vec::with_capacity(crowd);
    for number in 0..crowd {
        let mut one = TcpStream::connect(&served.address).unwrap();
        if number % 2 == 0 {
            // Whoever is one too many finds that out here.
            let _ = write!(
                one,
                "GET /api/v1/packages HTTP/1.1\r\nhost: a\r\nx: {}",
                "y".repeat(8 << 10)
            );
        }
        connections.push(one);
        if number % 500 == 0 {
            answered();
        }
    }
    answered();
    let grown = resident_kib(served.pid()).saturating_sub(before);
    assert!(grown < GROWTH_KIB_MAX, "{crowd} connections grew it by {grown} KiB");
    drop(connections);
    answered();
    let (code, told) = served.end();
    assert_eq!(code, 0, "{told}");
    assert!(!told.contains("\"level\":\"ERROR\""), "{told}");
}
