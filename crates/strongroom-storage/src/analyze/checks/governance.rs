//! A version under a GOVERNANCE lock: it holds against everybody who does not bypass it.

use futures::FutureExt as _;
use strongroom_core::retention::LockMode;

use super::Check;
use super::compliance::{Weaker, delete_batch, judge_deletion, judge_lock, weaker};
use crate::analyze::lab::Lab;
use crate::analyze::verdict::{Depth, Outcome, Severity, Verdict, governance_only};

const REMEDY: &str = "do not rely on GOVERNANCE locks here; see whether COMPLIANCE locks hold";
const BYPASS_REMEDY: &str = "deny s3:BypassGovernanceRetention to these credentials with an explicit Deny in \
                             the bucket's policy (some stores, Ceph RGW among them, check that right only \
                             there); then nobody whom the Deny names can clean up either. Or lock with \
                             COMPLIANCE";

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "governance.delete_version",
        attack: "deleting a version under a GOVERNANCE lock by its version id",
        expected: "refused (403), and the version stays",
        holds: "a version under a GOVERNANCE lock cannot be deleted by mistake",
        fails: "a version under a GOVERNANCE lock can be deleted like any other",
        remedy: REMEDY,
        severity: Severity::Critical,
        depth: Depth::Quick,
        requests_max: 18,
        run: |lab| delete(lab).boxed(),
    },
    Check {
        id: "governance.delete_batch",
        attack: "deleting it in a batch (DeleteObjects)",
        expected: "refused in the answer (AccessDenied), and the version stays",
        holds: "a batch does not delete it either",
        fails: "a batch deletes what a single request may not",
        remedy: REMEDY,
        severity: Severity::Critical,
        depth: Depth::Quick,
        requests_max: 18,
        run: |lab| batch(lab).boxed(),
    },
    Check {
        id: "governance.shorten",
        attack: "setting an earlier date on a GOVERNANCE lock, without the bypass",
        expected: "refused (403), and the lock stays as it was",
        holds: "a GOVERNANCE lock is not shortened by mistake",
        fails: "a GOVERNANCE lock can be shortened by whoever may set one",
        remedy: REMEDY,
        severity: Severity::High,
        depth: Depth::Quick,
        requests_max: 18,
        run: |lab| shorten(lab).boxed(),
    },
    Check {
        id: "governance.bypass",
        attack: "deleting a version under a GOVERNANCE lock with x-amz-bypass-governance-retention",
        expected: "refused: these credentials do not hold s3:BypassGovernanceRetention",
        holds: "these credentials cannot bypass a GOVERNANCE lock",
        fails: "these credentials can bypass a GOVERNANCE lock",
        remedy: BYPASS_REMEDY,
        severity: Severity::Medium,
        depth: Depth::Quick,
        requests_max: 18,
        run: |lab| bypass(lab).boxed(),
    },
];

async fn delete(lab: &Lab) -> Outcome {
    let locked = lab.locked("governance/delete", LockMode::Governance).await?;
    let reply = lab.delete(&locked.key, Some(&locked.version), false).await?;
    judge_deletion(lab, &locked, &reply).await
}

async fn batch(lab: &Lab) -> Outcome {
    let locked = lab.locked("governance/batch", LockMode::Governance).await?;
    let reply = delete_batch(lab, &locked).await?;
    judge_deletion(lab, &locked, &reply).await
}

async fn shorten(lab: &Lab) -> Outcome {
    let locked = lab.locked("governance/shorten", LockMode::Governance).await?;
    let document = weaker(lab, locked.retention, Weaker::Sooner).await?;
    let reply = lab.tell("retention", &locked.key, Some(&locked.version), document, false).await?;
    judge_lock(lab, &locked, &reply).await
}

/// That the bypass works is what GOVERNANCE means: a matter of who holds the right.
async fn bypass(lab: &Lab) -> Outcome {
    let locked = lab.locked("governance/bypass", LockMode::Governance).await?;
    let reply = lab.delete(&locked.key, Some(&locked.version), true).await?;
    let seen = judge_deletion(lab, &locked, &reply).await?;
    match seen.verdict {
        Verdict::NotEnforced => governance_only(seen.observed),
        _ => Ok(seen),
    }
}
