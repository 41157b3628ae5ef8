//! Blob storage over real TCP, as far as these tests need it, that fails on demand.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What goes wrong with one request.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// It is refused, and nothing is done.
    Answer(u16, &'static str),
    /// It is done, and the connection is cut before the answer.
    LoseAnswer,
    /// The connection is cut after so many bytes of the answer's body.
    CutBodyAfter(usize),
    /// The whole blob is given, whatever range is asked for.
    IgnoreRange,
    /// The range is given that begins a byte earlier.
    ShiftRange,
    /// Somebody else puts a blob there first; then the connection is cut.
    SomebodyElseFirst,
}

/// A request, as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

#[derive(Debug, Clone)]
struct Blob {
    bytes: Vec<u8>,
    metadata: BTreeMap<String, String>,
    etag: String,
}

#[derive(Default)]
struct State {
    blobs: BTreeMap<String, Blob>,
    blocks: BTreeMap<String, Vec<u8>>,
    faults: VecDeque<(&'static str, Fault)>,
    seen: Vec<Seen>,
    container_headers: Vec<(&'static str, &'static str)>,
}

/// The server. It goes with the test's runtime.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) endpoint: String,
    state: Arc<Mutex<State>>,
}

struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let server = Self { endpoint, state: Arc::default() };
        let accepting = server.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(accepting.clone().serve(connection));
            }
        });
        server
    }

    /// The next request whose method and target, joined by a space, contain `what` fails.
    pub(crate) fn fail(&self, what: &'static str, fault: Fault) {
        self.state().faults.push_back((what, fault));
    }

    pub(crate) fn answer_about_container(&self, name: &'static str, value: &'static str) {
        self.state().container_headers.push((name, value));
    }

    /// Every request whose method and target contain `what`.
    pub(crate) fn seen(&self, what: &str) -> Vec<Seen> {
        let state = self.state();
        let matching = |seen: &&Seen| format!("{} {}", seen.method, seen.target).contains(what);
        state.seen.iter().filter(matching).cloned().collect()
    }

    /// Puts other bytes in the place of every blob.
    pub(crate) fn replace_all(&self) {
        for blob in self.state().blobs.values_mut() {
            blob.etag.push('x');
            blob.bytes.fill(0);
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("no panic")
    }

    async fn serve(self, mut connection: TcpStream) {
        let Some(request) = read_request(&mut connection).await else { return };
        let (answer, cut_after) = self.state().handle(request);
        let Some(answer) = answer else { return };
        let body = match cut_after {
            Some(bytes) => &answer.body[..bytes.min(answer.body.len())],
            None => &answer.body,
        };
        let mut head = format!("HTTP/1.1 {} X\r\nconnection: close\r\n", answer.status);
        for (name, value) in &answer.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("date: Sat, 21 Nov 2026 12:00:00 GMT\r\n\r\n");
        let _ = connection.write_all(head.as_bytes()).await;
        let _ = connection.write_all(body).await;
        let _ = connection.shutdown().await;
    }
}

impl State {
    /// The answer, if there is to be one, and after how many bytes of its body it ends.
    fn handle(&mut self, request: Seen) -> (Option<Answer>, Option<usize>) {
        let called = format!("{} {}", request.method, request.target);
        self.seen.push(request.clone());
        let at = self.faults.iter().position(|(what, _)| called.contains(what));
        match at.and_then(|at| self.faults.remove(at)).map(|(_, fault)| fault) {
            Some(Fault::Answer(status, code)) => (Some(refusal(status, code)), None),
            Some(Fault::LoseAnswer) => {
                self.act(&request);
                (None, None)
            }
            Some(Fault::SomebodyElseFirst) => {
                let blob =
                    Blob { bytes: vec![1], metadata: BTreeMap::new(), etag: "other".to_owned() };
                self.blobs.insert(path(&request.target).to_owned(), blob);
                (None, None)
            }
            Some(Fault::CutBodyAfter(bytes)) => (Some(self.act(&request)), Some(bytes)),
            Some(Fault::IgnoreRange) => {
                let mut request = request;
                request.headers.remove("range");
                (Some(self.act(&request)), None)
            }
            Some(Fault::ShiftRange) => {
                let mut request = request;
                if let Some((start, end)) = range(&request) {
                    let shifted = format!("bytes={}-{}", start - 1, end - 1);
                    request.headers.insert("range".to_owned(), shifted);
                }
                (Some(self.act(&request)), None)
            }
            None => (Some(self.act(&request)), None),
        }
    }

