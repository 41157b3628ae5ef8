//! What the store says of itself, and what that means for evidence. Nothing is written for these.

use futures::FutureExt as _;
use strongroom_core::observed::{Observed, Unobserved};

use super::Check;
use crate::analyze::lab::Lab;
use crate::analyze::verdict::{
    Depth, Outcome, Severity, Stop, enforced, judge, not_enforced, stop,
};
use crate::status::{PublicAccess, Versioning};

const fn posture(
    id: &'static str,
    attack: &'static str,
    expected: &'static str,
    (holds, fails): (&'static str, &'static str),
    (severity, remedy): (Severity, &'static str),
    run: for<'l> fn(&'l Lab) -> futures::future::BoxFuture<'l, Outcome>,
) -> Check {
    Check {
        id,
        attack,
        expected,
        holds,
        fails,
        remedy,
        severity,
        depth: Depth::Quick,
        requests_max: 0,
        run,
    }
}

pub(super) const CHECKS: &[Check] = &[
    posture(
        "posture.versioning",
        "asking for the bucket's versioning",
        "on",
        (
            "the bucket keeps versions",
            "the bucket keeps no versions: writing over an object loses it",
        ),
        (Severity::High, "switch versioning on, or create the bucket with Object Lock"),
        |lab| versioning(lab).boxed(),
    ),
    posture(
        "posture.object_lock",
        "asking for the bucket's Object Lock configuration",
        "on",
        ("the bucket takes locks", "the bucket takes no locks"),
        (Severity::High, "create a bucket with Object Lock: most stores cannot add it later"),
        |lab| object_lock(lab).boxed(),
    ),
    posture(
        "posture.default_retention",
        "asking for the bucket's default retention",
        "there is one",
        ("what other clients write is locked too", "what is written without a lock is not locked"),
        (
            Severity::Info,
            "Strongroom asks for a lock with each push; a default covers other clients too",
        ),
        |lab| default_retention(lab).boxed(),
    ),
    posture(
        "posture.encryption",
        "asking for the bucket's default encryption",
        "there is one",
        ("objects are encrypted at rest", "the bucket encrypts nothing by itself"),
        (Severity::Low, "set the bucket's default encryption, or `store.sse`"),
        |lab| encryption(lab).boxed(),
    ),
    posture(
        "posture.public_access",
        "asking whether strangers may read the bucket",
        "no",
        ("the bucket is not public", "the bucket is public"),
        (Severity::High, "block public access"),
        |lab| public_access(lab).boxed(),
    ),
    posture(
        "posture.tls",
        "looking at the endpoint",
        "https",
        (
            "what is sent is encrypted on its way",
            "what is sent can be read, and changed, on its way",
        ),
        (Severity::Medium, "use the store's https endpoint"),
        |lab| tls(lab).boxed(),
    ),
];

fn told<T>(seen: &Observed<T>) -> Result<&T, Stop> {
    match seen {
        Observed::Observed(value) => Ok(value),
        Observed::Unobserved(reason) => stop(*reason, format!("the store does not say: {reason}")),
    }
}

async fn versioning(lab: &Lab) -> Outcome {
    match told(&lab.status.versioning)? {
        Versioning::Enabled => enforced("on"),
        Versioning::Suspended => not_enforced("suspended"),
        Versioning::Disabled => not_enforced("off"),
    }
}

async fn object_lock(lab: &Lab) -> Outcome {
    let on = *told(&lab.status.object_lock)?;
    judge(on, if on { "on" } else { "off" })
}

async fn default_retention(lab: &Lab) -> Outcome {
    match told(&lab.status.default_retention)? {
        Some(default) => enforced(format!("{} by default", default.mode)),
        None => not_enforced("none"),
    }
}

async fn encryption(lab: &Lab) -> Outcome {
    match told(&lab.status.encryption)? {
        // The store's own word, of which only a known shape is repeated.
        Some(encryption)
            if matches!(encryption.algorithm.as_str(), "AES256" | "aws:kms" | "aws:kms:dsse") =>
        {
            enforced(encryption.algorithm.clone())
        }
        Some(_) => enforced("by an algorithm of the store's own"),
        None => not_enforced("none"),
    }
}

async fn public_access(lab: &Lab) -> Outcome {
    match told(&lab.status.public_access)? {
        PublicAccess::Blocked => enforced("blocked"),
        PublicAccess::NotPublic => enforced("not public, and nothing blocks it"),
        PublicAccess::Public => not_enforced("public"),
    }
}

async fn tls(lab: &Lab) -> Outcome {
    match lab.store.endpoint() {
        Some(endpoint) if endpoint.starts_with("https://") => enforced("https"),
        Some(_) => not_enforced("plain http"),
        None => stop(Unobserved::UnsupportedBackend, "there is no server"),
    }
}
