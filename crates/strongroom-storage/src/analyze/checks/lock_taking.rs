//! Whether a lock that is asked for is there when it is read back.

use bytes::Bytes;
use futures::FutureExt as _;
use strongroom_core::observed::Unobserved;
use strongroom_core::receipt::EnforcedBy;
use strongroom_core::retention::{Lock, LockMode, Retention};

use super::Check;
use crate::analyze::lab::{Lab, SMALL_BYTES, retention_document, unexpected, with_lock, written};
use crate::analyze::upload::Upload;
use crate::analyze::verdict::{Depth, Outcome, Severity, enforced, judge, not_enforced, stop};
use crate::s3::raw::Reply;
use crate::{CreateOptions, ObjectKey, StorageErrorKind, VersionId};

const SET_AFTER: &str = "Strongroom reads each lock back and sets the missing one at once; the receipt says for \
                         how long the object was open. A default retention of the bucket closes that window";

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "lock.in_put",
        attack: "a PUT with a lock in its headers",
        expected: "the lock is read back",
        holds: "an object is locked from its first moment",
        fails: "the lock that came with an object is not there",
        remedy: "create the bucket with Object Lock; where the store takes none, choose another store",
        severity: Severity::High,
        depth: Depth::Quick,
        requests_max: 6,
        run: |lab| in_put(lab).boxed(),
    },
    Check {
        id: "lock.in_multipart",
        attack: "a multipart upload with a lock in its headers",
        expected: "the lock is read back from the completed object",
        holds: "a large object is locked from its first moment",
        fails: "the lock that came with a large object is not there",
        remedy: SET_AFTER,
        severity: Severity::Medium,
        depth: Depth::Quick,
        requests_max: 10,
        run: |lab| in_multipart(lab).boxed(),
    },
    Check {
        id: "lock.after_the_fact",
        attack: "setting a lock on a version that was written without one",
        expected: "accepted, and read back",
        holds: "what was stored without a lock can be locked",
        fails: "what was stored without a lock cannot be locked any more",
        remedy: "give these credentials s3:PutObjectRetention",
        severity: Severity::Medium,
        depth: Depth::Quick,
        requests_max: 9,
        run: |lab| after_the_fact(lab).boxed(),
    },
    Check {
        id: "lock.with_hold",
        attack: "a PUT with a lock and a legal hold in its headers",
        expected: "both are read back",
        holds: "a lock and a hold can be given together",
        fails: "of a lock and a hold that are given together, one is not there",
        remedy: "place the hold by a request of its own: `strongroom evidence hold place`",
        severity: Severity::Medium,
        depth: Depth::Quick,
        requests_max: 8,
        run: |lab| with_hold(lab).boxed(),
    },
];

async fn in_put(lab: &Lab) -> Outcome {
    let (key, body) = (lab.key("lock/put")?, lab.bytes(SMALL_BYTES));
    let retention = lab.retention(LockMode::Governance).await?;
    if lab.raw.is_none() {
        return through_backend(lab, &key, body, retention, true).await;
    }
    let request = with_lock(lab.put_request(&key, &body)?, retention)?;
    let reply = lab.raw()?.send(&request).await?;
    if (reply.is_refusal() && !reply.is_denied()) || reply.is_not_implemented() {
        return not_enforced(format!("the store refuses the lock: {}", reply.words()));
    }
    let version = written(&reply)?;
    judge_kept(lab, &key, version.as_ref(), retention).await
}

/// On a store that is no S3: whoever reaches it without Strongroom is not held back.
async fn through_backend(
    lab: &Lab,
    key: &ObjectKey,
    body: Bytes,
    retention: Retention,
    in_write: bool,
) -> Outcome {
    let asked = Lock { retention: Some(retention), legal_hold: false };
    let lock = if in_write { asked } else { Lock::NONE };
    let options = CreateOptions { lock, ..CreateOptions::default() };
    let locked = match lab.store.create(key, body.into(), &options).await {
        Ok(created) if in_write => Ok(created.version),
        Ok(created) => {
            let version = created.version;
            lab.store.set_retention(key, version.as_ref(), retention).await.map(|()| version)
        }
        Err(error) => Err(error),
    };
    let version = match locked {
        Ok(version) => version,
        Err(error) if error.kind() == StorageErrorKind::Unsupported => {
            return not_enforced("the store takes no locks");
        }
        Err(error) => return Err(error.into()),
    };
    match lab.store.locks_enforced_by() {
        EnforcedBy::Strongroom => not_enforced(
            "the lock is kept by Strongroom only: whoever reaches the files can delete them",
        ),
        EnforcedBy::None => not_enforced("the store takes no locks"),
        EnforcedBy::Store => judge_kept(lab, key, version.as_ref(), retention).await,
    }
}

