//! What is not finished is not seen, and what is given up is gone.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures::{FutureExt as _, StreamExt as _, stream};
use tokio::sync::oneshot;

use super::Check;
use crate::analyze::lab::{Lab, SMALL_BYTES, unexpected};
use crate::analyze::upload::Upload;
use crate::analyze::verdict::{Depth, Outcome, Severity, enforced, not_enforced};

/// Looks at a key while half of its body is on its way, and the time between them.
const LOOKS: usize = 3;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

const REMEDY: &str = "do not read a key of this bucket before its write was acknowledged";

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "uploads.early_read",
        attack: "reading a key while an upload in parts is open",
        expected: "nothing is there",
        holds: "an upload is not seen before it is completed",
        fails: "the parts of an upload are seen before it is completed",
        remedy: REMEDY,
        severity: Severity::High,
        depth: Depth::Quick,
        requests_max: 6,
        run: |lab| early_read(lab).boxed(),
    },
    Check {
        id: "uploads.half_put",
        attack: "reading a key while half of a PUT's body has been sent",
        expected: "nothing is there",
        holds: "a write is not seen before it is whole",
        fails: "half an object is seen while it is being written",
        remedy: REMEDY,
        severity: Severity::High,
        depth: Depth::Quick,
        requests_max: 6,
        run: |lab| half_put(lab).boxed(),
    },
    Check {
        id: "uploads.abort",
        attack: "aborting an upload, and completing it then",
        expected: "refused (404 NoSuchUpload), and nothing is there",
        holds: "an upload that was given up leaves nothing",
        fails: "an upload that was given up can become an object all the same",
        remedy: "list the multipart uploads of the bucket, and let a lifecycle rule remove them",
        severity: Severity::Medium,
        depth: Depth::Quick,
        requests_max: 6,
        run: |lab| abort(lab).boxed(),
    },
];

async fn early_read(lab: &Lab) -> Outcome {
    let key = lab.key("uploads/early")?;
    let upload = Upload::begin(lab, &key).await?;
    upload.send(1, &lab.bytes(SMALL_BYTES)).await?;
    let seen = lab.get(&key, None).await?.is_some();
    upload.abort().await?;
    match seen {
        false => enforced("nothing is there while the upload is open"),
        true => not_enforced("something is there while the upload is open"),
    }
}

async fn half_put(lab: &Lab) -> Outcome {
    let key = lab.key("uploads/half")?;
    let body = lab.bytes(64 * SMALL_BYTES);
    let request = lab.put_request(&key, &body)?;
    let (first, second) = (body.slice(..body.len() / 2), body.slice(body.len() / 2..));
    let (taken, half_is_taken) = oneshot::channel::<()>();
    let (go_on, may_go_on) = oneshot::channel::<()>();
    // When the second piece is asked for, the first one is on its way.
    let pieces = stream::once(async move { Ok::<Bytes, Infallible>(first) }).chain(stream::once(
        async move {
            let _ = taken.send(());
            let _ = may_go_on.await;
            Ok(second)
        },
    ));
    let writing = lab.raw()?.send_body(&request, reqwest::Body::wrap_stream(pieces));
    let reading = async {
        let _ = half_is_taken.await;
        let mut seen = Ok(None);
        for _ in 0..LOOKS {
            seen = lab.get(&key, None).await;
            if !matches!(seen, Ok(None)) {
                break;
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        let _ = go_on.send(());
        seen
    };
    let (written, seen) = futures::join!(writing, reading);
    let (reply, seen) = (written?, seen?);
    if !reply.is_success() {
        return unexpected("writing", &reply);
    }
    if seen.is_some() {
        return not_enforced("something is there while half of it was sent");
    }
    match lab.get(&key, None).await?.as_ref() == Some(&body) {
        true => enforced("nothing is there while half of it was sent, and all of it after"),
        false => not_enforced("what is there after the write is not what was sent"),
    }
}

async fn abort(lab: &Lab) -> Outcome {
    let key = lab.key("uploads/abort")?;
    let upload = Upload::begin(lab, &key).await?;
    let part = upload.send(1, &lab.bytes(SMALL_BYTES)).await?;
    let aborted = upload.abort().await?;
    if !aborted.is_success() {
        return unexpected("aborting an upload", &aborted);
    }
    let reply = upload.complete(&[part], false).await?;
    let there = lab.get(&key, None).await?.is_some();
    match there {
        true => not_enforced(format!("{}: an object is there", reply.words())),
        false => enforced(format!("{}, and nothing is there", reply.words())),
    }
}
