//! [`AzureServer`].

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::fmt::rfc2822::DateTimePrinter;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::answer::{Answer, Refusal, refuse};
use super::operations;
use super::request::Asked;
use super::shared_access;
use super::shared_key;
use super::state::{Container, ContainerSettings, StoredVersion};
use crate::TestClock;

/// The storage account.
pub const ACCOUNT: &str = "testaccount";
/// Its key, in Base64.
pub const ACCOUNT_KEY: &str = "dGhlIGtleSBvZiBhbiBhY2NvdW50IHRoYXQgaXMgbm93aGVyZQ==";
/// The service version of the answers.
const SERVICE_VERSION: &str = "2023-11-03";

/// An account with one container, on 127.0.0.1, with a thread of its own. It ends when it is dropped.
#[derive(Debug)]
pub struct AzureServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    runtime: Option<Runtime>,
}

#[derive(Debug)]
struct Shared {
    clock: TestClock,
    container_name: String,
    container: Mutex<Container>,
    asked: Mutex<Vec<Asked>>,
    refusals: Mutex<Vec<(&'static str, Refusal)>>,
}

impl AzureServer {
    /// A server that keeps this machine's time.
    pub fn start(container: &str, settings: ContainerSettings) -> Self {
        Self::start_at(container, settings, TestClock::system())
    }

    /// A server that keeps time by a clock of the test.
    pub fn start_at(container: &str, settings: ContainerSettings, clock: TestClock) -> Self {
        let shared = Arc::new(Shared {
            clock,
            container_name: container.to_owned(),
            container: Mutex::new(Container::new(settings)),
            asked: Mutex::default(),
            refusals: Mutex::default(),
        });
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
            .expect("a port of 127.0.0.1 is free");
        let address = listener.local_addr().expect("a bound listener has an address");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("azure-server")
            .enable_all()
            .build()
            .expect("a runtime for the server starts");
        runtime.spawn(listen(Arc::clone(&shared), listener));
        Self { shared, address, runtime: Some(runtime) }
    }

    /// `http://127.0.0.1:PORT`: the account is the first segment of each path.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The server's clock.
    pub fn clock(&self) -> &TestClock {
        &self.shared.clock
    }

    /// From now on, whatever has `what` in its method and target, joined by a space, is refused.
    pub fn refuse(&self, what: &'static str, status: u16, code: &'static str) {
        locked(&self.shared.refusals).push((what, refuse(status, code)));
    }

    /// Refuses nothing any more but what the rules refuse.
    pub fn refuse_nothing(&self) {
        locked(&self.shared.refusals).clear();
    }

    /// The requests so far that have `what` in their method and target, joined by a space.
    pub fn asked(&self, what: &str) -> Vec<Asked> {
        let asked = locked(&self.shared.asked);
        asked.iter().filter(|asked| asked.called().contains(what)).cloned().collect()
    }

    /// Asks about a blob as another client with the account's key does. Answers the status, and the
    /// code of a refusal.
    pub fn attack(
        &self,
        method: &str,
        key: &str,
        query: &str,
        headers: &[(&str, &str)],
    ) -> (u16, Option<String>) {
        let key = utf8_percent_encode(key, NON_ALPHANUMERIC);
        let target = format!("/{ACCOUNT}/{}/{key}?{query}", self.shared.container_name);
        let request = Request::builder().method(method).uri(target);
        let request =
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let (head, ()) = request.body(()).expect("a request").into_parts();
        let asked = Asked::new(&head, Bytes::new());
        let now = self.shared.clock.now();
        let mut container = locked(&self.shared.container);
        operations::perform(&mut container, &asked, now).unwrap_or_else(Answer::from).in_short()
    }

    /// Every version of a blob, oldest first, past every check.
    pub fn versions(&self, key: &str) -> Vec<StoredVersion> {
        locked(&self.shared.container).versions(key).to_vec()
    }

    /// The names of the blobs that have a current version.
    pub fn keys(&self) -> Vec<String> {
        locked(&self.shared.container).keys().map(str::to_owned).collect()
    }

    /// Changes how the container is set up, in the middle of a test.
    pub fn set_up(&self, settings: ContainerSettings) {
        locked(&self.shared.container).settings = settings;
    }
}

impl Drop for AzureServer {
    fn drop(&mut self) {
        // A plain drop would block, which a test that is `async` must not.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn listen(shared: Arc<Shared>, listener: std::net::TcpListener) {
    let listener = TcpListener::from_std(listener).expect("the listener is not blocking");
    loop {
        let Ok((connection, _)) = listener.accept().await else { continue };
        // Small answers must not wait for each other.
        let _ = connection.set_nodelay(true);
        let shared = Arc::clone(&shared);
        let answer = service_fn(move |request| {
            let shared = Arc::clone(&shared);
            async move { shared.answer(request).await }
        });
        // Errors are clients that went away.
        tokio::spawn(async move {
            http1::Builder::new().serve_connection(TokioIo::new(connection), answer).await.ok()
        });
    }
}

impl Shared {
    async fn answer(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, hyper::Error> {
        let (head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let asked = Asked::new(&head, body);
        locked(&self.asked).push(asked.clone());
        let answer = self.decide(&asked).unwrap_or_else(Answer::from);
        let mut response = answer.into_response(asked.method == Method::HEAD);
        let headers = response.headers_mut();
        headers.insert("x-ms-version", HeaderValue::from_static(SERVICE_VERSION));
        let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&self.clock.now());
        if let Some(date) = date.ok().and_then(|date| HeaderValue::try_from(date).ok()) {
            headers.insert("date", date);
        }
        Ok(response)
    }

    fn decide(&self, asked: &Asked) -> Result<Answer, Refusal> {
        let now = self.clock.now();
        let is_link = shared_access::is_signed(asked);
        match is_link {
            true => shared_access::check(asked, ACCOUNT, ACCOUNT_KEY, now)?,
            false => shared_key::check(asked, ACCOUNT, ACCOUNT_KEY)?,
        }
        let called = asked.called();
        let refusals = locked(&self.refusals);
        if let Some((_, refusal)) = refusals.iter().find(|(what, _)| called.contains(what)) {
            return Err(refusal.clone());
        }
        drop(refusals);
        if asked.container != self.container_name {
            return Err(refuse(404, "ContainerNotFound"));
        }
        let answer = operations::perform(&mut locked(&self.container), asked, now)?;
        Ok(if is_link { shared_access::with_response_headers(asked, answer) } else { answer })
    }
}
