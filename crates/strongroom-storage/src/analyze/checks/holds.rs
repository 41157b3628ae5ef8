//! A legal hold: no date, one bit, and nothing is deleted while it is on. Each check lifts its own.

use bytes::Bytes;
use futures::FutureExt as _;
use strongroom_core::observed::Unobserved;

use super::Check;
use super::compliance::answered;
use crate::analyze::lab::{Lab, SMALL_BYTES, hold_document, retention_document, unexpected};
use crate::analyze::verdict::{
    Depth, Outcome, Severity, Stop, enforced, judge, not_enforced, stop,
};
use crate::{ObjectKey, VersionId};

const REMEDY: &str = "do not rely on legal holds here; lock with a date instead, and extend it";

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "hold.delete_version",
        attack: "deleting a version under a legal hold by its version id",
        expected: "refused (403), and the version stays",
        holds: "a version under a legal hold cannot be deleted",
        fails: "a version under a legal hold can be deleted",
        remedy: REMEDY,
        severity: Severity::Critical,
        depth: Depth::Quick,
        requests_max: 10,
        run: |lab| delete(lab, false).boxed(),
    },
    Check {
        id: "hold.delete_bypass",
        attack: "the same with x-amz-bypass-governance-retention",
        expected: "refused (403), and the version stays",
        holds: "the governance bypass does not reach a legal hold",
        fails: "a version under a legal hold can be deleted with the governance bypass",
        remedy: REMEDY,
        severity: Severity::Critical,
        depth: Depth::Quick,
        requests_max: 10,
        run: |lab| delete(lab, true).boxed(),
    },
    Check {
        id: "hold.release",
        attack: "lifting a legal hold, and deleting then",
        expected: "the hold is read back as off, and the version can go",
        holds: "a legal hold can be lifted again",
        fails: "a legal hold stays after it was lifted: what was held once can never go",
        remedy: "place no holds here",
        severity: Severity::Medium,
        depth: Depth::Quick,
        requests_max: 10,
        run: |lab| release(lab).boxed(),
    },
    Check {
        id: "hold.survives_retention",
        attack: "setting a lock with a date on a version under a legal hold",
        expected: "the hold stays on",
        holds: "a lock and a hold do not touch each other",
        fails: "setting a lock lifts a legal hold",
        remedy: "set the lock before the hold, and read the hold back",
        severity: Severity::High,
        depth: Depth::Quick,
        requests_max: 12,
        run: |lab| survives_retention(lab).boxed(),
    },
];

/// A version under a hold that was read back.
struct Held {
    key: ObjectKey,
    version: VersionId,
    body: Bytes,
}

async fn held(lab: &Lab, name: &str) -> Result<Held, Stop> {
    let (key, body) = (lab.key(name)?, lab.bytes(SMALL_BYTES));
    let Some(version) = lab.put(&key, &body).await? else {
        return stop(Unobserved::UnsupportedBackend, "the bucket keeps no versions");
    };
    let reply = set(lab, &key, &version, true).await?;
    if !reply {
        return stop(Unobserved::UnsupportedBackend, "the store takes no legal hold");
    }
    match lab.lock_of(&key, Some(&version)).await?.legal_hold.value() {
        Some(true) => Ok(Held { key, version, body }),
        Some(false) => {
            stop(Unobserved::UnsupportedBackend, "the store takes a hold, and reads it back as off")
        }
        None => stop(Unobserved::Error, "the hold could not be read back"),
    }
}

/// Whether the store took it.
async fn set(lab: &Lab, key: &ObjectKey, version: &VersionId, on: bool) -> Result<bool, Stop> {
    let reply = lab.tell("legal-hold", key, Some(version), hold_document(on), false).await?;
    Ok(reply.is_success())
}

async fn delete(lab: &Lab, bypass: bool) -> Outcome {
    let Held { key, version, body } = held(lab, "hold/delete").await?;
    let reply = lab.delete(&key, Some(&version), bypass).await?;
    let there = lab.get(&key, Some(&version)).await?.as_ref() == Some(&body);
    set(lab, &key, &version, false).await?;
    if there {
        answered(&reply)?;
    }
    let words = reply.words();
    match there {
        true => enforced(format!("{words}, and the version is there")),
        false => not_enforced(format!("{words}, and the version is gone")),
    }
}

async fn release(lab: &Lab) -> Outcome {
    let Held { key, version, .. } = held(lab, "hold/release").await?;
    if !set(lab, &key, &version, false).await? {
        return not_enforced("lifting the hold was refused");
    }
    if lab.lock_of(&key, Some(&version)).await?.legal_hold.value() == Some(&true) {
        return not_enforced("the hold is read back as on");
    }
    // A bucket's default retention may hold the version all the same.
    if !matches!(lab.locks.default_retention.value(), Some(None)) {
        return enforced("the hold is read back as off");
    }
    let reply = lab.delete(&key, Some(&version), false).await?;
    match reply.is_success() {
        true => enforced("the hold is read back as off, and the version could go"),
        false if reply.is_denied() && !lab.may_delete_versions().await? => {
            enforced("the hold is read back as off")
        }
        false if reply.is_refusal() => not_enforced(format!(
            "the hold is read back as off, and a delete is answered {}",
            reply.words()
        )),
        false => unexpected("deleting", &reply),
    }
}

async fn survives_retention(lab: &Lab) -> Outcome {
    let Held { key, version, .. } = held(lab, "hold/retention").await?;
    let retention = lab.retention_over(&key, Some(&version)).await?;
    let document = retention_document(retention);
    let reply = lab.tell("retention", &key, Some(&version), document, false).await?;
    let seen = lab.lock_of(&key, Some(&version)).await?;
    set(lab, &key, &version, false).await?;
    if !reply.is_success() {
        return unexpected("setting a lock under a hold", &reply);
    }
    match seen.legal_hold.value() {
        Some(on) => judge(*on, if *on { "the hold is read back as on" } else { "the hold is off" }),
        None => stop(Unobserved::Error, "the hold could not be read back"),
    }
}
