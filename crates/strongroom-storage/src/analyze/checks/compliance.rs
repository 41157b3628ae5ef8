//! A version under a COMPLIANCE lock: nobody may delete it, and nobody may weaken the lock.

use futures::FutureExt as _;
use http::Method;
use strongroom_core::observed::Unobserved;
use strongroom_core::retention::{LockMode, Retention};

use super::Check;
use crate::analyze::consent::EXTENSION_SECONDS;
use crate::analyze::lab::{Lab, Locked, later, retention_document, unexpected};
use crate::analyze::verdict::{Depth, Outcome, Severity, Stop, enforced, not_enforced, stop};
use crate::exchange::xml;
use crate::s3::raw::Reply;
use crate::s3::request::Request;

const REMEDY: &str = "do not keep evidence here: this store's COMPLIANCE lock is none. Report it to whoever \
                      makes the store, with this report";

/// A check of which a failure means that what is locked is not safe.
pub(super) const fn critical(
    id: &'static str,
    attack: &'static str,
    expected: &'static str,
    (holds, fails): (&'static str, &'static str),
    run: for<'l> fn(&'l Lab) -> futures::future::BoxFuture<'l, Outcome>,
) -> Check {
    Check {
        id,
        attack,
        expected,
        holds,
        fails,
        remedy: REMEDY,
        severity: Severity::Critical,
        depth: Depth::Quick,
        requests_max: 18,
        run,
    }
}

const STAYS: &str = "refused (403), and the version stays";
const KEPT: &str = "refused (403), and the lock stays as it was";

pub(super) const CHECKS: &[Check] = &[
    critical(
        "compliance.delete_version",
        "deleting a version under a COMPLIANCE lock by its version id",
        STAYS,
        ("a locked version cannot be deleted", "a locked version can be deleted"),
        |lab| delete(lab, Way::Version).boxed(),
    ),
    critical(
        "compliance.delete_bypass",
        "the same with x-amz-bypass-governance-retention",
        STAYS,
        (
            "the governance bypass does not reach a COMPLIANCE lock",
            "a locked version can be deleted with the governance bypass",
        ),
        |lab| delete(lab, Way::Bypass).boxed(),
    ),
    critical(
        "compliance.delete_batch",
        "deleting it in a batch (DeleteObjects)",
        "refused in the answer (AccessDenied), and the version stays",
        (
            "a locked version cannot be deleted in a batch either",
            "a locked version can be deleted in a batch",
        ),
        |lab| delete(lab, Way::Batch).boxed(),
    ),
    critical(
        "compliance.shorten",
        "setting an earlier date on a COMPLIANCE lock",
        KEPT,
        (
            "the date of a lock cannot be brought forward",
            "the date of a lock can be brought forward",
        ),
        |lab| weaken(lab, Weaker::Sooner, false).boxed(),
    ),
    critical(
        "compliance.shorten_bypass",
        "setting an earlier date with x-amz-bypass-governance-retention",
        KEPT,
        (
            "the governance bypass does not shorten a COMPLIANCE lock",
            "the governance bypass shortens a COMPLIANCE lock",
        ),
        |lab| weaken(lab, Weaker::Sooner, true).boxed(),
    ),
    critical(
        "compliance.downgrade",
        "making a COMPLIANCE lock a GOVERNANCE one",
        KEPT,
        ("a lock cannot be made a weaker one", "a COMPLIANCE lock can be made a GOVERNANCE lock"),
        |lab| weaken(lab, Weaker::Governance, false).boxed(),
    ),
    critical(
        "compliance.remove",
        "taking a COMPLIANCE lock away (an empty retention, with the bypass)",
        "refused (400 or 403), and the lock stays as it was",
        ("a lock cannot be taken away", "a COMPLIANCE lock can be taken away"),
        |lab| weaken(lab, Weaker::Nothing, true).boxed(),
    ),
    Check {
        id: "compliance.extend",
        attack: "setting a later date on a COMPLIANCE lock",
        expected: "accepted, and read back",
        holds: "a lock can be made longer",
        fails: "a lock cannot be made longer: evidence whose time is extended must be stored again",
        remedy: "give these credentials s3:PutObjectRetention; otherwise lock for the whole time at once",
        severity: Severity::Medium,
        depth: Depth::Quick,
        requests_max: 18,
        run: |lab| extend(lab).boxed(),
    },
];

#[derive(Clone, Copy)]
enum Way {
    Version,
    Bypass,
    Batch,
}

