//! Locks that make no sense must be refused, not half understood.

use futures::FutureExt as _;
use strongroom_core::observed::{Observed, Unobserved};
use strongroom_core::retention::{LockMode, Retention};

use super::Check;
use crate::analyze::lab::{Lab, SMALL_BYTES, later, retention_document, unexpected, with_lock};
use crate::analyze::verdict::{Depth, Outcome, Severity, Stop, enforced, not_enforced, stop};
use crate::exchange::dates;
use crate::s3::raw::Reply;
use crate::{ObjectKey, VersionId};

const REMEDY: &str = "Strongroom sends no such lock, and reads each lock back; mind other clients";

const fn rule(
    id: &'static str,
    attack: &'static str,
    (holds, fails): (&'static str, &'static str),
    run: for<'l> fn(&'l Lab) -> futures::future::BoxFuture<'l, Outcome>,
) -> Check {
    Check {
        id,
        attack,
        expected: "refused (400)",
        holds,
        fails,
        remedy: REMEDY,
        severity: Severity::Low,
        depth: Depth::Quick,
        requests_max: 8,
        run,
    }
}

pub(super) const CHECKS: &[Check] = &[
    rule(
        "lock_rules.past_date",
        "setting a lock whose date is in the past",
        ("a lock that is over before it begins is refused", "a lock in the past is accepted"),
        |lab| past_date(lab).boxed(),
    ),
    rule(
        "lock_rules.unknown_mode",
        "setting a lock of a mode that does not exist",
        ("a lock of an unknown mode is refused", "a lock of an unknown mode is accepted"),
        |lab| document(lab, Wrong::Mode).boxed(),
    ),
    rule(
        "lock_rules.no_date",
        "setting a lock with a mode and no date",
        ("a lock without a date is refused", "a lock without a date is accepted"),
        |lab| document(lab, Wrong::NoDate).boxed(),
    ),
    rule(
        "lock_rules.malformed_date",
        "setting a lock whose date is none",
        ("a lock with a malformed date is refused", "a lock with a malformed date is accepted"),
        |lab| document(lab, Wrong::Date).boxed(),
    ),
    rule(
        "lock_rules.half_in_put",
        "a PUT with a lock's mode and without its date",
        (
            "half a lock in a write is refused",
            "a write with half a lock is accepted, and not locked",
        ),
        |lab| half_in_put(lab).boxed(),
    ),
    rule(
        "lock_rules.unknown_hold",
        "setting a legal hold that is neither ON nor OFF",
        (
            "a hold that is neither on nor off is refused",
            "a hold that is neither on nor off is accepted",
        ),
        |lab| document(lab, Wrong::Hold).boxed(),
    ),
    rule(
        "lock_rules.absent_version",
        "setting a lock on a version that does not exist",
        ("a lock on nothing is refused", "a lock on nothing is accepted"),
        |lab| absent_version(lab).boxed(),
    ),
];

#[derive(Clone, Copy)]
enum Wrong {
    Mode,
    NoDate,
    Date,
    Hold,
}

/// An object that a lock could be set on.
async fn lockable(lab: &Lab) -> Result<(ObjectKey, VersionId), Stop> {
    let key = lab.key("lock-rules/object")?;
    let Some(version) = lab.put(&key, &lab.bytes(SMALL_BYTES)).await? else {
        return stop(Unobserved::UnsupportedBackend, "the bucket keeps no versions");
    };
    if lab.locks.takes_locks == Observed::Observed(false) {
        return stop(Unobserved::UnsupportedBackend, "the bucket takes no locks");
    }
    Ok((key, version))
}

fn refused(reply: &Reply) -> Outcome {
    if reply.is_not_implemented() {
        return stop(
            Unobserved::UnsupportedBackend,
            format!("the store knows no locks: {}", reply.words()),
        );
    }
    if reply.is_denied() {
        return unexpected("setting a lock", reply);
    }
    match (reply.is_success(), reply.is_refusal()) {
        (true, _) => not_enforced(format!("{}: accepted", reply.words())),
        (false, true) => enforced(reply.words()),
        // A fault of the server sets no lock either, but it says nothing of the rule.
        (false, false) => stop(Unobserved::Error, reply.words()),
    }
}

async fn past_date(lab: &Lab) -> Outcome {
    let (key, version) = lockable(lab).await?;
    let past = later(lab.store.now().await?, -3_600);
    let retention = Retention { mode: LockMode::Governance, retain_until: past };
    let document = retention_document(retention);
    refused(&lab.tell("retention", &key, Some(&version), document, false).await?)
}

async fn document(lab: &Lab, wrong: Wrong) -> Outcome {
    let (key, version) = lockable(lab).await?;
    let retention = lab.retention(LockMode::Governance).await?;
    let date = dates::lock_date(retention.retain_until);
    let (what, document) = match wrong {
        Wrong::Mode => (
            "retention",
            format!(
                "<Retention><Mode>PERHAPS</Mode><RetainUntilDate>{date}</RetainUntilDate></Retention>"
            ),
        ),
        Wrong::NoDate => ("retention", "<Retention><Mode>GOVERNANCE</Mode></Retention>".to_owned()),
        Wrong::Date => (
            "retention",
            "<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>soon</RetainUntilDate></Retention>"
                .to_owned(),
        ),
        Wrong::Hold => ("legal-hold", "<LegalHold><Status>perhaps</Status></LegalHold>".to_owned()),
    };
    refused(&lab.tell(what, &key, Some(&version), document, false).await?)
}

async fn half_in_put(lab: &Lab) -> Outcome {
    lockable(lab).await?;
    let retention = lab.retention(LockMode::Governance).await?;
    let key = lab.key("lock-rules/half")?;
    let request = with_lock(lab.put_request(&key, &lab.bytes(SMALL_BYTES))?, retention)?
        .without_header("x-amz-object-lock-retain-until-date");
    refused(&lab.raw()?.send(&request).await?)
}

/// The version id of another object: of the shape that this store gives, and of nothing under this key.
async fn absent_version(lab: &Lab) -> Outcome {
    let (key, _) = lockable(lab).await?;
    let (_, elsewhere) = lockable(lab).await?;
    let document = retention_document(lab.retention(LockMode::Governance).await?);
    refused(&lab.tell("retention", &key, Some(&elsewhere), document, false).await?)
}
