//! Writing over a locked version, hiding it, and switching off what keeps it.

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::Method;
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::retention::LockMode;

use super::Check;
use super::compliance::{answered, critical};
use crate::analyze::lab::{Lab, SMALL_BYTES, unexpected};
use crate::analyze::verdict::{Depth, Outcome, Severity, Stop, enforced, not_enforced, stop};
use crate::s3::raw::{Raw, Reply};
use crate::s3::request::Request;

const REMEDY: &str = "do not keep evidence here: what is locked is lost by writing over it";

const fn lost(
    id: &'static str,
    attack: &'static str,
    expected: &'static str,
    means: (&'static str, &'static str),
    run: for<'l> fn(&'l Lab) -> BoxFuture<'l, Outcome>,
) -> Check {
    Check { remedy: REMEDY, ..critical(id, attack, expected, means, run) }
}

const READABLE: &str = "whatever it is answered, the locked version stays readable by its id";
const MARKER: &str = "a delete marker at most: the locked version stays readable by its id";

pub(super) const CHECKS: &[Check] = &[
    lost(
        "compliance.overwrite",
        "writing other bytes under the key of a version under a COMPLIANCE lock",
        READABLE,
        (
            "a locked version is not lost by writing over it",
            "a locked version is lost by writing over it",
        ),
        |lab| overwrite(lab, LockMode::Compliance).boxed(),
    ),
    lost(
        "compliance.delete_marker",
        "deleting the key of a version under a COMPLIANCE lock, without a version id",
        MARKER,
        (
            "a delete marker hides a locked version and does not delete it",
            "a delete without a version id deletes the locked version",
        ),
        |lab| delete_marker(lab, LockMode::Compliance).boxed(),
    ),
    lost(
        "governance.overwrite",
        "writing other bytes under the key of a version under a GOVERNANCE lock",
        READABLE,
        (
            "a version under a GOVERNANCE lock is not lost by writing over it",
            "a version under a GOVERNANCE lock is lost by writing over it",
        ),
        |lab| overwrite(lab, LockMode::Governance).boxed(),
    ),
    lost(
        "governance.delete_marker",
        "deleting the key of a version under a GOVERNANCE lock, without a version id",
        MARKER,
        (
            "a delete marker hides a version under a GOVERNANCE lock and does not delete it",
            "a delete without a version id deletes a version under a GOVERNANCE lock",
        ),
        |lab| delete_marker(lab, LockMode::Governance).boxed(),
    ),
    Check {
        id: "posture.suspend_versioning",
        attack: "suspending the versioning of a bucket with Object Lock",
        expected: "refused (409 InvalidBucketState)",
        holds: "versioning cannot be switched off",
        fails: "versioning can be switched off, and then each overwrite loses what was written since",
        remedy: "take s3:PutBucketVersioning away from every credential that is used daily; the analysis \
                 switched it on again",
        severity: Severity::High,
        depth: Depth::Full,
        requests_max: 6,
        run: |lab| suspend(lab).boxed(),
    },
];

async fn overwrite(lab: &Lab, mode: LockMode) -> Outcome {
    let locked = lab.locked("overwrite/put", mode).await?;
    let other: Bytes = lab.bytes(SMALL_BYTES);
    let reply = lab.raw()?.send(&lab.put_request(&locked.key, &other)?).await?;
    if !reply.is_success() && !reply.is_refusal() {
        return unexpected("writing over a locked version", &reply);
    }
    let words = if reply.is_success() { "accepted" } else { "refused" };
    match lab.survives(&locked).await? {
        true => enforced(format!("{words}; the locked version is readable")),
        false => not_enforced(format!("{words}; the locked version is gone")),
    }
}

async fn delete_marker(lab: &Lab, mode: LockMode) -> Outcome {
    let locked = lab.locked("overwrite/marker", mode).await?;
    let reply = lab.delete(&locked.key, None, false).await?;
    answered(&reply)?;
    let words = reply.words();
    match lab.survives(&locked).await? {
        true => enforced(format!("{words}; the locked version is readable by its id")),
        false => not_enforced(format!("{words}; the locked version is gone")),
    }
}

/// Only where Object Lock is on, which forbids it. What it changed is changed back at once, in a task of
/// its own: whoever ends the analysis in that moment does not end it.
async fn suspend(lab: &Lab) -> Outcome {
    if lab.locks.takes_locks != Observed::Observed(true) || !lab.keeps_versions() {
        return stop(
            Unobserved::NotProbed,
            "not tried: the bucket has no Object Lock, or its versioning is not on",
        );
    }
    let attack = tokio::spawn(suspend_and_restore(lab.raw()?.clone()));
    attack.await.unwrap_or_else(|_| stop(Unobserved::Error, "the check ended early"))
}

async fn suspend_and_restore(raw: Raw) -> Outcome {
    let sent = set_versioning(&raw, "Suspended").await;
    if let Ok(reply) = &sent
        && reply.is_refusal()
    {
        return enforced(reply.words());
    }
    // Accepted, or nobody knows.
    let again = set_versioning(&raw, "Enabled").await;
    let is_on = is_versioning_on(&raw).await;
    let state = match (again.is_ok_and(|again| again.is_success()), is_on) {
        (true, true) => "it is on again",
        (_, true) => "it is on",
        (_, false) => "IT WAS NOT SEEN TO BE ON AGAIN: switch the bucket's versioning on",
    };
    match sent {
        Ok(reply) if reply.is_success() => not_enforced(format!("accepted; {state}")),
        _ => stop(Unobserved::Error, format!("suspending versioning was not answered; {state}")),
    }
}

async fn is_versioning_on(raw: &Raw) -> bool {
    let request = Request::bucket(Method::GET).query("versioning", "");
    let Ok(reply) = raw.send(&request).await else { return false };
    reply.is_success()
        && reply.xml().is_ok_and(|document| document.text_of("Status") == Some("Enabled"))
}

async fn set_versioning(raw: &Raw, status: &str) -> Result<Reply, Stop> {
    let document = format!(
        "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
         <Status>{status}</Status></VersioningConfiguration>"
    );
    let request = Request::bucket(Method::PUT).query("versioning", "").xml(document)?;
    Ok(raw.send(&request).await?)
}