async fn delete(lab: &Lab, way: Way) -> Outcome {
    let locked = lab.locked("compliance/delete", LockMode::Compliance).await?;
    let reply = match way {
        Way::Version => lab.delete(&locked.key, Some(&locked.version), false).await?,
        Way::Bypass => lab.delete(&locked.key, Some(&locked.version), true).await?,
        Way::Batch => delete_batch(lab, &locked).await?,
    };
    judge_deletion(lab, &locked, &reply).await
}

/// A fault of the server, or its plea for patience, refuses nothing: it says nothing of the rule.
pub(super) fn answered(reply: &Reply) -> Result<(), Stop> {
    match reply.is_success() || reply.is_refusal() {
        true => Ok(()),
        false => unexpected("the attack", reply),
    }
}

/// What counts is whether the version is there, whatever was answered, as long as it was.
pub(super) async fn judge_deletion(lab: &Lab, locked: &Locked, reply: &Reply) -> Outcome {
    let words = reply.words();
    if !lab.survives(locked).await? {
        return not_enforced(format!("{words}, and the version is gone"));
    }
    answered(reply)?;
    if reply.is_denied() && !lab.may_delete_versions().await? {
        // So it is for these credentials, and that is what they ask; of the lock it says nothing.
        return enforced(format!(
            "{words}, and the version is there; these credentials may delete no version at all, so \
             the lock itself was not put to the test"
        ));
    }
    enforced(format!("{words}, and the version is there"))
}

/// Deletes a version in a batch of one. The answer is a success that may hold a refusal.
pub(super) async fn delete_batch(lab: &Lab, locked: &Locked) -> Result<Reply, Stop> {
    let raw = lab.raw()?;
    let key = xml::escape(&lab.store.whole_key(&locked.key));
    let version = xml::escape(&locked.version.0);
    let document = format!(
        "<Delete><Object><Key>{key}</Key><VersionId>{version}</VersionId></Object></Delete>"
    );
    let request = Request::bucket(Method::POST).query("delete", "");
    Ok(raw.send(&request.xml(document)?).await?)
}

#[derive(Clone, Copy)]
pub(super) enum Weaker {
    Sooner,
    Governance,
    Nothing,
}

/// The document that would weaken a lock. An earlier date is still to come: one in the past would be
/// refused for that.
pub(super) async fn weaker(lab: &Lab, retention: Retention, how: Weaker) -> Result<String, Stop> {
    const SECONDS_MIN: i64 = 4;
    Ok(match how {
        Weaker::Sooner => {
            let now = lab.store.now().await?;
            let left = retention.retain_until.duration_since(now).as_secs();
            if left < SECONDS_MIN {
                return stop(Unobserved::Error, "the store is so slow that the lock ran out first");
            }
            retention_document(Retention { retain_until: later(now, left / 2), ..retention })
        }
        Weaker::Governance => {
            retention_document(Retention { mode: LockMode::Governance, ..retention })
        }
        Weaker::Nothing => "<Retention></Retention>".to_owned(),
    })
}

async fn weaken(lab: &Lab, how: Weaker, bypass: bool) -> Outcome {
    let locked = lab.locked("compliance/weaken", LockMode::Compliance).await?;
    let document = weaker(lab, locked.retention, how).await?;
    let reply = lab.tell("retention", &locked.key, Some(&locked.version), document, bypass).await?;
    judge_lock(lab, &locked, &reply).await
}

/// What counts is the lock as read back, whatever was answered, as long as it was; and as long as the
/// lock had not run out by itself.
pub(super) async fn judge_lock(lab: &Lab, locked: &Locked, reply: &Reply) -> Outcome {
    let words = reply.words();
    let seen = lab.lock_of(&locked.key, Some(&locked.version)).await?;
    let Some(held) = seen.retention.value() else {
        return stop(Unobserved::Error, format!("{words}, and the lock could not be read back"));
    };
    if !held.is_some_and(|held| held.covers(locked.retention)) {
        if lab.store.now().await? >= locked.retention.retain_until {
            return stop(Unobserved::Error, "the store is so slow that the lock ran out first");
        }
        return not_enforced(format!("{words}, and the lock read back is weaker"));
    }
    answered(reply)?;
    enforced(format!("{words}, and the lock is as it was"))
}

async fn extend(lab: &Lab) -> Outcome {
    let locked = lab.locked("compliance/extend", LockMode::Compliance).await?;
    let longer = Retention {
        retain_until: later(locked.retention.retain_until, EXTENSION_SECONDS),
        ..locked.retention
    };
    lab.consent.check(longer.mode, longer.retain_until)?;
    let document = retention_document(longer);
    let reply = lab.tell("retention", &locked.key, Some(&locked.version), document, false).await?;
    if reply.is_denied() {
        return unexpected("extending a lock", &reply);
    }
    judge_lock(lab, &Locked { retention: longer, ..locked }, &reply).await
}
