//! A lock ends: what is locked for a while can go after it. This takes as long as the lock.

use std::time::Duration;

use futures::FutureExt as _;
use strongroom_core::observed::Unobserved;
use strongroom_core::retention::{LockMode, Retention};

use super::Check;
use crate::analyze::lab::{Lab, later};
use crate::analyze::verdict::{Depth, Outcome, Severity, enforced, not_enforced, stop};

/// How long the lock lasts, in seconds. Long enough to be seen while it holds.
const SECONDS: i64 = 8;
/// How long after its date a lock may hold, in seconds: clocks are read in whole ones.
const LATE_SECONDS: u64 = 3;

pub(super) const CHECKS: &[Check] = &[Check {
    id: "expiry.governance",
    attack: "deleting a version while a lock of seconds holds, and after it",
    expected: "refused first, accepted after the date",
    holds: "a lock ends at its date",
    fails: "a lock does not end at its date: what is locked once can never go",
    remedy: "plan for storage that is never freed, and for erasure by destroying keys",
    severity: Severity::Medium,
    depth: Depth::Full,
    requests_max: 18,
    run: |lab| governance(lab).boxed(),
}];

async fn governance(lab: &Lab) -> Outcome {
    let retain_until = later(lab.store.now().await?, SECONDS);
    let retention = Retention { mode: LockMode::Governance, retain_until };
    let locked = lab.locked_with("expiry/short", retention).await?;
    lab.delete(&locked.key, Some(&locked.version), false).await?;
    if !lab.survives(&locked).await? {
        return not_enforced("the version was gone while the lock held");
    }
    if !lab.may_delete_versions().await? {
        return stop(
            Unobserved::PermissionDenied,
            "these credentials may delete no version, so nobody sees a lock end",
        );
    }
    if locked.retention.retain_until > later(retain_until, 1) {
        return stop(Unobserved::WouldLock, "the bucket locks every version for longer by itself");
    }
    let left = retain_until.duration_since(lab.store.now().await?).as_secs();
    let left = u64::try_from(left).unwrap_or_default() + LATE_SECONDS;
    tokio::time::sleep(Duration::from_secs(left)).await;
    let reply = lab.delete(&locked.key, Some(&locked.version), false).await?;
    match lab.get(&locked.key, Some(&locked.version)).await? {
        None => enforced("refused while it held, gone after its date"),
        Some(_) => not_enforced(format!("after its date a delete is answered {}", reply.words())),
    }
}
