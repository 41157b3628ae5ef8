//! Bytes that are not those that were announced: a store that checks what it is sent refuses them.

use std::time::Duration;

use bytes::Bytes;
use futures::{FutureExt as _, StreamExt as _, stream};
use http::Method;
use strongroom_core::observed::Unobserved;
use tokio::sync::oneshot;

use super::Check;
use crate::ObjectKey;
use crate::analyze::lab::{Lab, SMALL_BYTES, unexpected};
use crate::analyze::verdict::{Depth, Outcome, Severity, Stop, enforced, not_enforced, stop};
use crate::s3::raw::{Reply, payload};
use crate::s3::request::Request;

const REMEDY: &str = "Strongroom hashes what it sends and reads it back where the store does not check; keep \
                      `push.verify_on_push` on";

/// How long half a body is given to get there.
const ON_ITS_WAY: Duration = Duration::from_millis(200);
/// How long the store is given to make up its mind about it.
const SETTLED: Duration = Duration::from_millis(600);

const fn wrong(
    id: &'static str,
    attack: &'static str,
    (holds, fails): (&'static str, &'static str),
    severity: Severity,
    run: for<'l> fn(&'l Lab) -> futures::future::BoxFuture<'l, Outcome>,
) -> Check {
    Check {
        id,
        attack,
        expected: "refused, and nothing is stored",
        holds,
        fails,
        remedy: REMEDY,
        severity,
        depth: Depth::Quick,
        requests_max: 6,
        run,
    }
}

pub(super) const CHECKS: &[Check] = &[
    wrong(
        "integrity.sha256",
        "a PUT whose x-amz-checksum-sha256 is that of other bytes",
        (
            "the store compares a SHA-256 that it is given",
            "the store takes bytes that do not match the SHA-256 sent with them",
        ),
        Severity::Medium,
        |lab| put(lab, Wrong::Sha256).boxed(),
    ),
    wrong(
        "integrity.md5",
        "a PUT whose Content-MD5 is that of other bytes",
        (
            "the store compares a Content-MD5 that it is given",
            "the store takes bytes that do not match the Content-MD5 sent with them",
        ),
        Severity::Low,
        |lab| put(lab, Wrong::Md5).boxed(),
    ),
    wrong(
        "integrity.payload_hash",
        "a PUT whose signed x-amz-content-sha256 is that of other bytes",
        (
            "the store compares the digest that is signed with each request",
            "the store takes bytes that do not match the digest signed with them",
        ),
        Severity::Medium,
        |lab| put(lab, Wrong::Payload).boxed(),
    ),
    wrong(
        "integrity.truncated",
        "a PUT whose connection ends in the middle of its body",
        (
            "half an object is never stored",
            "a body that was cut short is stored as if it were whole",
        ),
        Severity::High,
        |lab| truncated(lab).boxed(),
    ),
];

#[derive(Clone, Copy)]
enum Wrong {
    Sha256,
    Md5,
    Payload,
}

async fn put(lab: &Lab, wrong: Wrong) -> Outcome {
    let body = payload(lab.bytes(SMALL_BYTES));
    let other = payload(lab.bytes(SMALL_BYTES));
    let (right, key) = (lab.key("integrity/right")?, lab.key("integrity/wrong")?);
    let put = |key| Ok::<_, Stop>(lab.raw()?.object(Method::PUT, key));
    let (twin, request) = match wrong {
        Wrong::Sha256 => (
            put(&right)?.header("x-amz-checksum-sha256", &body.sha256_base64())?,
            put(&key)?.header("x-amz-checksum-sha256", &other.sha256_base64())?,
        ),
        Wrong::Md5 => (
            put(&right)?.header("content-md5", &body.md5_base64())?,
            put(&key)?.header("content-md5", &other.md5_base64())?,
        ),
        Wrong::Payload => (
            put(&right)?.header("content-md5", &body.md5_base64())?,
            put(&key)?.header("content-md5", &body.md5_base64())?,
        ),
    };
    let twin = lab.raw()?.send(&twin.with_payload(body.clone())).await?;
    let body = match wrong {
        Wrong::Payload => body.with_wrong_sha256(),
        Wrong::Sha256 | Wrong::Md5 => body,
    };
    judge_refusal(lab, &key, &twin, &request.with_payload(body)).await
}

async fn judge_refusal(lab: &Lab, key: &ObjectKey, twin: &Reply, request: &Request) -> Outcome {
    let reply: Reply = lab.raw()?.send(request).await?;
    let is_signature = reply.code.as_deref() == Some("SignatureDoesNotMatch");
    if reply.is_denied() && !is_signature {
        return unexpected("the write", &reply);
    }
    let stored = is_there(lab, key).await?;
    match (reply.is_success(), stored) {
        (false, false) if reply.is_refusal() => refused_for_its_bytes(twin, &reply),
        (false, false) => stop(Unobserved::Error, reply.words()),
        (true, _) => not_enforced(format!("{}: accepted", reply.words())),
        (false, true) => not_enforced(format!("{}, and stored all the same", reply.words())),
    }
}

/// A refusal says something of the bytes only where the same request with the right ones is taken.
pub(super) fn refused_for_its_bytes(twin: &Reply, reply: &Reply) -> Outcome {
    match twin.is_success() {
        true => enforced(reply.words()),
        false => stop(
            Unobserved::Error,
            format!("the same request with the right bytes is refused too: {}", twin.words()),
        ),
    }
}

async fn is_there(lab: &Lab, key: &ObjectKey) -> Result<bool, Stop> {
    Ok(lab.get(key, None).await?.is_some())
}

/// Half of what the length announces, then, when that is on its way, the end of the connection.
async fn truncated(lab: &Lab) -> Outcome {
    let key = lab.key("integrity/truncated")?;
    let body = lab.bytes(64 * SMALL_BYTES);
    let half: Bytes = body.slice(..body.len() / 2);
    let request = lab.put_request(&key, &body)?;
    let (taken, half_was_taken) = oneshot::channel::<()>();
    let pieces = stream::once(async move { Ok(half) }).chain(stream::once(async move {
        let _ = taken.send(());
        tokio::time::sleep(ON_ITS_WAY).await;
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionAborted))
    }));
    let sent = lab.raw()?.send_body(&request, reqwest::Body::wrap_stream(pieces)).await;
    if half_was_taken.await.is_err() {
        return stop(Unobserved::Error, "the connection ended before half of the body was sent");
    }
    // The store may still be busy with what came.
    tokio::time::sleep(SETTLED).await;
    let there = is_there(lab, &key).await?;
    match (sent, there) {
        (_, true) => not_enforced("the object is there"),
        (Ok(reply), false) => enforced(format!("{}, and nothing is there", reply.words())),
        (Err(_), false) => enforced("the connection ended, and nothing is there"),
    }
}
