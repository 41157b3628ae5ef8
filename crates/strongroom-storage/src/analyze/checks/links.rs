//! Signed links: what they allow, for how long, and that nothing in them can be changed.

use std::time::Duration;

use futures::FutureExt as _;
use http::Method;
use strongroom_core::observed::Unobserved;
use strongroom_core::retention::LockMode;

use super::Check;
use crate::analyze::lab::{Lab, SMALL_BYTES, unexpected, with_lock};
use crate::analyze::verdict::{Depth, Outcome, Severity, enforced, not_enforced, stop};
use crate::s3::raw::{Reply, payload};

/// How long a link is good, and how long until it must not be any more.
const SHORT: Duration = Duration::from_secs(1);
const OVER: Duration = Duration::from_millis(3_200);
/// How long a link is good that is used at once.
const LONG: Duration = Duration::from_secs(120);

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "links.bind_lock",
        attack: "a signed link for a PUT with a lock, used without the lock's headers",
        expected: "refused (403), and with the headers accepted and locked",
        holds: "who uploads by a link cannot leave its lock out",
        fails: "who uploads by a link may leave its lock out",
        remedy: "hand out no links for uploads; let uploads go through Strongroom",
        severity: Severity::High,
        depth: Depth::Quick,
        requests_max: 6,
        run: |lab| bind_lock(lab).boxed(),
    },
    Check {
        id: "links.expiry",
        attack: "a signed link after its time",
        expected: "refused (403)",
        holds: "a link ends when it says",
        fails: "a link never ends",
        remedy: "hand out no links; let downloads go through Strongroom",
        severity: Severity::High,
        depth: Depth::Standard,
        requests_max: 4,
        run: |lab| expiry(lab).boxed(),
    },
    Check {
        id: "links.tampered",
        attack: "a signed link whose key was changed",
        expected: "refused (403)",
        holds: "a link is good for one object",
        fails: "a link for one object opens others",
        remedy: "hand out no links; let downloads go through Strongroom",
        severity: Severity::Critical,
        depth: Depth::Quick,
        requests_max: 6,
        run: |lab| tampered(lab).boxed(),
    },
];

fn refused(reply: &Reply) -> Outcome {
    match (reply.is_success(), reply.is_refusal()) {
        (true, _) => not_enforced(format!("{}: accepted", reply.words())),
        (false, true) => enforced(reply.words()),
        (false, false) => stop(Unobserved::Error, reply.words()),
    }
}

async fn bind_lock(lab: &Lab) -> Outcome {
    let key = lab.key("links/put")?;
    let raw = lab.raw()?;
    let retention = lab.retention(LockMode::Governance).await?;
    let payload = payload(lab.bytes(SMALL_BYTES));
    let md5 = payload.md5_base64();
    let bare = raw.object(Method::PUT, &key).header("content-md5", &md5)?.with_payload(payload);
    let whole = with_lock(bare.clone(), retention)?;
    let link = raw.presign(&whole, LONG).await?;
    let without = raw.send_link(&link, &bare).await?;
    let with = raw.send_link(&link, &whole).await?;
    if !with.is_success() {
        return unexpected("a link that is used as it is", &with);
    }
    refused(&without)
}

async fn expiry(lab: &Lab) -> Outcome {
    let (key, body) = (lab.key("links/short")?, lab.bytes(SMALL_BYTES));
    lab.put(&key, &body).await?;
    let raw = lab.raw()?;
    let request = raw.object(Method::GET, &key);
    let good = raw.presign(&request, LONG).await?;
    let fresh = raw.send_link(&good, &request).await?;
    if !fresh.is_success() {
        return unexpected("a link that is used in time", &fresh);
    }
    let short = raw.presign(&request, SHORT).await?;
    tokio::time::sleep(OVER).await;
    refused(&raw.send_link(&short, &request).await?)
}

async fn tampered(lab: &Lab) -> Outcome {
    let (key, other) = (lab.key("links/mine")?, lab.key("links/other")?);
    lab.put(&key, &lab.bytes(SMALL_BYTES)).await?;
    lab.put(&other, &lab.bytes(SMALL_BYTES)).await?;
    let raw = lab.raw()?;
    let request = raw.object(Method::GET, &key);
    let link = raw.presign(&request, LONG).await?;
    let fresh = raw.send_link(&link, &request).await?;
    if !fresh.is_success() {
        return unexpected("a link that is used as it is", &fresh);
    }
    let tampered = link.tampered(key.as_str(), other.as_str());
    refused(&raw.send_link(&tampered, &request).await?)
}
