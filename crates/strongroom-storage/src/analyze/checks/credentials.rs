//! Who may ask: a request that is not properly signed must be refused.

use std::time::Duration;

use futures::FutureExt as _;
use http::Method;
use strongroom_core::observed::Unobserved;

use super::Check;
use crate::analyze::lab::{Lab, SMALL_BYTES, unexpected};
use crate::analyze::verdict::{Depth, Outcome, Severity, enforced, not_enforced, stop};
use crate::s3::raw::Signing;

/// More than the 15 minutes that S3 allows (AWS, "Signing and authenticating REST requests").
const SKEW: Duration = Duration::from_secs(3_600);

const fn refused(
    id: &'static str,
    attack: &'static str,
    (holds, fails): (&'static str, &'static str),
    (severity, remedy): (Severity, &'static str),
    run: for<'l> fn(&'l Lab) -> futures::future::BoxFuture<'l, Outcome>,
) -> Check {
    Check {
        id,
        attack,
        expected: "refused (400 or 403)",
        holds,
        fails,
        remedy,
        severity,
        depth: Depth::Quick,
        requests_max: 4,
        run,
    }
}

const NOBODY: &str = "everybody who reaches this store can read and write: put no evidence into it";

pub(super) const CHECKS: &[Check] = &[
    refused(
        "credentials.wrong_secret",
        "a request signed with another secret",
        ("a wrong secret is refused", "a wrong secret is accepted"),
        (Severity::Critical, NOBODY),
        |lab| signed(lab, Signing::WrongSecret).boxed(),
    ),
    refused(
        "credentials.unknown_key",
        "a request signed with a key id that nobody has",
        ("an unknown key is refused", "an unknown key is accepted"),
        (Severity::Critical, NOBODY),
        |lab| signed(lab, Signing::UnknownKey).boxed(),
    ),
    refused(
        "credentials.unsigned",
        "a request that is not signed",
        ("who does not sign is refused", "who does not sign may read"),
        (Severity::Critical, NOBODY),
        |lab| signed(lab, Signing::Unsigned).boxed(),
    ),
    refused(
        "credentials.other_region",
        "a request signed for another region",
        ("a signature is good for one region", "a signature is good for any region"),
        (
            Severity::Info,
            "no harm by itself: a signature cannot be carried to another key or secret",
        ),
        |lab| signed(lab, Signing::OtherRegion).boxed(),
    ),
    refused(
        "credentials.old_signature",
        "a request signed an hour ago",
        (
            "an old signature is refused",
            "an old signature is accepted: a request that was recorded can be sent again",
        ),
        (Severity::Medium, "use TLS, so that no request can be recorded"),
        |lab| old_signature(lab).boxed(),
    ),
];

async fn signed(lab: &Lab, signing: Signing) -> Outcome {
    let (key, body) = (lab.key("credentials/object")?, lab.bytes(SMALL_BYTES));
    lab.put(&key, &body).await?;
    let raw = lab.raw()?;
    let reply = raw.send_once(&raw.object(Method::GET, &key), &signing).await?;
    match (reply.is_success(), reply.is_refusal()) {
        (true, _) => not_enforced(format!("{}: accepted", reply.words())),
        (false, true) => enforced(reply.words()),
        (false, false) => stop(Unobserved::Error, reply.words()),
    }
}

/// The same way of signing for the present must be good: so that it is the age that is refused.
async fn old_signature(lab: &Lab) -> Outcome {
    let (key, body) = (lab.key("credentials/old")?, lab.bytes(SMALL_BYTES));
    lab.put(&key, &body).await?;
    let raw = lab.raw()?;
    let request = raw.object(Method::GET, &key);
    let fresh = raw.send_once(&request, &Signing::Earlier(Duration::ZERO)).await?;
    if !fresh.is_success() {
        return unexpected("a fresh signature", &fresh);
    }
    let reply = raw.send_once(&request, &Signing::Earlier(SKEW)).await?;
    match (reply.is_success(), reply.is_refusal()) {
        (true, _) => not_enforced(format!("{}: accepted", reply.words())),
        (false, true) => enforced(reply.words()),
        (false, false) => stop(Unobserved::Error, reply.words()),
    }
}
