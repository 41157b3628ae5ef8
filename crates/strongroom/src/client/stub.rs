//! Something that answers in a registry's place, as a test says, and takes bodies as slowly as it says.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use strongroom_core::Sha256Digest;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use uuid::Uuid;

use super::sending::Patience;
use super::{Client, Upload};

/// Bytes that the system takes before anybody reads them. Small, so that who reads slowly holds up who sends.
const BUFFER_BYTES: u32 = 32 << 10;

/// A request, as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Method and path, and the method that is meant where it is another.
    pub line: String,
}

/// What a test says of a request: the head of the answer without its end, and its body; or nothing, which cuts it off.
type Answering = dyn Fn(&Asked) -> Option<(String, String)> + Send + Sync;

/// It, and what it was asked.
pub struct Stub {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

/// How it takes bodies.
#[derive(Debug, Clone, Copy)]
pub enum Takes {
    AtOnce,
    /// So many bytes, and then nothing for a while.
    Slowly(usize, Duration),
    /// Nothing of them, ever.
    Nothing,
}

impl Stub {
    pub async fn start(
        takes: Takes,
        answer: impl Fn(&Asked) -> Option<(String, String)> + Send + Sync + 'static,
    ) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(BUFFER_BYTES).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(16).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (told, answer): (_, Arc<Answering>) = (Arc::clone(&asked), Arc::new(answer));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, takes, Arc::clone(&told), Arc::clone(&answer)));
            }
        });
        Self { url, asked }
    }

    /// A client of it that waits for so long.
    pub fn client(&self, patience: Patience) -> Client {
        let client = Client::new(&self.url, "token".to_owned()).unwrap();
        Client { patience, ..client }
    }

    /// The requests by now.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// A file of zeros as it is uploaded.
pub fn upload_of(location: &Path, size_bytes: usize) -> Upload<'_> {
    std::fs::write(location, vec![0; size_bytes]).unwrap();
    Upload {
        package_id: Uuid::nil(),
        path: "a",
        location,
        sha256: Sha256Digest::of(&vec![0; size_bytes]),
        size_bytes: size_bytes as u64,
    }
}

/// One request of a connection, and its end.
async fn serve(
    mut stream: TcpStream,
    takes: Takes,
    told: Arc<Mutex<Vec<String>>>,
    answer: Arc<Answering>,
) -> Option<()> {
    let mut came = Vec::new();
    let head_ends = loop {
        if stream.read_buf(&mut came).await.ok()? == 0 {
            return None;
        }
        if let Some(at) = came.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let head = String::from_utf8(came[..head_ends].to_vec()).unwrap().to_lowercase();
    let field = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(name));
        line.map(|value| value.trim().to_owned())
    };
    let mut left: usize =
        field("content-length:").map_or(0, |length| length.parse::<usize>().unwrap());
    left -= came.len() - head_ends;
    let mut piece = vec![0; 64 << 10];
    while left > 0 {
        let room = match takes {
            Takes::AtOnce => piece.len(),
            Takes::Slowly(bytes, wait) => {
                tokio::time::sleep(wait).await;
                bytes
            }
            Takes::Nothing => std::future::pending().await,
        };
        let room = room.min(left).min(piece.len());
        let read = stream.read(&mut piece[..room]).await.ok()?;
        if read == 0 {
            return None;
        }
        left -= read;
    }
    let mut line = head.lines().next()?.replace(" http/1.1", "").replace("/api/v1", "");
    if let Some(meant) = field("x-http-method-override:") {
        line.push_str(" as ");
        line.push_str(&meant);
    }
    told.lock().unwrap().push(line.clone());
    let (head, body) = answer(&Asked { line })?;
    let whole = format!(
        "HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(whole.as_bytes()).await.ok()
}
