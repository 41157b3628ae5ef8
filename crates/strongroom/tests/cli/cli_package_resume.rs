//! A push that was cut off goes on: what is stored is not sent again, and what broke on the way is.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use serde_json::Value;

use crate::schema::assert_valid;
use crate::served::{Served, admin_token, strongroom};

/// What goes wrong between a client and a registry.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// From the n-th upload on nothing passes any more, and nothing is closed.
    Silence(usize),
    /// The n-th upload is cut off, once.
    Cut(usize),
    /// Each connection is cut off when it has carried so many bytes to the registry.
    CutAfter(usize),
    /// The answer to the first upload never arrives, though it was stored.
    AnswerLost,
    /// The first n connections are answered by a proxy that reaches nobody.
    BadGateway(usize),
}

/// Something between a client and a registry.
struct Between {
    address: String,
    struck: mpsc::Receiver<()>,
    line: Arc<Line>,
}

struct Line {
    fault: Fault,
    uploads: AtomicUsize,
    connections: AtomicUsize,
    /// Bytes that were carried to the registry.
    carried: AtomicUsize,
    strikes: mpsc::Sender<()>,
}

impl Between {
    fn start(registry: &str, fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (strikes, struck) = mpsc::channel();
        let (uploads, connections) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let carried = AtomicUsize::new(0);
        let line = Arc::new(Line { fault, uploads, connections, carried, strikes });
        let shared = Arc::clone(&line);
        let registry = registry.to_owned();
        thread::spawn(move || {
            for client in listener.incoming() {
                let (line, registry) = (Arc::clone(&line), registry.clone());
                thread::spawn(move || line.carry(client.unwrap(), &registry));
            }
        });
        Self { address, struck, line: shared }
    }
}

impl Line {
    /// Carries one connection, until its end or the fault's.
    fn carry(&self, mut client: TcpStream, registry: &str) {
        let number = self.connections.fetch_add(1, Ordering::SeqCst) + 1;
        if matches!(self.fault, Fault::BadGateway(refused) if number <= refused) {
            let mut head = [0; 4_096];
            let _ = client.read(&mut head);
            let _ = client.write_all(
                b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            );
            let _ = self.strikes.send(());
            return;
        }
        let mut registry = TcpStream::connect(registry).unwrap();
        let (mut from, mut to) = (registry.try_clone().unwrap(), client.try_clone().unwrap());
        let swallows = Arc::new(AtomicBool::new(false));
        let (swallowing, strikes) = (Arc::clone(&swallows), self.strikes.clone());
        thread::spawn(move || {
            let mut bytes = vec![0; 64 << 10];
            while let Ok(read @ 1..) = from.read(&mut bytes) {
                if swallowing.load(Ordering::SeqCst) {
                    let _ = strikes.send(());
                    break;
                }
                if to.write_all(&bytes[..read]).is_err() {
                    break;
                }
            }
            let _ = to.shutdown(Shutdown::Both);
        });
        let mut bytes = vec![0; 64 << 10];
        let mut before = Vec::new();
        let mut carried = 0;
        while let Ok(read @ 1..) = client.read(&mut bytes) {
            let piece = &bytes[..read];
            for _ in 0..heads_in(&before, piece) {
                let upload = self.uploads.fetch_add(1, Ordering::SeqCst) + 1;
                match self.fault {
                    Fault::Silence(at) if upload >= at => {
                        let _ = self.strikes.send(());
                        loop {
                            thread::park();
                        }
                    }
                    Fault::Cut(at) if upload == at => {
                        let _ = registry.write_all(&piece[..read / 2]);
                        let _ = client.shutdown(Shutdown::Both);
                        let _ = registry.shutdown(Shutdown::Both);
                        let _ = self.strikes.send(());
                        return;
                    }
                    Fault::AnswerLost if upload == 1 => swallows.store(true, Ordering::SeqCst),
                    _ => {}
                }
            }
            before = piece[read.saturating_sub(HEAD.len() - 1)..].to_vec();
            if registry.write_all(piece).is_err() {
                return;
            }
            self.carried.fetch_add(read, Ordering::SeqCst);
            carried += read;
            if matches!(self.fault, Fault::CutAfter(bytes) if carried >= bytes) {
                let _ = client.shutdown(Shutdown::Both);
                let _ = registry.shutdown(Shutdown::Both);
                let _ = self.strikes.send(());
                return;
            }
        }
        let _ = registry.shutdown(Shutdown::Write);
    }
}

/// What an upload begins with; no file of these tests holds it.
const HEAD: &[u8] = b"PUT /api/v1/packages/";

/// Uploads that begin in a piece, or begin at the end of the one before and end here.
fn heads_in(before: &[u8], piece: &[u8]) -> usize {
    let whole = [before, piece].concat();
    whole.windows(HEAD.len()).filter(|window| *window == HEAD).count()
}

/// A directory of six files.
fn run(directory: &tempfile::TempDir) -> String {
    let run = directory.path().join("run");
    std::fs::create_dir(&run).unwrap();
    for number in 0..6_u8 {
        std::fs::write(run.join(format!("{number}.bin")), vec![number; 300_000]).unwrap();
    }
    run.to_str().unwrap().to_owned()
}

/// Lines of a registry's log about uploads.
fn uploads_in(log: &str) -> usize {
    log.lines().filter(|line| line.contains("\"method\":\"PUT\"")).count()
}

