//! Connections in, answers out, and an orderly end: what was begun when the service is told to stop has time to end.

mod activity;
pub mod open_files;
mod peers;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use self::activity::{Activity, Waits, Watched};
use self::peers::Peers;
use crate::config::ConnectionLimits;

/// Bytes of the head of a request.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// Header fields of a request.
const HEAD_FIELDS_MAX: usize = 100;
/// Requests at the same time on one HTTP/2 connection (RFC 9113 section 5.1.2).
const STREAMS_MAX: u32 = 64;
/// Bytes of one answer that wait for an HTTP/2 client to take them.
const UNSENT_BYTES_MAX: usize = 64 << 10;
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
    limits: ConnectionLimits,
    mut stop: Stop,
    drain: Duration,
) -> usize {
    let at_once = limits.at_once.clamp(1, Semaphore::MAX_PERMITS);
    let slots = Arc::new(Semaphore::new(at_once));
    let peers = Peers::new(limits.per_peer);
    while !stop.is_told() {
        let slot = tokio::select! {
            slot = Arc::clone(&slots).acquire_owned() => slot,
            () = stop.told() => break,
        };
        let (stream, address) = tokio::select! {
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
        let Some(share) = peers.enter(address.ip()) else {
            tracing::debug!("a connection was closed: its peer has as many as it may");
            continue;
        };
        let connection = one_connection(stream, router.clone(), limits, stop.clone());
        tokio::spawn(async move {
            connection.await;
            drop((share, slot));
        });
    }
    drop(listener);
    let all = u32::try_from(at_once).unwrap_or(u32::MAX);
    let left = timeout(drain, slots.acquire_many(all)).await;
    if left.is_err() { at_once - slots.available_permits() } else { 0 }
}

/// Serves a connection to its end: its own, the one that it is told to come to, or that of waiting for it.
async fn one_connection(
    stream: TcpStream,
    router: Router,
    limits: ConnectionLimits,
    mut stop: Stop,
) {
    // Small answers must not wait for each other.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps Nagle's algorithm");
    }
    let activity = Arc::new(Activity::new(limits));
    let builder = builder(limits.head.unsigned_abs());
    let watched =
        Watched { router: TowerToHyperService::new(router), activity: Arc::clone(&activity) };
    let mut connection = Box::pin(builder.serve_connection(TokioIo::new(stream), watched));
    let mut is_ending = false;
    loop {
        tokio::select! {
            // What came in time is read before it is looked at whether time is over.
            biased;
            ended = connection.as_mut() => {
                // Whoever breaks off is no failure of ours.
                if let Err(error) = ended {
                    tracing::debug!(error, "a connection ended early");
                }
                return;
            }
            () = stop.told(), if !is_ending => is_ending = true,
            waits = activity.idle() => {
                // A client that was told to end, or that takes nothing of an answer, hears nothing.
                if is_ending || waits == Waits::ToBeRead {
                    tracing::debug!(?waits, "an idle connection was cut off");
                    return;
                }
                is_ending = true;
                activity.note();
            }
        }
        connection.as_mut().graceful_shutdown();
    }
}

fn builder(head: Duration) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEAD_FIELDS_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_send_buf_size(UNSENT_BYTES_MAX)
        .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX))
        .keep_alive_interval(head)
        .keep_alive_timeout(head);
    builder
}

/// Listens. The address is told with the error: it is the first thing that goes wrong.
pub async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
    })
}
