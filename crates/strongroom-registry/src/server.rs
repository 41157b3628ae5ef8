//! Connections in, answers out, and an orderly end: what was begun when the service is told to stop has time to end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

/// Connections at the same time; a further one waits until another ends.
pub const CONNECTIONS_MAX: usize = 4_096;
/// How long a client may take to send the head of a request; also how long an idle connection is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(20);
/// Bytes of the head of a request.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// Header fields of a request.
const HEAD_FIELDS_MAX: usize = 100;
/// Requests at the same time on one HTTP/2 connection (RFC 9113 section 5.1.2).
const STREAMS_MAX: u32 = 64;
/// How long to wait after the machine refused a connection, such as for want of file descriptors.
const AFTER_REFUSAL: Duration = Duration::from_millis(100);

/// Told to stop, or not yet. Clones hear the same.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

/// Tells every [`Stop`] that was made with it.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// A pair of them.
pub fn stop() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    /// Tells them.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Waits until it is told; also when nobody is left to tell it.
    pub async fn told(&mut self) {
        let _gone_means_stop = self.0.wait_for(|told| *told).await;
    }

    /// Whether it was told.
    pub fn is_told(&self) -> bool {
        *self.0.borrow()
    }
}

/// Takes connections until told to stop; then waits for what was begun, for `drain` at most. Answers how many
/// connections were cut off at the end.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    mut stop: Stop,
    drain: Duration,
) -> usize {
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let graceful = GracefulShutdown::new();
    loop {
        let slot = tokio::select! {
            slot = Arc::clone(&slots).acquire_owned() => slot,
            () = stop.told() => break,
        };
        let (stream, _) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(AFTER_REFUSAL).await;
                    continue;
                }
            },
            () = stop.told() => break,
        };
        let connection = connection(stream, router.clone());
        let watched = graceful.watch(connection);
        tokio::spawn(async move {
            // Whoever breaks off is no failure of ours.
            if let Err(error) = watched.await {
                tracing::debug!(error, "a connection ended early");
            }
            drop(slot);
        });
    }
    drop(listener);
    let left = timeout(drain, graceful.shutdown()).await;
    if left.is_err() { CONNECTIONS_MAX - slots.available_permits() } else { 0 }
}

fn connection(
    stream: TcpStream,
    router: Router,
) -> impl hyper_util::server::graceful::GracefulConnection<
    Error = Box<dyn std::error::Error + Send + Sync>,
> {
    // Small answers must not wait for each other.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps Nagle's algorithm");
    }
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEAD_FIELDS_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX))
        .keep_alive_interval(HEAD_TIMEOUT)
        .keep_alive_timeout(HEAD_TIMEOUT);
    builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)).into_owned()
}

/// Listens. The address is told with the error: it is the first thing that goes wrong.
pub async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
    })
}
