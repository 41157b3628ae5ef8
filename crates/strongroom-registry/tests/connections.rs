//! Connections that ask for nothing, or take nothing, are not kept; those that do are.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use futures::stream;
use jiff::SignedDuration;
use strongroom_registry::config::ConnectionLimits;
use strongroom_registry::server::{Stopper, listen, serve, stop};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longer than anything that a test waits for.
const PATIENCE: Duration = Duration::from_secs(60);
/// Shorter than anything that is not idle takes.
const SOON: SignedDuration = SignedDuration::from_millis(50);
/// Longer than a test waits.
const NEVER: SignedDuration = SignedDuration::from_hours(1);

const LIMITS: ConnectionLimits =
    ConnectionLimits { at_once: 16, per_peer: 16, head: SOON, idle: SOON };

struct Served {
    address: SocketAddr,
    stopper: Stopper,
    serving: JoinHandle<usize>,
}

impl Served {
    async fn start(router: Router, limits: ConnectionLimits) -> Self {
        let listener = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stopper, stopped) = stop();
        let serving = tokio::spawn(serve(listener, router, limits, stopped, PATIENCE));
        Self { address, stopper, serving }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// One request on a connection of its own, and everything that comes back.
    async fn ask(&self, path: &str) -> String {
        let mut stream = self.connect().await;
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        soon(stream.read_to_string(&mut answer)).await.unwrap();
        answer
    }

    async fn end(self) -> usize {
        self.stopper.stop();
        soon(self.serving).await.unwrap()
    }
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("nothing came of it")
}

fn alive() -> Router {
    Router::new().route("/", get(|| async { "alive" }))
}

/// Waits for the other side to close a connection, in whichever way.
async fn closed(mut stream: TcpStream) {
    let mut rest = Vec::new();
    // Cut off or ended in order: it is gone.
    let _ = soon(stream.read_to_end(&mut rest)).await;
}

#[tokio::test]
async fn a_connection_that_never_says_what_it_speaks_makes_room() {
    let limits = ConnectionLimits { at_once: 1, idle: NEVER, ..LIMITS };
    let served = Served::start(alive(), limits).await;
    for beginning in ["", "P", "PRI * HTTP/2.0\r\n", "GET / HTTP/1.1\r\nhost:"] {
        let mut silent = served.connect().await;
        silent.write_all(beginning.as_bytes()).await.unwrap();
        assert!(served.ask("/").await.ends_with("alive"), "after {beginning:?}");
        closed(silent).await;
    }
    assert_eq!(served.end().await, 0);
}

#[tokio::test]
async fn a_client_that_answers_pings_and_asks_for_nothing_is_let_go() {
    const SETTINGS: u8 = 4;
    const PING: u8 = 6;
    let served = Served::start(alive(), LIMITS).await;
    let mut stream = served.connect().await;
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    stream.write_all(&[0, 0, 0, SETTINGS, 0, 0, 0, 0, 0]).await.unwrap();
    soon(async {
        let mut head = [0; 9];
        while stream.read_exact(&mut head).await.is_ok() {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            stream.read_exact(&mut payload).await.unwrap();
            let is_to_be_answered = [SETTINGS, PING].contains(&head[3]) && head[4] & 1 == 0;
            if is_to_be_answered {
                let length = if head[3] == PING { 8 } else { 0 };
                let mut answer = vec![0, 0, length, head[3], 1, 0, 0, 0, 0];
                answer.extend(&payload[..usize::from(length)]);
                // It may be gone by now, which is what is waited for.
                let _ = stream.write_all(&answer).await;
            }
        }
    })
    .await;
    assert_eq!(served.end().await, 0);
}

#[tokio::test]
async fn a_peer_has_its_share_and_no_more() {
    let limits = ConnectionLimits { per_peer: 1, head: NEVER, idle: NEVER, ..LIMITS };
    let served = Served::start(alive(), limits).await;
    let mut first = served.connect().await;
    first.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    soon(first.read_exact(&mut [0; 12])).await.unwrap();
    closed(served.connect().await).await;
    drop(first);
    soon(async { while !served.ask_if_let_in().await {} }).await;
    assert_eq!(served.end().await, 0);
}

impl Served {
    /// Whether a request is answered, and not its connection closed.
    async fn ask_if_let_in(&self) -> bool {
        let mut stream = self.connect().await;
        let request = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        let mut answer = Vec::new();
        stream.write_all(request).await.is_ok()
            && stream.read_to_end(&mut answer).await.is_ok()
            && answer.ends_with(b"alive")
    }
}

/// Tells when it is dropped.
struct Dropped(mpsc::UnboundedSender<()>);

impl Drop for Dropped {
    fn drop(&mut self) {
        // The test may have ended.
        let _ = self.0.send(());
    }
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_given_up() {
    let (told, mut dropped) = mpsc::unbounded_channel();
    let endless = move || {
        let held = Dropped(told.clone());
        let pieces = stream::repeat_with(move || {
            let _held = &held;
            Ok::<_, std::io::Error>(Bytes::from_static(&[7; 64 << 10]))
        });
        async { Body::from_stream(pieces) }
    };
    let served = Served::start(Router::new().route("/", get(endless)), LIMITS).await;
    let mut stream = served.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    soon(stream.read_exact(&mut [0; 12])).await.unwrap();
    soon(dropped.recv()).await.unwrap();
    drop(stream);
    assert_eq!(served.end().await, 0);
}

#[tokio::test]
async fn whoever_waits_for_us_may_wait_for_longer_than_they_may_be_idle() {
    let slow = || async {
        tokio::time::sleep(SOON.unsigned_abs() * 4).await;
        Body::from_stream(stream::unfold(0, |number| async move {
            tokio::time::sleep(SOON.unsigned_abs() * 4).await;
            (number < 2).then(|| (Ok::<_, std::io::Error>(Bytes::from("piece ")), number + 1))
        }))
    };
    let served = Served::start(Router::new().route("/", get(slow)), LIMITS).await;
    let answer = served.ask("/").await;
    assert_eq!(answer.matches("piece").count(), 2, "{answer}");
    assert!(answer.ends_with("0\r\n\r\n"), "{answer}");
    assert_eq!(served.end().await, 0);
}

#[tokio::test]
async fn what_was_begun_ends_before_the_service_does() {
    let (sender, receiver) = mpsc::channel::<()>(1);
    let receiver = std::sync::Arc::new(tokio::sync::Mutex::new(receiver));
    let (begun, mut has_begun) = mpsc::unbounded_channel();
    let waits = move || {
        let (receiver, begun) = (std::sync::Arc::clone(&receiver), begun.clone());
        async move {
            begun.send(()).unwrap();
            receiver.lock().await.recv().await;
            "done"
        }
    };
    let served = Served::start(Router::new().route("/", get(waits)), LIMITS).await;
    let address = served.address;
    let asked = tokio::spawn(async move {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    });
    soon(has_begun.recv()).await.unwrap();
    let ending = tokio::spawn(served.end());
    soon(async { while TcpStream::connect(address).await.is_ok() {} }).await;
    sender.send(()).await.unwrap();
    assert!(soon(asked).await.unwrap().ends_with("done"));
    assert_eq!(soon(ending).await.unwrap(), 0);
}