/// Whether the lock that was asked for is read back.
pub(super) async fn judge_kept(
    lab: &Lab,
    key: &ObjectKey,
    version: Option<&VersionId>,
    asked: Retention,
) -> Outcome {
    let seen = lab.lock_of(key, version).await?;
    match seen.retention.value() {
        Some(Some(held)) if held.covers(asked) => enforced("the lock was read back"),
        Some(Some(_)) => not_enforced("the lock read back is weaker than the one asked for"),
        Some(None) => not_enforced("the write was accepted, and there is no lock"),
        None => match seen.retention.reason() {
            Some(Unobserved::UnsupportedBackend) => {
                not_enforced("the write was accepted, and the store knows no locks")
            }
            reason => stop(
                reason.unwrap_or(Unobserved::Error),
                "the write was accepted, and the lock could not be read back",
            ),
        },
    }
}

async fn in_multipart(lab: &Lab) -> Outcome {
    let (key, body) = (lab.key("lock/multipart")?, lab.bytes(SMALL_BYTES));
    let retention = lab.retention(LockMode::Governance).await?;
    let opened = Upload::open(lab, &key, |request| with_lock(request, retention)).await?;
    if (opened.is_refusal() && !opened.is_denied()) || opened.is_not_implemented() {
        return not_enforced(format!("the store refuses the lock: {}", opened.words()));
    }
    let upload = Upload::of(lab, &key, &opened)?;
    let part = upload.send(1, &body).await?;
    let reply: Reply = upload.complete(&[part], false).await?;
    let version = written(&reply)?;
    judge_kept(lab, &key, version.as_ref(), retention).await
}

async fn after_the_fact(lab: &Lab) -> Outcome {
    let (key, body) = (lab.key("lock/after")?, lab.bytes(SMALL_BYTES));
    let retention = lab.retention(LockMode::Governance).await?;
    if lab.raw.is_none() {
        return through_backend(lab, &key, body, retention, false).await;
    }
    let version = lab.put(&key, &body).await?;
    let retention = lab.retention_over(&key, version.as_ref()).await?;
    let document = retention_document(retention);
    let reply = lab.tell("retention", &key, version.as_ref(), document, false).await?;
    if reply.is_denied() {
        return unexpected("setting a lock", &reply);
    }
    if (reply.is_refusal() && !reply.is_denied()) || reply.is_not_implemented() {
        return not_enforced(format!("the store refuses the lock: {}", reply.words()));
    }
    judge_kept(lab, &key, version.as_ref(), retention).await
}

async fn with_hold(lab: &Lab) -> Outcome {
    let (key, body) = (lab.key("lock/hold")?, lab.bytes(SMALL_BYTES));
    let retention = lab.retention(LockMode::Governance).await?;
    let request = with_lock(lab.put_request(&key, &body)?, retention)?
        .fixed_header("x-amz-object-lock-legal-hold", "ON");
    let reply = lab.raw()?.send(&request).await?;
    if (reply.is_refusal() && !reply.is_denied()) || reply.is_not_implemented() {
        return not_enforced(format!("the store refuses the lock: {}", reply.words()));
    }
    let version = written(&reply)?;
    let seen = lab.lock_of(&key, version.as_ref()).await?;
    let (Some(held), Some(hold)) = (seen.retention.value(), seen.legal_hold.value()) else {
        let reason = seen.retention.reason().or(seen.legal_hold.reason());
        return stop(reason.unwrap_or(Unobserved::Error), "the lock could not be read back");
    };
    let kept = held.is_some_and(|held| held.covers(retention));
    judge(
        kept && *hold,
        match (kept, *hold) {
            (true, true) => "both were read back",
            (true, false) => "the hold is not there",
            (false, true) => "the lock is not there",
            (false, false) => "neither is there",
        },
    )
}