#[test]
fn a_push_that_was_killed_goes_on_and_sends_only_what_is_missing() {
    let directory = tempfile::tempdir().unwrap();
    let run = run(&directory);
    let served = Served::start(&directory.path().join("registry"));
    let token = admin_token(&directory.path().join("registry"));
    let between = Between::start(&served.address, Fault::Silence(4));
    let mut killed = Command::new(env!("CARGO_BIN_EXE_strongroom"))
        .args(["package", "push", &run, "--finalize", "--uploads", "1"])
        .env_clear()
        .env("STRONGROOM_URL", format!("http://{}", between.address))
        .env("STRONGROOM_TOKEN", &token)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    between.struck.recv().unwrap();
    killed.kill().unwrap();
    killed.wait().unwrap();

    let push = ["--format", "json", "package", "push", &run, "--finalize"];
    let (code, pushed, told) = strongroom(&served, &token, &push);
    assert_eq!(code, Some(0), "{told}");
    let pushed: Value = serde_json::from_str(&pushed).unwrap();
    assert_valid(&pushed, "package-pushed");
    assert_eq!(pushed["status"], "finalized");
    let listed = strongroom(&served, &token, &["--format", "json", "package", "list"]).1;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["packages"].as_array().unwrap().len(), 1, "it is the same package: {listed}");
    let (code, log) = served.end();
    assert_eq!(code, 0);
    assert_eq!(uploads_in(&log), 6, "three before it was killed, three after: {log}");
}

#[test]
fn an_upload_that_was_cut_off_is_sent_again() {
    let directory = tempfile::tempdir().unwrap();
    let run = run(&directory);
    let served = Served::start(&directory.path().join("registry"));
    let token = admin_token(&directory.path().join("registry"));
    let between = Between::start(&served.address, Fault::Cut(2));
    let url = format!("http://{}", between.address);
    let push = ["--format", "json", "package", "--url", &url, "push", &run, "--finalize"];
    let (code, pushed, told) = strongroom(&served, &token, &push);
    assert_eq!(code, Some(0), "{told}");
    let pushed: Value = serde_json::from_str(&pushed).unwrap();
    assert_eq!(pushed["status"], "finalized");
    between.struck.try_recv().expect("the fault came about");
}

#[test]
fn a_long_file_that_is_cut_off_again_and_again_goes_on_from_where_it_was() {
    const SIZE: usize = 65 << 20;
    const CUT_AFTER: usize = 20 << 20;
    let directory = tempfile::tempdir().unwrap();
    let run = directory.path().join("run");
    std::fs::create_dir(&run).unwrap();
    let bytes: Vec<u8> = (0..SIZE).map(|at| (at / 4_099) as u8).collect();
    std::fs::write(run.join("long.bin"), &bytes).unwrap();
    let served = Served::start(&directory.path().join("registry"));
    let token = admin_token(&directory.path().join("registry"));
    let between = Between::start(&served.address, Fault::CutAfter(CUT_AFTER));
    let url = format!("http://{}", between.address);
    let run = run.to_str().unwrap();
    let push = ["--format", "json", "package", "--url", &url, "push", run, "--finalize"];
    let (code, pushed, told) = strongroom(&served, &token, &push);
    assert_eq!(code, Some(0), "{told}");
    let pushed: Value = serde_json::from_str(&pushed).unwrap();
    assert_eq!(pushed["status"], "finalized");
    assert!(between.struck.try_iter().count() >= 4, "one cut of the whole, three of the parts");
    let carried = between.line.carried.load(Ordering::SeqCst);
    assert!(carried < SIZE + 2 * CUT_AFTER, "{carried} bytes were sent of {SIZE}");
    let id = pushed["package_id"].as_str().unwrap();
    let out = directory.path().join("pulled");
    let pull = ["package", "pull", id, "--out", out.to_str().unwrap()];
    let (code, _, told) = strongroom(&served, &token, &pull);
    assert_eq!(code, Some(0), "{told}");
}

#[test]
fn a_long_file_of_which_the_answer_alone_was_lost_is_not_sent_again() {
    const SIZE: usize = 65 << 20;
    let directory = tempfile::tempdir().unwrap();
    let run = directory.path().join("run");
    std::fs::create_dir(&run).unwrap();
    std::fs::write(run.join("a.bin"), b"short").unwrap();
    std::fs::write(run.join("long.bin"), vec![7; SIZE]).unwrap();
    let served = Served::start(&directory.path().join("registry"));
    let token = admin_token(&directory.path().join("registry"));
    let made = strongroom(&served, &token, &["--format", "json", "package", "create"]);
    let made: Value = serde_json::from_str(&made.1).unwrap();
    let id = made["package_id"].as_str().unwrap();
    let folder = run.to_str().unwrap();
    let short = run.join("a.bin");
    let (code, _, told) =
        strongroom(&served, &token, &["package", "upload", id, short.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{told}");
    let between = Between::start(&served.address, Fault::AnswerLost);
    let url = format!("http://{}", between.address);
    let upload = ["package", "--url", &url, "upload", id, folder];
    let (code, _, told) = strongroom(&served, &token, &upload);
    assert_eq!(code, Some(0), "{told}");
    between.struck.try_recv().expect("the fault came about");
    let carried = between.line.carried.load(Ordering::SeqCst);
    assert!(carried < SIZE + SIZE / 8, "{carried} bytes were sent of {SIZE}");
}

#[test]
fn a_registry_that_is_not_reached_for_a_moment_is_asked_again() {
    let directory = tempfile::tempdir().unwrap();
    let run = run(&directory);
    let served = Served::start(&directory.path().join("registry"));
    let token = admin_token(&directory.path().join("registry"));
    let between = Between::start(&served.address, Fault::BadGateway(2));
    let url = format!("http://{}", between.address);
    let (code, _, told) =
        strongroom(&served, &token, &["package", "--url", &url, "push", &run, "--finalize"]);
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(between.struck.try_iter().count(), 2);
}
