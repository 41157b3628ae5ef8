//! The HTTP layer around `s3s`: the log, the faults, and the way of a request through them.

use std::convert::Infallible;
use std::fmt;
use std::future::pending;
use std::net::TcpListener;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, HttpResponse};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;

use super::answer::error_answer;
use super::credentials;
use super::fault::{Behaviour, Behaviours, Effect};
use super::lie::Lie;
use super::operations::Operations;
use super::request::{Op, SeenRequest};
use super::state::Shared;
use super::user::{Rights, Secrets};

/// Why a connection ends without an answer.
#[derive(Debug)]
struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection is cut, as the test asked")
    }
}

impl std::error::Error for Cut {}

/// Serves connections until the runtime ends.
pub(crate) async fn listen(shared: Arc<Shared>, listener: TcpListener, tls: Option<TlsAcceptor>) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("the listener is usable");
    let s3 = service(&shared);
    loop {
        let Ok((connection, _)) = listener.accept().await else { continue };
        // Small answers must not wait for each other.
        let _ = connection.set_nodelay(true);
        let (shared, s3) = (Arc::clone(&shared), s3.clone());
        match tls.clone() {
            None => tokio::spawn(serve(connection, shared, s3)),
            Some(tls) => tokio::spawn(async move {
                // A handshake that fails is the client's business: it saw why.
                if let Ok(connection) = tls.accept(connection).await {
                    serve(connection, shared, s3).await;
                }
            }),
        };
    }
}

fn service(shared: &Arc<Shared>) -> S3Service {
    let mut builder = S3ServiceBuilder::new(Operations(Arc::clone(shared)));
    builder.set_auth(Secrets(Arc::clone(shared)));
    builder.set_access(Rights(Arc::clone(shared)));
    let mut config = S3Config::default();
    // The server's clock may be turned: `credentials` compares, where the test wants it compared.
    config.presigned_url_max_skew_time_secs = u32::MAX;
    builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
    builder.build()
}

async fn serve<C>(connection: C, shared: Arc<Shared>, s3: S3Service)
where
    C: AsyncRead + AsyncWrite + Unpin,
{
    let answer = service_fn(move |request| {
        let (shared, s3) = (Arc::clone(&shared), s3.clone());
        async move { handle(&shared, &s3, request).await }
    });
    // Errors are cut connections: ours, or a client that went away.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(connection), answer).await;
}

async fn handle(
    shared: &Shared,
    s3: &S3Service,
    request: Request<Incoming>,
) -> Result<HttpResponse, Cut> {
    let seen =
        SeenRequest::new(request.method(), request.uri(), request.headers(), shared.clock.now());
    let number = shared.note(seen.clone());
    let effects = shared.faults.meeting(&seen);

    let mut response = match before(&effects).await? {
        Some(refusal) => {
            drain(request).await;
            refusal
        }
        None => {
            let (mut parts, body) = request.into_parts();
            let refusal = credentials::check(shared, &mut parts);
            let request = Request::from_parts(parts, body);
            match refusal {
                Some(refusal) => {
                    drain(request).await;
                    refusal
                }
                None => perform(shared, s3, request, &effects).await?,
            }
        }
    };
    response = forgive(shared, &seen, response).await;
    shared.note_answer(number, response.status().as_u16());
    set_date(shared, &mut response);
    after(&effects, response).await
}

impl Shared {
    /// Enters a request into the log, and answers its number.
    fn note(&self, mut seen: SeenRequest) -> u64 {
        let mut log = self.log();
        let number = self.ids.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        seen.number = number;
        log.push(seen);
        number
    }

    fn note_answer(&self, number: u64, status: u16) {
        // Gone when the test reset the log in between.
        if let Some(seen) = self.log().iter_mut().rev().find(|seen| seen.number == number) {
            seen.status = Some(status);
        }
    }
}

/// What happens before the operation: an answer instead of it, or nothing.
async fn before(effects: &[Effect]) -> Result<Option<HttpResponse>, Cut> {
    for effect in effects {
        match effect {
            Effect::Delay(by) => tokio::time::sleep(*by).await,
            Effect::HoldBefore(gate) if gate.pass().await => {}
            Effect::HoldBefore(_) => return Err(Cut),
            Effect::HangBefore => pending().await,
            Effect::CutBefore => return Err(Cut),
            Effect::Answer { status, code } => return Ok(Some(error_answer(*status, code))),
            _ => {}
        }
    }
    Ok(None)
}

