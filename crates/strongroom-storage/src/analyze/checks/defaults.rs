//! The bucket's default retention: what is written without a lock gets it. Only looked at where there
//! is one and its length was accepted: the analysis sets none.

use futures::FutureExt as _;
use http::Method;
use strongroom_core::observed::Unobserved;
use strongroom_core::retention::{DefaultRetention, Retention};

use super::Check;
use super::lock_taking::judge_kept;
use crate::analyze::lab::{Lab, SMALL_BYTES, hold_document, written};
use crate::analyze::upload::Upload;
use crate::analyze::verdict::{Depth, Outcome, Severity, Stop, Verdict, stop};

const REMEDY: &str = "ask for the lock with each write: `push.lock` and `--retain-until`";

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "default.put",
        attack: "a PUT without a lock, in a bucket with a default retention",
        expected: "the default is read back from the object",
        holds: "what is written without a lock gets the bucket's default",
        fails: "the bucket's default retention is not applied to a write",
        remedy: REMEDY,
        severity: Severity::High,
        depth: Depth::Quick,
        requests_max: 6,
        run: |lab| put(lab).boxed(),
    },
    Check {
        id: "default.multipart",
        attack: "a multipart upload without a lock, in a bucket with a default retention",
        expected: "the default is read back from the object",
        holds: "what is uploaded in parts without a lock gets the bucket's default",
        fails: "the bucket's default retention is not applied to an upload in parts",
        remedy: REMEDY,
        severity: Severity::High,
        depth: Depth::Quick,
        requests_max: 8,
        run: |lab| multipart(lab).boxed(),
    },
    Check {
        id: "default.copy",
        attack: "copying an object (CopyObject) without a lock, in a bucket with a default retention",
        expected: "the default is read back from the copy",
        holds: "a copy that is made without a lock gets the bucket's default",
        fails: "the bucket's default retention is not applied to a copy",
        remedy: "Strongroom copies nothing; mind other clients",
        severity: Severity::Medium,
        depth: Depth::Quick,
        requests_max: 8,
        run: |lab| copy(lab).boxed(),
    },
    Check {
        id: "default.with_hold",
        attack: "a PUT with a legal-hold header, OFF and then ON, in a bucket with a default retention",
        expected: "the default is read back from the object",
        holds: "a hold header does not take the bucket's default away",
        fails: "a write with a hold header loses the bucket's default retention",
        remedy: "Strongroom never sends OFF; mind other clients, and ask for the lock with each write",
        severity: Severity::High,
        depth: Depth::Quick,
        requests_max: 14,
        run: |lab| with_hold(lab).boxed(),
    },
];

fn default(lab: &Lab) -> Result<DefaultRetention, Stop> {
    match lab.locks.default_retention.value() {
        Some(Some(default)) => Ok(*default),
        Some(None) => stop(Unobserved::NotProbed, "the bucket has no default retention"),
        None => stop(Unobserved::NotProbed, "the bucket's default retention was not read"),
    }
}

async fn expected(lab: &Lab) -> Result<Retention, Stop> {
    let default = default(lab)?;
    let now = lab.store.now().await?;
    default.at(now).or_else(|error| stop(Unobserved::Error, error.to_string()))
}

async fn put(lab: &Lab) -> Outcome {
    let expected = expected(lab).await?;
    let key = lab.key("default/put")?;
    let version = lab.put(&key, &lab.bytes(SMALL_BYTES)).await?;
    judge_kept(lab, &key, version.as_ref(), expected).await
}

/// Stores have been seen to take any hold header, also one that says OFF, for a lock of its own.
async fn with_hold(lab: &Lab) -> Outcome {
    let mut seen = None;
    for hold in ["OFF", "ON"] {
        let expected = expected(lab).await?;
        let key = lab.key("default/hold")?;
        let request = lab
            .put_request(&key, &lab.bytes(SMALL_BYTES))?
            .fixed_header("x-amz-object-lock-legal-hold", hold);
        let reply = lab.raw()?.send(&request).await?;
        let version = written(&reply)?;
        let outcome = judge_kept(lab, &key, version.as_ref(), expected).await;
        if hold == "ON" {
            lab.tell("legal-hold", &key, version.as_ref(), hold_document(false), false).await?;
        }
        let outcome = outcome?;
        if outcome.verdict != Verdict::Enforced {
            return Ok(outcome);
        }
        seen = Some(outcome);
    }
    seen.map_or_else(|| stop(Unobserved::NotProbed, "nothing was sent"), Ok)
}

async fn multipart(lab: &Lab) -> Outcome {
    let expected = expected(lab).await?;
    let key = lab.key("default/multipart")?;
    let upload = Upload::begin(lab, &key).await?;
    let part = upload.send(1, &lab.bytes(SMALL_BYTES)).await?;
    let reply = upload.complete(&[part], false).await?;
    let version = written(&reply)?;
    judge_kept(lab, &key, version.as_ref(), expected).await
}

async fn copy(lab: &Lab) -> Outcome {
    let expected = expected(lab).await?;
    let (from, to) = (lab.key("default/from")?, lab.key("default/to")?);
    lab.put(&from, &lab.bytes(SMALL_BYTES)).await?;
    let raw = lab.raw()?;
    let request =
        raw.object(Method::PUT, &to).header("x-amz-copy-source", &raw.copy_source(&from))?;
    let reply = raw.send(&request).await?;
    let version = written(&reply)?;
    judge_kept(lab, &to, version.as_ref(), expected).await
}
