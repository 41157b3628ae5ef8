//! What stands around a store: services that hand out credentials, and a proxy. A server that answers
//! what the test told it to, and says what it was asked.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use crate::s3::tls::Tls;

/// Bytes of a request that is read; the clients here send far less.
const REQUEST_BYTES_MAX: usize = 64 << 10;

/// A server on 127.0.0.1 with a thread of its own. It ends when it is dropped.
#[derive(Debug)]
pub struct Services {
    shared: Arc<Shared>,
    address: SocketAddr,
    ca_pem: Option<String>,
    runtime: Option<Runtime>,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Method and target: `GET /path`; to a proxy `GET http://host/path` or `CONNECT host:443`.
    pub what: String,
    /// The header lines, as they came.
    pub headers: String,
    /// The body.
    pub body: String,
}

#[derive(Debug, Default)]
struct Shared {
    answers: Mutex<BTreeMap<String, String>>,
    /// How often each is still to be told to come again later.
    busy: Mutex<BTreeMap<String, u32>>,
    asked: Mutex<Vec<Asked>>,
}

impl Services {
    /// A server over plain HTTP. Whatever it has no answer for is 404.
    pub fn start() -> Self {
        Self::launch(None)
    }

    /// A proxy that answers in the name of the `hosts` itself, under an authority of its own.
    pub fn start_in_the_name_of(hosts: &[&str]) -> Self {
        Self::launch(Some(Tls::for_names(hosts)))
    }

    fn launch(tls: Option<Tls>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("services")
            .enable_all()
            .build()
            .expect("a runtime for the server starts");
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
            .expect("a port of 127.0.0.1 is free");
        let address = listener.local_addr().expect("a bound listener has an address");
        let ca_pem = tls.as_ref().map(|tls| tls.ca_pem.clone());
        let shared = Arc::new(Shared::default());
        runtime.spawn(listen(Arc::clone(&shared), listener, tls.map(|tls| tls.acceptor)));
        Self { shared, address, ca_pem, runtime: Some(runtime) }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The certificate, in PEM, that clients must trust where this answers in another's name.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// What to answer to `what` (`GET /path`).
    pub fn answer(&self, what: &str, body: impl Into<String>) {
        let mut answers = self.shared.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.insert(what.to_owned(), body.into());
    }

    /// Answers the next `times` requests for `what` with 503 first.
    pub fn busy(&self, what: &str, times: u32) {
        let mut busy = self.shared.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.insert(what.to_owned(), times);
    }

    /// The requests so far, in the order of arrival.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn listen(shared: Arc<Shared>, listener: std::net::TcpListener, tls: Option<TlsAcceptor>) {
    let listener = TcpListener::from_std(listener).expect("the listener is not blocking");
    while let Ok((connection, _)) = listener.accept().await {
        let (shared, tls) = (Arc::clone(&shared), tls.clone());
        // A client that goes away is no failure of the server.
        tokio::spawn(async move { serve(&shared, connection, tls).await.ok() });
    }
}

async fn serve(
    shared: &Shared,
    mut connection: TcpStream,
    tls: Option<TlsAcceptor>,
) -> io::Result<()> {
    let asked = shared.hear(&mut connection).await?;
    match tls {
        Some(tls) if asked.what.starts_with("CONNECT ") => {
            connection.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
            let mut inside = tls.accept(connection).await?;
            let asked = shared.hear(&mut inside).await?;
            shared.reply(&mut inside, &asked).await
        }
        _ => shared.reply(&mut connection, &asked).await,
    }
}

impl Shared {
    /// Reads one request.
    async fn hear(&self, connection: &mut (impl AsyncRead + Unpin)) -> io::Result<Asked> {
        let mut bytes = Vec::new();
        let head_bytes = loop {
            if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break at;
            }
            more(connection, &mut bytes).await?;
        };
        let head = String::from_utf8_lossy(&bytes[..head_bytes]).into_owned();
        let (line, headers) = head.split_once("\r\n").unwrap_or((&head, ""));
        let length = headers.lines().find_map(|header| {
            let (name, value) = header.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
        });
        let whole_bytes = head_bytes + 4 + length.unwrap_or(0_usize);
        while bytes.len() < whole_bytes {
            more(connection, &mut bytes).await?;
        }
        let asked = Asked {
            what: line.trim_end_matches(" HTTP/1.1").to_owned(),
            headers: headers.to_owned(),
            body: String::from_utf8_lossy(&bytes[head_bytes + 4..whole_bytes]).into_owned(),
        };
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked.clone());
        Ok(asked)
    }

    fn is_busy(&self, what: &str) -> bool {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        let left = busy.get_mut(what).filter(|left| **left > 0);
        left.map(|left| *left -= 1).is_some()
    }

    /// Answers one request, the last one of its connection.
    async fn reply(
        &self,
        connection: &mut (impl AsyncWrite + Unpin),
        asked: &Asked,
    ) -> io::Result<()> {
        let answer = {
            let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            answers.get(&asked.what).cloned()
        };
        let status = match &answer {
            _ if self.is_busy(&asked.what) => "503 Service Unavailable",
            Some(_) => "200 OK",
            None => "404 Not Found",
        };
        let body = answer.unwrap_or_default();
        let length = body.len();
        let whole = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
        connection.write_all(whole.as_bytes()).await?;
        connection.shutdown().await
    }
}

async fn more(connection: &mut (impl AsyncRead + Unpin), bytes: &mut Vec<u8>) -> io::Result<()> {
    let read = connection.read_buf(bytes).await?;
    if read == 0 || bytes.len() > REQUEST_BYTES_MAX {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}