/// Hands the request to S3.
async fn perform(
    shared: &Shared,
    s3: &S3Service,
    mut request: Request<Incoming>,
    effects: &[Effect],
) -> Result<HttpResponse, Cut> {
    let behaviours = effects.iter().filter_map(|effect| match effect {
        Effect::Behave(behaviour) => Some(*behaviour),
        _ => None,
    });
    let behaviours = Behaviours(behaviours.collect());
    let ignores_payload_hash =
        behaviours.has(Behaviour::IgnoresPayloadHash) || shared.lies(Lie::AcceptsWrongPayloadHash);
    request.extensions_mut().insert(behaviours);
    let request = if ignores_payload_hash {
        // `s3s` checks the payload's hash while it reads: let the operation see the bytes first.
        let (mut parts, body) = request.into_parts();
        let body = BodyExt::collect(body).await.map_err(|_| Cut)?.to_bytes();
        parts.extensions.insert(UncheckedPayload(body.clone()));
        Request::from_parts(parts, Body::from(body))
    } else {
        request.map(Body::from)
    };
    s3.call(request).await.map_err(|_| Cut)
}

/// The body of a request whose payload hash is not to be checked.
#[derive(Debug, Clone)]
pub(crate) struct UncheckedPayload(pub(crate) Bytes);

/// What happens to the answer.
async fn after(effects: &[Effect], mut response: HttpResponse) -> Result<HttpResponse, Cut> {
    for effect in effects {
        match effect {
            Effect::HoldAfter(gate) if gate.pass().await => {}
            Effect::HoldAfter(_) => return Err(Cut),
            Effect::HangAfter => pending().await,
            Effect::CutAfter => return Err(Cut),
            Effect::AnswerAfter { status, code } => response = error_answer(*status, code),
            Effect::CutBody(bytes) => response = cut_body(response, *bytes).await,
            Effect::FlipBit => response = flip_bit(response).await,
            Effect::Header(name, value) => {
                if let Ok(value) = HeaderValue::from_str(value) {
                    response.headers_mut().insert(HeaderName::from_static(name), value);
                }
            }
            _ => {}
        }
    }
    Ok(response)
}

/// Makes of a refusal what a store makes of it that does not read what it is told: `s3s` reads before
/// the operation is asked.
async fn forgive(shared: &Shared, seen: &SeenRequest, response: HttpResponse) -> HttpResponse {
    let sets_a_lock = matches!(seen.op, Op::PutObjectRetention | Op::PutObjectLegalHold);
    if !sets_a_lock || response.status() != 400 || !shared.lies(Lie::AcceptsMalformedLocks) {
        return response;
    }
    let (parts, body) = response.into_parts();
    let body = whole(body).await;
    let is_malformed = String::from_utf8_lossy(&body).contains("<Code>MalformedXML</Code>");
    match is_malformed {
        true => Response::new(Body::empty()),
        false => Response::from_parts(parts, Body::from(body)),
    }
}

/// `Date` by the server's clock; hyper would set this machine's.
fn set_date(shared: &Shared, response: &mut HttpResponse) {
    let date = http_date(shared.clock.now());
    if let Some(date) = date.and_then(|date| HeaderValue::from_str(&date).ok()) {
        response.headers_mut().insert("date", date);
    }
}

fn http_date(at: Timestamp) -> Option<String> {
    DateTimePrinter::new().timestamp_to_rfc9110_string(&at).ok()
}

/// Takes the rest of a request in, so that the client gets to read its answer.
async fn drain(request: Request<Incoming>) {
    let mut body = request.into_body();
    while let Some(Ok(_)) = body.frame().await {}
}

async fn cut_body(response: HttpResponse, bytes: usize) -> HttpResponse {
    let (parts, body) = response.into_parts();
    let whole = whole(body).await;
    let start = whole.slice(..bytes.min(whole.len()));
    // hyper would not send what comes just before an error; the client is to see these bytes.
    let pieces = stream::iter([Ok(Frame::data(start))]).chain(stream::once(async {
        tokio::task::yield_now().await;
        Err(Cut)
    }));
    let mut response = Response::from_parts(parts, Body::http_body_unsync(StreamBody::new(pieces)));
    declare_length(&mut response, whole.len());
    response
}

async fn flip_bit(response: HttpResponse) -> HttpResponse {
    let (parts, body) = response.into_parts();
    let mut bytes = whole(body).await.to_vec();
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
    let full = Full::<Bytes>::from(bytes).map_err(|error: Infallible| match error {});
    Response::from_parts(parts, Body::http_body(full))
}

async fn whole(body: Body) -> Bytes {
    BodyExt::collect(body).await.map(http_body_util::Collected::to_bytes).unwrap_or_default()
}

fn declare_length(response: &mut HttpResponse, bytes: usize) {
    response.headers_mut().insert("content-length", HeaderValue::from(bytes));
}
