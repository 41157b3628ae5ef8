//! The registry behind a real socket, and clients that write what they please.

use std::net::SocketAddr;
use std::time::Duration;

use jiff::SignedDuration;
use strongroom_registry::api::router::router;
use strongroom_registry::auth::Role;
use strongroom_registry::config::ConnectionLimits;
use strongroom_registry::server::{Stopper, serve, stop};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::app::TestApp;

/// Longer than anything in these tests takes: what waits for so long has failed.
pub const LONG: Duration = Duration::from_secs(60);

/// A registry that listens.
pub struct Listening {
    pub address: SocketAddr,
    stopper: Stopper,
    serving: JoinHandle<usize>,
}

impl Listening {
    pub async fn start(app: &TestApp, limits: ConnectionLimits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stopper, stop) = stop();
        let serving = tokio::spawn(serve(listener, router(&app.registry), limits, stop, LONG));
        Self { address, stopper, serving }
    }

    pub async fn connect(&self) -> Raw {
        Raw(TcpStream::connect(self.address).await.unwrap())
    }

    /// Sends these bytes, and takes all that is answered.
    pub async fn send(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut raw = self.connect().await;
        raw.write(bytes).await;
        raw.rest().await
    }

    /// The same, and says that no more will come: nothing is answered to whoever hangs up too early.
    pub async fn send_and_hang_up(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut raw = self.connect().await;
        raw.write(bytes).await;
        // It may have hung up already.
        let _ = raw.0.shutdown().await;
        raw.rest().await
    }

    /// Ends; nothing may be cut off.
    pub async fn end(self) {
        self.stopper.stop();
        assert_eq!(self.serving.await.unwrap(), 0, "connections were cut off");
    }
}

/// A connection, byte by byte.
pub struct Raw(TcpStream);

impl Raw {
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        // Whoever is refused early may find that nobody reads any more.
        let _ = self.0.write_all(bytes.as_ref()).await;
    }

    /// All that comes until the other side ends.
    pub async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        let read = self.0.read_to_end(&mut bytes);
        // A reset is an end too.
        let _ = tokio::time::timeout(LONG, read).await.expect("it never ended");
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Limits under which a connection that waits for one more request ends soon.
pub fn impatient() -> ConnectionLimits {
    let soon = SignedDuration::from_millis(500);
    ConnectionLimits { head: soon, idle: soon, ..ConnectionLimits::default() }
}

/// The head of a request of somebody with this role, but for its length and its end.
pub fn head(app: &TestApp, role: Role, method: &str, path: &str) -> String {
    let token = app.token(role);
    format!(
        "{method} /api/v1{path} HTTP/1.1\r\nhost: registry\r\nauthorization: Bearer {token}\r\n"
    )
}

/// The statuses of the answers in a stream of them.
pub fn statuses(answers: &str) -> Vec<&str> {
    let lines = answers.split("\r\n").flat_map(|line| line.split("HTTP/1.1 ").skip(1));
    lines.map(|rest| &rest[..3]).collect()
}
