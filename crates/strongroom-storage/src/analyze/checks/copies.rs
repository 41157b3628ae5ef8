//! Copying: a copy is a new object, and locked only if it is asked to be.

use futures::FutureExt as _;
use http::Method;
use strongroom_core::retention::LockMode;

use super::Check;
use super::lock_taking::judge_kept;
use crate::analyze::lab::{Lab, SMALL_BYTES, with_lock, written};
use crate::analyze::verdict::{Depth, Outcome, Severity, not_enforced};

pub(super) const CHECKS: &[Check] = &[Check {
    id: "lock.on_copy",
    attack: "copying an object (CopyObject) with a lock in the headers",
    expected: "the lock is read back from the copy",
    holds: "a copy is locked from its first moment",
    fails: "the lock that was asked for a copy is not there",
    remedy: "Strongroom copies nothing; set the lock of a copy after it, or give the bucket a default retention",
    severity: Severity::Low,
    depth: Depth::Quick,
    requests_max: 8,
    run: |lab| on_copy(lab).boxed(),
}];

async fn on_copy(lab: &Lab) -> Outcome {
    let (from, to) = (lab.key("copy/from")?, lab.key("copy/to")?);
    lab.put(&from, &lab.bytes(SMALL_BYTES)).await?;
    let retention = lab.retention(LockMode::Governance).await?;
    let raw = lab.raw()?;
    let request =
        raw.object(Method::PUT, &to).header("x-amz-copy-source", &raw.copy_source(&from))?;
    let reply = raw.send(&with_lock(request, retention)?).await?;
    if (reply.is_refusal() && !reply.is_denied()) || reply.is_not_implemented() {
        return not_enforced(format!("the store refuses the lock: {}", reply.words()));
    }
    let version = written(&reply)?;
    judge_kept(lab, &to, version.as_ref(), retention).await
}