    fn act(&mut self, request: &Seen) -> Answer {
        let path = path(&request.target).to_owned();
        let query = request.target.split_once('?').map_or("", |(_, query)| query);
        match request.method.as_str() {
            _ if query.contains("restype=container") => {
                let headers = self.container_headers.iter();
                let headers = headers.map(|(name, value)| (name.to_string(), value.to_string()));
                answer(200, headers.collect(), Vec::new())
            }
            "PUT" if query.contains("comp=block&") => {
                let id = query.split("blockid=").nth(1).unwrap_or_default().to_owned();
                self.blocks.insert(id, request.body.clone());
                answer(201, Vec::new(), Vec::new())
            }
            "PUT" if self.blobs.contains_key(&path) => refusal(409, "BlobAlreadyExists"),
            "PUT" => {
                let bytes = match query.contains("comp=blocklist") {
                    // The names of these tests' blocks are in the order of their numbers.
                    true => std::mem::take(&mut self.blocks).into_values().flatten().collect(),
                    false => request.body.clone(),
                };
                let metadata =
                    request.headers.iter().filter(|(name, _)| name.starts_with("x-ms-meta-"));
                let metadata =
                    metadata.map(|(name, value)| (name.clone(), value.clone())).collect();
                let etag = format!("e{}", self.seen.len());
                self.blobs.insert(path, Blob { bytes, metadata, etag: etag.clone() });
                answer(201, vec![("etag".to_owned(), format!("\"{etag}\""))], Vec::new())
            }
            _ => self.read(request, &path),
        }
    }

    fn read(&self, request: &Seen, path: &str) -> Answer {
        let Some(blob) = self.blobs.get(path) else { return refusal(404, "BlobNotFound") };
        let quoted = format!("\"{}\"", blob.etag);
        if request.headers.get("if-match").is_some_and(|asked| *asked != quoted) {
            return refusal(412, "ConditionNotMet");
        }
        let mut headers: Vec<_> = blob.metadata.clone().into_iter().collect();
        headers.push(("etag".to_owned(), quoted));
        let size = blob.bytes.len();
        if request.method == "HEAD" {
            headers.push(("content-length".to_owned(), size.to_string()));
            return Answer { status: 200, headers, body: Vec::new() };
        }
        match range(request) {
            Some((start, end)) => {
                let end = end.min(size - 1);
                headers.push(("content-range".to_owned(), format!("bytes {start}-{end}/{size}")));
                answer(206, headers, blob.bytes[start..=end].to_vec())
            }
            None => answer(200, headers, blob.bytes.clone()),
        }
    }
}

fn answer(status: u16, mut headers: Vec<(String, String)>, body: Vec<u8>) -> Answer {
    headers.push(("content-length".to_owned(), body.len().to_string()));
    Answer { status, headers, body }
}

fn refusal(status: u16, code: &str) -> Answer {
    answer(status, vec![("x-ms-error-code".to_owned(), code.to_owned())], Vec::new())
}

/// The first and the last byte that are asked for.
fn range(request: &Seen) -> Option<(usize, usize)> {
    let (start, end) = request.headers.get("range")?.strip_prefix("bytes=")?.split_once('-')?;
    Some((start.parse().ok()?, end.parse().ok()?))
}

fn path(target: &str) -> &str {
    target.split_once('?').map_or(target, |(path, _)| path)
}

async fn read_request(connection: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if connection.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).ok()?;
    let mut lines = head.lines();
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let headers: BTreeMap<_, _> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let size = headers.get("content-length").and_then(|size| size.parse().ok()).unwrap_or(0);
    let mut body = bytes.split_off(head_end + 4);
    while body.len() < size {
        if connection.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some(Seen { method, target, headers, body })
}
