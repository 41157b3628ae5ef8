//! What a connection is doing, so that one that does nothing is not kept.
//!
//! The timers of the protocols leave holes: nothing bounds the time before the first byte, a client that answers
//! pings without ever asking for anything, or one that takes nothing of an answer. One rule closes them all: while no
//! handler is at work, something has to be asked or taken.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use tokio::time::{Instant, sleep, sleep_until};

use crate::config::ConnectionLimits;

/// What is being waited for while no handler is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waits {
    /// The first request, or another one.
    ForARequest,
    /// An answer, part of which was not taken yet.
    ToBeRead,
}

/// What one connection is doing.
pub(super) struct Activity {
    limits: ConnectionLimits,
    state: Mutex<State>,
}

struct State {
    /// Requests whose handlers are at work, and answers whose next piece is being made.
    working: usize,
    /// Answers that are being sent.
    sending: usize,
    was_asked: bool,
    /// When anything was last asked, answered or taken.
    since: Instant,
}

impl Activity {
    pub(super) fn new(limits: ConnectionLimits) -> Self {
        let state = State { working: 0, sending: 0, was_asked: false, since: Instant::now() };
        Self { limits, state: Mutex::new(state) }
    }

    /// Something happened.
    pub(super) fn note(&self) {
        self.change(|_| {});
    }

    /// Waits until nothing happened for longer than it may. Does not end while a handler is at work.
    pub(super) async fn idle(&self) -> Waits {
        loop {
            let (is_working, waits, until) = self.seen();
            if is_working {
                // It is looked at again well within the time that it may be idle.
                sleep(self.limits.head.unsigned_abs().max(Duration::from_millis(1))).await;
            } else if Instant::now() < until {
                sleep_until(until).await;
            } else {
                return waits;
            }
        }
    }

    fn seen(&self) -> (bool, Waits, Instant) {
        let state = self.state();
        let waits = if state.sending > 0 { Waits::ToBeRead } else { Waits::ForARequest };
        let limit = if state.was_asked { self.limits.idle } else { self.limits.head };
        (state.working > 0, waits, state.since + limit.unsigned_abs())
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        state.since = Instant::now();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A router whose requests and answers are noted.
pub(super) struct Watched {
    pub(super) router: TowerToHyperService<Router>,
    pub(super) activity: Arc<Activity>,
}

impl Service<Request<Incoming>> for Watched {
    type Response = Response<Taken>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Taken>, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let working = Working::on(&self.activity);
        let answering = self.router.call(request);
        Box::pin(async move {
            let response = answering.await?;
            // In this order: in between, it must not look as if nothing went on.
            let sending = Sending::on(&working.0);
            drop(working);
            Ok(response.map(|body| Taken { body, sending, making: None }))
        })
    }
}

/// We are at work, and not the client. Dropped before its end where the client broke off.
struct Working(Arc<Activity>);

impl Working {
    fn on(activity: &Arc<Activity>) -> Self {
        activity.change(|state| (state.working, state.was_asked) = (state.working + 1, true));
        Self(Arc::clone(activity))
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.change(|state| state.working -= 1);
    }
}

/// An answer is being sent.
struct Sending(Arc<Activity>);

impl Sending {
    fn on(activity: &Arc<Activity>) -> Self {
        activity.change(|state| state.sending += 1);
        Self(Arc::clone(activity))
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.0.change(|state| state.sending -= 1);
    }
}

/// The body of an answer; each piece that is taken of it is noted.
pub(super) struct Taken {
    body: Body,
    sending: Sending,
    /// The client waits for the next piece, and not the other way round.
    making: Option<Working>,
}

impl HttpBody for Taken {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if polled.is_ready() {
            self.sending.0.note();
            self.making = None;
        } else if self.making.is_none() {
            self.making = Some(Working::on(&self.sending.0));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
